// SPDX-License-Identifier: GPL-2.0-or-later
/* What is mapped of some files goes, and with it their open descriptions. */
#include "cm.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "locked_file.h"
#include "mapped_files.h"
#include "tempdir.h"

static int setup(void **state)
{
	(void)state;
	tempdir_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_remove();
	return 0;
}

static bool is_mapped(void *p)
{
	return msync(p, PAGE, MS_ASYNC) == 0;
}

static void files_of_the_prefix_are_unmapped_and_closed(void **state)
{
	void *a, *b, *other;

	(void)state;
	a = map_locked("dev/uverbs0", 0);
	b = map_locked("dev/uverbs1", 1);
	other = map_locked("dev/gntdev", 0);
	assert_true(is_open("dev/uverbs0"));
	assert_int_equal(mapped_files_unmap(tempdir_path("dev/uverbs")), 2);
	assert_false(is_mapped(a));
	assert_false(is_mapped(b));
	assert_true(is_mapped(other));
	assert_false(is_open("dev/uverbs0"));
	assert_false(is_open("dev/uverbs1"));
	assert_true(is_open("dev/gntdev"));
	munmap(other, PAGE);
}

static void shorter_and_other_names_stay(void **state)
{
	void *shorter, *elsewhere;

	(void)state;
	shorter = map_locked("dev/uverb", 0);
	elsewhere = map_locked("other/dev/uverbs0", 0);
	assert_int_equal(mapped_files_unmap(tempdir_path("dev/uverbs")), 0);
	assert_int_equal(mapped_files_unmap("/dev/infiniband/uverbs"), 0);
	assert_true(is_mapped(shorter));
	assert_true(is_mapped(elsewhere));
	munmap(shorter, PAGE);
	munmap(elsewhere, PAGE);
}

static void names_with_blanks_and_files_removed_count(void **state)
{
	void *blanks, *gone;

	(void)state;
	blanks = map_locked("a b/uverbs 0", 0);
	gone = map_locked("a b/uverbs1", 0);
	unlink(tempdir_path("a b/uverbs1"));
	assert_int_equal(mapped_files_unmap(tempdir_path("a b/uverbs")), 2);
	assert_false(is_mapped(blanks));
	assert_false(is_mapped(gone));
}

/* More text than is read at once, in lines that are cut anywhere. */
static void hundreds_are_unmapped(void **state)
{
	enum { MANY = 300 };
	void *p[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		char name[64];

		if (i % 2)
			snprintf(name, sizeof(name), "many/stay%d", i);
		else
			snprintf(name, sizeof(name), "many/uverbs%.*d", 3 + i % 40, i);
		p[i] = map_locked(name, i % 4);
	}
	assert_int_equal(mapped_files_unmap(tempdir_path("many/uverbs")), MANY / 2);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(is_mapped(p[i]), i % 2);
		if (i % 2)
			munmap(p[i], PAGE);
	}
}

static void errno_is_left_alone(void **state)
{
	(void)state;
	errno = EDOM;
	mapped_files_unmap("/dev/infiniband/uverbs");
	assert_int_equal(errno, EDOM);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(files_of_the_prefix_are_unmapped_and_closed),
		T(shorter_and_other_names_stay),
		T(names_with_blanks_and_files_removed_count),
		T(hundreds_are_unmapped),
		T(errno_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
