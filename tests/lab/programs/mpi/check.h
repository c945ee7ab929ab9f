/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mpi_check: what MPI moves between its ranks is what was sent. Every word that arrives
 * is compared; the first that is wrong is said, and ends the job.
 */
#ifndef XEN_IB_LAB_MPI_CHECK_H
#define XEN_IB_LAB_MPI_CHECK_H

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

/* MPI_COMM_WORLD, as this rank sees it. */
struct world {
	int rank;
	int size; /* ranks */
};

/* How much a check has moved, all ranks together; for the line that rank 0 prints. */
struct moved {
	uint64_t messages; /* or one-sided operations */
	uint64_t bytes;
};

/* A ring, all to all, and one-sided. Each returns on all ranks at once, or not at all. */
struct moved ring(const struct world *world);
struct moved all_to_all(const struct world *world);
struct moved one_sided(const struct world *world);

/* End all ranks with exit status 1. Says @what, printf's way, and which rank said it. */
void wrong(const struct world *world, const char *what, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* @count words, all zero; the caller frees them. Ends the job if there are none. */
uint32_t *words(const struct world *world, size_t count);

/* What rank @from has for rank @to in round @round, @count words of it. */
void fill(uint32_t *buffer, size_t count, int from, int to, int round);

/* Ends the job unless @buffer has the same. @what: which operation brought it. */
void verify(const struct world *world, const char *what, const uint32_t *buffer,
	    size_t count, int from, int to, int round);

#endif
