// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Completions that a queue held when another took its place.
 */

#include <stdlib.h>

#include "poll.h"

struct vib_cqe *vib_backlog_alloc(const struct vib_cq *cq)
{
	return malloc((cq->backlog_end - cq->backlog_next + vib_queue_depth(&cq->queue)) *
		      sizeof(struct vib_cqe));
}

void vib_backlog_fill(struct vib_cq *cq, struct vib_cqe *backlog, uint32_t end)
{
	uint32_t n = 0, depth = vib_queue_depth(&cq->queue);
	uint32_t left = end - cq->queue.index;

	while (cq->backlog_next != cq->backlog_end)
		backlog[n++] = cq->backlog[cq->backlog_next++];
	for (left = left < depth ? left : depth; left; left--) {
		if (!vib_cq_next(cq, &backlog[n]))
			break;
		n++;
	}
	free(cq->backlog);
	cq->backlog = backlog;
	cq->backlog_next = 0;
	cq->backlog_end = n;
}
