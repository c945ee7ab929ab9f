// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the ABI's own structures cost between two processors, beside a floor
 * measured in the same run: the least that any exchange through shared memory
 * can cost, written by hand for one slot.
 *
 * Prints one JSON object a line. Each figure is the median of its rounds, and
 * so is its floor; the rounds of both take turns, so that a machine that slows
 * down slows both. "ratio" is how many times the floor it is: of a time, above
 * 1 is worse; of a rate, below 1 is.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xen-ib/doorbell.h>
#include <xen-ib/slot.h>

/* Many short rounds: most pass between two interruptions by other processes. */
#define ROUNDS      101
#define TRIPS       2000
#define RATE_OPS    20000
#define OUTSTANDING 64
#define RINGS       20000
#define COPY_BYTES  (32u << 20)

static double now(void)
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

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_size);
	return v[ROUNDS / 2];
}

static void print(const char *name, double value, const char *unit, double floor)
{
	printf("{\"name\":\"%s\",\"value\":%.4g,\"unit\":\"%s\",\"floor\":%.4g,"
	       "\"ratio\":%.3f}\n",
	       name, value, unit, floor, value / floor);
	fflush(stdout);
}

/* ---- two processors ---------------------------------------------------- */

static cpu_set_t cpus; /* as they were at the start */

static void run_on(int nth)
{
	cpu_set_t one;

	nth %= CPU_COUNT(&cpus);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &cpus) || nth--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

/* Between two looks at a word that has not changed. */
static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Set by a server that is on its processor and about to look for work. */
static uint32_t server_ready;

static void serve_here(void)
{
	run_on(1);
	__atomic_store_n(&server_ready, 1, __ATOMIC_RELEASE);
}

/* Seconds that @client took with @server on the other processor. */
static double timed(void *(*server)(void *), void (*client)(void *), void *arg)
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

/* ---- the floor: one slot each way, by hand ----------------------------- */

struct line {
	uint32_t turn;
	uint32_t pad;
	uint64_t word;
	uint8_t rest[VIB_LINE - 16];
} __attribute__((aligned(VIB_LINE)));

struct ping_pong {
	struct line there, back;
};

static volatile uint64_t copied;

static void *floor_server(void *arg)
{
	struct ping_pong *p = arg;

	serve_here();
	for (uint32_t i = 1; i <= TRIPS; i++) {
		while (__atomic_load_n(&p->there.turn, __ATOMIC_ACQUIRE) != i)
			relax();
		copied = p->there.word;
		memset(p->back.rest, (int)i, sizeof(p->back.rest));
		p->back.word = i;
		__atomic_store_n(&p->back.turn, i, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void floor_client(void *arg)
{
	struct ping_pong *p = arg;

	for (uint32_t i = 1; i <= TRIPS; i++) {
		memset(p->there.rest, (int)i, sizeof(p->there.rest));
		p->there.word = i;
		__atomic_store_n(&p->there.turn, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(&p->back.turn, __ATOMIC_ACQUIRE) != i)
			relax();
	}
}

/* Nanoseconds of a trip there and back. */
static double floor_trip(void)
{
	static struct ping_pong p;

	memset(&p, 0, sizeof(p));
	return timed(floor_server, floor_client, &p) / TRIPS * 1e9;
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

/* GB/s of one memcpy beyond the caches. */
static double copy_bandwidth(char *to, const char *from)
{
	double start = now();

	memcpy(to, from, COPY_BYTES);
	copied = (uint8_t)to[COPY_BYTES / 2];
	return COPY_BYTES / (now() - start) / 1e9;
}

int main(void)
{
	double floor_ns[ROUNDS], floor_rate[ROUNDS], trip_ns[ROUNDS], rate[ROUNDS];
	double ring_ns[ROUNDS], locked_ns[ROUNDS], copy[ROUNDS];
	char *from = malloc(COPY_BYTES), *to = malloc(COPY_BYTES);

	if (!from || !to || sched_getaffinity(0, sizeof(cpus), &cpus) < 0) {
		perror("bench");
		return 1;
	}
	if (CPU_COUNT(&cpus) < 2)
		fprintf(stderr,
			"bench: one processor only: round trips are the scheduler's\n");
	run_on(0);
	memset(from, 1, COPY_BYTES);
	memset(to, 2, COPY_BYTES);

	for (int i = 0; i < ROUNDS; i++) {
		floor_ns[i] = floor_trip();
		floor_rate[i] = 1e3 / floor_ns[i];
		trip_ns[i] = run_queues(TRIPS, 1) / TRIPS * 1e9;
		rate[i] = RATE_OPS / run_queues(RATE_OPS, OUTSTANDING) / 1e6;
		ring_ns[i] = ring_cost();
		locked_ns[i] = locked_cost();
		copy[i] = copy_bandwidth(to, from);
	}

	print("slot_lat_64", median(trip_ns), "ns", median(floor_ns));
	print("slot_rate_64", median(rate), "M/s", median(floor_rate));
	print("doorbell_ring", median(ring_ns), "ns", median(locked_ns));
	/* A floor for later figures and its own. */
	print("memcpy_32m", median(copy), "GB/s", median(copy));
	free(from);
	free(to);
	return 0;
}
