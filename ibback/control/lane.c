// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/lane.h"

#include <stddef.h>

#include <urcu/compiler.h>

static void run_next(struct lane *lane)
{
	if (lane->running || TAILQ_EMPTY(&lane->waiting))
		return;
	lane->running = TAILQ_FIRST(&lane->waiting);
	TAILQ_REMOVE(&lane->waiting, lane->running, entry);
	jobs_submit(lane->runner, &lane->job);
}

static void slice(struct job *job)
{
	struct lane *lane = caa_container_of(job, struct lane, job);

	lane->running->slice(lane->running);
}

/* The last job's after() may end whatever has the lane: nothing of it is touched then. */
static void after(struct job *job)
{
	struct lane *lane = caa_container_of(job, struct lane, job);
	struct job *done = lane->running;

	lane->running = NULL;
	run_next(lane);
	done->after(done);
}

static void submit(struct jobs *jobs, struct job *job)
{
	struct lane *lane = caa_container_of(jobs, struct lane, jobs);

	TAILQ_INSERT_TAIL(&lane->waiting, job, entry);
	run_next(lane);
}

void lane_init(struct lane *lane, struct jobs *runner)
{
	*lane = (struct lane){ .jobs = { submit },
			       .runner = runner,
			       .job = { .slice = slice, .after = after } };
	TAILQ_INIT(&lane->waiting);
}
