// SPDX-License-Identifier: GPL-2.0-or-later
/* Checksums of IPv4, TCP and UDP, and what is not taken for any of them. */
#include "cm.h"

#include <stdlib.h>

#include "engine/ip.h"
#include "naive_ip.h"

/* Memory of exactly @length bytes, so that a sanitizer sees one too many. */
static uint8_t *exact(const uint8_t *packet, uint32_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, packet, length);
	return copy;
}

/* What becomes of @packet, which may be changed. */
static enum ip_sums sums_of(uint8_t *packet, uint32_t length)
{
	uint8_t *copy = exact(packet, length);
	enum ip_sums sums = ip_put_sums(copy, length);

	memcpy(packet, copy, length);
	free(copy);
	return sums;
}

static void sums_are_right_at_every_length(void **state)
{
	static const uint8_t protocols[] = { NAIVE_TCP, NAIVE_UDP };
	uint8_t packet[4096], before[4096];

	(void)state;
	for (int p = 0; p < 2; p++)
		for (uint32_t bytes = TCP_BYTES; bytes < 2048; bytes++) {
			uint32_t length = naive_packet(packet, protocols[p], 0, bytes);
			uint32_t at = AT_L4 + (protocols[p] == NAIVE_TCP ? 16 : 6);

			memcpy(before, packet, length);
			assert_int_equal(sums_of(packet, length), IP_ALL_SUMS);
			assert_true(naive_ip_ok(packet));
			assert_true(naive_l4_ok(packet));
			/* And nothing else has changed. */
			memcpy(before + AT_IP + 10, packet + AT_IP + 10, 2);
			memcpy(before + at, packet + at, 2);
			assert_memory_equal(packet, before, length);
		}
}

static void bytes_of_all_ones_and_all_zeros_are_summed(void **state)
{
	uint8_t packet[4096];

	(void)state;
	for (int ones = 0; ones < 2; ones++)
		for (uint32_t bytes = 0; bytes < 100; bytes++) {
			uint32_t length = naive_packet(packet, NAIVE_TCP, 0,
						       TCP_BYTES + 3900 + bytes);

			memset(packet + AT_L4 + TCP_BYTES, ones ? 0xff : 0, 3900 + bytes);
			assert_int_equal(sums_of(packet, length), IP_ALL_SUMS);
			assert_true(naive_l4_ok(packet));
		}
}

static void options_are_part_of_the_header(void **state)
{
	uint8_t packet[256];

	(void)state;
	for (uint32_t options = 0; options <= 40; options += 4) {
		uint32_t length = naive_packet(packet, NAIVE_TCP, options, 57);

		assert_int_equal(sums_of(packet, length), IP_ALL_SUMS);
		assert_true(naive_ip_ok(packet));
		assert_true(naive_l4_ok(packet));
	}
}

/* RFC 768: 0 says that there is no checksum, so one that is 0 is sent as all ones. */
static void sum_of_udp_is_never_0(void **state)
{
	uint8_t packet[256];
	uint32_t length = naive_packet(packet, NAIVE_UDP, 0, UDP_BYTES + 2);
	uint8_t *udp = packet + AT_L4;

	(void)state;
	be16(udp + UDP_BYTES, 0);
	be16(udp + UDP_BYTES, 0xffff - naive_l4_sum(packet + AT_IP, udp, UDP_BYTES + 2));
	assert_int_equal(sums_of(packet, length), IP_ALL_SUMS);
	assert_int_equal(of_be16(udp + 6), 0xffff);
	assert_true(naive_l4_ok(packet));
}

static void what_lies_behind_a_packet_is_not_summed(void **state)
{
	uint8_t packet[256];
	uint32_t length = naive_packet(packet, NAIVE_TCP, 0, 40);

	(void)state;
	memset(packet + length, 0x77, 13);
	assert_int_equal(sums_of(packet, length + 13), IP_ALL_SUMS);
	assert_true(naive_l4_ok(packet));
	assert_int_equal(packet[length], 0x77);
}

static void udp_may_be_shorter_than_its_packet(void **state)
{
	uint8_t packet[256];
	uint32_t length = naive_packet(packet, NAIVE_UDP, 0, 40);

	(void)state;
	be16(packet + AT_L4 + 4, 29);
	assert_int_equal(sums_of(packet, length), IP_ALL_SUMS);
	assert_true(naive_l4_ok(packet));
}

static void of_fragments_and_other_protocols_only_the_header_is_summed(void **state)
{
	static const struct {
		uint8_t protocol;
		uint16_t fragment;
	} cases[] = {
		{ NAIVE_ICMP, 0 },     { NAIVE_TCP, 0x2000 }, { NAIVE_TCP, 1 },
		{ NAIVE_UDP, 0x1fff }, { NAIVE_UDP, 0x2005 }, { 255, 0 },
	};
	uint8_t packet[256], before[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t length = naive_packet(packet, cases[i].protocol, 0, 33);

		be16(packet + AT_IP + 6, cases[i].fragment);
		memcpy(before, packet, length);
		assert_int_equal(sums_of(packet, length), IP_HEADER_SUM);
		assert_true(naive_ip_ok(packet));
		assert_memory_equal(packet + AT_L4, before + AT_L4, 33);
	}
}

static void flag_that_forbids_fragments_makes_none(void **state)
{
	uint8_t packet[256];
	uint32_t length = naive_packet(packet, NAIVE_UDP, 0, 33);

	(void)state;
	be16(packet + AT_IP + 6, 0xc000);
	assert_int_equal(sums_of(packet, length), IP_ALL_SUMS);
}

/* One byte of a packet of 40 bytes of TCP or UDP, and how long that is. */
static const struct {
	uint8_t protocol, at, value;
	uint8_t length; /* 0: all of it */
} malformed[] = {
	{ NAIVE_TCP, 0, 0x86, 0 },              /* no IPv4 */
	{ NAIVE_TCP, 1, 0x06, 0 },              /* ARP */
	{ NAIVE_TCP, AT_IP, 0x65, 0 },          /* version 6 */
	{ NAIVE_TCP, AT_IP, 0x44, 0 },          /* a header of 16 bytes */
	{ NAIVE_TCP, AT_IP, 0x40, 0 },          /* of none */
	{ NAIVE_TCP, AT_IP + 3, 19, 0 },        /* shorter than its header */
	{ NAIVE_TCP, AT_IP + 3, 61, 0 },        /* longer than what is there */
	{ NAIVE_TCP, AT_IP + 2, 1, 0 },         /* much longer */
	{ NAIVE_TCP, AT_IP + 3, 20 + 19, 0 },   /* no room for TCP's header */
	{ NAIVE_UDP, AT_IP + 3, 20 + 7, 0 },    /* none for UDP's */
	{ NAIVE_UDP, AT_L4 + 5, 7, 0 },         /* UDP shorter than its header */
	{ NAIVE_UDP, AT_L4 + 5, 41, 0 },        /* longer than its packet */
	{ NAIVE_TCP, AT_IP, 0x4f, AT_IP + 59 }, /* options beyond the end */
	{ NAIVE_TCP, 2, 0, 1 },                 /* hardly anything */
	{ NAIVE_TCP, 2, 0, AT_L4 - 1 },         /* no whole header */
	{ NAIVE_UDP, 2, 0, AT_L4 },             /* nothing behind it */
};

static void what_is_malformed_is_said_to_be(void **state)
{
	uint8_t packet[256];

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++) {
		uint32_t length = naive_packet(packet, malformed[i].protocol, 0, 40);

		packet[malformed[i].at] = malformed[i].value;
		if (malformed[i].length)
			length = malformed[i].length;
		assert_int_equal(sums_of(packet, length), IP_MALFORMED);
	}
	assert_int_equal(sums_of(packet, 0), IP_MALFORMED);
}

/* Is what @packet begins with a header for LSO? */
static bool is_header(const uint8_t *packet, uint32_t length)
{
	uint8_t *copy = exact(packet, length);
	bool is = ip_is_tcp_header(copy, length);

	free(copy);
	return is;
}

static void header_of_tcp_ends_where_its_data_begin(void **state)
{
	uint8_t packet[256];

	(void)state;
	for (uint32_t options = 0; options <= 40; options += 4)
		for (uint32_t tcp = 20; tcp <= 60; tcp += 4) {
			uint32_t length = naive_packet(packet, NAIVE_TCP, options, tcp);

			packet[AT_L4 + options + 12] = (uint8_t)(tcp / 4 << 4);
			assert_true(is_header(packet, length));
			for (uint32_t other = 0; other < length + 20; other++)
				if (other != length)
					assert_false(is_header(packet, other));
		}
}

static void other_headers_are_none_of_tcp(void **state)
{
	static const struct {
		uint8_t at, value;
	} wrong[] = {
		{ 0, 0 },
		{ 1, 6 },
		{ AT_IP, 0x55 },
		{ AT_IP, 0x44 },
		{ AT_IP, 0x46 },
		{ AT_IP + 9, NAIVE_UDP },
		{ AT_IP + 6, 0x20 },
		{ AT_IP + 7, 1 },
		{ AT_L4 + 12, 0x40 },
		{ AT_L4 + 12, 0 },
		{ AT_L4 + 12, 0x60 },
		{ AT_L4 + 12, 0xf0 },
	};
	uint8_t packet[256];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		uint32_t length = naive_packet(packet, NAIVE_TCP, 0, TCP_BYTES);

		assert_true(is_header(packet, length));
		packet[wrong[i].at] = wrong[i].value;
		assert_false(is_header(packet, length));
	}
}

static void cuts_have_what_differs_from_packet_to_packet(void **state)
{
	uint8_t packet[256];
	uint32_t length = naive_packet(packet, NAIVE_TCP, 4, TCP_BYTES);
	uint8_t *ip = packet + AT_IP, *tcp = ip + 24;

	(void)state;
	tcp[13] = 0xff;
	ip_cut(packet, length, 3, 3000, 1000, false);
	assert_int_equal(of_be16(ip + 2), 24 + TCP_BYTES + 1000);
	assert_int_equal(of_be16(ip + 4), 1); /* 0xfffe and 3 */
	assert_int_equal(of_be32(tcp + 4), 3000 - 256);
	assert_int_equal(tcp[13], 0xff & ~(0x80 | 0x09));

	naive_packet(packet, NAIVE_TCP, 4, TCP_BYTES);
	tcp[13] = 0xff;
	ip_cut(packet, length, 0, 0, 1000, false);
	assert_int_equal(of_be16(ip + 4), 0xfffe);
	assert_int_equal(of_be32(tcp + 4), 0xffffff00);
	assert_int_equal(tcp[13], 0xff & ~0x09);

	tcp[13] = 0xff;
	ip_cut(packet, length, 1, 10, 1, true);
	assert_int_equal(tcp[13], 0x7f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_right_at_every_length),
		cmocka_unit_test(bytes_of_all_ones_and_all_zeros_are_summed),
		cmocka_unit_test(options_are_part_of_the_header),
		cmocka_unit_test(sum_of_udp_is_never_0),
		cmocka_unit_test(what_lies_behind_a_packet_is_not_summed),
		cmocka_unit_test(udp_may_be_shorter_than_its_packet),
		cmocka_unit_test(
			of_fragments_and_other_protocols_only_the_header_is_summed),
		cmocka_unit_test(flag_that_forbids_fragments_makes_none),
		cmocka_unit_test(what_is_malformed_is_said_to_be),
		cmocka_unit_test(header_of_tcp_ends_where_its_data_begin),
		cmocka_unit_test(other_headers_are_none_of_tcp),
		cmocka_unit_test(cuts_have_what_differs_from_packet_to_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
