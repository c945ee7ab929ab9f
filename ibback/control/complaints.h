/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines in the log about what a vib could not be given: one in a while, for a guest
 * can cause as many as it likes.
 */
#ifndef XEN_IB_IBBACK_COMPLAINTS_H
#define XEN_IB_IBBACK_COMPLAINTS_H

#include "control/shortage.h"
#include "control/throttle.h"

struct guest;

struct complaints {
	const char *label; /* of log_vib_of(), as the next two */
	uint16_t domid;
	uint32_t index;
	bool maptrack;    /* the guest is on a real Xen */
	uint64_t *mapped; /* pages of all guests of that Xen: for pages.c to keep */
	struct throttle throttle;
	uint32_t unlogged;
};

void complaints_init(struct complaints *c, const char *label, uint16_t domid,
		     uint32_t index, uint64_t *mapped);

/* Is it time for a line? If not, the refusal is counted. NULL: never. */
bool complaints_due(struct complaints *c);

/* Write the line, which was due; what @s says of the guest and ibback is filled in. */
void complain(const struct guest *guest, struct shortage *s);

#endif
