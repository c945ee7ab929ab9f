// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A token goes round: whoever has it checks it all, and adds 1 to each of its words
 * before it goes on. Sizes for each way that UCX has to send: inline, copied, in place,
 * rendezvous.
 */
#include <stdlib.h>

#include "check.h"

#define LAPS 4
#define TAG  7

static const size_t sizes[] = { 8, 4096, 65536, 1u << 20 }; /* bytes */

/* Word i of a token is i + hops: how often it has been sent. */
static void check_token(const struct world *world, const uint32_t *token, size_t count,
			uint32_t hops)
{
	for (size_t i = 0; i < count; i++)
		if (token[i] != (uint32_t)i + hops)
			wrong(world,
			      "ring: a token of %zu bytes, sent %u times: word %zu is "
			      "%#x",
			      count * sizeof(*token), hops, i, token[i]);
}

static void receive(const struct world *world, uint32_t *token, size_t count,
		    uint32_t hops)
{
	int from = (world->rank + world->size - 1) % world->size;

	MPI_Recv(token, (int)count, MPI_UINT32_T, from, TAG, MPI_COMM_WORLD,
		 MPI_STATUS_IGNORE);
	check_token(world, token, count, hops);
}

static void send(const struct world *world, uint32_t *token, size_t count)
{
	for (size_t i = 0; i < count; i++)
		token[i]++;
	MPI_Send(token, (int)count, MPI_UINT32_T, (world->rank + 1) % world->size, TAG,
		 MPI_COMM_WORLD);
}

struct moved ring(const struct world *world)
{
	uint32_t ranks = (uint32_t)world->size, rank = (uint32_t)world->rank;
	struct moved moved = {};

	for (size_t n = 0; n < sizeof(sizes) / sizeof(*sizes); n++) {
		size_t count = sizes[n] / sizeof(uint32_t);
		uint32_t *token = words(world, count);

		for (size_t i = 0; i < count; i++)
			token[i] = (uint32_t)i;
		for (uint32_t lap = 0; lap < LAPS; lap++) {
			if (rank == 0)
				send(world, token, count);
			receive(world, token, count, lap * ranks + (rank ? rank : ranks));
			if (rank != 0)
				send(world, token, count);
		}
		free(token);
		moved.messages += LAPS * ranks;
		moved.bytes += LAPS * ranks * sizes[n];
	}
	return moved;
}
