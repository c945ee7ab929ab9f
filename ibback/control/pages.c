// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/compiler.h>

#include "control/complaints.h"
#include "engine/engine.h"
#include "engine/vhca.h"
#include "log.h"

/* Another thread may map something where we want to: then elsewhere. */
#define TRIES 8
/* Ranges that one map can leave behind: what was mapped in each try. */
#define ROOM  (TRIES + 2)

static struct guest *guest_of(struct job *job)
{
	return caa_container_of(job, struct guest, pages.job);
}

static void begin(struct guest *guest, void (*slice)(struct job *job),
		  void (*after)(struct job *job))
{
	struct pages *p = &guest->pages;

	p->busy = true;
	p->job.slice = slice;
	p->job.after = after;
	jobs_submit(guest->jobs, &p->job);
}

/* Count a range of @pages, or one less with @by -1. */
static void count_mapping(const struct guest *guest, uint32_t pages, int by)
{
	uint32_t pieces = (uint32_t)xenport_pieces(guest->xp, pages);

	guest->vhca->pages += pages * (uint32_t)by;
	guest->vhca->mappings += pieces * (uint32_t)by;
	guest->vhca->engine->mappings += pieces * (uint32_t)by;
	if (guest->complaints)
		*guest->complaints->mapped += (uint64_t)((int64_t)pages * by);
}

static uint8_t *at_page(uint8_t *range, uint32_t page)
{
	return range + (size_t)page * VIB_PAGE_SIZE;
}

/* ---- unmapping --------------------------------------------------------- */

void pages_release(struct guest *guest, const struct memory *memory)
{
	struct pages *p = &guest->pages;

	p->released[p->num_released++] = *memory;
}

/* Slices from the ends of ranges, as they were mapped: one slice's pages in all. */
static void fill_batch(struct guest *guest)
{
	uint32_t slice = (uint32_t)xenport_slice(guest->xp), pages = 0;
	struct pages *p = &guest->pages;
	struct pages_batch *b = &p->batch;

	b->error = 0;
	for (b->num = 0; p->num_released && b->num < PAGES_BATCH; b->num++) {
		struct memory *m = &p->released[p->num_released - 1];
		uint32_t n = m->pages % slice ? m->pages % slice : slice;

		if (pages + n > slice)
			break;
		pages += n;
		m->pages -= n;
		b->pieces[b->num] = (struct memory){ at_page(m->at, m->pages), n };
		if (m->pages)
			continue;
		p->num_released--;
		p->num_held--;
	}
}

static void unmap_batch(struct job *job)
{
	struct guest *guest = guest_of(job);
	struct pages_batch *b = &guest->pages.batch;

	for (unsigned int i = 0; i < b->num; i++)
		if (xenport_unmap(guest->xp, b->pieces[i].at, b->pieces[i].pages) < 0)
			b->error = errno;
}

static bool unmap_next(struct guest *guest);

static void finish(struct guest *guest)
{
	struct pages *p = &guest->pages;

	if (p->ended)
		p->ended(guest);
	else
		p->unmapped(guest);
}

static void batch_is_unmapped(struct job *job)
{
	struct guest *guest = guest_of(job);
	struct pages *p = &guest->pages;

	p->busy = false;
	for (unsigned int i = 0; i < p->batch.num; i++)
		count_mapping(guest, p->batch.pieces[i].pages, -1);
	if (p->batch.error)
		log_err("dom %u: cannot unmap: %s", (unsigned int)guest->domid,
			strerror(p->batch.error));
	/* Of one that goes an HCA may reach the rest; pages_end() unmaps that. */
	if (guest->hca.clearing && !p->ended)
		return;
	if (!unmap_next(guest))
		finish(guest);
}

/* false: there is nothing left. */
static bool unmap_next(struct guest *guest)
{
	if (!guest->pages.num_released)
		return false;
	fill_batch(guest);
	begin(guest, unmap_batch, batch_is_unmapped);
	return true;
}

bool pages_unmap(struct guest *guest, void (*done)(struct guest *guest))
{
	guest->pages.unmapped = done;
	return unmap_next(guest);
}

bool pages_end(struct guest *guest, void (*ended)(struct guest *guest))
{
	__atomic_store_n(&guest->pages.ended, ended, __ATOMIC_RELAXED);
	return guest->pages.busy || unmap_next(guest);
}

void pages_fini(struct guest *guest)
{
	free(guest->pages.released);
	memset(&guest->pages, 0, sizeof(guest->pages));
}

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

/* ---- mapping: on a worker ---------------------------------------------- */

/* Copy @count references out of list page @ref. */
static bool copy_list(struct guest *guest, uint32_t ref, uint32_t *refs, uint32_t count)
{
	struct pages_map *m = &guest->pages.map;
	void *list = xenport_map(guest->xp, guest->domid, &ref, 1, false);

	if (list) {
		memcpy(refs, list, count * sizeof(*refs));
		if (xenport_unmap(guest->xp, list, 1) == 0)
			return true;
	}
	m->error = errno;
	m->in_list = true;
	m->bad_list = ref;
	return false;
}

/* The references of the list pages, be there one, or none. */
static bool read_root(struct guest *guest)
{
	struct pages_map *m = &guest->pages.map;
	uint32_t num = (m->tree.count + VIB_LIST_REFS - 1) / VIB_LIST_REFS;

	if (num == 1)
		m->lists[0] = m->tree.root;
	else if (!copy_list(guest, m->tree.root, m->lists, num))
		return false;
	m->num_lists = num;
	m->list = num;
	return true;
}

/* Have m->refs be those of list page @list. */
static bool read_list(struct guest *guest, uint32_t list)
{
	struct pages_map *m = &guest->pages.map;
	uint32_t left = m->tree.count - list * VIB_LIST_REFS;

	if (m->list == list)
		return true;
	if (m->tree.count == 1)
		m->refs[0] = m->tree.root;
	else if (!copy_list(guest, m->lists[list], m->refs,
			    left < VIB_LIST_REFS ? left : VIB_LIST_REFS))
		return false;
	m->list = list;
	return true;
}

/* The pages of the slice that is next, and its references. */
static uint32_t next_refs(struct guest *guest, const uint32_t **refs)
{
	const struct pages_map *m = &guest->pages.map;
	uint32_t slice = (uint32_t)xenport_slice(guest->xp);
	uint32_t left = m->tree.count - m->num_done;

	*refs = m->refs + m->num_done % VIB_LIST_REFS;
	return left < slice ? left : slice;
}

/* Into a range that is reserved with the first. -1 and errno. */
static int map_part(struct guest *guest, const uint32_t *refs, uint32_t count)
{
	struct pages_map *m = &guest->pages.map;

	if (!m->range)
		m->range = xenport_reserve(m->tree.count);
	if (!m->range)
		return -1;
	m->num_taken = m->num_done + count;
	return xenport_map_at(guest->xp, at_page(m->range, m->num_done), guest->domid,
			      refs, count, m->writable);
}

static int map_whole(struct guest *guest, const uint32_t *refs, uint32_t count)
{
	struct pages_map *m = &guest->pages.map;

	m->num_taken = count;
	m->range = xenport_map(guest->xp, guest->domid, refs, count, m->writable);
	return m->range ? 0 : -1;
}

/* A slice is no more than a list page has, and divides it: see xenport_slice(). */
_Static_assert(XENPORT_SLICE_MAX == VIB_LIST_REFS, "slices of list pages");

static void map_refs(struct guest *guest)
{
	struct pages_map *m = &guest->pages.map;
	const uint32_t *refs;
	uint32_t count = next_refs(guest, &refs);
	int rc = count == m->tree.count ? map_whole(guest, refs, count)
					: map_part(guest, refs, count);

	if (rc == 0)
		m->num_done += count;
	else
		m->error = errno;
}

/* What is reserved still. */
static void give_up_rest(struct pages_map *m)
{
	if (m->range && m->num_taken < m->tree.count)
		xenport_unreserve(at_page(m->range, m->num_taken),
				  m->tree.count - m->num_taken);
	m->num_taken = m->tree.count;
}

/* One that waits has nothing to do any more; one that runs need not know. */
static bool has_ended(struct guest *guest)
{
	return __atomic_load_n(&guest->pages.ended, __ATOMIC_RELAXED) != NULL;
}

static void map_slice(struct job *job)
{
	struct guest *guest = guest_of(job);
	struct pages_map *m = &guest->pages.map;

	if (has_ended(guest))
		return;
	if ((m->num_lists || read_root(guest)) &&
	    read_list(guest, m->num_done / VIB_LIST_REFS))
		map_refs(guest);
	if (m->error)
		give_up_rest(m);
}

/*
 * Which references of the slice are bad? Those that cannot be mapped one at a time
 * while others can: if none can, something else is wrong.
 */
static void find_bad(struct job *job)
{
	struct guest *guest = guest_of(job);
	struct pages_map *m = &guest->pages.map;
	const uint32_t *refs;
	uint32_t count = next_refs(guest, &refs);

	for (uint32_t i = 0; i < count && !has_ended(guest); i++) {
		void *at = xenport_map(guest->xp, guest->domid, &refs[i], 1, false);

		if (at)
			(void)xenport_unmap(guest->xp, at, 1);
		else if (m->num_bad++ == 0)
			m->first_bad = refs[i];
	}
	if (m->num_bad == count)
		m->num_bad = 0;
}

/* ---- mapping: on the control thread ------------------------------------ */

/* What has been mapped is released, and counted for as long as it is there. */
static void release_part(struct guest *guest)
{
	struct pages_map *m = &guest->pages.map;
	const struct memory part = { m->range, m->num_done };

	if (!part.pages)
		return;
	count_mapping(guest, part.pages, 1);
	guest->pages.num_held++;
	pages_release(guest, &part);
}

/* The guest has gone meanwhile. */
static void abandon(struct guest *guest)
{
	give_up_rest(&guest->pages.map);
	release_part(guest);
	if (!unmap_next(guest))
		finish(guest);
}

static void fail(struct guest *guest)
{
	release_part(guest);
	guest->pages.map.done(guest, -ENOSPC);
}

static void say_why(struct guest *guest)
{
	const struct pages_map *m = &guest->pages.map;
	struct shortage s = { .kind = SHORT_OF_GRANTS,
			      .error = m->error,
			      .pages = m->tree.count,
			      .list = m->bad_list,
			      .bad = m->num_bad,
			      .first_bad = m->first_bad };

	complain(guest, &s);
	fail(guest);
}

static void bad_is_found(struct job *job)
{
	struct guest *guest = guest_of(job);

	guest->pages.busy = false;
	if (guest->pages.ended)
		abandon(guest);
	else
		say_why(guest);
}

static void map_next(struct guest *guest);

static void try_elsewhere(struct guest *guest)
{
	struct pages_map *m = &guest->pages.map;

	release_part(guest);
	m->range = NULL;
	m->num_done = 0;
	m->num_taken = 0;
	m->num_lists = 0;
	m->error = 0;
	map_next(guest);
}

static void slice_has_failed(struct guest *guest)
{
	struct pages_map *m = &guest->pages.map;

	if (m->error == EEXIST && ++m->tries < TRIES) {
		try_elsewhere(guest);
		return;
	}
	count_mapping(guest, m->tree.count, -1);
	if (!complaints_due(guest->complaints))
		fail(guest);
	else if (m->in_list)
		say_why(guest);
	else
		begin(guest, find_bad, bad_is_found);
}

static void slice_is_mapped(struct job *job)
{
	struct guest *guest = guest_of(job);
	struct pages_map *m = &guest->pages.map;

	guest->pages.busy = false;
	if (guest->pages.ended) {
		count_mapping(guest, m->tree.count, -1);
		abandon(guest);
	} else if (m->error) {
		slice_has_failed(guest);
	} else if (m->num_done < m->tree.count) {
		map_next(guest);
	} else {
		*m->memory = (struct memory){ m->range, m->tree.count };
		guest->pages.num_held++;
		m->done(guest, 0);
	}
}

static void map_next(struct guest *guest)
{
	begin(guest, map_slice, slice_is_mapped);
}

/* Room to release everything, one more range and what its map may leave behind. */
static bool make_room(struct pages *p)
{
	uint32_t room = p->room;
	struct memory *more;

	if (p->num_held + ROOM <= room)
		return true;
	while (room < p->num_held + ROOM)
		room = room ? 2 * room : 2 * ROOM;
	more = reallocarray(p->released, room, sizeof(*more));
	if (!more)
		return false;
	p->released = more;
	p->room = room;
	return true;
}

int pages_map(struct guest *guest, const struct vib_pages *tree, bool writable,
	      struct memory *memory, void (*done)(struct guest *guest, int rc))
{
	const struct vhca *vhca = guest->vhca;
	struct pages_map *m = &guest->pages.map;

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
	if (!make_room(&guest->pages))
		return -ENOMEM;
	/* From now on, for others to see; the big tables are filled as they are used. */
	count_mapping(guest, tree->count, 1);
	memset(m, 0, offsetof(struct pages_map, lists));
	m->tree = *tree;
	m->writable = writable;
	m->memory = memory;
	m->done = done;
	map_next(guest);
	return 0;
}
