/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lane: jobs that are done one after the other, each to its end, by whoever runs the
 * lane's. So they may share what they are about, and a guest whose jobs take long waits
 * for its own.
 */
#ifndef XEN_IB_IBBACK_LANE_H
#define XEN_IB_IBBACK_LANE_H

#include "control/jobs.h"

struct lane {
	struct jobs jobs;    /* submit here */
	struct jobs *runner; /* and it is run there */
	struct job job;
	struct job *running; /* NULL: none */
	struct job_queue waiting;
};

void lane_init(struct lane *lane, struct jobs *runner);

#endif
