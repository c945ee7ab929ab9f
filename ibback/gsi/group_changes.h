/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups that come and go, of which subscribers are told by traps 66 and 67. The
 * specification has no limit for them, and OpenSM tells of each at once; but a guest can
 * make groups and end them in a loop, and each time costs every subscriber a Report. So
 * of what one port changes about MAX_GROUP_CHANGES are told a second, the first at once.
 * Further ones wait, a group once, and are told of as they are then, so that whoever
 * hears of all knows in the end what there is. One port's never wait for another's.
 */
#ifndef XEN_IB_IBBACK_GSI_GROUP_CHANGES_H
#define XEN_IB_IBBACK_GSI_GROUP_CHANGES_H

#include "gsi/state.h"

/*
 * Group @mgid in partition @pkey has come, or has gone: by @port, or by the fabric itself
 * (NULL), of which is always told at once. What there is no memory for does not wait.
 */
void group_changed(struct gsi *gsi, struct gsi_port *port, const struct vib_gid *mgid,
		   uint16_t pkey);

/* How many groups wait that @port has changed. */
unsigned int group_changes_waiting(const struct gsi_port *port);

/* @port goes; what waits is told all the same. */
void group_changes_leave(struct gsi_port *port);

/* Nothing is told of what waits: nobody is subscribed any more. */
void group_changes_end(struct gsi *gsi);

#endif
