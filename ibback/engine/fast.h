/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fast registration: a key of a guest's kernel whose memory its requests choose. IBTA
 * vol. 1 §10.6.3.3, Linux' IB_MR_TYPE_MEM_REG: what storage does its I/O with.
 *
 * Such a key is one of those of windows (mw.h), with the same lock, and for the same
 * reason. It is free or valid: REG_MR makes it valid, and LOCAL_INV, SEND_INV of a peer
 * or the frontend's notice that it has taken the memory back free it again. It belongs to
 * its PD, as MRs do, and not to a QP.
 *
 * What it shows are pages by their addresses for DMA, a copy of the list that the request
 * named. They are looked up anew with each use (dma.h, granted.h), so it holds no memory:
 * a region, or a grant, may end before it.
 *
 * Its own guest's SGEs may have it for an lkey. Those are resolved without its lock, on
 * any poller, since a peer may be at the same memory for long: its fields are atomic for
 * them. Who registers a key anew under such a request gets what of both there is;
 * whatever that is, it is the guest's own memory.
 */
#ifndef XEN_IB_IBBACK_FAST_H
#define XEN_IB_IBBACK_FAST_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/mw.h"
#include "engine/wire_fast.h"

struct sg_part;
struct share;

struct fast {
	const struct vhca *vhca;
	bool valid;
	bool in_row;                  /* each page's address follows the one before */
	bool granted;                 /* some are granted, and in no region */
	uint32_t key;                 /* as of its window */
	uint32_t access;              /* mask of enum vib_access */
	uint64_t iova;                /* of the first byte */
	uint64_t length;              /* bytes */
	uint32_t serial;              /* of the registration */
	uint64_t list;                /* its struct vib_page_list, by address for DMA */
	struct vib_page_list *in_use; /* the same, mapped, while a peer reaches it */
	uint32_t max_pages;
	struct wire_fast wire; /* what it is at an HCA */
	uint64_t page[];
};

/* A free one. NULL: no memory. */
struct fast *fast_new(const struct vhca *vhca, uint32_t max_pages);

/* Execute the REG_MR request of @share's QP, which is locked. Its poller. */
enum mw_result fast_register(struct share *share);

/*
 * The same in its parts: have the pages of the request in @mw, which is locked, and which
 * stays free; then it is valid.
 */
enum mw_result fast_fill(struct share *share, const struct mw *mw);
void fast_set_valid(struct mw *mw, const struct vib_send_wqe *wqe);

/* It is valid no more. Its window is locked. */
void fast_free(struct fast *fast);

/*
 * Find what a peer reaches at @addr: @length bytes, not 0, with all rights of @access.
 * Its window, which is of @key and of the right PD, is locked; with true, it is in use
 * until fast_leave().
 */
bool fast_enter(struct fast *fast, uint32_t key, uint64_t addr, uint64_t length,
		uint32_t access, struct sg_part *part);
void fast_leave(struct fast *fast);

/* The same for an SGE of the guest's own, of @pd, without a lock. */
bool fast_reach(const struct vhca *vhca, uint32_t key, uint32_t pd, uint64_t addr,
		uint64_t length, uint32_t access, struct sg_part *part);

/*
 * The address for DMA of @length bytes at @addr, as they are found under @key without a
 * lock, if their pages follow one another; false: they do not, or are not shown.
 */
bool fast_address(const struct fast *fast, uint32_t key, uint64_t addr, uint64_t length,
		  uint64_t *dma);

/*
 * Where byte @offset of its pages is, and how many of *@length bytes are there with it,
 * in *@length. NULL: they are nowhere any more.
 */
uint8_t *fast_place(const struct fast *fast, uint64_t offset, uint64_t *length);

#endif
