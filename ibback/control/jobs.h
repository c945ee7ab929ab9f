/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: what the control thread has others do because it sleeps. A job is done in
 * slices of a few milliseconds. Each is run once per jobs_submit(), in the order of
 * submission; who has more to do submits it again, and so queues behind everybody
 * else. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_JOBS_H
#define XEN_IB_IBBACK_JOBS_H

#include <sys/queue.h>

struct job {
	/*
	 * One slice, on a worker: a thread that may touch the job and what it is
	 * about, and nothing else. It is no reader of RCU.
	 */
	void (*slice)(struct job *job);
	/* It was run. On the control thread; may submit the job again, or free it. */
	void (*after)(struct job *job);
	TAILQ_ENTRY(job) entry; /* the runner's */
};

TAILQ_HEAD(job_queue, job);

/* Who runs them: worker.h, or a test. */
struct jobs {
	void (*submit)(struct jobs *jobs, struct job *job);
};

/* Have the next slice of @job run, which is neither waiting nor running. Its after()
 * is not called from within.
 */
static inline void jobs_submit(struct jobs *jobs, struct job *job)
{
	jobs->submit(jobs, job);
}

#endif
