// SPDX-License-Identifier: GPL-2.0-or-later
/* RC and UC between a guest and a machine behind the wire: states of a QP, addresses of
 * its port, events and ends. */
#include <errno.h>

#include "control/fabric.h"
#include "engine/qp.h"
#include "wire_pair.h"

static void it_sends_with_its_own_gid_only(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t gid[16];
	int index = -1;

	connect_pair(w, &x, VIB_QPT_RC);
	its_gid(&w->a, gid);
	for (unsigned int i = 0; i < fake_hca.num_gids; i++)
		if (memcmp(fake_hca.gids[i].gid.raw, gid, 16) == 0)
			index = (int)i; /* the last is RoCE v2's */
	assert_int_equal(fake_hca_qp(x.q.qpn)->ah_attr.grh.sgid_index, index);
	native_close(&x.n);
}

static void tries_are_as_many_as_it_asks_for(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	assert_int_equal(fake_hca_qp(x.q.qpn)->retry_cnt, 7);
	assert_int_equal(fake_hca_qp(x.q.qpn)->timeout, 14);
	native_close(&x.n);
}

static int set_up_rxe(void **state)
{
	wire_rig_vendor = FAKE_RXE;
	return wire_set_up(state);
}

static void with_rxe_they_end_all_the_same(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	assert_int_equal(fake_hca_qp(x.q.qpn)->retry_cnt, 6);
	assert_int_equal(its_attr(&x.q).retry_cnt, 7);
	native_close(&x.n);
}

static void rxe_waits_longer_where_that_is_not_long(void **state)
{
	/* asked for, and had */
	static const uint8_t timeouts[][2] = { { 14, 16 }, { 1, 3 },   { 15, 16 },
					       { 16, 16 }, { 19, 19 }, { 31, 31 },
					       { 0, 0 } };
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	for (unsigned int i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		struct vib_control_request req =
			its_change(&x.q, VIB_QPS_RTS, native_gid, x.n.qp->qp_num);

		assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
		assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
		assert_int_equal(
			its_modify(&x.q, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
		req.u.modify_qp.attr.timeout = timeouts[i][0];
		assert_int_equal(execute(&w->a, req).status, 0);
		assert_int_equal(fake_hca_qp(x.q.qpn)->timeout, timeouts[i][1]);
		assert_int_equal(its_attr(&x.q).timeout, timeouts[i][0]);
	}
	native_close(&x.n);
}

static void a_gid_or_pkey_that_the_port_has_not_is_refused(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x, VIB_QPT_RC);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	fake_hca.num_gids = 0;
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, 5), -EINVAL);
	assert_int_equal(its_state(&x.q), VIB_QPS_INIT);
	fake_hca.num_gids = 6;
	fake_hca.pkeys[0] = 0x7fff;
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, 5), -EINVAL);
	fake_hca.pkeys[0] = 0xffff;
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
	native_close(&x.n);
}

static void what_was_before_a_reset_is_forgotten(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 50, 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	for (unsigned int i = 0; i < 10; i++)
		poller_pass(&w->engine->pollers[0]);
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 10);
	fake_hca_run(); /* the completions are in the HCA's queue */
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	memset(memory_of(&w->a, SQ_PAGE), 0, VIB_PAGE_SIZE);
	memset(memory_of(&w->a, RQ_PAGE), 0, VIB_PAGE_SIZE);
	vib_queue_init(&x.q.sq, memory_of(&w->a, SQ_PAGE), QUEUE_ORDER, x.q.sq.stride);
	vib_queue_init(&x.q.rq, memory_of(&w->a, RQ_PAGE), QUEUE_ORDER, x.q.rq.stride);
	its_recv(&x.q, 51, 0, 64);
	its_connect(&x.q, native_gid, x.n.qp->qp_num);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64);
	wire_run_without_hca(w);
	its_nothing(&x.q); /* which the old one would be taken for */
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	native_close(&x.n);
}

/* The control thread may take the command before it hears of the failure. */
static void a_failure_before_a_reset_is_forgotten(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct qp *qp;

	connect_pair(w, &x, VIB_QPT_RC);
	qp = vhca_find_qp(vhca_of(&w->a), x.q.qpn);
	pthread_spin_lock(&qp->lock);
	qp_enter_error(qp);
	qp_modify(qp, VIB_QP_STATE, &(struct vib_qp_attr){ .state = VIB_QPS_RESET });
	pthread_spin_unlock(&qp->lock);
	assert_null(wire_take_failed(qp->vhca->wire));
	native_close(&x.n);
}

static void sqd_waits_for_what_the_hca_has(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	uint32_t number;
	uint16_t type;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	wire_run_without_hca(w);
	req.u.modify_qp.qpn = x.q.qpn;
	req.u.modify_qp.mask = VIB_QP_STATE | VIB_QP_EN_SQD_ASYNC_NOTIFY;
	req.u.modify_qp.attr.state = VIB_QPS_SQD;
	req.u.modify_qp.attr.en_sqd_async_notify = 1;
	assert_int_equal(execute(&w->a, req).status, 0);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64);
	for (unsigned int i = 0; i < 100; i++)
		poller_pass(&w->engine->pollers[0]);
	assert_false(async_take(&vhca_of(&w->a)->async, &type, &number));
	fake_hca_run();
	for (unsigned int i = 0; i < 100; i++)
		poller_pass(&w->engine->pollers[0]);
	assert_true(async_take(&vhca_of(&w->a)->async, &type, &number));
	assert_int_equal(type, VIB_ASYNC_QP_SQ_DRAINED);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	req.u.modify_qp.mask = VIB_QP_STATE;
	req.u.modify_qp.attr.state = VIB_QPS_RTS;
	assert_int_equal(execute(&w->a, req).status, 0);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	native_close(&x.n);
}

/* Which the HCA takes in SQD alone, where it is on the way only. */
static void attributes_change_in_sqd(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct vib_cmd_modify_qp *cmd = &req.u.modify_qp;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	cmd->qpn = x.q.qpn;
	cmd->mask = VIB_QP_STATE;
	cmd->attr.state = VIB_QPS_SQD;
	assert_int_equal(execute(&w->a, req).status, 0);
	cmd->mask = VIB_QP_STATE | VIB_QP_TIMEOUT;
	cmd->attr.timeout = 9;
	/* Not before it is drained, which its poller sees. */
	assert_int_equal(execute(&w->a, req).status, -EINVAL);
	wire_run(w);
	fake_hca.draining = 3;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->timeout, 9);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RTS);
	cmd->mask = VIB_QP_STATE | VIB_QP_ACCESS_FLAGS;
	cmd->attr.access_flags = VIB_ACCESS_REMOTE_READ;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_access_flags, VIB_ACCESS_REMOTE_READ);
	assert_int_equal(its_state(&x.q), VIB_QPS_SQD);
	cmd->mask = VIB_QP_STATE;
	cmd->attr.state = VIB_QPS_RTS;
	assert_int_equal(execute(&w->a, req).status, 0);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	native_close(&x.n);
}

/* The toolstack takes the GID away: the HCA's QP must not go on with it. */
static void who_is_another_sends_no_more(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	put(&w->a, w->a.be, VIB_BE_GID, "fe80::1234");
	fake_loop(w->xen);
	connect_pair(w, &x, VIB_QPT_RC);
	put(&w->a, w->a.be, VIB_BE_PKEY, "0x8001");
	fake_loop(w->xen);
	fake_settle(w->xen);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	native_close(&x.n);
}

static bool is_native_lid(void *arg, uint16_t lid, struct vib_gid *gid)
{
	(void)arg;
	memcpy(gid->raw, native_gid, 16);
	return lid == 7;
}

/*
 * Its vport has another GID than its first, fe80::1234, and the HCA has that, too. A QP
 * of UC is in INIT; what it returns takes that to RTR, with that GID as its own, when the
 * peer's address is put in.
 */
static struct vib_control_request open_with_own_gid(struct world *w, struct pair *x)
{
	static const uint8_t own[16] = { 0xfe, 0x80, [14] = 0x12, [15] = 0x34 };
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);

	fake_hca_add_gid(own);
	put(&w->a, w->a.be, VIB_BE_GID, "fe80::1234");
	fake_loop(w->xen);
	open_pair(w, x, VIB_QPT_UC);
	assert_int_equal(its_modify(&x->q, VIB_QPS_INIT, NULL, 0), 0);
	req.u.modify_qp.qpn = x->q.qpn;
	req.u.modify_qp.mask = VIB_QP_STATE | VIB_QP_AV | VIB_QP_PATH_MTU |
			       VIB_QP_DEST_QPN | VIB_QP_RQ_PSN;
	req.u.modify_qp.attr = (struct vib_qp_attr){ .state = VIB_QPS_RTR,
						     .dest_qpn = x->n.qp->qp_num,
						     .av.sgid_index = 1 };
	return req;
}

/* By LID: the HCA has a GID for it all the same. */
static void who_has_another_gid_sends_no_more(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_control_request req;

	fabric_find(&w->fabrics, "local")->gid_of_lid = is_native_lid;
	req = open_with_own_gid(w, &x);
	req.u.modify_qp.attr.path_mtu = 5;
	req.u.modify_qp.attr.av.dlid = 7;
	req.u.modify_qp.attr.av.sl = 0xf3;
	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->ah_attr.sl, 3);
	assert_int_equal(fake_hca_qp(x.q.qpn)->path_mtu, IBV_MTU_1024); /* the port's */
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RTR);
	put(&w->a, w->a.be, VIB_BE_GID, "fe80::1235");
	fake_loop(w->xen);
	fake_settle(w->xen);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* Its vport has another GID when the HCA has found the way. */
static void who_became_another_meanwhile_is_not_connected(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_control_request req = open_with_own_gid(w, &x);

	req.u.modify_qp.attr.path_mtu = 3;
	req.u.modify_qp.attr.av.flags = VIB_AV_GRH;
	memcpy(req.u.modify_qp.attr.av.dgid.raw, native_gid, 16);
	ask(&w->a, req);
	fake_loop(w->xen);
	assert_false(is_answered(&w->a));
	put(&w->a, w->a.be, VIB_BE_GID, "fe80::1235");
	fake_loop(w->xen);
	wire_run(w);
	assert_int_equal(take(&w->a).status, 0);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	native_close(&x.n);
}

/*
 * On InfiniBand vports have addresses in common with all of this host: a peer is a
 * vport's if its number is.
 */
static void who_is_local_on_infiniband_its_number_tells(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t own[16];

	open_pair(w, &x, VIB_QPT_RC);
	vib_of(&w->a)->conn.guest.hca.ethernet = false;
	its_gid(&w->a, own);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, own, 0xabcde), 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RTR);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, own, x.q.qpn), 0);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_RESET);
	native_close(&x.n);
}

/* As long as the vport's link is down nothing leaves it. */
static void a_port_that_is_down_sends_nothing(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	unsigned int posts;

	connect_pair(w, &x, VIB_QPT_RC);
	posts = fake_hca.posts;
	go_down(&w->a);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	wire_run(w);
	assert_int_equal(fake_hca.posts, posts);
	native_close(&x.n);
}

/* It does not answer either, whether it was connected before or is now. */
static void nobody_reaches_who_is_cut_off(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct its_qp late;

	connect_pair(w, &x, VIB_QPT_RC);
	put(&w->a, w->a.be, VIB_BE_LINK, "down");
	fake_loop(w->xen);
	fake_settle(w->xen);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	late = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	assert_int_equal(its_modify(&late, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&late, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
	fake_settle(w->xen);
	assert_int_equal(its_state(&late), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(late.qpn)->qp_state, IBV_QPS_ERR);
	native_close(&x.n);
}

static void the_hcas_events_are_the_guests(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint32_t number;
	uint16_t type;

	connect_pair(w, &x, VIB_QPT_RC);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_PORT_ERR, 0);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_QP_ACCESS_ERR,
		       x.q.qpn);
	wire_port_read_events(wire_rig_port);
	assert_int_equal(wire_rig_changed, 1);
	assert_true(async_take(&vhca_of(&w->a)->async, &type, &number));
	assert_int_equal(type, VIB_ASYNC_QP_ACCESS_ERR);
	assert_int_equal(number, x.q.qpn);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_DEVICE_FATAL, 0);
	wire_port_read_events(wire_rig_port);
	assert_int_equal(wire_rig_gone, 1);
	native_close(&x.n);
}

/* What the HCA has done for it nobody can hear of. */
static void a_cq_that_is_lost_fails_its_qp(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint32_t number;
	uint16_t type;

	connect_pair(w, &x, VIB_QPT_RC);
	fake_hca_event(wire_port_context(wire_rig_port), IBV_EVENT_CQ_ERR, x.q.qpn);
	wire_port_read_events(wire_rig_port);
	assert_true(async_take(&vhca_of(&w->a)->async, &type, &number));
	assert_int_equal(type, VIB_ASYNC_QP_FATAL);
	assert_int_equal(number, x.q.qpn);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* The line about it is one in a while: the next is counted. */
static void an_hca_that_does_not_flush_is_complained_of(void **state)
{
	struct world *w = *state;
	const struct complaints *c = &vib_of(&w->a)->complaints;
	struct pair x = { 0 };
	struct its_qp late;

	connect_pair(w, &x, VIB_QPT_RC);
	late = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	its_connect(&late, native_gid, x.n.qp->qp_num);
	fake_hca.modify_qp_error = EIO;
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	fake_settle(w->xen);
	assert_int_equal(c->unlogged, 0);
	fake_hca.modify_qp_error = EIO;
	assert_int_equal(its_modify(&late, VIB_QPS_ERR, NULL, 0), 0);
	fake_settle(w->xen);
	assert_int_equal(c->unlogged, 1);
	native_close(&x.n);
}

/* One queue is mapped and the other being so when the guest goes: each is released once.
 */
static void a_guest_may_go_between_its_queues(void **state)
{
	struct world *w = *state;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	struct vib_control_request req = its_request(VIB_CMD_CREATE_QP);
	uint32_t send_stride = vib_send_stride(SGES, INLINE, VIB_QPT_RC);
	uint32_t recv_stride = vib_recv_stride(SGES);
	unsigned int before = mapped(w);

	req.u.create_qp = (struct vib_cmd_create_qp){
		.pd = q.pd,
		.send_cq = q.cqn,
		.recv_cq = q.cqn,
		.srq = VIB_NO_OBJECT,
		.type = VIB_QPT_RC,
		.doorbell = q.doorbell,
		.db_index = CQ_PAGE_2,
		.max_inline = INLINE,
		.sq = { QUEUE_ORDER,
			send_stride,
			SGES,
			{ 1, page_of(&w->a, SQ_PAGE_2) } },
		.rq = { QUEUE_ORDER,
			recv_stride,
			SGES,
			{ 1, page_of(&w->a, RQ_PAGE_2) } },
	};
	ask(&w->a, req);
	step(w); /* the send queue's */
	assert_int_equal(mapped(w), before + 1);
	frontend_state(&w->a, "6");
	step(w);
	assert_int_equal(mapped(w), before + 2);
	fake_settle(w->xen);
	assert_int_equal((int)mapped(w), -3); /* its connection's, too */
	assert_int_equal(w->engine->mappings, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(it_sends_with_its_own_gid_only),
		wire_test(tries_are_as_many_as_it_asks_for),
		cmocka_unit_test_setup_teardown(with_rxe_they_end_all_the_same,
						set_up_rxe, wire_tear_down),
		cmocka_unit_test_setup_teardown(rxe_waits_longer_where_that_is_not_long,
						set_up_rxe, wire_tear_down),
		wire_test(a_gid_or_pkey_that_the_port_has_not_is_refused),
		wire_test(what_was_before_a_reset_is_forgotten),
		wire_test(a_failure_before_a_reset_is_forgotten),
		wire_test(sqd_waits_for_what_the_hca_has),
		wire_test(attributes_change_in_sqd),
		wire_test(who_is_another_sends_no_more),
		wire_test(who_has_another_gid_sends_no_more),
		wire_test(who_became_another_meanwhile_is_not_connected),
		wire_test(who_is_local_on_infiniband_its_number_tells),
		wire_test(a_port_that_is_down_sends_nothing),
		wire_test(nobody_reaches_who_is_cut_off),
		wire_test(the_hcas_events_are_the_guests),
		wire_test(a_cq_that_is_lost_fails_its_qp),
		wire_test(an_hca_that_does_not_flush_is_complained_of),
		wire_test(a_guest_may_go_between_its_queues),
	};

	return cmocka_run_group_tests_name("wire: states and ports of RC and UC", tests,
					   NULL, NULL);
}
