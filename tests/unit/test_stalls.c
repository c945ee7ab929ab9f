// SPDX-License-Identifier: GPL-2.0-or-later
/* Who has much memory mapped or unmapped keeps only himself waiting. */
#include <errno.h>
#include <unistd.h>

#include "address_space.h"
#include "two_guests.h"

static void others_are_answered_while_memory_is_mapped(void **state)
{
	struct world *w = *state;
	uint32_t pd = pd_of(&w->a);
	struct vib_control_response rsp;

	ask(&w->a, reg_mr(&w->a, pd, PAGES));
	for (unsigned int i = 0; i < SLICES; i++) {
		assert_false(is_answered(&w->a));
		assert_int_equal(mapped(w), i * FAKE_SLICE);
		ask(&w->b, query);
		assert_int_equal(take(&w->b).status, 0);
		step(w);
	}
	rsp = take(&w->a);
	assert_int_equal(rsp.status, 0);
	assert_true(fake_notified(w->xen, w->a.domid));
	assert_int_equal(mapped(w), PAGES);
	assert_int_equal(vhca_of(&w->a)->mappings, SLICES);
	assert_true(is_idle(w));

	/* It is one range. */
	*(uint8_t *)memory_of(&w->a, DATA + PAGES - 1) = 0x5a;
	assert_int_equal(table_get(&vhca_of(&w->a)->mrs, rsp.u.reg_mr.lkey, mr)
				 ->at[(PAGES - 1) * VIB_PAGE_SIZE],
			 0x5a);
}

static void others_are_answered_while_memory_is_unmapped(void **state)
{
	struct world *w = *state;
	uint32_t key = register_mr(&w->a, PAGES);

	ask(&w->a, dereg_mr(key));
	/* Nobody reaches it any more. */
	assert_null(table_get(&vhca_of(&w->a)->mrs, key, mr));
	for (unsigned int i = 0; i < SLICES; i++) {
		assert_false(is_answered(&w->a));
		assert_int_equal(mapped(w), PAGES - i * FAKE_SLICE);
		ask(&w->b, query);
		assert_int_equal(take(&w->b).status, 0);
		step(w);
	}
	assert_int_equal(take(&w->a).status, 0);
	assert_int_equal(mapped(w), 0);
}

static void vibs_take_turns(void **state)
{
	struct world *w = *state;
	uint32_t pd_a = pd_of(&w->a), pd_b = pd_of(&w->b);

	ask(&w->a, reg_mr(&w->a, pd_a, PAGES));
	ask(&w->b, reg_mr(&w->b, pd_b, PAGES));
	for (unsigned int i = 1; i < SLICES; i++) {
		step(w);
		assert_int_equal(mapped_so_far(&w->a), i * FAKE_SLICE);
		assert_int_equal(mapped_so_far(&w->b), (i - 1) * FAKE_SLICE);
		step(w);
		assert_int_equal(mapped_so_far(&w->b), i * FAKE_SLICE);
	}
	step(w);
	assert_int_equal(take(&w->a).status, 0);
	/* Its next command goes to the end of the queue. */
	ask(&w->a, reg_mr(&w->a, pd_a, 1));
	step(w);
	assert_int_equal(take(&w->b).status, 0);
	assert_false(is_answered(&w->a));
	step(w);
	assert_int_equal(take(&w->a).status, 0);
}

/* Its own queries, too: what the port is now cannot wait for what takes long. */
static void queries_and_events_do_not_wait(void **state)
{
	struct world *w = *state;
	uint32_t pd = pd_of(&w->a);
	struct vib_queue events;

	vib_queue_init(&events, memory_of(&w->a, ASYNC), VIB_ASYNC_ORDER,
		       sizeof(struct vib_async_event));
	ask(&w->a, reg_mr(&w->a, pd, PAGES));
	ask(&w->a, query);
	assert_int_equal(take(&w->a).u.port.state, VIB_PORT_ACTIVE);
	put(&w->a, w->a.be, VIB_BE_LINK, "down");
	fake_loop(w->xen);
	assert_non_null(vib_queue_peek(&events));
	ask(&w->a, query);
	assert_int_equal(take(&w->a).u.port.state, VIB_PORT_DOWN);
	assert_false(is_answered(&w->a));
	fake_settle(w->xen);
	assert_int_equal(take(&w->a).operation, VIB_CMD_REG_MR);
	assert_false(is_answered(&w->a));
}

static void others_of_a_guest_wait_in_their_order(void **state)
{
	struct world *w = *state;
	const struct vib_control_request alloc_pd = { .operation = VIB_CMD_ALLOC_PD };
	uint32_t pd = pd_of(&w->a);

	ask(&w->a, reg_mr(&w->a, pd, PAGES));
	ask(&w->a, alloc_pd);
	ask(&w->a, reg_mr(&w->a, pd, PAGES));
	ask(&w->a, query);
	ask(&w->a, alloc_pd);
	assert_int_equal(take(&w->a).operation, VIB_CMD_QUERY_PORT);
	assert_false(is_answered(&w->a));
	steps(w, SLICES);
	assert_int_equal(take(&w->a).operation, VIB_CMD_REG_MR);
	assert_int_equal(take(&w->a).operation, VIB_CMD_ALLOC_PD);
	assert_false(is_answered(&w->a)); /* the second MR is under way */
	steps(w, SLICES);
	assert_int_equal(take(&w->a).operation, VIB_CMD_REG_MR);
	assert_int_equal(take(&w->a).operation, VIB_CMD_ALLOC_PD);
	assert_false(is_answered(&w->a));
}

static void ring_full_of_what_waits(void **state)
{
	struct world *w = *state;
	const struct vib_control_request alloc_pd = { .operation = VIB_CMD_ALLOC_PD };
	uint32_t pd = pd_of(&w->a);

	/* Twice, so that the copies go round. */
	for (unsigned int round = 0; round < 2; round++) {
		ask(&w->a, reg_mr(&w->a, pd, PAGES));
		for (unsigned int i = 1; i < VIB_CONTROL_RING_SIZE; i++)
			ask(&w->a, alloc_pd);
		assert_false(is_answered(&w->a));
		fake_settle(w->xen);
		assert_int_equal(take(&w->a).operation, VIB_CMD_REG_MR);
		for (unsigned int i = 1; i < VIB_CONTROL_RING_SIZE; i++)
			assert_int_equal(take(&w->a).status, 0);
		assert_false(is_answered(&w->a));
	}
}

static void tree_of_two_levels_is_read_as_it_is_mapped(void **state)
{
	struct world *w = *state;
	const uint32_t count = VIB_LIST_REFS + 5;
	uint32_t key = register_mr(&w->a, count);

	assert_int_equal(mapped(w), count);
	assert_int_equal(vhca_of(&w->a)->mappings,
			 xenport_pieces(fake_xen_port(w->xen), count));
	assert_int_equal(execute(&w->a, dereg_mr(key)).status, 0);
	assert_int_equal(mapped(w), 0);
}

static void failure_in_mid_job_leaves_nothing(void **state)
{
	struct world *w = *state;
	uint32_t pd = pd_of(&w->a);
	struct vib_control_response rsp;

	/* In the second slice, and in the last. */
	for (uint32_t page = FAKE_SLICE + 1; page < PAGES; page += FAKE_SLICE) {
		fake_bad_page(w->xen, page_of(&w->a, DATA + page));
		ask(&w->a, reg_mr(&w->a, pd, PAGES));
		steps(w, 1 + page / FAKE_SLICE);
		assert_false(is_answered(&w->a)); /* first it is unmapped */
		assert_int_not_equal(mapped(w), 0);
		fake_settle(w->xen);
		rsp = take(&w->a);
		assert_int_equal(rsp.status, -ENOSPC);
		assert_int_equal(rsp.u.reg_mr.lkey, 0);
		assert_int_equal(mapped(w), 0);
		assert_int_equal(vhca_of(&w->a)->pages, 0);
		assert_int_equal(w->engine->mappings, 0);
	}
	fake_bad_page(w->xen, 0);
	assert_int_equal(execute(&w->a, reg_mr(&w->a, pd, PAGES)).status, 0);
}

/* No mapping, and no range that was reserved. */
static void list_page_that_is_bad_leaves_nothing(void **state)
{
	struct world *w = *state;
	uint32_t pd = pd_of(&w->a), *root = memory_of(&w->a, ROOT);
	const uint32_t count = 2 * VIB_LIST_REFS;
	unsigned long before = address_space();

	for (unsigned int i = 0; i < 10; i++) {
		ask(&w->a, reg_mr(&w->a, pd, count));
		root[1] = 4711; /* the root was not read yet; the first list is good */
		fake_settle(w->xen);
		assert_int_equal(take(&w->a).status, -ENOSPC);
		assert_int_equal(mapped(w), 0);
		assert_int_equal(vhca_of(&w->a)->pages, 0);
	}
	assert_in_range(address_space(), 0, before + 4 * VIB_LIST_REFS);
}

static void quota_counts_what_is_being_mapped(void **state)
{
	struct world *w = *state;
	uint32_t pd = pd_of(&w->a);

	ask(&w->a, reg_mr(&w->a, pd, PAGES));
	assert_int_equal(vhca_of(&w->a)->pages, PAGES);
	assert_int_equal(w->engine->mappings, SLICES);
	assert_int_equal(w->backend.mapped, PAGES);
	vhca_of(&w->a)->limits.max_pages = PAGES;
	fake_settle(w->xen);
	assert_int_equal(take(&w->a).status, 0);
	assert_int_equal(execute(&w->a, reg_mr(&w->a, pd, 1)).status, -ENOMEM);
	assert_int_equal(vhca_of(&w->a)->pages, PAGES);
}

static void bound_mr_is_refused_before_anything_is_unmapped(void **state)
{
	struct world *w = *state;
	uint32_t key = register_mr(&w->a, PAGES);
	struct mr *mr = table_get(&vhca_of(&w->a)->mrs, key, mr);

	assert_true(mr_take_window(mr));
	ask(&w->a, dereg_mr(key));
	assert_int_equal(take(&w->a).status, -EBUSY);
	assert_true(is_idle(w));
	assert_int_equal(mapped(w), PAGES);
	mr_put_window(mr);
	assert_int_equal(execute(&w->a, dereg_mr(key)).status, 0);
}

/* A window is bound by a request, while the MR's new memory is mapped. */
static void window_that_is_bound_meanwhile_is_seen(void **state)
{
	struct world *w = *state;
	uint32_t key = register_mr(&w->a, PAGES);
	struct mr *mr = table_get(&vhca_of(&w->a)->mrs, key, mr);
	struct vib_control_request req = {
		.operation = VIB_CMD_REREG_MR,
		.u.rereg_mr = { .key = key, .mask = VIB_REREG_TRANSLATION },
	};

	req.u.rereg_mr.mr = reg_mr(&w->a, 0, 2 * FAKE_SLICE).u.reg_mr;
	ask(&w->a, req);
	steps(w, 1);
	assert_true(mr_take_window(mr));
	fake_settle(w->xen);
	assert_int_equal(take(&w->a).status, -EBUSY);
	assert_int_equal(mapped(w), PAGES);
	assert_ptr_equal(table_get(&vhca_of(&w->a)->mrs, key, mr), mr);
	mr_put_window(mr);

	assert_int_equal(execute(&w->a, req).status, 0);
	assert_int_equal(mapped(w), 2 * FAKE_SLICE);
	assert_int_equal(vhca_of(&w->a)->pages, 2 * FAKE_SLICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(others_are_answered_while_memory_is_mapped),
		test(others_are_answered_while_memory_is_unmapped),
		test(vibs_take_turns),
		test(queries_and_events_do_not_wait),
		test(others_of_a_guest_wait_in_their_order),
		test(ring_full_of_what_waits),
		test(tree_of_two_levels_is_read_as_it_is_mapped),
		test(failure_in_mid_job_leaves_nothing),
		test(list_page_that_is_bad_leaves_nothing),
		test(quota_counts_what_is_being_mapped),
		test(bound_mr_is_refused_before_anything_is_unmapped),
		test(window_that_is_bound_meanwhile_is_seen),
	};

	alarm(120);
	return cmocka_run_group_tests_name("stalls", tests, NULL, NULL);
}
