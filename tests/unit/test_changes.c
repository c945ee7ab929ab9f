// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What changes while it is used, at a real ibback with two pollers: regions that
 * become others, windows, completion queues that get other memory.
 */
#include "cm.h"

#include <errno.h>
#include <pthread.h>
#include <poll.h>

#include "pair.h"
#include "wakeup.h"

#define BYTES  (1u << 20)
#define REMOTE (VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ)

static struct side a, b;
static const struct pair pair = { &a, &b, BYTES, "", "" };

static int start(void **state)
{
	(void)state;
	return daemon_start(&ibback, "[engine]\npollers = 2\n") ? 0 : -1;
}

/* a writes @length bytes of its memory to @addr of b under @key; the status. */
static uint8_t write_to(uint64_t addr, uint32_t key, uint32_t length)
{
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_RDMA_WRITE,
		.flags = VIB_SEND_SIGNALED,
		.wr_id = 1,
		.u.rdma = { .remote_addr = addr, .rkey = key },
	};

	side_send(&a, &wqe, 0, length);
	return side_complete(&a).status;
}

/* ---- regions ----------------------------------------------------------- */

static void region_moves_to_other_memory_under_its_keys(void **state)
{
	uint8_t *more = libvib_alloc(b.lv, 8192);
	uint32_t key = b.mr->rkey;

	(void)state;
	assert_non_null(more);
	pair_connect(&a, &b, VIB_QPT_RC);
	memset(a.memory, 0x5a, 64);
	assert_int_equal(libvib_rereg_mr(b.mr, VIB_REREG_TRANSLATION, NULL, more + 8,
					 4096, 0x7000008, 0),
			 0);
	assert_int_equal(b.mr->rkey, key);
	assert_int_equal(write_to(0x7000008, key, 64), VIB_WC_SUCCESS);
	assert_memory_equal(more + 8, a.memory, 64);
	assert_int_equal(b.memory[0], 0);
	assert_int_equal(write_to(0x7000008 + 4096 - 63, key, 64), VIB_WC_REM_ACCESS_ERR);
}

static void region_that_is_granted_to_be_read_is_moved_with_rights_to_write(void **state)
{
	struct libvib_mr *mr;
	uint8_t *at = libvib_alloc(b.lv, 4096);

	(void)state;
	assert_int_equal(
		libvib_reg_mr(b.pd, at, 4096, 0x1000, VIB_ACCESS_REMOTE_READ, &mr), 0);
	assert_int_equal(libvib_rereg_mr(mr, VIB_REREG_ACCESS, NULL, NULL, 0, 0,
					 VIB_ACCESS_LOCAL_WRITE | REMOTE),
			 -EINVAL);
	assert_int_equal(libvib_rereg_mr(mr, VIB_REREG_ACCESS | VIB_REREG_TRANSLATION,
					 NULL, at, 4096, 0x1000,
					 VIB_ACCESS_LOCAL_WRITE | REMOTE),
			 0);
	pair_connect(&a, &b, VIB_QPT_RC);
	memset(a.memory, 0x5a, 64);
	assert_int_equal(write_to(0x1000, mr->rkey, 64), VIB_WC_SUCCESS);
	assert_memory_equal(at, a.memory, 64);
	assert_int_equal(libvib_dereg_mr(mr), 0);
}

static void region_changes_its_pd_and_is_not_reached_by_the_old_one_s(void **state)
{
	struct libvib_pd *pd;

	(void)state;
	assert_int_equal(libvib_alloc_pd(b.lv, &pd), 0);
	pair_connect(&a, &b, VIB_QPT_RC);
	assert_int_equal(libvib_rereg_mr(b.mr, VIB_REREG_PD, pd, NULL, 0, 0, 0), 0);
	assert_int_equal(libvib_dealloc_pd(pd), -EBUSY);
	assert_int_equal(write_to(b.mr->iova, b.mr->rkey, 8), VIB_WC_REM_ACCESS_ERR);
	assert_int_equal(libvib_rereg_mr(b.mr, VIB_REREG_PD, b.pd, NULL, 0, 0, 0), 0);
	assert_int_equal(libvib_dealloc_pd(pd), 0);
}

static void change_that_is_refused_leaves_the_region_as_it_was(void **state)
{
	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	assert_int_equal(libvib_rereg_mr(b.mr, 0, NULL, NULL, 0, 0, 0), -EINVAL);
	assert_int_equal(libvib_rereg_mr(b.mr, 8, NULL, NULL, 0, 0, 0), -EINVAL);
	assert_int_equal(libvib_rereg_mr(b.mr, VIB_REREG_TRANSLATION, NULL, b.memory, 64,
					 b.mr->iova + 8, 0),
			 -EINVAL);
	assert_int_equal(libvib_rereg_mr(b.mr, VIB_REREG_ACCESS, NULL, NULL, 0, 0,
					 VIB_ACCESS_REMOTE_WRITE),
			 -EINVAL);
	assert_int_equal(write_to(b.mr->iova, b.mr->rkey, 8), VIB_WC_SUCCESS);
}

/* ---- windows ----------------------------------------------------------- */

/* b's region gets MW_BIND, and b a window. */
static struct libvib_mw *window_new(enum vib_mw_type type)
{
	struct libvib_mw *mw;

	assert_int_equal(libvib_rereg_mr(b.mr, VIB_REREG_ACCESS, NULL, NULL, 0, 0,
					 VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_MW_BIND),
			 0);
	assert_int_equal(libvib_alloc_mw(b.pd, type, &mw), 0);
	return mw;
}

static void bind(struct libvib_mw *mw, size_t from, size_t length, uint32_t access)
{
	assert_int_equal(libvib_post_bind(b.qp, mw, b.mr, b.mr->iova + from, length,
					  access, VIB_SEND_SIGNALED, 7),
			 0);
	libvib_ring_send(b.qp);
	assert_int_equal(side_done(&b, 7).opcode, VIB_OP_BIND_MW);
}

static void invalidate(const struct libvib_mw *mw)
{
	const struct vib_send_wqe wqe = { .opcode = VIB_OP_LOCAL_INV,
					  .flags = VIB_SEND_SIGNALED,
					  .wr_id = 8,
					  .imm = mw->rkey };

	assert_int_equal(libvib_send(b.qp, &wqe, NULL), 0);
	side_done(&b, 8);
}

static void window_is_written_through_and_unbound(void **state)
{
	struct libvib_mw *mw;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	memset(a.memory, 0x5a, 64);
	mw = window_new(VIB_MW_TYPE_1);
	bind(mw, 100, 64, REMOTE);
	assert_int_equal(write_to(b.mr->iova + 100, mw->rkey, 64), VIB_WC_SUCCESS);
	assert_memory_equal(b.memory + 100, a.memory, 64);
	assert_int_equal(libvib_dereg_mr(b.mr), -EBUSY);
	assert_int_equal(libvib_post_bind(b.qp, mw, NULL, 0, 0, 0, VIB_SEND_SIGNALED, 9),
			 0);
	libvib_ring_send(b.qp);
	side_done(&b, 9);
	assert_int_equal(write_to(b.mr->iova + 100, mw->rkey, 64), VIB_WC_REM_ACCESS_ERR);
	assert_int_equal(libvib_dealloc_mw(mw), 0);
}

static void peer_invalidates_the_window_with_its_message(void **state)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND_INV,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = 3 };
	struct libvib_mw *mw;
	struct vib_cqe cqe;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	mw = window_new(VIB_MW_TYPE_2);
	bind(mw, 0, 4096, REMOTE | VIB_ACCESS_ZERO_BASED);
	assert_int_equal(write_to(0, mw->rkey, 64), VIB_WC_SUCCESS);
	side_recv(&b, 11, 8192, 64);
	wqe.imm = mw->rkey;
	side_send(&a, &wqe, 0, 64);
	side_done(&a, 3);
	cqe = side_done(&b, 11);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_WITH_INV);
	assert_int_equal(cqe.imm, mw->rkey);
	assert_int_equal(write_to(0, mw->rkey, 64), VIB_WC_REM_ACCESS_ERR);
	assert_int_equal(libvib_dealloc_mw(mw), 0);
}

/* ---- windows under fire ------------------------------------------------ */

/* a writes what changes from message to message, again and again, by whatever key. */
struct fire {
	uint32_t key; /* atomic */
	bool stop;    /* atomic */
	unsigned int hits;
};

static void *fire(void *arg)
{
	struct fire *f = arg;
	uint8_t byte = 0;

	while (!__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE)) {
		struct vib_send_wqe wqe = {
			.opcode = VIB_OP_RDMA_WRITE,
			.flags = VIB_SEND_SIGNALED,
			.u.rdma = { .remote_addr = b.mr->iova },
		};
		struct vib_cqe cqe;

		wqe.u.rdma.rkey = __atomic_load_n(&f->key, __ATOMIC_ACQUIRE);
		byte = (byte + 1) % 128; /* never what b writes */
		memset(a.memory, byte, BYTES / 2);
		side_send(&a, &wqe, 0, BYTES / 2);
		while (!libvib_poll_cq(a.cq, &cqe, 1))
			sched_yield();
		f->hits += cqe.status == VIB_WC_SUCCESS;
	}
	return NULL;
}

/* It is ours alone now: what we write stays. */
static void assert_memory_is_ours(void)
{
	for (size_t at = 0; at < BYTES / 2; at += 4096)
		b.memory[at] = 0xa5;
	for (unsigned int look = 0; look < 20; look++)
		for (size_t at = 0; at < BYTES / 2; at += 4096)
			assert_int_equal(__atomic_load_n(b.memory + at, __ATOMIC_RELAXED),
					 0xa5);
}

/* Until a message has begun to come. */
static void await_hit(void)
{
	double end = seconds_now() + 0.05;

	while (__atomic_load_n(b.memory, __ATOMIC_RELAXED) == 0xa5 && seconds_now() < end)
		;
}

/* Not by the one that is written to, whose lock he has who writes. The old one. */
static struct libvib_qp *bind_by_another_qp(void)
{
	struct libvib_qp *qp = b.qp;

	side_make_qp(&b, VIB_QPT_UC);
	assert_int_equal(libvib_qp_connect(b.qp, &b.end, &b.end, NULL), 0);
	return qp;
}

/* UC, as it does not mind that it is denied. */
static void nobody_writes_through_a_window_whose_binding_has_ended(void **state)
{
	struct libvib_qp *other = NULL;

	(void)state;
	for (enum vib_mw_type type = VIB_MW_TYPE_1; type <= VIB_MW_TYPE_2; type++) {
		struct fire f = { .key = 0 };
		struct libvib_mw *mw;
		pthread_t thread;

		if (type == VIB_MW_TYPE_2) {
			pair_close(&pair);
			pair_open(&pair);
		}
		pair_connect(&a, &b, VIB_QPT_UC);
		mw = window_new(type);
		if (type == VIB_MW_TYPE_1)
			other = bind_by_another_qp();
		assert_int_equal(pthread_create(&thread, NULL, fire, &f), 0);
		for (unsigned int i = 0; i < 400; i++) {
			b.memory[0] = 0xa5;
			bind(mw, 0, BYTES / 2, REMOTE);
			__atomic_store_n(&f.key, mw->rkey, __ATOMIC_RELEASE);
			await_hit();
			if (type == VIB_MW_TYPE_2)
				invalidate(mw);
			else if (i % 2)
				bind(mw, BYTES / 2, 64, VIB_ACCESS_REMOTE_READ);
			else
				bind(mw, 0, BYTES / 2, VIB_ACCESS_REMOTE_READ);
			assert_memory_is_ours();
		}
		__atomic_store_n(&f.stop, true, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
		assert_int_not_equal(f.hits, 0);
		if (other) {
			assert_int_equal(libvib_destroy_qp(b.qp), 0);
			b.qp = other;
			other = NULL;
		}
		assert_int_equal(libvib_dealloc_mw(mw), 0);
	}
}

/* The control thread ends what pollers bind and write through. */
static void windows_are_deallocated_under_fire(void **state)
{
	struct fire f = { .key = 0 };
	pthread_t thread;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_UC);
	assert_int_equal(pthread_create(&thread, NULL, fire, &f), 0);
	for (unsigned int i = 0; i < 300; i++) {
		struct libvib_mw *mw = window_new(i % 2 ? VIB_MW_TYPE_1 : VIB_MW_TYPE_2);

		b.memory[0] = 0xa5;
		bind(mw, 0, BYTES / 2, REMOTE);
		__atomic_store_n(&f.key, mw->rkey, __ATOMIC_RELEASE);
		await_hit();
		assert_int_equal(libvib_dealloc_mw(mw), 0);
		assert_memory_is_ours();
	}
	__atomic_store_n(&f.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/* ---- completion queues ------------------------------------------------- */

static void complete(unsigned int count, uint64_t first)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct vib_send_wqe wqe = {
			.opcode = VIB_OP_RDMA_WRITE,
			.flags = VIB_SEND_SIGNALED | VIB_SEND_INLINE,
			.wr_id = first + i,
			.inline_len = 8,
			.u.rdma = { .remote_addr = b.mr->iova, .rkey = b.mr->rkey },
		};

		assert_int_equal(libvib_send(a.qp, &wqe, "8 bytes"), 0);
	}
}

static void entries_are_polled_in_order_over_any_number_of_resizes(void **state)
{
	uint64_t next = 0, posted = 0;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	for (uint32_t i = 0; i < 200; i++) {
		complete(3, posted);
		posted += 3;
		assert_int_equal(libvib_resize_cq(a.cq, 16u << i % 5), 0);
		for (unsigned int n = 0; n < (i % 2 ? 4 : 2); n++)
			side_done(&a, next++);
	}
	while (next < posted)
		side_done(&a, next++);
}

static void queue_too_small_for_what_it_holds_stays_as_it_is(void **state)
{
	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	complete(12, 0);
	usleep(20000); /* until they are there */
	assert_int_equal(libvib_resize_cq(a.cq, 4), -EINVAL);
	assert_int_equal(libvib_resize_cq(a.cq, 1 << 19), -EINVAL);
	for (uint64_t i = 0; i < 12; i++)
		side_done(&a, i);
	assert_int_equal(libvib_resize_cq(a.cq, 4), 0);
	complete(4, 20);
	for (uint64_t i = 20; i < 24; i++)
		side_done(&a, i);
}

static void wish_for_an_event_outlives_a_resize(void **state)
{
	struct pollfd pfd = { .events = POLLIN };
	uint32_t cqn;

	(void)state;
	pair_connect(&a, &b, VIB_QPT_RC);
	pfd.fd = libvib_eq_fd(a.eq);
	assert_int_equal(libvib_next_comp_event(a.eq, &cqn), 0);
	assert_int_equal(libvib_arm_cq(a.cq, false), 0);
	assert_int_equal(libvib_resize_cq(a.cq, 128), 0);
	complete(1, 5);
	assert_int_equal(poll(&pfd, 1, WAKEUP_PATIENCE_MS), 1);
	assert_int_equal(libvib_next_comp_event(a.eq, &cqn), 1);
	side_done(&a, 5);
	/* And what was there before it needs none. */
	complete(1, 6);
	usleep(20000);
	assert_int_equal(libvib_resize_cq(a.cq, 64), 0);
	assert_int_equal(libvib_arm_cq(a.cq, false), 1);
	side_done(&a, 6);
	assert_int_equal(libvib_arm_cq(a.cq, false), 0);
}

#define test(name) pair_test(name, &pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(region_moves_to_other_memory_under_its_keys),
		test(region_that_is_granted_to_be_read_is_moved_with_rights_to_write),
		test(region_changes_its_pd_and_is_not_reached_by_the_old_one_s),
		test(change_that_is_refused_leaves_the_region_as_it_was),
		test(window_is_written_through_and_unbound),
		test(peer_invalidates_the_window_with_its_message),
		test(nobody_writes_through_a_window_whose_binding_has_ended),
		test(windows_are_deallocated_under_fire),
		test(entries_are_polled_in_order_over_any_number_of_resizes),
		test(queue_too_small_for_what_it_holds_stays_as_it_is),
		test(wish_for_an_event_outlives_a_resize),
	};

	alarm(300);
	return cmocka_run_group_tests_name("changes at ibback", tests, start,
					   ibback_stop);
}
