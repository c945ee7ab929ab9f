// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What comes from the wire, to guests that call out, are called and answer, in any order,
 * while P_Keys, links, guests and the wire change. Messages come as libibumad has them,
 * right but for what the bytes want wrong; or of any bytes at all.
 */
#include <string.h>

#include "gsi/mad.h"
#include "gsi/rmpp.h"
#include "gsi_guests.h"
#include "input.h"
#include "wire/umad_packet.h"

#define REMOTES 3

static void put_gid(uint8_t *p, struct vib_gid gid)
{
	memcpy(p, &gid, sizeof(gid));
}

/* A message between @from and @to, whose ids are few, and where they go wrong few too. */
static void message(struct input *in, uint8_t *mad, struct vib_gid from,
		    struct vib_gid to, uint32_t last_id)
{
	uint8_t attribute = byte(in) % 14, ids = byte(in), wrong = byte(in);

	memset(mad, 0, VIB_MAD_BYTES);
	mad[0] = 1;
	mad[1] = 0x07;
	mad[2] = 2;
	mad[3] = 0x03;
	put_be64(mad + MAD_AT_TID, ids >> 5);
	put_be16(mad + MAD_AT_ATTRIBUTE, 0x10 + attribute);
	put_be32(mad + 24, ids & 7);
	if (attribute)
		put_be32(mad + 28, ids & 8 ? last_id : ids >> 4 & 7);
	if (attribute == 8 && ids & 8)
		put_be32(mad + 24, last_id);
	if (attribute == 0) {
		put_be16(mad + 76, 0xffff);
		put_gid(mad + 80, from);
		put_gid(mad + 96, to);
	}
	if (attribute == 2)
		put_be16(mad + 34, wrong & 2 ? 4 : 28);
	if (attribute == 9) {
		put_be16(mad + 44, 0xffff);
		put_gid(mad + 48, from);
		put_gid(mad + 64, to);
	}
	if (wrong & 1)
		mad[byte(in)] = byte(in);
	if (wrong & 4) {
		put_gid(mad + 124, from);
		put_gid(mad + 140, to);
		put_be16(mad + 120, 0xffff);
	}
}

static void send_out(struct input *in)
{
	unsigned int from = byte(in) % GUESTS;
	struct mad_packet packet = { .qpn = 1, .length = VIB_MAD_BYTES, .grh = true };
	uint64_t guid;
	uint8_t how = byte(in);

	packet.dgid = remote_gid_of(how % REMOTES);
	packet.pkey = guests[from].attr.pkeys[how >> 7];
	packet.grh = !(how & 0x40);
	packet.dlid = (uint16_t)(be64_at(packet.dgid.raw + 8) % 49150 + 2);
	message(in, packet.mad, guests[from].attr.gids[0], packet.dgid, how >> 4);
	guid = guests[from].attr.node_guid;
	if (packet.mad[17] == 0x10)
		put_be64(packet.mad + 40, guid);
	if (packet.mad[17] == 0x12)
		put_be64(packet.mad + 36, guid);
	if (packet.mad[17] == 0x13)
		put_be64(packet.mad + 52, guid);
	guest_send(from, &packet);
}

/* By way of libibumad's form, whose indices are into tables of these. */
static void deliver(const struct umad_buffer *in, int length)
{
	static const uint16_t pkeys[] = { 0xffff, 0x8001, 0x7fff };
	struct mad_packet packet;

	umad_packet_get(&packet, in, length);
	if (in->head.addr.pkey_index < 3)
		packet.pkey = pkeys[in->head.addr.pkey_index];
	if (in->head.addr.gid_index < GUESTS)
		packet.dgid = guest_gid(in->head.addr.gid_index);
	wire_receive(&packet);
}

static void come_in(struct input *in)
{
	uint8_t how = byte(in);
	unsigned int to = (how >> 2) % GUESTS;
	struct vib_gid from = remote_gid_of(how % REMOTES);
	struct umad_buffer umad = { 0 };

	if (how & 0x40)
		from = guest_gid(how >> 7);
	umad.head.addr.qpn = htobe32(1);
	umad.head.addr.grh_present = 1;
	umad.head.addr.gid_index = (uint8_t)to;
	umad.head.addr.pkey_index = how >> 7;
	put_gid(umad.head.addr.gid, from);
	message(in, umad.mad, from, guest_gid(to),
		wire_last.length ? be32_at(wire_last.mad + 24) : 0);
	deliver(&umad, VIB_MAD_BYTES);
}

/* An answer to what went out last. */
static void answer(struct input *in)
{
	struct umad_buffer umad = { 0 };

	if (!wire_last.length)
		return;
	umad.head.addr.qpn = htobe32(1);
	umad.head.addr.grh_present = 1;
	for (unsigned int i = 0; i < GUESTS; i++) {
		struct vib_gid gid = guest_gid(i);

		if (memcmp(&gid, &wire_last.sgid, sizeof(gid)) == 0)
			umad.head.addr.gid_index = (uint8_t)i;
	}
	put_gid(umad.head.addr.gid, wire_last.dgid);
	message(in, umad.mad, wire_last.dgid, wire_last.sgid,
		be32_at(wire_last.mad + 24));
	put_be32(umad.mad + 28, be32_at(wire_last.mad + 24));
	put_be64(umad.mad + MAD_AT_TID, mad_tid(wire_last.mad));
	deliver(&umad, VIB_MAD_BYTES);
}

/* Any bytes, header and all. */
static void come_in_raw(struct input *in)
{
	struct umad_buffer umad = { 0 };
	size_t size = sizeof(umad.head) + byte(in) * 2u;

	if (size > in->size)
		size = in->size;
	memcpy(&umad, in->data, size);
	in->data += size;
	in->size -= size;
	deliver(&umad, byte(in) & 1 ? VIB_MAD_BYTES : (int)byte(in));
}

/* A guest asks for paths to the wire. */
static void ask_path(struct input *in)
{
	unsigned int from = byte(in) % GUESTS;
	uint8_t how = byte(in);
	struct mad_packet packet =
		guest_asks(from, how & 1 ? 0x01 : 0x12, 0x35, how & 2 ? 0xc : 0x4);

	put_gid(packet.mad + SA_DATA + 8, remote_gid_of(byte(in)));
	put_gid(packet.mad + SA_DATA + 24, guests[from].attr.gids[0]);
	guest_send(from, &packet);
}

static void join(struct input *in)
{
	unsigned int from = byte(in) % GUESTS;
	uint8_t how = byte(in);
	struct mad_packet packet = guest_asks(from, how & 0x80 ? 0x15 : 0x02, 0x38,
					      how & 0x40 ? 0x130c7 : 0x10003);
	uint8_t *data = packet.mad + SA_DATA;

	data[0] = 0xff;
	data[1] = 0x12;
	data[15] = how >> 4 & 3;
	put_gid(data + 16, guests[from].attr.gids[0]);
	put_be16(data + 40, packet.pkey);
	data[48] = how & 0xf;
	guest_send(from, &packet);
}

static void change(struct input *in)
{
	static const uint16_t pkeys[] = { 0xffff, 0x7fff, 0x8001, 0 };
	unsigned int i = byte(in) % GUESTS;
	uint8_t what = byte(in);

	if (what & 1)
		guests[i].attr.port.state = what & 2 ? VIB_PORT_ACTIVE : VIB_PORT_DOWN;
	else
		guests[i].attr.pkeys[what >> 1 & 1] = pkeys[what >> 2 & 3];
	guest_change(i);
}

static void move(struct input *in)
{
	uint8_t what = byte(in) % 16;

	switch (what) {
	case 0:
		change(in);
		break;
	case 1:
		guest_remove(byte(in) % GUESTS);
		break;
	case 2:
		guest_add(byte(in) % GUESTS);
		break;
	case 3:
		guest_reset(byte(in) % GUESTS);
		break;
	case 4:
		guests_pass((uint64_t)byte(in) * 500000000);
		break;
	case 5:
		guests_wire(byte(in));
		break;
	case 6:
		ask_path(in);
		break;
	case 7:
		join(in);
		break;
	case 8:
		come_in_raw(in);
		break;
	case 9:
	case 10:
		come_in(in);
		break;
	case 11:
	case 12:
		answer(in);
		break;
	default:
		send_out(in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	guests_begin();
	for (unsigned int i = 0; i < GUESTS; i++)
		guests[i].named = true;
	guests_wire(3);
	while (in.size)
		move(&in);
	guests_end();
	return 0;
}
