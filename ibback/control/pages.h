/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's memory: from a page tree of the ABI (object.h) to one mapped range,
 * within the guest's quota.
 */
#ifndef XEN_IB_IBBACK_PAGES_H
#define XEN_IB_IBBACK_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include <xen-ib/object.h>

#include "engine/memory.h"

struct complaints;
struct vhca;
struct xenport;

/* Where a guest's memory and event channels come from, and what is made of them. */
struct guest {
	struct xenport *xp;
	uint16_t domid;
	struct vhca *vhca;
	struct complaints *complaints; /* NULL: nobody is told of what it is refused */
};

/*
 * Map the pages of @tree. Returns 0, or a negative errno: -EINVAL for a tree
 * without pages or of too many, -ENOMEM at the quota or without memory, -ENOSPC
 * if a page cannot be mapped. The two last leave a line in the log.
 */
int pages_map(const struct guest *guest, const struct vib_pages *tree, bool writable,
	      struct memory *memory);

void pages_unmap(const struct guest *guest, const struct memory *memory);

#endif
