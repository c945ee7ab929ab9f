// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fast registration: keys, lists of pages and requests that are wrong, memory that ends
 * under them. What becomes of each is known: a status, and then the QP's end.
 *
 * Where the backend has an HCA do so, nothing here has a peer invalidate a key: rxe
 * crashes if that was free already, which is why guests that may do this are trusted
 * there (ibback(8), Fast registration at an HCA). Nor does rxe look at a window's bounds.
 */

#include "fast.h"

/* As NFS has it: its own number in the upper half. */
#define OWN_IOVA	((0x123456789ull << 24) + FAST_OFFSET)

/* What is not to be done where there is an HCA. */
#define HERE_ALONE	(-1)

struct attempt {
	const char *name;
	/* Returns the status of a request, or an errno of what was to succeed before. */
	int (*make)(struct hostile *h, struct pair *p, u64 value);
	u64 value;
	enum pair_end by;	/* whose request it is */
	int here, wired;	/* what is to come of it */
	u32 needs;		/* enum vib_device_cap */
};

#define BOTH(name, make, value, by, status)                                    \
	{ name, make, value, by, status, status }
#define HERE(name, make, value, by, status)                                    \
	{ name, make, value, by, status, HERE_ALONE }
#define GRANTED(name, make, by, status)                                        \
	{ name, make, 0, by, status, HERE_ALONE, VIB_CAP_GRANTED_DMA }

/* ---- requests -------------------------------------------------------------------- */

static int show(struct hostile *h, struct pair *p)
{
	fast_put(p, PAIR_B);
	return pair_do(h, p, PAIR_B);
}

static int invalidate(struct hostile *h, struct pair *p, enum pair_end end, u32 key)
{
	fast_put_inv(p, end, key);
	return pair_do(h, p, end);
}

static int write_from(struct hostile *h, struct pair *p, u64 from)
{
	return pair_write(h, p, p->iova + from, 8, p->key);
}

/* ---- registering ------------------------------------------------------------------ */

static int length_is(struct hostile *h, struct pair *p, u64 value)
{
	fast_put(p, PAIR_B)->u.reg_mr.length = value;
	return pair_do(h, p, PAIR_B);
}

static int iova_is(struct hostile *h, struct pair *p, u64 value)
{
	fast_put(p, PAIR_B)->u.reg_mr.iova = value;
	return pair_do(h, p, PAIR_B);
}

static int list_is(struct hostile *h, struct pair *p, u64 value)
{
	fast_put(p, PAIR_B)->u.reg_mr.list = value;
	return pair_do(h, p, PAIR_B);
}

static int access_is(struct hostile *h, struct pair *p, u64 value)
{
	fast_put(p, PAIR_B)->u.reg_mr.access = value;
	return pair_do(h, p, PAIR_B);
}

static int key_is(struct hostile *h, struct pair *p, u64 value)
{
	fast_put(p, PAIR_B)->u.reg_mr.key = value;
	return pair_do(h, p, PAIR_B);
}

static int first_page_is(struct hostile *h, struct pair *p, u64 value)
{
	fast_put(p, PAIR_B);
	fast_entries(p)[0] = value;
	return pair_do(h, p, PAIR_B);
}

static int second_page_is(struct hostile *h, struct pair *p, u64 value)
{
	fast_put(p, PAIR_B);
	fast_entries(p)[1] = value;
	return pair_do(h, p, PAIR_B);
}

static int key_differs(struct hostile *h, struct pair *p, u64 value)
{
	return key_is(h, p, p->key ^ value);
}

static int key_of_an_mr(struct hostile *h, struct pair *p, u64 value)
{
	return key_is(h, p, h->world.mrs[MR_ALL].key);
}

static int key_of_a_victim(struct hostile *h, struct pair *p, u64 value)
{
	return key_is(h, p, victim(h, victim_rkey));
}

static int key_that_has_ended(struct hostile *h, struct pair *p, u64 value)
{
	int status = fast_dereg(h, p->key) ?: show(h, p);

	p->key = VIB_NO_OBJECT;
	return status;
}

/* @attempt with a key of another PD than the QP's. */
static int in_another_pd(struct hostile *h, struct pair *p,
			 int (*attempt)(struct hostile *h, struct pair *p, u64 key))
{
	u32 key;
	int status;

	if (fast_alloc(h, p->other_pd, FAST_MAX_PAGES, 0, &key))
		return -ENODEV; /* others have used up what there is */
	status = attempt(h, p, key);
	return fast_dereg(h, key) ? -EINVAL : status;
}

static int key_of_another_pd(struct hostile *h, struct pair *p, u64 value)
{
	return in_another_pd(h, p, key_is);
}

static int with_sges(struct hostile *h, struct pair *p, u64 value)
{
	fast_put(p, PAIR_B)->num_sge = value;
	return pair_do(h, p, PAIR_B);
}

static int with_flags(struct hostile *h, struct pair *p, u64 value)
{
	fast_put(p, PAIR_B)->flags |= value;
	return pair_do(h, p, PAIR_B);
}

static int shown_twice(struct hostile *h, struct pair *p, u64 value)
{
	return show(h, p) ? -EINVAL : show(h, p);
}

#define REFUSED(name, make, value)                                             \
	BOTH(name, make, value, PAIR_B, VIB_WC_MW_BIND_ERR)

#define LENT_END	(PAIR_LENT + PAIR_LENT_PAGES * PAGE_SIZE)
#define SHOWN_END	(PAIR_SHOWN + PAIR_SHOWN_PAGES * PAGE_SIZE)
#define REMOTE_ALL	(VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE)

static const struct attempt registrations[] = {
	REFUSED("REG_MR of no bytes", length_is, 0),
	REFUSED("REG_MR of a page too many", length_is, FAST_MAX_PAGES * PAGE_SIZE),
	REFUSED("REG_MR of all bytes", length_is, U32_MAX),
	REFUSED("REG_MR that wraps", iova_is, -(u64)FAST_OFFSET),
	REFUSED("REG_MR of a list within a line", list_is, PAIR_LENT + 8),
	REFUSED("REG_MR of a list in front", list_is, PAIR_LENT - VIB_LINE),
	REFUSED("REG_MR of a list that reaches out", list_is,
		LENT_END - sizeof(struct vib_page_list)),
	REFUSED("REG_MR of a list at 0", list_is, 0),
	REFUSED("REG_MR of a list that wraps", list_is, -(u64)VIB_LINE),
	REFUSED("REG_MR of a list that is granted", list_is, VIB_GRANTED_BASE),
	REFUSED("REG_MR for peers that write alone", access_is, VIB_ACCESS_REMOTE_WRITE),
	REFUSED("REG_MR for atomics alone", access_is, VIB_ACCESS_REMOTE_ATOMIC),
	REFUSED("REG_MR for windows", access_is, REMOTE_ALL | VIB_ACCESS_MW_BIND),
	REFUSED("REG_MR from 0", access_is, REMOTE_ALL | VIB_ACCESS_ZERO_BASED),
	REFUSED("REG_MR for nothing known", access_is, REMOTE_ALL | 1u << 31),
	REFUSED("REG_MR of nobody's key", key_differs, 0x40000000),
	REFUSED("REG_MR of lent memory's key", key_is, VIB_LOCAL_DMA_LKEY),
	REFUSED("REG_MR of an MR's key", key_of_an_mr, 0),
	REFUSED("REG_MR of a victim's key", key_of_a_victim, 0),
	REFUSED("REG_MR of another PD's key", key_of_another_pd, 0),
	REFUSED("REG_MR of a key that has ended", key_that_has_ended, 0),
	REFUSED("REG_MR of a byte in a page", second_page_is, PAIR_SHOWN + 1),
	REFUSED("REG_MR of a page in front", second_page_is, PAIR_SHOWN - PAGE_SIZE),
	REFUSED("REG_MR of a page behind", first_page_is, SHOWN_END),
	REFUSED("REG_MR of a page at 0", first_page_is, 0),
	REFUSED("REG_MR of the last page", second_page_is, -(u64)PAGE_SIZE),
	REFUSED("REG_MR of a page beyond grants", first_page_is,
		VIB_GRANTED_BASE + VIB_GRANTED_BYTES),
	REFUSED("REG_MR of a key that is shown", shown_twice, 0),
	BOTH("REG_MR with an SGE", with_sges, 1, PAIR_B, VIB_WC_LOC_QP_OP_ERR),
	BOTH("REG_MR with all SGEs", with_sges, 255, PAIR_B, VIB_WC_LOC_QP_OP_ERR),
	BOTH("REG_MR with inline data", with_flags, VIB_SEND_INLINE, PAIR_B,
	     VIB_WC_LOC_QP_OP_ERR),
};

/* ---- invalidating ----------------------------------------------------------------- */

static int free_key(struct hostile *h, struct pair *p, u64 value)
{
	return invalidate(h, p, PAIR_B, p->key);
}

static int twice(struct hostile *h, struct pair *p, u64 value)
{
	if (show(h, p) || invalidate(h, p, PAIR_B, p->key))
		return -EINVAL;
	return invalidate(h, p, PAIR_B, p->key);
}

static int another_key(struct hostile *h, struct pair *p, u64 value)
{
	return show(h, p) ? -EINVAL : invalidate(h, p, PAIR_B, p->key ^ value);
}

static int that_key(struct hostile *h, struct pair *p, u64 value)
{
	return invalidate(h, p, PAIR_B, value);
}

static int of_another_pd(struct hostile *h, struct pair *p, u64 value)
{
	return in_another_pd(h, p, that_key);
}

static int an_mr(struct hostile *h, struct pair *p, u64 value)
{
	return invalidate(h, p, PAIR_B, h->world.mrs[MR_ALL].key);
}

static int a_victim_s(struct hostile *h, struct pair *p, u64 value)
{
	return invalidate(h, p, PAIR_B, victim(h, victim_rkey));
}

static int by_the_other(struct hostile *h, struct pair *p, u64 value)
{
	return show(h, p) ? -EINVAL : invalidate(h, p, PAIR_A, p->key);
}

static int send_inv(struct hostile *h, struct pair *p, u32 key)
{
	struct vib_send_wqe *slot = pair_put(p, PAIR_A, VIB_OP_SEND_INV);

	pair_receive(p);
	slot->imm = (__force __be32)key;
	pair_put_sge(slot, PAIR_OWN, 8, VIB_LOCAL_DMA_LKEY);
	return pair_do(h, p, PAIR_A);
}

static int by_the_peer(struct hostile *h, struct pair *p, u64 value)
{
	return show(h, p) ? -EINVAL : send_inv(h, p, p->key ^ value);
}

static int by_the_peer_twice(struct hostile *h, struct pair *p, u64 value)
{
	return by_the_peer(h, p, 0) ? -EINVAL : send_inv(h, p, p->key);
}

static int an_mr_by_the_peer(struct hostile *h, struct pair *p, u64 value)
{
	return send_inv(h, p, h->world.mrs[MR_ALL].key);
}

static const struct attempt invalidations[] = {
	BOTH("LOCAL_INV of a free key", free_key, 0, PAIR_B, VIB_WC_SUCCESS),
	BOTH("LOCAL_INV, twice", twice, 0, PAIR_B, VIB_WC_SUCCESS),
	REFUSED("LOCAL_INV of the key before", another_key, 1),
	REFUSED("LOCAL_INV of nobody's key", another_key, 0x40000000),
	REFUSED("LOCAL_INV of an MR", an_mr, 0),
	REFUSED("LOCAL_INV of a victim's key", a_victim_s, 0),
	REFUSED("LOCAL_INV of lent memory", that_key, VIB_LOCAL_DMA_LKEY),
	REFUSED("LOCAL_INV of another PD's key", of_another_pd, 0),
	{ "LOCAL_INV by another QP", by_the_other, 0, PAIR_A, VIB_WC_SUCCESS,
	  VIB_WC_MW_BIND_ERR },
	HERE("SEND_INV", by_the_peer, 0, PAIR_A, VIB_WC_SUCCESS),
	HERE("SEND_INV, twice", by_the_peer_twice, 0, PAIR_A, VIB_WC_SUCCESS),
	HERE("SEND_INV of the key before", by_the_peer, 1, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	HERE("SEND_INV of nobody's key", by_the_peer, 0x40000000, PAIR_A,
	     VIB_WC_REM_ACCESS_ERR),
	HERE("SEND_INV of an MR", an_mr_by_the_peer, 0, PAIR_A, VIB_WC_REM_ACCESS_ERR),
};

/* ---- reaching --------------------------------------------------------------------- */

static int reached(struct hostile *h, struct pair *p, u64 from)
{
	return show(h, p) ? -EINVAL : write_from(h, p, from);
}

static int by_another_key(struct hostile *h, struct pair *p, u64 value)
{
	return show(h, p) ? -EINVAL : pair_write(h, p, p->iova, 8, p->key ^ value);
}

static int before_it_is_shown(struct hostile *h, struct pair *p, u64 value)
{
	return write_from(h, p, 0);
}

static int after_it_was_hidden(struct hostile *h, struct pair *p, u64 value)
{
	if (show(h, p) || invalidate(h, p, PAIR_B, p->key))
		return -EINVAL;
	return write_from(h, p, 0);
}

/* As the frontend says when the memory is another's. */
static int after_it_was_taken_back(struct hostile *h, struct pair *p, u64 value)
{
	int status = show(h, p);

	vib_write32(&fast_list(p)->ended, p->serial);
	return status ? -EINVAL : write_from(h, p, 0);
}

static int after_its_end(struct hostile *h, struct pair *p, u64 value)
{
	int status;

	if (show(h, p) || fast_dereg(h, p->key))
		return -EINVAL;
	status = write_from(h, p, 0);
	p->key = VIB_NO_OBJECT;
	return status;
}

static int after_its_memory_s_end(struct hostile *h, struct pair *p, u64 value)
{
	int status;

	if (show(h, p) || command_end(h, VIB_CMD_DEREG_DMA, p->shown))
		return -EINVAL;
	p->shown = VIB_NO_OBJECT;
	status = write_from(h, p, 0);
	return pair_lend_shown(h, p) ? status : -ENODEV;
}

/* Nothing is known of a page's grant before it is used. */
static int show_granted(struct hostile *h, struct pair *p, const struct area *area)
{
	u64 addr = VIB_GRANTED_BASE + (u64)area->refs[0] * PAGE_SIZE;

	return first_page_is(h, p, addr) ? -EINVAL : write_from(h, p, 0);
}

static int granted_no_more(struct hostile *h, struct pair *p, u64 value)
{
	return show_granted(h, p, h->world.ended);
}

static int granted_to_another(struct hostile *h, struct pair *p, u64 value)
{
	return show_granted(h, p, h->world.foreign);
}

static int granted_read_only(struct hostile *h, struct pair *p, u64 value)
{
	return show_granted(h, p, h->world.readonly);
}

static const struct attempt reaches[] = {
	BOTH("its first bytes", reached, 0, PAIR_A, VIB_WC_SUCCESS),
	BOTH("its last bytes", reached, FAST_LENGTH - 8, PAIR_A, VIB_WC_SUCCESS),
	HERE("a byte too far", reached, FAST_LENGTH - 7, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	HERE("a byte in front", reached, -1ull, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	HERE("what is behind", reached, FAST_LENGTH, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	HERE("what is far behind", reached, 1ull << 63, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	BOTH("the key before", by_another_key, 1, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	BOTH("nobody's key", by_another_key, 0x40000000, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	BOTH("a free key", before_it_is_shown, 0, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	BOTH("a key that is free again", after_it_was_hidden, 0, PAIR_A,
	     VIB_WC_REM_ACCESS_ERR),
	HERE("memory that was taken back", after_it_was_taken_back, 0, PAIR_A,
	     VIB_WC_REM_ACCESS_ERR),
	BOTH("a key that has ended", after_its_end, 0, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	BOTH("memory that has ended", after_its_memory_s_end, 0, PAIR_A,
	     VIB_WC_REM_ACCESS_ERR),
	GRANTED("a grant that has ended", granted_no_more, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	GRANTED("another's grant", granted_to_another, PAIR_A, VIB_WC_REM_ACCESS_ERR),
	GRANTED("a grant to be read", granted_read_only, PAIR_A, VIB_WC_REM_ACCESS_ERR),
};

/* ---- all of a kind ---------------------------------------------------------------- */

/* A key for one attempt. */
static bool begin_key(struct hostile *h, struct pair *p)
{
	return expect(h, "ALLOC_MR", 0, fast_alloc(h, p->pd, FAST_MAX_PAGES, 0, &p->key));
}

static void end_key(struct hostile *h, struct pair *p)
{
	if (p->key != VIB_NO_OBJECT)
		expect(h, "DEREG_MR of a key", 0, fast_dereg(h, p->key));
}

static void try(struct hostile *h, struct pair *p, const struct attempt *a)
{
	int want = p->wired ? a->wired : a->here;

	if (want == HERE_ALONE || (a->needs & h->caps) != a->needs)
		return;
	/* Others may have used up what it takes to lend memory once more. */
	if (p->shown == VIB_NO_OBJECT) {
		h->lacking = true;
		return;
	}
	if (!pair_connect(h, p) || !begin_key(h, p))
		return;
	memset(fast_list(p), 0, sizeof(struct vib_page_list));
	/* Where the memory is, or where it is said to be. */
	p->iova = chance_one_in(&h->chance, 2) ? PAIR_SHOWN + FAST_OFFSET : OWN_IOVA;
	if (expect(h, a->name, want, a->make(h, p, a->value)) && want)
		expect(h, a->name, VIB_QPS_ERR, pair_state(h, p, a->by));
	end_key(h, p);
}

/* Where there is none at all. */
static void try_in_vain(struct hostile *h, struct pair *p)
{
	if (!pair_connect(h, p))
		return;
	expect(h, "ALLOC_MR that is not offered", -EOPNOTSUPP,
	       fast_alloc(h, p->pd, FAST_MAX_PAGES, 0, &p->key));
	p->iova = PAIR_SHOWN + FAST_OFFSET;
	expect(h, "REG_MR that is not offered", VIB_WC_MW_BIND_ERR, show(h, p));
}

static void try_all(struct hostile *h, const struct attempt *attempts, unsigned int count)
{
	struct pair p;
	unsigned int i;

	if (!pair_make(h, &p, VIB_QPF_KERNEL))
		return;
	if (!fast_offered(h))
		try_in_vain(h, &p);
	for (i = 0; fast_offered(h) && i < count && hostile_goes_on(h); i++)
		try(h, &p, &attempts[i]);
	pair_finish(h, &p);
}

void attack_fast_registrations(struct hostile *h)
{
	try_all(h, registrations, ARRAY_SIZE(registrations));
}

void attack_fast_invalidations(struct hostile *h)
{
	try_all(h, invalidations, ARRAY_SIZE(invalidations));
}

void attack_fast_reaches(struct hostile *h)
{
	try_all(h, reaches, ARRAY_SIZE(reaches));
}
