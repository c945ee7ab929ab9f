// SPDX-License-Identifier: GPL-2.0-or-later
#include "measure.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen-ib/slot.h>

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), by_size);
	return values[ROUNDS / 2];
}

void print_figure(const char *name, double value, const char *unit, double floor)
{
	printf("{\"name\":\"%s\",\"value\":%.4g,\"unit\":\"%s\",\"floor\":%.4g,"
	       "\"ratio\":%.3f}\n",
	       name, value, unit, floor, value / floor);
	fflush(stdout);
}

/* ---- two processors ---------------------------------------------------- */

static cpu_set_t cpus; /* as they were at the start */

int nth_processor(int nth)
{
	nth %= CPU_COUNT(&cpus);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus) && nth-- == 0)
			return cpu;
	return 0;
}

static void run_on(int nth)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(nth_processor(nth), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void measure_start(void)
{
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0) {
		perror("bench: processors");
		exit(1);
	}
	if (CPU_COUNT(&cpus) < 2)
		fprintf(stderr,
			"bench: one processor only: round trips are the scheduler's\n");
	run_on(0);
}

/* Set by a server that is on its processor and about to look for work. */
static uint32_t server_ready;

void serve_here(void)
{
	run_on(1);
	__atomic_store_n(&server_ready, 1, __ATOMIC_RELEASE);
}

double timed(void *(*server)(void *), void (*client)(void *), void *arg)
{
	pthread_t thread;
	double start;

	server_ready = 0;
	if (pthread_create(&thread, NULL, server, arg)) {
		perror("bench: thread");
		exit(1);
	}
	while (!__atomic_load_n(&server_ready, __ATOMIC_ACQUIRE))
		relax();
	start = now();
	client(arg);
	start = now() - start;
	pthread_join(thread, NULL);
	return start;
}

/* ---- floors ------------------------------------------------------------ */

struct line {
	uint32_t turn;
	uint32_t pad;
	uint64_t word;
	uint8_t rest[VIB_LINE - 16];
} __attribute__((aligned(VIB_LINE)));

/* Twice what is outstanding, so that no slot is waited for but by its turn. */
#define LINES (2 * OUTSTANDING)

struct exchange {
	struct line there[LINES], back[LINES];
	uint32_t trips;
	uint32_t outstanding;
};

static volatile uint64_t copied;

/* Lines are used in turn by all who exchange more than one at a time. */
static uint32_t line_of(const struct exchange *x, uint32_t trip)
{
	return x->outstanding == 1 ? 0 : trip % LINES;
}

static void fill(struct line *line, uint32_t trip)
{
	memset(line->rest, (int)trip, sizeof(line->rest));
	line->word = trip;
	__atomic_store_n(&line->turn, trip, __ATOMIC_RELEASE);
}

static void await(const struct line *line, uint32_t trip)
{
	while (__atomic_load_n(&line->turn, __ATOMIC_ACQUIRE) != trip)
		relax();
}

static void *floor_server(void *arg)
{
	struct exchange *x = arg;

	serve_here();
	for (uint32_t i = 1; i <= x->trips; i++) {
		await(&x->there[line_of(x, i)], i);
		copied = x->there[line_of(x, i)].word;
		fill(&x->back[line_of(x, i)], i);
	}
	return NULL;
}

static void floor_client(void *arg)
{
	struct exchange *x = arg;
	uint32_t sent = 0;

	for (uint32_t i = 1; i <= x->trips; i++) {
		while (sent < x->trips && sent - (i - 1) < x->outstanding) {
			sent++;
			fill(&x->there[line_of(x, sent)], sent);
		}
		await(&x->back[line_of(x, i)], i);
	}
}

static double run_floor(uint32_t trips, uint32_t outstanding)
{
	static struct exchange x;

	memset(&x, 0, sizeof(x));
	x.trips = trips;
	x.outstanding = outstanding;
	return timed(floor_server, floor_client, &x);
}

double floor_trip(void)
{
	return run_floor(TRIPS, 1) / TRIPS * 1e9;
}

double floor_rate(void)
{
	return RATE_OPS / run_floor(RATE_OPS, OUTSTANDING) / 1e6;
}

/* ---- slot queues ------------------------------------------------------- */

#define ORDER 7 /* twice what is outstanding */

struct slot {
	uint32_t gen;
	uint32_t pad;
	uint64_t word;
	uint8_t rest[VIB_LINE - 16];
};

#define QUEUE_BYTES (VIB_QUEUE_SLOTS_OFFSET + (sizeof(struct slot) << ORDER))

struct queues {
	uint8_t work[QUEUE_BYTES] __attribute__((aligned(VIB_PAGE_SIZE)));
	uint8_t done[QUEUE_BYTES] __attribute__((aligned(VIB_PAGE_SIZE)));
	uint32_t ops;
	uint32_t outstanding;
};

static void open_queue(struct vib_queue *q, uint8_t *memory)
{
	vib_queue_init(q, memory, ORDER, sizeof(struct slot));
}

static void put(struct vib_queue *q, uint64_t word)
{
	struct slot *s;

	while (vib_queue_room(q) == 0)
		relax();
	s = vib_queue_next_slot(q);
	memset(s->rest, (int)word, sizeof(s->rest));
	s->word = word;
	vib_queue_produce(q);
}

static uint64_t take(struct vib_queue *q)
{
	const struct slot *s;
	uint64_t word;

	while (!(s = vib_queue_peek(q)))
		relax();
	word = s->word;
	vib_queue_consume(q);
	return word;
}

static void *slot_server(void *arg)
{
	struct queues *qs = arg;
	struct vib_queue work, done;

	open_queue(&work, qs->work);
	open_queue(&done, qs->done);
	serve_here();
	for (uint32_t i = 0; i < qs->ops; i++)
		put(&done, take(&work));
	return NULL;
}

static void slot_client(void *arg)
{
	struct queues *qs = arg;
	struct vib_queue work, done;
	uint32_t sent = 0, finished = 0;

	open_queue(&work, qs->work);
	open_queue(&done, qs->done);
	while (finished < qs->ops) {
		while (sent < qs->ops && sent - finished < qs->outstanding)
			put(&work, sent++);
		if (take(&done) != finished++) {
			fprintf(stderr, "bench: completions out of order\n");
			exit(1);
		}
	}
}

static double run_queues(uint32_t ops, uint32_t outstanding)
{
	static struct queues qs;

	memset(&qs, 0, sizeof(qs));
	qs.ops = ops;
	qs.outstanding = outstanding;
	return timed(slot_server, slot_client, &qs);
}

double slot_trip(void)
{
	return run_queues(TRIPS, 1) / TRIPS * 1e9;
}

double slot_rate(void)
{
	return RATE_OPS / run_queues(RATE_OPS, OUTSTANDING) / 1e6;
}

/* ---- copying ------------------------------------------------------------- */

struct copy {
	char *to;
	const char *from;
	size_t room;
	size_t bytes;
	unsigned int times;
	uint32_t done;
};

static void *copy_server(void *arg)
{
	struct copy *c = arg;

	serve_here();
	for (unsigned int i = 0; i < c->times; i++) {
		size_t at = i * c->bytes % c->room;

		memcpy(c->to + at, c->from + at, c->bytes);
		copied = ((volatile uint8_t *)c->to)[at];
	}
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void copy_client(void *arg)
{
	const struct copy *c = arg;

	while (!__atomic_load_n(&c->done, __ATOMIC_ACQUIRE))
		relax();
}

double copy_rate(void *to, const void *from, size_t room, size_t bytes,
		 unsigned int times)
{
	struct copy c = {
		.to = to, .from = from, .room = room, .bytes = bytes, .times = times
	};

	return (double)bytes * times / timed(copy_server, copy_client, &c) / 1e9;
}
