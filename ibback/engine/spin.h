/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long it pays to spin. */
#ifndef XEN_IB_IBBACK_SPIN_H
#define XEN_IB_IBBACK_SPIN_H

#include <stdint.h>

/*
 * What going to sleep and being woken takes on this machine now, in nanoseconds: a few
 * thousand on hardware, ten times that in a virtual machine, more in an emulated one.
 * Takes about a millisecond.
 */
uint64_t spin_measure_wake(void);

/*
 * How long to spin after the last work, in nanoseconds, where being woken takes @wake:
 * a few turns of a guest that answers what it got, which in turn is woken for each.
 */
uint64_t spin_for_wake(uint64_t wake);

#endif
