// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast registration: memory, lists and keys that end while a key is valid. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "engine/fast.h"
#include "rig_fast.h"

/* ---- memory that ends before the key ----------------------------------- */

/*
 * SRP: LOCAL_INV is posted, and the memory is unmapped, and another's, before that is
 * executed. The frontend says so in `ended`.
 */
static void what_was_unmapped_is_not_reached_before_it_is_invalidated(void **state)
{
	static const uint8_t ops[] = { VIB_OP_RDMA_WRITE, VIB_OP_RDMA_READ,
				       VIB_OP_RDMA_WRITE_IMM };

	(void)state;
	for (size_t o = 0; o < sizeof(ops); o++) {
		struct fast_rig f = shown_new();
		struct wr wr = fast_wr(&f, ops[o], 0, PAGE);

		list_of(&f)->ended = f.last.serial;
		assert_int_equal(list_of(&f)->in_use, 0);
		fill(pool_at(&f, 0), 2 * PAGE, 77); /* whose it is now */
		assert_fast_denied(&f, &wr);
		assert_true(is_filled(pool_at(&f, 0), 2 * PAGE, 77));
		fast_rig_free(&f);
	}
}

/* The same between two parts of a long message. */
static void message_under_way_does_not_go_on_in_what_was_unmapped(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint32_t parts = 64, length = parts * PAGE * 8;
	struct region big = region_new(f.d->ga, length);
	struct dma_memory memory = dma_new(f.d->gb, 1ull << 61 | 1ull << 45, parts * 8);
	struct dma_memory lists = dma_new(f.d->gb, 1ull << 40, 2);
	uint64_t pages[MAX_FAST_PAGES];
	struct wr wr;
	uint64_t i;

	(void)state;
	f.key = fast_key_new(f.d->gb, MAX_FAST_PAGES);
	for (i = 0; i < parts * 8; i++)
		pages[i] = memory.addr + i * PAGE;
	wr = reg_wr(&f, pages, 0, 0, length);
	memcpy((struct vib_page_list *)lists.at + 1, pages, sizeof(pages));
	wr.reg.list = lists.addr;
	fast_show(&f, &wr);
	fill(big.at, length, 5);
	wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 0);
	wr.count = 1;
	wr.sge[0] = sge_of(&big, 0, length);
	post_send(&f.d->a, &wr);
	rig_pass(f.d->rig);
	/* Some of it is there, not all. */
	assert_true(is_filled(memory.at, PAGE, 5));
	assert_true(is_all(memory.at + length - PAGE, PAGE, 0));
	((struct vib_page_list *)lists.at)->ended = f.last.serial;
	assert_int_equal(((struct vib_page_list *)lists.at)->in_use, 0);
	memset(memory.at, 0xaa, length);
	rig_run(f.d->rig);
	assert_true(is_all(memory.at, length, 0xaa));
	take_cqe(&f.d->cqa, 1, VIB_WC_REM_ACCESS_ERR);
	fast_rig_free(&f);
}

/* A request that looks at the word finds it, as it is a peer's, and no other request. */
static void it_says_that_it_is_in_use_while_it_is(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint64_t page = POOL_BASE; /* the list itself */
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);
	uint32_t seen;

	(void)state;
	fast_show(&f, &wr);
	assert_fast_reached(&f, VIB_OP_RDMA_READ, offsetof(struct vib_page_list, in_use),
			    4);
	memcpy(&seen, f.d->ra.at, 4);
	assert_int_equal(seen, 1);
	assert_int_equal(list_of(&f)->in_use, 0);
	fast_rig_free(&f);
}

static void serials_wrap(void **state)
{
	static const struct {
		uint32_t serial, ended;
		bool reached;
	} cases[] = {
		{ 1, 0, true },           { 0, UINT32_MAX, true },
		{ 0, 0, false },          { 5, 6, false },
		{ UINT32_MAX, 0, false }, { 0x80000000, 0x7fffffff, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fast_rig f = fast_rig_new(VIB_QPT_RC);
		const uint64_t page = pool_page(0);
		struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

		wr.reg.serial = cases[i].serial;
		list_of(&f)->ended = cases[i].ended;
		fast_show(&f, &wr);
		wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 8);
		if (cases[i].reached)
			assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, 8);
		else
			assert_fast_denied(&f, &wr);
		fast_rig_free(&f);
	}
}

/* What was unmapped is invalidated, and the key is used again. */
static void key_of_ended_memory_is_invalidated_and_registered_again(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = local_inv_wr(f.key);

	(void)state;
	list_of(&f)->ended = f.last.serial;
	fast_do(&f, &wr, VIB_WC_SUCCESS);
	fast_show_row(&f, 1, 0, PAGE);
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, PAGE);
	fast_rig_free(&f);
}

/* Freed here, too, so that a sanitizer sees who still reads or writes it. */
static void region_that_ended_is_not_reached(void **state)
{
	static const uint64_t row[2] = { 1ull << 40, (1ull << 40) + PAGE };
	static const uint64_t here_and_there[2] = { (1ull << 40) + PAGE, 1ull << 40 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fast_rig f = fast_rig_new(VIB_QPT_RC);
		struct dma_memory more = dma_new(f.d->gb, 1ull << 40, 2);
		struct wr wr = reg_wr(&f, i ? row : here_and_there, 2, 0, 2 * PAGE);

		fast_show(&f, &wr);
		assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, 2 * PAGE);
		dma_end(&more);
		wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 2 * PAGE);
		assert_fast_denied(&f, &wr);
		fast_rig_free(&f);
	}
}

static void key_whose_list_ended_shows_nothing(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct dma_memory lists = dma_new(f.d->gb, 1ull << 40, 1);
	const uint64_t page = pool_page(0);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

	(void)state;
	memcpy((struct vib_page_list *)lists.at + 1, &page, sizeof(page));
	wr.reg.list = lists.addr;
	fast_show(&f, &wr);
	dma_end(&lists);
	wr = fast_wr(&f, VIB_OP_RDMA_READ, 0, 8);
	assert_fast_denied(&f, &wr);
	fast_rig_free(&f);
}

static void key_that_ended_is_not_reached(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = fast_wr(&f, VIB_OP_RDMA_READ, 0, 8);

	(void)state;
	assert_int_equal(fast_destroy(f.d->gb->vhca, f.key), 0);
	assert_int_equal(fast_destroy(f.d->gb->vhca, f.key), -EINVAL);
	assert_fast_denied(&f, &wr);
	fast_rig_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_was_unmapped_is_not_reached_before_it_is_invalidated),
		cmocka_unit_test(message_under_way_does_not_go_on_in_what_was_unmapped),
		cmocka_unit_test(it_says_that_it_is_in_use_while_it_is),
		cmocka_unit_test(serials_wrap),
		cmocka_unit_test(key_of_ended_memory_is_invalidated_and_registered_again),
		cmocka_unit_test(region_that_ended_is_not_reached),
		cmocka_unit_test(key_whose_list_ended_shows_nothing),
		cmocka_unit_test(key_that_ended_is_not_reached),
	};

	alarm(120);
	return cmocka_run_group_tests_name("ends of registered memory", tests, rig_enter,
					   rig_leave);
}
