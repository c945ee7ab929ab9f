// SPDX-License-Identifier: GPL-2.0-or-later
/* Performance management: counters as perfquery reads and clears them. */
#include "gsi_world.h"

#include <infiniband/mad.h>

static struct gsi_world w;

static int begin(void **state)
{
	(void)state;
	world_begin(&w, 2);
	w.counters[0] = (struct vib_rsp_counters){
		.xmit_bytes = 4001,
		.rcv_bytes = 8000,
		.xmit_packets = 30,
		.rcv_packets = 40,
		.multicast_xmit_packets = 5,
		.multicast_rcv_packets = 6,
		.xmit_discards = 7,
		.rcv_discards = 1000,
	};
	return 0;
}

enum { CLASS_INFO = 1, SAMPLES_CONTROL = 0x10, COUNTERS = 0x12, COUNTERS_EXT = 0x1d };
enum { GET = 1, SET = 2 };

static uint8_t out[VIB_MAD_BYTES];

static uint16_t process(uint8_t method, uint16_t attribute, uint8_t port, uint16_t select)
{
	struct mad_packet in = world_mad(&w, 0, 0x04, 1, method, attribute);

	in.mad[65] = port;
	put_be16(in.mad + 66, select);
	memset(out, 0xee, sizeof(out));
	assert_true(gsi_process(w.port[0], in.mad, out));
	assert_int_equal(out[1], 0x04);
	assert_int_equal(out[3], 0x81);
	return mad_status(out);
}

static uint32_t field(enum MAD_FIELDS f)
{
	return mad_get_field(out + 64, 0, f);
}

static uint64_t field64(enum MAD_FIELDS f)
{
	return mad_get_field64(out + 64, 0, f);
}

static void class_port_info_tells_extended_width(void **state)
{
	(void)state;
	assert_int_equal(process(GET, CLASS_INFO, 0, 0), 0);
	assert_int_equal(out[64], 1);
	assert_int_equal(out[65], 1);
	assert_int_equal(be16_at(out + 66), 0x0300);
	assert_int_equal(be32_at(out + 68) & 0x1f, 16);
}

static void counters_are_where_perfquery_looks(void **state)
{
	(void)state;
	assert_int_equal(process(GET, COUNTERS, 1, 0), 0);
	assert_int_equal(field(IB_PC_PORT_SELECT_F), 1);
	assert_int_equal(field(IB_PC_XMT_BYTES_F), 1000);
	assert_int_equal(field(IB_PC_RCV_BYTES_F), 2000);
	assert_int_equal(field(IB_PC_XMT_PKTS_F), 30);
	assert_int_equal(field(IB_PC_RCV_PKTS_F), 40);
	assert_int_equal(field(IB_PC_XMT_DISCARDS_F), 7);
	assert_int_equal(field(IB_PC_ERR_SYM_F), 0);
	assert_int_equal(field(IB_PC_VL15_DROPPED_F), 0);
	assert_int_equal(field(IB_PC_XMT_WAIT_F), 0);
}

static void extended_counters_have_64_bits(void **state)
{
	(void)state;
	w.counters[0].xmit_bytes = 0x4000000000004;
	assert_int_equal(process(GET, COUNTERS_EXT, 0xff, 0), 0);
	assert_int_equal(field(IB_PC_EXT_PORT_SELECT_F), 0xff);
	assert_true(field64(IB_PC_EXT_XMT_BYTES_F) == 0x1000000000001);
	assert_true(field64(IB_PC_EXT_RCV_BYTES_F) == 2000);
	assert_true(field64(IB_PC_EXT_XMT_PKTS_F) == 30);
	assert_true(field64(IB_PC_EXT_RCV_PKTS_F) == 40);
	assert_true(field64(IB_PC_EXT_XMT_UPKTS_F) == 25);
	assert_true(field64(IB_PC_EXT_RCV_UPKTS_F) == 34);
	assert_true(field64(IB_PC_EXT_XMT_MPKTS_F) == 5);
	assert_true(field64(IB_PC_EXT_RCV_MPKTS_F) == 6);
}

static void counters_that_are_full_stay_so(void **state)
{
	(void)state;
	w.counters[0].xmit_bytes = 4ull << 32;
	w.counters[0].rcv_packets = 0x100000001;
	w.counters[0].xmit_discards = 0x10000;
	assert_int_equal(process(GET, COUNTERS, 1, 0), 0);
	assert_int_equal(field(IB_PC_XMT_BYTES_F), 0xffffffff);
	assert_int_equal(field(IB_PC_RCV_PKTS_F), 0xffffffff);
	assert_int_equal(field(IB_PC_XMT_DISCARDS_F), 0xffff);
}

static void set_clears_what_is_selected(void **state)
{
	(void)state;
	assert_int_equal(process(SET, COUNTERS, 1, 1 << 12 | 1 << 6), 0);
	assert_int_equal(field(IB_PC_XMT_BYTES_F), 0);
	assert_int_equal(field(IB_PC_XMT_DISCARDS_F), 0);
	assert_int_equal(field(IB_PC_RCV_BYTES_F), 2000);
	w.counters[0].xmit_bytes += 400;
	process(GET, COUNTERS, 1, 0);
	assert_int_equal(field(IB_PC_XMT_BYTES_F), 100);
	/* The others are registers of their own. */
	process(GET, COUNTERS_EXT, 1, 0);
	assert_true(field64(IB_PC_EXT_XMT_BYTES_F) == 1100);
	process(SET, COUNTERS_EXT, 1, 1 << 4);
	assert_true(field64(IB_PC_EXT_XMT_UPKTS_F) == 0);
	assert_true(field64(IB_PC_EXT_XMT_PKTS_F) == 30);
}

static void counters_that_began_anew_are_not_negative(void **state)
{
	(void)state;
	process(SET, COUNTERS, 1, 0xffff);
	w.counters[0] = (struct vib_rsp_counters){ .xmit_packets = 3 };
	process(GET, COUNTERS, 1, 0);
	assert_int_equal(field(IB_PC_XMT_PKTS_F), 3);
	assert_int_equal(field(IB_PC_RCV_PKTS_F), 0);
}

static void other_ports_and_attributes_are_refused(void **state)
{
	struct mad_packet in = world_mad(&w, 0, 0x04, 2, GET, COUNTERS);

	(void)state;
	assert_int_equal(process(GET, COUNTERS, 2, 0), 0x1c);
	assert_int_equal(process(GET, COUNTERS, 0, 0), 0x1c);
	assert_int_equal(process(GET, SAMPLES_CONTROL, 1, 0), 0x0c);
	assert_int_equal(process(SET, CLASS_INFO, 1, 0), 0x0c);
	assert_true(gsi_process(w.port[0], in.mad, out));
	assert_int_equal(mad_status(out), 0x04);
	in = world_mad(&w, 0, 0x04, 1, 0x81, COUNTERS);
	assert_false(gsi_process(w.port[0], in.mad, out));
}

static struct mad_packet to_other(uint8_t method)
{
	struct mad_packet packet = world_mad_to(&w, 1, 0, 0x04, method, COUNTERS);

	packet.mad[65] = 1;
	put_be16(packet.mad + 66, 0xffff);
	return packet;
}

static void guest_is_not_disturbed_by_whom_it_is_asked(void **state)
{
	struct mad_packet packet = to_other(GET);
	const struct mad_packet *reply = world_ask(&w, 1, &packet);

	(void)state;
	assert_int_equal(reply->slid, 0x10);
	assert_int_equal(reply->dlid, 0x11);
	assert_int_equal(
		mad_get_field((void *)(uintptr_t)(reply->mad + 64), 0, IB_PC_XMT_PKTS_F),
		30);
}

static void answer_has_the_pkey_of_who_is_asked(void **state)
{
	struct mad_packet packet;

	(void)state;
	world_set_pkeys(&w, 0, 0x7fff, 0);
	packet = to_other(GET);
	assert_int_equal(world_ask(&w, 1, &packet)->pkey, 0x7fff);
	world_set_pkeys(&w, 0, 0x8001, 0);
	world_expect_drop(&w, 1, &packet, GSI_DROP_PARTITION);
}

static void nobody_clears_anothers_counters(void **state)
{
	struct mad_packet packet = to_other(SET);

	(void)state;
	assert_int_equal(world_status(&w, 1, &packet), 0x08);
	process(GET, COUNTERS, 1, 0);
	assert_int_equal(field(IB_PC_XMT_PKTS_F), 30);
	/* Its own it may, by its LID too. */
	packet = world_mad_to(&w, 0, 0, 0x04, SET, COUNTERS);
	packet.mad[65] = 1;
	put_be16(packet.mad + 66, 0xffff);
	assert_int_equal(world_status(&w, 0, &packet), 0);
	process(GET, COUNTERS, 1, 0);
	assert_int_equal(field(IB_PC_XMT_PKTS_F), 0);
}

#define TEST(name) world_test(name, begin, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(class_port_info_tells_extended_width),
		TEST(counters_are_where_perfquery_looks),
		TEST(extended_counters_have_64_bits),
		TEST(counters_that_are_full_stay_so),
		TEST(set_clears_what_is_selected),
		TEST(counters_that_began_anew_are_not_negative),
		TEST(other_ports_and_attributes_are_refused),
		TEST(guest_is_not_disturbed_by_whom_it_is_asked),
		TEST(answer_has_the_pkey_of_who_is_asked),
		TEST(nobody_clears_anothers_counters),
	};

	return cmocka_run_group_tests_name("gsi_pma", tests, NULL, NULL);
}
