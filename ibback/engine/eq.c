// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/eq.h"

#include "engine/cq.h"
#include "engine/poller.h"
#include "engine/vhca.h"
#include "xenport/xenport.h"

/* One entry, if there is room. The lock is held. */
static bool produce(struct eq *eq, uint32_t cqn, bool *notify)
{
	uint32_t from = eq->queue.index;
	struct vib_comp_event *slot;
	int room = vib_queue_may_produce(&eq->queue);

	if (room < 0)
		vhca_break(eq->vhca, "cons is beyond a completion event queue");
	if (room <= 0)
		return false;
	slot = vib_queue_next_slot(&eq->queue);
	slot->cqn = cqn;
	vib_queue_produce(&eq->queue);
	*notify |= vib_queue_must_notify(&eq->queue, from);
	return true;
}

/* Fails only when the frontend has closed its end, which xenbus will tell. */
static void notify_frontend(const struct eq *eq)
{
	(void)xenport_notify(eq->vhca->events, eq->port);
}

void eq_post(struct eq *eq, struct cq *cq)
{
	bool notify = false, waits = false;

	pthread_spin_lock(&eq->lock);
	if (!cq->event_waits && !produce(eq, cq->node.number, &notify)) {
		cq->event_waits = true;
		TAILQ_INSERT_TAIL(&eq->waiting, cq, event_entry);
		waits = true;
	}
	pthread_spin_unlock(&eq->lock);
	if (notify)
		notify_frontend(eq);
	if (waits)
		poller_kick(eq->vhca->poller, &cq->kick);
}

bool eq_drain(struct eq *eq)
{
	bool notify = false, more;
	struct cq *cq;

	pthread_spin_lock(&eq->lock);
	while ((cq = TAILQ_FIRST(&eq->waiting)) &&
	       produce(eq, cq->node.number, &notify)) {
		TAILQ_REMOVE(&eq->waiting, cq, event_entry);
		cq->event_waits = false;
	}
	more = cq != NULL;
	pthread_spin_unlock(&eq->lock);
	if (notify)
		notify_frontend(eq);
	return more;
}

void eq_forget(struct eq *eq, struct cq *cq)
{
	pthread_spin_lock(&eq->lock);
	if (cq->event_waits)
		TAILQ_REMOVE(&eq->waiting, cq, event_entry);
	cq->event_waits = false;
	pthread_spin_unlock(&eq->lock);
}
