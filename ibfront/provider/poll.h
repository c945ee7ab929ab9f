/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Taking completions, all under the CQ's lock: from where they come, whose they are
 * and which of them nobody wants any more.
 */
#ifndef VIB_PROVIDER_POLL_H
#define VIB_PROVIDER_POLL_H

#include <string.h>

#include "wq.h"

/* ---- cq_members.c: the QPs that complete into a CQ ---------------------- */

/* -1 and errno; once for a QP whose queues both complete here. */
int vib_cq_add_qp(struct vib_cq *cq, struct vib_qp *qp);
void vib_cq_del_qp(struct vib_cq *cq, struct vib_qp *qp);
/* The QP that a completion names, or NULL. */
struct vib_qp *vib_cq_find_qp(const struct vib_cq *cq, uint32_t db_index, uint32_t qpn);
/* The next QP of the CQ with the index of @qp, or NULL. */
struct vib_qp *vib_cq_same_index(const struct vib_cq *cq, const struct vib_qp *qp);
void vib_cq_free_leaves(struct vib_cq *cq);

/* ---- flush.c: objects that are lost ------------------------------------ */

/* Make the completion of an outstanding request of a lost CQ. False: there is none. */
bool vib_cq_flush(struct vib_cq *cq, struct vib_cqe *cqe);
/* Is there one? */
bool vib_cq_to_flush(struct vib_cq *cq);

/* ---- purge.c ----------------------------------------------------------- */

/* Have the QP's completions passed over that nobody has polled. */
void vib_cq_purge(struct vib_cq *cq, const struct vib_qp *qp);
/* And those of an XRC SRQ. */
void vib_cq_purge_srq(struct vib_cq *cq, uint32_t srqn);

/* A mark for ourselves in an entry of the queue: only for that generation. */
static inline bool vib_cqe_purged(const struct vib_cqe *cqe)
{
	return cqe->reserved2 == cqe->gen;
}

static inline void vib_cqe_purge(struct vib_cqe *cqe, uint32_t gen)
{
	cqe->reserved2 = gen;
}

/* ---- backlog.c: what a queue leaves behind when another takes its place -- */

/* Room for all that can be behind; malloc()ed, NULL and errno. */
struct vib_cqe *vib_backlog_alloc(const struct vib_cq *cq);
/*
 * Move what was not taken before the entry of index @end into @backlog, which is
 * the CQ's from then on.
 */
void vib_backlog_fill(struct vib_cq *cq, struct vib_cqe *backlog, uint32_t end);

/* ---- taking ------------------------------------------------------------ */

/* Account for the request of @cqe at its QP. false: it has none, pass it over. */
static inline bool vib_cqe_account(struct vib_cq *cq, const struct vib_cqe *cqe)
{
	struct vib_qp *qp = cq->last;

	/* Its QP is not ours, and in its SRQ it is the header that tells. */
	if (vib_unlikely(cqe->flags & VIB_CQE_XRC))
		return true;

	if (vib_unlikely(!qp || qp->verbs.qp.qp_num != cqe->qpn ||
			 qp->db_index != cqe->db_index)) {
		qp = vib_cq_find_qp(cq, cqe->db_index, cqe->qpn);
		if (!qp)
			return false;
		cq->last = qp;
	}
	/* Each side's `done` is under its own CQ's lock, whatever a backend puts where.
	 */
	if (!(cqe->flags & VIB_CQE_RECV)) {
		if (qp->verbs.qp.send_cq == &cq->verbs.cq)
			vib_wq_complete(&qp->sq, cqe->wqe_index);
	} else if (!qp->verbs.qp.srq && qp->verbs.qp.recv_cq == &cq->verbs.cq) {
		vib_wq_complete(&qp->rq, cqe->wqe_index);
	}
	return true;
}

/* Is there a next entry, wanted or not? A copy of it, and on to the next. */
static inline bool vib_cq_next(struct vib_cq *cq, struct vib_cqe *cqe)
{
	const void *slot;

	if (vib_unlikely(cq->backlog_next != cq->backlog_end)) {
		*cqe = cq->backlog[cq->backlog_next++];
		return true;
	}
	slot = vib_queue_peek(&cq->queue);
	if (!slot)
		return false;
	memcpy(cqe, slot, sizeof(*cqe));
	cqe->gen = vib_slot_gen(cq->queue.index, cq->queue.order);
	vib_queue_advance(&cq->queue);
	return true;
}

/* Take the next completion that the backend wrote. */
static inline bool vib_cq_take_entry(struct vib_cq *cq, struct vib_cqe *cqe)
{
	uint32_t passed = 0;

	while (vib_cq_next(cq, cqe)) {
		if (vib_cqe_account(cq, cqe) && !vib_unlikely(vib_cqe_purged(cqe)))
			return true;
		/* No backend keeps us here. */
		if (++passed > cq->backlog_end + vib_queue_depth(&cq->queue))
			return false;
	}
	return false;
}

/* Take the next completion. */
static inline bool vib_cq_take(struct vib_cq *cq, struct vib_cqe *cqe)
{
	if (vib_cq_take_entry(cq, cqe))
		return true;
	if (!vib_unlikely(vib_lost(cq->ctx, cq->epoch)))
		return false;
	/* What came between that look and the loss has completed. */
	return vib_cq_take_entry(cq, cqe) || vib_cq_flush(cq, cqe);
}

/* Give back what was taken since the queue's index was @from. */
static inline void vib_cq_release(struct vib_cq *cq, uint32_t from)
{
	if (cq->queue.index != from)
		vib_queue_release(&cq->queue);
}

enum ibv_wc_opcode vib_wc_opcode(const struct vib_cqe *cqe);

static inline unsigned int vib_wc_flags(const struct vib_cqe *cqe)
{
	return (cqe->flags & VIB_CQE_GRH ? IBV_WC_GRH : 0u) |
	       (cqe->flags & VIB_CQE_WITH_IMM ? IBV_WC_WITH_IMM : 0u) |
	       (cqe->flags & VIB_CQE_WITH_INV ? IBV_WC_WITH_INV : 0u);
}

/* enum vib_status has Linux' values, if it is one. */
static inline enum ibv_wc_status vib_wc_status(const struct vib_cqe *cqe)
{
	if (vib_unlikely(cqe->status > VIB_WC_GENERAL_ERR))
		return IBV_WC_GENERAL_ERR;
	return (enum ibv_wc_status)cqe->status;
}

#endif
