// SPDX-License-Identifier: GPL-2.0-or-later
/* Records of nodes and ports, and who sees them. */
#include "gsi_world.h"

#include <infiniband/mad.h>

static struct gsi_world w;

static int begin(void **state)
{
	(void)state;
	world_begin(&w, 3);
	world_set_pkeys(&w, 2, 0x8001, 0);
	return 0;
}

enum { GET = 0x01, TABLE = 0x12 };
enum {
	NODE_RECORD = 0x11,
	PORT_INFO_RECORD = 0x12,
	SM_INFO_RECORD = 0x18,
	GUID_INFO_RECORD = 0x30,
	PKEY_TABLE_RECORD = 0x33,
};

static uint8_t table[1 << 16];

static size_t ask(unsigned int from, const struct mad_packet *packet)
{
	return world_ask_table(&w, from, packet, table, sizeof(table));
}

static size_t all(unsigned int from, uint16_t attribute)
{
	struct mad_packet packet = world_sa(&w, from, TABLE, attribute, 0);

	return ask(from, &packet);
}

static uint32_t field(unsigned int at, enum MAD_FIELDS f)
{
	return mad_get_field(table + at, 0, f);
}

static void nodes_of_the_partition_are_seen(void **state)
{
	unsigned int lids = 0;

	(void)state;
	assert_int_equal(all(0, NODE_RECORD), 2 * 112);
	for (unsigned int i = 0; i < 2; i++) {
		lids |= 1u << (be16_at(table + 112 * i) - 0x10);
		assert_int_equal(field(112 * i + 4, IB_NODE_TYPE_F), 1);
		assert_int_equal(field(112 * i + 4, IB_NODE_VENDORID_F), 0x163e);
		assert_memory_equal(table + 112 * i + 44, "guest ", 6);
	}
	assert_int_equal(lids, 3);
	assert_int_equal(all(2, NODE_RECORD), 112);
	assert_int_equal(be16_at(table), 0x12);
	world_set_up(&w, 1, false);
	assert_int_equal(all(0, NODE_RECORD), 112);
	/* A limited member sees full ones only, and itself. */
	world_set_up(&w, 1, true);
	world_set_pkeys(&w, 0, 0x7fff, 0);
	world_set_pkeys(&w, 1, 0x7fff, 0);
	assert_int_equal(all(0, NODE_RECORD), 112);
}

static void node_is_found_by_its_components(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, TABLE, NODE_RECORD, 1 << 8);
	uint8_t *d = packet.mad + SA_DATA_AT;

	(void)state;
	put_be64(d + 4 + 20, 0x0002c90300000011); /* PortGUID */
	assert_int_equal(ask(0, &packet), 112);
	assert_int_equal(be16_at(table), 0x11);
	put_be64(d + 4 + 20, 0x0002c90300000012); /* out of sight */
	put_be64(packet.mad + 8, ++w.tid);
	assert_int_equal(ask(0, &packet), 0);
	packet = world_sa(&w, 0, TABLE, NODE_RECORD, 1 << 14 | 1 << 0);
	put_be16(packet.mad + SA_DATA_AT, 0x10);
	strcpy((char *)packet.mad + SA_DATA_AT + 44, "guest 0");
	assert_int_equal(ask(0, &packet), 112);
	packet = world_sa(&w, 0, TABLE, NODE_RECORD, 1 << 13); /* VendorID, 24 bits */
	put_be32(packet.mad + SA_DATA_AT + 40, 0x9900163e);
	assert_int_equal(ask(0, &packet), 2 * 112);
	packet = world_sa(&w, 0, GET, NODE_RECORD, 0);
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(TOO_MANY_RECORDS));
}

static void port_infos(void **state)
{
	struct mad_packet packet =
		world_sa(&w, 0, GET, PORT_INFO_RECORD, 1 << 0 | 1 << 1);
	const uint8_t *d;

	(void)state;
	put_be16(packet.mad + SA_DATA_AT, 0x11);
	packet.mad[SA_DATA_AT + 2] = 1;
	d = world_ask(&w, 0, &packet)->mad + SA_DATA_AT;
	assert_int_equal(be16_at(d), 0x11);
	assert_int_equal(d[2], 1);
	memcpy(table, d, 72);
	assert_int_equal(field(4, IB_PORT_LID_F), 0x11);
	assert_int_equal(field(4, IB_PORT_STATE_F), 4);
	assert_int_equal(field(4, IB_PORT_MTU_CAP_F), 5);
	assert_int_equal(all(0, PORT_INFO_RECORD), 2 * 72);
	/* A field of four bits in the middle of a byte: PortState. */
	packet = world_sa(&w, 0, TABLE, PORT_INFO_RECORD, 1 << 15);
	packet.mad[SA_DATA_AT + 4 + 32] = 0xf4;
	assert_int_equal(ask(0, &packet), 2 * 72);
	packet.mad[SA_DATA_AT + 4 + 32] = 0xf3;
	put_be64(packet.mad + 8, ++w.tid);
	assert_int_equal(ask(0, &packet), 0);
}

/* As srp_daemon looks for targets. */
static void ports_with_a_capability_are_found(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, TABLE, PORT_INFO_RECORD, 1 << 7);

	(void)state;
	w.attr[1].port.cap_mask |= 1 << 19;
	world_change(&w, 1);
	put_be32(packet.mad + SA_DATA_AT + 4 + 20, 1 << 19);
	put_be32(packet.mad + 20, 1u << 31);
	assert_int_equal(ask(0, &packet), 72);
	assert_int_equal(be16_at(table), 0x11);
	/* Without the modifier all of the mask is to be the same. */
	put_be32(packet.mad + 20, 0);
	put_be64(packet.mad + 8, ++w.tid);
	assert_int_equal(ask(0, &packet), 0);
	put_be32(packet.mad + SA_DATA_AT + 4 + 20, w.attr[1].port.cap_mask);
	put_be64(packet.mad + 8, ++w.tid);
	assert_int_equal(ask(0, &packet), 72);
}

static void guids_of_the_partition_are_seen(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, GET, GUID_INFO_RECORD, 3);
	const uint8_t *d;

	(void)state;
	put_be16(packet.mad + SA_DATA_AT, 0x11);
	d = world_ask(&w, 0, &packet)->mad + SA_DATA_AT;
	assert_true(be64_at(d + 8) == 0x0002c90300000011);
	put_be16(packet.mad + SA_DATA_AT, 0x12);
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(NO_RECORDS));
}

static void pkey_tables_are_their_owners(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, GET, PKEY_TABLE_RECORD, 3);
	const uint8_t *d;

	(void)state;
	put_be16(packet.mad + SA_DATA_AT, 0x10);
	d = world_ask(&w, 0, &packet)->mad + SA_DATA_AT;
	assert_int_equal(be16_at(d + 8), 0xffff);
	put_be16(packet.mad + SA_DATA_AT, 0x11);
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(NO_RECORDS));
	assert_int_equal(all(0, PKEY_TABLE_RECORD), 4 * 72);
	assert_int_equal(be16_at(table + 3 * 72 + 2), 3);
}

static void manager_is_where_the_sa_is(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, GET, SM_INFO_RECORD, 0);
	const uint8_t *d = world_ask(&w, 0, &packet)->mad + SA_DATA_AT;

	(void)state;
	assert_int_equal(be16_at(d), SA_LID);
	assert_true(be64_at(d + 4) == 0x0200000000000002);
	assert_int_equal(d[24] & 0xf, 3); /* master */
}

/* SL2VL, SwitchInfo, forwarding tables, links, VL arbitration: all that saquery asks. */
static void what_there_is_none_of_is_an_empty_table(void **state)
{
	static const uint16_t none[] = { 0x13, 0x14, 0x15, 0x16, 0x17, 0x20, 0x36 };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct mad_packet packet = world_sa(&w, 0, GET, none[i], 0);

		assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(NO_RECORDS));
		assert_int_equal(all(0, none[i]), 0);
	}
}

#define TEST(name) world_test(name, begin, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nodes_of_the_partition_are_seen),
		TEST(node_is_found_by_its_components),
		TEST(port_infos),
		TEST(ports_with_a_capability_are_found),
		TEST(guids_of_the_partition_are_seen),
		TEST(pkey_tables_are_their_owners),
		TEST(manager_is_where_the_sa_is),
		TEST(what_there_is_none_of_is_an_empty_table),
	};

	return cmocka_run_group_tests_name("gsi_records", tests, NULL, NULL);
}
