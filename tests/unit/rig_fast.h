/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fast registration in the rig: a key of b's kernel, that a reaches memory by. */
#ifndef XEN_IB_TESTS_RIG_FAST_H
#define XEN_IB_TESTS_RIG_FAST_H

#include "outcome.h"
#include "rig_dma.h"

#define PAGE       VIB_PAGE_SIZE
#define POOL_BASE  (1ull << 60)
#define POOL_PAGES 24
/* Behind the list, at its place in the pool, are the pages that tests show. */
#define FIRST_PAGE 2
/* As NFS has it: its own number in the upper half. */
#define IOVA       (0x123456789ull << 24)

#define SHOW_ALL \
	(VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ)

struct fast_rig {
	struct duo *d; /* both QPs are their guests' kernels' */
	struct dma_memory pool;
	uint32_t key; /* as it is */
	struct reg last;
};

static inline void kernel_qp(struct guest *g, struct pqp *qp, struct ccq *cq,
			     enum vib_qp_type type)
{
	const struct plan plan = { .type = type, .flags = VIB_QPF_KERNEL };

	pqp_end(qp);
	*qp = pqp_new(g, &plan, cq, cq);
}

static inline uint32_t fast_key_new(struct guest *g, uint32_t max_pages)
{
	const struct vib_cmd_alloc_mr cmd = { .pd = g->pd, .max_pages = max_pages };
	uint32_t key;

	assert_int_equal(fast_create(g->vhca, &cmd, &key), 0);
	return key;
}

static inline struct fast_rig fast_rig_new(enum vib_qp_type type)
{
	struct fast_rig f = { .d = duo_apart(type) };

	kernel_qp(f.d->ga, &f.d->a, &f.d->cqa, type);
	kernel_qp(f.d->gb, &f.d->b, &f.d->cqb, type);
	duo_aim(f.d);
	duo_connect(f.d);
	f.pool = dma_new(f.d->gb, POOL_BASE, POOL_PAGES);
	f.key = fast_key_new(f.d->gb, POOL_PAGES);
	return f;
}

static inline struct vib_page_list *list_of(const struct fast_rig *f)
{
	return (struct vib_page_list *)f->pool.at;
}

/* The address of page @i in the list. */
static inline uint64_t *entry(const struct fast_rig *f, uint32_t i)
{
	return (uint64_t *)(list_of(f) + 1) + i;
}

/* Page @i of those that the list may name. */
static inline uint64_t pool_page(uint32_t i)
{
	return POOL_BASE + (FIRST_PAGE + i) * (uint64_t)PAGE;
}

static inline uint8_t *pool_at(const struct fast_rig *f, uint32_t i)
{
	return f->pool.at + (FIRST_PAGE + i) * (size_t)PAGE;
}

/* REG_MR of @pages, from byte @offset of the first on, under the key's next value. */
static inline struct wr reg_wr(struct fast_rig *f, const uint64_t *pages, uint32_t count,
			       uint32_t offset, uint32_t length)
{
	struct wr wr = {
		.id = 900,
		.opcode = VIB_OP_REG_MR,
		.flags = VIB_SEND_SIGNALED,
		.reg = { .iova = IOVA + offset,
			 .list = POOL_BASE,
			 .length = length,
			 .key = (f->key & ~0xffu) | ((f->key + 1) & 0xff),
			 .access = SHOW_ALL,
			 .serial = f->last.serial + 1 },
	};

	memcpy(list_of(f) + 1, pages, count * sizeof(*pages));
	return wr;
}

/* b executes @wr. */
static inline struct vib_cqe fast_do(struct fast_rig *f, const struct wr *wr,
				     uint8_t status)
{
	post_send(&f->d->b, wr);
	rig_run(f->d->rig);
	return take_cqe(&f->d->cqb, wr->id, status);
}

static inline void fast_show(struct fast_rig *f, const struct wr *wr)
{
	assert_int_equal(fast_do(f, wr, VIB_WC_SUCCESS).opcode, VIB_OP_REG_MR);
	f->key = wr->reg.key;
	f->last = wr->reg;
}

/* @count pages of the pool that follow one another. */
static inline void fast_show_row(struct fast_rig *f, uint32_t count, uint32_t offset,
				 uint32_t length)
{
	uint64_t pages[POOL_PAGES];
	struct wr wr;

	for (uint32_t i = 0; i < count; i++)
		pages[i] = pool_page(i);
	wr = reg_wr(f, pages, count, offset, length);
	fast_show(f, &wr);
}

static inline struct wr local_inv_wr(uint32_t key)
{
	return (struct wr){ .id = 901,
			    .opcode = VIB_OP_LOCAL_INV,
			    .flags = VIB_SEND_SIGNALED,
			    .imm = key };
}

/* a's request of @opcode, of @length bytes of ra, for what is @from bytes behind the
 * first that the key shows.
 */
static inline struct wr fast_wr(const struct fast_rig *f, uint8_t opcode, uint64_t from,
				uint32_t length)
{
	struct wr wr = duo_wr(f->d, 1, opcode, length);

	wr.rkey = f->key;
	wr.addr = f->last.iova + from;
	return wr;
}

static inline void assert_fast_reached(struct fast_rig *f, uint8_t opcode, uint64_t from,
				       uint32_t length)
{
	struct wr wr = fast_wr(f, opcode, from, length);

	post_send(&f->d->a, &wr);
	rig_run(f->d->rig);
	take_cqe(&f->d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&f->d->cqa);
	/* It is in use for as long as its peer is at it. */
	assert_int_equal(list_of(f)->in_use, 0);
}

/* @wr of a is denied, and both QPs fail. */
static inline void assert_fast_denied(struct fast_rig *f, const struct wr *wr)
{
	const struct outcome o = { VIB_WC_REM_ACCESS_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_ACCESS_ERR, true };

	duo_recv(f->d, 11, 100);
	assert_rc_outcome(f->d, wr, &o);
}

static inline struct mw *mw_of(const struct fast_rig *f)
{
	return table_get(&f->d->gb->vhca->mws, f->key >> MW_KEY_BITS, mw);
}

static inline struct fast_rig shown_new(void)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);

	fast_show_row(&f, 2, 0, 2 * PAGE);
	return f;
}

/* @wr of b is refused. */
static inline void assert_b_fails(struct fast_rig *f, const struct wr *wr)
{
	fast_do(f, wr, VIB_WC_MW_BIND_ERR);
	assert_int_equal(pqp_state(&f->d->b), VIB_QPS_ERR);
}

static inline void fast_rig_free(struct fast_rig *f)
{
	duo_free(f->d);
}

#endif
