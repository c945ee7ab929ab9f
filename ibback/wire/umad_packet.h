/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A MAD as libibumad has it, and as a struct mad_packet. */
#ifndef XEN_IB_IBBACK_WIRE_UMAD_PACKET_H
#define XEN_IB_IBBACK_WIRE_UMAD_PACKET_H

#include <stddef.h>

#include <infiniband/umad.h>

#include "engine/mad_packet.h"

/* Any MAD that a port can receive: those of Omni-Path have 2048 bytes. */
#define UMAD_MAD_MAX 2048

/* The header, and behind it the MAD. */
struct umad_buffer {
	struct ib_user_mad head;
	uint8_t mad[UMAD_MAD_MAX];
};
_Static_assert(offsetof(struct umad_buffer, mad) == sizeof(struct ib_user_mad),
	       "the MAD is behind the header");

/*
 * What came in, @length bytes of MAD behind the header. P_Key and DGID, which are
 * indices, are for the caller to fill in; a MAD of any length but 256 has length 0.
 */
void umad_packet_get(struct mad_packet *packet, const struct umad_buffer *in, int length);

/* What goes out from the GID and with the P_Key at those indices; to its LID, if LIDs
 * count.
 */
void umad_packet_put(struct umad_buffer *out, const struct mad_packet *packet,
		     uint8_t gid_index, uint16_t pkey_index, bool by_lid);

/* @mad from the port itself to @lid, in its first partition. */
void umad_packet_put_plain(struct umad_buffer *out, const uint8_t mad[VIB_MAD_BYTES],
			   uint16_t lid, uint8_t sl);

#endif
