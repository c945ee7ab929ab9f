// SPDX-License-Identifier: GPL-2.0-or-later
/* Jobs that wait keep nobody else waiting, but those of the same lane. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cm.h"
#include "control/lane.h"
#include "control/threads.h"

#define JOBS 12

static uv_loop_t loop;
static struct threads threads;
static pthread_barrier_t all;
static pthread_t control;
static unsigned int done[JOBS], num_done, at_once;

/* ---- the system's ------------------------------------------------------ */

static bool no_threads, impatient;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *arg), void *arg)
{
	return no_threads ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
				  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
				  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock,
				  const struct timespec *until)
{
	const struct timespec past = { 0 };

	return __real_pthread_cond_timedwait(
		cond, lock,
		__atomic_load_n(&impatient, __ATOMIC_RELAXED) ? &past : until);
}

/* ---- jobs -------------------------------------------------------------- */

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
	assert_int_equal(threads_init(&threads, &loop), 0);
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

static void nothing(struct job *job)
{
	(void)job;
}

static unsigned int count_threads(void)
{
	unsigned int n;

	pthread_mutex_lock(&threads.lock);
	n = threads.num_threads;
	pthread_mutex_unlock(&threads.lock);
	return n;
}

/* Those that had nothing to do have ended. */
static void all_are_done_where_there_can_be_no_more_threads(void **state)
{
	struct numbered jobs[JOBS];

	(void)state;
	begin();
	pthread_barrier_init(&all, NULL, 3);
	for (unsigned int i = 0; i < 3; i++) {
		jobs[i] = (struct numbered){ { .slice = meet, .after = note }, i, NULL };
		jobs_submit(&threads.jobs, &jobs[i].job);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	pthread_barrier_destroy(&all);
	__atomic_store_n(&impatient, true, __ATOMIC_RELAXED);
	pthread_mutex_lock(&threads.lock);
	pthread_cond_broadcast(&threads.more);
	pthread_mutex_unlock(&threads.lock);
	for (unsigned int i = 0; i < 5000 && count_threads() > 1; i++)
		usleep(1000);
	usleep(20000);
	assert_int_equal(count_threads(), 1);
	__atomic_store_n(&impatient, false, __ATOMIC_RELAXED);
	no_threads = true;
	num_done = 0;
	for (unsigned int i = 0; i < JOBS; i++) {
		jobs[i] =
			(struct numbered){ { .slice = nothing, .after = note }, i, NULL };
		jobs_submit(&threads.jobs, &jobs[i].job);
	}
	finish();
	no_threads = false;
	assert_int_equal(num_done, JOBS);
}

static void one_thread_there_is_or_none_begins(void **state)
{
	uv_loop_t other;
	struct threads t;

	(void)state;
	uv_loop_init(&other);
	no_threads = true;
	assert_int_equal(threads_init(&t, &other), -1);
	assert_int_equal(errno, EAGAIN);
	no_threads = false;
	assert_int_equal(uv_loop_close(&other), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_wait_run_at_once),
		cmocka_unit_test(those_of_a_lane_run_in_their_order),
		cmocka_unit_test(all_are_done_where_there_can_be_no_more_threads),
		cmocka_unit_test(one_thread_there_is_or_none_begins),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
