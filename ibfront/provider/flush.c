// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Objects that are lost, as their backend has gone: nobody executes what is
 * outstanding, so who polls completes it, as flushed and in order. Requests that
 * are posted afterwards as well.
 */

#include "poll.h"

/* The oldest outstanding request of a queue, or NULL. What it says is no pointer. */
static const void *oldest(const struct vib_wq *wq)
{
	if (!wq->memory.addr || !vib_wq_outstanding(wq))
		return NULL;
	return vib_slot_at(&wq->queue, wq->done);
}

/* @cqe NULL: only look. */
static bool flush_qp(const struct vib_cq *cq, struct vib_qp *qp, struct vib_cqe *cqe)
{
	const struct vib_send_wqe *send = NULL;
	const struct vib_recv_wqe *recv = NULL;
	struct vib_wq *wq = NULL;
	uint64_t wr_id = 0;

	if (qp->verbs.qp.send_cq == &cq->verbs.cq)
		send = oldest(&qp->sq);
	if (!send && qp->verbs.qp.recv_cq == &cq->verbs.cq)
		recv = oldest(&qp->rq);
	if (send) {
		wq = &qp->sq;
		wr_id = send->wr_id;
	} else if (recv) {
		wq = &qp->rq;
		wr_id = recv->wr_id;
	}
	if (!wq || !cqe)
		return wq;

	memset(cqe, 0, sizeof(*cqe));
	cqe->qpn = qp->verbs.qp.qp_num;
	cqe->db_index = (__u16)qp->db_index;
	cqe->wr_id = wr_id;
	cqe->wqe_index = wq->done;
	cqe->status = VIB_WC_WR_FLUSH_ERR;
	cqe->opcode = VIB_OP_SEND;
	cqe->flags = recv ? VIB_CQE_RECV : 0;
	vib_wq_complete(wq, wq->done);
	return true;
}

static bool flush_leaf(struct vib_cq *cq, const struct vib_cq_leaf *leaf,
		       struct vib_cqe *cqe)
{
	for (uint32_t i = 0; i < VIB_CQ_LEAF_QPS; i++)
		for (struct vib_qp *qp = leaf->qp[i]; qp; qp = vib_cq_same_index(cq, qp))
			if (flush_qp(cq, qp, cqe)) {
				cq->last = qp;
				return true;
			}
	return false;
}

static bool flush_any(struct vib_cq *cq, struct vib_cqe *cqe)
{
	/* All of one QP, then all of the next. */
	if (cq->last && flush_qp(cq, cq->last, cqe))
		return true;
	for (uint32_t i = 0; i < VIB_CQ_LEAVES; i++)
		if (cq->leaf[i] && flush_leaf(cq, cq->leaf[i], cqe))
			return true;
	return false;
}

bool vib_cq_flush(struct vib_cq *cq, struct vib_cqe *cqe)
{
	return flush_any(cq, cqe);
}

bool vib_cq_to_flush(struct vib_cq *cq)
{
	return flush_any(cq, NULL);
}
