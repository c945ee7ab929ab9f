// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/answer.h"

#include "engine/clock.h"
#include "engine/qp.h"
#include "engine/qp_state.h"
#include "engine/vhca.h"

/* How often a peer that does not answer, or is not ready, is looked at again.
 * Receive queues of its own ring when one is posted; shared ones do not.
 */
#define LOOK_AGAIN_NS     1000000ull
#define LOOK_AGAIN_SRQ_NS 50000ull

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

enum send_result unanswered(struct share *share)
{
	struct qp *qp = share->qp;
	struct sending *s = &qp->sending;
	uint64_t now, timeout;

	if (qp->type == VIB_QPT_UC) {
		qp->counters.xmit_discards++;
		return SEND_DONE;
	}
	now = clock_ns();
	timeout = qp_ack_timeout_ns(qp->attr.timeout);
	if (!s->deadline) {
		s->deadline = timeout == NEVER ? NEVER
					       : now + timeout * (qp->attr.retry_cnt + 1);
		qp->counters.retries++;
	}
	if (now >= s->deadline)
		return send_fail(share, VIB_WC_RETRY_EXC_ERR);
	return send_wait(share, earlier(s->deadline, now + LOOK_AGAIN_NS));
}

enum send_result not_ready(struct share *share)
{
	struct qp *qp = share->qp, *peer = share->peer;
	struct sending *s = &qp->sending;
	uint64_t now, timer;

	if (qp->type == VIB_QPT_UC)
		return SEND_DONE;
	now = clock_ns();
	timer = qp_rnr_timer_ns(peer->attr.min_rnr_timer);
	if (!s->rnr_until) {
		s->rnr_until = qp->attr.rnr_retry == 7 ? NEVER
						       : now + timer * qp->attr.rnr_retry;
		peer->counters.rnr_naks_sent++;
		qp->counters.retries++;
	}
	if (now >= s->rnr_until)
		return send_fail(share, VIB_WC_RNR_RETRY_EXC_ERR);
	if (!peer->srq) {
		__atomic_store_n(&peer->rnr_waiter, qp_number(qp), __ATOMIC_RELAXED);
		if (peer->has_rq && vib_queue_arm(&peer->rq))
			return SEND_MORE; /* one came */
	}
	return send_wait(share, earlier(s->rnr_until, now + (peer->srq ? LOOK_AGAIN_SRQ_NS
								       : LOOK_AGAIN_NS)));
}

/*
 * The peer denies the request: it fails with @event, and so do we with
 * @status. A UC peer drops it, and nobody notices.
 */
static enum send_result deny(struct share *share, enum vib_async_type event,
			     uint8_t status)
{
	struct qp *peer = share->peer;

	if (share->qp->type == VIB_QPT_UC)
		return SEND_DONE;
	async_raise(&peer->vhca->async, &peer->async, event);
	qp_enter_error(peer);
	return send_fail(share, status);
}

enum send_result deny_access(struct share *share)
{
	return deny(share, VIB_ASYNC_QP_ACCESS_ERR, VIB_WC_REM_ACCESS_ERR);
}

enum send_result deny_request(struct share *share)
{
	return deny(share, VIB_ASYNC_QP_REQ_ERR, VIB_WC_REM_INV_REQ_ERR);
}
