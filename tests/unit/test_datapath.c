// SPDX-License-Identifier: GPL-2.0-or-later
/* libvib's data path, against the other end of the memory. */
#include "cm.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "libvib/datapath.h"

#define ORDER 2
#define DEPTH (1 << ORDER)

/* A QP as libvib_create_qp() leaves it, and the backend's views of its queues. */
struct rig {
	struct libvib_qp *qp;
	struct libvib_srq srq;
	struct libvib_cq cq;
	struct vib_queue sq, rq, srq_end, cq_end;
	struct vib_doorbell_page *doorbell;
};

static void *lines(size_t bytes)
{
	void *p = aligned_alloc(VIB_PAGE_SIZE, (bytes + 4095) / 4096 * 4096);

	assert_non_null(p);
	memset(p, 0, (bytes + 4095) / 4096 * 4096);
	return p;
}

static void both_ends(struct vib_queue *a, struct vib_queue *b, uint32_t stride)
{
	void *memory = lines(vib_queue_bytes(ORDER, stride));

	vib_queue_init(a, memory, ORDER, stride);
	vib_queue_init(b, memory, ORDER, stride);
}

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	r->qp = lines(sizeof(*r->qp));
	r->doorbell = lines(sizeof(*r->doorbell));
	r->qp->type = VIB_QPT_RC;
	r->qp->doorbell = r->doorbell;
	r->qp->db_index = 77;
	r->qp->wake_fd = eventfd(0, EFD_NONBLOCK);
	both_ends(&r->qp->sq, &r->sq, 128);
	both_ends(&r->qp->rq, &r->rq, 64);
	both_ends(&r->srq.queue, &r->srq_end, 64);
	both_ends(&r->cq.queue, &r->cq_end, 64);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	close(r->qp->wake_fd);
	free(r->sq.hdr);
	free(r->rq.hdr);
	free(r->srq_end.hdr);
	free(r->cq_end.hdr);
	free(r->doorbell);
	free(r->qp);
	free(r);
	return 0;
}

static bool bell(struct rig *r)
{
	if (!(vib_doorbell_take_summary(r->doorbell, 0) & 1u << 1))
		return false;
	assert_true(vib_doorbell_take_leaf(r->doorbell, 1) == 1u << 13); /* 64 + 13 */
	return true;
}

static bool woken(struct rig *r)
{
	uint64_t count;

	return read(r->qp->wake_fd, &count, sizeof(count)) == sizeof(count);
}

static const struct vib_send_wqe write8 = {
	.gen = 0xdead, /* the caller's has no meaning */
	.opcode = VIB_OP_RDMA_WRITE,
	.flags = VIB_SEND_INLINE | VIB_SEND_SIGNALED,
	.wr_id = 0x1122334455667788,
	.inline_len = 8,
	.u.rdma = { .remote_addr = 0x7000, .rkey = 9 },
};

/* ---- sending ----------------------------------------------------------- */

static void small_write_is_one_line(void **state)
{
	struct rig *r = *state;
	const struct vib_send_wqe *slot;

	assert_int_equal(libvib_post_send(r->qp, &write8, "8 bytes"), 0);
	slot = vib_queue_peek(&r->sq);
	assert_non_null(slot);
	assert_int_equal(slot->gen, 1);
	assert_memory_equal(&slot->opcode, &write8.opcode,
			    VIB_DATA_RDMA - offsetof(struct vib_send_wqe, opcode));
	assert_string_equal((const char *)slot + VIB_DATA_RDMA, "8 bytes");
}

static void data_follow_the_operands_of_each_opcode(void **state)
{
	static const struct {
		uint8_t opcode;
		enum vib_qp_type type;
		uint32_t offset;
	} kinds[] = {
		{ VIB_OP_SEND, VIB_QPT_RC, 24 },
		{ VIB_OP_SEND_IMM, VIB_QPT_UC, 24 },
		{ VIB_OP_SEND_INV, VIB_QPT_RC, 24 },
		{ VIB_OP_RDMA_WRITE, VIB_QPT_RC, 40 },
		{ VIB_OP_RDMA_WRITE_IMM, VIB_QPT_UC, 40 },
		{ VIB_OP_RDMA_READ, VIB_QPT_RC, 40 },
		{ VIB_OP_CMP_SWAP, VIB_QPT_RC, 56 },
		{ VIB_OP_FETCH_ADD, VIB_QPT_RC, 56 },
		{ VIB_OP_BIND_MW, VIB_QPT_RC, 56 },
		{ VIB_OP_SEND, VIB_QPT_UD, 64 },
		{ VIB_OP_SEND, VIB_QPT_GSI, 64 },
		{ VIB_OP_SEND, VIB_QPT_SMI, 64 },
	};
	const struct vib_sge sges[] = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } };
	struct rig *r = *state;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct vib_send_wqe wqe = { .opcode = kinds[i].opcode, .num_sge = 3 };
		const uint8_t *slot;

		memset(&wqe.u, 0x5a, sizeof(wqe.u));
		wqe.u.rdma.reserved = 0; /* the place is that of an atomic's, too */
		wqe.u.ud.mss = 0;
		r->qp->type = kinds[i].type;
		assert_int_equal(libvib_post_send(r->qp, &wqe, sges), 0);
		slot = vib_queue_peek(&r->sq);
		assert_non_null(slot);
		assert_memory_equal(slot + 4, (uint8_t *)&wqe + 4, kinds[i].offset - 4);
		assert_memory_equal(slot + kinds[i].offset, sges, sizeof(sges));
		vib_queue_consume(&r->sq);
	}
}

static void reg_mr_keeps_its_operands(void **state)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_REG_MR,
				    .u.reg_mr = { .iova = 1, .serial = 12 } };
	struct rig *r = *state;

	assert_int_equal(libvib_post_send(r->qp, &wqe, NULL), 0);
	assert_memory_equal((uint8_t *)vib_queue_peek(&r->sq) + 4, (uint8_t *)&wqe + 4,
			    56 - 4);
}

static void what_no_slot_holds_is_refused_and_nothing_posted(void **state)
{
	struct vib_sge sges[8] = { 0 };
	struct vib_send_wqe wqe = { .opcode = VIB_OP_SEND, .num_sge = 7 };
	char data[128] = "";
	struct rig *r = *state;

	assert_int_equal(libvib_post_send(r->qp, &wqe, sges), -EINVAL);
	wqe.num_sge = 6; /* 24 + 96 */
	assert_int_equal(libvib_post_send(r->qp, &wqe, sges), 0);
	wqe.flags = VIB_SEND_INLINE;
	wqe.inline_len = 105;
	assert_int_equal(libvib_post_send(r->qp, &wqe, data), -EINVAL);
	wqe.inline_len = UINT32_MAX;
	assert_int_equal(libvib_post_send(r->qp, &wqe, data), -EINVAL);
	wqe.inline_len = 104;
	assert_int_equal(libvib_post_send(r->qp, &wqe, data), 0);
	assert_int_equal(r->qp->sq.index, 2);
}

static void queue_is_full_until_the_backend_gives_back(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < DEPTH; i++)
		assert_int_equal(libvib_post_send(r->qp, &write8, "8 bytes"), 0);
	assert_int_equal(libvib_post_send(r->qp, &write8, "8 bytes"), -ENOMEM);
	assert_int_equal(r->qp->sq.index, DEPTH);
	assert_non_null(vib_queue_peek(&r->sq));
	vib_queue_consume(&r->sq);
	assert_int_equal(libvib_post_send(r->qp, &write8, "8 bytes"), 0);
	assert_int_equal(libvib_post_send(r->qp, &write8, "8 bytes"), -ENOMEM);
}

static void every_lap_is_seen_in_order(void **state)
{
	struct vib_send_wqe wqe = write8;
	const struct vib_send_wqe *slot;
	struct rig *r = *state;
	uint64_t posted = 0, taken = 0;

	/* Up to the wrap of the index and beyond. */
	r->qp->sq.index = r->qp->sq.seen_cons = r->sq.index = 0u - 50;
	r->sq.hdr->cons = r->sq.index;
	while (taken < 200) {
		for (uint64_t n = posted % DEPTH + 1; n && posted - taken < DEPTH; n--) {
			wqe.wr_id = posted++;
			assert_int_equal(libvib_post_send(r->qp, &wqe, &posted), 0);
		}
		while ((slot = vib_queue_peek(&r->sq))) {
			assert_true(slot->wr_id == taken++);
			assert_true(*(uint64_t *)((uint8_t *)slot + 40) == taken);
			vib_queue_consume(&r->sq);
		}
		assert_true(taken == posted);
	}
}

static void consumer_beyond_its_queue_is_noticed(void **state)
{
	struct rig *r = *state;

	for (int i = 0; i < DEPTH; i++)
		assert_int_equal(libvib_post_send(r->qp, &write8, "8 bytes"), 0);
	r->sq.hdr->cons = 1000;
	assert_int_equal(libvib_post_send(r->qp, &write8, "8 bytes"), -EPROTO);
	r->sq.hdr->cons = 0u - 1;
	assert_int_equal(libvib_post_send(r->qp, &write8, "8 bytes"), -EPROTO);
}

/* ---- bells ------------------------------------------------------------- */

static void bell_rings_only_where_the_backend_waits(void **state)
{
	struct rig *r = *state;

	/* A fresh queue asks for entry 0. */
	assert_int_equal(libvib_send(r->qp, &write8, "8 bytes"), 0);
	assert_true(bell(r));
	assert_false(woken(r)); /* the poller is awake */

	assert_int_equal(libvib_send(r->qp, &write8, "8 bytes"), 0);
	assert_false(bell(r)); /* and looks at this queue anyway */

	r->sq.index = 2;
	assert_int_equal(vib_queue_arm(&r->sq), 0);
	assert_int_equal(libvib_send(r->qp, &write8, "8 bytes"), 0);
	assert_true(bell(r));
}

static void bell_wakes_a_sleeping_poller_once(void **state)
{
	struct rig *r = *state;

	assert_int_equal(vib_doorbell_sleep(r->doorbell), 0);
	assert_int_equal(libvib_send(r->qp, &write8, "8 bytes"), 0);
	assert_true(bell(r));
	assert_true(woken(r));
	assert_int_equal(libvib_send(r->qp, &write8, "8 bytes"), 0);
	assert_false(woken(r));
}

static void batch_rings_once_if_the_wish_is_anywhere_in_it(void **state)
{
	struct rig *r = *state;

	r->sq.hdr->notify = 2;
	for (int i = 0; i < DEPTH; i++) {
		assert_int_equal(libvib_post_send(r->qp, &write8, "8 bytes"), 0);
		assert_false(bell(r));
	}
	libvib_ring_send(r->qp);
	assert_true(bell(r));
	libvib_ring_send(r->qp); /* nothing new */
	assert_false(bell(r));
}

static void receives_ring_the_same_bell(void **state)
{
	const struct vib_recv_wqe wqe = { .num_sge = 1 };
	const struct vib_sge sge = { 1, 2, 3 };
	struct rig *r = *state;

	assert_int_equal(libvib_recv(r->qp, &wqe, &sge), 0);
	assert_true(bell(r));
	assert_int_equal(libvib_recv(r->qp, &wqe, &sge), 0);
	assert_false(bell(r));
}

/* ---- receiving --------------------------------------------------------- */

static void receive_is_a_head_and_its_elements(void **state)
{
	const struct vib_recv_wqe wqe = { .gen = 7, .num_sge = 2, .wr_id = 0x99 };
	const struct vib_sge sges[] = { { 1, 2, 3 }, { 4, 5, 6 } };
	struct rig *r = *state;
	const struct vib_recv_wqe *slot;

	assert_int_equal(libvib_post_recv(r->qp, &wqe, sges), 0);
	slot = vib_queue_peek(&r->rq);
	assert_non_null(slot);
	assert_int_equal(slot->num_sge, 2);
	assert_true(slot->wr_id == 0x99);
	assert_memory_equal(slot + 1, sges, sizeof(sges));

	assert_int_equal(libvib_post_srq_recv(&r->srq, &wqe, sges), 0);
	assert_memory_equal(vib_queue_peek(&r->srq_end), slot, 16 + sizeof(sges));
	assert_int_equal(bell(r), 0);
}

static void receives_too_many_or_too_large_are_refused(void **state)
{
	struct vib_recv_wqe wqe = { .num_sge = 4 };
	struct vib_sge sges[4] = { 0 };
	struct rig *r = *state;

	assert_int_equal(libvib_post_recv(r->qp, &wqe, sges), -EINVAL);
	wqe.num_sge = UINT32_MAX;
	assert_int_equal(libvib_post_recv(r->qp, &wqe, sges), -EINVAL);
	wqe.num_sge = 0;
	for (int i = 0; i < DEPTH; i++)
		assert_int_equal(libvib_post_srq_recv(&r->srq, &wqe, NULL), 0);
	assert_int_equal(libvib_post_srq_recv(&r->srq, &wqe, NULL), -ENOMEM);
}

static void queue_that_is_not_there_takes_nothing(void **state)
{
	const struct vib_recv_wqe wqe = { .num_sge = 1 };
	const struct vib_sge sge = { 1, 2, 3 };
	struct libvib_qp none;

	(void)state;
	memset(&none, 0, sizeof(none));
	assert_int_equal(libvib_post_recv(&none, &wqe, &sge), -EINVAL);
	assert_int_equal(libvib_post_send(&none, &write8, "8 bytes"), -EINVAL);
}

/* ---- completions ------------------------------------------------------- */

static void complete(struct rig *r, uint64_t wr_id)
{
	struct vib_cqe *slot = vib_queue_next_slot(&r->cq_end);

	assert_int_equal(vib_queue_may_produce(&r->cq_end), 1);
	slot->wr_id = wr_id;
	vib_queue_produce(&r->cq_end);
}

static void completions_are_taken_in_batches_and_given_back_at_once(void **state)
{
	struct vib_cqe out[DEPTH];
	struct rig *r = *state;
	uint64_t made = 0, seen = 0;

	assert_int_equal(libvib_poll_cq(&r->cq, out, DEPTH), 0);
	for (int lap = 0; lap < 10; lap++) {
		for (int i = 0; i < DEPTH; i++)
			complete(r, made++);
		assert_int_equal(libvib_poll_cq(&r->cq, out, DEPTH - 1), DEPTH - 1);
		assert_int_equal(r->cq.queue.hdr->cons, made - 1);
		for (int i = 0; i < DEPTH - 1; i++)
			assert_true(out[i].wr_id == seen++);
		assert_int_equal(libvib_poll_cq(&r->cq, out, DEPTH), 1);
		assert_true(out[0].wr_id == seen++);
		assert_int_equal(libvib_poll_cq(&r->cq, out, DEPTH), 0);
	}
}

static void armed_queue_wants_one_event(void **state)
{
	struct vib_cqe out;
	struct rig *r = *state;

	assert_int_equal(libvib_arm_cq(&r->cq, true), 0);
	assert_int_equal(vib_cq_take_arm(&r->cq_end, 0), 0);
	assert_int_equal(libvib_arm_cq(&r->cq, false), 0);
	assert_int_equal(vib_cq_take_arm(&r->cq_end, 0), 1);
	assert_int_equal(vib_cq_take_arm(&r->cq_end, 1), 0);
	complete(r, 1);
	assert_int_equal(libvib_arm_cq(&r->cq, false), 1);
	assert_int_equal(libvib_poll_cq(&r->cq, &out, 1), 1);
}

static void element_names_its_place_in_the_region(void **state)
{
	char memory[100] = { 0 };
	const struct libvib_mr mr = { .addr = memory, .iova = 0x10000, .lkey = 5 };
	struct vib_sge sge = libvib_sge(&mr, memory + 30, 20);

	(void)state;
	assert_true(sge.addr == 0x10000 + 30);
	assert_int_equal(sge.length, 20);
	assert_int_equal(sge.lkey, 5);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(small_write_is_one_line),
		test(data_follow_the_operands_of_each_opcode),
		test(reg_mr_keeps_its_operands),
		test(what_no_slot_holds_is_refused_and_nothing_posted),
		test(queue_is_full_until_the_backend_gives_back),
		test(every_lap_is_seen_in_order),
		test(consumer_beyond_its_queue_is_noticed),
		test(bell_rings_only_where_the_backend_waits),
		test(bell_wakes_a_sleeping_poller_once),
		test(batch_rings_once_if_the_wish_is_anywhere_in_it),
		test(receives_ring_the_same_bell),
		test(receive_is_a_head_and_its_elements),
		test(receives_too_many_or_too_large_are_refused),
		test(queue_that_is_not_there_takes_nothing),
		test(completions_are_taken_in_batches_and_given_back_at_once),
		test(armed_queue_wants_one_event),
		test(element_names_its_place_in_the_region),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
