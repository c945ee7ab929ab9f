// SPDX-License-Identifier: GPL-2.0-or-later
/* The doorbell page: no bell is lost, and no sleeping poller is left asleep. */
#include "cm.h"

#include <pthread.h>
#include <stdlib.h>

#include <xen-ib/doorbell.h>

#include "wakeup.h"

static struct vib_doorbell_page page __attribute__((aligned(VIB_PAGE_SIZE)));

static int clean_page(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	return 0;
}

static void bell_of_every_queue_is_found_where_it_was_rung(void **state)
{
	(void)state;
	for (uint32_t q = 0; q < VIB_DB_QUEUES; q++) {
		uint32_t leaf = q / 64;

		assert_int_equal(vib_doorbell_ring(&page, q), 0);
		for (uint32_t w = 0; w < VIB_DB_SUMMARY_WORDS; w++)
			assert_true(vib_doorbell_take_summary(&page, w) ==
				    (w == leaf / 64 ? 1ull << leaf % 64 : 0));
		assert_true(vib_doorbell_take_leaf(&page, leaf) == 1ull << q % 64);
	}
	for (size_t i = 0; i < sizeof(page); i++)
		assert_int_equal(((uint8_t *)&page)[i], 0);
}

static void bell_rung_twice_is_one_and_taken_once(void **state)
{
	(void)state;
	vib_doorbell_ring(&page, 100);
	vib_doorbell_ring(&page, 100);
	assert_true(vib_doorbell_take_summary(&page, 0) == 1ull << 1);
	assert_true(vib_doorbell_take_leaf(&page, 1) == 1ull << 36);
	assert_true(vib_doorbell_take_summary(&page, 0) == 0);
	assert_true(vib_doorbell_take_leaf(&page, 1) == 0);
}

static void bells_of_one_leaf_and_of_many_do_not_displace_one_another(void **state)
{
	(void)state;
	vib_doorbell_ring(&page, 0);
	vib_doorbell_ring(&page, 63);
	vib_doorbell_ring(&page, 64);
	vib_doorbell_ring(&page, 64 * 64);
	assert_true(vib_doorbell_take_summary(&page, 0) == 3);
	assert_true(vib_doorbell_take_summary(&page, 1) == 1);
	assert_true(vib_doorbell_take_leaf(&page, 0) == (1ull << 63 | 1));
	assert_true(vib_doorbell_take_leaf(&page, 1) == 1);
	assert_true(vib_doorbell_take_leaf(&page, 64) == 1);
}

static void event_is_due_only_while_the_poller_sleeps(void **state)
{
	(void)state;
	assert_false(vib_doorbell_ring(&page, 5));
	vib_doorbell_take_summary(&page, 0);
	vib_doorbell_take_leaf(&page, 0);
	assert_false(vib_doorbell_sleep(&page));
	assert_true(vib_doorbell_ring(&page, 5));
	vib_doorbell_wake(&page);
	assert_false(vib_doorbell_ring(&page, 6));
}

static void poller_does_not_sleep_on_a_bell_in_any_word(void **state)
{
	(void)state;
	for (uint32_t w = 0; w < VIB_DB_SUMMARY_WORDS; w++) {
		vib_doorbell_ring(&page, w * 64 * 64 + 63 * 64);
		assert_true(vib_doorbell_sleep(&page));
		vib_doorbell_wake(&page);
		vib_doorbell_take_summary(&page, w);
		assert_false(vib_doorbell_sleep(&page));
		vib_doorbell_wake(&page);
	}
}

/* ---- threads ----------------------------------------------------------- */

/* Queues of one leaf, so that everyone is after the same two words. */
#define PRODUCERS 2
#define QUEUES    4 /* of each producer */

static int fd;
static uint32_t most; /* bells a producer rings before it waits */
static uint32_t work[PRODUCERS * QUEUES], done[PRODUCERS * QUEUES];
static uint32_t producers_left, rounds[PRODUCERS];
static bool producer_failed[PRODUCERS];

/* Give some queues work, ring, and wait until the poller has seen all of it. */
static void *ring_and_wait(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg, seed = me + 1;
	double end = seconds_now() + RACE_SECONDS;

	do {
		uint32_t round = ++rounds[me], n = 1 + round % most;

		for (uint32_t i = 0; i < n; i++) {
			uint32_t q = me * QUEUES + i;

			jitter(&seed);
			__atomic_store_n(&work[q], round, __ATOMIC_RELEASE);
			if (vib_doorbell_ring(&page, q))
				wakeup_send(fd);
		}
		for (uint32_t i = 0; i < n; i++)
			if (!spin_until(&done[me * QUEUES + i], round))
				producer_failed[me] = true;
	} while (!producer_failed[me] && (rounds[me] % 64 || seconds_now() < end));

	__atomic_fetch_sub(&producers_left, 1, __ATOMIC_SEQ_CST);
	wakeup_send(fd);
	return NULL;
}

/* Returns how many bells there were. */
static uint32_t poll_once(void)
{
	uint32_t bells = 0;

	for (uint32_t w = 0; w < VIB_DB_SUMMARY_WORDS; w++) {
		uint64_t summary = vib_doorbell_take_summary(&page, w);

		for (; summary; summary &= summary - 1) {
			uint32_t leaf = w * 64 + (uint32_t)__builtin_ctzll(summary);
			uint64_t bits = vib_doorbell_take_leaf(&page, leaf);

			for (; bits; bits &= bits - 1) {
				uint32_t q = leaf * 64 + (uint32_t)__builtin_ctzll(bits);
				uint32_t seen =
					__atomic_load_n(&work[q], __ATOMIC_ACQUIRE);

				__atomic_store_n(&done[q], seen, __ATOMIC_RELEASE);
				bells++;
			}
		}
	}
	return bells;
}

static void race(uint32_t producers, bool may_sleep)
{
	pthread_t thread[PRODUCERS];
	uint32_t sleeps = 0, seed = 9, all = 0;
	bool lost = false;

	fd = wakeup_open();
	memset(work, 0, sizeof(work));
	memset(done, 0, sizeof(done));
	memset(rounds, 0, sizeof(rounds));
	memset(producer_failed, 0, sizeof(producer_failed));
	producers_left = producers;
	run_on(pthread_self(), 0);
	for (uintptr_t i = 0; i < producers; i++) {
		assert_int_equal(
			pthread_create(&thread[i], NULL, ring_and_wait, (void *)i), 0);
		run_on(thread[i], 1 + (int)i);
	}

	while (__atomic_load_n(&producers_left, __ATOMIC_SEQ_CST)) {
		if (poll_once() || !may_sleep)
			continue;
		jitter(&seed);
		if (!vib_doorbell_sleep(&page)) {
			sleeps++;
			lost |= !wakeup_wait(fd);
		}
		vib_doorbell_wake(&page);
	}
	for (uint32_t i = 0; i < producers; i++) {
		pthread_join(thread[i], NULL);
		assert_false(producer_failed[i]);
		assert_true(rounds[i] >= 64);
		all += rounds[i];
	}
	assert_false(lost);
	assert_true(!may_sleep || sleeps >= 10);
	print_message("# %u rounds, %u sleeps\n", all, sleeps);
	close(fd);
}

/* With no later bell to make up for the one that is lost. */
static void single_bell_always_reaches_a_poller_about_to_sleep(void **state)
{
	(void)state;
	most = 1;
	race(1, true);
}

static void single_bell_always_reaches_a_poller_that_polls(void **state)
{
	(void)state;
	most = 1;
	race(1, false);
}

static void no_bell_is_lost_among_producers_of_one_leaf(void **state)
{
	(void)state;
	most = QUEUES;
	race(PRODUCERS, true);
}

#define BOTH_ROUNDS 20000

static uint32_t both_started, both_finished;

/* Half of a leaf's queues, at the same time as another rings the other half. */
static void *ring_half(void *arg)
{
	uint32_t first = (uint32_t)(uintptr_t)arg;

	for (uint32_t round = 1; round <= BOTH_ROUNDS; round++) {
		if (!spin_until(&both_started, round))
			break;
		for (uint32_t q = first; q < first + 32; q++)
			vib_doorbell_ring(&page, q);
		__atomic_fetch_add(&both_finished, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void two_producers_of_one_word_do_not_undo_each_other(void **state)
{
	pthread_t thread;
	bool ok = true;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, ring_half, (void *)32), 0);
	run_on(pthread_self(), 0);
	run_on(thread, 1);
	for (uint32_t round = 1; round <= BOTH_ROUNDS; round++) {
		__atomic_store_n(&both_started, round, __ATOMIC_RELEASE);
		for (uint32_t q = 0; q < 32; q++)
			vib_doorbell_ring(&page, q);
		ok &= spin_until(&both_finished, round);
		ok &= vib_doorbell_take_summary(&page, 0) == 1;
		ok &= vib_doorbell_take_leaf(&page, 0) == ~0ull;
	}
	pthread_join(thread, NULL);
	assert_true(ok);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bell_of_every_queue_is_found_where_it_was_rung,
				       clean_page),
		cmocka_unit_test_setup(bell_rung_twice_is_one_and_taken_once, clean_page),
		cmocka_unit_test_setup(
			bells_of_one_leaf_and_of_many_do_not_displace_one_another,
			clean_page),
		cmocka_unit_test_setup(event_is_due_only_while_the_poller_sleeps,
				       clean_page),
		cmocka_unit_test_setup(poller_does_not_sleep_on_a_bell_in_any_word,
				       clean_page),
		cmocka_unit_test_setup(single_bell_always_reaches_a_poller_about_to_sleep,
				       clean_page),
		cmocka_unit_test_setup(single_bell_always_reaches_a_poller_that_polls,
				       clean_page),
		cmocka_unit_test_setup(two_producers_of_one_word_do_not_undo_each_other,
				       clean_page),
		cmocka_unit_test_setup(no_bell_is_lost_among_producers_of_one_leaf,
				       clean_page),
	};

	alarm(120); /* whatever hangs ends as a failure */
	return cmocka_run_group_tests_name("doorbell page", tests, NULL, NULL);
}
