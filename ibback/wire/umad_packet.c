// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/umad_packet.h"

#include <endian.h>
#include <string.h>

/* IBTA vol. 1 §10.2.5: the well-known Q_Key of the GSI. */
#define QKEY_GSI 0x80010000u
#define QPN_GSI  1

void umad_packet_get(struct mad_packet *packet, const struct umad_buffer *in, int length)
{
	const ib_mad_addr_t *addr = &in->head.addr;

	*packet = (struct mad_packet){
		.qpn = be32toh(addr->qpn),
		.slid = be16toh(addr->lid),
		.sl = addr->sl & 0xf,
		.from_guest = true,
		.grh = addr->grh_present,
		.flow_label = be32toh(addr->flow_label) & 0xfffff,
		.traffic_class = addr->traffic_class,
		.hop_limit = addr->hop_limit,
	};
	memcpy(&packet->sgid, addr->gid, sizeof(packet->sgid));
	if (length != VIB_MAD_BYTES)
		return;
	packet->length = VIB_MAD_BYTES;
	memcpy(packet->mad, in->mad, VIB_MAD_BYTES);
}

void umad_packet_put(struct umad_buffer *out, const struct mad_packet *packet,
		     uint8_t gid_index, uint16_t pkey_index, bool by_lid)
{
	ib_mad_addr_t *addr = &out->head.addr;

	memset(&out->head, 0, sizeof(out->head));
	addr->qpn = htobe32(QPN_GSI);
	addr->qkey = htobe32(QKEY_GSI);
	addr->lid = by_lid ? htobe16(packet->dlid) : 0;
	addr->sl = packet->sl;
	addr->grh_present = 1;
	addr->gid_index = gid_index;
	addr->hop_limit = packet->hop_limit;
	addr->traffic_class = packet->traffic_class;
	memcpy(addr->gid, &packet->dgid, sizeof(packet->dgid));
	addr->flow_label = htobe32(packet->flow_label);
	addr->pkey_index = pkey_index;
	memcpy(out->mad, packet->mad, VIB_MAD_BYTES);
}

void umad_packet_put_plain(struct umad_buffer *out, const uint8_t mad[VIB_MAD_BYTES],
			   uint16_t lid, uint8_t sl)
{
	ib_mad_addr_t *addr = &out->head.addr;

	memset(&out->head, 0, sizeof(out->head));
	addr->qpn = htobe32(QPN_GSI);
	addr->qkey = htobe32(QKEY_GSI);
	addr->lid = htobe16(lid);
	addr->sl = sl;
	memcpy(out->mad, mad, VIB_MAD_BYTES);
}
