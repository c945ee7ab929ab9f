/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The pool: memory that the backend has mapped while it is there, through which the
 * kernel's DMA goes (dma.c), unless all memory is lent (ram.h). Backends come and go; its pages, and their
 * addresses for DMA, stay as long as the ib_device.
 */
#ifndef IBFRONT_POOL_H
#define IBFRONT_POOL_H

#include <linux/atomic.h>
#include <linux/types.h>

struct page;
struct vib;
struct vib_memory;
struct vib_places;

/*
 * DMA addresses begin here, above any that a processor has for memory: one that was
 * not mapped is not taken for one that was.
 */
#define VIB_DMA_BASE (1ULL << 60)

/* What a page of the pool carries, from its first byte on. */
struct vib_original {
	u8 *page; /* begins the page whose bytes these are; NULL: its own, it is coherent */
	bool read_only; /* by the device: copied when it is sent or registered */
};

struct vib_pool {
	u32 count; /* pages */
	struct page **pages;
	void *address; /* of all of them, here */
	struct vib_original *originals; /* dma.c's, by page; only its mapping uses one */
	struct vib_places *places; /* which are free */
	atomic64_t full; /* how often there were none */

	struct vib_memory *lent; /* to a backend; or NULL */
	u32 number; /* of the region there */
};

/*
 * The first backend is lent a pool, of the size that the vib's prereg= or the module's
 * parameter says or of what there are grants for; and all memory, with prereg=all. 0
 * with vib->kernel.pool NULL: there is none, which a line in the log has said.
 */
int vib_pool_open(struct vib *vib);

/* Have @memory be a region of the backend's, at @addr. An errno. */
int vib_dma_lend(struct vib *vib, u64 addr, const struct vib_memory *memory,
		 u32 *number);

/* Each further backend is lent the same. */
int vib_pool_lend(struct vib *vib);

/* That backend is gone. */
void vib_pool_withdraw(struct vib *vib);

/* Nobody does DMA any more. */
void vib_pool_close(struct vib *vib);

/* @pages that follow one another, by their first DMA address; 0 if there are none. */
u64 vib_pool_take(struct vib_pool *pool, u32 pages);
void vib_pool_give(struct vib_pool *pool, u64 addr, u32 pages);

/* Is what is left for who cannot do without? */
bool vib_pool_is_low(const struct vib_pool *pool);

static inline void *vib_pool_address(const struct vib_pool *pool, u64 addr)
{
	return (u8 *)pool->address + (addr - VIB_DMA_BASE);
}

/* dma.c */
void vib_dma_init(struct vib *vib);
void vib_dma_open(struct vib *vib);
void vib_dma_close(struct vib *vib);

/*
 * What is mapped for the device alone to read, and is at @addr, is copied, which mapping it does
 * not: ib_srpt maps memory first and has the disk read into it then, ib_isert writes to a header
 * that it has mapped, and neither says so (dma_sync_*()). Anywhere; other addresses are left alone.
 */
void vib_dma_copy_now(struct vib *vib, u64 addr, u32 size);

/* Whether what is at @addr is a copy of what may be written; and copy it back. The same. */
bool vib_dma_lands(struct vib *vib, u64 addr, u32 size);
void vib_dma_land(struct vib *vib, u64 addr, u32 size);

#endif
