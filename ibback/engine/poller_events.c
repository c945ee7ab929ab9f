// SPDX-License-Identifier: GPL-2.0-or-later
/* Completion events: CQs that have new entries, and EQs that have no room. */
#include "engine/cq.h"
#include "engine/eq.h"
#include "engine/poller_parts.h"

void poller_notify_touched(struct poller *poller)
{
	cq_release(poller);
	if (!poller->num_touched)
		return;
	vib_full_barrier(); /* the entries are seen before the wishes are read */
	for (unsigned int i = 0; i < poller->num_touched; i++)
		cq_notify(poller, poller->touched[i]);
	poller->num_touched = 0;
}

void poller_touch(struct poller *poller, struct cq *cq)
{
	if (poller->num_touched && poller->touched[poller->num_touched - 1] == cq)
		return;
	if (poller->num_touched == TOUCHED_CQS)
		poller_notify_touched(poller);
	poller->touched[poller->num_touched++] = cq;
}

void poller_backlog(struct poller *poller, struct eq *eq)
{
	if (!eq || eq->in_backlog)
		return;
	eq->in_backlog = true;
	TAILQ_INSERT_TAIL(&poller->backlog, eq, backlogged);
}

void poller_forget_eq(struct poller *poller, struct eq *eq)
{
	if (eq->in_backlog)
		TAILQ_REMOVE(&poller->backlog, eq, backlogged);
	eq->in_backlog = false;
}

void poller_drain_backlog(struct poller *poller)
{
	struct eq *eq, *next;

	for (eq = TAILQ_FIRST(&poller->backlog); eq; eq = next) {
		next = TAILQ_NEXT(eq, backlogged);
		if (!eq_drain(eq))
			poller_forget_eq(poller, eq);
	}
}
