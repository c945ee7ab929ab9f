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

void vib_qp_reset(struct vib_qp *qp)
{
	struct vib_cq *send_cq = to_vib_cq(qp->verbs.qp.send_cq);
	struct vib_cq *recv_cq = to_vib_cq(qp->verbs.qp.recv_cq);

	vib_lock(&send_cq->lock);
	vib_cq_purge(send_cq, qp);
	reset_wq(&qp->sq);
	vib_unlock(&send_cq->lock);

	vib_lock(&recv_cq->lock);
	vib_cq_purge(recv_cq, qp);
	reset_wq(&qp->rq);
	vib_unlock(&recv_cq->lock);
}

static void leave(struct vib_cq *cq, struct vib_qp *qp)
{
	vib_lock(&cq->lock);
	vib_cq_purge(cq, qp);
	vib_unlock(&cq->lock);
	vib_cq_del_qp(cq, qp);
}

void vib_qp_leave_cqs(struct vib_qp *qp)
{
	struct vib_cq *send_cq = to_vib_cq(qp->verbs.qp.send_cq);
	struct vib_cq *recv_cq = to_vib_cq(qp->verbs.qp.recv_cq);

	leave(send_cq, qp);
	if (recv_cq != send_cq)
		leave(recv_cq, qp);
}
