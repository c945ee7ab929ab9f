/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of one guest that it has granted: regions, each a memfd that the
 * server made and that nobody can shrink, so that what is mapped of it stays
 * there whatever the guest does. A reference is the region's number, from 1,
 * times 2^20 plus the page's. One thread at a time.
 */
#ifndef XEN_IB_COMMON_LOCAL_GRANTS_H
#define XEN_IB_COMMON_LOCAL_GRANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xenport_copy;

/* Regions of one guest. */
#define GRANT_REGIONS   1024u
/* Pages of one guest: 16 GiB, of which it has what it touched. */
#define GRANT_PAGES     (1u << 22)
#define GRANT_PAGE_BITS 20
/* Pieces of one mapping, each of which is one for the kernel too. */
#define GRANT_RUNS      64u

struct grant_region {
	int fd;
	uint32_t pages; /* 0: there is no such region */
};

struct grants {
	uint32_t pages; /* of all regions */
	struct grant_region regions[GRANT_REGIONS];
};

/* All zero is a guest without memory; this closes its regions. */
void grants_clear(struct grants *grants);

/* Make a region of zeroed pages. Returns its memfd, which is still the region's
 * and as good as its memory, or -1 and errno; ENOSPC: the guest has too many.
 */
int grants_add(struct grants *grants, uint32_t pages, uint32_t *first_ref);

/* End the grants of a region; its mappings stay. -1 and EINVAL: there is none. */
int grants_remove(struct grants *grants, uint32_t first_ref);

/* As xenport_map(), or at @at, which is reserved: see xenport_map_at(). In *@pieces for
 * the kernel, to be ended with munmap(). EINVAL: a reference that is none; E2BIG: more
 * than GRANT_RUNS runs of consecutive ones.
 */
void *grants_map(const struct grants *grants, void *at, const uint32_t *refs,
		 size_t count, bool writable, unsigned int *pieces);

/* As xenport_copy(). */
int grants_copy(const struct grants *grants, const struct xenport_copy *parts,
		size_t count, bool to_guest);

#endif
