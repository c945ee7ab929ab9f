/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long it pays to spin after the last work. */
#ifndef XEN_IB_IBBACK_SPIN_H
#define XEN_IB_IBBACK_SPIN_H

#include <stdint.h>

/*
 * What going to sleep and being woken takes on this machine now, in nanoseconds: a few
 * thousand on hardware, ten times that in a virtual machine, more in an emulated one.
 * Takes about a millisecond.
 */
uint64_t spin_measure_wake(void);

/* In nanoseconds. */
struct spin {
	uint64_t now; /* so long, at present: from least to most */
	uint64_t least;
	uint64_t most;
};

/* Always @ns. */
void spin_fix(struct spin *spin, uint64_t ns);

/*
 * What pays where being woken takes @wake: a few turns of a guest that answers what it
 * got, which in turn is woken for each; up to four times that while it takes longer.
 */
void spin_for_wake(struct spin *spin, uint64_t wake);

/* It was not long enough: work came, and a wake-up was paid, @gap after the last. */
void spin_missed(struct spin *spin, uint64_t gap);

#endif
