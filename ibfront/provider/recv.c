// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Posting receive requests, to QPs and to SRQs.
 */

#include "send.h"
#include "verbs.h"
#include "wq.h"

static int put_recv(struct vib_queue *queue, uint32_t max_sge,
		    const struct ibv_recv_wr *wr)
{
	uint32_t num_sge = (uint32_t)wr->num_sge;

	if (vib_unlikely(num_sge > max_sge || !vib_recv_fits(queue, num_sge)))
		return EINVAL;
	vib_put_recv(vib_queue_next_slot(queue), wr->wr_id, num_sge, wr->sg_list);
	return 0;
}

int vib_post_recv(struct ibv_qp *ibqp, struct ibv_recv_wr *wr,
		  struct ibv_recv_wr **bad_wr)
{
	struct vib_qp *qp = to_vib_qp(ibqp);
	struct vib_wq *rq = &qp->rq;
	uint32_t from;
	int ret = 0;

	vib_lock(&rq->lock);
	from = rq->queue.index;
	if (vib_unlikely(qp->verbs.qp.state == IBV_QPS_RESET || qp->verbs.qp.srq))
		ret = EINVAL;
	for (; !ret && wr; wr = wr->next) {
		if (vib_unlikely(!vib_wq_room(rq, rq->queue.index)))
			ret = ENOMEM;
		else
			ret = put_recv(&rq->queue, rq->max_sge, wr);
		if (vib_unlikely(ret))
			break;
		vib_wq_produce(rq, rq->queue.index + 1);
	}
	if (rq->queue.index != from)
		vib_wq_ring(qp, rq, from);
	vib_unlock(&rq->lock);
	if (vib_unlikely(ret))
		*bad_wr = wr;
	return ret;
}

/* Many QPs take from an SRQ, in no order that one of them knows: its header tells. */
int vib_post_srq_recv(struct ibv_srq *ibsrq, struct ibv_recv_wr *wr,
		      struct ibv_recv_wr **bad_wr)
{
	struct vib_srq *srq = to_vib_srq(ibsrq);
	uint32_t from;
	int ret = 0;

	vib_lock(&srq->lock);
	from = srq->queue.index;
	for (; wr; wr = wr->next) {
		if (vib_unlikely(vib_queue_may_produce(&srq->queue) <= 0))
			ret = ENOMEM;
		else
			ret = put_recv(&srq->queue, srq->max_sge, wr);
		if (vib_unlikely(ret))
			break;
		vib_queue_produce(&srq->queue);
	}
	/* Where an HCA has receives of it the backend wants to be told. */
	if (srq->queue.index != from && vib_queue_must_notify(&srq->queue, from) &&
	    vib_doorbell_ring(srq->doorbell, srq->db_index))
		vib_wake(srq->ctx);
	vib_unlock(&srq->lock);
	if (vib_unlikely(ret))
		*bad_wr = wr;
	return ret;
}
