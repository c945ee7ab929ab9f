/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multicast GIDs as IPv6 groups of a RoCE port's network device. An HCA's attaching makes
 * the device take their frames in, but a kernel that is no member of the group drops them
 * in its IP layer, and switches that snoop do not send them: so ibback joins, too, by
 * sockets that receive nothing. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_WIRE_GROUPS6_H
#define XEN_IB_IBBACK_WIRE_GROUPS6_H

#include <stdbool.h>
#include <stddef.h>

#include <xen-ib/port.h>

#include "wire/netdev.h"

/* Of one device. Each has a place in the HCA's filter, and a report in the network. */
#define GROUPS6_MAX       4096
/* Of these so many at most are joined: the rest is for those that are held. */
#define GROUPS6_JOINS_MAX (GROUPS6_MAX / 2)
/* And so many by one owner. */
#define GROUPS6_QUOTA     256

struct groups6;

/*
 * Keep memberships at @netdev, before it is touched. @room is called with @arg, from the
 * loop, when one that could not be held may be tried again. NULL and errno: ENOMEM.
 */
struct groups6 *groups6_new(struct netdev *netdev, void (*room)(void *arg), void *arg);

/* Leave all. Once the device is stopped and freed, or about to be. NULL is harmless. */
void groups6_free(struct groups6 *groups);

/*
 * Be a member of @mgid for @owner until it leaves, however often that is said; soon, as
 * long as there is the device. What the kernel refuses is logged, and tried again. 0, or
 * -1 and errno: EINVAL if it is no multicast GID, EDQUOT if @owner has GROUPS6_QUOTA,
 * ENOSPC if all have GROUPS6_JOINS_MAX or the device has GROUPS6_MAX, ENOMEM.
 */
int groups6_join(struct groups6 *groups, const struct vib_gid *mgid, const void *owner);
/* Harmless for one that @owner did not join. */
void groups6_leave(struct groups6 *groups, const struct vib_gid *mgid, const void *owner);

/*
 * Be a member of @mgid besides, or no more, however often that is said; which fails as
 * above, for want of a place only if the device has GROUPS6_MAX.
 */
int groups6_hold(struct groups6 *groups, const struct vib_gid *mgid, bool hold);

/* How many there are. */
size_t groups6_count(const struct groups6 *groups);

#endif
