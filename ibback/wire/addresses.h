/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GIDs of vports as IPv6 addresses of a RoCE port's network device: so the HCA has the
 * same GIDs, and the network's own neighbour discovery finds them. They carry a mark
 * (RTNL_PROTO_IBBACK): one with it that no vport wants, of an ibback that is dead, goes;
 * one without it is another's, and is left alone. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_WIRE_ADDRESSES_H
#define XEN_IB_IBBACK_WIRE_ADDRESSES_H

#include <stddef.h>

#include <xen-ib/port.h>

#include "wire/netdev.h"

struct addresses;

enum address_state {
	ADDRESSES_WAIT,  /* for the kernel, or for the device, which is not there */
	ADDRESSES_READY, /* all of the owner's are on the device */
	ADDRESSES_TAKEN, /* one is there already, and is another's */
	ADDRESSES_FAILED,
};

/* What became of those of @owner has changed; @why is for people, "" when ready. */
typedef void addresses_told(void *arg, void *owner, enum address_state state,
			    const char *why);

/*
 * Keep addresses on @netdev, and take off those that nobody wants. @told is called with
 * @arg when the job has run, not from within these functions. NULL and errno: ENOMEM.
 */
struct addresses *addresses_new(struct netdev *netdev, addresses_told *told, void *arg);

/* Once the device is stopped and freed, or about to be. NULL is harmless. */
void addresses_free(struct addresses *addresses);

/*
 * @owner is to have the @count GIDs at @gids, at most VIB_MAX_GIDS, in place of those
 * before; a zero one is none. Those of two owners differ. 1: they are others than
 * before, and it is told when they are ready; 0: the same; -1 and errno: ENOMEM.
 */
int addresses_set(struct addresses *addresses, void *owner, const struct vib_gid *gids,
		  size_t count);

/* @owner has none any more, and is not told of anything. Harmless with a stranger. */
void addresses_forget(struct addresses *addresses, void *owner);

#endif
