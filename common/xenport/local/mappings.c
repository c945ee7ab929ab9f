// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/local/mappings.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "xenport/local/channels.h"
#include "xenport/local/wire.h"

struct mapping {
	struct mappings *owner;
	uint8_t *addr;
	size_t count;
	unsigned int pieces;
	struct mapping_end end;
};

static int by_address(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

int mappings_add(struct mappings *mappings, void *addr, size_t count, unsigned int pieces,
		 const struct mapping_end *end)
{
	struct mapping *mapping;

	if (pieces > MAPPING_PIECES - mappings->pieces) {
		errno = ENOSPC;
		return -1;
	}
	mapping = malloc(sizeof(*mapping));
	if (!mapping)
		return -1;
	*mapping = (struct mapping){ mappings, addr, count, pieces, *end };
	if (tsearch(mapping, &mappings->root, by_address)) {
		mappings->pieces += pieces;
		return 0;
	}
	free(mapping);
	errno = ENOMEM;
	return -1;
}

static void end(void *item)
{
	struct mapping *mapping = item;

	if (mapping->end.event_port) {
		volatile uint8_t *byte = mapping->addr + mapping->end.clear_offset;

		*byte = 0;
		/* Of no use to a guest whose channel is gone. */
		(void)channels_notify(mapping->owner->channels, NULL,
				      mapping->end.event_port);
	}
	munmap(mapping->addr, mapping->count * LOCAL_PAGE);
	mapping->owner->pieces -= mapping->pieces;
	free(mapping);
}

int mappings_remove(struct mappings *mappings, void *addr, size_t count)
{
	struct mapping key = { .addr = addr };
	struct mapping **found = tfind(&key, &mappings->root, by_address), *mapping;

	if (!found || (*found)->count != count) {
		errno = EINVAL;
		return -1;
	}
	mapping = *found;
	tdelete(mapping, &mappings->root, by_address);
	end(mapping);
	return 0;
}

void mappings_clear(struct mappings *mappings)
{
	tdestroy(mappings->root, end);
	mappings->root = NULL;
}
