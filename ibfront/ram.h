/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * All memory of this domain, lent to the backend (prereg=all): a mapping is its
 * physical address, and nothing is copied. Beside it there is a small pool (pool.h), for
 * what is not covered.
 *
 * Not in PV guests, where a page that another domain may write cannot become a page
 * table; and only while all memory is where it was when it was granted. So a domain
 * that was, or is to be, ballooned has none, and one that is ballooned later maps
 * nothing so any more.
 */
#ifndef IBFRONT_RAM_H
#define IBFRONT_RAM_H

#include <linux/types.h>
#include <linux/workqueue.h>

#include <xen-ib/object.h>

struct vib;
struct vib_memory;

/* DMA addresses begin here; see VIB_DMA_BASE. */
#define VIB_RAM_BASE (1ULL << 62)

/* The pool is one region more. */
#define VIB_RAM_RANGES (VIB_MAX_DMA_REGIONS - 1)

/* Pages that follow one another, which the backend has as one region. */
struct vib_ram_range {
	unsigned long pfn;
	u32 count;
	struct vib_memory *memory; /* granted as long as the range is there */
	bool lent; /* to the backend */
	u32 number; /* of the region there */
};

struct vib_ram {
	struct vib *vib;
	unsigned long pages; /* of all ranges */
	unsigned int num;
	struct vib_ram_range ranges[VIB_RAM_RANGES];
	unsigned long populated; /* pages that the domain had then */
	int targets; /* that the toolstack had set by then */
	bool moved;
	struct delayed_work look; /* whether it has moved */
	bool spent; /* it cannot be lent again */
};

/*
 * Grant all memory and lend it, if it can be. Sets vib->kernel.ram, or a line in the
 * log says why not and what there would have to be.
 */
void vib_ram_open(struct vib *vib);

/*
 * Each further backend is lent the same. An errno: not all of it is. Then, unless the
 * connection has failed, an ib_device that is there is spent: the next one has a pool, or
 * what memory there is by then.
 */
int vib_ram_lend_again(struct vib *vib);

/* That backend is gone. */
void vib_ram_withdraw(struct vib *vib);

/* Nobody does DMA any more. */
void vib_ram_close(struct vib *vib);

/*
 * The address for DMA of @size bytes at @phys; 0: it has none, and goes by the pool. Of
 * what has been mapped it holds until it is unmapped. Any context.
 */
u64 vib_ram_map(struct vib *vib, phys_addr_t phys, size_t size);

static inline bool vib_ram_has(u64 addr)
{
	return addr >= VIB_RAM_BASE;
}

/* Follow what the toolstack wants this domain to have; until then nothing is lent. */
void vib_ram_init(void);
void vib_ram_exit(void);

#endif
