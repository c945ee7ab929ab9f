/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs that wait for others than this machine: an HCA's firmware, or the network's answer
 * to who has an address, a second for each that nobody has. Each that is submitted runs
 * at once, on a thread of its own or one that has nothing to do; so nobody waits for
 * anybody else's, unless there can be no more threads; one there is always. How many there are is for who submits to bound: lane.h.
 */
#ifndef XEN_IB_IBBACK_THREADS_H
#define XEN_IB_IBBACK_THREADS_H

#include <pthread.h>
#include <stdbool.h>

#include <uv.h>

#include "control/jobs.h"

struct threads {
	struct jobs jobs;
	uv_async_t done;
	unsigned int pending; /* jobs whose after() is to come; the control thread's */

	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_cond_t ended;
	struct job_queue waiting, finished;
	unsigned int num_waiting, num_threads, num_idle;
	bool stop;
};

/*
 * after() of its jobs is called by @loop, which runs for as long as there are jobs. -1 and
 * errno: there can be no thread.
 */
int threads_init(struct threads *threads, uv_loop_t *loop);

/* There are no jobs: end the threads. The loop then has to run once more. */
void threads_stop(struct threads *threads);

#endif
