// SPDX-License-Identifier: GPL-2.0-or-later
/* Subnet management: what a port says of itself, compared with libibmad's layouts. */
#include "gsi_world.h"

#include <infiniband/mad.h>

static struct gsi_world w;

enum {
	NODE_DESC = 0x10,
	NODE_INFO = 0x11,
	SWITCH_INFO = 0x12,
	GUID_INFO = 0x14,
	PORT_INFO = 0x15,
	PKEY_TABLE = 0x16,
	SM_INFO = 0x20,
};

/* SubnGet of the port, by PROCESS_MAD; the answer is there. */
static const uint8_t *get(uint16_t attribute, uint32_t modifier)
{
	struct mad_packet in = world_mad(&w, 0, 0x01, 1, 0x01, attribute);
	static uint8_t out[VIB_MAD_BYTES];

	memset(out, 0xee, sizeof(out));
	put_be32(in.mad + 20, modifier);
	put_be64(in.mad + 24, 0xdeadbeef); /* an M_Key */
	assert_true(gsi_process(w.port[0], in.mad, out));
	assert_int_equal(out[0], 1);
	assert_int_equal(out[1], 0x01);
	assert_int_equal(out[3], 0x81);
	assert_memory_equal(out + 8, in.mad + 8, 16); /* TID, attribute, modifier */
	assert_true(be64_at(out + 24) == 0);
	return out;
}

static const uint8_t *data_of(uint16_t attribute, uint32_t modifier)
{
	const uint8_t *out = get(attribute, modifier);

	assert_int_equal(mad_status(out), 0);
	return out + 64;
}

static uint32_t field(const uint8_t *data, enum MAD_FIELDS f)
{
	return mad_get_field((void *)(uintptr_t)data, 0, f);
}

static uint64_t field64(const uint8_t *data, enum MAD_FIELDS f)
{
	return mad_get_field64((void *)(uintptr_t)data, 0, f);
}

static void node_info_says_what_the_vhca_is(void **state)
{
	const uint8_t *d = data_of(NODE_INFO, 0);
	static const uint8_t expected[40] = {
		1,    1,    1,    1, /* versions, CA, ports */
		0x00, 0x02, 0xc9, 0x03,
		0x00, 0x00, 0x01, 0x00, /* system image */
		0x00, 0x02, 0xc9, 0x03,
		0x00, 0x00, 0x01, 0x00, /* node */
		0x00, 0x02, 0xc9, 0x03,
		0x00, 0x00, 0x00, 0x10, /* port */
		0x00, 0x80, 0x00, 0x01,
		0x00, 0x00, 0x00, 0x07, /* P_Keys, device, revision */
		0x01, 0x00, 0x16, 0x3e, /* port, vendor */
	};

	(void)state;
	assert_memory_equal(d, expected, sizeof(expected));
	assert_int_equal(field(d, IB_NODE_TYPE_F), 1);
	assert_int_equal(field(d, IB_NODE_NPORTS_F), 1);
	assert_true(field64(d, IB_NODE_GUID_F) == w.attr[0].node_guid);
	assert_true(field64(d, IB_NODE_PORT_GUID_F) == 0x0002c90300000010);
	assert_int_equal(field(d, IB_NODE_PARTITION_CAP_F), VIB_MAX_PKEYS);
	assert_int_equal(field(d, IB_NODE_LOCAL_PORT_F), 1);
	assert_int_equal(field(d, IB_NODE_VENDORID_F), 0x00163e);
	assert_int_equal(field(d, IB_NODE_DEVID_F), 1);
}

static void node_description_is_the_text(void **state)
{
	(void)state;
	assert_string_equal((const char *)data_of(NODE_DESC, 0), "guest 0");
}

static void port_info_says_what_query_port_does(void **state)
{
	const uint8_t *d;

	(void)state;
	w.counters[0].pkey_violations = 5;
	w.counters[0].qkey_violations = 70000;
	d = data_of(PORT_INFO, 1);
	assert_true(field64(d, IB_PORT_MKEY_F) == 0);
	assert_true(field64(d, IB_PORT_GID_PREFIX_F) == 0xfe80000000000000);
	assert_int_equal(field(d, IB_PORT_LID_F), 0x10);
	assert_int_equal(field(d, IB_PORT_SMLID_F), SA_LID);
	assert_int_equal(field(d, IB_PORT_CAPMASK_F), 0x02014800);
	assert_int_equal(field(d, IB_PORT_LOCAL_PORT_F), 1);
	assert_int_equal(field(d, IB_PORT_LINK_WIDTH_ACTIVE_F), 2);
	assert_int_equal(field(d, IB_PORT_LINK_WIDTH_SUPPORTED_F), 3);
	assert_int_equal(field(d, IB_PORT_STATE_F), 4);
	assert_int_equal(field(d, IB_PORT_PHYS_STATE_F), 5);
	assert_int_equal(field(d, IB_PORT_LMC_F), 0);
	assert_int_equal(field(d, IB_PORT_LINK_SPEED_ACTIVE_F), 4);
	assert_int_equal(field(d, IB_PORT_LINK_SPEED_SUPPORTED_F), 7);
	assert_int_equal(field(d, IB_PORT_LINK_SPEED_EXT_ACTIVE_F), 2);
	assert_int_equal(field(d, IB_PORT_LINK_SPEED_EXT_SUPPORTED_F), 3);
	assert_int_equal(field(d, IB_PORT_NEIGHBOR_MTU_F), 5);
	assert_int_equal(field(d, IB_PORT_MTU_CAP_F), 5);
	assert_int_equal(field(d, IB_PORT_VL_CAP_F), 1);
	assert_int_equal(field(d, IB_PORT_OPER_VLS_F), 1);
	assert_int_equal(field(d, IB_PORT_PKEY_VIOL_F), 5);
	assert_int_equal(field(d, IB_PORT_QKEY_VIOL_F), 0xffff);
	assert_int_equal(field(d, IB_PORT_GUID_CAP_F), VIB_MAX_GIDS);
	assert_int_equal(field(d, IB_PORT_SUBN_TIMEOUT_F), 18);
}

static void port_0_is_the_one_asked_and_2_is_none(void **state)
{
	(void)state;
	assert_int_equal(field(data_of(PORT_INFO, 0), IB_PORT_LID_F), 0x10);
	assert_int_equal(field(data_of(PORT_INFO, 0x80000001), IB_PORT_LID_F), 0x10);
	assert_int_equal(mad_status(get(PORT_INFO, 2)), 0x1c);
}

static void slow_ports_have_no_extended_speed(void **state)
{
	const uint8_t *d;

	(void)state;
	w.attr[0].port.active_speed = 2;
	w.attr[0].port.active_width = 1;
	world_change(&w, 0);
	d = data_of(PORT_INFO, 1);
	assert_int_equal(field(d, IB_PORT_LINK_SPEED_ACTIVE_F), 2);
	assert_int_equal(field(d, IB_PORT_LINK_SPEED_SUPPORTED_F), 3);
	assert_int_equal(field(d, IB_PORT_LINK_SPEED_EXT_ACTIVE_F), 0);
	assert_int_equal(field(d, IB_PORT_LINK_WIDTH_SUPPORTED_F), 1);
}

static void tables_come_in_blocks(void **state)
{
	const uint8_t *d;

	(void)state;
	w.attr[0].pkeys[33] = 0x8007;
	w.attr[0].gids[1] = world_gid(77);
	w.attr[0].gids[2] = (struct vib_gid){ .raw = { 0x20, 0x01, [15] = 9 } };
	w.attr[0].gids[9] = world_gid(78);
	world_change(&w, 0);
	assert_int_equal(be16_at(data_of(PKEY_TABLE, 0)), 0xffff);
	assert_int_equal(be16_at(data_of(PKEY_TABLE, 1) + 2), 0x8007);
	assert_int_equal(be16_at(data_of(PKEY_TABLE, 3) + 62), 0);
	assert_int_equal(mad_status(get(PKEY_TABLE, 4)), 0x1c);
	d = data_of(GUID_INFO, 0);
	assert_true(be64_at(d) == 0x0002c90300000010);
	assert_true(be64_at(d + 8) == 0x0002c9030000005d);
	assert_true(be64_at(d + 16) == 0); /* of another prefix */
	assert_true(be64_at(data_of(GUID_INFO, 1) + 8) == 0x0002c9030000005e);
	assert_int_equal(mad_status(get(GUID_INFO, 2)), 0x1c);
}

static void what_a_ca_has_not_is_said_so(void **state)
{
	(void)state;
	assert_int_equal(mad_status(get(SWITCH_INFO, 0)), 0x0c);
	assert_int_equal(mad_status(get(SM_INFO, 0)), 0x0c);
	assert_int_equal(mad_status(get(0xff00, 0)), 0x0c);
}

static void other_class_version_is_refused(void **state)
{
	struct mad_packet in = world_mad(&w, 0, 0x01, 2, 0x01, NODE_INFO);
	uint8_t out[VIB_MAD_BYTES];

	(void)state;
	assert_true(gsi_process(w.port[0], in.mad, out));
	assert_int_equal(mad_status(out), 0x04);
	in.mad[0] = 2;
	assert_false(gsi_process(w.port[0], in.mad, out));
}

static void only_get_is_answered(void **state)
{
	uint8_t out[VIB_MAD_BYTES];

	(void)state;
	for (unsigned int method = 0; method < 256; method++) {
		struct mad_packet in =
			world_mad(&w, 0, 0x01, 1, (uint8_t)method, NODE_INFO);

		assert_int_equal(gsi_process(w.port[0], in.mad, out), method == 0x01);
	}
}

static void directed_route_of_no_hops_is_the_port_itself(void **state)
{
	struct mad_packet in = world_mad(&w, 0, 0x81, 1, 0x01, NODE_INFO);
	uint8_t out[VIB_MAD_BYTES];

	(void)state;
	memset(in.mad + 128, 0x11, 128); /* the paths */
	put_be16(in.mad + 32, 0xffff);
	put_be16(in.mad + 34, 0xffff);
	in.mad[6] = 1; /* the pointer, as Linux' SMI has it */
	assert_true(gsi_process(w.port[0], in.mad, out));
	assert_int_equal(mad_status(out), 0x8000);
	assert_int_equal(out[1], 0x81);
	assert_int_equal(out[3], 0x81);
	assert_memory_equal(out + 128, in.mad + 128, 128);
	assert_int_equal(be16_at(out + 32), 0xffff);
	assert_int_equal(field(out + 64, IB_NODE_TYPE_F), 1);
	put_be16(in.mad + 16, SM_INFO);
	assert_true(gsi_process(w.port[0], in.mad, out));
	assert_int_equal(mad_status(out), 0x800c);
	in.mad[7] = 1;
	assert_false(gsi_process(w.port[0], in.mad, out));
}

static struct mad_packet smp(uint16_t dlid)
{
	struct mad_packet packet = world_mad(&w, 0, 0x01, 1, 0x01, NODE_INFO);

	packet.qpn = 0;
	packet.pkey = 0;
	packet.dlid = dlid;
	return packet;
}

static void qp0_reaches_the_own_port_only(void **state)
{
	struct mad_packet packet = smp(0x10);
	const struct mad_packet *reply = world_ask(&w, 0, &packet);

	(void)state;
	assert_int_equal(reply->qpn, 0);
	assert_int_equal(reply->slid, 0x10);
	assert_int_equal(reply->dlid, 0x10);
	assert_int_equal(field(reply->mad + 64, IB_NODE_TYPE_F), 1);
	packet = smp(0xffff);
	world_ask(&w, 0, &packet);
	packet = smp(0x11);
	world_expect_drop(&w, 0, &packet, GSI_DROP_SMP);
	packet = smp(SA_LID);
	world_expect_drop(&w, 0, &packet, GSI_DROP_SMP);
	packet = smp(0x10);
	world_grh(&packet, 0, world_gid(0));
	world_expect_drop(&w, 0, &packet, GSI_DROP_GRH);
	packet = smp(0x10);
	packet.mad[3] = 0x02;
	world_expect_drop(&w, 0, &packet, GSI_DROP_SMP);
}

/* As sminfo asks, by LID. */
static void manager_says_who_it_is(void **state)
{
	struct mad_packet packet = smp(SA_LID);
	const struct mad_packet *reply;

	(void)state;
	put_be16(packet.mad + 16, SM_INFO);
	memset(packet.mad + 64, 0x55, 64); /* what sminfo would set */
	reply = world_ask(&w, 0, &packet);
	assert_int_equal(reply->qpn, 0);
	assert_int_equal(reply->slid, SA_LID);
	assert_int_equal(reply->mad[3], 0x81);
	assert_int_equal(mad_status(reply->mad), 0);
	assert_true(field64(reply->mad + 64, IB_SMINFO_GUID_F) == 0x0200000000000002);
	assert_true(field64(reply->mad + 64, IB_SMINFO_KEY_F) == 0);
	assert_int_equal(field(reply->mad + 64, IB_SMINFO_STATE_F), 3); /* master */
	assert_true(be64_at(reply->mad + 64 + 24) == 0);
}

/* It cannot be set, is no node of its own, and is not reached when the link is down. */
static void manager_says_nothing_else(void **state)
{
	struct mad_packet packet = smp(SA_LID), directed;

	(void)state;
	world_expect_drop(&w, 0, &packet, GSI_DROP_SMP); /* NodeInfo */
	put_be16(packet.mad + 16, SM_INFO);
	directed = packet;
	directed.mad[1] = 0x81;
	world_expect_drop(&w, 0, &directed, GSI_DROP_SMP);
	packet.mad[3] = 0x02;
	world_expect_drop(&w, 0, &packet, GSI_DROP_SMP);
	packet.mad[3] = 0x01;
	packet.mad[2] = 2;
	world_expect_drop(&w, 0, &packet, GSI_DROP_SMP);
	packet.mad[2] = 1;
	world_set_up(&w, 0, false);
	world_expect_drop(&w, 0, &packet, GSI_DROP_LINK_DOWN);
}

#define TEST(name) world_test(name, world_of_2, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(node_info_says_what_the_vhca_is),
		TEST(node_description_is_the_text),
		TEST(port_info_says_what_query_port_does),
		TEST(port_0_is_the_one_asked_and_2_is_none),
		TEST(slow_ports_have_no_extended_speed),
		TEST(tables_come_in_blocks),
		TEST(what_a_ca_has_not_is_said_so),
		TEST(other_class_version_is_refused),
		TEST(only_get_is_answered),
		TEST(directed_route_of_no_hops_is_the_port_itself),
		TEST(qp0_reaches_the_own_port_only),
		TEST(manager_says_who_it_is),
		TEST(manager_says_nothing_else),
	};

	return cmocka_run_group_tests_name("gsi_smp", tests, NULL, NULL);
}
