// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/complaints.h"
#include "engine/engine.h"
#include "engine/vhca.h"
#include "xenport/xenport.h"

/* ---- refusals ---------------------------------------------------------- */

static int refuse_quota(const struct guest *guest, uint32_t pages)
{
	struct shortage s = { .kind = SHORT_OF_QUOTA, .pages = pages };

	if (complaints_due(guest->complaints))
		complain(guest, &s);
	return -ENOMEM;
}

static int refuse_mappings(const struct guest *guest, uint32_t pages)
{
	struct shortage s = { .kind = SHORT_OF_MAPPINGS, .pages = pages };

	if (complaints_due(guest->complaints))
		complain(guest, &s);
	return -ENOSPC;
}

static int refuse_list(const struct guest *guest, uint32_t pages, uint32_t ref)
{
	struct shortage s = {
		.kind = SHORT_OF_GRANTS, .error = errno, .pages = pages, .list = ref
	};

	if (complaints_due(guest->complaints))
		complain(guest, &s);
	return -ENOSPC;
}

/* More are not tried one by one: for the sake of a line. */
#define MOST_TRIED 1024

/*
 * Which of the references are bad? Those that cannot be mapped one at a time while
 * others can: if none can, something else is wrong.
 */
static void find_bad(const struct guest *guest, const uint32_t *refs, uint32_t count,
		     struct shortage *s)
{
	for (uint32_t i = 0; i < count && count <= MOST_TRIED; i++) {
		void *at = xenport_map(guest->xp, guest->domid, &refs[i], 1, false);

		if (at)
			xenport_unmap(guest->xp, at, 1);
		else if (s->bad++ == 0)
			s->first_bad = refs[i];
	}
	if (s->bad == count)
		s->bad = 0;
}

static int refuse_pages(const struct guest *guest, const uint32_t *refs, uint32_t count)
{
	struct shortage s = { .kind = SHORT_OF_GRANTS, .error = errno, .pages = count };

	if (complaints_due(guest->complaints)) {
		find_bad(guest, refs, count, &s);
		complain(guest, &s);
	}
	return -ENOSPC;
}

/* ---- mapping ----------------------------------------------------------- */

/* Copy @count references out of list page @ref of a tree of @pages. */
static int copy_list(const struct guest *guest, uint32_t pages, uint32_t ref,
		     uint32_t *refs, uint32_t count)
{
	void *list = xenport_map(guest->xp, guest->domid, &ref, 1, false);

	if (!list)
		return refuse_list(guest, pages, ref);
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
		return copy_list(guest, tree->count, tree->root, refs, tree->count);

	rc = copy_list(guest, tree->count, tree->root, lists,
		       (tree->count + VIB_LIST_REFS - 1) / VIB_LIST_REFS);
	for (uint32_t i = 0; rc == 0 && left; i++) {
		uint32_t n = left < VIB_LIST_REFS ? left : VIB_LIST_REFS;

		rc = copy_list(guest, tree->count, lists[i], refs, n);
		refs += n;
		left -= n;
	}
	return rc;
}

/* Count a mapping of @pages, or one less with @by -1. */
static void count_mapping(const struct guest *guest, uint32_t pages, int by)
{
	uint32_t pieces = (uint32_t)xenport_pieces(guest->xp, pages);

	guest->vhca->pages += pages * (uint32_t)by;
	guest->vhca->mappings += pieces * (uint32_t)by;
	guest->vhca->engine->mappings += pieces * (uint32_t)by;
	if (guest->complaints)
		*guest->complaints->mapped += (uint64_t)((int64_t)pages * by);
}

static int map_refs(const struct guest *guest, const uint32_t *refs, uint32_t count,
		    bool writable, struct memory *memory)
{
	memory->at = xenport_map(guest->xp, guest->domid, refs, count, writable);
	memory->pages = count;
	if (!memory->at)
		return refuse_pages(guest, refs, count);
	count_mapping(guest, count, 1);
	return 0;
}

int pages_map(const struct guest *guest, const struct vib_pages *tree, bool writable,
	      struct memory *memory)
{
	const struct vhca *vhca = guest->vhca;
	uint32_t *refs;
	int rc;

	if (tree->count == 0 || tree->count > VIB_PAGES_MAX)
		return -EINVAL;
	if (vhca->pages >= vhca->limits.max_pages ||
	    tree->count > vhca->limits.max_pages - vhca->pages)
		return refuse_quota(guest, tree->count);
	/*
	 * Mappings of the process are few and everybody's: a guest may have as many
	 * as are left, so that one alone gets half and leaves some to the next.
	 */
	if (!engine_may_map(vhca->engine, vhca->mappings,
			    (uint32_t)xenport_pieces(guest->xp, tree->count)))
		return refuse_mappings(guest, tree->count);
	refs = reallocarray(NULL, tree->count, sizeof(*refs));
	if (!refs)
		return -ENOMEM;
	rc = collect(guest, tree, refs);
	if (rc == 0)
		rc = map_refs(guest, refs, tree->count, writable, memory);
	free(refs);
	return rc;
}

void pages_unmap(const struct guest *guest, const struct memory *memory)
{
	xenport_unmap(guest->xp, memory->at, memory->pages);
	count_mapping(guest, memory->pages, -1);
}
