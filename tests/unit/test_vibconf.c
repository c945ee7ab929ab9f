// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of one vib. */
#include "cm.h"

#include <stdio.h>
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

static struct vibconf changes;

static int parse_changes(const char *text)
{
	err[0] = '\0';
	return vibconf_parse_changes(text, &changes, err, sizeof(err));
}

static void what_can_change_may_have_no_value(void **state)
{
	(void)state;
	assert_int_equal(parse_changes("pkey=0x1, gid=, rate=2000M"), 0);
	assert_int_equal(changes.count, 3);
	assert_string_equal(vibconf_get(&changes, "pkey"), "0x0001");
	assert_string_equal(vibconf_get(&changes, "gid"), "");
	assert_string_equal(vibconf_get(&changes, "rate"), "2G");
	assert_int_equal(parse("gid="), -1);
	assert_int_equal(parse_changes("pkey=1"), -1);
	assert_int_equal(parse_changes("link="), 0);
	assert_int_equal(parse_changes("link=up, link="), -1);
}

static void what_cannot_change_is_refused_with_what_to_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_node_count; i++) {
		const struct schema_node *node = &schema_nodes[i];
		char text[64];

		if (!node->config || node->changes)
			continue;
		snprintf(text, sizeof(text), "link=up, %s=", node->config);
		assert_int_equal(parse_changes(text), -1);
		assert_non_null(strstr(err, node->config));
		assert_non_null(strstr(err, "vibctl detach"));
		assert_non_null(strstr(err, " gid pkey link rate max_qp"));
	}
	assert_int_equal(parse_changes("frob=1"), -1);
}

static void changes_are_merged_into_a_text(void **state)
{
	char text[VIBCONF_TEXT_MAX];

	(void)state;
	assert_int_equal(parse("fabric=ib0, gid=fe80::1, pkey=0x8001, backend=dom"), 0);
	assert_int_equal(parse_changes("gid=, pkey=0x8002, max_qp=7"), 0);
	assert_int_equal(vibconf_merge(&conf, &changes, err, sizeof(err)), 0);
	assert_int_equal(vibconf_text(&conf, text, err, sizeof(err)), 0);
	assert_int_equal(parse(text), 0);
	assert_int_equal(conf.count, 4);
	assert_string_equal(vibconf_get(&conf, "fabric"), "ib0");
	assert_null(vibconf_get(&conf, "gid"));
	assert_string_equal(vibconf_get(&conf, "pkey"), "0x8002");
	assert_string_equal(vibconf_get(&conf, "backend"), "dom");
	assert_string_equal(vibconf_get(&conf, "max_qp"), "7");
	assert_int_equal(parse(""), 0);
	assert_int_equal(vibconf_text(&conf, text, err, sizeof(err)), 0);
	assert_string_equal(text, "");
}

static void text_that_is_too_long_is_none(void **state)
{
	char text[VIBCONF_TEXT_MAX], list[VIBCONF_TEXT_MAX] = "pkey";
	size_t n = strlen(list);

	(void)state;
	for (unsigned int i = 1; i < 128; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%c0x%04x",
				      i > 1 ? '/' : '=', 0x8000 + i);
	assert_int_equal(parse(list), 0);
	assert_int_equal(parse_changes("gid=fe80::1111:2222:3333:4444/"
				       "fe80::1111:2222:3333:4445/"
				       "fe80::1111:2222:3333:4446/"
				       "fe80::1111:2222:3333:4447/"
				       "fe80::1111:2222:3333:4448"),
			 0);
	assert_int_equal(vibconf_merge(&conf, &changes, err, sizeof(err)), 0);
	assert_int_equal(vibconf_text(&conf, text, err, sizeof(err)), -1);
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
		cmocka_unit_test(what_can_change_may_have_no_value),
		cmocka_unit_test(what_cannot_change_is_refused_with_what_to_do),
		cmocka_unit_test(changes_are_merged_into_a_text),
		cmocka_unit_test(text_that_is_too_long_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
