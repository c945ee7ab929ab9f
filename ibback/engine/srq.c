// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/srq.h"

#include "engine/receive.h"
#include "engine/receive_slot.h"
#include "engine/vhca.h"

/* IBTA vol. 1 §10.2.9.2: the event comes once, when fewer than the limit are left. */
static void check_limit(struct srq *srq)
{
	uint32_t at_hca = srq->wire ? wire_srq_used(srq->wire) : 0;

	if (!srq->limit || at_hca >= srq->limit ||
	    vib_queue_holds(&srq->queue, srq->limit - at_hca))
		return;
	srq->limit = 0;
	async_raise(&srq->vhca->async, &srq->async, VIB_ASYNC_SRQ_LIMIT_REACHED);
}

void srq_check_limit(struct srq *srq)
{
	pthread_spin_lock(&srq->lock);
	check_limit(srq);
	pthread_spin_unlock(&srq->lock);
}

static bool on_bell(struct bell *bell, struct poller *poller)
{
	struct srq *srq = caa_container_of(bell, struct srq, bell);

	(void)poller; /* which alone gives receives to the HCA */
	return !srq->wire || wire_srq_rang(srq);
}

void srq_init(struct srq *srq)
{
	pthread_spin_init(&srq->lock, PTHREAD_PROCESS_PRIVATE);
	srq->bell.rang = on_bell;
}

bool srq_take(struct srq *srq, struct receive *r)
{
	bool taken;

	pthread_spin_lock(&srq->lock);
	taken = receive_copy(&srq->queue, srq->max_sge, r);
	if (taken) {
		r->srqn = srq->node.number;
		check_limit(srq);
	}
	pthread_spin_unlock(&srq->lock);
	return taken;
}

void srq_set_limit(struct srq *srq, uint32_t limit)
{
	pthread_spin_lock(&srq->lock);
	srq->limit = limit;
	check_limit(srq);
	pthread_spin_unlock(&srq->lock);
}
