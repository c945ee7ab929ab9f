// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi_cm_world.h"

struct gsi_world w;

struct mad_packet out(unsigned int from, unsigned int peer, uint16_t attribute,
		      uint32_t local, uint32_t remote)
{
	struct mad_packet packet = world_mad(&w, from, 0x07, 2, 0x03, attribute);

	world_grh(&packet, from, world_remote_gid(peer));
	packet.dlid = 0x777; /* with a GRH it does not count */
	put_be32(packet.mad + LOCAL, local);
	put_be32(packet.mad + REMOTE, remote);
	if (attribute == REQ) {
		put_be32(packet.mad + REMOTE, 0);
		put_be64(packet.mad + CA_GUID_OF_REQ, w.attr[from].node_guid);
		put_be16(packet.mad + 76, w.attr[from].port.lid);
		put_be16(packet.mad + 78, 0x777);
		put_gid(packet.mad + 80, world_gid(from));
		put_gid(packet.mad + 96, world_remote_gid(peer));
		packet.mad[118] = 0x08;
	}
	if (attribute == REP)
		put_be64(packet.mad + CA_GUID_OF_REP, w.attr[from].node_guid);
	if (attribute == REJ)
		put_be64(packet.mad + CA_GUID_OF_REJ, w.attr[from].node_guid);
	return packet;
}

struct mad_packet in(unsigned int peer, unsigned int to, uint16_t attribute,
		     uint32_t local, uint32_t remote)
{
	struct mad_packet packet = {
		.qpn = 1,
		.grh = true,
		.sgid = world_remote_gid(peer),
		.dgid = world_gid(to),
		.hop_limit = 64,
		.pkey = 0xffff,
		.length = VIB_MAD_BYTES,
		.mad = { 1, 0x07, 2, 0x03 },
	};

	put_be64(packet.mad + TID, 0x0000004200000000 + ++w.tid);
	put_be16(packet.mad + 16, attribute);
	put_be32(packet.mad + LOCAL, local);
	put_be32(packet.mad + REMOTE, remote);
	if (attribute == REQ) {
		put_be16(packet.mad + 76, 0xffff);
		put_be16(packet.mad + 78, 0xffff);
		put_gid(packet.mad + 80, world_remote_gid(peer));
		put_gid(packet.mad + 96, world_gid(to));
	}
	return packet;
}

struct mad_packet passes_out(unsigned int from, const struct mad_packet *packet)
{
	world_send(&w, from, packet);
	return *world_take_wire(&w, from);
}

struct mad_packet passes_in(unsigned int to, const struct mad_packet *packet)
{
	const struct delivery *d;

	gsi_from_wire(w.gsi, packet);
	d = world_take(&w);
	assert_int_equal(d->to, to);
	world_expect_quiet(&w);
	return d->packet;
}

uint32_t id_of(const struct mad_packet *packet, size_t at)
{
	return be32_at(packet->mad + at);
}

uint32_t call_out(unsigned int from, uint32_t guest)
{
	struct mad_packet packet = out(from, 9, REQ, guest, 0);

	packet = passes_out(from, &packet);
	return id_of(&packet, LOCAL);
}

struct mad_packet rej(struct mad_packet packet, uint16_t reason)
{
	put_be16(packet.mad + REASON, reason);
	return packet;
}

int begin_infiniband(void **state)
{
	(void)state;
	world_begin(&w, 3);
	world_set_infiniband(&w, GSI_ADDRESSING_AUTO);
	return 0;
}
