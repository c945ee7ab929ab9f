/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A MAD on its way between QP0 or QP1 of a vHCA and the GSI: what a packet on a wire
 * would say. Whoever fills it copies; nothing in it points to a guest's memory.
 */
#ifndef XEN_IB_IBBACK_MAD_PACKET_H
#define XEN_IB_IBBACK_MAD_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include <xen-ib/object.h>

struct mad_packet {
	uint32_t qpn; /* 0 or 1, of both ends: SMI or GSI */
	uint16_t slid;
	uint16_t dlid;
	uint8_t sl;
	bool from_guest; /* and not what answers it */
	uint16_t pkey;   /* the P_Key itself, of the sender's table; QP0: 0 */
	bool grh;        /* what follows counts */
	struct vib_gid sgid;
	struct vib_gid dgid;
	uint32_t flow_label;
	uint8_t traffic_class;
	uint8_t hop_limit;
	uint32_t length;            /* bytes of mad, at most VIB_MAD_BYTES */
	uint8_t mad[VIB_MAD_BYTES]; /* zero behind length */
};

#endif
