/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is beyond the wire of a fabric. On RoCE a GID is an address that the network
 * resolves by itself, so the SA knows a path to any GID of the subnet that is no vport's.
 * Each that a vport asks for, or is called from, has a LID, which is valid on this host
 * alone; it stands as long as a vport has it, and a vport has a bounded number of them.
 */
#ifndef XEN_IB_IBBACK_GSI_REMOTES_H
#define XEN_IB_IBBACK_GSI_REMOTES_H

#include "gsi/state.h"

/* Can @gid be beyond the wire: is it a port's GID of this subnet, and no vport's? */
bool gid_is_remote(struct gsi *gsi, const struct vib_gid *gid);

/*
 * The LID of @gid, which can be beyond the wire, held for @port from now on; 0: there is
 * no memory.
 */
uint16_t remote_hold(struct gsi_port *port, const struct vib_gid *gid,
		     enum remote_why why);

/* The GID that @lid stands for; NULL: none. */
const struct vib_gid *remote_gid(const struct gsi *gsi, uint16_t lid);

/* The LID that stands for @gid; 0: none. */
uint16_t remote_lid(const struct gsi *gsi, const struct vib_gid *gid);

/* @port has none any more. */
void remotes_purge(struct gsi_port *port);

/* True if the wire has @pkey, membership and all: nothing else can be sent there. */
bool wire_has_pkey(const struct gsi *gsi, uint16_t pkey);

/* The code of the wire's rate. */
uint8_t wire_rate(const struct gsi_wire *wire);

/* The first P_Key of @port that the wire has; 0: none. */
uint16_t wire_common_pkey(const struct gsi_port *port);

#endif
