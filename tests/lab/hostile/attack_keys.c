// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys of fast registration: made and ended by commands that are wrong, used by who may
 * not, and ended while requests have them.
 */

#include <linux/delay.h>

#include "fast.h"

/* ---- commands ---------------------------------------------------------------------- */

/* Ends of what there is, by commands that are for other things. */
static void end_wrongly(struct hostile *h, const struct pair *p)
{
	struct vib_control_request rereg = { .operation = VIB_CMD_REREG_MR };
	struct vib_control_response response;

	expect(h, "DEALLOC_MW of a key", -EINVAL,
	       command_end(h, VIB_CMD_DEALLOC_MW, p->key));
	expect(h, "DEREG_DMA of a key", -EINVAL,
	       command_end(h, VIB_CMD_DEREG_DMA, p->key));
	rereg.u.rereg_mr.key = p->key;
	rereg.u.rereg_mr.mask = VIB_REREG_ACCESS;
	expect(h, "REREG_MR of a key", -EINVAL, command(h, &rereg, &response));
	expect(h, "DEALLOC_PD of a key's PD", -EBUSY,
	       command_end(h, VIB_CMD_DEALLOC_PD, p->pd));
	if (!p->wired)
		expect(h, "DEREG_MR of a window", -EINVAL,
		       fast_dereg(h, h->world.mws[0]));
}

static void try_operands(struct hostile *h, const struct pair *p)
{
	const struct {
		const char *name;
		u32 pd, max_pages, key;
		int want;
	} refused[] = {
		{ "a key of no pages", p->pd, 0, 0, -EINVAL },
		{ "a key of a page too many", p->pd, 513, 0, -EINVAL },
		{ "a key of all pages", p->pd, 0xffffffff, 0, -EINVAL },
		{ "a key that would wrap", p->pd, 0x20000000, 0, -EINVAL },
		{ "a key without a PD", VIB_NO_OBJECT, 1, 0, -EINVAL },
		{ "a key that is there", p->pd, 1, p->key, -EEXIST },
		{ "a key with its number", p->pd, 1, p->key ^ 0x5a, -EEXIST },
		{ "a key of MRs", p->pd, 1, 0x1234, -EEXIST },
		{ "an MR's key", p->pd, 1, h->world.mrs[MR_ALL].key, -EEXIST },
		{ "the key of lent memory", p->pd, 1, VIB_LOCAL_DMA_LKEY, -EEXIST },
	};
	unsigned int i;
	u32 made;

	for (i = 0; i < ARRAY_SIZE(refused); i++)
		expect(h, refused[i].name, refused[i].want,
		       fast_alloc(h, refused[i].pd, refused[i].max_pages, refused[i].key,
				  &made));
}

void attack_fast_keys(struct hostile *h)
{
	struct pair p;

	if (!pair_make(h, &p, VIB_QPF_KERNEL))
		return;
	if (expect(h, "ALLOC_MR", fast_offered(h) ? 0 : -EOPNOTSUPP,
		   fast_alloc(h, p.pd, FAST_MAX_PAGES, 0, &p.key)) && fast_offered(h)) {
		end_wrongly(h, &p);
		try_operands(h, &p);
		/* By another of its keys. */
		expect(h, "DEREG_MR of a key", 0, fast_dereg(h, p.key ^ 1));
		expect(h, "DEREG_MR of a key, again", -EINVAL, fast_dereg(h, p.key));
	}
	pair_finish(h, &p);
}

/* ---- who is no kernel ---------------------------------------------------------------- */

/* What a program would post, had it the kernel's key and addresses. */
void attack_fast_user(struct hostile *h)
{
	struct pair p;

	if (!pair_make(h, &p, 0))
		return;
	if (fast_offered(h) &&
	    !expect(h, "ALLOC_MR", 0, fast_alloc(h, p.pd, FAST_MAX_PAGES, 0, &p.key)))
		goto out;
	p.iova = PAIR_SHOWN + FAST_OFFSET;
	if (pair_connect(h, &p)) {
		fast_put(&p, PAIR_B);
		expect(h, "REG_MR of a program", VIB_WC_MW_BIND_ERR, pair_do(h, &p, PAIR_B));
	}
	if (pair_connect(h, &p))
		expect(h, "lent memory in a program's hands", VIB_WC_LOC_PROT_ERR,
		       pair_write(h, &p, PAIR_SHOWN, 8, p.key));
	if (fast_offered(h))
		expect(h, "DEREG_MR of a key", 0, fast_dereg(h, p.key));
out:
	pair_finish(h, &p);
}

/* ---- what changes meanwhile ------------------------------------------------------------ */

/* Nothing else may come of these. */
static void expect_either(struct hostile *h, const char *what, int one, int other, int got)
{
	if (got != one)
		expect(h, what, other, got);
}

/* REG_MR of a list that changes while it is read. */
static int show_changing(struct hostile *h, struct pair *p)
{
	u32 before = p->key;
	int status;

	memset(fast_list(p), 0, sizeof(struct vib_page_list));
	fast_put(p, PAIR_B);
	flip_begin(h, fast_entries(p), 2 * sizeof(u64));
	status = pair_do(h, p, PAIR_B);
	flip_end(h);
	if (status)
		p->key = before;
	return status;
}

/* A write while the list's two words change. */
static int write_changing(struct hostile *h, struct pair *p)
{
	int status;

	flip_begin(h, fast_list(p), sizeof(struct vib_page_list));
	status = pair_write(h, p, p->iova, 8, p->key);
	flip_end(h);
	return status;
}

static void rewrite(struct hostile *h, struct pair *p)
{
	int status;
	u32 n;

	for (n = 0; n < 8 && pair_connect(h, p); n++) {
		fast_put_inv(p, PAIR_B, p->key);
		if (!expect(h, "LOCAL_INV", VIB_WC_SUCCESS, pair_do(h, p, PAIR_B)))
			return;
		status = show_changing(h, p);
		expect_either(h, "REG_MR of a list that changes", VIB_WC_SUCCESS,
			      VIB_WC_MW_BIND_ERR, status);
		if (!status)
			expect_either(h, "a write by a list that changes", VIB_WC_SUCCESS,
				      VIB_WC_REM_ACCESS_ERR, write_changing(h, p));
	}
}

/* Many registrations, each used at once, and none waited for. */
static void use(struct hostile *h, struct pair *p)
{
	struct vib_send_wqe *slot;
	u32 n;

	for (n = 0; n < 6; n++) {
		fast_put(p, PAIR_B);
		pair_post(h, p, PAIR_B);
		fast_put_inv(p, PAIR_B, p->key);
		pair_post(h, p, PAIR_B);
		slot = pair_put(p, PAIR_A, VIB_OP_RDMA_WRITE);
		vib_put_rdma(slot, p->iova, p->key);
		pair_put_sge(slot, PAIR_OWN, FAST_LENGTH, VIB_LOCAL_DMA_LKEY);
		pair_post(h, p, PAIR_A);
	}
}

/* Under them ends what they work with, or the QP begins anew. */
static void end_under(struct hostile *h, struct pair *p)
{
	if (chance_one_in(&h->chance, 2))
		usleep_range(50, 500);
	switch (chance_below(&h->chance, 3)) {
	case 0:
		expect(h, "DEREG_DMA under requests", 0,
		       command_end(h, VIB_CMD_DEREG_DMA, p->shown));
		p->shown = VIB_NO_OBJECT;
		break;
	case 1:
		expect(h, "DESTROY_QP under requests", 0,
		       command_end(h, VIB_CMD_DESTROY_QP, p->qps[PAIR_B].number));
		p->qps[PAIR_B].number = VIB_NO_OBJECT;
		break;
	default:
		pair_connect(h, p);
		break;
	}
	expect(h, "DEREG_MR under requests", 0, fast_dereg(h, p->key));
}

static void with_key(struct hostile *h, void (*attempt)(struct hostile *h, struct pair *p))
{
	struct pair p;

	if (!pair_make(h, &p, VIB_QPF_KERNEL))
		return;
	if (expect(h, "ALLOC_MR", fast_offered(h) ? 0 : -EOPNOTSUPP,
		   fast_alloc(h, p.pd, FAST_MAX_PAGES, 0, &p.key)) && fast_offered(h)) {
		p.iova = PAIR_SHOWN + FAST_OFFSET;
		attempt(h, &p);
	}
	pair_finish(h, &p);
}

static void rewrite_and_end(struct hostile *h, struct pair *p)
{
	rewrite(h, p);
	expect(h, "DEREG_MR of a key", 0, fast_dereg(h, p->key));
}

void attack_fast_rewritten(struct hostile *h)
{
	with_key(h, rewrite_and_end);
}

static void use_and_end(struct hostile *h, struct pair *p)
{
	memset(fast_list(p), 0, sizeof(struct vib_page_list));
	if (pair_connect(h, p))
		use(h, p);
	end_under(h, p);
}

void attack_fast_ends(struct hostile *h)
{
	with_key(h, use_and_end);
}
