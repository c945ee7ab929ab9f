/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An input as a list of what guests do, one after the other. */
#ifndef XEN_IB_TESTS_FUZZ_MOVES_H
#define XEN_IB_TESTS_FUZZ_MOVES_H

#include <stddef.h>
#include <stdint.h>

#include "driver.h"

enum move_what {
	MOVE_COMMAND,
	MOVE_BRING_UP,
	MOVE_SEND,
	MOVE_RECEIVE,
	MOVE_HEADER, /* words ahead of a queue's slots */
	MOVE_SLOT,   /* words in a slot of a work queue */
	MOVE_BELL,
	MOVE_PASS,
	MOVE_POLL, /* consume what is there */
	/* what a driver that shares a world with checks must not do */
	MOVE_WRITE,
	MOVE_RING,
	MOVE_LINK,
	MOVE_RECONNECT,
	MOVE_KINDS,
};

/* Who may do what. */
struct rules {
	unsigned int first_guest, num_guests;
	unsigned int kinds; /* of moves: those below this one */
	uint64_t commands;  /* mask of 1 << enum vib_command that MOVE_COMMAND may have */
	void (*after)(void); /* called after each move, unless NULL */
};

void moves_play(const uint8_t *data, size_t size, const struct rules *rules);

#endif
