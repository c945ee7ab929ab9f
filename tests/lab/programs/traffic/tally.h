/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run has to say: a line a second and the last one. */
#ifndef TRAFFIC_TALLY_H
#define TRAFFIC_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <infiniband/verbs.h>

#define TALLY_STATUSES (IBV_WC_TM_RNDV_INCOMPLETE + 1)
#define TALLY_EVENTS   (IBV_EVENT_WQ_FATAL + 1)

struct tally {
	uint64_t bytes; /* verified, the corrupt ones included */
	uint64_t corrupt;
	uint64_t completions[TALLY_STATUSES];
	uint64_t lost; /* requests that never completed */
	unsigned int errors;
	unsigned int connects;
	atomic_uint events[TALLY_EVENTS]; /* counted by another thread */
	uint64_t began;                   /* ns; 0: nothing has been connected yet */
	uint64_t next_line;
};

/* Monotonic. */
uint64_t now_ns(void);

void tally_connected(struct tally *tally);
void tally_verified(struct tally *tally, uint64_t bytes, uint64_t corrupt);
void tally_completion(struct tally *tally, enum ibv_wc_status status);
/* Says it on stderr, too. */
void tally_error(struct tally *tally, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A line if a second is over. */
void tally_tick(struct tally *tally);
double tally_seconds(const struct tally *tally);
void tally_print(const struct tally *tally, const char *role, bool connected);

#endif
