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
#define GROWTH      4

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

void spin_fix(struct spin *spin, uint64_t ns)
{
	spin->least = spin->most = spin->now = ns;
}

void spin_for_wake(struct spin *spin, uint64_t wake)
{
	uint64_t ns = wake < SPIN_MAX_NS / WAKES ? wake * WAKES : SPIN_MAX_NS;

	spin_fix(spin, ns < SPIN_MIN_NS ? SPIN_MIN_NS : ns);
	spin->most = GROWTH * spin->least;
}

/* What comes later than that is not worth waiting for, however long. */
void spin_missed(struct spin *spin, uint64_t gap)
{
	if (gap > spin->most)
		spin->now = spin->least;
	else if (gap > spin->now)
		spin->now = 2 * spin->now < spin->most ? 2 * spin->now : spin->most;
}
