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
#define GROUPS6_MAX 4096

struct groups6;

/* Keep memberships at @netdev, before it is touched. NULL and errno: ENOMEM. */
struct groups6 *groups6_new(struct netdev *netdev);

/* Leave all. Once the device is stopped and freed, or about to be. NULL is harmless. */
void groups6_free(struct groups6 *groups);

/*
 * Be a member of @mgid until groups6_leave() was called as often as this; soon, as long
 * as there is the device. What the kernel refuses is logged, and tried again. 0, or -1
 * and errno: EINVAL if it is no multicast GID, ENOSPC if there are GROUPS6_MAX, ENOMEM.
 */
int groups6_join(struct groups6 *groups, const struct vib_gid *mgid);
/* Harmless for one that was not joined. */
void groups6_leave(struct groups6 *groups, const struct vib_gid *mgid);

/*
 * Be a member of @mgid besides, or no more, however often that is said. As above.
 */
int groups6_hold(struct groups6 *groups, const struct vib_gid *mgid, bool hold);

/* How many there are. */
size_t groups6_count(const struct groups6 *groups);

#endif
