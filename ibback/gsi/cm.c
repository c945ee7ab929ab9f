// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A CM message between vports goes where it is addressed to, and as it is: each vport
 * has LIDs and GIDs of its own, and the engine fills in the source, so communication
 * IDs are unambiguous beside the address of who chose them. To and from the wire they
 * are rewritten: wire_cm.h.
 *
 * But a CM message repeats addresses in its body, which the other end acts on: it
 * connects its QP to the GID or LID of a path, and finds stale connections, and those
 * whose peer gave up, by CA GUID, whoever sent the message. There a guest names itself
 * and nobody else.
 */
#include "gsi/cm.h"

#include "gsi/cm_fields.h"
#include "gsi/ports.h"

/* §12.7.11: the LID is the permissive one where the path has a router. */
static bool is_own_path(const struct gsi_port *from, const uint8_t *path)
{
	uint16_t lid = be16_at(path + CM_PATH_LOCAL_LID);
	struct vib_gid gid = cm_gid_at(path + CM_PATH_LOCAL_GID);

	return (lid == from->attr.port.lid || lid == LID_PERMISSIVE) &&
	       port_has_gid(from, &gid);
}

static bool is_own_req(const struct gsi_port *from, const uint8_t *mad)
{
	return be64_at(mad + REQ_CA_GUID) == from->attr.node_guid &&
	       is_own_path(from, mad + REQ_PRIMARY) &&
	       (cm_is_no_path(mad + REQ_ALTERNATE) ||
		is_own_path(from, mad + REQ_ALTERNATE));
}

bool cm_is_forged(const struct gsi_port *from, const uint8_t *mad)
{
	switch (mad_attribute(mad)) {
	case UMAD_CM_ATTR_REQ:
		return !is_own_req(from, mad);
	case UMAD_CM_ATTR_REP:
		return be64_at(mad + REP_CA_GUID) != from->attr.node_guid;
	case UMAD_CM_ATTR_REJ:
		return cm_is_timeout(mad) &&
		       be64_at(mad + REJ_CA_GUID) != from->attr.node_guid;
	case UMAD_CM_ATTR_LAP:
		return !is_own_path(from, mad + LAP_ALTERNATE);
	default:
		/* A SIDR_REQ, like all others, has no address in it. */
		return false;
	}
}

void cm_put(uint8_t mad[VIB_MAD_BYTES], uint16_t attribute, uint64_t tid, uint32_t local,
	    uint32_t remote)
{
	const struct mad_header header = {
		.mgmt_class = UMAD_CLASS_CM,
		.class_version = CM_CLASS_VERSION,
		.method = UMAD_METHOD_SEND,
		.attribute = attribute,
		.tid = tid,
	};

	mad_begin(mad, &header);
	put_be32(mad + CM_LOCAL_ID, local);
	put_be32(mad + CM_REMOTE_ID, remote);
}
