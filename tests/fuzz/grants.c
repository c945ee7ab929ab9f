// SPDX-License-Identifier: GPL-2.0-or-later
#include "grants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sanitizer/asan_interface.h>

#include "xenport/ops.h"

#define ALL_PAGES (WORLD_GUESTS * WORLD_PAGES)
/* Pages of one slice, few, to have many slices. */
#define SLICE     8
/* Mappings of several pages, which are kept for reuse, and of several slices. */
#define RANGES    128
/* More is more than any guest's quota here. */
#define MAP_PAGES 2048

/* Every page, each between two that cannot be touched. */
struct view {
	uint8_t *at;
	unsigned int mapped[ALL_PAGES];
};

/* Several pages mapped in one piece. */
struct range {
	uint8_t *at; /* NULL: none */
	size_t count;
	bool used;
	bool writable;
	uint32_t pages[SLICE];
};

/* Address space that was reserved, between two pages that cannot be touched. */
struct reserved {
	uint8_t *at; /* NULL: none */
	size_t count;
	size_t left;                            /* pages that are reserved or mapped */
	unsigned int slices[MAP_PAGES / SLICE]; /* pages of each that are mapped */
};

static struct xenport xenport;
static int memory_fd = -1;
static uint8_t (*memory)[VIB_PAGE_SIZE];
static struct view views[2]; /* read-only, writable */
static struct range ranges[RANGES];
static struct reserved reserved[RANGES];
static unsigned int next_victim;
static uint32_t clear_at[ALL_PAGES]; /* 1 + offset of the byte an unmap clears */
static unsigned int num_mapped, num_bound;
/* By guest and channel. */
static bool bound[WORLD_GUESTS * WORLD_PORTS];
static unsigned int notified[WORLD_GUESTS * WORLD_PORTS];

/* ---- memory ------------------------------------------------------------ */

/* Map @count pages from @page on at @at. */
static void show(uint8_t *at, uint32_t page, size_t count, bool writable)
{
	void *got = mmap(at, count * VIB_PAGE_SIZE,
			 writable ? PROT_READ | PROT_WRITE : PROT_READ,
			 MAP_SHARED | MAP_FIXED, memory_fd, (off_t)page * VIB_PAGE_SIZE);

	EXPECT(got == at);
}

/* Address space for @pages pages, which cannot be touched. */
static uint8_t *reserve(size_t pages)
{
	uint8_t *at = mmap(NULL, pages * VIB_PAGE_SIZE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

static uint8_t *view_at(const struct view *view, uint32_t page)
{
	return view->at + (2 * (size_t)page + 1) * VIB_PAGE_SIZE;
}

static void make_view(struct view *view, bool writable)
{
	view->at = reserve(2 * ALL_PAGES + 1);
	for (uint32_t page = 0; page < ALL_PAGES; page++) {
		show(view_at(view, page), page, 1, writable);
		ASAN_POISON_MEMORY_REGION(view_at(view, page), VIB_PAGE_SIZE);
	}
}

static void *map_one(uint32_t page, bool writable)
{
	struct view *view = &views[writable];

	if (view->mapped[page]++ == 0)
		ASAN_UNPOISON_MEMORY_REGION(view_at(view, page), VIB_PAGE_SIZE);
	return view_at(view, page);
}

/* false if @addr is no page of @view. */
static bool unmap_one(struct view *view, const uint8_t *addr)
{
	size_t offset = (size_t)(addr - view->at);
	uint32_t page = (uint32_t)(offset / VIB_PAGE_SIZE / 2);

	if (addr < view->at || page >= ALL_PAGES)
		return false;
	EXPECT(addr == view_at(view, page) && view->mapped[page]);
	if (--view->mapped[page])
		return true;
	ASAN_POISON_MEMORY_REGION(view_at(view, page), VIB_PAGE_SIZE);
	if (clear_at[page] && view == &views[true]) {
		memory[page][clear_at[page] - 1] = 0;
		clear_at[page] = 0;
	}
	return true;
}

static void forget_range(struct range *r)
{
	ASAN_UNPOISON_MEMORY_REGION(r->at, r->count * VIB_PAGE_SIZE);
	munmap(r->at - VIB_PAGE_SIZE, (r->count + 2) * VIB_PAGE_SIZE);
	r->at = NULL;
}

/* An unused range: the same as is wanted, or an empty one. */
static struct range *find_range(const uint32_t *pages, size_t count, bool writable)
{
	for (struct range *r = ranges; r < ranges + RANGES; r++)
		if (r->at && !r->used && r->count == count && r->writable == writable &&
		    memcmp(r->pages, pages, count * sizeof(*pages)) == 0)
			return r;
	for (unsigned int i = 0; i < RANGES; i++) {
		struct range *r = &ranges[next_victim++ % RANGES];

		if (r->used)
			continue;
		if (r->at)
			forget_range(r);
		return r;
	}
	world_fail(__FILE__, __LINE__, "more mappings than RANGES");
}

static void *map_range(const uint32_t *pages, size_t count, bool writable)
{
	struct range *r = find_range(pages, count, writable);

	r->used = true;
	if (r->at) {
		ASAN_UNPOISON_MEMORY_REGION(r->at, count * VIB_PAGE_SIZE);
		return r->at;
	}
	r->at = reserve(count + 2) + VIB_PAGE_SIZE;
	r->count = count;
	r->writable = writable;
	memcpy(r->pages, pages, count * sizeof(*pages));
	for (size_t i = 0, run; i < count; i += run) {
		for (run = 1; i + run < count && pages[i + run] == pages[i] + run; run++)
			;
		show(r->at + i * VIB_PAGE_SIZE, pages[i], run, writable);
	}
	return r->at;
}

static void unmap_range(const uint8_t *addr, size_t count)
{
	for (struct range *r = ranges; r < ranges + RANGES; r++) {
		if (r->at != addr)
			continue;
		EXPECT(r->used && r->count == count);
		r->used = false;
		ASAN_POISON_MEMORY_REGION(r->at, count * VIB_PAGE_SIZE);
		return;
	}
	world_fail(__FILE__, __LINE__, "unmapping what is not mapped");
}

/* ---- several slices ---------------------------------------------------- */

void *__wrap_xenport_reserve(size_t count);
void __wrap_xenport_unreserve(void *addr, size_t count);

void *__wrap_xenport_reserve(size_t count)
{
	struct reserved *r = reserved;

	EXPECT(count > SLICE && count <= MAP_PAGES);
	while (r < reserved + RANGES && r->at)
		r++;
	EXPECT(r < reserved + RANGES);
	memset(r->slices, 0, sizeof(r->slices));
	r->at = reserve(count + 2) + VIB_PAGE_SIZE;
	r->count = count;
	r->left = count;
	return r->at;
}

/* The range that @addr is in, and the first slice from there on. NULL: none. */
static struct reserved *find_reserved(const uint8_t *addr, size_t *slice)
{
	for (struct reserved *r = reserved; r < reserved + RANGES; r++) {
		if (!r->at || addr < r->at || addr >= r->at + r->count * VIB_PAGE_SIZE)
			continue;
		*slice = (size_t)(addr - r->at) / VIB_PAGE_SIZE / SLICE;
		EXPECT(addr == r->at + *slice * SLICE * VIB_PAGE_SIZE);
		return r;
	}
	return NULL;
}

static struct reserved *must_find_reserved(const uint8_t *addr, size_t *slice)
{
	struct reserved *r = find_reserved(addr, slice);

	if (r)
		return r;
	world_fail(__FILE__, __LINE__, "not reserved");
}

/* Nothing is to be found there any more. */
static void give_up(struct reserved *r, size_t slice, size_t count)
{
	void *at = r->at + slice * SLICE * VIB_PAGE_SIZE;
	void *got = mmap(at, count * VIB_PAGE_SIZE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	EXPECT(got == at);
	EXPECT(r->left >= count);
	r->left -= count;
	if (r->left)
		return;
	munmap(r->at - VIB_PAGE_SIZE, (r->count + 2) * VIB_PAGE_SIZE);
	r->at = NULL;
}

void __wrap_xenport_unreserve(void *addr, size_t count)
{
	size_t slice;
	struct reserved *r = must_find_reserved(addr, &slice);

	EXPECT(slice * SLICE + count == r->count);
	for (size_t i = slice; i * SLICE < r->count; i++)
		EXPECT(!r->slices[i]);
	give_up(r, slice, count);
}

/* false: it is no part of such a range. */
static bool unmap_slice(const uint8_t *addr, size_t count)
{
	size_t slice;
	struct reserved *r = find_reserved(addr, &slice);

	if (!r)
		return false;
	EXPECT(r->slices[slice] == count);
	r->slices[slice] = 0;
	give_up(r, slice, count);
	return true;
}

/* ---- the Xen port ------------------------------------------------------ */

/* From a grant to a page of memory. false and errno. */
static bool find_page(uint16_t domid, uint32_t ref, bool writable, uint32_t *page)
{
	if (ref == 0 || ref >= WORLD_PAGES || (writable && ref >= WORLD_RO_PAGE)) {
		errno = EINVAL;
		return false;
	}
	*page = (uint32_t)(domid - GRANTS_DOMID) * WORLD_PAGES + ref;
	return true;
}

static void *map(struct xenport *xp, uint16_t domid, const uint32_t *refs, size_t count,
		 bool writable)
{
	uint32_t pages[SLICE];

	(void)xp;
	EXPECT(count && count <= SLICE);
	for (size_t i = 0; i < count; i++)
		if (!find_page(domid, refs[i], writable, &pages[i]))
			return NULL;
	num_mapped++;
	return count == 1 ? map_one(pages[0], writable)
			  : map_range(pages, count, writable);
}

/* Up to the first part that is not granted. */
static int copy(struct xenport *xp, uint16_t domid, const struct xenport_copy *parts,
		size_t count, bool to_guest)
{
	(void)xp;
	EXPECT(count <= XENPORT_COPY_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct xenport_copy *part = &parts[i];
		uint32_t page;

		EXPECT(part->length && part->offset + part->length <= VIB_PAGE_SIZE);
		if (!find_page(domid, part->ref, to_guest, &page))
			return -1;
		if (to_guest)
			memcpy(memory[page] + part->offset, part->local, part->length);
		else
			memcpy(part->local, memory[page] + part->offset, part->length);
	}
	return 0;
}

static int map_at(struct xenport *xp, void *addr, uint16_t domid, const uint32_t *refs,
		  size_t count, bool writable)
{
	uint32_t pages[SLICE];
	size_t slice;
	struct reserved *r = must_find_reserved(addr, &slice);

	(void)xp;
	EXPECT(!r->slices[slice]);
	EXPECT(count == SLICE || slice * SLICE + count == r->count);
	for (size_t i = 0; i < count; i++)
		if (!find_page(domid, refs[i], writable, &pages[i])) {
			give_up(r, slice, count);
			errno = EINVAL;
			return -1;
		}
	for (size_t i = 0; i < count; i++)
		show(r->at + (slice * SLICE + i) * VIB_PAGE_SIZE, pages[i], 1, writable);
	r->slices[slice] = (unsigned int)count;
	num_mapped++;
	return 0;
}

static size_t slice_of(struct xenport *xp)
{
	(void)xp;
	return SLICE;
}

static void *map_notify(struct xenport *xp, uint16_t domid, uint32_t ref,
			size_t clear_offset, uint32_t event_port)
{
	void *addr = map(xp, domid, &ref, 1, true);
	uint32_t page;

	(void)event_port;
	if (addr && find_page(domid, ref, true, &page))
		clear_at[page] = (uint32_t)clear_offset + 1;
	return addr;
}

static int unmap(struct xenport *xp, void *addr, size_t count)
{
	(void)xp;
	EXPECT(num_mapped);
	num_mapped--;
	if (unmap_slice(addr, count))
		return 0;
	if (count > 1)
		unmap_range(addr, count);
	else
		EXPECT(unmap_one(&views[0], addr) || unmap_one(&views[1], addr));
	return 0;
}

/* Where the channel of local port @port is in the tables. */
static unsigned int place_of(uint32_t local_port)
{
	unsigned int place = local_port - 1;

	EXPECT(place < WORLD_GUESTS * WORLD_PORTS && bound[place]);
	return place;
}

static int bind(struct xenport *xp, uint16_t domid, uint32_t remote_port,
		uint32_t *local_port)
{
	unsigned int place = (domid - GRANTS_DOMID) * WORLD_PORTS + remote_port;

	(void)xp;
	if (remote_port >= WORLD_PORTS || bound[place]) {
		errno = EINVAL;
		return -1;
	}
	bound[place] = true;
	num_bound++;
	*local_port = place + 1;
	return 0;
}

static int unbind(struct xenport *xp, uint32_t local_port)
{
	(void)xp;
	bound[place_of(local_port)] = false;
	num_bound--;
	return 0;
}

static int notify(struct xenport *xp, uint32_t local_port)
{
	(void)xp;
	notified[place_of(local_port)]++;
	return 0;
}

static struct xenport *open_events(struct xenport *xp)
{
	return xp;
}

static void no_close(struct xenport *xp)
{
	(void)xp; /* there is one port for all */
}

static const struct xenport_ops ops = {
	.close = no_close,
	.open_events = open_events,
	.map = map,
	.map_at = map_at,
	.slice = slice_of,
	.copy = copy,
	.map_notify = map_notify,
	.unmap = unmap,
	.bind = bind,
	.unbind = unbind,
	.notify = notify,
};

/* ---- the world's side -------------------------------------------------- */

struct xenport *grants_port(void)
{
	const size_t bytes = ALL_PAGES * (size_t)VIB_PAGE_SIZE;

	if (xenport.ops)
		return &xenport;
	xenport.ops = &ops;
	memory_fd = memfd_create("guests", MFD_CLOEXEC);
	EXPECT(memory_fd >= 0 && ftruncate(memory_fd, (off_t)bytes) == 0);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	EXPECT(memory != MAP_FAILED);
	make_view(&views[false], false);
	make_view(&views[true], true);
	return &xenport;
}

uint8_t (*grants_memory(void))[VIB_PAGE_SIZE]
{
	return memory;
}

unsigned int grants_mapped(void)
{
	unsigned int num_reserved = 0;

	for (const struct reserved *r = reserved; r < reserved + RANGES; r++)
		num_reserved += r->at != NULL;
	return num_mapped + num_reserved;
}

unsigned int grants_bound(void)
{
	return num_bound;
}

unsigned int grants_notified(unsigned int guest, unsigned int channel)
{
	return notified[guest * WORLD_PORTS + channel];
}

void grants_forget_events(void)
{
	memset(notified, 0, sizeof(notified));
}
