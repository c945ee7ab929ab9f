/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this process has mapped of guests, and what the end of each brings about. One
 * thread at a time.
 */
#ifndef XEN_IB_COMMON_LOCAL_MAPPINGS_H
#define XEN_IB_COMMON_LOCAL_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>

struct channels;

/* Pieces of all mappings together: each is one of the kernel's, of which a process
 * has some 65000 (vm.max_map_count) for everything.
 */
#define MAPPING_PIECES 16384u

struct mappings {
	void *root; /* of tsearch(3), by address */
	unsigned int pieces;
	struct channels *channels;
};

/* What an unmapping does first: no event with port 0. */
struct mapping_end {
	size_t clear_offset;
	uint32_t event_port;
};

/* Note a mapping of @count pages in @pieces. 0, or -1 and ENOMEM, or ENOSPC when
 * there are too many pieces.
 */
int mappings_add(struct mappings *mappings, void *addr, size_t count, unsigned int pieces,
		 const struct mapping_end *end);

/* Unmap one. -1 and EINVAL: not one so noted. */
int mappings_remove(struct mappings *mappings, void *addr, size_t count);

/* Unmap them all. */
void mappings_clear(struct mappings *mappings);

#endif
