// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an InfiniBand subnet's administrator answers, or who says it is that, to guests
 * that ask, join, subscribe, come and go; answers are right but for what the bytes want
 * wrong, tables of any length, or any bytes at all. What guests are told stays within
 * their partitions, and nothing is left in the end.
 */
#include <stdlib.h>
#include <string.h>

#include <infiniband/umad_sa.h>

#include "gsi/gsi.h"
#include "gsi/mad.h"
#include "gsi/path_record.h"
#include "gsi/ports.h"
#include "gsi/rmpp.h"
#include "input.h"

#define EXPECT(condition)         \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

#define GUESTS    4
#define QUESTIONS 64

static struct gsi *gsi;
static struct gsi_wire wire;
static struct gsi_port *ports[GUESTS];
static struct gsi_port_attr attrs[GUESTS];
static enum gsi_addressed how[GUESTS];
static uint64_t now_ns;
/* What the SA was asked, the last ones. */
static uint8_t questions[QUESTIONS][VIB_MAD_BYTES];
static unsigned int num_questions;

static unsigned int index_of(const void *owner)
{
	return (unsigned int)((const struct gsi_port_attr *)owner - attrs);
}

/* A path that a guest is told is its own, in a partition of it, and has a GRH. */
static void deliver(void *arg, void *owner, const struct mad_packet *packet)
{
	const struct gsi_port_attr *attr = owner;
	const uint8_t *mad = packet->mad;
	struct path_record r;

	(void)arg;
	if (mad_attribute(mad) != UMAD_SA_ATTR_PATH_REC || mad_status(mad) ||
	    rmpp_is_active(mad))
		return;
	path_record_get(&r, mad + SA_DATA);
	EXPECT(r.hop_limit);
	EXPECT(pkey_is_entry(attr->pkeys, r.pkey));
	EXPECT(gids_equal(&r.sgid, &attr->gids[0]) ||
	       gids_equal(&r.dgid, &attr->gids[0]));
}

static void dropped(void *arg, void *port, enum gsi_drop why)
{
	(void)arg;
	(void)port;
	EXPECT(why < GSI_DROPS);
}

static void pkey_violation(void *arg, void *port)
{
	(void)arg;
	(void)port;
}

static void group(void *arg, const struct vib_gid *mgid, uint16_t pkey)
{
	(void)arg;
	(void)pkey;
	EXPECT(mgid->raw[0] == 0xff);
}

static void joined(void *arg, void *port, const struct vib_gid *mgid, bool is)
{
	(void)arg;
	(void)port;
	(void)mgid;
	(void)is;
}

static void counters(void *arg, void *port, struct vib_rsp_counters *c)
{
	(void)arg;
	(void)port;
	memset(c, 0, sizeof(*c));
}

static uint64_t now(void *arg)
{
	(void)arg;
	return now_ns;
}

static enum gsi_drop to_wire(void *arg, void *port, const struct mad_packet *packet)
{
	(void)arg;
	(void)port;
	(void)packet;
	return 0;
}

static bool wire_join(void *arg, const struct vib_gid *mgid, uint8_t bits)
{
	(void)arg;
	(void)mgid;
	(void)bits;
	abort(); /* of RoCE */
}

static void wire_dropped(void *arg, enum gsi_drop why)
{
	(void)arg;
	(void)why;
}

static bool to_sa(void *arg, const uint8_t mad[VIB_MAD_BYTES])
{
	(void)arg;
	memcpy(questions[num_questions++ % QUESTIONS], mad, VIB_MAD_BYTES);
	return num_questions % 7;
}

static void addressed(void *arg, void *port, enum gsi_addressed h)
{
	(void)arg;
	how[index_of(port)] = h;
}

static void forgotten(void *arg, void *port)
{
	(void)arg;
	(void)port;
}

static const struct gsi_ops ops = {
	.deliver = deliver,
	.dropped = dropped,
	.pkey_violation = pkey_violation,
	.group = group,
	.joined = joined,
	.counters = counters,
	.now = now,
	.to_wire = to_wire,
	.wire_join = wire_join,
	.wire_dropped = wire_dropped,
	.to_sa = to_sa,
	.addressed = addressed,
	.forgotten = forgotten,
};

static void add(unsigned int i)
{
	attrs[i] = (struct gsi_port_attr){
		.port = {
			.port_guid = htobe64(0x1000 + i),
			.state = VIB_PORT_ACTIVE,
			.max_mtu = 5,
			.active_mtu = 5,
			.lid = 0x77,
			.sm_lid = 0x99,
			.active_width = 2,
			.active_speed = 32,
		},
		.gids = { { .raw = { 0xfe, 0x80 } } },
		.pkeys = { i % 2 ? 0x8001 : 0xffff, i == 3 ? 0x7fff : 0 },
	};
	put_be64(attrs[i].gids[0].raw + 8, 0x1000 + i);
	ports[i] = gsi_port_add(gsi, &attrs[i], &attrs[i]);
	EXPECT(ports[i]);
}

/* A question of @i, of few kinds, with few TIDs. */
static void ask(struct input *in, unsigned int i)
{
	static const uint16_t kinds[] = {
		UMAD_SA_ATTR_PATH_REC,      UMAD_SA_ATTR_MCMEMBER_REC,
		UMAD_ATTR_INFORM_INFO,      UMAD_SA_ATTR_NODE_REC,
		UMAD_SA_ATTR_SERVICE_REC,   UMAD_ATTR_CLASS_PORT_INFO,
		UMAD_SA_ATTR_GUID_INFO_REC, UMAD_SA_ATTR_MULTI_PATH_REC,
	};
	static const uint8_t methods[] = { 1, 2, 0x12, 0x15 };
	struct mad_packet p = {
		.qpn = 1,
		.slid = 0x77,
		.dlid = 0x99,
		.pkey = attrs[i].pkeys[0],
		.length = VIB_MAD_BYTES,
		.mad = { 1, UMAD_CLASS_SUBN_ADM, 2, methods[byte(in) % 4] },
	};
	uint16_t kind = kinds[byte(in) % 8];
	uint8_t *data = p.mad + SA_DATA, how_much = byte(in);

	put_be64(p.mad + MAD_AT_TID, byte(in) % 8);
	put_be16(p.mad + MAD_AT_ATTRIBUTE, kind);
	if (kind == UMAD_SA_ATTR_MCMEMBER_REC) {
		put_be64(p.mad + 48, 1 | 2 | 1 << 16);
		data[0] = byte(in) & 1 ? 0xff : 0;
		data[1] = data[0] ? 0x12 : 0;
		data[15] = data[0] ? byte(in) % 3 : 0;
		memcpy(data + 16, &attrs[i].gids[0], 16);
		data[48] = byte(in) & 0xf;
	} else if (kind == UMAD_SA_ATTR_PATH_REC) {
		put_be64(p.mad + 48, byte(in) << 2);
		memcpy(data + 24, &attrs[i].gids[0], 16);
		data[8] = 0xfe;
		data[9] = 0x80;
		data[23] = byte(in);
		put_be16(data + 50, attrs[i].pkeys[byte(in) % 2]);
	} else if (kind == UMAD_ATTR_INFORM_INFO) {
		put_be16(data + 16, 0xffff);
		data[22] = 1;
		data[23] = how_much & 1;
		put_be16(data + 26, 64 + (how_much >> 1 & 3));
	}
	if (how_much & 0x80)
		p.mad[SA_DATA + byte(in) % 200] = byte(in);
	gsi_receive(ports[i], &p);
}

/* An answer to one of the last questions, or a Report. */
static void answer(struct input *in)
{
	static uint8_t mad[4096];
	uint8_t which = byte(in), wrong = byte(in);
	size_t length = VIB_MAD_BYTES;

	if (!num_questions)
		return;
	memset(mad, 0, sizeof(mad));
	memcpy(mad, questions[(num_questions - 1 - which % 16) % QUESTIONS],
	       VIB_MAD_BYTES);
	mad_set_method(mad, mad_response_method(mad_method(mad)));
	put_be16(mad + 44, mad_attribute(mad) == UMAD_SA_ATTR_MCMEMBER_REC ? 7 : 8);
	if (mad_attribute(mad) == UMAD_SA_ATTR_MCMEMBER_REC) {
		put_be16(mad + SA_DATA + 36, 0xc000 + byte(in) % 3);
		put_be16(mad + SA_DATA + 40, byte(in) & 1 ? 0xffff : 0x8001);
		mad[SA_DATA] = 0xff;
	}
	if (mad_method(mad) == UMAD_SA_METHOD_GET_TABLE_RESP)
		length = SA_DATA + byte(in) * (size_t)15;
	if (wrong & 1)
		mad_set_status(mad, (uint16_t)(byte(in) % 8 << 8 | (byte(in) & 0x1c)));
	if (wrong & 2)
		put_be16(mad + 44, byte(in));
	if (wrong & 4)
		mad[byte(in)] = byte(in);
	if (wrong & 8)
		length = byte(in);
	if (wrong & 16) {
		mad[3] = UMAD_METHOD_REPORT;
		put_be16(mad + MAD_AT_ATTRIBUTE, UMAD_ATTR_NOTICE);
		put_be16(mad + SA_DATA + 4, 64 + byte(in) % 4);
	}
	for (size_t i = SA_DATA; wrong & 32 && i < sizeof(mad) && in->size; i++)
		mad[i] ^= byte(in);
	gsi_from_sa(gsi, mad, length);
}

static void change(struct input *in, unsigned int i)
{
	uint8_t what = byte(in);

	if (what & 1)
		attrs[i].port.state = what & 2 ? VIB_PORT_ACTIVE : VIB_PORT_DOWN;
	if (what & 4)
		attrs[i].pkeys[1] = what & 8 ? 0x8001 : 0;
	/* As the control part does it. */
	memcpy(attrs[i].gids[0].raw, wire.gid.raw, 8);
	put_be64(attrs[i].gids[0].raw + 8,
		 how[i] == GSI_ADDRESSED_SHARED ? be64_at(wire.gid.raw + 8) : 0x1000 + i);
	gsi_port_change(ports[i], &attrs[i]);
}

static void move(struct input *in)
{
	uint8_t what = byte(in);
	unsigned int i = byte(in) % GUESTS;

	switch (what % 16) {
	case 0:
		if (ports[i])
			gsi_port_remove(ports[i]);
		ports[i] = NULL;
		break;
	case 1:
		if (!ports[i])
			add(i);
		break;
	case 2:
		gsi_reregister(gsi);
		break;
	case 3:
		if (ports[i])
			gsi_port_reset(ports[i]);
		break;
	case 4:
		wire.guids = byte(in) % 12;
		wire.addressing = byte(in) % 3;
		gsi_set_wire(gsi, byte(in) & 1 ? &wire : NULL);
		break;
	case 5:
		if (ports[i])
			change(in, i);
		break;
	case 6:
	case 7:
		now_ns += (uint64_t)byte(in) << 26;
		(void)gsi_tick(gsi);
		break;
	case 8 ... 11:
		if (ports[i])
			ask(in, i);
		break;
	default:
		answer(in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	now_ns = 1000000000;
	num_questions = 0;
	gsi = gsi_new(&ops, NULL, NULL);
	EXPECT(gsi);
	wire = (struct gsi_wire){
		.infiniband = true,
		.mtu = 5,
		.active_width = 2,
		.active_speed = 32,
		.pkeys = { 0xffff, 0x8001 },
		.lid = 0x77,
		.sm_lid = 0x99,
		.gid = { .raw = { 0xfe, 0x80, [15] = 0x42 } },
		.guids = 4,
	};
	gsi_set_wire(gsi, &wire);
	for (unsigned int i = 0; i < GUESTS; i++)
		add(i);
	while (in.size)
		move(&in);
	for (unsigned int i = 0; i < GUESTS; i++)
		if (ports[i])
			gsi_port_remove(ports[i]);
	memset(ports, 0, sizeof(ports));
	gsi_set_wire(gsi, NULL);
	EXPECT(gsi_groups(gsi) == 0 && gsi_memberships(gsi) == 0);
	EXPECT(gsi_wire_memberships(gsi) == 0 && gsi_wire_subscriptions(gsi) == 0);
	EXPECT(gsi_next(gsi) == UINT64_MAX);
	gsi_free(gsi);
	return 0;
}
