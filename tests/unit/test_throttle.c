// SPDX-License-Identifier: GPL-2.0-or-later
/* The bound on what a guest can make the backend do. */
#include "cm.h"
#include "control/throttle.h"

static void only_so_many_in_a_window(void **state)
{
	struct throttle t;

	(void)state;
	throttle_init(&t, 3, 100);
	for (int i = 0; i < 3; i++)
		assert_int_equal(throttle_take(&t, 1000), 0);
	assert_int_equal(throttle_take(&t, 1000), 100);
	assert_int_equal(throttle_take(&t, 1099), 1);
	assert_int_equal(throttle_take(&t, 1100), 0);
}

static void quiet_time_is_not_saved_up(void **state)
{
	struct throttle t;

	(void)state;
	throttle_init(&t, 2, 100);
	assert_int_equal(throttle_take(&t, 5000), 0);
	assert_int_equal(throttle_take(&t, 90000), 0);
	assert_int_equal(throttle_take(&t, 90000), 0);
	assert_int_not_equal(throttle_take(&t, 90000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_so_many_in_a_window),
		cmocka_unit_test(quiet_time_is_not_saved_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
