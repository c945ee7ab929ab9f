// SPDX-License-Identifier: GPL-2.0-or-later
/* How long pollers spin follows from what a wake-up costs. */
#include "cm.h"

#include <sys/prctl.h>

#include "engine/spin.h"

static void spinning_costs_as_much_as_some_wake_ups(void **state)
{
	struct spin spin;

	(void)state;
	spin_for_wake(&spin, 5000);
	assert_int_equal(spin.now, 100000);
	assert_int_equal(spin.most, 400000);
	spin_for_wake(&spin, 150000);
	assert_int_equal(spin.now, 3000000);
}

static uint64_t for_wake(uint64_t wake)
{
	struct spin spin;

	spin_for_wake(&spin, wake);
	assert_int_equal(spin.now, spin.least);
	return spin.now;
}

static void it_has_bounds(void **state)
{
	(void)state;
	assert_int_equal(for_wake(0), 50000);
	assert_int_equal(for_wake(2499), 50000);
	assert_int_equal(for_wake(250001), 5000000);
	assert_int_equal(for_wake(UINT64_MAX), 5000000);
}

static void it_grows_while_work_comes_a_little_late(void **state)
{
	struct spin spin;

	(void)state;
	spin_for_wake(&spin, 5000);
	spin_missed(&spin, 110000);
	assert_int_equal(spin.now, 200000);
	spin_missed(&spin, 150000); /* slept before that for another reason */
	assert_int_equal(spin.now, 200000);
	spin_missed(&spin, 400000);
	assert_int_equal(spin.now, 400000);
	spin_missed(&spin, 400000);
	assert_int_equal(spin.now, 400000);
	spin_missed(&spin, 400001); /* no spin would do */
	assert_int_equal(spin.now, 100000);
}

static void a_fixed_one_stays(void **state)
{
	struct spin spin;

	(void)state;
	spin_fix(&spin, 70000);
	spin_missed(&spin, 70001);
	assert_int_equal(spin.now, 70000);
	spin_missed(&spin, 70000);
	assert_int_equal(spin.now, 70000);
	spin_fix(&spin, 0);
	spin_missed(&spin, 1);
	assert_int_equal(spin.now, 0);
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
		cmocka_unit_test(it_grows_while_work_comes_a_little_late),
		cmocka_unit_test(a_fixed_one_stays),
		cmocka_unit_test(measuring_leaves_the_timer_slack_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
