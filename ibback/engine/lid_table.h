/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the LIDs of a fabric stand for beyond its wire: GIDs of its subnet, which are
 * told by their interface ids. The control thread writes them, one at a time, and
 * pollers read them, without more order than that a LID stands for one GID or none.
 */
#ifndef XEN_IB_IBBACK_LID_TABLE_H
#define XEN_IB_IBBACK_LID_TABLE_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <xen-ib/types.h>

#include "lids.h"

struct lid_table {
	uint64_t prefix;                          /* of the subnet; host order */
	uint64_t interfaces[LID_UNICAST_MAX + 1]; /* big endian; 0: none; atomic */
};

/* @lid, a unicast one, stands for @gid, which is of the subnet, or for none: NULL. */
static inline void lid_table_set(struct lid_table *table, uint16_t lid,
				 const struct vib_gid *gid)
{
	uint64_t id = 0;

	if (gid)
		memcpy(&id, gid->raw + 8, sizeof(id));
	__atomic_store_n(&table->interfaces[lid], id, __ATOMIC_RELAXED);
}

/* The GID that any @lid stands for; false: none. By any thread. */
static inline bool lid_to_gid(const struct lid_table *table, uint16_t lid,
			      struct vib_gid *gid)
{
	uint64_t prefix = htobe64(table->prefix), id = 0;

	if (lid <= LID_UNICAST_MAX)
		id = __atomic_load_n(&table->interfaces[lid], __ATOMIC_RELAXED);
	memcpy(gid->raw, &prefix, sizeof(prefix));
	memcpy(gid->raw + 8, &id, sizeof(id));
	return id;
}

#endif
