// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/cq.h"

#include <string.h>

#include "engine/eq.h"
#include "engine/poller.h"
#include "engine/vhca.h"

/* The moderation's period is over. */
static void on_period(struct timer *timer, uint64_t now)
{
	struct cq *cq = caa_container_of(timer, struct cq, timer);

	(void)now;
	vib_full_barrier();
	cq_notify(cq->vhca->poller, cq);
}

/* Kicked: the event waits for room in the EQ, or for the period. */
static void on_kick(struct poller *poller, struct kick *kick)
{
	struct cq *cq = caa_container_of(kick, struct cq, kick);

	cq_release(poller); /* a kick before this one may have completed into it */
	pthread_spin_lock(&cq->lock);
	if (cq->entries && !cq->timer.deadline)
		timer_set(&poller->timers, &cq->timer,
			  cq->since + cq->period_us * 1000ull);
	pthread_spin_unlock(&cq->lock);
	poller_backlog(poller, cq->eq);
}

void cq_init(struct cq *cq)
{
	pthread_spin_init(&cq->lock, PTHREAD_PROCESS_PRIVATE);
	cq->timer.expired = on_period;
	kick_init(&cq->kick, on_kick);
}

void cq_fini(struct cq *cq)
{
	pthread_spin_destroy(&cq->lock);
}

static void overrun(struct cq *cq)
{
	cq->overrun = true;
	async_raise(&cq->vhca->async, &cq->async, VIB_ASYNC_CQ_ERR);
}

/* Hold the lock of @cq, and of no other. */
static void hold(struct poller *poller, struct cq *cq)
{
	if (poller->held == cq)
		return;
	cq_release(poller);
	pthread_spin_lock(&cq->lock);
	poller->held = cq;
}

void cq_release(struct poller *poller)
{
	if (poller->held)
		pthread_spin_unlock(&poller->held->lock);
	poller->held = NULL;
}

bool cq_put(struct poller *poller, struct cq *cq, const struct vib_cqe *cqe,
	    bool solicited)
{
	bool ok;

	hold(poller, cq);
	if (!cq->overrun && vib_queue_may_produce(&cq->queue) <= 0)
		overrun(cq);
	ok = !cq->overrun;
	if (ok) {
		uint8_t *slot = vib_queue_next_slot(&cq->queue);

		memcpy(slot + sizeof(cqe->gen), (const uint8_t *)cqe + sizeof(cqe->gen),
		       sizeof(*cqe) - sizeof(cqe->gen));
		vib_queue_produce(&cq->queue);
		__builtin_prefetch(vib_slot_at(&cq->queue, cq->queue.index + 1), 1);
		cq->solicited |= solicited;
		if (cq->entries++ == 0)
			cq->since = poller->now;
	}
	if (ok && cq->eq)
		poller_touch(poller, cq);
	return ok;
}

/* Moderation: is it too soon for an event? The lock is held. */
static bool too_soon(const struct cq *cq, uint64_t now)
{
	if (!cq->period_us || !cq->entries)
		return false;
	return (!cq->count || cq->entries < cq->count) &&
	       now < cq->since + cq->period_us * 1000ull;
}

/* Have on_period() called, unless it is going to be. */
static void wait_for_period(struct poller *poller, struct cq *cq)
{
	if (__atomic_load_n(&cq->timer.deadline, __ATOMIC_RELAXED))
		return;
	if (cq->vhca->poller == poller)
		timer_set(&poller->timers, &cq->timer,
			  cq->since + cq->period_us * 1000ull);
	else
		poller_kick(cq->vhca->poller, &cq->kick);
}

void cq_notify(struct poller *poller, struct cq *cq)
{
	bool event = false, wait = false;

	cq_release(poller);
	pthread_spin_lock(&cq->lock);
	if (vib_read32(&cq->queue.hdr->arm) != VIB_ARM_NONE &&
	    too_soon(cq, poller->now)) {
		wait = true;
	} else if (cq->entries) { /* or it was looked at since the last one came */
		event = vib_cq_take_arm(&cq->queue, cq->solicited);
		/* What was there before this look needs no event: its consumer
		 * finds it when it arms.
		 */
		cq->solicited = false;
		cq->entries = 0;
	}
	pthread_spin_unlock(&cq->lock);
	if (event)
		eq_post(cq->eq, cq);
	if (wait)
		wait_for_period(poller, cq);
}

void cq_moderate(struct cq *cq, uint16_t count, uint16_t period_us)
{
	pthread_spin_lock(&cq->lock);
	cq->count = count;
	cq->period_us = period_us;
	pthread_spin_unlock(&cq->lock);
}

/* May the consumer be left with what it has not taken? The lock is held. */
static bool can_move(const struct cq *cq, const struct vib_queue *queue)
{
	int room = vib_queue_room(&cq->queue);

	return !cq->overrun && room >= 0 &&
	       vib_queue_depth(&cq->queue) - (uint32_t)room <= vib_queue_depth(queue);
}

bool cq_move(struct cq *cq, const struct vib_queue *queue, uint32_t *index)
{
	bool ok;

	pthread_spin_lock(&cq->lock);
	ok = can_move(cq, queue);
	if (ok) {
		/* One that is found in the old queue later was made too late for us. */
		vib_write32(&queue->hdr->arm,
			    __atomic_exchange_n(&cq->queue.hdr->arm, VIB_ARM_NONE,
						__ATOMIC_SEQ_CST));
		*index = cq->queue.index;
		cq->queue = *queue;
	}
	pthread_spin_unlock(&cq->lock);
	return ok;
}

void cq_forget(struct poller *poller, struct cq *cq)
{
	timer_cancel(&poller->timers, &cq->timer);
	if (cq->eq)
		eq_forget(cq->eq, cq);
}
