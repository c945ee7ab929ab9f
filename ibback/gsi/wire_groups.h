/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memberships at the subnet's administrator, on InfiniBand. It has one for each group
 * and GID of this host's, of the JoinState bits that any vport with that GID has;
 * groups.h has the vports' own. A vport's join goes out, and is answered as it is; one
 * that is covered by what the SA has is answered here, and so is every leave. After the
 * SA has forgotten all, it is told anew.
 */
#ifndef XEN_IB_IBBACK_GSI_WIRE_GROUPS_H
#define XEN_IB_IBBACK_GSI_WIRE_GROUPS_H

#include "gsi/groups.h"
#include "gsi/sa.h"

/*
 * The join @request asks for: answered later, unless this returns a status; 0: it is on
 * its way, or so was one before it that it repeats.
 */
uint16_t wire_group_join(const struct sa_request *request,
			 const struct mcm_record *record);

/* Memberships in @mgid are others: the SA is told. */
void wire_groups_changed(struct gsi *gsi, const struct vib_gid *mgid);

/* A vport may join now what it might not before. */
void wire_groups_go_on(struct gsi *gsi);

/* Joins of @port that are not answered are forgotten. */
void wire_joins_purge(struct gsi_port *port);

/* The SA has forgotten all. */
void wire_groups_replay(struct gsi *gsi);

/* There is no SA any more. */
void wire_groups_end(struct gsi *gsi);

#endif
