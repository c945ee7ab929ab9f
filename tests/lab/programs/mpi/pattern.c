// SPDX-License-Identifier: GPL-2.0-or-later
/* What is sent, and its comparison with what came. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

void wrong(const struct world *world, const char *what, ...)
{
	char text[256];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	fprintf(stderr, "mpi_check: rank %d: %s\n", world->rank, text);
	fflush(stderr);
	MPI_Abort(MPI_COMM_WORLD, 1);
	exit(1);
}

uint32_t *words(const struct world *world, size_t count)
{
	uint32_t *buffer = calloc(count, sizeof(*buffer));

	if (!buffer)
		wrong(world, "no memory for %zu words", count);
	return buffer;
}

/* Differs between neighbours in each of the four, as multiples of odd numbers do. */
static uint32_t word(size_t index, int from, int to, int round)
{
	return (uint32_t)index * 2654435761u + (uint32_t)from * 0x01000193u +
	       (uint32_t)to * 0x9e3779b1u + (uint32_t)round * 0x85ebca6bu;
}

void fill(uint32_t *buffer, size_t count, int from, int to, int round)
{
	for (size_t i = 0; i < count; i++)
		buffer[i] = word(i, from, to, round);
}

void verify(const struct world *world, const char *what, const uint32_t *buffer,
	    size_t count, int from, int to, int round)
{
	for (size_t i = 0; i < count; i++)
		if (buffer[i] != word(i, from, to, round))
			wrong(world,
			      "%s of %zu bytes from %d to %d, round %d: word %zu is %#x "
			      "and not %#x",
			      what, count * sizeof(*buffer), from, to, round, i,
			      buffer[i], word(i, from, to, round));
}
