// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A CM message between vports goes where it is addressed to, and as it is: each vport
 * has LIDs and GIDs of its own, and the engine fills in the source, so communication
 * IDs are unambiguous beside the address of who chose them. A table that rewrites them,
 * as of mlx4's PF driver, is only needed where vports share the one port of an HCA: it
 * belongs to the wire.
 *
 * But a CM message repeats addresses in its body, which the other end acts on: it
 * connects its QP to the GID or LID of a path, and finds stale connections by CA GUID.
 * There a guest names itself and nobody else.
 */
#include "gsi/cm.h"

#include <infiniband/umad_cm.h>

#include "gsi/mad.h"
#include "gsi/ports.h"

/* Offsets in a MAD of what tells the sender (§12.6.5 table 99, §12.6.8, §12.8.1). */
enum {
	REQ_CA_GUID = 24 + 16,
	REQ_PRIMARY_LID = 24 + 52,
	REQ_PRIMARY_GID = 24 + 56,
	REQ_ALTERNATE_LID = 24 + 96,
	REQ_ALTERNATE_GID = 24 + 100,
	REP_CA_GUID = 24 + 28,
	LAP_ALTERNATE_LID = 24 + 20,
	LAP_ALTERNATE_GID = 24 + 24,
};

static struct vib_gid gid_at(const uint8_t *p)
{
	struct vib_gid gid;

	memcpy(&gid, p, sizeof(gid));
	return gid;
}

/* §12.7.11: the LID is the permissive one where the path has a router. */
static bool is_own_path(const struct gsi_port *from, const uint8_t *lid_at,
			const uint8_t *at)
{
	uint16_t lid = be16_at(lid_at);
	struct vib_gid gid = gid_at(at);

	return (lid == from->attr.port.lid || lid == LID_PERMISSIVE) &&
	       port_has_gid(from, &gid);
}

/* §12.7.21: without an alternate path its fields are zero. */
static bool is_no_path(const uint8_t *lid_at, const uint8_t *at)
{
	struct vib_gid gid = gid_at(at);

	return be16_at(lid_at) == 0 && gid_is_zero(&gid);
}

static bool is_own_req(const struct gsi_port *from, const uint8_t *mad)
{
	const uint8_t *lid = mad + REQ_ALTERNATE_LID, *gid = mad + REQ_ALTERNATE_GID;

	return be64_at(mad + REQ_CA_GUID) == from->attr.node_guid &&
	       is_own_path(from, mad + REQ_PRIMARY_LID, mad + REQ_PRIMARY_GID) &&
	       (is_no_path(lid, gid) || is_own_path(from, lid, gid));
}

bool cm_is_forged(const struct gsi_port *from, const uint8_t *mad)
{
	switch (mad_attribute(mad)) {
	case UMAD_CM_ATTR_REQ:
		return !is_own_req(from, mad);
	case UMAD_CM_ATTR_REP:
		return be64_at(mad + REP_CA_GUID) != from->attr.node_guid;
	case UMAD_CM_ATTR_LAP:
		return !is_own_path(from, mad + LAP_ALTERNATE_LID,
				    mad + LAP_ALTERNATE_GID);
	default:
		/* A SIDR_REQ, like all others, has no address in it. */
		return false;
	}
}
