// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A QP that is reset or destroyed leaves completions in its CQs. Their consumer may
 * write them, and marks those that polling is to pass over.
 */

#include "poll.h"

static bool is_of(const struct vib_cqe *cqe, const struct vib_qp *qp)
{
	return cqe->qpn == qp->verbs.qp.qp_num && cqe->db_index == qp->db_index;
}

void vib_cq_purge(struct vib_cq *cq, const struct vib_qp *qp)
{
	struct vib_queue ahead = cq->queue;
	struct vib_cqe *cqe;

	for (uint32_t i = cq->backlog_next; i != cq->backlog_end; i++)
		if (is_of(&cq->backlog[i], qp))
			vib_cqe_purge(&cq->backlog[i], cq->backlog[i].gen);

	for (uint32_t i = 0; i < vib_queue_depth(&ahead) && vib_queue_peek(&ahead); i++) {
		cqe = (struct vib_cqe *)vib_slot_at(&ahead, ahead.index);
		if (is_of(cqe, qp))
			vib_cqe_purge(cqe, vib_slot_gen(ahead.index, ahead.order));
		vib_queue_advance(&ahead);
	}
}
