// SPDX-License-Identifier: GPL-2.0-or-later
/* How long pollers spin follows from what a wake-up costs. */
#include "cm.h"

#include <sys/prctl.h>

#include "engine/spin.h"

static void spinning_costs_as_much_as_some_wake_ups(void **state)
{
	(void)state;
	assert_int_equal(spin_for_wake(5000), 100000);
	assert_int_equal(spin_for_wake(150000), 3000000);
}

static void it_has_bounds(void **state)
{
	(void)state;
	assert_int_equal(spin_for_wake(0), 50000);
	assert_int_equal(spin_for_wake(2499), 50000);
	assert_int_equal(spin_for_wake(250001), 5000000);
	assert_int_equal(spin_for_wake(UINT64_MAX), 5000000);
}

static void measuring_leaves_the_timer_slack_as_it_was(void **state)
{
	(void)state;
	assert_int_equal(prctl(PR_SET_TIMERSLACK, 70000ul), 0);
	/* The clock stands still, so naps take no time at all. */
	assert_int_equal(spin_measure_wake(), 0);
	assert_int_equal(prctl(PR_GET_TIMERSLACK), 70000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spinning_costs_as_much_as_some_wake_ups),
		cmocka_unit_test(it_has_bounds),
		cmocka_unit_test(measuring_leaves_the_timer_slack_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
