/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose each LID beyond the wire was: a guest may use one that has ended for a while, and
 * is not to find somebody else there. One that nobody had comes first, then the one that
 * ended longest ago.
 */
#ifndef XEN_IB_IBBACK_GSI_LID_TURNS_H
#define XEN_IB_IBBACK_GSI_LID_TURNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct lid_turn;

/* All zero: nobody had any yet. */
struct lid_turns {
	struct lid_turn *all;                  /* by LID; NULL before the first */
	TAILQ_HEAD(lid_ended, lid_turn) ended; /* in this order */
	uint16_t next_new;                     /* below it all were looked at */
};

/* May any be given? false: there is no memory. */
bool lid_turns_begin(struct lid_turns *turns);
void lid_turns_free(struct lid_turns *turns);

/*
 * The LID for who has @guid, not 0; 0 if there is none. @is_free says with @arg what may
 * be given. First that which follows from the GUID, if it was nobody else's.
 */
uint16_t lid_turns_choose(struct lid_turns *turns, uint64_t guid,
			  bool (*is_free)(void *arg, uint16_t lid), void *arg);

/* It is given; it has ended. */
void lid_turns_give(struct lid_turns *turns, uint16_t lid, uint64_t guid);
void lid_turns_end(struct lid_turns *turns, uint16_t lid);

#endif
