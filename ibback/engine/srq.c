// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/srq.h"

#include "engine/receive.h"
#include "engine/receive_slot.h"
#include "engine/vhca.h"

/* IBTA vol. 1 §10.2.9.2: the event comes once, when fewer than the limit are left. */
static void check_limit(struct srq *srq)
{
	if (!srq->limit || vib_queue_holds(&srq->queue, srq->limit))
		return;
	srq->limit = 0;
	async_raise(&srq->vhca->async, &srq->async, VIB_ASYNC_SRQ_LIMIT_REACHED);
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
