// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/threads.h"

#include <errno.h>
#include <time.h>

#include <urcu/compiler.h>

/* A thread that had nothing to do for so long ends, if it is not the last. */
#define IDLE_SECONDS 10

static struct threads *threads_of(struct jobs *jobs)
{
	return caa_container_of(jobs, struct threads, jobs);
}

/* ---- a thread ---------------------------------------------------------- */

static bool wait_a_while(struct threads *t)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += IDLE_SECONDS;
	return pthread_cond_timedwait(&t->more, &t->lock, &until) != ETIMEDOUT;
}

/* Is there a job? Else the thread ends. The lock is held. */
static bool wait_for_job(struct threads *t)
{
	bool told = true;

	t->num_idle++;
	while (TAILQ_EMPTY(&t->waiting) && !t->stop && (told || t->num_threads == 1))
		told = wait_a_while(t);
	t->num_idle--;
	return !TAILQ_EMPTY(&t->waiting);
}

static void *run(void *arg)
{
	struct threads *t = arg;
	struct job *job;

	pthread_mutex_lock(&t->lock);
	while (!TAILQ_EMPTY(&t->waiting) || wait_for_job(t)) {
		job = TAILQ_FIRST(&t->waiting);
		TAILQ_REMOVE(&t->waiting, job, entry);
		t->num_waiting--;
		pthread_mutex_unlock(&t->lock);
		job->slice(job);
		pthread_mutex_lock(&t->lock);
		TAILQ_INSERT_TAIL(&t->finished, job, entry);
		uv_async_send(&t->done);
	}
	t->num_threads--;
	pthread_cond_signal(&t->ended);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* One more; those there are do the work if there cannot be. The lock is held. An errno.
 */
static int begin_thread(struct threads *t)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attr, run, t);
	t->num_threads += error == 0;
	pthread_attr_destroy(&attr);
	return error;
}

/* ---- the control thread ------------------------------------------------ */

static struct job *take_finished(struct threads *t)
{
	struct job *job;

	pthread_mutex_lock(&t->lock);
	job = TAILQ_FIRST(&t->finished);
	if (job)
		TAILQ_REMOVE(&t->finished, job, entry);
	pthread_mutex_unlock(&t->lock);
	return job;
}

static void on_done(uv_async_t *done)
{
	struct threads *t = done->data;
	struct job *job;

	while ((job = take_finished(t))) {
		if (--t->pending == 0)
			uv_unref((uv_handle_t *)done);
		job->after(job);
	}
}

static void destroy(struct threads *t)
{
	pthread_cond_destroy(&t->more);
	pthread_cond_destroy(&t->ended);
	pthread_mutex_destroy(&t->lock);
}

static void submit(struct jobs *jobs, struct job *job)
{
	struct threads *t = threads_of(jobs);

	if (t->pending++ == 0)
		uv_ref((uv_handle_t *)&t->done);
	pthread_mutex_lock(&t->lock);
	TAILQ_INSERT_TAIL(&t->waiting, job, entry);
	if (++t->num_waiting > t->num_idle)
		(void)begin_thread(t);
	pthread_cond_signal(&t->more);
	pthread_mutex_unlock(&t->lock);
}

int threads_init(struct threads *t, uv_loop_t *loop)
{
	int error;

	*t = (struct threads){ .jobs = { submit } };
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->more, NULL);
	pthread_cond_init(&t->ended, NULL);
	TAILQ_INIT(&t->waiting);
	TAILQ_INIT(&t->finished);
	pthread_mutex_lock(&t->lock);
	error = begin_thread(t);
	pthread_mutex_unlock(&t->lock);
	if (error) {
		destroy(t);
		errno = error;
		return -1;
	}
	uv_async_init(loop, &t->done, on_done);
	t->done.data = t;
	uv_unref((uv_handle_t *)&t->done);
	return 0;
}

void threads_stop(struct threads *t)
{
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_broadcast(&t->more);
	while (t->num_threads)
		pthread_cond_wait(&t->ended, &t->lock);
	pthread_mutex_unlock(&t->lock);
	uv_close((uv_handle_t *)&t->done, NULL);
	destroy(t);
}
