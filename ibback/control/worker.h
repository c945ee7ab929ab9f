/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs on a thread of libuv's pool, one slice at a time: what they do is to map and
 * unmap, for which the kernel lets one thread of a process at a time (mmap_lock). More
 * threads would only make the control thread, which maps too, wait behind several.
 */
#ifndef XEN_IB_IBBACK_WORKER_H
#define XEN_IB_IBBACK_WORKER_H

#include <uv.h>

#include "control/jobs.h"

struct worker {
	struct jobs jobs;
	uv_loop_t *loop;
	uv_work_t work;
	struct job *running; /* NULL: none */
	struct job_queue waiting;
};

/* Its after() functions are called by @loop, which runs for as long as there are jobs. */
void worker_init(struct worker *worker, uv_loop_t *loop);

#endif
