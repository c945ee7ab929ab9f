// SPDX-License-Identifier: GPL-2.0-or-later
/* Objects of a vib at a real ibback: their lives, what needs what, their events. */
#include "cm.h"

#include <errno.h>
#include <poll.h>

#include "pair.h"
#include "wakeup.h"

#define BYTES 65536

static struct side a, b;
static const struct pair pair = { &a, &b, BYTES, "", "" };

static bool readable(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) == 1;
}

static void send_one(bool solicited)
{
	const struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND,
					  .flags = solicited ? VIB_SEND_SOLICITED : 0 };

	side_send(&a, &wqe, 0, 16);
}

/* ---- lives ------------------------------------------------------------- */

static void what_is_needed_cannot_be_destroyed(void **state)
{
	(void)state;
	assert_int_equal(libvib_create_srq(b.pd, 8, 2, 0, &b.srq), 0);
	side_make_qp(&b, VIB_QPT_RC);
	assert_int_equal(libvib_dealloc_pd(b.pd), -EBUSY);
	assert_int_equal(libvib_destroy_cq(b.cq), -EBUSY);
	assert_int_equal(libvib_destroy_eq(b.eq), -EBUSY);
	assert_int_equal(libvib_destroy_srq(b.srq), -EBUSY);
	assert_int_equal(libvib_close_context(b.context), -EBUSY);
	/* and side_close() shows that the right order works */
}

static void many_come_and_go(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		pair_connect(&a, &b, VIB_QPT_RC);
		side_recv(&b, 1, 0, 64);
		send_one(false);
		assert_int_equal(side_done(&b, 1).byte_len, 16);
		assert_int_equal(libvib_destroy_qp(a.qp), 0);
		assert_int_equal(libvib_destroy_qp(b.qp), 0);
		a.qp = b.qp = NULL;
	}
}

static void many_at_once_have_bells_of_their_own(void **state)
{
	enum { MANY = 1000 };
	struct libvib_qp *qps[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		side_make_qp(&a, VIB_QPT_UD);
		qps[i] = a.qp;
		for (int j = 0; j < i; j++) {
			assert_int_not_equal(qps[j]->db_index, qps[i]->db_index);
			assert_int_not_equal(qps[j]->number, qps[i]->number);
		}
	}
	for (int i = 0; i < MANY; i++)
		assert_int_equal(libvib_destroy_qp(qps[i]), 0);
	a.qp = NULL;
}

static void operands_out_of_bounds_are_refused(void **state)
{
	struct libvib_cq *cq;
	struct libvib_srq *srq;
	struct libvib_mr *mr;
	struct vib_qp_attr attr = { .state = VIB_QPS_RTS };

	(void)state;
	assert_int_equal(libvib_create_cq(a.lv, 1 << 19, NULL, &cq), -EINVAL);
	assert_null(cq);
	assert_int_equal(libvib_create_srq(a.pd, 8, 1000, 0, &srq), -EINVAL);
	assert_int_equal(
		libvib_reg_mr(a.pd, a.memory, BYTES + 1, (uintptr_t)a.memory, 0, &mr),
		-EINVAL);
	assert_int_equal(libvib_reg_mr(a.pd, a.memory, 16, 5, 0, &mr), -EINVAL);
	assert_null(mr);
	side_make_qp(&a, VIB_QPT_RC);
	assert_int_equal(libvib_modify_qp(a.qp, &attr, VIB_QP_STATE), -EINVAL);
}

static void quota_is_the_vibs_own(void **state)
{
	char why[LIBVIB_WHY_SIZE];
	struct libvib *lv = libvib_open(ibback.socket, "max_pd=2", why, sizeof(why));
	struct libvib_pd *pd[3];

	(void)state;
	assert_non_null(lv);
	assert_int_equal(libvib_alloc_pd(lv, &pd[0]), 0);
	assert_int_equal(libvib_alloc_pd(lv, &pd[1]), 0);
	assert_int_equal(libvib_alloc_pd(lv, &pd[2]), -ENOMEM);
	assert_null(pd[2]);
	assert_int_equal(libvib_dealloc_pd(pd[0]), 0);
	assert_int_equal(libvib_alloc_pd(lv, &pd[2]), 0);
	assert_int_equal(libvib_dealloc_pd(pd[1]), 0);
	assert_int_equal(libvib_dealloc_pd(pd[2]), 0);
	libvib_close(lv);
}

static void qp_is_asked_what_it_was_told(void **state)
{
	struct vib_qp_attr attr;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	assert_int_equal(libvib_query_qp(a.qp, &attr), 0);
	assert_int_equal(attr.state, VIB_QPS_RTS);
	assert_int_equal(attr.dest_qpn, b.qp->number);
	assert_int_equal(attr.path_mtu, 5);
	assert_int_equal(attr.timeout, 14);
	assert_int_equal(attr.retry_cnt, 7);
	assert_int_equal(attr.rnr_retry, 7);
	assert_int_equal(attr.min_rnr_timer, 12);
	assert_int_equal(attr.sq_psn, a.end.psn);
	assert_int_equal(attr.rq_psn, b.end.psn);
	assert_int_equal(attr.av.dlid, b.end.lid);
}

static void large_region_takes_a_tree_of_lists(void **state)
{
	const size_t bytes = 8 << 20; /* 2048 pages */
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_READ,
		.flags = VIB_SEND_SIGNALED,
	};
	struct vib_send_wqe read = wqe;
	uint8_t *memory = libvib_alloc(b.lv, bytes);
	struct libvib_mr *mr;

	(void)state;
	assert_non_null(memory);
	/* an iova of its own, far from the address */
	assert_int_equal(libvib_reg_mr(b.pd, memory, bytes, 0x10000000,
				       VIB_ACCESS_REMOTE_READ, &mr),
			 0);
	pair_connect(&a, &b, VIB_QPT_RC);
	for (size_t page = 0; page < bytes / 4096; page += 205) {
		memory[page * 4096 + 17] = (uint8_t)page;
		read.u.rdma.remote_addr = 0x10000000 + page * 4096 + 17;
		read.u.rdma.rkey = mr->rkey;
		side_send(&a, &read, 0, 1);
		side_done(&a, 0);
		assert_int_equal(a.memory[0], (uint8_t)page);
	}
	assert_int_equal(libvib_dereg_mr(mr), 0);
	libvib_free(b.lv, memory);
}

static void dead_backend_lets_everything_be_destroyed(void **state)
{
	(void)state;
	assert_int_equal(libvib_create_srq(b.pd, 8, 2, 0, &b.srq), 0);
	pair_connect(&a, &b, VIB_QPT_RC);
	daemon_kill(&ibback);
	pair_close(&pair);
	assert_true(daemon_restart(&ibback));
	pair_open(&pair);
}

/* ---- events ------------------------------------------------------------ */

static void armed_completion_comes_as_an_event(void **state)
{
	uint32_t cqn;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	assert_int_equal(libvib_next_comp_event(b.eq, &cqn), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(libvib_arm_cq(b.cq, false), 0);
		side_recv(&b, 5, 0, 64);
		send_one(false);
		assert_true(readable(libvib_eq_fd(b.eq), WAKEUP_PATIENCE_MS));
		assert_int_equal(libvib_next_comp_event(b.eq, &cqn), 1);
		assert_int_equal(cqn, b.cq->number);
		side_done(&b, 5);
		assert_int_equal(libvib_next_comp_event(b.eq, &cqn), 0);
	}
	/* and one that is not armed does not */
	side_recv(&b, 5, 0, 64);
	send_one(false);
	side_done(&b, 5);
	assert_false(readable(libvib_eq_fd(b.eq), 20));
}

static void only_solicited_ones_wake_who_asks_for_them(void **state)
{
	uint32_t cqn;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	assert_int_equal(libvib_next_comp_event(b.eq, &cqn), 0);
	assert_int_equal(libvib_arm_cq(b.cq, true), 0);
	side_recv(&b, 1, 0, 64);
	side_recv(&b, 2, 0, 64);
	send_one(false);
	side_done(&b, 1);
	assert_false(readable(libvib_eq_fd(b.eq), 20));
	send_one(true);
	assert_true(readable(libvib_eq_fd(b.eq), WAKEUP_PATIENCE_MS));
	assert_int_equal(libvib_next_comp_event(b.eq, &cqn), 1);
	side_done(&b, 2);
}

static void shared_queue_serves_and_says_when_it_runs_low(void **state)
{
	struct vib_async_event event;
	uint32_t limit;
	int n;

	(void)state;
	assert_int_equal(libvib_create_srq(b.pd, 8, 2, 0, &b.srq), 0);
	pair_connect(&a, &b, VIB_QPT_RC);
	for (uint64_t i = 0; i < 4; i++)
		side_recv(&b, i, 64 * i, 64);
	assert_int_equal(libvib_modify_srq(b.srq, 3), 0);
	assert_int_equal(libvib_query_srq(b.srq, &limit), 0);
	assert_int_equal(limit, 3);
	send_one(false);
	side_done(&b, 0);
	send_one(false);
	side_done(&b, 1);
	while ((n = libvib_next_async(b.lv, &event)) == 0)
		assert_true(readable(libvib_fd(b.lv), WAKEUP_PATIENCE_MS));
	assert_int_equal(n, 1);
	assert_int_equal(event.type, VIB_ASYNC_SRQ_LIMIT_REACHED);
	assert_int_equal(event.object, b.srq->number);
	assert_int_equal(libvib_query_srq(b.srq, &limit), 0);
	assert_int_equal(limit, 0);
}

#define test(name) pair_test(name, &pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_is_needed_cannot_be_destroyed),
		test(many_come_and_go),
		test(many_at_once_have_bells_of_their_own),
		test(operands_out_of_bounds_are_refused),
		test(quota_is_the_vibs_own),
		test(qp_is_asked_what_it_was_told),
		test(large_region_takes_a_tree_of_lists),
		test(dead_backend_lets_everything_be_destroyed),
		test(armed_completion_comes_as_an_event),
		test(only_solicited_ones_wake_who_asks_for_them),
		test(shared_queue_serves_and_says_when_it_runs_low),
	};

	return cmocka_run_group_tests(tests, ibback_start, ibback_stop);
}
