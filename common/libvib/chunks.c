// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages for allocations of every size. A server of local guests has a bound on
 * pieces of memory, and each costs a message; so small allocations, which are
 * most queues and all list pages, are cut from chunks that are got once. A chunk
 * takes no memory where nobody has touched it.
 */
#include <stdlib.h>
#include <string.h>

#include "libvib/internal.h"

#define CHUNK_PAGES 1024
/* What is larger than this is got by itself. */
#define SMALL_PAGES 64

struct lv_chunk {
	struct lv_chunk *next;
	uint8_t *addr;
	uint32_t first_ref;
	uint32_t free;
	uint8_t used[CHUNK_PAGES]; /* 1 for each page that is taken */
};

/* Where @pages free pages lie together, or -1. */
static int find_run(const struct lv_chunk *chunk, size_t pages)
{
	const uint8_t *end = chunk->used + CHUNK_PAGES, *from = chunk->used, *to;

	while ((from = memchr(from, 0, (size_t)(end - from)))) {
		to = memchr(from, 1, (size_t)(end - from));
		if (!to)
			to = end;
		if ((size_t)(to - from) >= pages)
			return (int)(from - chunk->used);
		from = to;
	}
	return -1;
}

static struct lv_chunk *new_chunk(struct libvib *lv)
{
	struct lv_chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->addr = localguest_alloc(lv->guest, CHUNK_PAGES, &chunk->first_ref);
	if (!chunk->addr) {
		free(chunk);
		return NULL;
	}
	chunk->free = CHUNK_PAGES;
	chunk->next = lv->chunks;
	lv->chunks = chunk;
	return chunk;
}

/* A chunk with room for @pages, which begins at *@at, or NULL and errno. */
static struct lv_chunk *find_room(struct libvib *lv, size_t pages, int *at)
{
	struct lv_chunk *chunk;

	for (chunk = lv->chunks; chunk; chunk = chunk->next) {
		if (chunk->free < pages)
			continue;
		*at = find_run(chunk, pages);
		if (*at >= 0)
			return chunk;
	}
	*at = 0;
	return new_chunk(lv);
}

void *lv_take_pages(struct libvib *lv, size_t pages, uint32_t *first_ref)
{
	struct lv_chunk *chunk;
	uint8_t *addr;
	int at;

	if (pages > SMALL_PAGES)
		return localguest_alloc(lv->guest, pages, first_ref);
	chunk = find_room(lv, pages, &at);
	if (!chunk)
		return NULL;
	memset(chunk->used + at, 1, pages);
	chunk->free -= (uint32_t)pages;
	*first_ref = chunk->first_ref + (uint32_t)at;
	addr = chunk->addr + (size_t)at * VIB_PAGE_SIZE;
	/* Now and not when it was freed: it is zero whoever wrote there late. */
	memset(addr, 0, pages * VIB_PAGE_SIZE);
	return addr;
}

void lv_give_pages(struct libvib *lv, void *addr, size_t pages)
{
	struct lv_chunk *chunk = lv->chunks;
	size_t at;

	if (pages > SMALL_PAGES) {
		localguest_free(lv->guest, addr, pages);
		return;
	}
	while ((uintptr_t)addr - (uintptr_t)chunk->addr >= CHUNK_PAGES * VIB_PAGE_SIZE)
		chunk = chunk->next;
	at = (size_t)((uint8_t *)addr - chunk->addr) / VIB_PAGE_SIZE;
	memset(chunk->used + at, 0, pages);
	chunk->free += (uint32_t)pages;
}

void lv_forget_chunks(struct libvib *lv)
{
	struct lv_chunk *chunk;

	while ((chunk = lv->chunks)) {
		lv->chunks = chunk->next;
		free(chunk);
	}
}
