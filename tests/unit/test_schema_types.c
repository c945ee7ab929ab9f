// SPDX-License-Identifier: GPL-2.0-or-later
/* The schema's parsers: what they take, and what they refuse. */
#include "cm.h"

#include <string.h>

#include "schema/schema.h"

static void numbers_within_bounds(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(schema_parse_uint("4096", 1, 4096, &v, NULL), 0);
	assert_int_equal(v, 4096);
	assert_int_equal(schema_parse_uint("0x1000", 1, 4096, &v, NULL), 0);
	assert_int_equal(v, 4096);
	assert_int_equal(
		schema_parse_uint("18446744073709551615", 0, UINT64_MAX, &v, NULL), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(schema_parse_uint("0", 1, 4096, &v, NULL), -1);
	assert_int_equal(schema_parse_uint("4097", 1, 4096, &v, NULL), -1);
}

static void numbers_that_are_none(void **state)
{
	static const char *const bad[] = { "",
					   "-1",
					   " 1",
					   "1 ",
					   "+1",
					   "1x",
					   "0x",
					   "0xg",
					   "0X1",
					   "1.0",
					   "\xd9\xa1",
					   "18446744073709551616",
					   "0x10000000000000000" };
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(schema_parse_uint(bad[i], 0, UINT64_MAX, &v, NULL), -1);
}

static void rates_with_and_without_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t rate;
	} good[] = {
		{ "0", 0 },
		{ "0G", 0 },
		{ "1000000", 1000000 },
		{ "1000k", 1000000 },
		{ "200M", 200000000 },
		{ "010G", 10000000000 },
		{ "1000G", 1000000000000 },
	};
	static const char *const bad[] = {
		"",
		"k",
		"M1",
		"1m",
		"1g",
		"1K",
		"1T",
		"-1",
		"+1G",
		" 1G",
		"1G ",
		"1 G",
		"1.5G",
		"1e9",
		"0x1",
		"10Gb",
		"10GG",
		"1kM",
		"999999",
		"999k",
		"1001G",
		"1",
		"1k",
		"\xd9\xa1",
		"1000000000001",
		"18446744073709551616",
		"18446744074G",
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(
			schema_parse_rate(good[i].text, 1000000, 1000000000000, &v, NULL),
			0);
		assert_true(v == good[i].rate);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
			schema_parse_rate(bad[i], 1000000, 1000000000000, &v, NULL), -1);
	assert_int_equal(
		schema_parse_rate("18446744073709551615", 0, UINT64_MAX, &v, NULL), 0);
	assert_int_equal(schema_parse_rate("18446744073710M", 0, UINT64_MAX, &v, NULL),
			 -1);
}

static void sizes_with_and_without_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {
		{ "0", 0 },
		{ "0G", 0 },
		{ "all", SCHEMA_SIZE_ALL },
		{ "8388608", 8u << 20 },
		{ "8192K", 8u << 20 },
		{ "64M", 64u << 20 },
		{ "1G", 1u << 30 },
		{ "4G", 1ull << 32 },
	};
	static const char *const bad[] = {
		"",     "K",    "8388607", "8191K",    "7M",   "5G",           "64m",
		"64k",  "64g",  "64T",     "64MB",     "64 M", "-1",           "ALL",
		"all ", "alle", "al",      "0x800000", "1.5G", "17179869184G", "none"
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(
			schema_parse_size(good[i].text, 8u << 20, 1ull << 32, &v, NULL),
			0);
		assert_true(v == good[i].size);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
			schema_parse_size(bad[i], 8u << 20, 1ull << 32, &v, NULL), -1);
}

static void guids_in_both_spellings(void **state)
{
	uint64_t a, b;

	(void)state;
	assert_int_equal(schema_parse_guid("0x0002c903000A1234", &a, NULL), 0);
	assert_int_equal(schema_parse_guid("0002:c903:000a:1234", &b, NULL), 0);
	assert_true(a == UINT64_C(0x0002c903000a1234) && a == b);
}

static void guids_that_are_none(void **state)
{
	static const char *const bad[] = {
		"",
		"0x0",
		"0x0000000000000000",
		"0xffffffffffffffff",
		"0x0102c903000a1234", /* the group bit */
		"0x0002c903000a12345",
		"0x0002c903000a123",
		"0002c903000a1234",
		"0002:c903:000a:1234:",
		"0002:c903:000a",
		"02:c9:03:0a",
		"0002:c903:000a:123",
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(schema_parse_guid(bad[i], &v, NULL), -1);
}

static void pkeys_in_order(void **state)
{
	uint16_t p[3];

	(void)state;
	assert_int_equal(schema_parse_pkeys("0x8001/0x7fff/0x1", p, 3, NULL), 3);
	assert_int_equal(p[0], 0x8001);
	assert_int_equal(p[1], 0x7fff);
	assert_int_equal(p[2], 0x0001);
}

static void pkeys_that_are_none(void **state)
{
	static const char *const bad[] = { "",         "0x",      "0x0",
					   "0x8000",   "8001",    "0x10001",
					   "0x1/",     "/0x1",    "0x1//2",
					   "0x1/0x01", "0x1,0x2", "0x1/0x2/0x3/0x4" };
	uint16_t p[3];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(schema_parse_pkeys(bad[i], p, 3, NULL), -1);
}

static void gids_in_network_order(void **state)
{
	static const uint8_t first[16] = { 0xfe, 0x80, [15] = 0x12 };
	uint8_t g[2][16];

	(void)state;
	assert_int_equal(schema_parse_gids("fe80::12/2001:DB8::1", g, 2, NULL), 2);
	assert_memory_equal(g[0], first, 16);
	assert_int_equal(g[1][0], 0x20);
}

static void gids_that_are_none(void **state)
{
	static const char *const bad[] = {
		"",
		"::",
		"ff12::1",
		"fe80::1/",
		"fe80::1/fe80:0::1",
		"fe80::1%eth",
		"10.0.0.1",
		"fe80",
		"fe80::1/fe80::2/fe80::3",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001",
	};
	uint8_t g[2][16];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(schema_parse_gids(bad[i], g, 2, NULL), -1);
}

static void words(void **state)
{
	char longest[33];

	(void)state;
	assert_int_equal(schema_parse_name("ib0.a_b-c", NULL), 0);
	assert_int_equal(schema_parse_name("", NULL), -1);
	assert_int_equal(schema_parse_name(".a", NULL), -1);
	assert_int_equal(schema_parse_name("-a", NULL), -1);
	assert_int_equal(schema_parse_name("a/b", NULL), -1);
	memset(longest, 'a', sizeof(longest));
	longest[31] = '\0';
	assert_int_equal(schema_parse_name(longest, NULL), 0);
	longest[31] = 'a';
	longest[32] = '\0';
	assert_int_equal(schema_parse_name(longest, NULL), -1);

	assert_int_equal(schema_parse_domain("web 1", NULL), -1);
	assert_int_equal(schema_parse_domain("../x", NULL), -1);
	assert_int_equal(schema_parse_domain("web-1", NULL), 0);
	assert_int_equal(schema_parse_path("/local/domain/0", NULL), 0);
	assert_int_equal(schema_parse_path("/local//0", NULL), -1);
	assert_int_equal(schema_parse_path("/local/", NULL), -1);
	assert_int_equal(schema_parse_path("local", NULL), -1);
	assert_int_equal(schema_parse_path("/a/../b", NULL), -1);
	assert_int_equal(schema_parse_text("all is well", NULL), 0);
	assert_int_equal(schema_parse_text("a\nb", NULL), -1);
	assert_int_equal(schema_parse_text("a\x80", NULL), -1);
}

static void sessions(void **state)
{
	uint64_t s;

	(void)state;
	assert_int_equal(schema_parse_session("00000000000000ff", &s, NULL), 0);
	assert_int_equal(s, 0xff);
	assert_int_equal(schema_parse_session("ff", &s, NULL), -1);
	assert_int_equal(schema_parse_session("00000000000000ff0", &s, NULL), -1);
}

static void quoting_makes_one_line_that_fits(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(schema_quote("a\"\n\xff", out, sizeof(out)),
			    "\"a\\x22\\x0a\\xff\"");
	schema_quote("\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f", out,
		     sizeof(out));
	assert_true(strlen(out) < sizeof(out));
	assert_non_null(strstr(out, "...\""));
	for (size_t size = 8; size <= sizeof(out); size++) {
		schema_quote("0123456789012345678901234567890123456789", out, size);
		assert_true(strlen(out) < size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_within_bounds),
		cmocka_unit_test(numbers_that_are_none),
		cmocka_unit_test(rates_with_and_without_a_unit),
		cmocka_unit_test(sizes_with_and_without_a_unit),
		cmocka_unit_test(guids_in_both_spellings),
		cmocka_unit_test(guids_that_are_none),
		cmocka_unit_test(pkeys_in_order),
		cmocka_unit_test(pkeys_that_are_none),
		cmocka_unit_test(gids_in_network_order),
		cmocka_unit_test(gids_that_are_none),
		cmocka_unit_test(words),
		cmocka_unit_test(sessions),
		cmocka_unit_test(quoting_makes_one_line_that_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
