// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/receive.h"

#include "engine/cq.h"
#include "engine/poller.h"
#include "engine/qp.h"
#include "engine/receive_slot.h"
#include "engine/sg.h"
#include "engine/srq.h"
#include "engine/xrc.h"

bool receive_take(struct qp *qp, struct receive *r)
{
	if (qp->srq)
		return srq_take(qp->srq, r);
	return qp->has_rq && receive_copy(&qp->rq, qp->max_recv_sge, r);
}

int receive_resolve(struct qp *qp, const struct receive *r, struct sg *sg)
{
	/* IBTA vol. 1 §10.2.9.1: an SRQ's receives are of the SRQ's PD. */
	const struct sg_owner owner = {
		.vhca = qp->vhca,
		.hint = &qp->receive_mr,
		.pd = qp->srq ? qp->srq->pd : qp->pd,
		.kernel = qp->srq ? qp->srq->kernel : qp->kernel,
	};

	if (r->malformed)
		return -1;
	return sg_resolve(sg, &owner, r->sge, r->num_sge, VIB_ACCESS_LOCAL_WRITE);
}

void receive_complete(struct poller *poller, struct qp *qp, const struct receive *r,
		      const struct received *how)
{
	struct vib_cqe cqe = {
		.qpn = qp_number(qp),
		.wr_id = r->wr_id,
		.wqe_index = r->index,
		.byte_len = how->byte_len,
		.imm = how->imm,
		.src_qpn = how->src_qpn,
		.status = how->status,
		.opcode = how->opcode,
		.flags = (uint8_t)(VIB_CQE_RECV | how->flags),
		.sl = how->sl,
		.slid = how->slid,
		.pkey_index = how->pkey_index,
		.db_index = (uint16_t)qp->db_index,
		.timestamp = poller->now,
	};

	if (qp->xrcd) {
		cqe.flags |= VIB_CQE_XRC;
		cqe.srqn = r->srqn;
	}
	if (__builtin_expect(how->status && how->status != VIB_WC_WR_FLUSH_ERR, 0))
		qp->counters.errors++;
	if (!cq_put(poller, qp->recv_cq, &cqe, how->solicited || how->status))
		qp_fatal(qp);
}

unsigned int receive_flush(struct poller *poller, struct qp *qp, unsigned int most)
{
	static const struct received flushed = { .status = VIB_WC_WR_FLUSH_ERR };
	struct receive r;
	unsigned int n = 0;

	if (qp->receiving.claim && qp->xrcd) {
		xrc_flush_held(poller, qp);
		n++;
	} else if (qp->receiving.claim) {
		qp->receiving.claim = 0;
		receive_complete(poller, qp, &qp->receiving.receive, &flushed);
		n++;
	}
	while (n < most && qp->has_rq && receive_copy(&qp->rq, qp->max_recv_sge, &r)) {
		receive_complete(poller, qp, &r, &flushed);
		n++;
	}
	return n;
}
