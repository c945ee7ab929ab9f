// SPDX-License-Identifier: GPL-2.0-or-later
/* UD between a guest and a machine behind the wire, and what both may not. */
#include <errno.h>

#include "engine/grh.h"
#include "engine/qp.h"
#include "wire_ud_pair.h"

static void a_datagram_arrives_with_the_guests_own_gid(void **state)
{
	struct world *w = *state;
	struct ud_pair x = { 0 };
	uint8_t gid[16];
	struct ibv_wc wc;

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

static void a_datagram_is_received_behind_its_grh(void **state)
{
	struct world *w = *state;
	struct ud_pair x = { 0 };
	struct vib_cqe cqe;

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

/* More than the HCA is given at a time, each into its own. */
static void slots_are_used_again(void **state)
{
	struct world *w = *state;
	struct ud_pair x = { 0 };

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

/* What the HCA lets pass that is not the vport's. */
static void a_datagram_for_another_gid_is_dropped(void **state)
{
	struct world *w = *state;
	struct ud_pair x = { 0 };
	uint8_t gid[16];

	open_ud_pair(w, &x);
	its_recv(&x.q, 3, 0, 40 + 64);
	its_gid(&w->b, gid);
	native_aim(&x, gid, native_gid);
	wire_run(w);
	native_send(&x, 64);
	wire_run(w);
	its_nothing(&x.q);
	close_ud_pair(&x);
}

/* Multicast that the network gives back. */
static void ones_own_multicast_is_not_heard_again(void **state)
{
	static const uint8_t mgid[16] = { 0xff, 0x12, [15] = 1 };
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_ATTACH_MCAST);
	struct ud_pair x = { 0 };
	struct vib_send_wqe wqe;

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

/* A machine on the wire that says it is a guest of this host. */
static void a_vport_of_this_host_does_not_come_by_the_wire(void **state)
{
	struct world *w = *state;
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_UD, CQ_PAGE);
	struct ud_pair x = { 0 };
	uint8_t gid[16];

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
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

/* By memory, and in its turn behind what is on the wire. */
static void a_local_datagram_completes_in_its_turn(void **state)
{
	struct world *w = *state;
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_UD, CQ_PAGE);
	struct ud_pair x = { 0 };
	uint8_t gid[16];

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

/* The HCA tells of the first, though its guest does not ask for that. */
static void a_local_datagram_completes_behind_a_quiet_one(void **state)
{
	struct world *w = *state;
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_UD, CQ_PAGE);
	struct vib_send_wqe quiet;
	struct ud_pair x = { 0 };
	uint8_t gid[16];

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

/* A local one between two that the HCA does not take. */
static void what_cannot_be_posted_fails_alone(void **state)
{
	struct world *w = *state;
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_UD, CQ_PAGE);
	struct ud_pair x = { 0 };
	uint8_t gid[16];

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

/* An HCA sees 24 bits of a number: these would be QP1's of a machine on the wire. */
static void no_datagram_goes_to_the_qps_of_management(void **state)
{
	static const uint32_t forged[] = { 0,          1,          0x01000000,
					   0x01000001, 0xff000001, 0x01000002 };
	struct world *w = *state;
	struct ud_pair x = { 0 };

	open_ud_pair(w, &x);
	for (unsigned int i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		its_send(&x.q, datagram(i, native_gid, forged[i]), 0, 8);
		wire_run(w);
		its_take(&x.q, i, VIB_WC_SUCCESS);
	}
	assert_int_equal(fake_hca.posts, 0);
	close_ud_pair(&x);
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
	struct ud_pair x = { 0 };
	struct vib_send_wqe wqe;

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

/* A vport of this host without such a QP is no machine behind the wire. */
static void nothing_goes_out_to_a_vport_of_this_host(void **state)
{
	struct world *w = *state;
	struct ud_pair x = { 0 };
	uint8_t gid[16];

	open_ud_pair(w, &x);
	its_gid(&w->b, gid);
	its_send(&x.q, datagram(1, gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.posts, 0);
	close_ud_pair(&x);
}

/* Its partition is not the port's: it reaches those of this host. */
static void a_pkey_that_the_port_has_not_stays_here(void **state)
{
	struct world *w = *state;
	struct ud_pair x = { 0 };

	fake_hca.pkeys[0] = 0x8001;
	open_ud_pair(w, &x);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RESET);
	its_send(&x.q, datagram(1, native_gid, x.n.qp->qp_num), 0, 8);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.posts, 0);
	close_ud_pair(&x);
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

/* A datagram that the HCA cannot send stops what is behind it, until its guest goes on.
 */
static void one_that_stopped_sends_again(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct ud_pair x = { 0 };

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

static void a_pkey_index_changes_in_sqd(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct ud_pair x = { 0 };

	fake_hca.pkeys[1] = 0x8001;
	put(&w->a, w->a.be, VIB_BE_PKEY, "0xffff/0x8001");
	fake_loop(w->xen);
	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
}

static void what_waits_is_flushed(void **state)
{
	struct world *w = *state;
	struct ud_pair x = { 0 };

	open_ud_pair(w, &x);
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
	close_ud_pair(&x);
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
		wire_test(a_local_datagram_completes_in_its_turn),
		wire_test(a_local_datagram_completes_behind_a_quiet_one),
		wire_test(what_cannot_be_posted_fails_alone),
		wire_test(no_datagram_goes_to_the_qps_of_management),
		wire_test(controlled_qkeys_do_not_leave),
		wire_test(nothing_goes_out_to_a_vport_of_this_host),
		wire_test(a_pkey_that_the_port_has_not_stays_here),
		wire_test(who_became_another_meanwhile_stays_here),
		wire_test(one_that_stopped_sends_again),
		wire_test(a_pkey_index_changes_in_sqd),
		wire_test(what_waits_is_flushed),
	};

	return cmocka_run_group_tests_name("wire: UD", tests, NULL, NULL);
}
