// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The queues and completions of a QP that is reset or destroyed.
 */

#include "poll.h"
#include "qp.h"

/* Pollers of the queue's CQ are kept out. */
static void reset_wq(struct vib_wq *wq)
{
	if (!wq->memory.addr)
		return;
	vib_lock(&wq->lock);
	memset(wq->memory.addr, 0, vib_queue_bytes(wq->queue.order, wq->queue.stride));
	vib_queue_init(&wq->queue, wq->memory.addr, wq->queue.order, wq->queue.stride);
	wq->posted = 0;
	wq->done = 0;
	vib_unlock(&wq->lock);
}

/* No CQ: there is no such queue either. */
static void reset(struct ibv_cq *ibcq, struct vib_qp *qp, struct vib_wq *wq)
{
	struct vib_cq *cq = to_vib_cq(ibcq);

	if (!cq)
		return;
	vib_lock(&cq->lock);
	vib_cq_purge(cq, qp);
	reset_wq(wq);
	vib_unlock(&cq->lock);
}

void vib_qp_reset(struct vib_qp *qp)
{
	reset(qp->verbs.qp.send_cq, qp, &qp->sq);
	reset(qp->verbs.qp.recv_cq, qp, &qp->rq);
}

static void leave(struct ibv_cq *ibcq, struct vib_qp *qp)
{
	struct vib_cq *cq = to_vib_cq(ibcq);

	if (!cq)
		return;
	vib_lock(&cq->lock);
	vib_cq_purge(cq, qp);
	vib_unlock(&cq->lock);
	vib_cq_del_qp(cq, qp);
}

void vib_qp_leave_cqs(struct vib_qp *qp)
{
	leave(qp->verbs.qp.send_cq, qp);
	if (qp->verbs.qp.recv_cq != qp->verbs.qp.send_cq)
		leave(qp->verbs.qp.recv_cq, qp);
}
