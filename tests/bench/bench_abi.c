// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the ABI's own structures cost between two processors, beside floors
 * measured in the same run: see measure.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen-ib/doorbell.h>
#include <xen-ib/slot.h>

#include "measure.h"

#define RINGS      20000
#define COPY_BYTES (32u << 20)

/* ---- alone ------------------------------------------------------------- */

static struct vib_doorbell_page page __attribute__((aligned(VIB_PAGE_SIZE)));

/* Nanoseconds of ringing with the poller awake, on lines that stay here. */
static double ring_cost(void)
{
	double start = now();
	uint32_t wakes = 0;

	for (uint32_t i = 0; i < RINGS; i++)
		wakes += (uint32_t)vib_doorbell_ring(&page, i % 4096);
	if (wakes)
		abort();
	return (now() - start) / RINGS * 1e9;
}

/* The least a bell can be: one locked operation on a line that stays here. */
static double locked_cost(void)
{
	static uint64_t word __attribute__((aligned(VIB_LINE)));
	double start = now();

	for (uint32_t i = 0; i < RINGS; i++)
		__atomic_fetch_or(&word, 1ull << i % 64, __ATOMIC_SEQ_CST);
	return (now() - start) / RINGS * 1e9;
}

int main(void)
{
	double floor_ns[ROUNDS], floor_mops[ROUNDS], trip_ns[ROUNDS], rate[ROUNDS];
	double ring_ns[ROUNDS], locked_ns[ROUNDS], copy[ROUNDS];
	char *from = malloc(COPY_BYTES), *to = malloc(COPY_BYTES);

	if (!from || !to) {
		perror("bench");
		return 1;
	}
	measure_start();
	memset(from, 1, COPY_BYTES);
	memset(to, 2, COPY_BYTES);

	for (int i = 0; i < ROUNDS; i++) {
		floor_ns[i] = floor_trip();
		floor_mops[i] = floor_rate();
		trip_ns[i] = slot_trip();
		rate[i] = slot_rate();
		ring_ns[i] = ring_cost();
		locked_ns[i] = locked_cost();
		copy[i] = copy_rate(to, from, COPY_BYTES, COPY_BYTES, 1);
	}

	print_figure("slot_lat_64", median(trip_ns), "ns", median(floor_ns));
	print_figure("slot_rate_64", median(rate), "M/s", median(floor_mops));
	print_figure("doorbell_ring", median(ring_ns), "ns", median(locked_ns));
	/* A floor for later figures and its own. */
	print_figure("memcpy_32m", median(copy), "GB/s", median(copy));
	free(from);
	free(to);
	return 0;
}
