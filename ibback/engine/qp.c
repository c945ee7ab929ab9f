// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/qp.h"

#include <string.h>

#include "engine/clock.h"
#include "engine/cq.h"
#include "engine/engine.h"
#include "engine/poller_parts.h"
#include "engine/qp_state.h"
#include "engine/send.h"
#include "engine/vhca.h"
#include "engine/wire.h"

/* Receives flushed at a time. */
#define FLUSH_SHARE 32

static void on_kick(struct poller *poller, struct kick *kick)
{
	struct qp *qp = caa_container_of(kick, struct qp, kick);

	qp->sending.look_again = 0;
	poller_heat(poller, qp);
}

static void on_time(struct timer *timer, uint64_t now)
{
	struct qp *qp = caa_container_of(timer, struct qp, timer);

	(void)now;
	poller_heat(qp->vhca->poller, qp);
}

/* It may be for a receive that somebody waits for. */
static bool on_bell(struct bell *bell, struct poller *poller)
{
	struct qp *qp = caa_container_of(bell, struct qp, bell);
	uint32_t waiter = __atomic_exchange_n(&qp->rnr_waiter, 0, __ATOMIC_ACQUIRE);
	struct qp *sender = waiter ? vhca_find_qp(qp->vhca, waiter) : NULL;

	if (sender)
		poller_kick(sender->vhca->poller, &sender->kick);
	return poller_try_heat(poller, qp);
}

void qp_init(struct qp *qp)
{
	pthread_spin_init(&qp->lock, PTHREAD_PROCESS_PRIVATE);
	qp->timer.expired = on_time;
	qp->bell.rang = on_bell;
	kick_init(&qp->kick, on_kick);
	LIST_INIT(&qp->windows);
	qp->attr.state = VIB_QPS_RESET;
	qp->serial = engine_serial(qp->vhca->engine);
}

void qp_fini(struct qp *qp)
{
	pthread_spin_destroy(&qp->lock);
}

/* ---- errors ------------------------------------------------------------ */

/*
 * What it took is completed. IBTA vol. 1 §11.6.3.2: the consumer may destroy it. An XRC
 * target is of no SRQ, and has no such event.
 */
static void last_wqe_reached(struct qp *qp)
{
	if (qp->srq && !qp->xrcd)
		async_raise(&qp->vhca->async, &qp->async, VIB_ASYNC_QP_LAST_WQE_REACHED);
}

void qp_enter_error(struct qp *qp)
{
	if (qp->attr.state == VIB_QPS_ERR)
		return;
	qp->attr.state = VIB_QPS_ERR;
	if (__builtin_expect(qp->wire != NULL, 0) &&
	    (qp->wire->active || qp->wire->looped))
		wire_fail(qp);
	/* Or when that is flushed, or what the HCA has. */
	if (!qp->receiving.claim && !wire_tells_when_flushed(qp))
		last_wqe_reached(qp);
	poller_kick(qp->vhca->poller, &qp->kick);
}

void qp_fatal(struct qp *qp)
{
	if (qp->attr.state == VIB_QPS_ERR)
		return;
	async_raise(&qp->vhca->async, &qp->async, VIB_ASYNC_QP_FATAL);
	qp_enter_error(qp);
}

/* ---- changing ---------------------------------------------------------- */

/* Back to the beginning. The frontend zeroes the queues before it uses them again. */
static void reset(struct qp *qp)
{
	qp->sq.index = 0;
	qp->rq.index = 0;
	mw_unbind_all(qp); /* IBTA vol. 1 §10.6.7.2.5 */
	qp->sending.active = false;
	qp->receiving.claim = 0;
	if (qp->wire)
		wire_reset(qp);
	qp->established = false;
	qp->flushing = false;
	memset(&qp->attr, 0, sizeof(qp->attr));
}

/*
 * IBTA vol. 1 §10.3.1.6: what was posted behind a request that failed is flushed,
 * also if the consumer leaves SQE before all of it is.
 */
static void flush_what_is_posted(struct qp *qp)
{
	uint32_t count = 0;

	while (vib_queue_holds(&qp->sq, count + 1))
		count++;
	qp->flushing = count > 0;
	qp->flush_to = qp->sq.index + count;
}

/* Into another state, or the same with other attributes. */
static void change(struct qp *qp, uint32_t mask, const struct vib_qp_attr *attr)
{
	enum vib_qp_state from = qp->attr.state;

	if (from == VIB_QPS_RTS)
		qp->attr.en_sqd_async_notify = 0; /* is asked for anew each time */
	qp_attr_apply(&qp->attr, mask, attr);
	if (from == VIB_QPS_SQE && qp->attr.state == VIB_QPS_RTS && qp->has_sq)
		flush_what_is_posted(qp);
}

void qp_modify(struct qp *qp, uint32_t mask, const struct vib_qp_attr *attr)
{
	qp->serial = engine_serial(qp->vhca->engine);
	if (qp->attr.state != VIB_QPS_SQD) /* in it, an attribute changes and no more */
		qp->drained = false;
	if (mask & VIB_QP_STATE && attr->state == VIB_QPS_ERR) {
		qp_enter_error(qp);
		return;
	}
	if (mask & VIB_QP_STATE && attr->state == VIB_QPS_RESET) {
		reset(qp);
		return;
	}
	change(qp, mask, attr);
	poller_kick(qp->vhca->poller, &qp->kick);
}

/* ---- serving ----------------------------------------------------------- */

static bool waits(const struct qp *qp)
{
	return qp->sending.active && qp->sending.look_again > clock_ns() &&
	       qp->attr.state != VIB_QPS_ERR;
}

static bool serve_queues(struct poller *poller, struct qp *qp)
{
	bool worked = send_serve(poller, qp);

	if (qp->attr.state == VIB_QPS_ERR && !wire_receives_wait(qp->wire)) {
		bool held = qp->receiving.claim;

		worked |= receive_flush(poller, qp, FLUSH_SHARE) > 0;
		if (held)
			last_wqe_reached(qp);
	}
	return worked;
}

bool qp_serve(struct poller *poller, struct qp *qp)
{
	bool worked = false;

	if (pthread_spin_trylock(&qp->lock) != 0)
		return true; /* another has it: there is something */
	/* What comes does not wait for what is to be sent. */
	if (__builtin_expect(qp->wire != NULL, 0))
		worked = wire_serve(poller, qp);
	if (!qp->sending.look_again || !waits(qp))
		worked |= serve_queues(poller, qp);
	cq_release(poller);
	pthread_spin_unlock(&qp->lock);
	return worked;
}

/* Are requests taken from the send queue in this state? */
static bool takes_sends(const struct qp *qp)
{
	return qp->has_sq &&
	       (qp->attr.state == VIB_QPS_RTS || qp->attr.state == VIB_QPS_SQE ||
		qp->attr.state == VIB_QPS_ERR);
}

/* And from the receive queue, without a message for it? */
static bool takes_receives(const struct qp *qp)
{
	return qp->attr.state == VIB_QPS_ERR ? !wire_receives_wait(qp->wire)
					     : wire_takes_receives(qp);
}

bool qp_cool(struct qp *qp)
{
	bool quiet = true, waiting;

	if (pthread_spin_trylock(&qp->lock) != 0)
		return false;
	/* One that waits for its peer comes back by timer or kick, one in another
	 * state when that changes.
	 */
	waiting = qp->sending.look_again && waits(qp);
	if (qp->attr.state == VIB_QPS_SQD && !qp->sending.active && !qp->drained)
		quiet = false;
	if (qp->attr.state == VIB_QPS_ERR && qp->receiving.claim)
		quiet = false;
	if (takes_sends(qp) && !waiting && vib_queue_arm(&qp->sq))
		quiet = false;
	if (qp->has_rq && takes_receives(qp) && vib_queue_arm(&qp->rq))
		quiet = false;
	if (qp->wire && !wire_cool(qp->vhca->poller, qp))
		quiet = false;
	/* What waits for the HCA may have ended by that; else its interrupt follows. */
	if (qp->sending.active && !waiting && !send_awaits_wire(qp))
		quiet = false;
	pthread_spin_unlock(&qp->lock);
	return quiet;
}

void qp_forget(struct poller *poller, struct qp *qp)
{
	timer_cancel(&poller->timers, &qp->timer);
}
