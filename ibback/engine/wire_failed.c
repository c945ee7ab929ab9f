// SPDX-License-Identifier: GPL-2.0-or-later
/* A QP that has failed: the HCA is told, and what it says nothing of comes to an end. */
#include "engine/async.h"
#include "engine/clock.h"
#include "engine/poller.h"
#include "engine/qp.h"
#include "engine/vhca.h"
#include "engine/wire_parts.h"

/* ---- telling the HCA --------------------------------------------------- */

void wire_fail(struct qp *qp)
{
	struct vhca_wire *wire = qp->vhca->wire;
	struct wire_qp *w = qp->wire;

	pthread_spin_lock(&wire->lock);
	if (!w->failing)
		TAILQ_INSERT_TAIL(&wire->failed, w, failed);
	w->failing = true;
	pthread_spin_unlock(&wire->lock);
	qp->vhca->async.raised(qp->vhca->async.arg);
}

static void no_longer_failing(struct vhca_wire *wire, struct wire_qp *w)
{
	if (w->failing)
		TAILQ_REMOVE(&wire->failed, w, failed);
	w->failing = false;
}

struct wire_qp *wire_take_failed(struct vhca_wire *wire)
{
	struct wire_qp *w;

	pthread_spin_lock(&wire->lock);
	w = TAILQ_FIRST(&wire->failed);
	if (w)
		no_longer_failing(wire, w);
	pthread_spin_unlock(&wire->lock);
	return w;
}

void wire_failed_forget(struct qp *qp)
{
	struct vhca_wire *wire = qp->vhca->wire;

	pthread_spin_lock(&wire->lock);
	no_longer_failing(wire, qp->wire);
	pthread_spin_unlock(&wire->lock);
}

/* ---- what cannot be posted ---------------------------------------------- */

/* Those from @place on that are not done, which has no cause of the guest's. */
static void fail_from(struct wire_qp *w, uint32_t place)
{
	uint8_t status = VIB_WC_LOC_QP_OP_ERR;

	for (; place != w->next_send; place++) {
		struct wire_send *s = wire_send_at(w, place);

		if (s->done)
			continue;
		s->done = true;
		s->status = status;
		status = VIB_WC_WR_FLUSH_ERR;
	}
}

void wire_not_posted(struct qp *qp, uint64_t id)
{
	fail_from(qp->wire, (uint32_t)id);
	qp->wire->cut_short = true;
	qp_fatal(qp);
}

/* ---- flushing ----------------------------------------------------------- */

/* How long after a QP has failed the HCA may not have flushed it yet, if it is one that
 * does not tell.
 */
#define FLUSH_NS 100000000ull

bool wire_tells_when_flushed(const struct qp *qp)
{
	return qp->wire && qp->wire->active && wire_is_shared(qp);
}

void wire_check_flushed(struct poller *poller, struct qp *qp)
{
	struct wire_qp *w = qp->wire;

	if (!w->flushed_at || qp->attr.state != VIB_QPS_ERR)
		return;
	if ((!w->flushed || w->cut_short) && clock_ns() < w->flushed_at) {
		timer_set(&poller->timers, &qp->timer, w->flushed_at);
		return;
	}
	w->flushed_at = 0;
	if (w->cut_short) {
		fail_from(w, w->first_send);
		wire_complete_sends(poller, qp);
	}
	if (wire_tells_when_flushed(qp))
		async_raise(&qp->vhca->async, &qp->async, VIB_ASYNC_QP_LAST_WQE_REACHED);
}

void wire_error_is_told(struct qp *qp)
{
	pthread_spin_lock(&qp->lock);
	if (qp->attr.state == VIB_QPS_ERR &&
	    (wire_tells_when_flushed(qp) || qp->wire->cut_short)) {
		qp->wire->flushed_at = clock_ns() + FLUSH_NS;
		poller_kick(qp->vhca->poller, &qp->kick);
	}
	pthread_spin_unlock(&qp->lock);
}

void wire_is_flushed(struct wire_qp *w)
{
	struct qp *qp = w->qp;

	if (!qp)
		return;
	pthread_spin_lock(&qp->lock);
	/* Else it was said of a QP that has been reset since. */
	if (qp->attr.state == VIB_QPS_ERR) {
		w->flushed = true;
		poller_kick(qp->vhca->poller, &qp->kick);
	}
	pthread_spin_unlock(&qp->lock);
}
