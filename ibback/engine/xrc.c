// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/xrc.h"

#include "engine/qp.h"
#include "engine/srq.h"
#include "engine/vhca.h"

static bool attach(struct qp *target, uint32_t srqn)
{
	struct srq *srq = table_get(&target->vhca->srqs, srqn, srq);

	if (!srq || srq->xrcd != target->xrcd)
		return false;
	target->srq = srq;
	target->pd = srq->pd;
	target->recv_cq = srq->cq;
	return true;
}

void xrc_leave(struct qp *target)
{
	target->srq = NULL;
	target->pd = 0;
	target->recv_cq = NULL;
}

void xrc_flush_held(struct poller *poller, struct qp *target)
{
	static const struct received flushed = { .status = VIB_WC_WR_FLUSH_ERR };
	struct receiving *r = &target->receiving;

	r->claim = 0;
	if (!attach(target, r->receive.srqn))
		return;
	receive_complete(poller, target, &r->receive, &flushed);
	xrc_leave(target);
}

bool xrc_enter(struct poller *poller, struct qp *target, uint32_t srqn)
{
	const struct receiving *r = &target->receiving;

	if (r->claim && r->receive.srqn != srqn)
		xrc_flush_held(poller, target);
	return attach(target, srqn);
}
