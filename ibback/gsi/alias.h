/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alias GUIDs: on InfiniBand a vport's GUID is one of the port's, if the subnet's
 * administrator agrees (SubnAdmSet of GUIDInfoRecord, 8 to a block, the first of all the
 * port's own). What it declines is asked for again, after 1 to 60 s. Where it knows no
 * such thing, or has no room, vports share the port's own GID, unless they may not.
 *
 * A GUID keeps the place in the table that it had before a restart of ours, since the
 * same one at two places is declined; what is left over from then is taken off later.
 */
#ifndef XEN_IB_IBBACK_GSI_ALIAS_H
#define XEN_IB_IBBACK_GSI_ALIAS_H

#include "gsi/state.h"

/* Is the subnet to know how @port is addressed, so that it may join groups? */
static inline bool alias_is_settled(const struct gsi_port *port)
{
	return port->alias == ALIAS_CONFIRMED || port->alias == ALIAS_SHARED;
}

/* The GID of @port on the wire; once that is settled. */
struct vib_gid alias_gid(const struct gsi_port *port);

/* There is a wire, or one that has forgotten all; ports have to be asked for anew. */
void aliases_begin(struct gsi *gsi);
/* There is none any more. */
void aliases_end(struct gsi *gsi);

/* @port came, or goes; its GUID is its port GUID, which does not change. */
void alias_add(struct gsi_port *port);
void alias_remove(struct gsi_port *port);

#endif
