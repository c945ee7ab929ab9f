// SPDX-License-Identifier: GPL-2.0-or-later
/* Each rank sends each other one words of its own, all at once. */
#include <stdlib.h>

#include "check.h"

#define ROUNDS 3

static const size_t sizes[] = { 8, 1024, 65536 }; /* bytes, for each rank */

struct moved all_to_all(const struct world *world)
{
	size_t ranks = (size_t)world->size;
	struct moved moved = {};

	for (size_t n = 0; n < sizeof(sizes) / sizeof(*sizes); n++) {
		size_t count = sizes[n] / sizeof(uint32_t);
		uint32_t *out = words(world, count * ranks);
		uint32_t *in = words(world, count * ranks);

		for (int round = 0; round < ROUNDS; round++) {
			for (int to = 0; to < world->size; to++)
				fill(out + (size_t)to * count, count, world->rank, to,
				     round);
			MPI_Alltoall(out, (int)count, MPI_UINT32_T, in, (int)count,
				     MPI_UINT32_T, MPI_COMM_WORLD);
			for (int from = 0; from < world->size; from++)
				verify(world, "MPI_Alltoall", in + (size_t)from * count,
				       count, from, world->rank, round);
		}
		free(in);
		free(out);
		moved.messages += ROUNDS * ranks * ranks;
		moved.bytes += ROUNDS * ranks * ranks * sizes[n];
	}
	return moved;
}
