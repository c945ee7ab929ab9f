// SPDX-License-Identifier: GPL-2.0-or-later
/* Records of domains: kept whole, found again, and bounded. */
#include "cm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provision/record.h"
#include "tempdir.h"

#define UUID "11111111-2222-3333-4444-555555555555"

static struct record record, again;

static int setup(void **state)
{
	(void)state;
	tempdir_make();
	record_init(&record, UUID, "web", 7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_remove();
	return 0;
}

static void a_record_is_found_again(void **state)
{
	const char *dir = tempdir_path("run/domains");

	(void)state;
	record.gone_ms = 5;
	assert_int_equal(record_put(&record, 0, VIB_FROM_XL, "pkey=0x8001", ""), 0);
	assert_int_equal(record_put(&record, 3, VIB_FROM_ATTACH, "x\"\n", "no \\ good"),
			 0);
	assert_int_equal(record_save(dir, &record), 0);
	assert_int_equal(record_load(dir, UUID, &again), 0);
	assert_string_equal(again.uuid, UUID);
	assert_string_equal(again.name, "web");
	assert_int_equal(again.domid, 7);
	assert_int_equal(again.made_ms, record.made_ms);
	assert_int_equal(again.gone_ms, 5);
	assert_int_equal(again.count, 2);
	assert_string_equal(record_find(&again, 0)->text, "pkey=0x8001");
	assert_int_equal(record_find(&again, 0)->source, VIB_FROM_XL);
	assert_string_equal(record_find(&again, 3)->text, "x\"\n");
	assert_string_equal(record_find(&again, 3)->error, "no \\ good");
	assert_null(record_find(&again, 1));
}

static void writing_leaves_nothing_beside_it(void **state)
{
	const char *dir = tempdir_path("run");
	char(*uuids)[UUID_STR_LEN];

	(void)state;
	assert_int_equal(record_save(dir, &record), 0);
	assert_int_equal(access(tempdir_path("run/" UUID ".json.new"), F_OK), -1);
	tempdir_write("run/other.json", "{}", 2);
	tempdir_write("run/" UUID ".json.new", "{}", 2);
	assert_int_equal(records_list(dir, &uuids), 1);
	assert_string_equal(uuids[0], UUID);
	free(uuids);
	assert_int_equal(record_drop(dir, UUID), 0);
	assert_int_equal(record_drop(dir, UUID), 0);
	assert_int_equal(records_list(dir, &uuids), 0);
	free(uuids);
	assert_int_equal(record_load(dir, UUID, &again), -1);
	assert_int_equal(errno, ENOENT);
}

static void no_folder_is_no_records(void **state)
{
	char(*uuids)[UUID_STR_LEN];

	(void)state;
	assert_int_equal(records_list(tempdir_path("none"), &uuids), 0);
	assert_int_equal(record_load(tempdir_path("none"), UUID, &again), -1);
	assert_int_equal(errno, ENOENT);
}

static void what_is_no_record_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"name\":\"a\",\"domid\":99999,\"made\":0,\"gone\":0,\"vibs\":[]}",
		"{\"name\":\"a\",\"domid\":1,\"made\":-1,\"gone\":0,\"vibs\":[]}",
		"{\"name\":\"a\",\"domid\":1,\"made\":0,\"gone\":0,\"vibs\":[{}]}",
		"{\"name\":\"a\",\"domid\":1,\"made\":0,\"gone\":0,\"vibs\":["
		"{\"index\":32,\"text\":\"\",\"source\":\"xl\"}]}",
		"{\"name\":\"a\",\"domid\":1,\"made\":0,\"gone\":0,\"vibs\":["
		"{\"index\":0,\"text\":\"\",\"source\":\"moon\"}]}",
		"{\"name\":\"a\",\"domid\":1,\"made\":0,\"gone\":0,\"vibs\":["
		"{\"index\":0,\"text\":\"\",\"source\":\"xl\"},"
		"{\"index\":0,\"text\":\"\",\"source\":\"xl\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		tempdir_write("run/" UUID ".json", bad[i], strlen(bad[i]));
		assert_int_equal(record_load(tempdir_path("run"), UUID, &again), -1);
		assert_int_equal(errno, EINVAL);
	}
}

static void a_text_too_long_stays_too_long(void **state)
{
	char text[VIBCONF_TEXT_MAX + 100];

	(void)state;
	memset(text, ' ', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	record_put(&record, 0, VIB_FROM_XL, text, "");
	assert_int_equal(record_save(tempdir_path("run"), &record), 0);
	assert_int_equal(record_load(tempdir_path("run"), UUID, &again), 0);
	assert_int_equal(strlen(again.vibs[0].text), VIBCONF_TEXT_MAX);
}

static void text_that_is_not_utf8_does_not_cost_the_record(void **state)
{
	(void)state;
	record_put(&record, 0, VIB_FROM_XL, "fabric=\xff", "bad \xff");
	assert_int_equal(record_save(tempdir_path("run"), &record), 0);
	assert_int_equal(record_load(tempdir_path("run"), UUID, &again), 0);
	assert_string_equal(again.vibs[0].text, "fabric=?");
}

static void entries_are_replaced_and_taken_by_index(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < VIBS_MAX; i++)
		assert_int_equal(record_put(&record, i, VIB_FROM_XL, "", ""), 0);
	assert_int_equal(record_put(&record, 5, VIB_FROM_XL, "link=up", ""), 0);
	assert_int_equal(record.count, VIBS_MAX);
	assert_int_equal(record_put(&record, 99, VIB_FROM_XL, "", ""), -1);
	assert_true(record_take(&record, 4));
	assert_false(record_take(&record, 4));
	assert_int_equal(record.count, VIBS_MAX - 1);
	assert_string_equal(record_find(&record, 5)->text, "link=up");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_record_is_found_again, setup, teardown),
		cmocka_unit_test_setup_teardown(writing_leaves_nothing_beside_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_folder_is_no_records, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_record_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_text_too_long_stays_too_long, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			text_that_is_not_utf8_does_not_cost_the_record, setup, teardown),
		cmocka_unit_test_setup_teardown(entries_are_replaced_and_taken_by_index,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
