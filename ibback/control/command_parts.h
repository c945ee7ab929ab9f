/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a command goes on, for the files that know what is to be done: what it wants mapped
 * (c->trees), then done at the HCA by a worker (c->at_hca), then made of both on the
 * control thread (c->make), which may ask for more at the HCA; and what is left in
 * c->memory at its end. object_command.c does so.
 */
#ifndef XEN_IB_IBBACK_COMMAND_PARTS_H
#define XEN_IB_IBBACK_COMMAND_PARTS_H

#include "control/object_command.h"

/* Have @pages be mapped: c->memory[], in the order of these calls. */
void command_want(struct command *c, const struct vib_pages *pages, bool writable);

/* Nobody uses @memory any more, if it is any: it is unmapped before the answer. */
void command_release(struct guest *guest, const struct memory *memory);

/* The same of all that the command has mapped and nothing was made of. */
void command_release_mapped(struct command *c);

/*
 * It took @memory, or NULL, from what it destroyed, which is unmapped when @at_hca has
 * destroyed the counterpart.
 */
void command_end_at_hca(struct command *c, const struct memory *memory,
			int (*at_hca)(struct command *c));

/* c->make of what is done at the HCA alone: the memory can go. 0. */
int command_let_go(struct command *c);

#endif
