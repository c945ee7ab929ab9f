/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The crash keeper: a process that has ibback's memory and none of its descriptors, and
 * outlives it by a moment.
 *
 * The kernel takes a dying process's memory before its descriptors. If ibback were
 * alone, gntdev would have to unmap grants that MRs of the HCA still pin, and a PV
 * Dom0's kernel complains of every such page. While the keeper lives the memory
 * stays: the descriptors are closed, so the kernel ends the MRs; then the keeper goes,
 * and the mappings with it.
 *
 * What of the HCA is mapped would keep its descriptor open, so the keeper first
 * unmaps that.
 */
#ifndef XEN_IB_IBBACK_CRASH_KEEPER_H
#define XEN_IB_IBBACK_CRASH_KEEPER_H

#include <sys/types.h>

/* All zeroes: there is none. Its place in memory must not change while there is. */
struct crash_keeper {
	pid_t pid;
	int fd; /* a pidfd, for whoever wants to know that it has ended */

	/* of crash_keeper.c */
	int watched; /* ibback's pidfd in the keeper */
	const char *hca_files;
	void *stack;
};

/* How names of files begin that an HCA's memory is mapped of. */
#define HCA_FILES "/dev/infiniband/uverbs"

/*
 * Start it, before the process has threads; @hca_files is HCA_FILES, kept and not
 * copied. It ignores all signals but those that nobody can, and has a session of its
 * own. Returns 0, or -1 and errno.
 */
int crash_keeper_start(struct crash_keeper *k, const char *hca_files);

/* End it; nothing that is mapped of guests may be registered any more. Harmless
 * where there is none.
 */
void crash_keeper_stop(struct crash_keeper *k);

#endif
