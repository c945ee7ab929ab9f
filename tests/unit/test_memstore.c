// SPDX-License-Identifier: GPL-2.0-or-later
/* The xenstore in memory: nodes, transactions, watches. */
#include <errno.h>
#include <stdlib.h>

#include "cm.h"
#include "xenport/local/watchqueue.h"

struct fixture {
	struct memstore *s;
	struct watch_queue q;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->s = memstore_new();
	assert_non_null(f->s);
	assert_int_equal(watch_queue_open(&f->q), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	memstore_free(f->s);
	watch_queue_close(&f->q);
	free(f);
	return 0;
}

static void assert_value(struct fixture *f, xenport_tx tx, const char *path,
			 const char *value)
{
	char buf[64];

	if (!value) {
		assert_int_equal(memstore_read(f->s, tx, path, buf, sizeof(buf)), -1);
		assert_int_equal(errno, ENOENT);
		return;
	}
	assert_int_equal(memstore_read(f->s, tx, path, buf, sizeof(buf)), strlen(value));
	assert_string_equal(buf, value);
}

/* The next event is this one; none is left with NULL. */
static void assert_event(struct fixture *f, const char *path)
{
	char is[XENPORT_PATH_MAX], token[32];
	int rc = watch_queue_take(&f->q, is, sizeof(is), token, sizeof(token));

	assert_int_equal(rc, path ? 1 : 0);
	if (path)
		assert_string_equal(is, path);
}

static void watch(struct fixture *f, const char *path)
{
	assert_int_equal(memstore_watch(f->s, &f->q.watcher, path, "t"), 0);
	assert_event(f, path);
}

static void writing_makes_parents_and_removing_takes_children(void **state)
{
	struct fixture *f = *state;
	char **names;

	assert_int_equal(memstore_write(f->s, 0, "/a/b/c", "1"), 0);
	assert_int_equal(memstore_write(f->s, 0, "/a/b/d", "2"), 0);
	assert_int_equal(memstore_write(f->s, 0, "/a/e", "3"), 0);
	assert_value(f, 0, "/a/b", "");
	assert_int_equal(memstore_find(f->s, 0, "/")->size, 6);
	assert_int_equal(memstore_list(f->s, 0, "/a/b", &names), 2);
	assert_string_equal(names[0], "c");
	assert_string_equal(names[1], "d");
	free(names);

	assert_int_equal(memstore_rm(f->s, 0, "/a/b"), 0);
	assert_value(f, 0, "/a/b/c", NULL);
	assert_value(f, 0, "/a/e", "3");
	assert_int_equal(memstore_find(f->s, 0, "/")->size, 3);
	assert_int_equal(memstore_list(f->s, 0, "/a/b", &names), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(memstore_rm(f->s, 0, "/a/b"), 0); /* again is no error */
}

static void a_name_that_begins_another_is_not_it(void **state)
{
	struct fixture *f = *state;

	memstore_write(f->s, 0, "/ab/x", "1");
	assert_value(f, 0, "/a", NULL);
	assert_value(f, 0, "/abc", NULL);
	watch(f, "/a");
	memstore_write(f->s, 0, "/ab/y", "1");
	assert_event(f, NULL);
}

static void relative_paths_are_below_domain_0(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memstore_write(f->s, 0, "domid", "0"), 0);
	assert_value(f, 0, "/local/domain/0/domid", "0");
	assert_value(f, 0, "domid", "0");
}

static void what_is_no_path_is_refused(void **state)
{
	static const char *const bad[] = { "",     "//",   "/a//b", "/a/",  "/a/../b",
					   "/a b", "/a\n", "a/",    "/\xff" };
	struct fixture *f = *state;
	char path[XENPORT_PATH_MAX + 1], value[XENPORT_VALUE_MAX + 2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(memstore_write(f->s, 0, bad[i], "1"), -1);
		assert_int_equal(errno, EINVAL);
		assert_int_equal(memstore_watch(f->s, &f->q.watcher, bad[i], ""), -1);
	}
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[XENPORT_PATH_MAX] = '\0';
	assert_int_equal(memstore_write(f->s, 0, path, "1"), -1);
	path[XENPORT_PATH_MAX - 1] = '\0';
	assert_int_equal(memstore_write(f->s, 0, path, "1"), 0);

	memset(value, 'v', sizeof(value));
	value[XENPORT_VALUE_MAX + 1] = '\0';
	assert_int_equal(memstore_write(f->s, 0, "/a", value), -1);
	value[XENPORT_VALUE_MAX] = '\0';
	assert_int_equal(memstore_write(f->s, 0, "/a", value), 0);
	assert_int_equal(memstore_rm(f->s, 0, "/"), -1);
}

static void a_small_buffer_is_told_so(void **state)
{
	struct fixture *f = *state;
	char buf[4];

	memstore_write(f->s, 0, "/a", "1234");
	assert_int_equal(memstore_read(f->s, 0, "/a", buf, 4), -1);
	assert_int_equal(errno, EMSGSIZE);
}

static void children_inherit_permissions(void **state)
{
	const struct xenport_perms perms = { .owner = 3, .reader = 4 };
	struct fixture *f = *state;

	memstore_write(f->s, 0, "/a/old", "1");
	assert_int_equal(memstore_mkdir(f->s, 0, "/a", &perms), 0);
	memstore_write(f->s, 0, "/a/new", "1");
	assert_int_equal(memstore_find(f->s, 0, "/a/new")->perms.owner, 3);
	assert_int_equal(memstore_find(f->s, 0, "/a/new")->perms.reader, 4);
	assert_int_equal(memstore_find(f->s, 0, "/a/old")->perms.owner, 0);
	memstore_write(f->s, 0, "/a", "kept");
	assert_int_equal(memstore_find(f->s, 0, "/a")->perms.owner, 3);
	assert_int_equal(memstore_mkdir(f->s, 0, "/a", &perms), 0);
	assert_value(f, 0, "/a", "kept");
}

static void a_transaction_is_seen_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	xenport_tx tx;

	memstore_write(f->s, 0, "/a", "1");
	memstore_write(f->s, 0, "/gone", "1");
	watch(f, "/a");
	assert_int_equal(memstore_tx_begin(f->s, &tx), 0);
	memstore_write(f->s, tx, "/a", "2");
	memstore_write(f->s, tx, "/a/b", "3");
	memstore_rm(f->s, tx, "/gone");
	assert_value(f, tx, "/a", "2");
	assert_value(f, tx, "/gone", NULL);
	assert_value(f, 0, "/a", "1");
	assert_value(f, 0, "/a/b", NULL);
	assert_event(f, NULL);
	assert_int_equal(memstore_tx_end(f->s, tx, true), 0);
	assert_value(f, 0, "/a", "2");
	assert_value(f, 0, "/gone", NULL);
	assert_event(f, "/a");
	assert_event(f, "/a/b");
	assert_event(f, NULL);

	assert_int_equal(memstore_tx_begin(f->s, &tx), 0);
	memstore_write(f->s, tx, "/a", "4");
	assert_int_equal(memstore_tx_end(f->s, tx, false), 0);
	assert_value(f, 0, "/a", "2");
	assert_event(f, NULL);
	assert_int_equal(memstore_tx_end(f->s, tx, true), -1);
	assert_int_equal(memstore_write(f->s, tx, "/a", "5"), -1);
}

static void a_disturbed_transaction_is_to_be_done_again(void **state)
{
	struct fixture *f = *state;
	xenport_tx tx, other;

	assert_int_equal(memstore_tx_begin(f->s, &tx), 0);
	assert_int_equal(memstore_tx_begin(f->s, &other), 0);
	memstore_write(f->s, tx, "/a", "1");
	memstore_write(f->s, other, "/b", "2");
	assert_int_equal(memstore_tx_end(f->s, other, true), 0);
	assert_int_equal(memstore_tx_end(f->s, tx, true), -1);
	assert_int_equal(errno, EAGAIN);
	assert_value(f, 0, "/a", NULL);
	assert_value(f, 0, "/b", "2");
	assert_int_equal(memstore_tx_begin(f->s, &tx), 0); /* left to memstore_free() */
	memstore_write(f->s, tx, "/c", "3");
}

static void watches_fire_for_what_is_below_and_for_removal_above(void **state)
{
	struct fixture *f = *state;

	memstore_write(f->s, 0, "/a/b/c", "1");
	watch(f, "/a/b");
	memstore_write(f->s, 0, "/a", "1");
	memstore_write(f->s, 0, "/a/x", "1");
	assert_event(f, NULL);
	memstore_write(f->s, 0, "/a/b", "1");
	assert_event(f, "/a/b");
	memstore_write(f->s, 0, "/a/b/c/d", "1");
	assert_event(f, "/a/b/c/d");
	memstore_rm(f->s, 0, "/a");
	assert_event(f, "/a");
	memstore_rm(f->s, 0, "/a"); /* nothing there, nothing said */
	assert_event(f, NULL);
	watch(f, "/");
	memstore_write(f->s, 0, "/x", "1");
	assert_event(f, "/x");
	memstore_announce(f->s, "@introduceDomain");
	assert_event(f, NULL);
	assert_int_equal(memstore_unwatch(f->s, &f->q.watcher, "/", "t"), 0);
	watch(f, "@releaseDomain");
	memstore_announce(f->s, "@releaseDomain");
	assert_event(f, "@releaseDomain");
	memstore_announce(f->s, "@introduceDomain");
	assert_event(f, NULL);
}

static void an_ended_watch_is_silent(void **state)
{
	struct fixture *f = *state;

	watch(f, "/a");
	assert_int_equal(memstore_unwatch(f->s, &f->q.watcher, "/a", "other"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(memstore_unwatch(f->s, &f->q.watcher, "/a", "t"), 0);
	memstore_write(f->s, 0, "/a", "1");
	assert_event(f, NULL);
	watch(f, "/a");
	watch(f, "/b");
	memstore_unwatch_all(f->s, &f->q.watcher);
	memstore_write(f->s, 0, "/a", "1");
	assert_event(f, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writing_makes_parents_and_removing_takes_children),
		TEST(a_name_that_begins_another_is_not_it),
		TEST(relative_paths_are_below_domain_0),
		TEST(what_is_no_path_is_refused),
		TEST(a_small_buffer_is_told_so),
		TEST(children_inherit_permissions),
		TEST(a_transaction_is_seen_whole_or_not_at_all),
		TEST(a_disturbed_transaction_is_to_be_done_again),
		TEST(watches_fire_for_what_is_below_and_for_removal_above),
		TEST(an_ended_watch_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
