// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guests that ask, join, register and acknowledge in any order, with what is right but
 * for what the bytes want wrong, while P_Keys, GIDs, links and guests change.
 */
#include <string.h>

#include "gsi/cm_fields.h"
#include "gsi/mad.h"
#include "gsi/rmpp.h"
#include "gsi_guests.h"
#include "input.h"

static const uint8_t classes[] = { 0x03, 0x03, 0x03, 0x03, 0x07, 0x04,
				   0x06, 0x32, 0x01, 0x81, 0x05, 0x09 };
static const uint8_t methods[] = { 0x01, 0x02, 0x12, 0x15, 0x14, 0x03,
				   0x06, 0x86, 0x81, 0x92, 0x05, 0x13 };
static const uint16_t attributes[] = { 0x38, 0x38, 0x35, 0x31, 0x03, 0x3a, 0x11, 0x12,
				       0x30, 0x33, 0x18, 0xf3, 0x20, 0x01, 0x02, 0x10,
				       0x13, 0x19, 0x15, 0x16, 0x14, 0x17, 0x1d };
static const uint16_t pkeys[] = { 0xffff, 0x7fff, 0x8001, 0x0001, 0x8002, 0, 0x8000 };
#define PICK(table, b) (table)[(b) % (sizeof(table) / sizeof((table)[0]))]

/* The components that make the usual requests. */
static const uint64_t masks[] = { 0,        0x130c7, 0x10003, 0x0c, 0x57,
				  0x180000, 1,       0x100,   0x80 };

/* Where a request has the sender's GID, and what else it needs. */
enum {
	GID_AT_8 = 1,
	GID_AT_16 = 2,
	GID_AT_24 = 4,
	GROUP = 8,
	NOTICES = 16,
	SEGMENT = 32
};

/* Requests to the SA that are right. */
static const struct recipe {
	uint8_t method;
	uint8_t attribute;
	uint8_t needs;
	uint32_t mask;
} recipes[] = {
	{ 0x02, 0x38, GID_AT_16 | GROUP, 0x130c7 }, /* join, leave, ask for groups */
	{ 0x15, 0x38, GID_AT_16 | GROUP, 0x10003 },
	{ 0x12, 0x38, 0, 0 },
	{ 0x12, 0x38, GID_AT_16, 0x2 },
	{ 0x02, 0x31, GID_AT_8, 0x3 }, /* services */
	{ 0x02, 0x31, GID_AT_8, 0x13 },
	{ 0x15, 0x31, GID_AT_8, 0x3 },
	{ 0x12, 0x31, 0, 0 },
	{ 0x02, 0x03, NOTICES, 0 }, /* subscriptions */
	{ 0x12, 0xf3, 0, 0 },
	{ 0x12, 0x35, 0, 0 }, /* paths */
	{ 0x01, 0x35, GID_AT_24 | GROUP, 0xc },
	{ 0x14, 0x3a, GID_AT_24 | SEGMENT, 0x180000 },
	{ 0x12, 0x11, 0, 0 },
	{ 0x12, 0x12, 0, 0x8000 },
};

static void put_gid(uint8_t *p, unsigned int of)
{
	struct vib_gid gid = guest_gid(of % GUESTS);

	memcpy(p, &gid, sizeof(gid));
}

static void put_gids_of(uint8_t needs, unsigned int from, uint8_t *data)
{
	if (needs & GID_AT_8)
		put_gid(data + 8, from);
	if (needs & GID_AT_16)
		put_gid(data + 16, from);
	if (needs & GID_AT_24)
		put_gid(data + 24, from);
}

/* Where records have GIDs: MGID or nothing, PortGID or the record's second GID. */
static void put_gids(struct input *in, unsigned int from, uint8_t *data)
{
	uint8_t how = byte(in);

	if (how & 1)
		put_gid(data + 16, from);
	if (how & 2)
		put_gid(data + 24, from);
	if (how & 4)
		put_gid(data + 8, from);
	if (how & 8) {
		guests[how >> 6].named = true;
		put_gid(data + ((how & 16) ? 8 : 40), how >> 6);
	}
	if (how & 32) {
		data[0] = 0xff;
		data[1] = 0x15;
		data[15] = how >> 6;
	}
}

static void put_address(struct input *in, unsigned int from, struct mad_packet *packet)
{
	uint8_t how = byte(in);
	struct vib_gid sa = { .raw = { 0xfe, 0x80, [8] = 2, [15] = 2 } };

	packet->pkey = how & 0x80 ? PICK(pkeys, how) : guests[from].attr.pkeys[0];
	packet->dlid = how & 1 ? 1 : (uint16_t)(0x10 + (how >> 1) % (GUESTS + 1));
	packet->grh = (how & 0x60) == 0x60;
	packet->dgid = how & 1 ? sa : guest_gid((how >> 1) % GUESTS);
}

static void put_recipe(const struct recipe *r, unsigned int from, uint8_t *mad)
{
	uint8_t *data = mad + SA_DATA;

	put_gids_of(r->needs, from, data);
	if (r->needs & GROUP) {
		data[0] = 0xff;
		data[1] = 0x15;
	}
	if (r->needs & NOTICES) {
		memset(data + 16, 0xff, 4);
		data[22] = data[23] = 1;
		memset(data + 24, 0xff, 12);
	}
	if (r->needs & SEGMENT) {
		data[15] = data[16] = 1;
		mad[RMPP_VERSION] = 1;
		mad[RMPP_TYPE] = RMPP_DATA;
		mad[RMPP_FLAGS] = 1 | RMPP_FIRST | RMPP_LAST;
		put_be32(mad + RMPP_SEGMENT, 1);
		put_be32(mad + RMPP_LENGTH_WINDOW, 20 + 56);
	}
}

static void send_recipe(struct input *in)
{
	unsigned int from = byte(in) % GUESTS;
	const struct recipe *r =
		&recipes[byte(in) % (sizeof(recipes) / sizeof(recipes[0]))];
	struct mad_packet packet = guest_asks(from, r->method, r->attribute, r->mask);
	uint8_t *mad = packet.mad, more = byte(in);

	packet.pkey = guests[from].attr.pkeys[more & 1];
	put_be64(mad + MAD_AT_TID, more >> 4);
	put_recipe(r, from, mad);
	mad[SA_DATA + 48] = 1;
	put_be16(mad + SA_DATA + 40, packet.pkey);
	/* One byte is another. */
	if (more & 2)
		mad[byte(in)] = byte(in);
	if (more & 4)
		mad[SA_DATA + 15] = byte(in);
	guest_send(from, &packet);
}

static void send_mad(struct input *in)
{
	unsigned int from = byte(in) % GUESTS;
	struct mad_packet packet = { .qpn = 1, .length = VIB_MAD_BYTES };
	uint8_t *mad = packet.mad, length;

	put_address(in, from, &packet);
	mad[0] = 1;
	mad[1] = PICK(classes, byte(in));
	mad[2] = mad[1] == 0x03 || mad[1] == 0x07 ? 2 : 1;
	mad[3] = PICK(methods, byte(in));
	packet.qpn = mad[1] != 0x01 && mad[1] != 0x81;
	put_be64(mad + MAD_AT_TID, byte(in));
	put_be16(mad + MAD_AT_ATTRIBUTE, PICK(attributes, byte(in)));
	put_be64(mad + 48, PICK(masks, byte(in)));
	put_gids(in, from, mad + SA_DATA);
	mad[SA_DATA + 48] = 1;
	put_be16(mad + SA_DATA + 40, packet.pkey);
	/* And then some bytes, at some place. */
	length = byte(in) % 64;
	for (unsigned int at = byte(in); length-- && at < VIB_MAD_BYTES; at++)
		mad[at] = byte(in);
	guest_send(from, &packet);
}

/* A message between two guests, whose ids are few, and where they go wrong few too. */
static void send_cm(struct input *in)
{
	static const uint8_t messages[] = {
		0x10, 0x13, 0x10, 0x13, 0x15, 0x16, 0x12, 0x14
	};
	uint8_t who = byte(in), ids = byte(in), how = byte(in);
	unsigned int from = who % GUESTS, to = who / GUESTS % GUESTS;
	struct mad_packet packet = { .qpn = 1, .length = VIB_MAD_BYTES };
	const struct gsi_port_attr *attr = &guests[from].attr;
	uint8_t *mad = packet.mad, *path = mad + REQ_PRIMARY;

	packet.dlid = (uint16_t)(0x10 + to);
	packet.pkey = attr->pkeys[0];
	packet.grh = how & 0x08;
	packet.dgid = guest_gid(to);
	mad[0] = 1;
	mad[1] = UMAD_CLASS_CM;
	mad[2] = CM_CLASS_VERSION;
	mad[3] = UMAD_METHOD_SEND;
	put_be64(mad + MAD_AT_TID, ids);
	put_be16(mad + MAD_AT_ATTRIBUTE, PICK(messages, how));
	put_be32(mad + CM_LOCAL_ID, ids & 7);
	put_be32(mad + CM_REMOTE_ID, ids >> 3 & 7);
	if (PICK(messages, how) == 0x10) {
		put_be64(mad + REQ_CA_GUID, attr->node_guid);
		put_be16(path + CM_PATH_LOCAL_LID, attr->port.lid);
		memcpy(path + CM_PATH_LOCAL_GID, &attr->gids[0], 16);
	}
	if (PICK(messages, how) == 0x13)
		put_be64(mad + REP_CA_GUID, attr->node_guid);
	if (how & 0x80)
		mad[byte(in)] = byte(in);
	guest_send(from, &packet);
}

/* An RMPP packet about what came last. */
static void send_rmpp(struct input *in)
{
	unsigned int from = byte(in) % GUESTS;
	struct mad_packet packet = guests[from].last;
	uint32_t segment = be32_at(packet.mad + RMPP_SEGMENT);
	uint8_t how = byte(in);

	packet.dlid = 1;
	packet.grh = how & 1;
	packet.dgid = packet.sgid;
	packet.mad[3] ^= 0x80;
	packet.mad[RMPP_VERSION] = how & 2 ? byte(in) : 1;
	packet.mad[RMPP_TYPE] = how & 4 ? byte(in) : RMPP_ACK;
	packet.mad[RMPP_FLAGS] = how & 8 ? byte(in) : 1;
	packet.mad[RMPP_STATUS] = how & 16 ? byte(in) : 0;
	put_be32(packet.mad + RMPP_SEGMENT, how & 32 ? byte(in) : segment);
	put_be32(packet.mad + RMPP_LENGTH_WINDOW,
		 how & 64 ? byte(in) : segment + (how & 128 ? 200 : 3));
	guest_send(from, &packet);
}

/* A Report is answered. */
static void answer_report(struct input *in)
{
	unsigned int from = byte(in) % GUESTS;
	struct mad_packet packet = guests[from].last;

	packet.dlid = 1;
	packet.dgid = packet.sgid;
	packet.mad[3] = UMAD_METHOD_REPORT_RESP;
	guest_send(from, &packet);
}

static void process(struct input *in)
{
	unsigned int from = byte(in) % GUESTS;
	uint8_t mad[VIB_MAD_BYTES] = { 1 };

	mad[1] = PICK(classes, byte(in));
	mad[2] = 1;
	mad[3] = byte(in) & 1 ? 1 : 2;
	put_be16(mad + MAD_AT_ATTRIBUTE, PICK(attributes, byte(in)));
	put_be32(mad + MAD_AT_MODIFIER, byte(in));
	for (unsigned int i = 0; i < 8; i++)
		mad[64 + i] = byte(in);
	guest_process(from, mad);
}

static void change(struct input *in)
{
	unsigned int i = byte(in) % GUESTS;
	struct gsi_port_attr *attr = &guests[i].attr;
	uint8_t what = byte(in);

	switch (what % 5) {
	case 0:
		attr->pkeys[0] = PICK(pkeys, what / 5);
		attr->pkeys[1] = PICK(pkeys, byte(in));
		break;
	case 1:
		attr->gids[1] = guest_gid(i);
		attr->gids[1].raw[0] = what & 0x80 ? 0x20 : 0xfe;
		break;
	case 2:
		memset(&attr->gids[0], 0, sizeof(attr->gids[0]));
		break;
	case 3:
		attr->port.state = what & 0x80 ? VIB_PORT_ACTIVE : VIB_PORT_DOWN;
		break;
	default:
		attr->port.active_mtu = 1 + what / 5 % 5;
		attr->port.cap_mask = what;
		break;
	}
	guest_change(i);
}

static void remove_or_reset(uint8_t which)
{
	if (which & 0x80)
		guest_reset(which % GUESTS);
	else
		guest_remove(which % GUESTS);
}

static void move(struct input *in)
{
	switch (byte(in) % 16) {
	case 0:
		change(in);
		break;
	case 1:
		remove_or_reset(byte(in));
		break;
	case 2:
		guest_add(byte(in) % GUESTS);
		break;
	case 3:
		guests_pass((uint64_t)byte(in) * 100000000);
		break;
	case 4:
		process(in);
		break;
	case 5:
		answer_report(in);
		break;
	case 6:
	case 7:
	case 8:
		send_rmpp(in);
		break;
	case 9:
	case 10:
	case 11:
		send_recipe(in);
		break;
	case 12:
	case 13:
		send_cm(in);
		break;
	default:
		send_mad(in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	guests_begin();
	while (in.size)
		move(&in);
	guests_end();
	return 0;
}
