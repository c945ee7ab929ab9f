/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs that are run when a test says so, slice by slice, in this thread. */
#ifndef XEN_IB_TESTS_BY_STEP_H
#define XEN_IB_TESTS_BY_STEP_H

#include <stdbool.h>

#include "control/jobs.h"

struct by_step {
	struct jobs jobs; /* first */
	struct job_queue waiting;
};

static inline void by_step_submit(struct jobs *jobs, struct job *job)
{
	struct by_step *s = (struct by_step *)jobs;

	TAILQ_INSERT_TAIL(&s->waiting, job, entry);
}

static inline void by_step_init(struct by_step *s)
{
	s->jobs.submit = by_step_submit;
	TAILQ_INIT(&s->waiting);
}

/* One slice of the job that waits longest. false: there is none. */
static inline bool by_step(struct by_step *s)
{
	struct job *job = TAILQ_FIRST(&s->waiting);

	if (!job)
		return false;
	TAILQ_REMOVE(&s->waiting, job, entry);
	job->slice(job);
	job->after(job);
	return true;
}

static inline void by_steps(struct by_step *s)
{
	while (by_step(s))
		;
}

#endif
