// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast registration: requests and commands that are wrong. */
#include <errno.h>
#include <stdlib.h>

#include "engine/fast.h"
#include "rig_fast.h"

/* ---- hostile requests -------------------------------------------------- */

static void assert_refused(void (*spoil)(struct fast_rig *f, struct wr *wr))
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint64_t pages[2] = { pool_page(0), pool_page(1) };
	struct wr wr = reg_wr(&f, pages, 2, 8, PAGE);

	spoil(&f, &wr);
	assert_b_fails(&f, &wr);
	assert_false(mw_of(&f)->fast->valid);
	fast_rig_free(&f);
}

#define SPOIL(name, ...)                                    \
	static void name(struct fast_rig *f, struct wr *wr) \
	{                                                   \
		(void)f;                                    \
		(void)wr;                                   \
		__VA_ARGS__;                                \
	}
SPOIL(no_length, wr->reg.length = 0)
SPOIL(longer_than_max, wr->reg.length = POOL_PAGES * PAGE)
SPOIL(longest, wr->reg.length = UINT32_MAX)
SPOIL(wraps, wr->reg.iova = UINT64_MAX - PAGE + 2)
SPOIL(list_unaligned, wr->reg.list += 8)
SPOIL(list_in_front, wr->reg.list -= VIB_LINE)
SPOIL(list_reaches_out, wr->reg.list = POOL_BASE + POOL_PAGES * PAGE - 128)
SPOIL(list_nowhere, wr->reg.list = 0)
SPOIL(list_granted, wr->reg.list = VIB_GRANTED_BASE)
SPOIL(page_unaligned, *entry(f, 1) += 1)
SPOIL(page_in_front, *entry(f, 1) = POOL_BASE - PAGE)
SPOIL(page_behind, *entry(f, 1) = POOL_BASE + POOL_PAGES * PAGE)
SPOIL(page_nowhere, *entry(f, 0) = 0)
SPOIL(page_wraps, *entry(f, 0) = UINT64_MAX - PAGE + 1)
SPOIL(page_beyond_grants, *entry(f, 0) = VIB_GRANTED_BASE + VIB_GRANTED_BYTES)
SPOIL(atomic_alone, wr->reg.access = VIB_ACCESS_REMOTE_ATOMIC)
SPOIL(write_alone, wr->reg.access = VIB_ACCESS_REMOTE_WRITE)
SPOIL(window_s_right, wr->reg.access |= VIB_ACCESS_MW_BIND)
SPOIL(zero_based, wr->reg.access |= VIB_ACCESS_ZERO_BASED)
SPOIL(unknown_right, wr->reg.access |= 1u << 31)
SPOIL(another_number, wr->reg.key += 0x100)
SPOIL(an_mr_s_key, wr->reg.key = f->d->rb.key)
SPOIL(lent_memory_s_key, wr->reg.key = VIB_LOCAL_DMA_LKEY)

static void operands_out_of_bounds_are_refused(void **state)
{
	static void (*const all[])(struct fast_rig * f, struct wr * wr) = {
		no_length,
		longer_than_max,
		longest,
		wraps,
		list_unaligned,
		list_in_front,
		list_reaches_out,
		list_nowhere,
		list_granted,
		page_unaligned,
		page_in_front,
		page_behind,
		page_nowhere,
		page_wraps,
		page_beyond_grants,
		atomic_alone,
		write_alone,
		window_s_right,
		zero_based,
		unknown_right,
		another_number,
		an_mr_s_key,
		lent_memory_s_key,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_refused(all[i]);
}

static void largest_registration_is_whole(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint32_t count = POOL_PAGES - FIRST_PAGE;

	(void)state;
	assert_int_equal(fast_destroy(f.d->gb->vhca, f.key), 0);
	f.key = fast_key_new(f.d->gb, count);
	fast_show_row(&f, count, 0, count * PAGE);
	assert_fast_reached(&f, VIB_OP_RDMA_READ, (count - 1) * (uint64_t)PAGE, PAGE);
	fast_rig_free(&f);
}

static void requests_with_data_are_malformed(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fast_rig f = fast_rig_new(VIB_QPT_RC);
		const uint64_t page = pool_page(0);
		struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

		if (i)
			wr.flags |= VIB_SEND_INLINE;
		else
			wr.count = 1;
		fast_do(&f, &wr, VIB_WC_LOC_QP_OP_ERR);
		fast_rig_free(&f);
	}
}

/* What the list says later counts no more: it was copied. */
static void list_is_read_once(void **state)
{
	struct fast_rig f = shown_new();

	(void)state;
	*entry(&f, 0) = pool_page(9);
	*entry(&f, 1) = 0xdead000;
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, 2 * PAGE);
	assert_memory_equal(pool_at(&f, 0), f.d->ra.at, 2 * PAGE);
	assert_true(is_all(pool_at(&f, 9), PAGE, 0));
	fast_rig_free(&f);
}

/* ---- ALLOC_MR ---------------------------------------------------------- */

static void commands_out_of_bounds_are_refused(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct vib_cmd_alloc_mr cmd = { .pd = g->pd, .max_pages = 0 };
	uint32_t key;

	(void)state;
	assert_int_equal(fast_create(g->vhca, &cmd, &key), -EINVAL);
	cmd.max_pages = MAX_FAST_PAGES + 1;
	assert_int_equal(fast_create(g->vhca, &cmd, &key), -EINVAL);
	cmd.max_pages = UINT32_MAX;
	assert_int_equal(fast_create(g->vhca, &cmd, &key), -EINVAL);
	cmd.max_pages = MAX_FAST_PAGES;
	cmd.pd = g->pd + 1;
	assert_int_equal(fast_create(g->vhca, &cmd, &key), -EINVAL);
	cmd.pd = g->pd;
	assert_int_equal(fast_create(g->vhca, &cmd, &key), 0);
	assert_true(key_is_window(key));
	assert_int_equal(pd_destroy(g->vhca, g->pd), -EBUSY);
	assert_int_equal(fast_destroy(g->vhca, key ^ 0x55), 0);
	rig_free(rig);
}

/* As after a restart of the backend: each has the key that it had. */
static void key_may_be_chosen(void **state)
{
	static const uint32_t wrong[] = { 1, 0x7fffffff, VIB_LOCAL_DMA_LKEY, 0xffffff00 };
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct vib_cmd_alloc_mr cmd = { .pd = g->pd, .max_pages = 8 };
	uint32_t first, key;

	(void)state;
	first = fast_key_new(g, 8);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cmd.key = wrong[i];
		assert_int_equal(fast_create(g->vhca, &cmd, &key), -EEXIST);
	}
	cmd.key = first ^ 7;
	assert_int_equal(fast_create(g->vhca, &cmd, &key), -EEXIST);
	assert_int_equal(fast_destroy(g->vhca, first), 0);
	assert_int_equal(fast_create(g->vhca, &cmd, &key), 0);
	assert_int_equal(key, first ^ 7);
	cmd.key = 0xfffffe42;
	assert_int_equal(fast_create(g->vhca, &cmd, &key), 0);
	assert_int_equal(key, 0xfffffe42);
	rig_free(rig);
}

static void they_count_as_mrs(void **state)
{
	const struct vhca_limits limits = { .max_pd = 1, .max_mr = 2 };
	struct rig *rig = rig_new(1);
	struct guest *g = guest_bare(rig, &limits);
	struct vib_cmd_alloc_mr cmd = { .max_pages = 8 };
	uint32_t key;

	(void)state;
	assert_int_equal(pd_create(g->vhca, &cmd.pd), 0);
	assert_int_equal(fast_create(g->vhca, &cmd, &key), 0);
	assert_int_equal(fast_create(g->vhca, &cmd, &key), 0);
	assert_int_equal(fast_create(g->vhca, &cmd, &key), -ENOMEM);
	assert_int_equal(fast_destroy(g->vhca, key), 0);
	assert_int_equal(fast_create(g->vhca, &cmd, &key), 0);
	rig_free(rig);
}

static void guest_with_valid_keys_ends(void **state)
{
	struct fast_rig f = shown_new();

	(void)state;
	fast_key_new(f.d->gb, MAX_FAST_PAGES);
	guest_end(f.d->gb);
	f.d->gb = NULL;
	rig_free(f.d->rig);
	free(f.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operands_out_of_bounds_are_refused),
		cmocka_unit_test(largest_registration_is_whole),
		cmocka_unit_test(requests_with_data_are_malformed),
		cmocka_unit_test(list_is_read_once),
		cmocka_unit_test(commands_out_of_bounds_are_refused),
		cmocka_unit_test(key_may_be_chosen),
		cmocka_unit_test(they_count_as_mrs),
		cmocka_unit_test(guest_with_valid_keys_ends),
	};

	alarm(120);
	return cmocka_run_group_tests_name("refused registrations", tests, rig_enter,
					   rig_leave);
}
