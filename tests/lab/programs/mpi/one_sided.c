// SPDX-License-Identifier: GPL-2.0-or-later
/* Windows: put and get, accumulate, and atomics that ranks contend for. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define COUNTERS 64
#define FETCHES  10 /* of each rank */
#define STEPS    8

static const size_t sizes[] = { 8, 4096, 65536 }; /* bytes, for each rank */

/* A window of @bytes on each rank, which is zero; MPI_Win_free() frees it. */
static MPI_Win window(const struct world *world, size_t bytes, int unit, void **memory)
{
	MPI_Win win;

	MPI_Win_allocate((MPI_Aint)bytes, unit, MPI_INFO_NULL, MPI_COMM_WORLD, memory,
			 &win);
	MPI_Win_lock(MPI_LOCK_EXCLUSIVE, world->rank, 0, win);
	memset(*memory, 0, bytes);
	MPI_Win_unlock(world->rank, win);
	/* Nobody writes before all of it is zero. */
	MPI_Barrier(MPI_COMM_WORLD);
	return win;
}

/* Each rank has a place in each window. */
static void put_and_get(const struct world *world, size_t count, struct moved *moved)
{
	size_t ranks = (size_t)world->size;
	MPI_Aint place = (MPI_Aint)((size_t)world->rank * count);
	uint32_t *out = words(world, count * ranks), *back = words(world, count * ranks);
	uint32_t *mine;
	void *memory;
	MPI_Win win;

	win = window(world, count * ranks * sizeof(*mine), sizeof(*mine), &memory);
	mine = memory;
	MPI_Win_fence(MPI_MODE_NOPRECEDE, win);
	for (int to = 0; to < world->size; to++) {
		uint32_t *part = out + (size_t)to * count;

		fill(part, count, world->rank, to, 0);
		MPI_Put(part, (int)count, MPI_UINT32_T, to, place, (int)count,
			MPI_UINT32_T, win);
	}
	MPI_Win_fence(0, win);
	for (int from = 0; from < world->size; from++)
		verify(world, "MPI_Put", mine + (size_t)from * count, count, from,
		       world->rank, 0);
	for (int to = 0; to < world->size; to++)
		MPI_Get(back + (size_t)to * count, (int)count, MPI_UINT32_T, to, place,
			(int)count, MPI_UINT32_T, win);
	MPI_Win_fence(MPI_MODE_NOSUCCEED, win);
	for (int to = 0; to < world->size; to++)
		verify(world, "MPI_Get", back + (size_t)to * count, count, world->rank,
		       to, 0);
	MPI_Win_free(&win);
	free(back);
	free(out);
	moved->messages += 2 * ranks * ranks;
	moved->bytes += 2 * ranks * ranks * count * sizeof(*mine);
}

/* All add to all counters of all. */
static void accumulate(const struct world *world, struct moved *moved)
{
	uint64_t ranks = (uint64_t)world->size;
	int64_t add[COUNTERS], *mine;
	void *memory;
	MPI_Win win;

	win = window(world, sizeof(add), sizeof(*mine), &memory);
	mine = memory;
	for (int i = 0; i < COUNTERS; i++)
		add[i] = (int64_t)(world->rank + 1) * (i + 1);
	MPI_Win_fence(MPI_MODE_NOPRECEDE, win);
	for (int to = 0; to < world->size; to++)
		MPI_Accumulate(add, COUNTERS, MPI_INT64_T, to, 0, COUNTERS, MPI_INT64_T,
			       MPI_SUM, win);
	MPI_Win_fence(MPI_MODE_NOSUCCEED, win);
	for (int i = 0; i < COUNTERS; i++) {
		int64_t sum = (int64_t)(ranks * (ranks + 1) / 2) * (i + 1);

		if (mine[i] != sum)
			wrong(world, "MPI_Accumulate: counter %d is %lld and not %lld", i,
			      (long long)mine[i], (long long)sum);
	}
	MPI_Win_free(&win);
	moved->messages += ranks * ranks;
	moved->bytes += ranks * ranks * sizeof(add);
}

/* Nobody gets a number that another one got, and none is left out. */
static void fetch_and_op(const struct world *world, struct moved *moved)
{
	const int64_t one = 1;
	size_t all = (size_t)world->size * FETCHES;
	int64_t got[FETCHES], *everybodys;
	uint32_t *seen = words(world, all);
	void *memory;
	MPI_Win win;

	everybodys = calloc(all, sizeof(*everybodys));
	if (!everybodys)
		wrong(world, "no memory");
	win = window(world, sizeof(int64_t), sizeof(int64_t), &memory);
	MPI_Win_lock_all(0, win);
	for (int i = 0; i < FETCHES; i++) {
		MPI_Fetch_and_op(&one, &got[i], MPI_INT64_T, 0, 0, MPI_SUM, win);
		MPI_Win_flush(0, win);
	}
	MPI_Win_unlock_all(win);
	MPI_Gather(got, FETCHES, MPI_INT64_T, everybodys, FETCHES, MPI_INT64_T, 0,
		   MPI_COMM_WORLD);
	for (size_t i = 0; world->rank == 0 && i < all; i++) {
		int64_t number = everybodys[i];

		if (number < 0 || number >= (int64_t)all || seen[number]++)
			wrong(world,
			      "MPI_Fetch_and_op: rank %zu got %lld, not once of 0 to %zu",
			      i / FETCHES, (long long)number, all - 1);
	}
	MPI_Win_free(&win);
	free(everybodys);
	free(seen);
	moved->messages += all;
	moved->bytes += all * sizeof(one);
}

/* All try to take a number one further, at once: one of them does, each time. */
static void compare_and_swap(const struct world *world, struct moved *moved)
{
	int64_t found, last;
	void *memory;
	MPI_Win win;

	win = window(world, sizeof(found), sizeof(found), &memory);
	MPI_Win_lock_all(0, win);
	for (int64_t step = 0; step < STEPS; step++) {
		const int64_t next = step + 1;
		int won, winners;

		MPI_Compare_and_swap(&next, &step, &found, MPI_INT64_T, 0, 0, win);
		MPI_Win_flush(0, win);
		if (found != step && found != next)
			wrong(world, "MPI_Compare_and_swap: %lld at step %lld",
			      (long long)found, (long long)step);
		won = found == step;
		MPI_Allreduce(&won, &winners, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
		if (winners != 1)
			wrong(world, "MPI_Compare_and_swap: %d swapped at step %lld",
			      winners, (long long)step);
	}
	MPI_Get(&last, 1, MPI_INT64_T, 0, 0, 1, MPI_INT64_T, win);
	MPI_Win_unlock_all(win);
	if (last != STEPS)
		wrong(world, "MPI_Compare_and_swap: it ends with %lld", (long long)last);
	MPI_Win_free(&win);
	moved->messages += (uint64_t)world->size * STEPS;
	moved->bytes += (uint64_t)world->size * STEPS * sizeof(found);
}

struct moved one_sided(const struct world *world)
{
	struct moved moved = {};

	for (size_t n = 0; n < sizeof(sizes) / sizeof(*sizes); n++)
		put_and_get(world, sizes[n] / sizeof(uint32_t), &moved);
	accumulate(world, &moved);
	fetch_and_op(world, &moved);
	compare_and_swap(world, &moved);
	return moved;
}
