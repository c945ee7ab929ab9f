/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers of one poller: a tree ordered by deadline. Only the poller's own
 * thread touches them.
 */
#ifndef XEN_IB_IBBACK_TIMER_H
#define XEN_IB_IBBACK_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include <bsd/sys/tree.h>

#define NEVER UINT64_MAX

struct timer {
	RB_ENTRY(timer) entry;
	uint64_t deadline; /* ns, CLOCK_MONOTONIC; 0 while it does not run */
	void (*expired)(struct timer *timer, uint64_t now);
};

RB_HEAD(timers, timer);

/* Run @timer at @deadline, instead of when it would have run. */
void timer_set(struct timers *timers, struct timer *timer, uint64_t deadline);

/* Harmless on one that does not run. */
void timer_cancel(struct timers *timers, struct timer *timer);

/* When the first one is due; NEVER if none runs. */
uint64_t timers_next(struct timers *timers);

/* Call those that are due at @now, @most at most. true if there were any. */
bool timers_run(struct timers *timers, uint64_t now, unsigned int most);

#endif
