/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which pages of the pool are free, by their DMA addresses. Taking and giving may be done
 * anywhere, interrupts included.
 */
#ifndef IBFRONT_PLACES_H
#define IBFRONT_PLACES_H

#include <linux/types.h>

struct vib_places;

/* @count pages from @base on, all free. NULL: no memory. */
struct vib_places *vib_places_new(u64 base, u32 count);

/* False, and nothing is done, if some are taken. */
bool vib_places_free(struct vib_places *places);

/* @pages that follow one another, by their first address; 0: there are none. */
u64 vib_places_take(struct vib_places *places, u32 pages);
void vib_places_give(struct vib_places *places, u64 addr, u32 pages);

/* How many pages are free, not all of them side by side. */
u32 vib_places_left(const struct vib_places *places);

#endif
