// SPDX-License-Identifier: GPL-2.0-or-later
/* Completion queues that get other memory. */
#include <errno.h>
#include <stdlib.h>

#include "rig_qp.h"

#define PORT 5

/* A duo whose a completes into a CQ of 2^@order slots with events. */
struct resized {
	struct duo *d;
	struct ceq eq;
	struct ccq cq;
	struct ccq before; /* what it was */
};

static struct resized *resized_new(uint32_t order)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct resized *r = calloc(1, sizeof(*r));
	struct duo *d;

	assert_non_null(r);
	r->d = d = duo_apart(VIB_QPT_RC);
	r->eq = ceq_new(d->ga, 4, PORT);
	r->cq = ccq_new(d->ga, order, r->eq.number);
	pqp_end(&d->a);
	d->a = pqp_new(d->ga, &plan, &r->cq, &r->cq);
	duo_aim(d);
	duo_connect(d);
	return r;
}

static void resized_free(struct resized *r)
{
	free(r->before.queue.hdr);
	duo_free(r->d);
	free(r);
}

static void complete(struct resized *r, uint64_t first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct wr wr = duo_wr(r->d, first + i, VIB_OP_RDMA_WRITE, 8);

		post_send(&r->d->a, &wr);
		rig_run(r->d->rig);
	}
}

/* Move to 2^@order slots; the answer, and where the old queue ends. */
static int resize(struct resized *r, uint32_t order, uint32_t *index)
{
	struct vhca *vhca = r->d->ga->vhca;
	struct memory m = queue_memory(order, sizeof(struct vib_cqe)), old;
	const struct vib_cmd_resize_cq cmd = { r->cq.number, order, { m.pages, 0 } };
	int rc = cq_resize_check(vhca, &cmd);

	if (rc == 0)
		rc = cq_resize(vhca, &cmd, &m, &old, index);
	if (rc < 0) {
		free(m.at);
		return rc;
	}
	free(r->before.queue.hdr);
	r->before = r->cq;
	assert_ptr_equal(old.at, r->before.queue.hdr);
	vib_queue_init(&r->cq.queue, m.at, order, sizeof(struct vib_cqe));
	return 0;
}

static void entries_go_to_the_new_queue_from_its_beginning(void **state)
{
	uint32_t index;

	(void)state;
	for (uint32_t order = 3; order <= 8; order += 5) {
		struct resized *r = resized_new(4);

		complete(r, 100, 5);
		assert_int_equal(resize(r, order, &index), 0);
		assert_int_equal(index, 5);
		complete(r, 200, 3);
		for (uint64_t i = 0; i < 5; i++)
			take_cqe(&r->before, 100 + i, VIB_WC_SUCCESS);
		assert_no_cqe(&r->before);
		assert_int_equal(vib_slot_at(&r->cq.queue, 0)[0], 1);
		for (uint64_t i = 0; i < 3; i++)
			take_cqe(&r->cq, 200 + i, VIB_WC_SUCCESS);
		assert_no_cqe(&r->cq);
		resized_free(r);
	}
}

static void new_queue_has_all_its_room_whatever_the_old_one_holds(void **state)
{
	struct resized *r = resized_new(4);
	uint32_t index;

	(void)state;
	complete(r, 100, 8);
	assert_int_equal(resize(r, 3, &index), 0);
	complete(r, 200, 8);
	assert_no_async(r->d->ga);
	complete(r, 300, 1);
	assert_async(r->d->ga, VIB_ASYNC_CQ_ERR, r->cq.number);
	resized_free(r);
}

static void more_untaken_entries_than_the_new_queue_has_are_refused(void **state)
{
	struct resized *r = resized_new(4);
	struct vib_cqe cqe;
	uint32_t index;

	(void)state;
	complete(r, 100, 9);
	assert_int_equal(resize(r, 3, &index), -EINVAL);
	complete(r, 109, 1);
	assert_true(ccq_poll(&r->cq, &cqe));
	assert_int_equal(resize(r, 3, &index), -EINVAL);
	assert_true(ccq_poll(&r->cq, &cqe)); /* eight are left */
	assert_int_equal(resize(r, 3, &index), 0);
	assert_int_equal(index, 10);
	for (uint64_t i = 2; i < 10; i++)
		take_cqe(&r->before, 100 + i, VIB_WC_SUCCESS);
	resized_free(r);
}

static void queue_that_overran_is_not_moved(void **state)
{
	struct resized *r = resized_new(1);
	uint32_t index;

	(void)state;
	complete(r, 100, 3);
	assert_async(r->d->ga, VIB_ASYNC_CQ_ERR, r->cq.number);
	assert_int_equal(resize(r, 8, &index), -EINVAL);
	resized_free(r);
}

static void queue_whose_consumer_lies_is_not_moved(void **state)
{
	struct resized *r = resized_new(4);
	uint32_t index;

	(void)state;
	complete(r, 100, 3);
	r->cq.queue.hdr->cons = 4;
	assert_int_equal(resize(r, 8, &index), -EINVAL);
	r->cq.queue.hdr->cons = 0x80000000;
	assert_int_equal(resize(r, 8, &index), -EINVAL);
	r->cq.queue.hdr->cons = 3;
	assert_int_equal(resize(r, 8, &index), 0);
	resized_free(r);
}

static void operands_out_of_bounds_are_refused(void **state)
{
	struct resized *r = resized_new(4);
	struct vhca *vhca = r->d->ga->vhca;
	const struct vib_cmd_resize_cq good = {
		r->cq.number, 4, { queue_pages(4, sizeof(struct vib_cqe)), 0 }
	};
	struct vib_cmd_resize_cq bad;

	(void)state;
	assert_int_equal(cq_resize_check(vhca, &good), 0);
#define REFUSED(change)                                                 \
	do {                                                            \
		bad = good;                                             \
		change;                                                 \
		assert_int_equal(cq_resize_check(vhca, &bad), -EINVAL); \
	} while (0)
	REFUSED(bad.cq += 1000);
	REFUSED(bad.order = 0; bad.pages.count = 0);
	REFUSED(bad.order = 0; bad.pages.count = 1);
	REFUSED(bad.order = 17);
	REFUSED(bad.order = 0xffffffff);
	REFUSED(bad.pages.count++);
	REFUSED(bad.pages.count--);
#undef REFUSED
	resized_free(r);
}

static void wish_moves_with_the_queue(void **state)
{
	(void)state;
	for (uint32_t wish = VIB_ARM_NONE; wish <= VIB_ARM_ANY; wish++) {
		struct resized *r = resized_new(4);
		uint32_t index;

		r->cq.queue.hdr->arm = wish;
		assert_int_equal(resize(r, 5, &index), 0);
		assert_int_equal(r->cq.queue.hdr->arm, wish);
		assert_int_equal(r->before.queue.hdr->arm, VIB_ARM_NONE);
		complete(r, 1, 1);
		assert_int_equal(ceq_poll(&r->eq),
				 wish == VIB_ARM_ANY ? r->cq.number : VIB_NO_OBJECT);
		resized_free(r);
	}
}

/* Entries of the old queue that no event was sent for yet count for a wish in the new. */
static void event_that_is_moderated_outlives_the_move(void **state)
{
	struct resized *r = resized_new(4);
	const struct vib_cmd_modify_cq moderation = { r->cq.number, 0, 1000 };
	uint32_t index;

	(void)state;
	assert_int_equal(cq_modify(r->d->ga->vhca, &moderation), 0);
	assert_false(vib_cq_arm(&r->cq.queue, VIB_ARM_ANY));
	complete(r, 1, 1);
	assert_int_equal(ceq_poll(&r->eq), VIB_NO_OBJECT);
	assert_int_equal(resize(r, 6, &index), 0);
	rig_wait(r->d->rig, 1000 * US);
	assert_int_equal(ceq_poll(&r->eq), r->cq.number);
	resized_free(r);
}

static void old_queue_is_touched_no_more(void **state)
{
	struct resized *r = resized_new(4);
	uint8_t was[2048];
	uint32_t index;

	(void)state;
	complete(r, 1, 3);
	assert_int_equal(resize(r, 4, &index), 0);
	memcpy(was, r->before.queue.hdr, vib_queue_bytes(4, 64));
	memset(r->before.queue.hdr, 0xff, 128); /* nor believed */
	complete(r, 10, 16);
	assert_no_async(r->d->ga);
	assert_memory_equal((uint8_t *)r->before.queue.hdr + 128, was + 128, 16 * 64);
	for (uint64_t i = 0; i < 16; i++)
		take_cqe(&r->cq, 10 + i, VIB_WC_SUCCESS);
	resized_free(r);
}

static void queue_is_moved_again_and_again_and_destroyed(void **state)
{
	struct resized *r = resized_new(4);
	struct memory m;
	uint32_t index;

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(resize(r, 1 + i % 8, &index), 0);
		assert_int_equal(index, i ? 1 : 0);
		complete(r, i, 1);
		take_cqe(&r->cq, i, VIB_WC_SUCCESS);
	}
	pqp_end(&r->d->a);
	assert_int_equal(cq_destroy(r->d->ga->vhca, r->cq.number, &m), 0);
	assert_ptr_equal(m.at, r->cq.queue.hdr);
	free(m.at);
	resized_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_go_to_the_new_queue_from_its_beginning),
		cmocka_unit_test(new_queue_has_all_its_room_whatever_the_old_one_holds),
		cmocka_unit_test(more_untaken_entries_than_the_new_queue_has_are_refused),
		cmocka_unit_test(queue_that_overran_is_not_moved),
		cmocka_unit_test(queue_whose_consumer_lies_is_not_moved),
		cmocka_unit_test(operands_out_of_bounds_are_refused),
		cmocka_unit_test(wish_moves_with_the_queue),
		cmocka_unit_test(event_that_is_moderated_outlives_the_move),
		cmocka_unit_test(old_queue_is_touched_no_more),
		cmocka_unit_test(queue_is_moved_again_and_again_and_destroyed),
	};

	alarm(120);
	return cmocka_run_group_tests_name("completion queues that move", tests,
					   rig_enter, rig_leave);
}
