// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/timer.h"

#include <stddef.h>

/* Timers of one deadline are ordered by their address: no two are equal. */
static int compare(const struct timer *a, const struct timer *b)
{
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline ? -1 : 1;
	return a < b ? -1 : a > b;
}

RB_PROTOTYPE(timers, timer, entry, compare)
RB_GENERATE(timers, timer, entry, compare)

void timer_set(struct timers *timers, struct timer *timer, uint64_t deadline)
{
	timer_cancel(timers, timer);
	timer->deadline = deadline ? deadline : 1;
	RB_INSERT(timers, timers, timer);
}

void timer_cancel(struct timers *timers, struct timer *timer)
{
	if (!timer->deadline)
		return;
	RB_REMOVE(timers, timers, timer);
	timer->deadline = 0;
}

uint64_t timers_next(struct timers *timers)
{
	struct timer *first = RB_MIN(timers, timers);

	return first ? first->deadline : NEVER;
}

bool timers_run(struct timers *timers, uint64_t now, unsigned int most)
{
	struct timer *timer;
	bool ran = false;

	/* One that sets itself again sets a later deadline. */
	for (; most && (timer = RB_MIN(timers, timers)) && timer->deadline <= now;
	     most--) {
		timer_cancel(timers, timer);
		timer->expired(timer, now);
		ran = true;
	}
	return ran;
}
