// SPDX-License-Identifier: GPL-2.0-or-later
/* Multicast groups of UD QPs. */
#include <errno.h>

#include "rig_qp.h"

#define GRH     40
#define MEMBERS 5

/* A fabric of guests with a UD QP each; member 0 sends. */
struct crowd {
	struct rig *rig;
	struct guest *g[MEMBERS];
	struct ccq cq[MEMBERS];
	struct pqp qp[MEMBERS];
	struct region r[MEMBERS];
};

static struct vib_cmd_mcast group(const struct pqp *qp, uint16_t last)
{
	struct vib_cmd_mcast cmd = { .qpn = qp->qpn, .mlid = 0xc001 };

	cmd.mgid.raw[0] = 0xff;
	cmd.mgid.raw[14] = last >> 8;
	cmd.mgid.raw[15] = last & 0xff;
	return cmd;
}

static int attach(const struct pqp *qp, uint16_t last)
{
	struct vib_cmd_mcast cmd = group(qp, last);

	return qp_attach_mcast(qp->guest->vhca, &cmd, &free_for_all);
}

/* As a port that has joined, or has not, what is a group of P_Key @pkey at the SA. */
static int attach_by(const struct pqp *qp, uint16_t last, uint16_t pkey, bool joined)
{
	struct vib_cmd_mcast cmd = group(qp, last);
	const struct mcast_rule rule = { pkey, joined };

	return qp_attach_mcast(qp->guest->vhca, &cmd, &rule);
}

static int detach(const struct pqp *qp, uint16_t last)
{
	struct vib_cmd_mcast cmd = group(qp, last);

	return qp_detach_mcast(qp->guest->vhca, &cmd);
}

static struct crowd crowd_new(void)
{
	struct crowd c = { .rig = rig_new(2) };

	for (int i = 0; i < MEMBERS; i++) {
		c.g[i] = guest_new(c.rig);
		c.r[i] = region_new(c.g[i], 4096);
	}
	return c;
}

/* The QPs point into @c, which stays where it is. */
static void crowd_open(struct crowd *c)
{
	const struct plan plan = { .type = VIB_QPT_UD };

	for (int i = 0; i < MEMBERS; i++) {
		c->cq[i] = ccq_new(c->g[i], 6, VIB_NO_OBJECT);
		c->qp[i] = pqp_new(c->g[i], &plan, &c->cq[i], &c->cq[i]);
		pqp_bring(&c->qp[i], VIB_QPS_RTS);
	}
	fill(c->r[0].at, 100, 1);
}

/* Member 0 sends 100 bytes to the group. */
static void send_to(struct crowd *c, uint16_t last)
{
	struct wr wr = {
		.id = 1,
		.opcode = VIB_OP_SEND,
		.flags = VIB_SEND_SIGNALED,
		.count = 1,
		.sge = { sge_of(&c->r[0], 0, 100) },
		.qpn = 0xffffff,
		.qkey = c->qp[0].attr.qkey,
		.av = { .flags = VIB_AV_GRH, .dlid = 0xc001 },
	};

	wr.av.dgid = group(&c->qp[0], last).mgid;
	for (int i = 0; i < MEMBERS; i++) {
		struct vib_sge sge = sge_of(&c->r[i], 1000, 200);

		memset(c->r[i].at + 1000, 0, 200);
		post_recv(&c->qp[i], 11, &sge, 1);
	}
	post_send(&c->qp[0], &wr);
	rig_run(c->rig);
}

/* Those of @who, a bit each, have got it; nobody else. */
static void assert_got(struct crowd *c, unsigned int who)
{
	for (int i = 0; i < MEMBERS; i++) {
		bool sent = i != 0, got = false;
		struct vib_cqe cqe;

		while (ccq_poll(&c->cq[i], &cqe)) {
			assert_int_equal(cqe.status, VIB_WC_SUCCESS);
			if (cqe.wr_id == 1) {
				sent = true;
				continue;
			}
			assert_false(got); /* twice */
			got = true;
			assert_int_equal(cqe.byte_len, GRH + 100);
			assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_GRH);
			assert_true(is_filled(c->r[i].at + 1000 + GRH, 100, 1));
			assert_int_equal(c->r[i].at[1000 + 24], 0xff); /* the group */
		}
		assert_true(sent);
		assert_int_equal(got, who >> i & 1);
	}
}

static void members_of_a_group_get_what_is_sent_to_it(void **state)
{
	struct crowd c = crowd_new();

	(void)state;
	crowd_open(&c);
	send_to(&c, 7);
	assert_got(&c, 0); /* there is no group */
	for (int i = 1; i < 4; i++)
		assert_int_equal(attach(&c.qp[i], 7), 0);
	assert_int_equal(attach(&c.qp[4], 8), 0);
	send_to(&c, 7);
	assert_got(&c, 0x0e);
	send_to(&c, 8);
	assert_got(&c, 0x10);
	rig_free(c.rig);
}

static void sender_that_is_a_member_gets_its_own(void **state)
{
	struct crowd c = crowd_new();

	(void)state;
	crowd_open(&c);
	assert_int_equal(attach(&c.qp[0], 7), 0);
	assert_int_equal(attach(&c.qp[1], 7), 0);
	send_to(&c, 7);
	assert_got(&c, 0x03);
	rig_free(c.rig);
}

static void who_was_detached_gets_no_more(void **state)
{
	struct crowd c = crowd_new();

	(void)state;
	crowd_open(&c);
	for (int i = 1; i < 4; i++)
		assert_int_equal(attach(&c.qp[i], 7), 0);
	assert_int_equal(detach(&c.qp[2], 7), 0);
	send_to(&c, 7);
	assert_got(&c, 0x0a);
	assert_int_equal(detach(&c.qp[1], 7), 0);
	assert_int_equal(detach(&c.qp[3], 7), 0);
	send_to(&c, 7);
	assert_got(&c, 0);
	assert_int_equal(attach(&c.qp[3], 7), 0); /* the group begins anew */
	send_to(&c, 7);
	assert_got(&c, 0x08);
	rig_free(c.rig);
}

static void destroyed_qp_leaves_all_its_groups(void **state)
{
	struct crowd c = crowd_new();
	struct wr wr = {
		.id = 1,
		.opcode = VIB_OP_SEND,
		.qpn = 0xffffff,
		.av = { .flags = VIB_AV_GRH },
	};
	struct vib_sge sge;

	(void)state;
	crowd_open(&c);
	wr.qkey = c.qp[0].attr.qkey;
	sge = sge_of(&c.r[2], 0, 200);
	for (uint8_t last = 0; last < 20; last++) {
		assert_int_equal(attach(&c.qp[1], last), 0);
		if (last % 2)
			assert_int_equal(attach(&c.qp[2], last), 0);
	}
	pqp_end(&c.qp[1]);
	for (uint8_t last = 0; last < 20; last++) {
		wr.av.dgid = group(&c.qp[0], last).mgid;
		post_recv(&c.qp[2], last, &sge, 1);
		post_send(&c.qp[0], &wr);
		rig_run(c.rig);
		if (last % 2)
			take_cqe(&c.cq[2], last / 2, VIB_WC_SUCCESS);
		assert_no_cqe(&c.cq[2]);
	}
	rig_free(c.rig);
}

/* How many groups vHCAs are attached to, as a watcher knows it. */
static void count(void *arg, const void *fabric, const struct vib_gid *mgid,
		  const struct vhca *vhca, bool attached)
{
	(void)fabric;
	assert_non_null(vhca);
	assert_int_equal(mgid->raw[0], 0xff);
	*(int *)arg += attached ? 1 : -1;
}

static void groups_are_told_of_by_a_vhca_s_first_and_last_qp(void **state)
{
	const struct plan plan = { .type = VIB_QPT_UD };
	struct crowd c = crowd_new();
	struct pqp second;
	int groups = 0;

	(void)state;
	crowd_open(&c);
	second = pqp_new(c.g[1], &plan, &c.cq[1], &c.cq[1]);
	pqp_bring(&second, VIB_QPS_RTS);
	c.rig->engine->mcast.watch = count;
	c.rig->engine->mcast.arg = &groups;
	assert_int_equal(attach(&c.qp[1], 1), 0);
	assert_int_equal(groups, 1);
	assert_int_equal(attach(&second, 1), 0);
	assert_int_equal(groups, 1);
	assert_int_equal(attach(&c.qp[2], 1), 0);
	assert_int_equal(groups, 2);
	assert_int_equal(attach(&c.qp[2], 1), -EEXIST);
	assert_int_equal(attach(&c.qp[2], 2), 0);
	assert_int_equal(groups, 3);
	assert_int_equal(detach(&c.qp[1], 1), 0);
	assert_int_equal(groups, 3);
	assert_int_equal(detach(&second, 1), 0);
	assert_int_equal(groups, 2);
	pqp_end(&c.qp[2]);
	assert_int_equal(groups, 0);
	rig_free(c.rig);
}

static void member_that_does_not_fit_is_passed_over(void **state)
{
	struct crowd c = crowd_new();
	static const int fabric;

	(void)state;
	crowd_open(&c);
	for (int i = 1; i < 5; i++)
		assert_int_equal(attach(&c.qp[i], 7), 0);
	c.qp[1].attr.qkey ^= 1;
	assert_int_equal(pqp_modify(&c.qp[1], VIB_QPS_RTS, VIB_QP_QKEY), 0);
	c.g[2]->view.pkeys[0] = 0x8001;
	guest_set_port(c.g[2]);
	c.g[3]->view.fabric = &fabric; /* it has moved since */
	guest_set_port(c.g[3]);
	send_to(&c, 7);
	assert_got(&c, 0x10);
	rig_free(c.rig);
}

static void group_is_one_fabric_s(void **state)
{
	struct crowd c = crowd_new();
	static const int fabric;

	(void)state;
	crowd_open(&c);
	c.g[1]->view.fabric = &fabric;
	guest_set_port(c.g[1]);
	assert_int_equal(attach(&c.qp[1], 7), 0);
	assert_int_equal(attach(&c.qp[2], 7), 0);
	send_to(&c, 7);
	assert_got(&c, 0x04);
	rig_free(c.rig);
}

/* ---- groups that the SA has ---------------------------------------------- */

static void set_group(struct crowd *c, uint16_t last, uint16_t pkey)
{
	struct vib_gid mgid = group(&c->qp[0], last).mgid;

	mcast_set_group(&c->rig->engine->mcast, &c->rig->fabric, &mgid, pkey);
}

static void set_joined(struct crowd *c, int member, uint16_t last, bool joined)
{
	struct vib_gid mgid = group(&c->qp[0], last).mgid;

	mcast_set_joined(&c->rig->engine->mcast, &c->rig->fabric, &mgid,
			 c->g[member]->vhca, joined);
}

static void group_of_the_sa_reaches_those_who_joined(void **state)
{
	struct crowd c = crowd_new();

	(void)state;
	crowd_open(&c);
	assert_int_equal(attach_by(&c.qp[1], 7, 0xffff, true), 0);
	assert_int_equal(attach_by(&c.qp[2], 7, 0xffff, false), 0);
	assert_int_equal(attach_by(&c.qp[3], 7, 0xffff, true), 0);
	send_to(&c, 7);
	assert_got(&c, 0x0a);
	set_joined(&c, 2, 7, true);
	set_joined(&c, 3, 7, false);
	set_joined(&c, 3, 8, true); /* another group, to which nobody is attached */
	send_to(&c, 7);
	assert_got(&c, 0x06);
	rig_free(c.rig);
}

static void group_begins_without_members_and_ends_as_it_was(void **state)
{
	struct crowd c = crowd_new();

	(void)state;
	crowd_open(&c);
	for (int i = 1; i < 4; i++)
		assert_int_equal(attach(&c.qp[i], 7), 0);
	set_group(&c, 8, 0xffff);
	send_to(&c, 7);
	assert_got(&c, 0x0e);
	set_group(&c, 7, 0xffff);
	send_to(&c, 7);
	assert_got(&c, 0);
	set_joined(&c, 2, 7, true);
	send_to(&c, 7);
	assert_got(&c, 0x04);
	set_group(&c, 7, 0);
	send_to(&c, 7);
	assert_got(&c, 0x0e);
	set_group(&c, 7, 0xffff); /* who was a member is none of the next one */
	send_to(&c, 7);
	assert_got(&c, 0);
	rig_free(c.rig);
}

/* As within an HCA, to which no switch has to send it. */
static void own_port_needs_no_membership(void **state)
{
	struct crowd c = crowd_new();

	(void)state;
	crowd_open(&c);
	assert_int_equal(attach_by(&c.qp[0], 7, 0xffff, false), 0);
	assert_int_equal(attach_by(&c.qp[1], 7, 0xffff, false), 0);
	send_to(&c, 7);
	assert_got(&c, 0x01);
	rig_free(c.rig);
}

static void packet_of_another_partition_is_not_the_groups(void **state)
{
	struct crowd c = crowd_new();

	(void)state;
	crowd_open(&c);
	assert_int_equal(attach_by(&c.qp[0], 7, 0x8001, true), 0);
	assert_int_equal(attach_by(&c.qp[1], 7, 0x8001, true), 0);
	send_to(&c, 7); /* by its P_Key 0xffff, which the receiver has, too */
	assert_got(&c, 0x01);
	rig_free(c.rig);
}

/* Limited members of the partition of a group reach full ones, and not each other. */
static void limited_members_do_not_reach_each_other(void **state)
{
	struct crowd c = crowd_new();

	(void)state;
	crowd_open(&c);
	for (int i = 1; i < 4; i++)
		assert_int_equal(attach_by(&c.qp[i], 7, 0xffff, true), 0);
	c.g[0]->view.pkeys[0] = 0x7fff;
	guest_set_port(c.g[0]);
	c.g[2]->view.pkeys[0] = 0x7fff;
	guest_set_port(c.g[2]);
	send_to(&c, 7);
	assert_got(&c, 0x0a);
	rig_free(c.rig);
}

static void commands_about_groups_are_checked(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct crowd c = crowd_new();
	struct vib_cmd_mcast cmd;
	struct pqp rc;

	(void)state;
	crowd_open(&c);
	assert_int_equal(detach(&c.qp[1], 7), -ENOENT);
	assert_int_equal(attach(&c.qp[1], 7), 0);
	assert_int_equal(attach(&c.qp[1], 7), -EEXIST);
	assert_int_equal(detach(&c.qp[2], 7), -ENOENT);
	assert_int_equal(detach(&c.qp[1], 8), -ENOENT);
	cmd = group(&c.qp[1], 7);
	cmd.mgid.raw[0] = 0xfe;
	assert_int_equal(qp_attach_mcast(c.g[1]->vhca, &cmd, &free_for_all), -EINVAL);
	cmd = group(&c.qp[2], 7); /* another guest's */
	assert_int_equal(qp_attach_mcast(c.g[1]->vhca, &cmd, &free_for_all), -EINVAL);
	cmd.qpn = 0;
	assert_int_equal(qp_attach_mcast(c.g[1]->vhca, &cmd, &free_for_all), -EINVAL);
	rc = pqp_new(c.g[1], &plan, &c.cq[1], &c.cq[1]);
	assert_int_equal(attach(&rc, 7), -EINVAL);
	rig_free(c.rig);
}

static void guest_has_so_many_members_in_a_group_and_no_more(void **state)
{
	const struct plan plan = { .type = VIB_QPT_UD, .order = 1, .sges = 1 };
	struct crowd c = crowd_new();
	struct pqp qp = { 0 };

	(void)state;
	crowd_open(&c);
	for (int i = 0; i < MAX_MCAST_QPS; i++) {
		qp = pqp_new(c.g[1], &plan, &c.cq[1], &c.cq[1]);
		assert_int_equal(attach(&qp, 7), 0);
	}
	assert_int_equal(attach(&c.qp[1], 7), -ENOSPC);
	assert_int_equal(attach(&c.qp[1], 8), 0);
	assert_int_equal(attach(&c.qp[2], 7), 0); /* another guest's */
	pqp_end(&qp);
	assert_int_equal(attach(&c.qp[1], 7), 0);
	rig_free(c.rig);
}

static void guest_is_in_so_many_groups_and_no_more(void **state)
{
	struct crowd c = crowd_new();

	(void)state;
	crowd_open(&c);
	for (int i = 0; i < MAX_MCAST_GROUPS; i++)
		assert_int_equal(attach(&c.qp[1], (uint16_t)i), 0);
	assert_int_equal(attach(&c.qp[1], MAX_MCAST_GROUPS), -ENOSPC);
	assert_int_equal(attach(&c.qp[2], MAX_MCAST_GROUPS), 0);
	assert_int_equal(detach(&c.qp[1], 5), 0);
	assert_int_equal(attach(&c.qp[1], MAX_MCAST_GROUPS), 0);
	rig_free(c.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_of_a_group_get_what_is_sent_to_it),
		cmocka_unit_test(sender_that_is_a_member_gets_its_own),
		cmocka_unit_test(who_was_detached_gets_no_more),
		cmocka_unit_test(destroyed_qp_leaves_all_its_groups),
		cmocka_unit_test(groups_are_told_of_by_a_vhca_s_first_and_last_qp),
		cmocka_unit_test(member_that_does_not_fit_is_passed_over),
		cmocka_unit_test(group_is_one_fabric_s),
		cmocka_unit_test(group_of_the_sa_reaches_those_who_joined),
		cmocka_unit_test(group_begins_without_members_and_ends_as_it_was),
		cmocka_unit_test(own_port_needs_no_membership),
		cmocka_unit_test(packet_of_another_partition_is_not_the_groups),
		cmocka_unit_test(limited_members_do_not_reach_each_other),
		cmocka_unit_test(commands_about_groups_are_checked),
		cmocka_unit_test(guest_has_so_many_members_in_a_group_and_no_more),
		cmocka_unit_test(guest_is_in_so_many_groups_and_no_more),
	};

	alarm(120);
	return cmocka_run_group_tests_name("multicast", tests, rig_enter, rig_leave);
}
