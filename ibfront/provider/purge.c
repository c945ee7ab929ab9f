// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A QP that is reset or destroyed, or an XRC SRQ, leaves completions in its CQs. Their
 * consumer may write them, and marks those that polling is to pass over.
 */

#include "poll.h"

static bool is_of_qp(const struct vib_cqe *cqe, const void *arg)
{
	const struct vib_qp *qp = arg;

	return !(cqe->flags & VIB_CQE_XRC) && cqe->qpn == qp->verbs.qp.qp_num &&
	       cqe->db_index == qp->db_index;
}

static bool is_of_srq(const struct vib_cqe *cqe, const void *srqn)
{
	return cqe->flags & VIB_CQE_XRC && cqe->srqn == *(const uint32_t *)srqn;
}

static void purge(struct vib_cq *cq,
		  bool (*is_of)(const struct vib_cqe *cqe, const void *arg),
		  const void *arg)
{
	struct vib_queue ahead = cq->queue;
	struct vib_cqe *cqe;

	for (uint32_t i = cq->backlog_next; i != cq->backlog_end; i++)
		if (is_of(&cq->backlog[i], arg))
			vib_cqe_purge(&cq->backlog[i], cq->backlog[i].gen);

	for (uint32_t i = 0; i < vib_queue_depth(&ahead) && vib_queue_peek(&ahead); i++) {
		cqe = (struct vib_cqe *)vib_slot_at(&ahead, ahead.index);
		if (is_of(cqe, arg))
			vib_cqe_purge(cqe, vib_slot_gen(ahead.index, ahead.order));
		vib_queue_advance(&ahead);
	}
}

void vib_cq_purge(struct vib_cq *cq, const struct vib_qp *qp)
{
	purge(cq, is_of_qp, qp);
}

void vib_cq_purge_srq(struct vib_cq *cq, uint32_t srqn)
{
	purge(cq, is_of_srq, &srqn);
}
