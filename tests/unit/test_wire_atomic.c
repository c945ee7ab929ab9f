// SPDX-License-Identifier: GPL-2.0-or-later
/* Atomics on a fabric with a wire: all are the HCA's, between guests of this host, too.
 */
#include <errno.h>

#include "engine/qp.h"
#include "wire_rig.h"

static int set_up_atomics(void **state)
{
	int rc;

	wire_rig_atomics = true;
	rc = wire_set_up(state);
	wire_rig_access = VIB_ACCESS_REMOTE_ATOMIC;
	return rc;
}

#define atomic_test(name) \
	cmocka_unit_test_setup_teardown(name, set_up_atomics, wire_tear_down)

static struct vib_send_wqe atomic(uint8_t opcode, uint64_t id, uint64_t addr,
				  uint32_t key)
{
	struct vib_send_wqe wqe = { .opcode = opcode,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = id };

	wqe.u.atomic.remote_addr = addr;
	wqe.u.atomic.rkey = key;
	return wqe;
}

static uint64_t word(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void put_word(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static uint8_t cap_of(struct world *w)
{
	return execute(&w->a, its_request(VIB_CMD_QUERY_DEVICE)).u.device.atomic_cap;
}

static void the_hcas_are_announced(void **state)
{
	assert_int_equal(cap_of(*state), IBV_ATOMIC_HCA);
}

static void where_it_has_none_there_are_none(void **state)
{
	assert_int_equal(cap_of(*state), 0);
}

/* A guest's QP, and @n, the machine that it is connected to, with the right. */
static struct its_qp open_native(struct world *w, struct native *n)
{
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	uint8_t gid[16];

	native_open(n, IBV_QPT_RC);
	its_gid(&w->a, gid);
	native_connect(n, q.qpn, gid);
	its_connect(&q, native_gid, n->qp->qp_num);
	((struct ibv_qp_attr *)fake_hca_qp(n->qp->qp_num))->qp_access_flags =
		IBV_ACCESS_REMOTE_ATOMIC;
	return q;
}

static void a_machine_behind_the_wire_executes_them(void **state)
{
	struct world *w = *state;
	struct native n = { 0 };
	struct its_qp q = open_native(w, &n);
	struct vib_send_wqe wqe;

	put_word(n.memory, 40);
	wqe = atomic(VIB_OP_FETCH_ADD, 1, (uintptr_t)n.memory, n.mr->rkey);
	wqe.u.atomic.compare_add = 2;
	its_send(&q, wqe, 64, 8);
	wire_run(w);
	assert_int_equal(its_take(&q, 1, VIB_WC_SUCCESS).byte_len, 8);
	assert_int_equal(word(n.memory), 42);
	assert_int_equal(word(q.memory + 64), 40);
	wqe = atomic(VIB_OP_CMP_SWAP, 2, (uintptr_t)n.memory, n.mr->rkey);
	wqe.u.atomic.compare_add = 42;
	wqe.u.atomic.swap = 7;
	its_send(&q, wqe, 64, 8);
	wire_run(w);
	its_take(&q, 2, VIB_WC_SUCCESS);
	assert_int_equal(word(n.memory), 7);
	native_close(&n);
}

/* Which the drivers of some HCAs refuse to post. */
static void one_that_is_not_aligned_is_denied(void **state)
{
	struct world *w = *state;
	struct native n = { 0 };
	struct its_qp q = open_native(w, &n);

	its_send(&q, atomic(VIB_OP_CMP_SWAP, 1, (uintptr_t)n.memory + 4, n.mr->rkey), 64,
		 8);
	wire_run(w);
	its_take(&q, 1, VIB_WC_REM_INV_REQ_ERR);
	assert_int_equal(its_state(&q), VIB_QPS_ERR);
	assert_int_equal(fake_hca.posts, 0);
	native_close(&n);
}

struct duo {
	struct its_qp a, b;
};

static struct duo two_here(struct world *w)
{
	struct duo d = { its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE),
			 its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE) };
	uint8_t gid[16];

	assert_int_equal(its_modify(&d.b, VIB_QPS_INIT, NULL, 0), 0);
	its_gid(&w->b, gid);
	its_connect(&d.a, gid, d.b.qpn);
	its_gid(&w->a, gid);
	its_connect(&d.b, gid, d.a.qpn);
	return d;
}

/* a is in RTR and at no HCA yet, as b had no rights then; b has them, and is in RTS. */
static struct duo two_with_a_right_since_rtr(struct world *w)
{
	struct duo d = { its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE),
			 its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE) };
	uint8_t gid_a[16], gid_b[16];

	its_gid(&w->a, gid_a);
	its_gid(&w->b, gid_b);
	wire_rig_access = 0;
	assert_int_equal(its_modify(&d.b, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&d.a, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&d.a, VIB_QPS_RTR, gid_b, d.b.qpn), 0);
	assert_int_equal(fake_hca_qp(d.a.qpn)->qp_state, IBV_QPS_RESET);
	wire_rig_access = VIB_ACCESS_REMOTE_ATOMIC;
	its_connect(&d.b, gid_a, d.a.qpn);
	return d;
}

/* What follows sees it done, and completes behind it. */
static void a_guest_of_this_host_is_reached_by_the_hca(void **state)
{
	struct world *w = *state;
	struct duo d = two_here(w);
	struct vib_send_wqe wqe = atomic(VIB_OP_FETCH_ADD, 1, IOVA + 256, d.b.key);
	struct vib_send_wqe read = { .opcode = VIB_OP_RDMA_READ,
				     .flags = VIB_SEND_SIGNALED,
				     .wr_id = 2 };

	put_word(d.b.memory + 256, 100);
	wqe.u.atomic.compare_add = 11;
	its_send(&d.a, wqe, 0, 8);
	read.u.rdma.remote_addr = IOVA + 256;
	read.u.rdma.rkey = d.b.key;
	its_send(&d.a, read, 8, 8);
	wire_run_without_hca(w);
	its_nothing(&d.a);
	assert_int_equal(fake_hca.atomics_done, 0);
	wire_run(w);
	its_take(&d.a, 1, VIB_WC_SUCCESS);
	its_take(&d.a, 2, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.atomics_done, 1);
	assert_int_equal(word(d.a.memory), 100);
	assert_int_equal(word(d.a.memory + 8), 111);
	assert_int_equal(fake_hca.posts, 1);
}

static void one_without_the_right_is_denied(void **state)
{
	struct world *w = *state;
	struct duo d = two_here(w);

	its_send(&d.a, atomic(VIB_OP_FETCH_ADD, 1, IOVA + 256, d.b.key + 1), 0, 8);
	wire_run(w);
	its_take(&d.a, 1, VIB_WC_REM_ACCESS_ERR);
	assert_int_equal(its_state(&d.b), VIB_QPS_ERR);
	assert_int_equal(fake_hca.atomics_done, 0);
	assert_int_equal(fake_hca_qp(d.a.qpn)->qp_state, IBV_QPS_ERR);
	assert_int_equal(fake_hca_qp(d.b.qpn)->qp_state, IBV_QPS_ERR);
}

/* Only who is reached has the right, and is there by the other's RTS. */
static void one_right_is_enough(void **state)
{
	struct world *w = *state;
	struct duo d = two_with_a_right_since_rtr(w);
	uint8_t gid_b[16];

	its_gid(&w->b, gid_b);
	wire_rig_access = 0;
	assert_int_equal(its_modify(&d.a, VIB_QPS_RTS, gid_b, d.b.qpn), 0);
	its_send(&d.a, atomic(VIB_OP_FETCH_ADD, 1, IOVA + 256, d.b.key), 0, 8);
	wire_run(w);
	its_take(&d.a, 1, VIB_WC_SUCCESS);
}

/* All of its own way to RTS is before the peer's, whose rights nobody knows till then. */
static void a_peer_may_say_its_rights_last(void **state)
{
	struct world *w = *state;
	struct its_qp a = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE);
	struct vib_send_wqe wqe = atomic(VIB_OP_FETCH_ADD, 1, IOVA + 256, b.key);
	uint8_t gid[16];

	its_gid(&w->b, gid);
	wire_rig_access = 0;
	its_connect(&a, gid, b.qpn);
	its_gid(&w->a, gid);
	wire_rig_access = VIB_ACCESS_REMOTE_ATOMIC;
	its_connect(&b, gid, a.qpn);
	put_word(b.memory + 256, 100);
	wqe.u.atomic.compare_add = 11;
	its_send(&a, wqe, 0, 8);
	wire_run(w);
	its_take(&a, 1, VIB_WC_SUCCESS);
	assert_int_equal(fake_hca.atomics_done, 1);
	assert_int_equal(word(b.memory + 256), 111);
}

static void who_wants_none_has_no_use_for_the_hca(void **state)
{
	struct world *w = *state;
	struct duo d;

	wire_rig_access = 0;
	d = two_here(w);
	assert_int_equal(fake_hca_qp(d.a.qpn)->qp_state, IBV_QPS_RESET);
	its_send(&d.a, atomic(VIB_OP_FETCH_ADD, 1, IOVA + 256, d.b.key), 0, 8);
	wire_run(w);
	its_take(&d.a, 1, VIB_WC_REM_INV_REQ_ERR);
}

/* As the HCA has not its own GID just now. */
static void what_cannot_be_connected_fails(void **state)
{
	struct world *w = *state;
	unsigned int gids = fake_hca.num_gids;
	struct duo d;

	fake_hca.num_gids = 0;
	d = two_here(w);
	fake_hca.num_gids = gids;
	assert_int_equal(fake_hca_qp(d.a.qpn)->qp_state, IBV_QPS_RESET);
	its_send(&d.a, atomic(VIB_OP_FETCH_ADD, 1, IOVA + 256, d.b.key), 0, 8);
	wire_run(w);
	its_take(&d.a, 1, VIB_WC_REM_OP_ERR);
}

static void after_a_reset_it_is_as_new(void **state)
{
	struct world *w = *state;
	struct duo d = two_here(w);

	assert_int_equal(fake_hca_qp(d.a.qpn)->qp_state, IBV_QPS_RTS);
	assert_int_equal(its_modify(&d.a, VIB_QPS_RESET, NULL, 0), 0);
	assert_int_equal(fake_hca_qp(d.a.qpn)->qp_state, IBV_QPS_RESET);
}

/* The peer's message fails it while the HCA connects it: what the HCA has fails, too. */
static void one_that_fails_meanwhile_fails_at_the_hca(void **state)
{
	struct world *w = *state;
	struct duo d = two_with_a_right_since_rtr(w);
	struct vib_send_wqe bad = { .opcode = VIB_OP_RDMA_WRITE,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = 1 };
	uint8_t gid_b[16];

	its_gid(&w->b, gid_b);
	bad.u.rdma.remote_addr = IOVA;
	bad.u.rdma.rkey = d.a.key + 1;
	ask(&w->a, its_change(&d.a, VIB_QPS_RTS, gid_b, d.b.qpn));
	assert_false(is_answered(&w->a));
	its_send(&d.b, bad, 0, 8);
	for (unsigned int i = 0; i < 10; i++)
		poller_pass(&w->engine->pollers[0]);
	its_take(&d.b, 1, VIB_WC_REM_ACCESS_ERR);
	wire_run(w);
	assert_int_equal(take(&w->a).status, -EINVAL);
	assert_int_equal(its_state(&d.a), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(d.a.qpn)->qp_state, IBV_QPS_ERR);
	assert_int_equal(its_modify(&d.a, VIB_QPS_RESET, NULL, 0), 0);
	assert_int_equal(fake_hca_qp(d.a.qpn)->qp_state, IBV_QPS_RESET);
}

/* Its administrator takes its link down while the HCA connects it. */
static void one_that_is_cut_off_meanwhile_is_reset(void **state)
{
	struct world *w = *state;
	struct its_qp a = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE);
	struct port_view view = *vhca_view(vhca_of(&w->a));
	uint8_t gid[16];

	its_gid(&w->b, gid);
	assert_int_equal(its_modify(&a, VIB_QPS_INIT, NULL, 0), 0);
	ask(&w->a, its_change(&a, VIB_QPS_RTR, gid, b.qpn));
	assert_false(is_answered(&w->a));
	view.up = false;
	view.cut = true;
	assert_int_equal(vhca_set_port(vhca_of(&w->a), &view), 0);
	wire_run(w);
	assert_int_equal(take(&w->a).status, 0);
	assert_int_equal(its_modify(&a, VIB_QPS_RESET, NULL, 0), 0);
	assert_int_equal(fake_hca_qp(a.qpn)->qp_state, IBV_QPS_RESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(where_it_has_none_there_are_none),
		atomic_test(the_hcas_are_announced),
		atomic_test(a_machine_behind_the_wire_executes_them),
		atomic_test(one_that_is_not_aligned_is_denied),
		atomic_test(a_guest_of_this_host_is_reached_by_the_hca),
		atomic_test(one_without_the_right_is_denied),
		atomic_test(one_right_is_enough),
		atomic_test(a_peer_may_say_its_rights_last),
		atomic_test(who_wants_none_has_no_use_for_the_hca),
		atomic_test(what_cannot_be_connected_fails),
		atomic_test(after_a_reset_it_is_as_new),
		atomic_test(one_that_fails_meanwhile_fails_at_the_hca),
		atomic_test(one_that_is_cut_off_meanwhile_is_reset),
	};

	return cmocka_run_group_tests_name("wire: atomics", tests, NULL, NULL);
}
