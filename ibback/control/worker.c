// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/worker.h"

#include <stddef.h>

static void run_next(struct worker *worker);

static void run(uv_work_t *work)
{
	struct worker *worker = work->data;

	worker->running->slice(worker->running);
}

static void was_run(uv_work_t *work, int status)
{
	struct worker *worker = work->data;
	struct job *job = worker->running;

	(void)status; /* nothing cancels it */
	worker->running = NULL;
	job->after(job);
	run_next(worker);
}

/* after() may have begun another already. */
static void run_next(struct worker *worker)
{
	if (worker->running || TAILQ_EMPTY(&worker->waiting))
		return;
	worker->running = TAILQ_FIRST(&worker->waiting);
	TAILQ_REMOVE(&worker->waiting, worker->running, entry);
	/* Fails only without a function to call. */
	(void)uv_queue_work(worker->loop, &worker->work, run, was_run);
}

static void submit(struct jobs *jobs, struct job *job)
{
	struct worker *worker = (struct worker *)jobs; /* its first member */

	TAILQ_INSERT_TAIL(&worker->waiting, job, entry);
	run_next(worker);
}

void worker_init(struct worker *worker, uv_loop_t *loop)
{
	*worker = (struct worker){ .jobs = { submit }, .loop = loop };
	worker->work.data = worker;
	TAILQ_INIT(&worker->waiting);
}
