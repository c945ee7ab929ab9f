// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/lid_turns.h"

#include <stdlib.h>

#include "lids.h"

/* LIDs that are tried beside that of the GUID, where others have it. */
#define NEAR 16

struct lid_turn {
	TAILQ_ENTRY(lid_turn) entry;
	uint64_t guid; /* whose it was last; 0: nobody's yet */
	bool ended;
};

bool lid_turns_begin(struct lid_turns *turns)
{
	if (turns->all)
		return true;
	turns->all = calloc(LID_UNICAST_MAX + 1, sizeof(*turns->all));
	TAILQ_INIT(&turns->ended);
	turns->next_new = LID_SA + 1;
	return turns->all != NULL;
}

void lid_turns_free(struct lid_turns *turns)
{
	free(turns->all);
	*turns = (struct lid_turns){ 0 };
}

static uint16_t choose_new(struct lid_turns *turns,
			   bool (*is_free)(void *arg, uint16_t lid), void *arg)
{
	while (turns->next_new <= LID_UNICAST_MAX) {
		uint16_t lid = turns->next_new++;

		if (!turns->all[lid].guid && is_free(arg, lid))
			return lid;
	}
	return 0;
}

/* Others, as vports, may have come to it meanwhile. */
static uint16_t choose_oldest(const struct lid_turns *turns,
			      bool (*is_free)(void *arg, uint16_t lid), void *arg)
{
	const struct lid_turn *turn;

	TAILQ_FOREACH(turn, &turns->ended, entry)
	if (is_free(arg, (uint16_t)(turn - turns->all)))
		return (uint16_t)(turn - turns->all);
	return 0;
}

uint16_t lid_turns_choose(struct lid_turns *turns, uint64_t guid,
			  bool (*is_free)(void *arg, uint16_t lid), void *arg)
{
	uint16_t lid;

	for (uint16_t tried = 0; tried < NEAR; tried++) {
		lid = lid_choice(guid, tried);
		if ((!turns->all[lid].guid || turns->all[lid].guid == guid) &&
		    is_free(arg, lid))
			return lid;
	}
	lid = choose_new(turns, is_free, arg);
	return lid ? lid : choose_oldest(turns, is_free, arg);
}

void lid_turns_give(struct lid_turns *turns, uint16_t lid, uint64_t guid)
{
	struct lid_turn *turn = &turns->all[lid];

	if (turn->ended)
		TAILQ_REMOVE(&turns->ended, turn, entry);
	turn->ended = false;
	turn->guid = guid;
}

void lid_turns_end(struct lid_turns *turns, uint16_t lid)
{
	struct lid_turn *turn = &turns->all[lid];

	turn->ended = true;
	TAILQ_INSERT_TAIL(&turns->ended, turn, entry);
}
