/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bound on how often something that a guest can cause is done: at most
 * @limit times in a window of @window_ms milliseconds.
 */
#ifndef XEN_IB_IBBACK_THROTTLE_H
#define XEN_IB_IBBACK_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle {
	uint32_t limit;
	uint32_t window_ms;
	uint64_t window_start; /* ms, of the clock the caller passes */
	uint32_t used;
};

static inline void throttle_init(struct throttle *t, uint32_t limit, uint32_t window_ms)
{
	*t = (struct throttle){ .limit = limit, .window_ms = window_ms };
}

/* Take one. Returns 0, or the milliseconds until the next window when there is none left.
 */
static inline uint32_t throttle_take(struct throttle *t, uint64_t now_ms)
{
	if (now_ms - t->window_start >= t->window_ms) {
		t->window_start = now_ms;
		t->used = 0;
	}
	if (t->used < t->limit) {
		t->used++;
		return 0;
	}
	return (uint32_t)(t->window_start + t->window_ms - now_ms);
}

#endif
