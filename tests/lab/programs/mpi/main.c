// SPDX-License-Identifier: GPL-2.0-or-later
/* mpi_check CHECK...: each in turn, and a line of rank 0's when it is done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const struct {
	const char *name;
	struct moved (*run)(const struct world *world);
} checks[] = {
	{ "ring", ring },
	{ "all_to_all", all_to_all },
	{ "one_sided", one_sided },
};

#define CHECKS (sizeof(checks) / sizeof(*checks))

static size_t found(const char *name)
{
	size_t n = 0;

	while (n < CHECKS && strcmp(checks[n].name, name))
		n++;
	return n;
}

/* On how many machines the ranks are. */
static int machines(const struct world *world)
{
	const size_t length = MPI_MAX_PROCESSOR_NAME;
	char *names = calloc((size_t)world->size, length);
	char mine[MPI_MAX_PROCESSOR_NAME] = "";
	int count = 0, bytes;

	if (!names)
		wrong(world, "no memory");
	MPI_Get_processor_name(mine, &bytes);
	MPI_Allgather(mine, (int)length, MPI_CHAR, names, (int)length, MPI_CHAR,
		      MPI_COMM_WORLD);
	for (size_t i = 0; i < (size_t)world->size; i++) {
		size_t first = 0;

		while (strncmp(names + first * length, names + i * length, length))
			first++;
		count += first == i;
	}
	free(names);
	return count;
}

int main(int argc, char **argv)
{
	struct world world;
	int on;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
	MPI_Comm_size(MPI_COMM_WORLD, &world.size);
	if (argc < 2)
		wrong(&world, "usage: mpi_check ring|all_to_all|one_sided...");
	if (world.size < 2)
		wrong(&world, "there is nobody else");
	on = machines(&world);
	for (int i = 1; i < argc; i++) {
		size_t n = found(argv[i]);
		struct moved moved;

		if (n == CHECKS)
			wrong(&world, "no check %s", argv[i]);
		moved = checks[n].run(&world);
		MPI_Barrier(MPI_COMM_WORLD);
		if (world.rank)
			continue;
		printf("%s: %d ranks on %d machines, %llu messages, %llu bytes: right\n",
		       argv[i], world.size, on, (unsigned long long)moved.messages,
		       (unsigned long long)moved.bytes);
		fflush(stdout);
	}
	MPI_Finalize();
	return 0;
}
