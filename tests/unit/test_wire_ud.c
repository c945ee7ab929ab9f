// SPDX-License-Identifier: GPL-2.0-or-later
/* UD between a guest and a machine behind the wire, and what both may not. */
#include <endian.h>
#include <errno.h>

#include "engine/grh.h"
#include "engine/qp.h"
#include "wire_rig.h"

struct pair {
	struct its_qp q;
	struct native n;
	struct ibv_ah *ah;
};

static void native_aim(struct pair *x, const uint8_t dgid[16], const uint8_t sgid[16])
{
	struct ibv_ah_attr attr = { .is_global = 1 };

	memcpy(attr.grh.dgid.raw, dgid, 16);
	for (unsigned int i = 0; i < fake_hca.num_gids; i++)
		if (memcmp(fake_hca.gids[i].gid.raw, sgid, 16) == 0)
			attr.grh.sgid_index = (uint8_t)i;
	if (x->ah)
		ibv_destroy_ah(x->ah);
	x->ah = ibv_create_ah(x->n.pd, &attr);
}

static void open_pair(struct world *w, struct pair *x)
{
	uint8_t gid[16];

	x->q = its_qp_new(&w->a, VIB_QPT_UD, CQ_PAGE);
	its_connect(&x->q, NULL, 0);
	native_open(&x->n, IBV_QPT_UD);
	its_gid(&w->a, gid);
	native_connect(&x->n, 0, gid);
	native_aim(x, gid, native_gid);
}

static void close_pair(struct pair *x)
{
	ibv_destroy_ah(x->ah);
	native_close(&x->n);
}

static void native_send(struct pair *x, uint32_t length)
{
	struct ibv_sge sge = { (uintptr_t)x->n.memory, length, x->n.mr->lkey };
	struct ibv_send_wr wr = { .sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND };
	struct ibv_send_wr *bad;

	wr.wr.ud.ah = x->ah;
	wr.wr.ud.remote_qpn = x->q.qpn;
	wr.wr.ud.remote_qkey = 0x1234;
	assert_int_equal(ibv_post_send(x->n.qp, &wr, &bad), 0);
}

static struct vib_send_wqe datagram(uint64_t id, const uint8_t dgid[16], uint32_t qpn)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = id };

	wqe.u.ud.remote_qpn = qpn;
	wqe.u.ud.qkey = 0x1234;
	wqe.u.ud.av.flags = VIB_AV_GRH;
	memcpy(wqe.u.ud.av.dgid.raw, dgid, 16);
	return wqe;
}

static void a_datagram_arrives_with_the_guests_own_gid(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t gid[16];
	struct ibv_wc wc;

	open_pair(w, &x);
	native_recv(&x.n, 1, 0, 200);
	memset(x.q.memory, 0x5a, 100);
	its_send(&x.q, datagram(7, native_gid, x.n.qp->qp_num), 0, 100);
	wire_run(w);
	wc = native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_int_equal(wc.byte_len, 140);
	assert_int_equal(wc.src_qp, x.q.qpn);
	assert_memory_equal(x.n.memory + 40, x.q.memory, 100);
	its_gid(&w->a, gid);
	assert_memory_equal(((struct grh *)x.n.memory)->sgid.raw, gid, 16);
	its_take(&x.q, 7, VIB_WC_SUCCESS);
	close_pair(&x);
}

static void a_datagram_is_received_behind_its_grh(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_cqe cqe;

	open_pair(w, &x);
	its_recv(&x.q, 3, 0, 40 + 64);
	memset(x.n.memory, 0xa5, 64);
	wire_run(w);
	native_send(&x, 64);
	wire_run(w);
	cqe = its_take(&x.q, 3, VIB_WC_SUCCESS);
	assert_int_equal(cqe.byte_len, 104);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_GRH);
	assert_int_equal(cqe.src_qpn, x.n.qp->qp_num);
	assert_memory_equal(x.q.memory + 40, x.n.memory, 64);
	assert_memory_equal(((struct grh *)x.q.memory)->sgid.raw, native_gid, 16);
	close_pair(&x);
}

/* More than the HCA is given at a time, each into its own. */
static void slots_are_used_again(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	for (unsigned int i = 0; i < 300; i++) {
		its_recv(&x.q, i, 0, 40 + 64);
		x.n.memory[0] = (uint8_t)i;
		wire_run(w);
		native_send(&x, 64);
		wire_run(w);
		its_take(&x.q, i, VIB_WC_SUCCESS);
		assert_int_equal(x.q.memory[40], (uint8_t)i);
		native_recv(&x.n, i, 0, 200);
		its_send(&x.q, datagram(i, native_gid, x.n.qp->qp_num), 40, 8);
		wire_run(w);
		its_take(&x.q, i, VIB_WC_SUCCESS);
		while (native_poll(&x.n, &(struct ibv_wc){ 0 }))
			;
	}
	close_pair(&x);
}

/* What the HCA lets pass that is not the vport's. */
static void a_datagram_for_another_gid_is_dropped(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t gid[16];

	open_pair(w, &x);
	its_recv(&x.q, 3, 0, 40 + 64);
	its_gid(&w->b, gid);
	native_aim(&x, gid, native_gid);
	wire_run(w);
	native_send(&x, 64);
	wire_run(w);
	its_nothing(&x.q);
	close_pair(&x);
}

/* Multicast that the network gives back. */
static void ones_own_multicast_is_not_heard_again(void **state)
{
	static const uint8_t mgid[16] = { 0xff, 0x12, [15] = 1 };
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_ATTACH_MCAST);
	struct pair x = { 0 };
	struct vib_send_wqe wqe;

	open_pair(w, &x);
	req.u.mcast.qpn = x.q.qpn;
	memcpy(req.u.mcast.mgid.raw, mgid, 16);
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca.attached, 1);
	its_recv(&x.q, 1, 0, 40 + 64);
	its_recv(&x.q, 2, 0, 40 + 64);
	/* The HCA has it go to the QP itself, as its loop has no groups. */
	wqe = datagram(7, mgid, 0xffffff);
	its_send(&x.q, wqe, 512, 8);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 7, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	/* From another machine it is. */
	native_aim(&x, mgid, native_gid);
	native_send(&x, 8);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	/* But not with a sender that is here. */
	its_recv(&x.q, 3, 0, 40 + 64);
	wire_run(w);
	fake_hca_forge(x.q.qpn, x.q.qpn, mgid, 0);
	wire_run(w);
	its_nothing(&x.q);
	req.operation = VIB_CMD_DETACH_MCAST;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca.attached, 0);
	close_pair(&x);
}

/* A machine on the wire that says it is a guest of this host. */
static void a_vport_of_this_host_does_not_come_by_the_wire(void **state)
{
	struct world *w = *state;
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_UD, CQ_PAGE);
	struct pair x = { 0 };
	uint8_t gid[16];

	open_pair(w, &x);
	its_connect(&b, NULL, 0);
	its_recv(&x.q, 1, 0, 40 + 64);
	wire_run(w);
	its_gid(&w->a, gid);
	fake_hca_forge(x.q.qpn, b.qpn, gid, 3); /* b's GID */
	wire_run(w);
	its_nothing(&x.q);
	fake_hca_forge(x.q.qpn, x.n.qp->qp_num, gid, 5); /* the native one's */
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	close_pair(&x);
}

/* A place of the vport's table where there is none; the port's has such, too. */
static void no_pkey_is_none_of_the_ports(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_UD, CQ_PAGE);

	req.u.modify_qp.qpn = q.qpn;
	req.u.modify_qp.mask =
		VIB_QP_STATE | VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_QKEY;
	req.u.modify_qp.attr = (struct vib_qp_attr){ .state = VIB_QPS_INIT,
						     .pkey_index = 1,
						     .port = VIB_PORT };
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(its_modify(&q, VIB_QPS_RTR, NULL, 0), 0);
	assert_int_equal(fake_hca_qp(q.qpn)->qp_state, IBV_QPS_RESET);
}

static void a_dead_address_costs_its_sender_a_completion(void **state)
{
	static const uint8_t dead[16] = { 0xfe, 0x80, [15] = 0x66 };
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	fake_hca.ah_error = ETIMEDOUT;
	its_send(&x.q, datagram(1, dead, 5), 0, 8);
	its_send(&x.q, datagram(2, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS); /* nobody answers datagrams */
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.ahs, 2); /* and the native one's */
	close_pair(&x);
}

/* The address is asked for anew while the HCA has a datagram to it. */
static void a_handle_lives_as_long_as_what_was_posted_with_it(void **state)
{
	struct world *w = *state;
	struct wire_ahs *ahs = &vhca_of(&w->a)->wire->ahs;
	struct pair x = { 0 };

	open_pair(w, &x);
	its_send(&x.q, datagram(1, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run_without_hca(w);
	assert_int_equal(fake_hca.ahs, 2); /* and the native one's */
	for (unsigned int i = 0; i < WIRE_AHS; i++)
		ahs->entries[i].until = 0;
	its_send(&x.q, datagram(2, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run_without_hca(w);
	assert_int_equal(fake_hca.ahs, 3);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	for (unsigned int i = 0; i < WIRE_AHS; i++)
		ahs->entries[i].until = 0;
	its_send(&x.q, datagram(3, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 3, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.ahs, 2);
	its_send(&x.q, datagram(4, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run_without_hca(w);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	for (unsigned int i = 0; i < 2 * WIRE_AHS; i++)
		assert_int_equal(ahs->handles[i].users, 0);
	close_pair(&x);
}

static unsigned int users_of(const struct wire_ahs *ahs)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 2 * WIRE_AHS; i++)
		n += ahs->handles[i].users;
	return n;
}

/* Here it is reset at once; at the HCA it may be later, or never. */
static void a_handle_is_used_until_the_hca_has_reset_the_qp(void **state)
{
	struct world *w = *state;
	struct wire_ahs *ahs = &vhca_of(&w->a)->wire->ahs;
	struct pair x = { 0 };

	open_pair(w, &x);
	its_send(&x.q, datagram(1, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run_without_hca(w);
	fake_hca.modify_qp_error = EIO;
	assert_true(its_modify(&x.q, VIB_QPS_RESET, NULL, 0) < 0);
	assert_int_equal(its_state(&x.q), VIB_QPS_RESET);
	assert_int_equal(users_of(ahs), 1);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	assert_int_equal(users_of(ahs), 0);
	close_pair(&x);
}

/* Nobody looks for the address yet. */
static void one_that_waits_for_an_address_receives(void **state)
{
	static const uint8_t other[16] = { 0xfe, 0x80, [15] = 0x66 };
	struct world *w = *state;
	struct pair x = { 0 };
	struct qp *qp;

	open_pair(w, &x);
	its_recv(&x.q, 3, 0, 40 + 64);
	wire_run(w);
	its_send(&x.q, datagram(1, other, 5), 0, 8);
	poller_pass(&w->engine->pollers[0]);
	qp = vhca_find_qp(vhca_of(&w->a), x.q.qpn);
	assert_true(qp->sending.look_again);
	qp->sending.look_again = UINT64_MAX; /* however slow this test is */
	native_send(&x, 64);
	fake_hca_run();
	poller_pass(&w->engine->pollers[0]);
	its_take(&x.q, 3, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	close_pair(&x);
}

/* Who asks for a hundred dead addresses waits; others do not. */
static void others_do_not_wait_for_an_address(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t dead[16] = { 0xfe, 0x80, [14] = 0x66 };
	struct vib_cqe cqe;

	open_pair(w, &x);
	for (dead[15] = 0; dead[15] < 8; dead[15]++)
		its_send(&x.q, datagram(dead[15], dead, 5), 0, 8);
	for (unsigned int i = 0; i < 50; i++) {
		poller_pass(&w->engine->pollers[0]);
		fake_loop(w->xen);
	}
	its_nothing(&x.q); /* its job is one that waits */
	assert_false(is_idle(w));
	ask(&w->b, query);
	assert_int_equal(take(&w->b).status, 0);
	ask(&w->a, query);
	assert_int_equal(take(&w->a).status, 0);
	wire_run(w);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(its_poll(&x.q, &cqe));
	close_pair(&x);
}

/* By memory, and in its turn behind what is on the wire. */
static void a_local_datagram_completes_in_its_turn(void **state)
{
	struct world *w = *state;
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_UD, CQ_PAGE);
	struct pair x = { 0 };
	uint8_t gid[16];

	open_pair(w, &x);
	its_connect(&b, NULL, 0);
	its_recv(&b, 9, 0, 100);
	its_gid(&w->b, gid);
	its_send(&x.q, datagram(1, native_gid, x.n.qp->qp_num), 0, 8);
	its_send(&x.q, datagram(2, gid, b.qpn), 0, 8);
	its_send(&x.q, datagram(3, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run_without_hca(w);
	its_take(&b, 9, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	its_take(&x.q, 3, VIB_WC_SUCCESS);
	close_pair(&x);
}

/* The HCA tells of the first, though its guest does not ask for that. */
static void a_local_datagram_completes_behind_a_quiet_one(void **state)
{
	struct world *w = *state;
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_UD, CQ_PAGE);
	struct vib_send_wqe quiet;
	struct pair x = { 0 };
	uint8_t gid[16];

	open_pair(w, &x);
	its_connect(&b, NULL, 0);
	its_recv(&b, 9, 0, 100);
	its_gid(&w->b, gid);
	quiet = datagram(1, native_gid, x.n.qp->qp_num);
	quiet.flags = 0;
	its_send(&x.q, quiet, 0, 8);
	its_send(&x.q, datagram(2, gid, b.qpn), 0, 8);
	wire_run(w);
	its_take(&b, 9, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	close_pair(&x);
}

/* A local one between two that the HCA does not take. */
static void what_cannot_be_posted_fails_alone(void **state)
{
	struct world *w = *state;
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_UD, CQ_PAGE);
	struct pair x = { 0 };
	uint8_t gid[16];

	open_pair(w, &x);
	its_connect(&b, NULL, 0);
	its_recv(&b, 9, 0, 100);
	its_gid(&w->b, gid);
	fake_hca.post_send_error = ENOMEM;
	its_send(&x.q, datagram(1, native_gid, x.n.qp->qp_num), 0, 8);
	its_send(&x.q, datagram(2, gid, b.qpn), 0, 8);
	its_send(&x.q, datagram(3, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&b, 9, VIB_WC_SUCCESS);
	its_take(&x.q, 1, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	its_take(&x.q, 3, VIB_WC_WR_FLUSH_ERR);
	its_nothing(&x.q);
	close_pair(&x);
}

/* An HCA sees 24 bits of a number: these would be QP1's of a machine on the wire. */
static void no_datagram_goes_to_the_qps_of_management(void **state)
{
	static const uint32_t forged[] = { 0,          1,          0x01000000,
					   0x01000001, 0xff000001, 0x01000002 };
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	for (unsigned int i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		its_send(&x.q, datagram(i, native_gid, forged[i]), 0, 8);
		wire_run(w);
		its_take(&x.q, i, VIB_WC_SUCCESS);
	}
	assert_int_equal(fake_hca.posts, 0);
	close_pair(&x);
}

static int set_qkey(struct its_qp *q, uint32_t qkey)
{
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);

	req.u.modify_qp.qpn = q->qpn;
	req.u.modify_qp.mask = VIB_QP_QKEY;
	req.u.modify_qp.attr.qkey = qkey;
	return execute(q->p, req).status;
}

/* The GSI's Q_Key is nobody's to send with. */
static void controlled_qkeys_do_not_leave(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_send_wqe wqe;

	open_pair(w, &x);
	assert_int_equal(set_qkey(&x.q, 0x80010000), -EINVAL);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qkey, 0x1234);
	wqe = datagram(1, native_gid, x.n.qp->qp_num);
	wqe.u.ud.qkey = 0x80010000; /* the QP's own is meant */
	native_recv(&x.n, 1, 0, 200);
	its_send(&x.q, wqe, 0, 8);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_int_equal(set_qkey(&x.q, 0x4321), 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qkey, 0x4321);
	close_pair(&x);
}

/* A vport of this host without such a QP is no machine behind the wire. */
static void nothing_goes_out_to_a_vport_of_this_host(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t gid[16];

	open_pair(w, &x);
	its_gid(&w->b, gid);
	its_send(&x.q, datagram(1, gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.posts, 0);
	close_pair(&x);
}

/* Its partition is not the port's: it reaches those of this host. */
static void a_pkey_that_the_port_has_not_stays_here(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	fake_hca.pkeys[0] = 0x8001;
	open_pair(w, &x);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RESET);
	its_send(&x.q, datagram(1, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.posts, 0);
	close_pair(&x);
}

/* Its vport has another P_Key when the HCA has made it ready. */
static void who_became_another_meanwhile_stays_here(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_UD, CQ_PAGE);
	struct qp *qp = vhca_find_qp(vhca_of(&w->a), q.qpn);

	assert_int_equal(its_modify(&q, VIB_QPS_INIT, NULL, 0), 0);
	req.u.modify_qp.qpn = q.qpn;
	req.u.modify_qp.mask = VIB_QP_STATE;
	req.u.modify_qp.attr.state = VIB_QPS_RTR;
	ask(&w->a, req);
	fake_loop(w->xen);
	assert_false(is_answered(&w->a));
	put(&w->a, w->a.be, VIB_BE_PKEY, "0x8001");
	fake_loop(w->xen);
	wire_run(w);
	assert_int_equal(take(&w->a).status, 0);
	assert_int_equal(fake_hca_qp(q.qpn)->qp_state, IBV_QPS_RTS);
	assert_false(qp->wire->active);
}

static bool is_native_lid(void *arg, uint16_t lid, struct vib_gid *gid)
{
	(void)arg;
	memcpy(gid->raw, native_gid, 16);
	return lid == 7;
}

/* By LID: the HCA has a GID for it all the same, which is not that of before. */
static void a_handle_is_of_the_vports_gid_of_today(void **state)
{
	static const uint8_t new_gid[16] = { 0xfe, 0x80, [14] = 0x12, [15] = 0x34 };
	struct world *w = *state;
	struct port_view view = *vhca_view(vhca_of(&w->a));
	struct pair x = { 0 };
	struct vib_send_wqe wqe;

	fabric_find(&w->fabrics, "local")->gid_of_lid = is_native_lid;
	fake_hca_add_gid(new_gid);
	open_pair(w, &x);
	wqe = datagram(1, native_gid, x.n.qp->qp_num);
	wqe.u.ud.av = (struct vib_av){ .dlid = 7 };
	native_recv(&x.n, 1, 0, 200);
	its_send(&x.q, wqe, 0, 8);
	wire_run(w);
	native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_memory_equal(((struct grh *)x.n.memory)->sgid.raw, view.gids[0].raw, 16);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	memcpy(view.gids[0].raw, new_gid, 16);
	assert_int_equal(vhca_set_port(vhca_of(&w->a), &view), 0);
	native_recv(&x.n, 2, 0, 200);
	its_send(&x.q, wqe, 0, 8);
	wire_run(w);
	native_take(&x.n, 2, IBV_WC_SUCCESS);
	assert_memory_equal(((struct grh *)x.n.memory)->sgid.raw, new_gid, 16);
	close_pair(&x);
}

/* A datagram that the HCA cannot send stops what is behind it, until its guest goes on.
 */
static void one_that_stopped_sends_again(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct pair x = { 0 };

	open_pair(w, &x);
	fake_hca.send_status = IBV_WC_LOC_QP_OP_ERR;
	its_send(&x.q, datagram(1, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_LOC_QP_OP_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_SQE);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_SQE);
	req.u.modify_qp.qpn = x.q.qpn;
	req.u.modify_qp.mask = VIB_QP_STATE;
	req.u.modify_qp.attr.state = VIB_QPS_RTS;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RTS);
	native_recv(&x.n, 1, 0, 200);
	its_send(&x.q, datagram(2, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	native_take(&x.n, 1, IBV_WC_SUCCESS);
	close_pair(&x);
}

static void a_pkey_index_changes_in_sqd(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct pair x = { 0 };

	fake_hca.pkeys[1] = 0x8001;
	put(&w->a, w->a.be, VIB_BE_PKEY, "0xffff/0x8001");
	fake_loop(w->xen);
	open_pair(w, &x);
	req.u.modify_qp.qpn = x.q.qpn;
	req.u.modify_qp.mask = VIB_QP_STATE;
	req.u.modify_qp.attr.state = VIB_QPS_SQD;
	assert_int_equal(execute(&w->a, req).status, 0);
	wire_run(w);
	req.u.modify_qp.mask = VIB_QP_PKEY_INDEX;
	req.u.modify_qp.attr.pkey_index = 1;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->pkey_index, 1);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RTS);
	close_pair(&x);
}

static void what_waits_is_flushed(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	its_recv(&x.q, 3, 0, 40 + 64);
	its_send(&x.q, datagram(1, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run_without_hca(w);
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	its_recv(&x.q, 4, 0, 40 + 64);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_WR_FLUSH_ERR);
	its_take(&x.q, 3, VIB_WC_WR_FLUSH_ERR);
	its_take(&x.q, 4, VIB_WC_WR_FLUSH_ERR);
	its_nothing(&x.q);
	close_pair(&x);
}

/* One that only receives, 1 << @order at a time, into a queue of @pages pages. */
static struct vib_control_response make_receiver(struct its_qp *q, uint32_t index,
						 uint32_t order, uint32_t pages)
{
	struct vib_control_request req = its_request(VIB_CMD_CREATE_QP);
	uint32_t *list = memory_of(q->p, LIST);

	for (uint32_t i = 0; i < pages; i++) {
		memset(memory_of(q->p, DEEP_PAGE + i), 0, VIB_PAGE_SIZE);
		list[i] = page_of(q->p, DEEP_PAGE + i);
	}
	req.u.create_qp = (struct vib_cmd_create_qp){
		.pd = q->pd,
		.send_cq = q->cqn,
		.recv_cq = q->cqn,
		.srq = VIB_NO_OBJECT,
		.type = VIB_QPT_UD,
		.doorbell = q->doorbell,
		.db_index = (uint16_t)index,
		.rq = { order,
			vib_recv_stride(1),
			1,
			{ pages, page_of(q->p, pages > 1 ? LIST : DEEP_PAGE) } },
	};
	return execute(q->p, req);
}

static int set_up_with_3_mib(void **state)
{
	wire_rig_max_hca_mem = 3;
	return wire_set_up(state);
}

/*
 * A QP takes what its receive queue can use, and all of a guest's what its fabric is
 * configured with.
 */
static void expect_counted(struct world *w, uint64_t most)
{
	const struct wire_guest *g = vib_of(&w->a)->conn.guest.hca.wire;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_UD, CQ_PAGE);
	struct vib_control_request req = its_request(VIB_CMD_DESTROY_QP);
	uint64_t first = wire_guest_bytes(g), more;
	struct vib_control_response rsp;
	uint32_t index = 100;

	assert_in_range(first, DEPTH * 2 * 4096, DEPTH * 2 * 4096 + 16384);
	rsp = make_receiver(&q, index++, 7, 3);
	req.u.object.number = number_of(rsp);
	more = wire_guest_bytes(g) - first;
	assert_in_range(more, 129 * 4096, 138 * 4096);
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(wire_guest_bytes(g), first);
	do
		rsp = make_receiver(&q, index++, 7, 3);
	while (rsp.status == 0 && index < 1000);
	assert_int_equal(rsp.status, -ENOMEM);
	assert_in_range(wire_guest_bytes(g), most - more, most);
	req.u.object.number = q.qpn;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(make_receiver(&q, index, 3, 1).status, 0);
}

static void slots_are_counted(void **state)
{
	expect_counted(*state, 64 << 20);
}

static void slots_are_as_many_as_is_configured(void **state)
{
	expect_counted(*state, 3 << 20);
}

static void what_an_hca_cannot_is_refused(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_ALLOC_MW);
	struct vib_control_response rsp;

	assert_int_equal(execute(&w->a, req).status, -EOPNOTSUPP);
	req.operation = VIB_CMD_ALLOC_MR;
	assert_int_equal(execute(&w->a, req).status, -EOPNOTSUPP);
	rsp = execute(&w->a, its_request(VIB_CMD_QUERY_DEVICE));
	assert_int_equal(rsp.u.device.atomic_cap, 0);
	assert_int_equal(rsp.u.device.max_sge_rd, 8);
	assert_false(rsp.u.device.cap_flags & (VIB_CAP_XRC | VIB_CAP_GRANTED_DMA |
					       VIB_CAP_MEM_WINDOWS | VIB_CAP_FRWR));
	assert_int_equal(rsp.u.device.max_fast_reg_pages, 0);
	rsp = execute(&w->a, query);
	assert_int_equal(rsp.u.port.active_mtu, 3); /* the wire's */
}

/* With all that it had under way. */
static void a_guest_that_goes_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct its_qp rc;
	uint8_t dead[16] = { 0xfe, 0x80, [14] = 0x66 };

	open_pair(w, &x);
	rc = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	assert_int_equal(its_modify(&rc, VIB_QPS_INIT, NULL, 0), 0);
	its_recv(&x.q, 3, 0, 40 + 64);
	its_send(&x.q, datagram(1, dead, 5), 0, 8);
	for (unsigned int i = 0; i < 20; i++) {
		poller_pass(&w->engine->pollers[0]);
		fake_loop(w->xen);
	}
	ask(&w->a, reg_mr(&w->a, rc.pd, 1));
	frontend_state(&w->a, "6");
	fake_settle(w->xen);
	assert_int_equal(fake_hca.qps, 1);
	assert_int_equal(fake_hca.ahs, 1);
	close_pair(&x);
}

/* It goes while pages of another MR are unmapped, and before its HCA can be asked. */
static void nothing_is_unmapped_that_the_hca_has(void **state)
{
	static const uint8_t other[16] = { 0xfe, 0x80, [15] = 0x66 };
	struct world *w = *state;
	unsigned int before, at_hca;
	struct pair x = { 0 };
	uint32_t key;

	open_pair(w, &x);
	key = register_mr(&w->a, PAGES);
	ask(&w->a, dereg_mr(key));
	fake_loop(w->xen);
	step(w); /* the HCA's */
	its_send(&x.q, datagram(1, other, 5), 0, 8);
	poller_pass(&w->engine->pollers[0]);
	fake_loop(w->xen);
	frontend_state(&w->a, "6");
	fake_loop(w->xen);
	before = mapped(w);
	at_hca = fake_hca.qps;
	while (fake_hca.qps == at_hca && !is_idle(w)) {
		/* A slice was under way. */
		assert_in_range(mapped(w), before - FAKE_SLICE, before);
		step(w);
	}
	assert_int_equal(fake_hca.qps, at_hca - 1);
	fake_settle(w->xen);
	assert_int_equal((int)mapped(w), -3); /* its connection's, too */
	close_pair(&x);
}

static void an_hca_that_is_to_be_removed_is_seen(void **state)
{
	struct wire_port_state seen;

	(void)state;
	assert_int_equal(wire_port_state(wire_rig_port, &seen), 0);
	fake_hca.removed = true;
	assert_int_equal(wire_port_state(wire_rig_port, &seen), -1);
	assert_int_equal(errno, ENODEV);
}

/* The HCA has gone: guests begin anew, without it. */
static void guests_begin_anew_without_the_hca(void **state)
{
	struct world *w = *state;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	struct fabric *fabric = fabric_find(&w->fabrics, "local");

	(void)q;
	fabric->wire = NULL;
	vib_rewire(vib_of(&w->a));
	vib_rewire(vib_of(&w->b));
	fake_settle(w->xen);
	assert_int_equal(wire_port_users(wire_rig_port), 0);
	assert_int_equal(wire_rig_left, 1);
	assert_int_equal(fake_hca.qps, 0);
	assert_false(is_alive(&w->a));
	assert_state(&w->a, "2");
}

/* Nobody is connected to a fabric that may have an HCA in a moment. */
static void guests_wait_until_an_hca_was_looked_for(void **state)
{
	struct world *w = *state;
	struct fabric *fabric = fabric_find(&w->fabrics, "local");

	fabric->looking = true;
	vib_rewire(vib_of(&w->a));
	fake_settle(w->xen);
	assert_false(is_alive(&w->a));
	assert_state(&w->a, "4"); /* as it was */
	assert_state(&w->b, "4");
	assert_true(is_alive(&w->b));
	fabric->looking = false;
	vib_rewire(vib_of(&w->a));
	fake_settle(w->xen);
	assert_state(&w->a, "2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(a_datagram_arrives_with_the_guests_own_gid),
		wire_test(a_datagram_is_received_behind_its_grh),
		wire_test(slots_are_used_again),
		wire_test(a_datagram_for_another_gid_is_dropped),
		wire_test(ones_own_multicast_is_not_heard_again),
		wire_test(a_vport_of_this_host_does_not_come_by_the_wire),
		wire_test(no_pkey_is_none_of_the_ports),
		wire_test(a_dead_address_costs_its_sender_a_completion),
		wire_test(a_handle_lives_as_long_as_what_was_posted_with_it),
		wire_test(a_handle_is_used_until_the_hca_has_reset_the_qp),
		wire_test(one_that_waits_for_an_address_receives),
		wire_test(others_do_not_wait_for_an_address),
		wire_test(a_local_datagram_completes_in_its_turn),
		wire_test(a_local_datagram_completes_behind_a_quiet_one),
		wire_test(what_cannot_be_posted_fails_alone),
		wire_test(no_datagram_goes_to_the_qps_of_management),
		wire_test(controlled_qkeys_do_not_leave),
		wire_test(nothing_goes_out_to_a_vport_of_this_host),
		wire_test(a_pkey_that_the_port_has_not_stays_here),
		wire_test(who_became_another_meanwhile_stays_here),
		wire_test(a_handle_is_of_the_vports_gid_of_today),
		wire_test(one_that_stopped_sends_again),
		wire_test(a_pkey_index_changes_in_sqd),
		wire_test(what_waits_is_flushed),
		wire_test(slots_are_counted),
		cmocka_unit_test_setup_teardown(slots_are_as_many_as_is_configured,
						set_up_with_3_mib, wire_tear_down),
		wire_test(what_an_hca_cannot_is_refused),
		wire_test(a_guest_that_goes_leaves_nothing),
		wire_test(guests_wait_until_an_hca_was_looked_for),
		wire_test(nothing_is_unmapped_that_the_hca_has),
		wire_test(an_hca_that_is_to_be_removed_is_seen),
		wire_test(guests_begin_anew_without_the_hca),
	};

	return cmocka_run_group_tests_name("wire: UD", tests, NULL, NULL);
}
