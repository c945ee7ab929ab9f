// SPDX-License-Identifier: GPL-2.0-or-later
/* Windows: put and get, accumulate, and atomics that ranks contend for. */
#include <stdlib.h>

#include "check.h"

#define COUNTERS 64
#define FETCHES  10 /* of each rank */
#define TURNS    3  /* with the lock, of each rank */

static const size_t sizes[] = { 8, 4096, 65536 }; /* bytes, for each rank */

/* A window of @bytes on each rank, which is zero; MPI_Win_free() frees it. */
static MPI_Win window(size_t bytes, int unit, void **memory)
{
	MPI_Win win;

	MPI_Win_allocate((MPI_Aint)bytes, unit, MPI_INFO_NULL, MPI_COMM_WORLD, memory,
			 &win);
	for (size_t i = 0; i < bytes; i++)
		((char *)*memory)[i] = 0;
	/* Nobody writes before all of it is zero. */
	MPI_Win_fence(0, win);
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

	win = window(count * ranks * sizeof(*mine), sizeof(*mine), &memory);
	mine = memory;
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
	MPI_Win_fence(0, win);
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

	win = window(sizeof(add), sizeof(*mine), &memory);
	mine = memory;
	for (int i = 0; i < COUNTERS; i++)
		add[i] = (int64_t)(world->rank + 1) * (i + 1);
	for (int to = 0; to < world->size; to++)
		MPI_Accumulate(add, COUNTERS, MPI_INT64_T, to, 0, COUNTERS, MPI_INT64_T,
			       MPI_SUM, win);
	MPI_Win_fence(0, win);
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
	win = window(sizeof(int64_t), sizeof(int64_t), &memory);
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

/* A lock in rank 0's window, taken by compare and swap; a counter that only its owner
 * changes. */
static void compare_and_swap(const struct world *world, struct moved *moved)
{
	enum { LOCK, COUNTER, PLACES };
	const int64_t nobody = 0, me = world->rank + 1,
		      all = (int64_t)world->size * TURNS;
	int64_t owner, counter;
	void *memory;
	MPI_Win win;

	win = window(PLACES * sizeof(int64_t), sizeof(int64_t), &memory);
	MPI_Win_lock_all(0, win);
	for (int turn = 0; turn < TURNS; turn++) {
		do {
			MPI_Compare_and_swap(&me, &nobody, &owner, MPI_INT64_T, 0, LOCK,
					     win);
			MPI_Win_flush(0, win);
		} while (owner != nobody);
		MPI_Get(&counter, 1, MPI_INT64_T, 0, COUNTER, 1, MPI_INT64_T, win);
		MPI_Win_flush(0, win);
		counter++;
		MPI_Put(&counter, 1, MPI_INT64_T, 0, COUNTER, 1, MPI_INT64_T, win);
		MPI_Win_flush(0, win);
		MPI_Fetch_and_op(&nobody, &owner, MPI_INT64_T, 0, LOCK, MPI_REPLACE, win);
		MPI_Win_flush(0, win);
		if (owner != me)
			wrong(world,
			      "MPI_Compare_and_swap: the lock was rank %lld's, too",
			      (long long)owner - 1);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Get(&counter, 1, MPI_INT64_T, 0, COUNTER, 1, MPI_INT64_T, win);
	MPI_Win_unlock_all(win);
	if (counter != all)
		wrong(world, "MPI_Compare_and_swap: %lld turns were counted, not %lld",
		      (long long)counter, (long long)all);
	MPI_Win_free(&win);
	/* Tries that found it taken are not counted. */
	moved->messages += 4 * (uint64_t)all;
	moved->bytes += 4 * (uint64_t)all * sizeof(counter);
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
