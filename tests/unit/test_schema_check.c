// SPDX-License-Identifier: GPL-2.0-or-later
/* The validator: what it says, and that the schema agrees with itself. */
#include "cm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "schema/schema.h"
#include "vibconf/vibconf.h"
#include "xen-ib/xenstore.h"

static void defaults_pass_and_are_canonical(void **state)
{
	char out[SCHEMA_VALUE_MAX], err[512];
	size_t configs = 0;

	(void)state;
	for (size_t i = 0; i < schema_node_count; i++) {
		const struct schema_node *n = &schema_nodes[i];

		configs += n->config != NULL;
		assert_ptr_equal(schema_find(n->side, n->key), n);
		assert_non_null(schema_type_text[n->type]);
		if (!n->def)
			continue;
		assert_int_equal(schema_check(n->side, n->key, n->def, err, sizeof(err)),
				 0);
		assert_int_equal(schema_canonical(n, n->def, out, sizeof(out)), 0);
		assert_string_equal(out, n->def);
	}
	assert_in_range(configs, 1, VIBCONF_KEYS_MAX);
}

static void a_refusal_names_key_value_and_what_is_allowed(void **state)
{
	char err[512];

	(void)state;
	assert_int_equal(
		schema_check(SCHEMA_BACKEND, VIB_BE_PKEY, "0x0000", err, sizeof(err)),
		-1);
	assert_int_equal(errno, EINVAL);
	assert_string_equal(err,
			    "pkey=\"0x0000\": the low 15 bits of an entry are zero;"
			    " want P_Keys as 0x and 1 to 4 hexadecimal digits, joined"
			    " by '/'; bit 15 says full member; the low 15 bits are not"
			    " zero; no entry twice; at most 128 entries");
	schema_check(SCHEMA_BACKEND, VIB_BE_LINK, "sideways", err, sizeof(err));
	assert_non_null(strstr(err, "link=\"sideways\""));
	assert_non_null(strstr(err, "auto, up, down"));
	schema_check(SCHEMA_BACKEND, VIB_BE_MAX_QP, "0", err, sizeof(err));
	assert_non_null(strstr(err, "from 1 to 262144"));
	schema_check(SCHEMA_BACKEND, VIB_BE_RATE, "10Gbit", err, sizeof(err));
	assert_string_equal(err, "rate=\"10Gbit\": it is not a rate; want 0, or bits per"
				 " second as a decimal number with or without k, M or G"
				 " for powers of 1000, from 1M to 1000G");
	schema_check(SCHEMA_BACKEND, VIB_BE_PREREG, "64m", err, sizeof(err));
	assert_string_equal(err,
			    "prereg=\"64m\": it is not a size; want 0, all, or bytes"
			    " as a decimal number with or without K, M or G for powers"
			    " of 1024, from 8M to 4G");
	schema_check(SCHEMA_BACKEND, VIB_BE_PREREG, "4M", err, sizeof(err));
	assert_non_null(strstr(err, "it is too small"));
}

static void max_eqs_is_from_1_to_64(void **state)
{
	static const struct {
		const char *value;
		int rc;
	} cases[] = { { "0", -1 }, { "1", 0 }, { "64", 0 }, { "65", -1 }, { "", -1 } };
	char err[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(schema_check(SCHEMA_BACKEND, VIB_BE_MAX_EQS,
					      cases[i].value, err, sizeof(err)),
				 cases[i].rc);
	assert_string_equal(schema_find(SCHEMA_BACKEND, VIB_BE_MAX_EQS)->def, "1");
}

static void a_hostile_value_is_escaped_and_cut(void **state)
{
	char value[600], err[512];

	(void)state;
	memset(value, '\n', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	assert_int_equal(
		schema_check(SCHEMA_FRONTEND, VIB_FE_RING_REF, value, err, sizeof(err)),
		-1);
	assert_null(strchr(err, '\n'));
	assert_non_null(strstr(err, "\\x0a..."));
	assert_non_null(strstr(err, "from 0 to 4294967295"));
}

static void an_unknown_node_is_refused(void **state)
{
	char err[512];

	(void)state;
	assert_int_equal(
		schema_check(SCHEMA_FRONTEND, "pkey", "0xffff", err, sizeof(err)), -1);
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(err, "\"pkey\""));
}

static void a_short_error_buffer_is_enough(void **state)
{
	char err[16];

	(void)state;
	for (size_t size = 1; size <= sizeof(err); size++) {
		memset(err, 'x', sizeof(err));
		schema_check(SCHEMA_BACKEND, VIB_BE_PKEY, "x", err, size);
		assert_true(strnlen(err, size) < size);
	}
}

static void canonical(enum schema_side side, const char *key, const char *value,
		      const char *want)
{
	char out[SCHEMA_VALUE_MAX];

	assert_int_equal(
		schema_canonical(schema_find(side, key), value, out, sizeof(out)), 0);
	assert_string_equal(out, want);
}

static void xenstore_holds_one_form(void **state)
{
	char out[10];

	(void)state;
	canonical(SCHEMA_BACKEND, VIB_BE_PORT_GUID, "0002:C903:000A:1234",
		  "0x0002c903000a1234");
	canonical(SCHEMA_BACKEND, VIB_BE_PKEY, "0x1/0x8001", "0x0001/0x8001");
	canonical(SCHEMA_BACKEND, VIB_BE_GID, "FE80:0:0::1/2001:db8::0:2",
		  "fe80::1/2001:db8::2");
	canonical(SCHEMA_BACKEND, VIB_BE_MAX_QP, "0x10", "16");
	canonical(SCHEMA_BACKEND, VIB_BE_LINK, "up", "up");
	canonical(SCHEMA_BACKEND, VIB_BE_RATE, "10000M", "10G");
	canonical(SCHEMA_BACKEND, VIB_BE_RATE, "1500000k", "1500M");
	canonical(SCHEMA_BACKEND, VIB_BE_RATE, "1234567", "1234567");
	canonical(SCHEMA_BACKEND, VIB_BE_RATE, "1000000M", "1000G");
	canonical(SCHEMA_BACKEND, VIB_BE_RATE, "0k", "0");
	canonical(SCHEMA_BACKEND, VIB_BE_PREREG, "65536K", "64M");
	canonical(SCHEMA_BACKEND, VIB_BE_PREREG, "1536M", "1536M");
	canonical(SCHEMA_BACKEND, VIB_BE_PREREG, "4096M", "4G");
	canonical(SCHEMA_BACKEND, VIB_BE_PREREG, "10000001", "10000001");
	canonical(SCHEMA_BACKEND, VIB_BE_PREREG, "0G", "0");
	canonical(SCHEMA_BACKEND, VIB_BE_PREREG, "all", "all");
	assert_int_equal(schema_canonical(schema_find(SCHEMA_BACKEND, VIB_BE_PORT_GUID),
					  "0x0002c903000a1234", out, sizeof(out)),
			 -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(schema_canonical(schema_find(SCHEMA_BACKEND, VIB_BE_PKEY), "0",
					  out, sizeof(out)),
			 -1);
}

static void the_longest_lists_fit(void **state)
{
	char text[SCHEMA_VALUE_MAX] = "", out[SCHEMA_VALUE_MAX], one[8];

	(void)state;
	for (unsigned int i = 1; i <= SCHEMA_PKEYS_MAX; i++) {
		snprintf(one, sizeof(one), "%s0x%04x", i > 1 ? "/" : "", i);
		strcat(text, one);
	}
	assert_int_equal(schema_canonical(schema_find(SCHEMA_BACKEND, VIB_BE_PKEY), text,
					  out, sizeof(out)),
			 0);
	assert_string_equal(text, out);
	strcat(text, "/0xffff");
	assert_int_equal(schema_canonical(schema_find(SCHEMA_BACKEND, VIB_BE_PKEY), text,
					  out, sizeof(out)),
			 -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_pass_and_are_canonical),
		cmocka_unit_test(a_refusal_names_key_value_and_what_is_allowed),
		cmocka_unit_test(max_eqs_is_from_1_to_64),
		cmocka_unit_test(a_hostile_value_is_escaped_and_cut),
		cmocka_unit_test(an_unknown_node_is_refused),
		cmocka_unit_test(a_short_error_buffer_is_enough),
		cmocka_unit_test(xenstore_holds_one_form),
		cmocka_unit_test(the_longest_lists_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
