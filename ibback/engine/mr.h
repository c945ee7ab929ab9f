/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory regions, and the one way from a guest's address to memory: through a
 * key of that guest, within bounds, with the rights asked for.
 */
#ifndef XEN_IB_IBBACK_MR_H
#define XEN_IB_IBBACK_MR_H

#include <xen-ib/object.h>

#include "engine/memory.h"
#include "engine/table.h"

struct dma_region;
struct vhca;
struct wire_mr;

/*
 * Keys of MRs are the lower half of all keys, those of windows (mw.h) the upper. 0 is
 * no key: a forgotten one is found out.
 */
#define MR_KEY_FIRST 1
#define MR_KEY_LAST  0x7fffffff

struct mr {
	struct table_node node; /* its number is the key, lkey and rkey */
	uint32_t windows;       /* bound to it, or MR_CLOSED; atomic */
	bool writable;          /* is mapped so, whatever the rights are now */
	uint32_t pd;
	uint32_t access; /* mask of enum vib_access */
	uint64_t iova;
	uint64_t length;
	uint8_t *at; /* where iova is mapped; not always at its offset in a page */
	struct memory memory;
	struct wire_mr *wire; /* what it is at an HCA; or NULL */
};

/* In mr.windows: it ends, or becomes another, and no window is bound to it. */
#define MR_CLOSED 0xffffffffu

static inline bool mr_is_bound(const struct mr *mr)
{
	return __atomic_load_n(&mr->windows, __ATOMIC_RELAXED) != 0;
}

/* Have no window bound to it from now on. false: one is. The control thread. */
static inline bool mr_close(struct mr *mr)
{
	uint32_t none = 0;

	return __atomic_compare_exchange_n(&mr->windows, &none, MR_CLOSED, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* One more window is bound to it. false: it is closed. */
static inline bool mr_take_window(struct mr *mr)
{
	uint32_t windows = __atomic_load_n(&mr->windows, __ATOMIC_RELAXED);

	do {
		if (windows == MR_CLOSED)
			return false;
	} while (!__atomic_compare_exchange_n(&mr->windows, &windows, windows + 1, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return true;
}

static inline void mr_put_window(struct mr *mr)
{
	__atomic_fetch_sub(&mr->windows, 1, __ATOMIC_RELEASE);
}

/*
 * The MR that was found last by one who is likely to ask for it again, or the region of
 * dma.h. Holds for as long as no MR of its vHCA has ended or changed, and no such region
 * has come or gone; zeroed, it holds nothing.
 */
struct mr_hint {
	uint64_t epoch;
	uint32_t key;
	union {
		const struct mr *mr;
		const struct dma_region *dma; /* of VIB_LOCAL_DMA_LKEY */
	};
};

/*
 * Where @length bytes at @addr of the MR @key are, if it is of @pd, has all of
 * them and all rights of @access. NULL otherwise. Valid until the caller's next
 * quiescent state; @length is not 0. @hint is the caller's alone.
 */
uint8_t *mr_reach(const struct vhca *vhca, struct mr_hint *hint, uint32_t key,
		  uint32_t pd, uint64_t addr, uint64_t length, uint32_t access);

#endif
