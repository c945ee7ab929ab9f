/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which network devices had addresses of ibback's (RTNL_PROTO_IBBACK), in a file that
 * outlives it: one that was killed leaves them, and the next takes them off those that it
 * has no fabric on any more. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_WIRE_LEFTOVERS_H
#define XEN_IB_IBBACK_WIRE_LEFTOVERS_H

#include <stdbool.h>

struct jobs;
struct leftovers;

/* Devices of a record; the oldest make room. */
#define LEFTOVERS_MAX 64

/*
 * The record @path, which is made if it is not there. NULL and errno: EWOULDBLOCK if
 * another ibback that runs has it.
 */
struct leftovers *leftovers_open(const char *path);
/* No job runs. NULL is harmless, here and below. */
void leftovers_close(struct leftovers *leftovers);

/* Addresses are about to be put on device @name. -1 and errno: that is not recorded. */
int leftovers_note(struct leftovers *leftovers, const char *name);

/*
 * Once: have @jobs take what is ours off the devices of the record of which @is_used says
 * no with @arg, and forget them.
 */
void leftovers_sweep(struct leftovers *leftovers, struct jobs *jobs,
		     bool (*is_used)(void *arg, const char *name), void *arg);

#endif
