// SPDX-License-Identifier: GPL-2.0-or-later
/* Jobs that wait keep nobody else waiting, but those of the same lane. */
#include <pthread.h>
#include <stdlib.h>

#include "cm.h"
#include "control/lane.h"
#include "control/threads.h"

#define JOBS 12

static uv_loop_t loop;
static struct threads threads;
static pthread_barrier_t all;
static pthread_t control;
static unsigned int done[JOBS], num_done, at_once;

struct numbered {
	struct job job; /* first */
	unsigned int number;
	struct lane *again; /* once more there; NULL */
};

static void meet(struct job *job)
{
	(void)job;
	assert_false(pthread_equal(pthread_self(), control));
	pthread_barrier_wait(&all);
}

static void note(struct job *job)
{
	struct numbered *n = (struct numbered *)job;

	assert_true(pthread_equal(pthread_self(), control));
	done[num_done++] = n->number;
	if (n->again)
		jobs_submit(&n->again->jobs, job);
	n->again = NULL;
}

static void begin(void)
{
	num_done = 0;
	control = pthread_self();
	uv_loop_init(&loop);
	threads_init(&threads, &loop);
}

static void finish(void)
{
	uv_run(&loop, UV_RUN_DEFAULT); /* which ends when there are no jobs */
	threads_stop(&threads);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* Each waits for all others: one at a time none would ever end. */
static void all_that_wait_run_at_once(void **state)
{
	struct numbered jobs[JOBS];

	(void)state;
	begin();
	pthread_barrier_init(&all, NULL, JOBS);
	for (unsigned int i = 0; i < JOBS; i++) {
		jobs[i] = (struct numbered){ { .slice = meet, .after = note }, i, NULL };
		jobs_submit(&threads.jobs, &jobs[i].job);
	}
	finish();
	assert_int_equal(num_done, JOBS);
	pthread_barrier_destroy(&all);
}

static void alone(struct job *job)
{
	(void)job;
	assert_int_equal(__atomic_fetch_add(&at_once, 1, __ATOMIC_RELAXED), 0);
	sched_yield();
	__atomic_fetch_sub(&at_once, 1, __ATOMIC_RELAXED);
}

static void those_of_a_lane_run_in_their_order(void **state)
{
	struct numbered jobs[JOBS - 1];
	struct lane lane;

	(void)state;
	begin();
	lane_init(&lane, &threads.jobs);
	for (unsigned int i = 0; i < JOBS - 1; i++) {
		jobs[i] = (struct numbered){ { .slice = alone, .after = note },
					     i,
					     i == 0 ? &lane : NULL };
		jobs_submit(&lane.jobs, &jobs[i].job);
	}
	finish();
	assert_int_equal(num_done, JOBS);
	for (unsigned int i = 0; i < JOBS - 1; i++)
		assert_int_equal(done[i], i);
	assert_int_equal(done[JOBS - 1], 0); /* which came again, behind all */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_wait_run_at_once),
		cmocka_unit_test(those_of_a_lane_run_in_their_order),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
