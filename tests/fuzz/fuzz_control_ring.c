// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hostile frontends, two of them, from a fresh connection on: any command with
 * any operands, anything in any of their pages, bells, work, ends and new
 * beginnings, with pollers passing in between. The backend may give a
 * connection up, and nothing else; nothing of a guest stays when it has gone.
 */
#include "moves.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rules rules = {
		.num_guests = 2,
		.kinds = MOVE_KINDS,
		.commands = UINT64_MAX,
	};

	world_begin();
	for (unsigned int i = 0; i < rules.num_guests; i++) {
		drivers[i].guest = &world[i];
		drivers[i].qkey = 0x1234;
		driver_begin(&drivers[i]);
	}
	moves_play(data, size, &rules);
	world_end();
	return 0;
}
