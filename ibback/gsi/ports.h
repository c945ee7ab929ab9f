/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports of a fabric: where they are, and which of them know of each other. */
#ifndef XEN_IB_IBBACK_GSI_PORTS_H
#define XEN_IB_IBBACK_GSI_PORTS_H

#include "gsi/pkeys.h"
#include "gsi/state.h"

/* Find @port by its LID and GIDs from now on, or no more. */
void port_index(struct gsi_port *port);
void port_unindex(struct gsi_port *port);

/* NULL if there is none. */
struct gsi_port *port_by_gid(struct gsi *gsi, const struct vib_gid *gid);
struct gsi_port *port_by_lid(struct gsi *gsi, uint16_t lid);

/* The GID of the SA (IBTA vol. 1 §4.1.1: the well-known interface id). */
struct vib_gid sa_gid(const struct gsi *gsi);

static inline bool port_is_up(const struct gsi_port *port)
{
	return port->attr.port.state == VIB_PORT_ACTIVE;
}

static inline bool gids_equal(const struct vib_gid *a, const struct vib_gid *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* True if @gid is one of those of @attr. */
bool attr_has_gid(const struct gsi_port_attr *attr, const struct vib_gid *gid);

static inline bool port_has_gid(const struct gsi_port *port, const struct vib_gid *gid)
{
	return attr_has_gid(&port->attr, gid);
}

/* True if both are members of the partition of @pkey, and one of them a full one. */
bool ports_share(const struct gsi_port *a, const struct gsi_port *b, uint16_t pkey);

/* The P_Key of @a in a partition that it shares with @b; 0: there is none. */
uint16_t ports_common_pkey(const struct gsi_port *a, const struct gsi_port *b);

/*
 * True if @port may know that @other exists: they share a partition, and @other is up.
 * What it may not know of does not exist for it, in no answer of the SA.
 */
bool port_sees(const struct gsi_port *port, const struct gsi_port *other);

/* True if it shares a partition with every port of an InfiniBand subnet: it is a full
 * member of the default one, of which each is some member (IBTA vol. 1 §10.9.1.2).
 */
bool port_sees_all(const struct gsi_port *port);

#endif
