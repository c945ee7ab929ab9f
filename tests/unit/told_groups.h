/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Books of what a GSI has said of multicast groups, by gsi_ops.group and gsi_ops.joined,
 * as the engine keeps them. No group is forgotten; when they are full, further ones are
 * not looked at.
 */
#ifndef XEN_IB_TESTS_TOLD_GROUPS_H
#define XEN_IB_TESTS_TOLD_GROUPS_H

#include <stdbool.h>
#include <string.h>

#include "gsi/gsi.h"

#define TOLD_GROUPS 2048
#define TOLD_PORTS  6

struct told_group {
	struct vib_gid mgid;
	uint16_t pkey; /* 0: it has ended */
	bool joined[TOLD_PORTS];
};

struct told_groups {
	unsigned int count; /* of @groups; all else is not looked at */
	struct told_group groups[TOLD_GROUPS];
};

/* NULL: nothing was said of it. */
static inline const struct told_group *told_find(const struct told_groups *told,
						 const struct vib_gid *mgid)
{
	for (unsigned int i = 0; i < told->count; i++)
		if (memcmp(&told->groups[i].mgid, mgid, sizeof(*mgid)) == 0)
			return &told->groups[i];
	return NULL;
}

/* It begins, with @pkey, or ends, with 0. false: it had done so already. */
static inline bool told_group(struct told_groups *told, const struct vib_gid *mgid,
			      uint16_t pkey)
{
	struct told_group *group = (struct told_group *)told_find(told, mgid);

	if (!group && told->count == TOLD_GROUPS)
		return true;
	if (group ? !pkey == !group->pkey : !pkey)
		return false;
	if (!group)
		group = &told->groups[told->count++];
	*group = (struct told_group){ .mgid = *mgid, .pkey = pkey };
	return true;
}

/* Port @i receives by it, or does no longer. false: there is no such group. */
static inline bool told_joined(struct told_groups *told, const struct vib_gid *mgid,
			       unsigned int i, bool joined)
{
	struct told_group *group = (struct told_group *)told_find(told, mgid);

	if (!group)
		return told->count == TOLD_GROUPS;
	if (!group->pkey)
		return false;
	group->joined[i] = joined;
	return true;
}

/* The GSI answers of @mgid, for @port, what it told: @group, of port @i. */
static inline bool told_as_asked(const struct told_group *group,
				 const struct vib_gid *mgid, const struct gsi_port *port,
				 unsigned int i)
{
	bool joined;

	return gsi_group(port, mgid, &joined) == (group ? group->pkey : 0) &&
	       joined == (group && group->joined[i]);
}

#endif
