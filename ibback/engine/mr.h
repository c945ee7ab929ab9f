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

struct vhca;

struct mr {
	struct table_node node; /* its number is the key, lkey and rkey */
	uint32_t pd;
	uint32_t access; /* mask of enum vib_access */
	uint64_t iova;
	uint64_t length;
	uint8_t *at; /* where iova is mapped */
	struct memory memory;
};

/*
 * The MR that was found last by one who is likely to ask for it again. Holds
 * for as long as no MR of its vHCA has ended; zeroed, it holds nothing.
 */
struct mr_hint {
	uint64_t epoch;
	uint32_t key;
	const struct mr *mr;
};

/*
 * Where @length bytes at @addr of the MR @key are, if it is of @pd, has all of
 * them and all rights of @access. NULL otherwise. Valid until the caller's next
 * quiescent state; @length is not 0. @hint is the caller's alone.
 */
uint8_t *mr_reach(const struct vhca *vhca, struct mr_hint *hint, uint32_t key,
		  uint32_t pd, uint64_t addr, uint64_t length, uint32_t access);

#endif
