// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/spin.h"

#include <sys/prctl.h>
#include <time.h>

#include "engine/clock.h"

#define SAMPLES     8
#define NAP_NS      50000

/* A guest's turn is an interrupt, a process that is woken, its work: some five each. */
#define WAKES       20
#define SPIN_MIN_NS 50000
#define SPIN_MAX_NS 5000000

/* How much longer than it should a nap takes. */
static uint64_t oversleep(void)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	uint64_t began = clock_ns(), took;

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	took = clock_ns() - began;
	return took > NAP_NS ? took - NAP_NS : 0;
}

uint64_t spin_measure_wake(void)
{
	int slack = prctl(PR_GET_TIMERSLACK);
	uint64_t least = UINT64_MAX;

	prctl(PR_SET_TIMERSLACK, 1ul);
	/* The least: what else this machine does only adds. */
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t took = oversleep();

		if (took < least)
			least = took;
	}
	if (slack > 0)
		prctl(PR_SET_TIMERSLACK, (unsigned long)slack);
	return least;
}

uint64_t spin_for_wake(uint64_t wake)
{
	if (wake < SPIN_MIN_NS / WAKES)
		return SPIN_MIN_NS;
	return wake < SPIN_MAX_NS / WAKES ? wake * WAKES : SPIN_MAX_NS;
}
