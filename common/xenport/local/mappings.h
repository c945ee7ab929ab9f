/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this process has mapped of guests, and what the end of each brings about. */
#ifndef XEN_IB_COMMON_LOCAL_MAPPINGS_H
#define XEN_IB_COMMON_LOCAL_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>

struct channels;

struct mappings {
	void *root; /* of tsearch(3), by address */
	struct channels *channels;
};

/* What an unmapping does first: no event with port 0. */
struct mapping_end {
	size_t clear_offset;
	uint32_t event_port;
};

/* Note a mapping of @count pages. 0, or -1 and ENOMEM. */
int mappings_add(struct mappings *mappings, void *addr, size_t count,
		 const struct mapping_end *end);

/* Unmap one. -1 and EINVAL: not one so noted. */
int mappings_remove(struct mappings *mappings, void *addr, size_t count);

/* Unmap them all. */
void mappings_clear(struct mappings *mappings);

#endif
