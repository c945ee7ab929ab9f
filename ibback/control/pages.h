/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's memory: from a page tree of the ABI (object.h) to one mapped range,
 * within the guest's quota, and back. Both sleep and so are jobs, one at a time
 * for each guest, in slices of the Xen port's: a guest with much memory keeps only
 * itself waiting.
 */
#ifndef XEN_IB_IBBACK_PAGES_H
#define XEN_IB_IBBACK_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include <xen-ib/object.h>

#include "control/hca.h"
#include "control/jobs.h"
#include "engine/memory.h"
#include "xenport/xenport.h"

struct command;
struct complaints;
struct guest;
struct vhca;

/* What is being mapped. Its worker's while a slice runs. */
struct pages_map {
	struct vib_pages tree;
	bool writable;
	struct memory *memory; /* where the result goes */
	void (*done)(struct guest *guest, int rc);

	uint8_t *range;     /* NULL: nothing is mapped or reserved yet */
	uint32_t num_done;  /* pages that are mapped, from the beginning of range on */
	uint32_t num_taken; /* pages of range that are not only reserved, or lost */
	unsigned int tries; /* ranges that another thread has taken a part of */
	int error;          /* errno: the last slice has failed */
	bool in_list;       /* at a list page */
	uint32_t bad_list;  /* of that reference */
	uint32_t num_bad, first_bad; /* or at these references */
	uint32_t num_lists;          /* of the list pages' references, 0: not read yet */
	uint32_t list;               /* that refs are from; num_lists: none */
	uint32_t lists[VIB_LIST_REFS], refs[VIB_LIST_REFS];
};

/* Pieces that are being unmapped, the worker's while a slice runs. */
#define PAGES_BATCH 64

struct pages_batch {
	unsigned int num;
	struct memory pieces[PAGES_BATCH];
	int error; /* of a piece that could not be unmapped */
};

/* The memory of one guest; all zero: none. */
struct pages {
	struct job job;
	bool busy; /* the job waits or runs */
	struct pages_map map;
	struct pages_batch batch;
	/* To be unmapped. There is room for all that there is, so that nothing fails. */
	struct memory *released;
	uint32_t num_released, room;
	uint32_t num_held; /* mapped ranges, those to be unmapped included */
	void (*unmapped)(struct guest *guest);
	void (*ended)(struct guest *guest); /* set once; atomic */
};

/* Where a guest's memory and event channels come from, and what is made of them. */
struct guest {
	struct xenport *xp;
	uint16_t domid;
	struct vhca *vhca;
	struct complaints *complaints; /* NULL: nobody is told of what it is refused */
	struct jobs *jobs;
	/*
	 * What its port answers to @in, with @arg (gsi_arg): true, and @out, which is
	 * zero. NULL: it has no MADs, and none in vhca either (mad_serve()).
	 */
	bool (*process_mad)(void *arg, const uint8_t in[VIB_MAD_BYTES],
			    uint8_t out[VIB_MAD_BYTES]);
	/* What the SA says of group @mgid and its port, with the same @arg; or NULL. */
	struct mcast_rule (*mcast_rule)(void *arg, const struct vib_gid *mgid);
	void *gsi_arg;
	struct hca hca;
	void (*ended)(struct guest *guest); /* of object_clear() */
	struct pages pages;
	struct command *command; /* that is executed, or was last: object_command.c's */
};

/*
 * Map the pages of @tree. 0: @done is called when @memory is there, or not, and nothing
 * else is begun for the guest before; else, and as @rc, a negative errno: -EINVAL for a
 * tree without pages or of too many, -ENOMEM at the quota or without memory, -ENOSPC if
 * a page cannot be mapped. The two last leave a line in the log. What a failure leaves
 * mapped is released.
 */
int pages_map(struct guest *guest, const struct vib_pages *tree, bool writable,
	      struct memory *memory, void (*done)(struct guest *guest, int rc));

/* Nobody uses @memory any more: it is unmapped by the next pages_unmap(), or at the end.
 */
void pages_release(struct guest *guest, const struct memory *memory);

/* Unmap what was released; false: there is nothing. @done as above. No more is once
 * hca_clear() is under way.
 */
bool pages_unmap(struct guest *guest, void (*done)(struct guest *guest));

/*
 * The guest has gone. What is under way ends with its slice, and its @done is not
 * called; all is to be released, which is unmapped. Then @ended is called; false: there
 * is nothing to wait for.
 */
bool pages_end(struct guest *guest, void (*ended)(struct guest *guest));

/* Nothing is mapped any more. */
void pages_fini(struct guest *guest);

#endif
