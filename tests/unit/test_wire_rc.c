// SPDX-License-Identifier: GPL-2.0-or-later
/* RC and UC between a guest and a machine behind the wire: requests and receives. */
#include <endian.h>
#include <errno.h>

#include "engine/qp.h"
#include "wire_pair.h"

static void numbers_and_keys_are_the_hcas(void **state)
{
	struct world *w = *state;
	struct its_qp q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);

	assert_non_null(fake_hca_qp(q.qpn));
	assert_int_equal(q.key & 0xff, 0);
	assert_in_range(q.key, 0x100, 0x10000);
	assert_int_equal(fake_hca.mrs, 2); /* and one of slots for inline data */
	assert_int_equal(vhca_find_qp(vhca_of(&w->b), q.qpn) != NULL, 1);
}

static void a_send_arrives(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe wqe = SIGNALED(VIB_OP_SEND_IMM, 7);
	struct pair x = { 0 };
	struct ibv_wc wc;

	connect_pair(w, &x, VIB_QPT_RC);
	native_recv(&x.n, 1, 0, 100);
	memset(x.q.memory, 0x5a, 64);
	wqe.imm = htobe32(0x11223344);
	its_send(&x.q, wqe, 0, 64);
	wire_run_without_hca(w);
	its_nothing(&x.q);
	wire_run(w);
	wc = native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_int_equal(wc.byte_len, 64);
	assert_int_equal(be32toh(wc.imm_data), 0x11223344);
	assert_memory_equal(x.n.memory, x.q.memory, 64);
	assert_int_equal(its_take(&x.q, 7, VIB_WC_SUCCESS).opcode, VIB_OP_SEND_IMM);
	its_nothing(&x.q);
	native_close(&x.n);
}

static void a_message_is_received(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_cqe cqe;

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 21, 128, 256);
	its_recv(&x.q, 22, 512, 256);
	wire_run(w);
	assert_int_equal(fake_hca_receives(x.q.qpn), 2);
	memset(x.n.memory, 0xa5, 200);
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 200);
	native_post(&x.n,
		    (struct ibv_send_wr){ .opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
					  .imm_data = htobe32(9),
					  .wr.rdma = { IOVA + 1000, x.q.key } },
		    10);
	wire_run(w);
	cqe = its_take(&x.q, 21, VIB_WC_SUCCESS);
	assert_int_equal(cqe.flags, VIB_CQE_RECV);
	assert_int_equal(cqe.byte_len, 200);
	assert_memory_equal(x.q.memory + 128, x.n.memory, 200);
	cqe = its_take(&x.q, 22, VIB_WC_SUCCESS);
	assert_int_equal(cqe.opcode, VIB_OP_RDMA_WRITE_IMM);
	assert_int_equal(be32toh(cqe.imm), 9);
	assert_memory_equal(x.q.memory + 1000, x.n.memory, 10);
	native_close(&x.n);
}

/* A peer may send as soon as it knows that we are in RTR. */
static void receives_are_there_before_rtr(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 1, 0, 64);
	its_recv(&x.q, 2, 64, 64);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
	assert_int_equal(fake_hca_receives(x.q.qpn), 2);
	native_close(&x.n);
}

/* A deep queue keeps neither the control thread nor another QP waiting. */
static void many_receives_are_posted_in_parts(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	unsigned int before, after;

	wire_rig_rq_order = 9;
	open_pair(w, &x, VIB_QPT_RC);
	for (unsigned int i = 0; i < 500; i++)
		its_recv(&x.q, i, 0, 64);
	assert_int_equal(its_modify(&x.q, VIB_QPS_INIT, NULL, 0), 0);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RTR, native_gid, x.n.qp->qp_num), 0);
	after = fake_hca_receives(x.q.qpn);
	assert_int_equal(after, 256);
	do {
		before = after;
		poller_pass(&w->engine->pollers[0]);
		after = fake_hca_receives(x.q.qpn);
		assert_in_range(after, before + 1, before + 64);
	} while (after < 500);
	assert_int_equal(vhca_of(&w->a)->bucket.tokens, 0); /* it has no rate */
	native_close(&x.n);
}

static void memory_is_written_and_read(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t data[INLINE];

	connect_pair(w, &x, VIB_QPT_RC);
	memset(x.q.memory, 0x11, 100);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 100);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	assert_memory_equal(x.n.memory, x.q.memory, 100);

	memset(x.n.memory, 0x22, 100);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_READ, 2), 200, 100);
	wire_run(w);
	assert_int_equal(its_take(&x.q, 2, VIB_WC_SUCCESS).byte_len, 100);
	assert_memory_equal(x.n.memory, x.q.memory + 200, 100);

	/* Inline for the HCA, and more than it takes so: the slot may be filled anew. */
	for (uint32_t n = fake_hca.max_inline / 2; n <= sizeof(data); n *= 2) {
		memset(data, (int)n, n);
		its_send_inline(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, n), data, n);
		wire_run_without_hca(w);
		memset((uint8_t *)memory_of(&w->a, SQ_PAGE) + 128, 0,
		       VIB_PAGE_SIZE - 128 - 64);
		wire_run(w);
		its_take(&x.q, n, VIB_WC_SUCCESS);
		assert_memory_equal(x.n.memory, data, n);
	}
	native_close(&x.n);
}

static void a_peer_reaches_memory_by_its_key(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	memset(x.n.memory, 0x33, 64);
	native_post(&x.n,
		    (struct ibv_send_wr){ .wr_id = 1,
					  .opcode = IBV_WR_RDMA_WRITE,
					  .wr.rdma = { IOVA + 64, x.q.key } },
		    64);
	wire_run(w);
	native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_memory_equal(x.n.memory, x.q.memory + 64, 64);
	native_close(&x.n);
}

/* Whose turn it is after what the HCA has. */
static void a_bad_key_fails_in_its_turn(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 50, 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	its_send_key(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64, x.q.key + 1);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 3), 0, 64);
	wire_run_without_hca(w);
	its_nothing(&x.q);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	its_take(&x.q, 3, VIB_WC_WR_FLUSH_ERR);
	its_take(&x.q, 50, VIB_WC_WR_FLUSH_ERR);
	its_nothing(&x.q);
	native_close(&x.n);
}

/* Nothing that goes out follows one that nobody wants to be told of. */
static void what_follows_a_quiet_one_fails(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe quiet;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	quiet = to_native(&x, VIB_OP_RDMA_WRITE, 1);
	quiet.flags = 0;
	its_send(&x.q, quiet, 0, 64);
	its_send_key(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64, x.q.key + 1);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* Another guest's key is none of its own, though the HCA knows it. */
static void a_key_of_another_guest_is_no_key(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct its_qp other = its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE);
	unsigned int posts;

	connect_pair(w, &x, VIB_QPT_RC);
	posts = fake_hca.posts;
	its_send_key(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64, other.key);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(fake_hca.posts, posts);
	native_close(&x.n);
}

static void what_the_peer_denies_fails_with_all_behind_it(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe bad;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	bad = to_native(&x, VIB_OP_RDMA_WRITE, 2);
	bad.u.rdma.rkey++;
	its_recv(&x.q, 50, 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	its_send(&x.q, bad, 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 3), 0, 64);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_REM_ACCESS_ERR);
	/* The HCA's two queues are flushed in the order it likes. */
	for (unsigned int i = 0; i < 2; i++) {
		struct vib_cqe cqe;

		assert_true(its_poll(&x.q, &cqe));
		assert_int_equal(cqe.status, VIB_WC_WR_FLUSH_ERR);
		assert_true(cqe.wr_id == 3 || cqe.wr_id == 50);
	}
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* More than the HCA's queue has room for, and completions that nobody asked for. */
static void no_more_is_posted_than_the_hca_holds(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_send_wqe quiet;
	uint64_t done = 0;
	struct vib_cqe cqe;

	connect_pair(w, &x, VIB_QPT_RC);
	for (uint64_t id = 1; id <= 40; id++) {
		quiet = to_native(&x, VIB_OP_RDMA_WRITE, id);
		if (id % 8)
			quiet.flags = 0;
		its_send(&x.q, quiet, 0, 16);
		if (id % 8 == 0) {
			wire_run(w);
			assert_true(its_poll(&x.q, &cqe));
			assert_int_equal(cqe.status, 0);
			done = cqe.wr_id;
			its_nothing(&x.q);
		}
	}
	assert_int_equal(done, 40);
	native_close(&x.n);
}

static void a_guest_of_this_host_is_reached_by_memory(void **state)
{
	struct world *w = *state;
	struct its_qp a = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	struct its_qp b = its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE);
	struct vib_send_wqe wqe = SIGNALED(VIB_OP_RDMA_WRITE, 5);
	uint8_t gid[16];

	its_gid(&w->b, gid);
	its_connect(&a, gid, b.qpn);
	its_gid(&w->a, gid);
	its_connect(&b, gid, a.qpn);
	memset(a.memory, 0x44, 64);
	wqe.u.rdma.remote_addr = IOVA + 256;
	wqe.u.rdma.rkey = b.key;
	its_send(&a, wqe, 0, 64);
	wire_run_without_hca(w);
	its_take(&a, 5, VIB_WC_SUCCESS);
	assert_memory_equal(b.memory + 256, a.memory, 64);
	assert_int_equal(fake_hca.posts, 0);
	assert_int_equal(fake_hca_qp(a.qpn)->qp_state, IBV_QPS_RESET);
}

/* What failed here the HCA knows nothing of, so that it can go out afterwards. */
static void one_that_failed_here_can_go_out_later(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t gid[16];

	open_pair(w, &x, VIB_QPT_RC);
	its_gid(&w->b, gid);
	its_connect(&x.q, gid, 0x7777);
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	wire_run(w);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	its_connect(&x.q, native_gid, x.n.qp->qp_num);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	native_close(&x.n);
}

static void one_that_cooled_is_woken_by_its_channel(void **state)
{
	struct world *w = *state;
	struct poller *poller = &w->engine->pollers[0];
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 1, 0, 64);
	wire_run(w);
	for (unsigned int i = 0; poller->num_hot; i++) {
		assert_true(i < 20000);
		poller_pass(poller);
	}
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 10);
	fake_hca_run();
	wire_run_without_hca(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	/* And by a receive that is posted. */
	for (unsigned int i = 0; poller->num_hot; i++) {
		assert_true(i < 20000);
		poller_pass(poller);
	}
	its_recv(&x.q, 2, 0, 64);
	wire_run_without_hca(w);
	assert_int_equal(fake_hca_receives(x.q.qpn), 1);
	native_close(&x.n);
}

static void what_cannot_be_posted_fails_the_qp(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	fake_hca.post_send_error = ENOMEM;
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 1), 0, 64);
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 2), 0, 64);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 2, VIB_WC_WR_FLUSH_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

/* The HCA was to tell of the last only, which it refused. */
static void what_was_posted_before_that_is_flushed(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe wqe;
	struct pair x = { 0 };
	struct qp *qp;

	connect_pair(w, &x, VIB_QPT_RC);
	fake_hca.post_send_error = ENOMEM;
	fake_hca.sends_before_error = 1;
	for (unsigned int id = 1; id <= 3; id++) {
		wqe = to_native(&x, VIB_OP_RDMA_WRITE, id);
		wqe.flags &= (uint8_t)~VIB_SEND_SIGNALED;
		its_send(&x.q, wqe, 0, 64);
	}
	memset(x.q.memory, 0x77, 64);
	poller_pass(&w->engine->pollers[0]);
	fake_hca_run();
	assert_memory_equal(x.n.memory, x.q.memory, 64); /* it has been done */
	wire_run(w);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	assert_int_equal(fake_hca_qp(x.q.qpn)->qp_state, IBV_QPS_ERR);
	its_nothing(&x.q); /* the HCA may yet tell of it */
	qp = vhca_find_qp(vhca_of(&w->a), x.q.qpn);
	assert_true(qp->wire->flushed_at > 1);
	qp->wire->flushed_at = 1;
	poller_heat(&w->engine->pollers[0], qp);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 2, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 3, VIB_WC_WR_FLUSH_ERR);
	/* And so on with what comes. */
	its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, 4), 0, 64);
	wire_run(w);
	its_take(&x.q, 4, VIB_WC_WR_FLUSH_ERR);
	native_close(&x.n);
}

/* Its guest grants it, which is for copies alone, and has not lent it. */
static void a_receive_that_the_hca_cannot_reach_fails(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	wire_rig_flags = VIB_QPF_KERNEL;
	connect_pair(w, &x, VIB_QPT_RC);
	vhca_of(&w->a)->xen = vib_of(&w->a)->conn.guest.xp;
	its_recv_sge(&x.q, 1,
		     (struct vib_sge){ VIB_GRANTED_BASE, 64, VIB_LOCAL_DMA_LKEY });
	wire_run(w);
	assert_int_equal(fake_hca_receives(x.q.qpn), 0);
	its_take(&x.q, 1, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

static void a_receive_with_a_bad_key_fails_in_its_turn(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_RC);
	its_recv(&x.q, 1, 0, 64);
	x.q.key++;
	its_recv(&x.q, 2, 0, 64);
	wire_run(w);
	its_nothing(&x.q);
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 10);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

static void uc_sends_and_receives(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_UC);
	native_recv(&x.n, 1, 0, 100);
	its_recv(&x.q, 2, 0, 100);
	memset(x.q.memory + 512, 0x77, 50);
	its_send(&x.q, SIGNALED(VIB_OP_SEND, 3), 512, 50);
	wire_run(w);
	native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_memory_equal(x.n.memory, x.q.memory + 512, 50);
	its_take(&x.q, 3, VIB_WC_SUCCESS);
	native_post(&x.n, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, 10);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	native_close(&x.n);
}

/* What does not leave the port is done in its turn, too, and needs a place for that. */
static void a_full_queue_and_a_port_that_goes_down(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	connect_pair(w, &x, VIB_QPT_UC);
	for (uint64_t id = 1; id <= 4; id++)
		its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, id), 0, 16);
	wire_run_without_hca(w);
	go_down(&w->a);
	for (uint64_t id = 5; id <= 7; id++)
		its_send(&x.q, to_native(&x, VIB_OP_RDMA_WRITE, id), 0, 16);
	wire_run_without_hca(w);
	its_nothing(&x.q);
	wire_run(w);
	for (uint64_t id = 1; id <= 7; id++)
		its_take(&x.q, id, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	native_close(&x.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(numbers_and_keys_are_the_hcas),
		wire_test(a_send_arrives),
		wire_test(a_message_is_received),
		wire_test(receives_are_there_before_rtr),
		wire_test(many_receives_are_posted_in_parts),
		wire_test(memory_is_written_and_read),
		wire_test(a_peer_reaches_memory_by_its_key),
		wire_test(a_bad_key_fails_in_its_turn),
		wire_test(what_follows_a_quiet_one_fails),
		wire_test(a_key_of_another_guest_is_no_key),
		wire_test(what_the_peer_denies_fails_with_all_behind_it),
		wire_test(a_guest_of_this_host_is_reached_by_memory),
		wire_test(one_that_failed_here_can_go_out_later),
		wire_test(one_that_cooled_is_woken_by_its_channel),
		wire_test(what_cannot_be_posted_fails_the_qp),
		wire_test(what_was_posted_before_that_is_flushed),
		wire_test(a_receive_that_the_hca_cannot_reach_fails),
		wire_test(a_receive_with_a_bad_key_fails_in_its_turn),
		wire_test(uc_sends_and_receives),
		cmocka_unit_test_setup_teardown(no_more_is_posted_than_the_hca_holds,
						set_up_small, wire_tear_down),
		cmocka_unit_test_setup_teardown(a_full_queue_and_a_port_that_goes_down,
						set_up_small, wire_tear_down),
	};

	return cmocka_run_group_tests_name("wire: RC and UC", tests, NULL, NULL);
}
