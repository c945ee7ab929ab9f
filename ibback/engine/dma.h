/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that a guest's kernel does I/O with: regions of addresses, one map of them for
 * each vHCA. It is reached by the guest's own work requests alone, of QPs and SRQs of
 * its kernel, under VIB_LOCAL_DMA_LKEY, and by no peer.
 *
 * Pollers read the map under RCU. There are two, of which one is in force: a change,
 * which is the control thread's, is made in the other one, so that it cannot fail.
 */
#ifndef XEN_IB_IBBACK_DMA_H
#define XEN_IB_IBBACK_DMA_H

#include <stdbool.h>
#include <stdint.h>

#include <xen-ib/object.h>

#include "engine/memory.h"

struct mr_hint;
struct vhca;
struct wire_mr;

struct dma_region {
	uint64_t addr;
	uint64_t length;
	uint32_t number;
	uint32_t lkey; /* at the HCA, if the vHCA has one */
	struct wire_mr *wire;
	struct memory memory;
};

/* In the order of their addresses; they do not overlap. */
struct dma_map {
	uint32_t count;
	struct dma_region regions[VIB_MAX_DMA_REGIONS];
};

struct dma {
	struct dma_map *map; /* RCU: one of the two */
	struct dma_map maps[2];
	uint32_t last; /* the number given last; the control thread's */
};

void dma_init(struct dma *dma);

/* Check all of @cmd that needs no memory. Errors of these as of objects.h. */
int dma_check(const struct vhca *vhca, const struct vib_cmd_reg_dma *cmd);
uint32_t dma_pages(const struct vhca *vhca); /* of all its regions */
int dma_create(struct vhca *vhca, const struct vib_cmd_reg_dma *cmd,
	       const struct memory *memory, uint32_t *number);
/* The same of one that is @wire at the HCA, under @lkey there. */
int dma_create_wired(struct vhca *vhca, const struct vib_cmd_reg_dma *cmd,
		     const struct memory *memory, struct wire_mr *wire, uint32_t lkey,
		     uint32_t *number);
/* What region @number is at the HCA, or NULL. */
struct wire_mr *dma_wire(const struct vhca *vhca, uint32_t number);
int dma_destroy(struct vhca *vhca, uint32_t number, struct memory *memory);

/*
 * Have no region any more. The map of those that were there is left as it is until the
 * next change; a grace period later nobody reads it.
 */
const struct dma_map *dma_take_all(struct vhca *vhca);

/*
 * Where @length bytes at @addr are, not 0 of them, if one region has all of them; or
 * NULL. Valid until the caller's next quiescent state. @hint is the caller's alone, and
 * may be one for mr_reach() too.
 */
uint8_t *dma_reach(const struct vhca *vhca, struct mr_hint *hint, uint64_t addr,
		   uint64_t length);

/* What dma_reach() finds is, at the HCA, in this; NULL: in nothing. */
struct wire_mr *dma_wire_at(const struct vhca *vhca, uint64_t addr, uint64_t length);

/* The key at the HCA of what dma_reach() finds; false: it finds nothing. */
bool dma_lkey(const struct vhca *vhca, struct mr_hint *hint, uint64_t addr,
	      uint64_t length, uint32_t *lkey);

#endif
