// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast registration: when a key is valid, who ends that, and what is refused. */
#include <errno.h>
#include <stdlib.h>

#include "engine/fast.h"
#include "rig_fast.h"

static struct mw *mw_of(const struct fast_rig *f)
{
	return table_get(&f->d->gb->vhca->mws, f->key >> MW_KEY_BITS, mw);
}

static struct fast_rig shown_new(void)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);

	fast_show_row(&f, 2, 0, 2 * PAGE);
	return f;
}

/* ---- free, valid, free ------------------------------------------------- */

static void key_that_is_free_shows_nothing(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct wr wr = fast_wr(&f, VIB_OP_RDMA_READ, 0, 8);

	(void)state;
	assert_fast_denied(&f, &wr);
	fast_rig_free(&f);
}

static void local_inv_frees_it(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = local_inv_wr(f.key);

	(void)state;
	assert_int_equal(fast_do(&f, &wr, VIB_WC_SUCCESS).opcode, VIB_OP_LOCAL_INV);
	wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 8);
	assert_fast_denied(&f, &wr);
	assert_true(is_all(pool_at(&f, 0), PAGE, 0));
	fast_rig_free(&f);
}

/* All keys of its upper 24 bits, in turn, each with other pages. */
static void it_is_registered_again_and_again(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		const uint64_t page = pool_page(i % 8);
		struct wr wr = reg_wr(&f, &page, 1, i, PAGE - i);

		fast_show(&f, &wr);
		memset(pool_at(&f, i % 8), 0, PAGE);
		assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, PAGE - i);
		assert_memory_equal(pool_at(&f, i % 8) + i, f.d->ra.at, PAGE - i);
		wr = local_inv_wr(f.key);
		fast_do(&f, &wr, VIB_WC_SUCCESS);
	}
	fast_rig_free(&f);
}

static void key_of_before_is_denied(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = local_inv_wr(f.key);
	uint32_t before = f.key;

	(void)state;
	fast_do(&f, &wr, VIB_WC_SUCCESS);
	fast_show_row(&f, 2, 0, 2 * PAGE);
	wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 8);
	wr.rkey = before;
	assert_fast_denied(&f, &wr);
	fast_rig_free(&f);
}

/* A peer may have freed it, whose guest has not seen that yet (siw, rxe the same). */
static void key_that_is_free_may_be_invalidated(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = local_inv_wr(f.key);

	(void)state;
	fast_do(&f, &wr, VIB_WC_SUCCESS);
	fast_do(&f, &wr, VIB_WC_SUCCESS);
	fast_rig_free(&f);
}

static void assert_b_fails(struct fast_rig *f, const struct wr *wr)
{
	fast_do(f, wr, VIB_WC_MW_BIND_ERR);
	assert_int_equal(pqp_state(&f->d->b), VIB_QPS_ERR);
}

static void wrong_keys_invalidate_nothing(void **state)
{
	(void)state;
	for (uint32_t bit = 1; bit; bit <<= 1) {
		struct fast_rig f = shown_new();
		struct wr wr = local_inv_wr(f.key ^ bit);

		assert_b_fails(&f, &wr);
		assert_true(mw_of(&f)->fast->valid);
		fast_rig_free(&f);
	}
}

static void valid_key_is_not_registered(void **state)
{
	struct fast_rig f = shown_new();
	const uint64_t page = pool_page(5);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

	(void)state;
	assert_b_fails(&f, &wr);
	/* It shows what it did. */
	assert_int_equal(mw_of(&f)->key, f.key);
	assert_int_equal(mw_of(&f)->fast->length, 2 * PAGE);
	assert_int_equal(mw_of(&f)->fast->page[0], pool_page(0));
	fast_rig_free(&f);
}

/* ---- SEND_INV ---------------------------------------------------------- */

static struct wr send_inv(const struct fast_rig *f, uint32_t key)
{
	struct wr wr = duo_wr(f->d, 1, VIB_OP_SEND_INV, 64);

	wr.imm = key;
	return wr;
}

static void peer_frees_it_and_the_receive_says_so(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = send_inv(&f, f.key);
	struct vib_cqe cqe;

	(void)state;
	duo_recv(f.d, 11, 100);
	post_send(&f.d->a, &wr);
	rig_run(f.d->rig);
	take_cqe(&f.d->cqa, 1, VIB_WC_SUCCESS);
	cqe = take_cqe(&f.d->cqb, 11, VIB_WC_SUCCESS);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_WITH_INV);
	assert_int_equal(cqe.imm, f.key);
	fast_show_row(&f, 1, 0, PAGE);
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, PAGE);
	fast_rig_free(&f);
}

static void peer_frees_no_other_key(void **state)
{
	(void)state;
	for (uint32_t bit = 1; bit; bit <<= 1) {
		struct fast_rig f = shown_new();
		struct wr wr = send_inv(&f, f.key ^ bit);

		assert_fast_denied(&f, &wr);
		assert_true(mw_of(&f)->fast->valid);
		fast_rig_free(&f);
	}
}

/* ---- whose ------------------------------------------------------------- */

/* A third QP of b's guest, in a PD of its own or of b's, that needs no peer. */
static struct pqp third_new(struct fast_rig *f, bool other_pd, uint8_t flags)
{
	const struct plan plan = { .type = VIB_QPT_RC, .flags = flags };
	struct duo *d = f->d;
	uint32_t kept = d->gb->pd;
	struct pqp qp;

	if (other_pd)
		assert_int_equal(pd_create(d->gb->vhca, &d->gb->pd), 0);
	qp = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	d->gb->pd = kept;
	pqp_aim(&qp, &d->a, true);
	pqp_bring(&qp, VIB_QPS_RTS);
	return qp;
}

static void assert_third_fails(struct fast_rig *f, struct pqp *third, const struct wr *wr)
{
	post_send(third, wr);
	rig_run(f->d->rig);
	take_cqe(&f->d->cqb, wr->id, VIB_WC_MW_BIND_ERR);
	assert_int_equal(pqp_state(third), VIB_QPS_ERR);
}

/* As an MR's, and not as a window's of type 2. */
static void qps_of_its_pd_share_it(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct pqp third = third_new(&f, false, VIB_QPF_KERNEL);
	const uint64_t page = pool_page(5);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

	(void)state;
	post_send(&third, &wr);
	rig_run(f.d->rig);
	take_cqe(&f.d->cqb, 900, VIB_WC_SUCCESS);
	f.key = wr.reg.key;
	f.last = wr.reg;
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, PAGE);
	pqp_end(&third);
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, PAGE);
	wr = local_inv_wr(f.key);
	fast_do(&f, &wr, VIB_WC_SUCCESS);
	fast_rig_free(&f);
}

static void qps_of_another_pd_neither_register_nor_free_it(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint64_t page = pool_page(5);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);
	struct pqp third;

	(void)state;
	third = third_new(&f, true, VIB_QPF_KERNEL);
	assert_third_fails(&f, &third, &wr);
	fast_show(&f, &wr);
	third = third_new(&f, true, VIB_QPF_KERNEL);
	wr = local_inv_wr(f.key);
	assert_third_fails(&f, &third, &wr);
	assert_true(mw_of(&f)->fast->valid);
	fast_rig_free(&f);
}

static void peers_of_another_pd_are_denied(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct duo *d = f.d;
	const struct vib_cmd_alloc_mr cmd = { .max_pages = 1 };
	struct vib_cmd_alloc_mr other = cmd;
	struct wr wr;
	uint32_t pd;

	(void)state;
	/* A key of another PD, made valid by a QP of that. */
	assert_int_equal(pd_create(d->gb->vhca, &pd), 0);
	other.pd = pd;
	assert_int_equal(fast_create(d->gb->vhca, &other, &f.key), 0);
	{
		const uint64_t page = pool_page(5);
		uint32_t kept = d->gb->pd;
		struct pqp third;

		d->gb->pd = pd;
		third = third_new(&f, false, VIB_QPF_KERNEL);
		d->gb->pd = kept;
		wr = reg_wr(&f, &page, 1, 0, PAGE);
		post_send(&third, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqb, 900, VIB_WC_SUCCESS);
		f.key = wr.reg.key;
		f.last = wr.reg;
	}
	wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 8);
	assert_fast_denied(&f, &wr);
	assert_true(is_all(pool_at(&f, 5), PAGE, 0));
	fast_rig_free(&f);
}

static void programs_register_nothing(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct pqp third = third_new(&f, false, 0);
	const uint64_t page = pool_page(5);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

	(void)state;
	assert_third_fails(&f, &third, &wr);
	assert_false(mw_of(&f)->fast->valid);
	fast_rig_free(&f);
}

static void it_is_no_window_and_no_window_is_it(void **state)
{
	static const enum vib_mw_type types[] = { VIB_MW_TYPE_1, VIB_MW_TYPE_2 };
	struct fast_rig f = shown_new();
	struct vhca *vhca = f.d->gb->vhca;
	struct wr wr = { .id = 5,
			 .opcode = VIB_OP_BIND_MW,
			 .flags = VIB_SEND_SIGNALED,
			 .bind = { .mw = f.key, .rkey = f.key } };

	(void)state;
	assert_int_equal(mw_destroy(vhca, f.key), -EINVAL);
	assert_b_fails(&f, &wr); /* that would unbind */
	assert_true(mw_of(&f)->fast->valid);
	fast_rig_free(&f);
	for (int i = 0; i < 2; i++) {
		struct vib_cmd_alloc_mw cmd = { .type = types[i] };
		const uint64_t page = pool_page(5);

		f = fast_rig_new(VIB_QPT_RC);
		vhca = f.d->gb->vhca;
		cmd.pd = f.d->gb->pd;
		assert_int_equal(mw_create(vhca, &cmd, &f.key), 0);
		assert_int_equal(fast_destroy(vhca, f.key), -EINVAL);
		wr = reg_wr(&f, &page, 1, 0, PAGE);
		assert_b_fails(&f, &wr);
		fast_rig_free(&f);
	}
}

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

static uint64_t *entry(const struct fast_rig *f, uint32_t i)
{
	return (uint64_t *)(list_of(f) + 1) + i;
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

/* ---- others at work on it ---------------------------------------------- */

static void requests_wait_for_one_who_is_at_it(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint64_t page = pool_page(0);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

	(void)state;
	pthread_spin_lock(&mw_of(&f)->lock);
	post_send(&f.d->b, &wr);
	rig_passes(f.d->rig, 100);
	assert_no_cqe(&f.d->cqb);
	pthread_spin_unlock(&mw_of(&f)->lock);
	rig_run(f.d->rig);
	take_cqe(&f.d->cqb, 900, VIB_WC_SUCCESS);
	f.key = wr.reg.key;
	f.last = wr.reg;

	pthread_spin_lock(&mw_of(&f)->lock);
	wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 8);
	post_send(&f.d->a, &wr);
	wr = local_inv_wr(f.key);
	post_send(&f.d->b, &wr);
	rig_passes(f.d->rig, 100);
	assert_no_cqe(&f.d->cqa);
	assert_no_cqe(&f.d->cqb);
	/* Its own requests do not wait. */
	pthread_spin_unlock(&mw_of(&f)->lock);
	fast_rig_free(&f);
}

static void own_requests_use_it_while_a_peer_does(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = { .id = 3,
			 .opcode = VIB_OP_SEND,
			 .flags = VIB_SEND_SIGNALED,
			 .count = 1,
			 .sge = { { f.last.iova, 64, f.key } } };
	struct vib_sge to = sge_of(&f.d->ra, 0, 64);

	(void)state;
	post_recv(&f.d->a, 21, &to, 1);
	pthread_spin_lock(&mw_of(&f)->lock);
	post_send(&f.d->b, &wr);
	rig_passes(f.d->rig, 10);
	take_cqe(&f.d->cqb, 3, VIB_WC_SUCCESS);
	pthread_spin_unlock(&mw_of(&f)->lock);
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
		cmocka_unit_test(key_that_is_free_shows_nothing),
		cmocka_unit_test(local_inv_frees_it),
		cmocka_unit_test(it_is_registered_again_and_again),
		cmocka_unit_test(key_of_before_is_denied),
		cmocka_unit_test(key_that_is_free_may_be_invalidated),
		cmocka_unit_test(wrong_keys_invalidate_nothing),
		cmocka_unit_test(valid_key_is_not_registered),
		cmocka_unit_test(peer_frees_it_and_the_receive_says_so),
		cmocka_unit_test(peer_frees_no_other_key),
		cmocka_unit_test(qps_of_its_pd_share_it),
		cmocka_unit_test(qps_of_another_pd_neither_register_nor_free_it),
		cmocka_unit_test(peers_of_another_pd_are_denied),
		cmocka_unit_test(programs_register_nothing),
		cmocka_unit_test(it_is_no_window_and_no_window_is_it),
		cmocka_unit_test(operands_out_of_bounds_are_refused),
		cmocka_unit_test(largest_registration_is_whole),
		cmocka_unit_test(requests_with_data_are_malformed),
		cmocka_unit_test(list_is_read_once),
		cmocka_unit_test(
			what_was_unmapped_is_not_reached_before_it_is_invalidated),
		cmocka_unit_test(message_under_way_does_not_go_on_in_what_was_unmapped),
		cmocka_unit_test(it_says_that_it_is_in_use_while_it_is),
		cmocka_unit_test(serials_wrap),
		cmocka_unit_test(key_of_ended_memory_is_invalidated_and_registered_again),
		cmocka_unit_test(region_that_ended_is_not_reached),
		cmocka_unit_test(key_whose_list_ended_shows_nothing),
		cmocka_unit_test(key_that_ended_is_not_reached),
		cmocka_unit_test(requests_wait_for_one_who_is_at_it),
		cmocka_unit_test(own_requests_use_it_while_a_peer_does),
		cmocka_unit_test(commands_out_of_bounds_are_refused),
		cmocka_unit_test(key_may_be_chosen),
		cmocka_unit_test(they_count_as_mrs),
		cmocka_unit_test(guest_with_valid_keys_ends),
	};

	alarm(120);
	return cmocka_run_group_tests_name("states of fast registration", tests,
					   rig_enter, rig_leave);
}
