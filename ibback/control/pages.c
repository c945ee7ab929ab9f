// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/vhca.h"
#include "xenport/xenport.h"

/* Copy @count references out of list page @ref. */
static int copy_list(const struct guest *guest, uint32_t ref, uint32_t *refs,
		     uint32_t count)
{
	void *list = xenport_map(guest->xp, guest->domid, &ref, 1, false);

	if (!list)
		return -ENOSPC;
	memcpy(refs, list, count * sizeof(*refs));
	xenport_unmap(guest->xp, list, 1);
	return 0;
}

/* The references of the pages themselves, whatever the height of @tree. */
static int collect(const struct guest *guest, const struct vib_pages *tree,
		   uint32_t *refs)
{
	uint32_t lists[VIB_LIST_REFS];
	uint32_t left = tree->count;
	int rc;

	if (tree->count == 1) {
		refs[0] = tree->root;
		return 0;
	}
	if (tree->count <= VIB_LIST_REFS)
		return copy_list(guest, tree->root, refs, tree->count);

	rc = copy_list(guest, tree->root, lists,
		       (tree->count + VIB_LIST_REFS - 1) / VIB_LIST_REFS);
	for (uint32_t i = 0; rc == 0 && left; i++) {
		uint32_t n = left < VIB_LIST_REFS ? left : VIB_LIST_REFS;

		rc = copy_list(guest, lists[i], refs, n);
		refs += n;
		left -= n;
	}
	return rc;
}

int pages_map(const struct guest *guest, const struct vib_pages *tree, bool writable,
	      struct memory *memory)
{
	struct vhca *vhca = guest->vhca;
	struct engine *engine = vhca->engine;
	uint32_t *refs;
	int rc;

	if (tree->count == 0 || tree->count > VIB_PAGES_MAX)
		return -EINVAL;
	if (vhca->pages >= vhca->limits.max_pages ||
	    tree->count > vhca->limits.max_pages - vhca->pages)
		return -ENOMEM;
	/*
	 * Mappings of the process are few and everybody's: a guest may have as many
	 * as are left, so that one alone gets half and leaves some to the next.
	 */
	if (vhca->mappings >= engine->max_mappings - engine->mappings)
		return -ENOSPC;
	refs = reallocarray(NULL, tree->count, sizeof(*refs));
	if (!refs)
		return -ENOMEM;
	rc = collect(guest, tree, refs);
	if (rc == 0) {
		memory->at =
			xenport_map(guest->xp, guest->domid, refs, tree->count, writable);
		memory->pages = tree->count;
		if (memory->at) {
			vhca->pages += tree->count;
			vhca->mappings++;
			engine->mappings++;
		} else {
			rc = -ENOSPC;
		}
	}
	free(refs);
	return rc;
}

void pages_unmap(const struct guest *guest, const struct memory *memory)
{
	xenport_unmap(guest->xp, memory->at, memory->pages);
	guest->vhca->pages -= memory->pages;
	guest->vhca->mappings--;
	guest->vhca->engine->mappings--;
}
