/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Pages that are granted while they are mapped, where the pool has no room for a copy:
 * the DMA address is the grant, so that mapping takes no command, and the backend copies
 * with the request and maps nothing.
 *
 * A grant shows its page as a whole, so it is for whole pages of nobody else: no slab's.
 * The page is held until its grant has ended, which may be after it was unmapped.
 */
#ifndef IBFRONT_GRANTED_H
#define IBFRONT_GRANTED_H

#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <xen/grant_table.h>

#include <xen-ib/object.h>

struct gen_pool;
struct vib;

struct vib_granted {
	bool usable; /* the backend knows such addresses */
	u32 count; /* grants, which are kept, so that mapping never asks for any */
	grant_ref_t *refs; /* they, in order */
	u32 span; /* from the first of them to the last */
	struct gen_pool *places; /* DMA addresses whose grants are free */
	struct page **pages; /* by grant, from the first: held */
	unsigned long *stuck; /* the same: unmapped, but not ended */
	struct delayed_work work; /* tries those again */
	atomic64_t mapped; /* mappings so far */
};

/* With a pool: sets vib->kernel.granted, unless grants or memory are short. */
void vib_granted_open(struct vib *vib);

/* What the backend that has just been connected to can do. */
void vib_granted_connect(struct vib *vib);

/* Nobody does DMA any more. */
void vib_granted_close(struct vib *vib);

static inline bool vib_granted_has(u64 addr)
{
	return addr - VIB_GRANTED_BASE < VIB_GRANTED_BYTES;
}

/* What is in any context: */

/*
 * A page that another domain grants to this one, as blkback's and netback's are: no grant
 * of ours can show it, nor is its frame one of those that we have lent. Such a page is
 * never compound. The flag is others', too, of pages that are merely copied then.
 */
static inline bool vib_page_is_foreign(struct page *page)
{
	return !PageCompound(page) && xen_page_foreign(page);
}

/*
 * Hold @count pages, which follow one another, for vib_granted_show(). False: one cannot
 * be granted, and none is held.
 */
bool vib_granted_hold(struct page *page, u32 count);
void vib_granted_drop(struct page *page, u32 count);

/* The first address of @count grants that follow one another; 0: there are none. */
u64 vib_granted_take(struct vib *vib, u32 count);

/* Have those at @addr grant @count pages, which are held. */
void vib_granted_show(struct vib *vib, u64 addr, struct page *page, u32 count,
		      bool read_only);

/* The end of it: the pages are let go of and the addresses are free, now or later. */
void vib_granted_unmap(struct vib *vib, u64 addr, u32 count);

#endif
