/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event channel between two threads of a test. One that is waited for and
 * never comes ends in a failure and not in a hang.
 */
#ifndef XEN_IB_TESTS_WAKEUP_H
#define XEN_IB_TESTS_WAKEUP_H

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Far beyond what a loaded machine keeps a thread waiting. */
#define WAKEUP_PATIENCE_MS 20000
/* How long a test of a race looks for it. */
#define RACE_SECONDS       1.5

static inline double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline int wakeup_open(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	if (fd < 0)
		abort();
	return fd;
}

static inline void wakeup_send(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* Wait for an event and take it; false if none came. */
static inline bool wakeup_wait(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t count;

	/* Most waits are short, and going to sleep is slow. */
	for (int i = 0; i < 50; i++)
		if (read(fd, &count, sizeof(count)) == sizeof(count))
			return true;
	if (poll(&pfd, 1, WAKEUP_PATIENCE_MS) != 1)
		return false;
	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/*
 * Hold @thread on the @nth of this process' processors, so that a race is one
 * between processors; unless there is only one.
 */
static inline void run_on(pthread_t thread, int nth)
{
	static cpu_set_t all; /* as they were before the first was held */
	cpu_set_t one;

	if (CPU_COUNT(&all) == 0 && sched_getaffinity(0, sizeof(all), &all) < 0)
		abort();
	nth %= CPU_COUNT(&all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || nth--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(thread, sizeof(one), &one);
		return;
	}
}

/* Spin some 0 to 255 steps, so that two threads meet in ever other ways. */
static inline void jitter(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	for (volatile uint32_t i = *seed >> 24; i; i--)
		;
}

/* Wait until *@word is @value; false if it never is. */
static inline bool spin_until(const uint32_t *word, uint32_t value)
{
	double end = 0;

	for (uint32_t spins = 1; __atomic_load_n(word, __ATOMIC_ACQUIRE) != value;
	     spins++) {
		if (spins % 4096)
			continue;
		sched_yield();
		if (end == 0)
			end = seconds_now() + WAKEUP_PATIENCE_MS / 1e3;
		else if (seconds_now() > end)
			return false;
	}
	return true;
}

#endif
