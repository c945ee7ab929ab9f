// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ibv_resize_cq(): completions go to another queue from some entry on, and what
 * stands before it in the old one is kept in a backlog.
 */

#include <errno.h>
#include <stdlib.h>

#include "poll.h"
#include "private_cmd34.h"
#include "verbs.h"

struct resize_cq_resp {
	struct ib_uverbs_resize_cq_resp core;
	struct vib_uresp_resize_cq vib;
};
static_assert(offsetof(struct resize_cq_resp, vib) == 8, "uverbs ABI");

/* Under the CQ's lock. */
static int resize(struct vib_cq *cq, int cqe, struct vib_mapping *old)
{
	struct resize_cq_resp resp = {};
	struct ibv_resize_cq cmd;
	struct vib_mapping memory;
	struct vib_queue queue;
	struct vib_cqe *backlog;
	int ret;

	backlog = vib_backlog_alloc(cq);
	if (!backlog)
		return ENOMEM;
	ret = ibv_cmd_resize_cq(&cq->verbs.cq, cqe, &cmd, sizeof(cmd), &resp.core,
				sizeof(resp));
	if (ret) {
		free(backlog);
		return ret;
	}
	vib_backlog_fill(cq, backlog, resp.vib.index);
	/* If that fails, nothing comes any more: the old queue stands still. */
	if (vib_map_queue(cq->ctx, &resp.vib.queue, sizeof(struct vib_cqe), &memory,
			  &queue) < 0)
		return errno;
	*old = cq->memory;
	cq->memory = memory;
	cq->queue = queue;
	return 0;
}

int vib_resize_cq(struct ibv_cq *ibcq, int cqe)
{
	struct vib_cq *cq = to_vib_cq(ibcq);
	struct vib_mapping old = {};
	int ret;

	if (cqe <= 0)
		return EINVAL;
	vib_lock(&cq->lock);
	ret = resize(cq, cqe, &old);
	vib_unlock(&cq->lock);
	vib_unmap(&old);
	return ret;
}
