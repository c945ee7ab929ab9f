// SPDX-License-Identifier: GPL-2.0-or-later
/* Jobs on a real thread: whose turn it is, and that the loop knows no less of time. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "cm.h"
#include "control/worker.h"

#define JOBS   5
#define SLICES 40

struct counted {
	struct job job; /* first */
	struct worker *worker;
	unsigned int left, number;
};

static pthread_t control;
static unsigned int at_once; /* slices that run; atomic */
static unsigned int order[JOBS * SLICES], num_run;
static unsigned int num_done;

static void slice(struct job *job)
{
	struct counted *c = (struct counted *)job;

	assert_false(pthread_equal(pthread_self(), control));
	assert_int_equal(__atomic_fetch_add(&at_once, 1, __ATOMIC_RELAXED), 0);
	order[num_run++] = c->number; /* by one thread at a time */
	sched_yield();
	__atomic_fetch_sub(&at_once, 1, __ATOMIC_RELAXED);
}

static void after(struct job *job)
{
	struct counted *c = (struct counted *)job;

	assert_true(pthread_equal(pthread_self(), control));
	if (--c->left) {
		jobs_submit(&c->worker->jobs, job);
		return;
	}
	num_done++;
	free(c);
}

static void jobs_take_turns_slice_by_slice(void **state)
{
	struct worker worker;
	uv_loop_t loop;

	(void)state;
	control = pthread_self();
	uv_loop_init(&loop);
	worker_init(&worker, &loop);
	for (unsigned int i = 0; i < JOBS; i++) {
		struct counted *c = calloc(1, sizeof(*c));

		*c = (struct counted){ { slice, after, { 0 } }, &worker, SLICES, i };
		jobs_submit(&worker.jobs, &c->job);
		assert_int_equal(num_done, 0); /* never from within */
	}
	/* It keeps the loop until all is done, and no longer. */
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(num_done, JOBS);
	assert_int_equal(num_run, JOBS * SLICES);
	for (unsigned int i = 0; i < num_run; i++)
		assert_int_equal(order[i], i % JOBS);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static uv_sem_t hold;
static bool held;

static void wait_for_word(struct job *job)
{
	(void)job;
	uv_sem_wait(&hold);
}

static void word_was_given(struct job *job)
{
	(void)job;
	held = false;
}

static unsigned int ticks;

static void on_tick(uv_timer_t *timer)
{
	if (++ticks < 20)
		return;
	assert_true(held);
	uv_sem_post(&hold);
	uv_close((uv_handle_t *)timer, NULL);
}

/* The slice ends when the loop says so: a loop that waited for it would wait for ever. */
static void loop_goes_on_while_a_slice_takes_its_time(void **state)
{
	struct job job = { .slice = wait_for_word, .after = word_was_given };
	struct worker worker;
	uv_timer_t timer;
	uv_loop_t loop;

	(void)state;
	uv_sem_init(&hold, 0);
	held = true;
	uv_loop_init(&loop);
	worker_init(&worker, &loop);
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, on_tick, 0, 1);
	jobs_submit(&worker.jobs, &job);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_false(held);
	assert_int_equal(uv_loop_close(&loop), 0);
	uv_sem_destroy(&hold);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_take_turns_slice_by_slice),
		cmocka_unit_test(loop_goes_on_while_a_slice_takes_its_time),
	};

	alarm(120);
	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
