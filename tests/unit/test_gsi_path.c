// SPDX-License-Identifier: GPL-2.0-or-later
/* PathRecord and MultiPathRecord. */
#include "gsi_world.h"

#include <infiniband/mad.h>
#include <infiniband/sa.h>

#include "gsi/rates.h"

static struct gsi_world w;

enum { GET = 0x01, TABLE = 0x12, MULTI = 0x14 };
enum { PATH_RECORD = 0x35, MULTI_PATH_RECORD = 0x3a };

/* Offsets and components of table 205. */
enum {
	SERVICE_ID = 0,
	DGID = 8,
	SGID = 24,
	DLID = 40,
	SLID = 42,
	FLOW_HOP = 44,
	TCLASS = 48,
	NUM_PATHS = 49,
	PKEY = 50,
	SL = 52,
	MTU = 54,
	RATE = 55,
	LIFE = 56,
};
enum {
	C_SERVICE_ID = 1 << 0 | 1 << 1,
	C_DGID = 1 << 2,
	C_SGID = 1 << 3,
	C_DLID = 1 << 4,
	C_SLID = 1 << 5,
	C_RAW = 1 << 6,
	C_FLOW = 1 << 8,
	C_HOP = 1 << 9,
	C_TCLASS = 1 << 10,
	C_REVERSIBLE = 1 << 11,
	C_NUM_PATHS = 1 << 12,
	C_PKEY = 1 << 13,
	C_SL = 1 << 15,
	C_MTU = 1 << 16 | 1 << 17,
	C_RATE = 1 << 18 | 1 << 19,
	C_LIFE = 1 << 20 | 1 << 21,
};
#define SELECT(selector, value) ((selector) << 6 | (value))

/* Port @from asks for the path from port @a to @b. */
static struct mad_packet between(unsigned int from, unsigned int a, unsigned int b,
				 uint64_t mask)
{
	struct mad_packet packet =
		world_sa(&w, from, GET, PATH_RECORD, C_SGID | C_DGID | mask);

	put_gid(packet.mad + SA_DATA_AT + SGID, world_gid(a));
	put_gid(packet.mad + SA_DATA_AT + DGID, world_gid(b));
	return packet;
}

static uint8_t *data(struct mad_packet *packet)
{
	return packet->mad + SA_DATA_AT;
}

static void put_byte(struct mad_packet *packet, unsigned int at, uint8_t value)
{
	packet->mad[SA_DATA_AT + at] = value;
}

static const uint8_t *ask(unsigned int from, const struct mad_packet *packet)
{
	const uint8_t *mad = world_ask(&w, from, packet)->mad;

	assert_int_equal(mad_status(mad), 0);
	assert_int_equal(mad[3], 0x81);
	assert_int_equal(be16_at(mad + 44), 8);
	return mad + SA_DATA_AT;
}

static void path_is_as_ipoib_asks_for_it(void **state)
{
	struct mad_packet packet = between(0, 0, 1, C_NUM_PATHS | C_TCLASS | C_PKEY);
	struct vib_gid a = world_gid(0), b = world_gid(1);
	const uint8_t *d;

	(void)state;
	put_byte(&packet, NUM_PATHS, 1);
	put_be16(data(&packet) + PKEY, 0xffff);
	d = ask(0, &packet);
	assert_memory_equal(d + SGID, &a, 16);
	assert_memory_equal(d + DGID, &b, 16);
	assert_int_equal(be16_at(d + SLID), 0x10);
	assert_int_equal(be16_at(d + DLID), 0x11);
	assert_int_equal(be32_at(d + FLOW_HOP), 1);
	assert_int_equal(d[TCLASS], 0);
	assert_int_equal(d[NUM_PATHS], 0x81);
	assert_int_equal(be16_at(d + PKEY), 0xffff);
	assert_int_equal(be16_at(d + SL), 0);
	assert_int_equal(d[MTU], SELECT(2, 5));
	assert_int_equal(d[RATE], SELECT(2, 16));
	assert_int_equal(d[LIFE], SELECT(2, 18));
	assert_int_equal(d[57], 0); /* Preference */
}

/* The layout, as two libraries of others have it. */
static void layout_is_libibmads_and_libibverbs(void **state)
{
	struct mad_packet packet = between(0, 0, 1, 0);
	const uint8_t *d = ask(0, &packet);
	struct ibv_path_record r;
	uint8_t gid[16];

	(void)state;
	memcpy(&r, d, sizeof(r));
	assert_int_equal(sizeof(r), 64);
	assert_int_equal(be16toh(r.dlid), 0x11);
	assert_int_equal(be16toh(r.slid), 0x10);
	assert_int_equal(be32toh(r.flowlabel_hoplimit), 1);
	assert_int_equal(r.reversible_numpath, IBV_PATH_RECORD_REVERSIBLE | 1);
	assert_int_equal(be16toh(r.pkey), 0xffff);
	assert_int_equal(r.mtu & 0x3f, IBV_MTU_4096);
	assert_int_equal(r.rate & 0x3f, IBV_RATE_100_GBPS);
	assert_int_equal(r.packetlifetime & 0x3f, 18);
	assert_int_equal(mad_get_field((void *)(uintptr_t)d, 0, IB_SA_PR_DLID_F), 0x11);
	mad_get_array((void *)(uintptr_t)d, 0, IB_SA_PR_DGID_F, gid);
	assert_int_equal(gid[15], 0x11);
}

static void wishes_that_any_path_grants_come_back(void **state)
{
	struct mad_packet packet =
		between(0, 0, 1, C_SERVICE_ID | C_FLOW | C_HOP | C_TCLASS | C_SL);
	const uint8_t *d;

	(void)state;
	put_be64(data(&packet) + SERVICE_ID, 0x0000000001064444);
	put_be32(data(&packet) + FLOW_HOP, 0xabcde << 8 | 64);
	put_byte(&packet, TCLASS, 9);
	put_be16(data(&packet) + SL, 5);
	d = ask(0, &packet);
	assert_true(be64_at(d + SERVICE_ID) == 0x0000000001064444);
	assert_int_equal(be32_at(d + FLOW_HOP), 0xabcde << 8 | 64);
	assert_int_equal(d[TCLASS], 9);
	assert_int_equal(be16_at(d + SL), 5);
	/* But without a hop there is no GRH. */
	put_be32(data(&packet) + FLOW_HOP, 0);
	assert_int_equal(be32_at(ask(0, &packet) + FLOW_HOP), 1);
}

static uint16_t status(unsigned int from, const struct mad_packet *packet)
{
	return world_status(&w, from, packet);
}

static void requester_is_one_of_the_ends(void **state)
{
	struct mad_packet packet = between(2, 0, 1, 0);

	(void)state;
	assert_int_equal(status(2, &packet), SA_ERROR(NO_RECORDS));
	packet = between(1, 0, 1, 0);
	assert_int_equal(be16_at(ask(1, &packet) + SLID), 0x10);
	packet = between(1, 1, 1, 0);
	assert_int_equal(be16_at(ask(1, &packet) + DLID), 0x11);
}

static void ends_are_named_by_lid_as_well(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, GET, PATH_RECORD, C_SLID | C_DLID);
	struct vib_gid b = world_gid(1);
	const uint8_t *d;

	(void)state;
	put_be16(data(&packet) + SLID, 0x10);
	put_be16(data(&packet) + DLID, 0x11);
	d = ask(0, &packet);
	assert_memory_equal(d + DGID, &b, 16);
	/* The source is the requester, if nobody is named. */
	put_be64(packet.mad + 48, C_DLID);
	assert_int_equal(be16_at(ask(0, &packet) + SLID), 0x10);
	/* GID and LID of different ports name none. */
	packet = between(0, 0, 1, C_DLID);
	put_be16(data(&packet) + DLID, 0x12);
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
	put_be16(data(&packet) + DLID, 0);
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
}

static void vports_of_other_partitions_do_not_exist(void **state)
{
	struct mad_packet packet = between(0, 0, 1, 0), unknown = between(0, 0, 9, 0);

	(void)state;
	world_set_pkeys(&w, 1, 0x8001, 0);
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
	assert_int_equal(status(0, &unknown), SA_ERROR(NO_RECORDS));
	/* Two limited members do not reach each other. */
	world_set_pkeys(&w, 0, 0x7fff, 0);
	world_set_pkeys(&w, 1, 0x7fff, 0);
	packet = between(0, 0, 1, 0);
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
	packet = between(0, 0, 2, 0);
	assert_int_equal(be16_at(ask(0, &packet) + PKEY), 0x7fff);
	packet = between(2, 2, 0, 0);
	assert_int_equal(be16_at(ask(2, &packet) + PKEY), 0xffff);
}

static void pkey_is_one_that_both_have(void **state)
{
	struct mad_packet packet = between(0, 0, 1, C_PKEY);

	(void)state;
	world_set_pkeys(&w, 0, 0xffff, 0x8001);
	world_set_pkeys(&w, 1, 0x8001, 0x8002);
	put_be16(data(&packet) + PKEY, 0xffff);
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
	put_be16(data(&packet) + PKEY, 0x8002);
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
	put_be16(data(&packet) + PKEY, 0);
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
	put_be16(data(&packet) + PKEY, 0x8001);
	assert_int_equal(be16_at(ask(0, &packet) + PKEY), 0x8001);
	packet = between(0, 0, 1, 0);
	assert_int_equal(be16_at(ask(0, &packet) + PKEY), 0x8001);
}

static void down_vports_have_no_path(void **state)
{
	struct mad_packet packet = between(0, 0, 1, 0);

	(void)state;
	world_set_up(&w, 1, false);
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
}

static void mtu_is_the_smaller_one(void **state)
{
	struct mad_packet packet = between(0, 0, 1, 0);

	(void)state;
	w.attr[1].port.active_mtu = 4;
	w.attr[1].port.active_speed = 4;
	world_change(&w, 1);
	assert_int_equal(ask(0, &packet)[MTU], SELECT(2, 4));
	assert_int_equal(ask(0, &packet)[RATE], SELECT(2, 7));
}

/* What a selector and a value give: the value of the answer, 0 for no record. */
static unsigned int select_with(unsigned int at, uint64_t mask, uint8_t field)
{
	struct mad_packet packet = between(0, 0, 1, mask);
	const uint8_t *mad;

	put_byte(&packet, at, field);
	mad = world_ask(&w, 0, &packet)->mad;
	if (mad_status(mad)) {
		assert_int_equal(mad_status(mad), SA_ERROR(NO_RECORDS));
		return 0;
	}
	assert_int_equal(mad[SA_DATA_AT + at] >> 6, 2);
	assert_int_not_equal(mad[SA_DATA_AT + at] & 0x3f, 0);
	return mad[SA_DATA_AT + at] & 0x3f;
}

static void selectors_of_mtu_rate_and_lifetime(void **state)
{
	(void)state;
	assert_int_equal(select_with(MTU, C_MTU, SELECT(0, 4)), 5);
	assert_int_equal(select_with(MTU, C_MTU, SELECT(0, 5)), 0);
	assert_int_equal(select_with(MTU, C_MTU, SELECT(1, 5)), 4);
	assert_int_equal(select_with(MTU, C_MTU, SELECT(1, 1)), 0);
	assert_int_equal(select_with(MTU, C_MTU, SELECT(2, 3)), 3);
	assert_int_equal(select_with(MTU, C_MTU, SELECT(2, 5)), 5);
	assert_int_equal(select_with(MTU, C_MTU, SELECT(3, 1)), 5);
	/* Codes of rates are not in their order: 9 is 80, 16 is 100, 10 is 120 Gbit/s. */
	assert_int_equal(select_with(RATE, C_RATE, SELECT(0, 9)), 16);
	assert_int_equal(select_with(RATE, C_RATE, SELECT(0, 10)), 0);
	assert_int_equal(select_with(RATE, C_RATE, SELECT(1, 10)), 16);
	assert_int_equal(select_with(RATE, C_RATE, SELECT(1, 16)), 9);
	assert_int_equal(select_with(RATE, C_RATE, SELECT(1, 2)), 0);
	assert_int_equal(select_with(RATE, C_RATE, SELECT(2, 3)), 3);
	assert_int_equal(select_with(RATE, C_RATE, SELECT(2, 10)), 0);
	assert_int_equal(select_with(RATE, C_RATE, SELECT(3, 2)), 16);
	assert_int_equal(select_with(LIFE, C_LIFE, SELECT(0, 17)), 18);
	assert_int_equal(select_with(LIFE, C_LIFE, SELECT(0, 18)), 0);
	assert_int_equal(select_with(LIFE, C_LIFE, SELECT(1, 19)), 18);
	assert_int_equal(select_with(LIFE, C_LIFE, SELECT(1, 18)), 0);
	assert_int_equal(select_with(LIFE, C_LIFE, SELECT(2, 20)), 20);
	assert_int_equal(select_with(LIFE, C_LIFE, SELECT(2, 17)), 0);
	assert_int_equal(select_with(LIFE, C_LIFE, SELECT(3, 1)), 18);
	/* Without its selector a value says nothing. */
	assert_int_equal(select_with(MTU, 1 << 17, SELECT(2, 1)), 5);
}

static void requests_that_cannot_be_are_refused(void **state)
{
	struct mad_packet packet = between(0, 0, 1, C_MTU);

	(void)state;
	put_byte(&packet, MTU, SELECT(2, 6));
	assert_int_equal(status(0, &packet), SA_ERROR(REQ_INVALID));
	put_byte(&packet, MTU, SELECT(2, 0));
	assert_int_equal(status(0, &packet), SA_ERROR(REQ_INVALID));
	packet = between(0, 0, 1, C_RATE);
	put_byte(&packet, RATE, SELECT(2, 1));
	assert_int_equal(status(0, &packet), SA_ERROR(REQ_INVALID));
	put_byte(&packet, RATE, SELECT(2, 63));
	assert_int_equal(status(0, &packet), SA_ERROR(REQ_INVALID));
	packet = between(0, 0, 1, 1 << 0);
	assert_int_equal(status(0, &packet), SA_ERROR(INSUF_COMPS));
	packet = between(0, 0, 1, C_RAW);
	put_be32(data(&packet) + FLOW_HOP, 0x80000000);
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
}

static void rates_of_ports(void **state)
{
	static const struct {
		uint8_t width;
		uint16_t speed;
		uint8_t code;
	} cases[] = { { 1, 1, 2 },  { 2, 1, 3 },   { 2, 2, 6 },   { 2, 4, 7 },
		      { 2, 8, 7 },  { 2, 16, 12 }, { 2, 32, 16 }, { 2, 64, 17 },
		      { 8, 4, 10 }, { 8, 32, 18 }, { 1, 32, 15 }, { 4, 64, 21 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct vib_port_attr port = { .active_width = cases[i].width,
					      .active_speed = cases[i].speed };

		assert_int_equal(rate_of_port(&port), cases[i].code);
	}
}

static uint8_t table[1 << 16];

static void table_without_ends_is_of_all_in_reach(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, TABLE, PATH_RECORD, 0);
	unsigned int seen = 0;

	(void)state;
	world_set_pkeys(&w, 3, 0x8001, 0);
	assert_int_equal(world_ask_table(&w, 0, &packet, table, sizeof(table)), 3 * 64);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(be16_at(table + 64 * i + SLID), 0x10);
		seen |= 1u << (be16_at(table + 64 * i + DLID) - 0x10);
	}
	assert_int_equal(seen, 7);
	/* Get wants one. */
	packet = world_sa(&w, 0, GET, PATH_RECORD, 0);
	assert_int_equal(status(0, &packet), SA_ERROR(TOO_MANY_RECORDS));
	/* And those to it. */
	packet = world_sa(&w, 0, TABLE, PATH_RECORD, C_DLID);
	put_be16(data(&packet) + DLID, 0x10);
	assert_int_equal(world_ask_table(&w, 0, &packet, table, sizeof(table)), 3 * 64);
	assert_int_equal(be16_at(table + DLID), 0x10);
	/* None at all, and none of it. */
	packet = world_sa(&w, 0, TABLE, PATH_RECORD, C_NUM_PATHS);
	assert_int_equal(world_ask_table(&w, 0, &packet, table, sizeof(table)), 0);
	packet = world_sa(&w, 0, TABLE, PATH_RECORD, C_SLID);
	put_be16(data(&packet) + SLID, 0x11);
	assert_int_equal(world_ask_table(&w, 0, &packet, table, sizeof(table)), 0);
}

static struct vib_gid broadcast(uint16_t pkey)
{
	struct vib_gid mgid = { .raw = { 0xff, 0x12, 0x40, 0x1b, [12] = 0xff, 0xff, 0xff,
					 0xff } };

	put_be16(mgid.raw + 4, pkey);
	return mgid;
}

static void path_to_a_group_has_its_attributes(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, GET, PATH_RECORD, C_DGID | C_SGID);
	struct vib_gid mgid = broadcast(0xffff);
	const uint8_t *d;

	(void)state;
	put_gid(data(&packet) + SGID, world_gid(0));
	put_gid(data(&packet) + DGID, mgid);
	d = ask(0, &packet);
	assert_memory_equal(d + DGID, &mgid, 16);
	assert_int_equal(be16_at(d + DLID), 0xc000);
	assert_int_equal(be16_at(d + SLID), 0x10);
	assert_int_equal(be16_at(d + PKEY), 0xffff);
	assert_int_equal(d[MTU], SELECT(2, 5));
	/* Nobody else's. */
	world_set_pkeys(&w, 1, 0x8001, 0);
	put_gid(data(&packet) + DGID, broadcast(0x8001));
	assert_int_equal(status(0, &packet), SA_ERROR(NO_RECORDS));
}

/* A path to the broadcast group that says what the group is, or what it is not. */
static void group_path(uint64_t mask, unsigned int at, uint8_t value, bool is_there)
{
	struct mad_packet packet = world_sa(&w, 0, GET, PATH_RECORD, C_DGID | mask);

	put_gid(data(&packet) + DGID, broadcast(0xffff));
	put_byte(&packet, at, value);
	assert_int_equal(status(0, &packet), is_there ? 0 : SA_ERROR(NO_RECORDS));
}

static void path_to_a_group_is_the_one_asked_for(void **state)
{
	(void)state;
	group_path(C_DLID, DLID, 0xc0, true);
	group_path(C_DLID, DLID, 0xc1, false);
	group_path(C_SLID, SLID + 1, 0x10, true);
	group_path(C_SLID, SLID + 1, 0x11, false);
	group_path(C_PKEY, PKEY, 0xff, false); /* 0xff00 */
	group_path(C_SL, SL + 1, 0, true);
	group_path(C_SL, SL + 1, 1, false);
	group_path(C_FLOW, FLOW_HOP + 2, 1, false);
	group_path(C_HOP, FLOW_HOP + 3, 1, false);
	group_path(C_TCLASS, TCLASS, 1, false);
	group_path(C_RAW, FLOW_HOP, 0x80, false);
	/* As long as they do not count they may be anything. */
	group_path(0, SL + 1, 1, true);
	group_path(0, DLID, 0xc1, true);
	group_path(0, PKEY, 0xff, true);
}

/* ---- MultiPathRecord ------------------------------------------------------- */

static struct mad_packet multi(unsigned int from, uint64_t mask, uint8_t sgids,
			       uint8_t dgids)
{
	struct mad_packet packet =
		world_sa(&w, from, MULTI, MULTI_PATH_RECORD, 1 << 19 | 1 << 20 | mask);

	/* One segment: RMPP all the same. */
	packet.mad[24] = 1;
	packet.mad[25] = 1;
	packet.mad[26] = 1 | 2 | 4;
	put_be32(packet.mad + 28, 1);
	put_be32(packet.mad + 32, 20 + 24 + 16u * (sgids + dgids));
	packet.mad[SA_DATA_AT + 15] = sgids;
	packet.mad[SA_DATA_AT + 16] = dgids;
	return packet;
}

static void put_multi_gid(struct mad_packet *packet, unsigned int i, struct vib_gid gid)
{
	put_gid(packet->mad + SA_DATA_AT + 24 + 16 * i, gid);
}

/* Send, see it acknowledged, and take the answer; its status, and its data in table. */
static uint16_t ask_multi(unsigned int from, const struct mad_packet *packet,
			  size_t *length)
{
	struct delivery d;
	struct mad_packet ack = *packet;

	world_send(&w, from, packet);
	d = *world_take(&w);
	assert_int_equal(d.packet.mad[3], 0x94);
	assert_int_equal(d.packet.mad[25], 2); /* ACK */
	assert_int_equal(be32_at(d.packet.mad + 28), 1);
	d = *world_take(&w);
	world_expect_quiet(&w);
	assert_int_equal(d.packet.mad[3], 0x94);
	assert_int_equal(be16_at(d.packet.mad + 16), PATH_RECORD);
	*length = 0;
	if (mad_status(d.packet.mad)) {
		assert_int_equal(d.packet.mad[26], 0);
		return mad_status(d.packet.mad);
	}
	*length = be32_at(d.packet.mad + 32) - 20;
	memcpy(table, d.packet.mad + SA_DATA_AT, *length);
	/* The requester turns round (§13.6.3), and acknowledges. */
	ack.mad[25] = 2;
	put_be32(ack.mad + 28, 0);
	put_be32(ack.mad + 32, 1);
	world_send(&w, from, &ack);
	world_expect_quiet(&w);
	put_be32(ack.mad + 28, 1);
	world_send(&w, from, &ack);
	world_expect_quiet(&w);
	return 0;
}

static void multipath_gives_all_pairs(void **state)
{
	struct mad_packet packet = multi(0, 0, 1, 3);
	size_t length;

	(void)state;
	put_multi_gid(&packet, 0, world_gid(0));
	put_multi_gid(&packet, 1, world_gid(1));
	put_multi_gid(&packet, 2, world_gid(9)); /* nobody's */
	put_multi_gid(&packet, 3, world_gid(2));
	assert_int_equal(ask_multi(0, &packet, &length), 0);
	assert_int_equal(length, 2 * 64);
	assert_int_equal(be16_at(table + SLID), 0x10);
	assert_int_equal(be16_at(table + DLID), 0x11);
	assert_int_equal(be16_at(table + 64 + DLID), 0x12);
}

static void multipath_is_of_the_requester(void **state)
{
	struct mad_packet packet = multi(2, 0, 1, 1);
	size_t length;

	(void)state;
	put_multi_gid(&packet, 0, world_gid(0));
	put_multi_gid(&packet, 1, world_gid(1));
	assert_int_equal(ask_multi(2, &packet, &length), 0);
	assert_int_equal(length, 0);
	packet = multi(1, 0, 1, 1);
	put_multi_gid(&packet, 0, world_gid(0));
	put_multi_gid(&packet, 1, world_gid(1));
	assert_int_equal(ask_multi(1, &packet, &length), 0);
	assert_int_equal(length, 64);
}

static void multipath_has_its_own_components(void **state)
{
	struct mad_packet packet = multi(0, 1 << 6 | 1 << 7 | 1 << 10 | 1 << 11, 1, 2);
	uint8_t *d = packet.mad + SA_DATA_AT;
	size_t length;

	(void)state;
	d[5] = 1;
	put_be16(d + 6, 0xffff);
	d[10] = SELECT(2, 3);
	put_multi_gid(&packet, 0, world_gid(0));
	put_multi_gid(&packet, 1, world_gid(1));
	put_multi_gid(&packet, 2, world_gid(2));
	assert_int_equal(ask_multi(0, &packet, &length), 0);
	assert_int_equal(length, 64); /* NumbPath */
	assert_int_equal(table[MTU], SELECT(2, 3));
	assert_int_equal(be16_at(table + PKEY), 0xffff);
}

static void multipath_that_cannot_be_is_refused(void **state)
{
	struct mad_packet packet = multi(0, 0, 0, 1);
	size_t length;

	(void)state;
	assert_int_equal(ask_multi(0, &packet, &length), SA_ERROR(INSUF_COMPS));
	packet = multi(0, 0, 6, 6); /* more than the segment has */
	put_be32(packet.mad + 32, 20 + 200);
	assert_int_equal(ask_multi(0, &packet, &length), SA_ERROR(REQ_INVALID));
	packet = multi(0, 0, 200, 200);
	put_be32(packet.mad + 32, 20 + 200);
	assert_int_equal(ask_multi(0, &packet, &length), SA_ERROR(REQ_INVALID));
	packet = multi(0, 1 << 10 | 1 << 11, 1, 1);
	packet.mad[SA_DATA_AT + 10] = SELECT(2, 7);
	assert_int_equal(ask_multi(0, &packet, &length), SA_ERROR(REQ_INVALID));
}

#define TEST(name) world_test(name, world_of_4, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(path_is_as_ipoib_asks_for_it),
		TEST(layout_is_libibmads_and_libibverbs),
		TEST(wishes_that_any_path_grants_come_back),
		TEST(requester_is_one_of_the_ends),
		TEST(ends_are_named_by_lid_as_well),
		TEST(vports_of_other_partitions_do_not_exist),
		TEST(pkey_is_one_that_both_have),
		TEST(down_vports_have_no_path),
		TEST(mtu_is_the_smaller_one),
		TEST(selectors_of_mtu_rate_and_lifetime),
		TEST(requests_that_cannot_be_are_refused),
		TEST(rates_of_ports),
		TEST(table_without_ends_is_of_all_in_reach),
		TEST(path_to_a_group_has_its_attributes),
		TEST(path_to_a_group_is_the_one_asked_for),
		TEST(multipath_gives_all_pairs),
		TEST(multipath_is_of_the_requester),
		TEST(multipath_has_its_own_components),
		TEST(multipath_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests_name("gsi_path", tests, NULL, NULL);
}
