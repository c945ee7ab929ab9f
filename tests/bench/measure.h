/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the benchmarks share: two processors, the floors they are compared
 * with, and the line a figure is printed as.
 *
 * Each figure is the median of its rounds, and so is its floor; the rounds of
 * both take turns, so that a machine that slows down slows both.
 */
#ifndef XEN_IB_TESTS_MEASURE_H
#define XEN_IB_TESTS_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* Many short rounds: most pass between two interruptions by other processes. */
#define ROUNDS      101
#define TRIPS       2000
#define RATE_OPS    20000
#define OUTSTANDING 64

/* Look at the processors there are, and run on the first. Ends the program
 * when that fails.
 */
void measure_start(void);

/* The number of the @nth processor there is, from 0. */
int nth_processor(int nth);

/* Seconds that @client took, here, with @server on the second processor. */
double timed(void *(*server)(void *), void (*client)(void *), void *arg);
/* A server calls this when it is about to look for work. */
void serve_here(void);

/* CLOCK_MONOTONIC in seconds. */
double now(void);

/* The middle one of ROUNDS values, which are sorted by it. */
double median(double *values);

/* One JSON object a line. "ratio" is how many times the floor it is: of a
 * time, above 1 is worse; of a rate, below 1 is.
 */
void print_figure(const char *name, double value, const char *unit, double floor);

/* Between two looks at a word that has not changed. */
static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* ---- floors: the least an exchange through shared memory can cost -------- */

/* Nanoseconds of a trip: one slot there, 8 bytes copied, one completion back. */
double floor_trip(void);

/* The same with OUTSTANDING trips at a time: millions a second. */
double floor_rate(void);

/* The same through a pair of the ABI's slot queues, which know when they are full. */
double slot_trip(void);
double slot_rate(void);

/* GB/s of memcpy on the second processor, @bytes at a time, @times over, from one
 * place after the other of the @room bytes at @from to the same of @to, while this
 * processor waits for it as for a completion.
 */
double copy_rate(void *to, const void *from, size_t room, size_t bytes,
		 unsigned int times);

#endif
