// SPDX-License-Identifier: GPL-2.0-or-later
/* The backend's next step, for every situation of the two sides. */
#include "cm.h"
#include "control/lifecycle.h"

static const struct lifecycle_view offered = {
	.backend = XENBUS_INIT_WAIT,
	.frontend = XENBUS_INITIALISING,
	.online = true,
	.offered = true,
};

static const struct lifecycle_view connected = {
	.backend = XENBUS_CONNECTED,
	.frontend = XENBUS_CONNECTED,
	.online = true,
	.offered = true,
	.session_answered = true,
	.connected = true,
};

static void new_device_is_offered(void **state)
{
	struct lifecycle_view v = { .backend = XENBUS_INITIALISING,
				    .frontend = XENBUS_INITIALISING,
				    .online = true };
	(void)state;
	assert_int_equal(lifecycle_next(&v), STEP_OFFER);
}

static void restarted_daemon_offers_whatever_the_old_states(void **state)
{
	(void)state;
	for (int be = XENBUS_UNKNOWN; be <= XENBUS_CLOSED; be++)
		for (int fe = XENBUS_INITIALISING; fe <= XENBUS_CLOSED; fe++) {
			struct lifecycle_view v = { .backend = be,
						    .frontend = fe,
						    .online = true };
			assert_int_equal(lifecycle_next(&v), STEP_OFFER);
		}
}

static void connects_only_to_an_answer_to_its_own_session(void **state)
{
	struct lifecycle_view v = offered;

	(void)state;
	v.frontend = XENBUS_INITIALISED;
	assert_int_equal(lifecycle_next(&v), STEP_NONE);
	v.session_answered = true;
	assert_int_equal(lifecycle_next(&v), STEP_CONNECT);
	v.frontend = XENBUS_CONNECTED; /* of an earlier life */
	assert_int_equal(lifecycle_next(&v), STEP_NONE);
}

static void waits_for_the_frontend(void **state)
{
	(void)state;
	assert_int_equal(lifecycle_next(&offered), STEP_NONE);
	assert_int_equal(lifecycle_next(&connected), STEP_NONE);
}

static void disconnects_when_the_frontend_leaves(void **state)
{
	static const enum xenbus left[] = { XENBUS_UNKNOWN, XENBUS_INITIALISING,
					    XENBUS_INIT_WAIT, XENBUS_CLOSING,
					    XENBUS_CLOSED };
	struct lifecycle_view v = connected;

	(void)state;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		v.frontend = left[i];
		v.online = true;
		assert_int_equal(lifecycle_next(&v), STEP_DISCONNECT);
		v.online = false;
		assert_int_equal(lifecycle_next(&v), STEP_DISCONNECT);
	}
}

static void offers_again_after_a_module_reload(void **state)
{
	struct lifecycle_view v = { .backend = XENBUS_CONNECTED,
				    .frontend = XENBUS_CLOSED,
				    .online = true };
	(void)state;
	assert_int_equal(lifecycle_next(&v), STEP_OFFER);
}

static void unplug_waits_for_a_working_frontend_to_close(void **state)
{
	struct lifecycle_view v = connected;

	(void)state;
	v.online = false;
	assert_int_equal(lifecycle_next(&v), STEP_CLOSING);
	v.backend = XENBUS_CLOSING;
	assert_int_equal(lifecycle_next(&v), STEP_NONE);
	v.frontend = XENBUS_CLOSING;
	assert_int_equal(lifecycle_next(&v), STEP_DISCONNECT);
	v.connected = false;
	assert_int_equal(lifecycle_next(&v), STEP_NONE);
	v.frontend = XENBUS_CLOSED;
	assert_int_equal(lifecycle_next(&v), STEP_CLOSED);
	v.backend = XENBUS_CLOSED;
	assert_int_equal(lifecycle_next(&v), STEP_NONE);
}

static void unplug_without_a_driver_closes_at_once(void **state)
{
	struct lifecycle_view v = offered;

	(void)state;
	v.online = false;
	v.backend = XENBUS_CLOSING; /* the toolstack's write */
	assert_int_equal(lifecycle_next(&v), STEP_CLOSED);
}

static void vanished_frontend_closes(void **state)
{
	struct lifecycle_view v = offered;

	(void)state;
	v.frontend = XENBUS_UNKNOWN;
	assert_int_equal(lifecycle_next(&v), STEP_CLOSED);
	v.backend = XENBUS_CLOSED;
	assert_int_equal(lifecycle_next(&v), STEP_NONE);
}

static void nothing_is_offered_or_closed_while_memory_is_unmapped(void **state)
{
	(void)state;
	for (int be = XENBUS_UNKNOWN; be <= XENBUS_CLOSED; be++)
		for (int fe = XENBUS_UNKNOWN; fe <= XENBUS_CLOSED; fe++)
			for (int flags = 0; flags < 4; flags++) {
				struct lifecycle_view v = { .backend = be,
							    .frontend = fe,
							    .online = flags & 1,
							    .broken = flags & 2 };
				enum lifecycle_step step = lifecycle_next(&v), now;

				v.unmapping = true;
				now = lifecycle_next(&v);
				if (step == STEP_OFFER)
					assert_int_equal(now, STEP_NONE);
				else if (step == STEP_CLOSED)
					assert_int_equal(now, STEP_LEAVE);
				else
					assert_int_equal(now, step);
			}
}

static void broken_device_is_never_offered(void **state)
{
	(void)state;
	for (int be = XENBUS_UNKNOWN; be <= XENBUS_CLOSED; be++)
		for (int fe = XENBUS_UNKNOWN; fe <= XENBUS_CLOSED; fe++)
			for (int answered = 0; answered < 2; answered++) {
				struct lifecycle_view v = { .backend = be,
							    .frontend = fe,
							    .online = true,
							    .broken = true,
							    .offered = true,
							    .session_answered =
								    answered };
				enum lifecycle_step step = lifecycle_next(&v);

				assert_int_not_equal(step, STEP_OFFER);
				assert_int_not_equal(step, STEP_CONNECT);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_device_is_offered),
		cmocka_unit_test(restarted_daemon_offers_whatever_the_old_states),
		cmocka_unit_test(connects_only_to_an_answer_to_its_own_session),
		cmocka_unit_test(waits_for_the_frontend),
		cmocka_unit_test(disconnects_when_the_frontend_leaves),
		cmocka_unit_test(offers_again_after_a_module_reload),
		cmocka_unit_test(unplug_waits_for_a_working_frontend_to_close),
		cmocka_unit_test(unplug_without_a_driver_closes_at_once),
		cmocka_unit_test(vanished_frontend_closes),
		cmocka_unit_test(nothing_is_offered_or_closed_while_memory_is_unmapped),
		cmocka_unit_test(broken_device_is_never_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
