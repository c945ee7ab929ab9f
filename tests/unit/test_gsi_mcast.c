// SPDX-License-Identifier: GPL-2.0-or-later
/* MCMemberRecord: multicast groups, as IPoIB and rdma_cm use them. */
#include "gsi_world.h"

#include <infiniband/mad.h>
#include <infiniband/umad_sa_mcm.h>

#include "gsi/limits.h"

static struct gsi_world w;

enum { GET = 0x01, SET = 0x02, TABLE = 0x12, DELETE = 0x15 };
#define MCMEMBER_RECORD 0x38

/* Offsets of table 209. */
enum {
	MGID = 0,
	PORT_GID = 16,
	QKEY = 32,
	MLID = 36,
	MTU = 38,
	TCLASS = 39,
	PKEY = 40,
	RATE = 42,
	LIFE = 43,
	SL_FLOW_HOP = 44,
	SCOPE_JOIN = 48,
	PROXY = 49,
};
enum {
	C_MGID = 1 << 0,
	C_PORT_GID = 1 << 1,
	C_QKEY = 1 << 2,
	C_MLID = 1 << 3,
	C_MTU = 1 << 4 | 1 << 5,
	C_TCLASS = 1 << 6,
	C_PKEY = 1 << 7,
	C_RATE = 1 << 8 | 1 << 9,
	C_LIFE = 1 << 10 | 1 << 11,
	C_SL = 1 << 12,
	C_FLOW = 1 << 13,
	C_HOP = 1 << 14,
	C_SCOPE = 1 << 15,
	C_JOIN = 1 << 16,
	C_IDS = C_MGID | C_PORT_GID | C_JOIN,
	C_CREATE = C_IDS | C_QKEY | C_TCLASS | C_PKEY | C_SL | C_FLOW,
};
enum { FULL = 1, NON = 2, SEND_ONLY = 4, SEND_ONLY_FULL = 8 };
#define SELECT(selector, value) ((selector) << 6 | (value))

static struct vib_gid mgid_of(uint8_t last)
{
	return (struct vib_gid){ .raw = { 0xff, 0x15, [15] = last } };
}

static struct vib_gid broadcast(uint16_t pkey)
{
	struct vib_gid mgid = { .raw = { 0xff, 0x12, 0x40, 0x1b, [12] = 0xff, 0xff, 0xff,
					 0xff } };

	put_be16(mgid.raw + 4, pkey);
	return mgid;
}

static uint8_t *data(struct mad_packet *packet)
{
	return packet->mad + SA_DATA_AT;
}

static void put_byte(struct mad_packet *packet, unsigned int at, uint8_t value)
{
	packet->mad[SA_DATA_AT + at] = value;
}

static struct mad_packet request(unsigned int from, uint8_t method, struct vib_gid mgid,
				 uint8_t join, uint64_t mask)
{
	struct mad_packet packet = world_sa(&w, from, method, MCMEMBER_RECORD, mask);
	uint8_t *d = data(&packet);

	put_gid(d + MGID, mgid);
	put_gid(d + PORT_GID, world_gid(from));
	d[SCOPE_JOIN] = join;
	put_be32(d + QKEY, 0x1234567);
	put_be16(d + PKEY, w.attr[from].pkeys[0]);
	return packet;
}

static struct mad_packet create(unsigned int from, struct vib_gid mgid)
{
	return request(from, SET, mgid, FULL, C_CREATE);
}

static struct mad_packet join(unsigned int from, struct vib_gid mgid, uint8_t bits)
{
	return request(from, SET, mgid, bits, C_IDS);
}

static struct mad_packet leave(unsigned int from, struct vib_gid mgid, uint8_t bits)
{
	return request(from, DELETE, mgid, bits, C_IDS);
}

static const uint8_t *ask(unsigned int from, const struct mad_packet *packet)
{
	const uint8_t *mad = world_ask(&w, from, packet)->mad;

	assert_int_equal(mad_status(mad), 0);
	assert_int_equal(be16_at(mad + 44), 7);
	return mad + SA_DATA_AT;
}

static uint16_t status(unsigned int from, const struct mad_packet *packet)
{
	return world_status(&w, from, packet);
}

static void ok(unsigned int from, struct mad_packet packet)
{
	assert_int_equal(status(from, &packet), 0);
}

static void fails(unsigned int from, struct mad_packet packet, uint16_t error)
{
	assert_int_equal(status(from, &packet), error);
}

/* As __ipoib_mcast_join() in Linux asks for the broadcast group. */
static void ipoib_joins_its_broadcast_group_without_attributes(void **state)
{
	struct mad_packet packet =
		request(0, SET, broadcast(0xffff), FULL, C_IDS | C_PKEY);
	struct umad_sa_mcmember_record r;
	struct vib_gid self = world_gid(0), mgid = broadcast(0xffff);
	const uint8_t *d = ask(0, &packet);
	uint8_t sl, hop;
	uint32_t flow;

	(void)state;
	memcpy(&r, d, sizeof(r));
	assert_memory_equal(r.mgid, &mgid, 16);
	assert_memory_equal(r.portgid, &self, 16);
	assert_int_equal(be32toh(r.qkey), 0x0b1b);
	assert_int_equal(be16toh(r.mlid), 0xc000);
	assert_int_equal(r.mtu, SELECT(2, 5));
	assert_int_equal(r.rate, SELECT(2, 16));
	assert_int_equal(r.pkt_life, SELECT(2, 18));
	assert_int_equal(r.tclass, 0);
	assert_int_equal(be16toh(r.pkey), 0xffff);
	umad_sa_mcm_get_sl_flow_hop(r.sl_flow_hop, &sl, &flow, &hop);
	assert_int_equal(sl, 0);
	assert_int_equal(flow, 0);
	assert_int_equal(r.scope_state, 0x21);
	assert_int_equal(umad_sa_mcm_get_proxy_join(&r), 0);
	assert_int_equal(mad_get_field((void *)(uintptr_t)d, 0, IB_SA_MCM_MLID_F),
			 0xc000);
	assert_int_equal(mad_get_field((void *)(uintptr_t)d, 0, IB_SA_MCM_QKEY_F), 0xb1b);
	assert_int_equal(mad_get_field((void *)(uintptr_t)d, 0, IB_SA_MCM_JOIN_STATE_F),
			 1);
	assert_int_equal(gsi_port_holdings(w.port[0]).memberships, 1);
	assert_int_equal(gsi_port_holdings(w.port[0]).groups, 0);
}

/* And then other groups, with the broadcast group's attributes. */
static void ipoib_makes_groups_like_its_broadcast_group(void **state)
{
	struct vib_gid mgid = { .raw = { 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff, [15] = 1 } };
	struct mad_packet packet = create(0, mgid);
	const uint8_t *d;

	(void)state;
	put_be64(packet.mad + 48, C_CREATE | C_MTU | C_RATE | C_HOP);
	put_byte(&packet, MTU, SELECT(2, 5));
	put_byte(&packet, RATE, SELECT(2, 16));
	put_be32(data(&packet) + QKEY, 0x0b1b);
	d = ask(0, &packet);
	assert_int_equal(be16_at(d + MLID), 0xc001);
	assert_int_equal(d[SCOPE_JOIN], 0x21);
	assert_int_equal(gsi_port_holdings(w.port[0]).groups, 1);
	/* Sent to only: its full member may make it, or find it. */
	put_byte(&packet, SCOPE_JOIN, SEND_ONLY_FULL);
	put_gid(data(&packet) + PORT_GID, world_gid(1));
	packet.slid = 0x11;
	d = ask(1, &packet);
	assert_int_equal(d[SCOPE_JOIN], 0x28);
	ok(0, leave(0, mgid, FULL));
	assert_int_equal(gsi_groups(w.gsi), 2);
	ok(1, leave(1, mgid, SEND_ONLY_FULL));
	assert_int_equal(gsi_groups(w.gsi), 1);
}

static void limited_member_joins_the_partitions_group(void **state)
{
	struct mad_packet packet;

	(void)state;
	world_set_pkeys(&w, 0, 0x7fff, 0);
	packet = request(0, SET, broadcast(0xffff), FULL, C_IDS | C_PKEY);
	put_be16(data(&packet) + PKEY, 0xffff);
	assert_int_equal(be16_at(ask(0, &packet) + PKEY), 0xffff);
}

static void every_partition_has_a_broadcast_group_while_it_is_used(void **state)
{
	(void)state;
	assert_int_equal(gsi_groups(w.gsi), 1);
	world_set_pkeys(&w, 0, 0xffff, 0x0005);
	assert_int_equal(gsi_groups(w.gsi), 2);
	ok(0, join(0, broadcast(0x8005), FULL));
	fails(1, join(1, broadcast(0x8005), FULL), SA_ERROR(REQ_INVALID));
	world_set_pkeys(&w, 1, 0x8005, 0x0005);
	assert_int_equal(gsi_groups(w.gsi), 2);
	ok(1, join(1, broadcast(0x8005), FULL));
	ok(1, leave(1, broadcast(0x8005), FULL));
	world_set_pkeys(&w, 0, 0xffff, 0);
	assert_int_equal(gsi_groups(w.gsi), 2);
	world_set_pkeys(&w, 1, 0xffff, 0);
	assert_int_equal(gsi_groups(w.gsi), 1);
	fails(1, join(1, broadcast(0x8005), FULL), SA_ERROR(INSUF_COMPS));
}

static void group_that_is_not_there_needs_attributes(void **state)
{
	static const uint64_t needed[] = { C_QKEY, C_TCLASS, C_PKEY, C_SL, C_FLOW };

	(void)state;
	fails(0, join(0, mgid_of(1), FULL), SA_ERROR(INSUF_COMPS));
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		fails(0, request(0, SET, mgid_of(1), FULL, C_CREATE & ~needed[i]),
		      SA_ERROR(INSUF_COMPS));
	fails(0, request(0, SET, mgid_of(1), NON, C_CREATE), SA_ERROR(REQ_INVALID));
	fails(0, request(0, SET, mgid_of(1), SEND_ONLY, C_CREATE), SA_ERROR(REQ_INVALID));
	fails(0, request(0, SET, mgid_of(1), 0, C_CREATE), SA_ERROR(REQ_INVALID));
	fails(0, request(0, SET, mgid_of(1), FULL, C_CREATE & ~C_MGID),
	      SA_ERROR(INSUF_COMPS));
	fails(0, request(0, SET, mgid_of(1), FULL, C_CREATE & ~C_PORT_GID),
	      SA_ERROR(INSUF_COMPS));
	fails(0, request(0, SET, mgid_of(1), FULL, C_CREATE & ~C_JOIN),
	      SA_ERROR(INSUF_COMPS));
	assert_int_equal(gsi_groups(w.gsi), 1);
	ok(0, create(0, mgid_of(1)));
	assert_int_equal(gsi_groups(w.gsi), 2);
}

static void group_has_what_its_maker_said(void **state)
{
	struct mad_packet packet = create(0, mgid_of(1));
	uint8_t *r = data(&packet);
	const uint8_t *d;

	(void)state;
	put_be64(packet.mad + 48, C_CREATE | C_MTU | C_RATE | C_LIFE | C_HOP);
	r[TCLASS] = 3;
	r[MTU] = SELECT(1, 4);
	r[RATE] = SELECT(0, 7);
	r[LIFE] = SELECT(2, 12);
	put_be32(r + SL_FLOW_HOP, 2u << 28 | 0x54321 << 8 | 7);
	d = ask(0, &packet);
	assert_int_equal(be32_at(d + QKEY), 0x1234567);
	assert_int_equal(d[TCLASS], 3);
	assert_int_equal(d[MTU], SELECT(2, 3));
	assert_int_equal(d[RATE], SELECT(2, 16));
	assert_int_equal(d[LIFE], SELECT(2, 12));
	assert_int_equal(be32_at(d + SL_FLOW_HOP), 2u << 28 | 0x54321 << 8 | 7);
	assert_int_equal(d[SCOPE_JOIN], 0x51);
}

/* What the mask does not name is not there. */
static void fields_that_do_not_count_are_not_read(void **state)
{
	struct mad_packet packet = create(0, mgid_of(1));
	const uint8_t *d;

	(void)state;
	put_byte(&packet, MTU, SELECT(2, 1));
	put_byte(&packet, RATE, SELECT(2, 2));
	put_byte(&packet, LIFE, SELECT(2, 3));
	put_byte(&packet, SL_FLOW_HOP + 3, 9);
	put_byte(&packet, SCOPE_JOIN, 0xe0 | FULL);
	d = ask(0, &packet);
	assert_int_equal(d[MTU], SELECT(2, 5));
	assert_int_equal(d[RATE], SELECT(2, 16));
	assert_int_equal(d[LIFE], SELECT(2, 18));
	assert_int_equal(d[SL_FLOW_HOP + 3], 0);
	assert_int_equal(d[SCOPE_JOIN], 0x51);
	/* Nor when it is joined. */
	packet = request(1, SET, mgid_of(1), FULL, C_IDS);
	put_byte(&packet, MTU, SELECT(2, 1));
	put_byte(&packet, RATE, SELECT(2, 2));
	put_byte(&packet, LIFE, SELECT(2, 3));
	put_byte(&packet, TCLASS, 3);
	ok(1, packet);
}

static void sa_chooses_an_mgid_if_there_is_none(void **state)
{
	static const struct vib_gid none;
	struct mad_packet packet = create(0, none);
	uint8_t first[16], prefix[12] = { 0xff, 0x12, 0xa0, 0x1b, 0xfe, 0x80 };

	(void)state;
	memcpy(first, ask(0, &packet) + MGID, 16);
	assert_memory_equal(first, prefix, 12);
	assert_memory_not_equal(ask(0, &packet) + MGID, first, 16);
	put_byte(&packet, SCOPE_JOIN, 0xe0 | FULL);
	put_be64(packet.mad + 48, C_CREATE | C_SCOPE);
	assert_int_equal(ask(0, &packet)[MGID + 1], 0x1e);
	assert_int_equal(gsi_groups(w.gsi), 4);
}

static void mgids_that_may_not_be_chosen(void **state)
{
	static const struct vib_gid bad[] = {
		{ .raw = { 0xfe, 0x80, [15] = 1 } },             /* not multicast */
		{ .raw = { 0xff, 0x82, [15] = 1 } },             /* a reserved flag */
		{ .raw = { 0xff, 0x12, 0xa0, 0x1b, [15] = 1 } }, /* the SA's */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		fails(0, create(0, bad[i]), SA_ERROR(REQ_INVALID));
	ok(0, create(0, (struct vib_gid){ .raw = { 0xff, 0x15, 0xa0, 0x1b, [15] = 1 } }));
}

/* Nobody takes another partition's names away. */
static void mgid_with_a_pkey_is_its_partitions(void **state)
{
	static const uint16_t signatures[] = { 0x401b, 0x601b, 0x4001, 0x6001 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct vib_gid mgid = { .raw = { 0xff, 0x12, [15] = 1 } };

		put_be16(mgid.raw + 2, signatures[i]);
		put_be16(mgid.raw + 4, 0x8001);
		fails(0, create(0, mgid), SA_ERROR(REQ_INVALID));
		put_be16(mgid.raw + 4, 0xffff);
		ok(0, create(0, mgid));
	}
}

static void attributes_that_cannot_be_are_refused(void **state)
{
	struct mad_packet packet = create(0, mgid_of(1));

	(void)state;
	put_be64(packet.mad + 48, C_CREATE | C_MTU);
	put_byte(&packet, MTU, SELECT(2, 6));
	fails(0, packet, SA_ERROR(REQ_INVALID));
	put_byte(&packet, MTU, SELECT(0, 5));
	fails(0, packet, SA_ERROR(REQ_INVALID));
	put_byte(&packet, MTU, SELECT(1, 1));
	fails(0, packet, SA_ERROR(REQ_INVALID));
	put_be64(packet.mad + 48, C_CREATE | C_RATE);
	put_byte(&packet, RATE, SELECT(2, 1));
	fails(0, packet, SA_ERROR(REQ_INVALID));
	put_byte(&packet, RATE, SELECT(2, 17)); /* faster than the port */
	fails(0, packet, SA_ERROR(REQ_INVALID));
	packet = create(0, mgid_of(1));
	put_be16(data(&packet) + PKEY, 0x8001); /* not the port's */
	fails(0, packet, SA_ERROR(REQ_INVALID));
	put_be16(data(&packet) + PKEY, 0x8000);
	fails(0, packet, SA_ERROR(REQ_INVALID));
	assert_int_equal(gsi_groups(w.gsi), 1);
}

static void port_joins_as_itself(void **state)
{
	struct mad_packet packet = join(0, broadcast(0xffff), FULL);

	(void)state;
	put_gid(data(&packet) + PORT_GID, world_gid(1));
	fails(0, packet, SA_ERROR(REQ_INVALID));
	put_gid(data(&packet) + PORT_GID, (struct vib_gid){ { 0 } });
	fails(0, packet, SA_ERROR(REQ_INVALID));
	ok(1, join(1, broadcast(0xffff), FULL));
	packet = leave(0, broadcast(0xffff), FULL);
	put_gid(data(&packet) + PORT_GID, world_gid(1));
	fails(0, packet, SA_ERROR(REQ_INVALID));
	assert_int_equal(gsi_port_holdings(w.port[1]).memberships, 1);
}

/* A join that says what the group is not. */
static void differs(uint64_t mask, unsigned int at, uint8_t value, bool joins)
{
	struct mad_packet packet = join(1, mgid_of(1), FULL);

	put_be64(packet.mad + 48, C_IDS | mask);
	put_byte(&packet, at, value);
	assert_int_equal(status(1, &packet), joins ? 0 : SA_ERROR(REQ_INVALID));
	if (joins)
		ok(1, leave(1, mgid_of(1), FULL));
}

static void join_is_compared_with_the_group(void **state)
{
	struct mad_packet packet = create(0, mgid_of(1));

	(void)state;
	put_be64(packet.mad + 48, C_CREATE | C_MTU | C_RATE);
	put_byte(&packet, MTU, SELECT(2, 4));
	put_byte(&packet, RATE, SELECT(2, 7));
	ok(0, packet);
	differs(C_QKEY, QKEY, 0x01, true); /* as it is */
	differs(C_QKEY, QKEY, 0, false);
	differs(C_TCLASS, TCLASS, 1, false);
	differs(C_SL, SL_FLOW_HOP, 0x10, false);
	differs(C_FLOW, SL_FLOW_HOP + 1, 1, false);
	differs(C_HOP, SL_FLOW_HOP + 3, 1, false);
	differs(C_PKEY, PKEY, 0xff, true);
	differs(C_PKEY, PKEY, 0x7f, true); /* the same partition */
	differs(C_PKEY, PKEY + 1, 1, false);
	differs(C_SCOPE, SCOPE_JOIN, 0x50 | FULL, true);
	differs(C_SCOPE, SCOPE_JOIN, 0x20 | FULL, false);
	differs(C_MTU, MTU, SELECT(2, 4), true);
	differs(C_MTU, MTU, SELECT(2, 3), false);
	differs(C_MTU, MTU, SELECT(0, 3), true);
	differs(C_MTU, MTU, SELECT(0, 4), false);
	differs(C_MTU, MTU, SELECT(1, 5), true);
	differs(C_MTU, MTU, SELECT(1, 4), false);
	differs(C_MTU, MTU, SELECT(3, 1), true);
	differs(C_RATE, RATE, SELECT(2, 7), true);
	differs(C_RATE, RATE, SELECT(0, 11), true); /* 14 Gbit/s, whatever its code */
	differs(C_RATE, RATE, SELECT(1, 11), false);
	differs(C_LIFE, LIFE, SELECT(2, 18), true);
	differs(C_LIFE, LIFE, SELECT(2, 17), false);
}

static void slow_port_cannot_join_a_fast_group(void **state)
{
	(void)state;
	w.attr[1].port.active_mtu = 4;
	world_change(&w, 1);
	fails(1, join(1, broadcast(0xffff), FULL), SA_ERROR(REQ_INVALID));
	w.attr[1].port.active_mtu = 5;
	w.attr[1].port.active_speed = 4;
	world_change(&w, 1);
	fails(1, join(1, broadcast(0xffff), FULL), SA_ERROR(REQ_INVALID));
}

static void join_states_add_up_and_are_left_one_by_one(void **state)
{
	struct mad_packet packet = create(0, mgid_of(1));

	(void)state;
	ok(0, packet);
	packet = join(0, mgid_of(1), NON);
	assert_int_equal(ask(0, &packet)[SCOPE_JOIN], 0x53);
	assert_int_equal(gsi_memberships(w.gsi), 1);
	fails(0, leave(0, mgid_of(1), SEND_ONLY), SA_ERROR(REQ_INVALID));
	fails(0, leave(0, mgid_of(1), 0), SA_ERROR(REQ_INVALID));
	fails(0, leave(0, mgid_of(1), FULL | SEND_ONLY), SA_ERROR(REQ_INVALID));
	packet = leave(0, mgid_of(1), NON);
	assert_int_equal(ask(0, &packet)[SCOPE_JOIN], 0x51);
	packet = leave(0, mgid_of(1), FULL);
	assert_int_equal(ask(0, &packet)[SCOPE_JOIN], 0x50);
	fails(0, leave(0, mgid_of(1), FULL), SA_ERROR(REQ_INVALID));
	assert_int_equal(gsi_memberships(w.gsi), 0);
}

static void group_ends_with_its_last_full_member(void **state)
{
	(void)state;
	ok(0, create(0, mgid_of(1)));
	ok(1, join(1, mgid_of(1), FULL));
	ok(2, join(2, mgid_of(1), SEND_ONLY));
	ok(0, leave(0, mgid_of(1), FULL));
	assert_int_equal(gsi_groups(w.gsi), 2);
	ok(1, leave(1, mgid_of(1), FULL));
	assert_int_equal(gsi_groups(w.gsi), 1);
	assert_int_equal(gsi_memberships(w.gsi), 0);
	/* The broadcast group does not. */
	ok(0, join(0, broadcast(0xffff), FULL));
	ok(0, leave(0, broadcast(0xffff), FULL));
	assert_int_equal(gsi_groups(w.gsi), 1);
}

static void mlids_are_used_again(void **state)
{
	struct mad_packet packet = create(0, mgid_of(2));

	(void)state;
	ok(0, create(0, mgid_of(1)));
	assert_int_equal(be16_at(ask(0, &packet) + MLID), 0xc002);
	ok(0, leave(0, mgid_of(1), FULL));
	packet = create(0, mgid_of(3));
	assert_int_equal(be16_at(ask(0, &packet) + MLID), 0xc001);
}

static void memberships_end_with_port_link_pkey_and_gid(void **state)
{
	(void)state;
	ok(0, create(0, mgid_of(1)));
	ok(1, join(1, mgid_of(1), FULL));
	ok(1, join(1, broadcast(0xffff), FULL));
	ok(2, join(2, mgid_of(1), FULL));
	world_set_up(&w, 1, false);
	assert_int_equal(gsi_port_holdings(w.port[1]).memberships, 0);
	assert_int_equal(gsi_memberships(w.gsi), 2);
	world_set_pkeys(&w, 0, 0x8001, 0);
	assert_int_equal(gsi_port_holdings(w.port[0]).memberships, 0);
	assert_int_equal(gsi_port_holdings(w.port[0]).groups, 1); /* it lives */
	assert_int_equal(gsi_memberships(w.gsi), 1);
	world_remove(&w, 0);
	assert_int_equal(gsi_groups(w.gsi), 2);
	w.attr[2].gids[0] = world_gid(20);
	world_change(&w, 2);
	assert_int_equal(gsi_memberships(w.gsi), 0);
	assert_int_equal(gsi_groups(w.gsi), 1);
}

/* ---- who receives --------------------------------------------------------- */

static void nobody_silences_an_mgid_that_is_anybodys(void **state)
{
	struct vib_gid anybodys = mgid_of(1),
		       from_pool = { .raw = { 0xff, 0x15, 0xa0, 0x1b } };
	struct vib_gid of_rdma_cm = { .raw = { 0xff, 0x12, 0x40, 0x01, 0xff, 0xff } };

	(void)state;
	assert_false(gsi_asks_for_joins(&anybodys));
	assert_true(gsi_asks_for_joins(&from_pool));
	assert_true(gsi_asks_for_joins(&of_rdma_cm));
}

static void who_only_sends_does_not_receive(void **state)
{
	static const uint8_t states[] = { FULL, NON, SEND_ONLY, SEND_ONLY_FULL };

	(void)state;
	assert_true(world_has_group(&w, broadcast(0xffff)));
	assert_false(world_has_group(&w, mgid_of(1)));
	assert_false(world_receives(&w, 0, mgid_of(1)));
	ok(0, create(0, mgid_of(1)));
	assert_true(world_has_group(&w, mgid_of(1)));
	assert_true(world_receives(&w, 0, mgid_of(1)));
	for (size_t i = 0; i < sizeof(states); i++) {
		assert_false(world_receives(&w, 1, mgid_of(1)));
		ok(1, join(1, mgid_of(1), states[i]));
		assert_int_equal(world_receives(&w, 1, mgid_of(1)),
				 !!(states[i] & (FULL | NON)));
		ok(1, leave(1, mgid_of(1), states[i]));
	}
	ok(1, join(1, mgid_of(1), FULL | NON | SEND_ONLY));
	ok(1, leave(1, mgid_of(1), FULL));
	assert_true(world_receives(&w, 1, mgid_of(1)));
	ok(1, leave(1, mgid_of(1), NON));
	assert_false(world_receives(&w, 1, mgid_of(1)));
	ok(0, leave(0, mgid_of(1), FULL));
	assert_false(world_has_group(&w, mgid_of(1)));
}

/* And then is a member by the one that is left. */
static void port_may_join_by_several_gids(void **state)
{
	struct mad_packet other;

	(void)state;
	w.attr[1].gids[1] = world_gid(50);
	world_change(&w, 1);
	ok(0, create(0, mgid_of(1)));
	ok(1, join(1, mgid_of(1), FULL));
	other = join(1, mgid_of(1), FULL);
	put_gid(data(&other) + PORT_GID, world_gid(50));
	ok(1, other);
	ok(1, leave(1, mgid_of(1), FULL));
	assert_true(world_receives(&w, 1, mgid_of(1)));
	other = leave(1, mgid_of(1), FULL);
	put_gid(data(&other) + PORT_GID, world_gid(50));
	ok(1, other);
	assert_false(world_receives(&w, 1, mgid_of(1)));
}

static void port_that_loses_its_right_receives_no_more(void **state)
{
	(void)state;
	ok(0, create(0, mgid_of(1)));
	for (unsigned int i = 1; i < 3; i++)
		ok(i, join(i, mgid_of(1), FULL));
	world_set_pkeys(&w, 1, 0x8001, 0);
	assert_false(world_receives(&w, 1, mgid_of(1)));
	world_set_up(&w, 2, false);
	assert_false(world_receives(&w, 2, mgid_of(1)));
	assert_true(world_receives(&w, 0, mgid_of(1)));
	gsi_port_reset(w.port[0]);
	assert_false(world_receives(&w, 0, mgid_of(1)));
	assert_false(world_has_group(&w, mgid_of(1)));
	world_remove(&w, 1);
	assert_false(world_has_group(&w, broadcast(0x8001)));
	assert_true(world_has_group(&w, broadcast(0xffff)));
}

static uint8_t table[1 << 16];

static void query_shows_groups_and_no_members(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, TABLE, MCMEMBER_RECORD, 0);
	struct vib_gid nobody = { { 0 } };

	(void)state;
	world_set_pkeys(&w, 2, 0x8001, 0);
	ok(1, create(1, mgid_of(1)));
	ok(1, join(1, broadcast(0xffff), FULL));
	ok(2, create(2, mgid_of(2)));
	assert_int_equal(world_ask_table(&w, 0, &packet, table, sizeof(table)), 2 * 56);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(be16_at(table + 56 * i + PKEY), 0xffff);
		assert_memory_equal(table + 56 * i + PORT_GID, &nobody, 16);
		assert_int_equal(table[56 * i + SCOPE_JOIN] & 0xf, 0);
	}
	packet = request(0, GET, mgid_of(1), 0, C_MGID);
	assert_int_equal(be32_at(ask(0, &packet) + QKEY), 0x1234567);
	fails(0, request(0, GET, mgid_of(2), 0, C_MGID), SA_ERROR(NO_RECORDS));
	fails(0, world_sa(&w, 0, GET, MCMEMBER_RECORD, 0), SA_ERROR(TOO_MANY_RECORDS));
	/* By membership only the requester's own. */
	packet = request(0, GET, mgid_of(1), 0, C_MGID | C_PORT_GID);
	put_gid(data(&packet) + PORT_GID, world_gid(1));
	fails(0, packet, SA_ERROR(NO_RECORDS));
	ok(1, request(1, GET, mgid_of(1), 0, C_MGID | C_PORT_GID));
}

static void rdma_cm_asks_for_the_broadcast_group(void **state)
{
	struct mad_packet packet = request(0, GET, broadcast(0xffff), 0, C_MGID | C_PKEY);

	(void)state;
	assert_int_equal(be16_at(ask(0, &packet) + MLID), 0xc000);
}

static struct vib_gid numbered(unsigned int i)
{
	struct vib_gid mgid = mgid_of(0);

	put_be32(mgid.raw + 12, i);
	return mgid;
}

static void guest_has_a_share_of_groups_only(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < MAX_GROUPS; i++)
		ok(0, create(0, numbered(i)));
	fails(0, create(0, numbered(MAX_GROUPS)), SA_ERROR(NO_RESOURCES));
	ok(1, create(1, numbered(MAX_GROUPS)));
	ok(0, leave(0, numbered(7), FULL));
	ok(0, create(0, numbered(7)));
}

static void guest_has_a_share_of_memberships_only(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < MAX_MEMBERSHIPS; i++) {
		struct mad_packet packet = join(0, broadcast(0xffff), NON);

		/* A membership for each of its GIDs is another. */
		if (i % VIB_MAX_GIDS == 0)
			ok(1, create(1, numbered(i / VIB_MAX_GIDS)));
		w.attr[0].gids[i % VIB_MAX_GIDS] = world_gid(i % VIB_MAX_GIDS + 100);
		w.attr[0].gids[0] = world_gid(0);
		put_gid(data(&packet) + MGID, numbered(i / VIB_MAX_GIDS));
		put_gid(data(&packet) + PORT_GID, w.attr[0].gids[i % VIB_MAX_GIDS]);
		if (i < VIB_MAX_GIDS)
			world_change(&w, 0);
		ok(0, packet);
	}
	assert_int_equal(gsi_port_holdings(w.port[0]).memberships, MAX_MEMBERSHIPS);
	fails(0, join(0, broadcast(0xffff), FULL), SA_ERROR(NO_RESOURCES));
	/* And a group that could not be joined is not made. */
	fails(0, create(0, mgid_of(200)), SA_ERROR(NO_RESOURCES));
	assert_int_equal(gsi_port_holdings(w.port[0]).groups, 0);
}

#define TEST(name) world_test(name, world_of_3, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ipoib_joins_its_broadcast_group_without_attributes),
		TEST(ipoib_makes_groups_like_its_broadcast_group),
		TEST(limited_member_joins_the_partitions_group),
		TEST(every_partition_has_a_broadcast_group_while_it_is_used),
		TEST(group_that_is_not_there_needs_attributes),
		TEST(group_has_what_its_maker_said),
		TEST(fields_that_do_not_count_are_not_read),
		TEST(sa_chooses_an_mgid_if_there_is_none),
		TEST(mgids_that_may_not_be_chosen),
		TEST(mgid_with_a_pkey_is_its_partitions),
		TEST(attributes_that_cannot_be_are_refused),
		TEST(port_joins_as_itself),
		TEST(join_is_compared_with_the_group),
		TEST(slow_port_cannot_join_a_fast_group),
		TEST(join_states_add_up_and_are_left_one_by_one),
		TEST(group_ends_with_its_last_full_member),
		TEST(mlids_are_used_again),
		TEST(memberships_end_with_port_link_pkey_and_gid),
		TEST(nobody_silences_an_mgid_that_is_anybodys),
		TEST(who_only_sends_does_not_receive),
		TEST(port_may_join_by_several_gids),
		TEST(port_that_loses_its_right_receives_no_more),
		TEST(query_shows_groups_and_no_members),
		TEST(rdma_cm_asks_for_the_broadcast_group),
		TEST(guest_has_a_share_of_groups_only),
		TEST(guest_has_a_share_of_memberships_only),
	};

	return cmocka_run_group_tests_name("gsi_mcast", tests, NULL, NULL);
}
