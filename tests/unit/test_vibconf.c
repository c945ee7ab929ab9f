// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of one vib. */
#include "cm.h"

#include <string.h>

#include "vibconf/vibconf.h"

static struct vibconf conf;
static char err[512];

static int parse(const char *text)
{
	err[0] = '\0';
	return vibconf_parse(text, &conf, err, sizeof(err));
}

static void nothing_is_all_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_int_equal(conf.count, 0);
	assert_int_equal(parse(" \t"), 0);
	assert_int_equal(conf.count, 0);
}

static void keys_become_canonical_nodes(void **state)
{
	(void)state;
	assert_int_equal(parse("fabric=ib0, pkey=0x8001/0x1"), 0);
	assert_int_equal(conf.count, 2);
	assert_string_equal(conf.items[0].node->key, "fabric");
	assert_string_equal(vibconf_get(&conf, "fabric"), "ib0");
	assert_string_equal(vibconf_get(&conf, "pkey"), "0x8001/0x0001");
	assert_null(vibconf_get(&conf, "link"));
}

static void blanks_around_commas_and_equals_do_not_matter(void **state)
{
	(void)state;
	assert_int_equal(parse("  fabric =  ib0 \t,max_qp= 7  "), 0);
	assert_string_equal(vibconf_get(&conf, "fabric"), "ib0");
	assert_string_equal(vibconf_get(&conf, "max_qp"), "7");
}

static void prereg_is_all_or_a_size(void **state)
{
	(void)state;
	assert_int_equal(parse("prereg=all"), 0);
	assert_string_equal(vibconf_get(&conf, "prereg"), "all");
	assert_int_equal(parse("prereg=65536K"), 0);
	assert_string_equal(vibconf_get(&conf, "prereg"), "64M");
	assert_int_equal(parse("prereg=some"), -1);
	assert_non_null(strstr(err, "prereg=\"some\": it is not a number; want 0, all,"));
	assert_int_equal(parse("prereg=1M"), -1);
	assert_non_null(strstr(err, "from 8M to 4G"));
}

static void a_backend_is_a_name_or_a_number(void **state)
{
	(void)state;
	assert_int_equal(parse("backend=ibdom"), 0);
	assert_string_equal(vibconf_get(&conf, "backend"), "ibdom");
	assert_int_equal(parse("backend=3"), 0);
	assert_int_equal(parse("backend=a/b"), -1);
	assert_non_null(strstr(err, "backend="));
}

static void an_unknown_key_lists_those_there_are(void **state)
{
	(void)state;
	assert_int_equal(parse("fabrik=ib0"), -1);
	assert_non_null(strstr(err, "\"fabrik\""));
	assert_non_null(strstr(err, "fabric"));
	assert_non_null(strstr(err, "port_guid"));
	assert_non_null(strstr(err, "backend"));
	/* The xenstore spelling is not the config's. */
	assert_int_equal(parse("port-guid=0x0002c903000a1234"), -1);
	/* Nor can a config set what is not its own. */
	assert_int_equal(parse("state=4"), -1);
}

static void a_key_given_twice_is_refused(void **state)
{
	(void)state;
	assert_int_equal(parse("pkey=0x1, pkey=0x1"), -1);
	assert_non_null(strstr(err, "pkey is given twice"));
}

static void what_is_no_list_of_pairs_is_refused(void **state)
{
	static const char *const bad[] = {
		"fabric", ",",       "fabric=a,",         "=a",
		"=",      "fabric=", "fabric=a pkey=0x1", "fabric=a;pkey=0x1"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(parse(bad[i]), -1);
		assert_true(strlen(err) > 0);
	}
}

static void a_bad_value_is_named_by_its_config_key(void **state)
{
	(void)state;
	assert_int_equal(parse("port_guid=0x0"), -1);
	assert_memory_equal(err, "port_guid=\"0x0\": ", 17);
}

static void the_text_is_bounded(void **state)
{
	char text[VIBCONF_TEXT_MAX + 1];

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "fabric=a", 8);
	text[VIBCONF_TEXT_MAX - 1] = '\0';
	assert_int_equal(parse(text), 0);
	text[VIBCONF_TEXT_MAX - 1] = ' ';
	text[VIBCONF_TEXT_MAX] = '\0';
	assert_int_equal(parse(text), -1);
	assert_non_null(strstr(err, "longer than 1023"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_all_defaults),
		cmocka_unit_test(keys_become_canonical_nodes),
		cmocka_unit_test(blanks_around_commas_and_equals_do_not_matter),
		cmocka_unit_test(prereg_is_all_or_a_size),
		cmocka_unit_test(a_backend_is_a_name_or_a_number),
		cmocka_unit_test(an_unknown_key_lists_those_there_are),
		cmocka_unit_test(a_key_given_twice_is_refused),
		cmocka_unit_test(what_is_no_list_of_pairs_is_refused),
		cmocka_unit_test(a_bad_value_is_named_by_its_config_key),
		cmocka_unit_test(the_text_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
