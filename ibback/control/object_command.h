/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the control ring that make, change and destroy objects, or map memory. */
#ifndef XEN_IB_IBBACK_OBJECT_COMMAND_H
#define XEN_IB_IBBACK_OBJECT_COMMAND_H

#include <xen-ib/control.h>

#include "control/pages.h"
#include "wire/guest.h"

/* Status of a command that goes on: it maps or unmaps. No errno, which are negative. */
#define COMMAND_GOES_ON 1

/* A queue pair has two work queues; nothing needs more. */
#define COMMAND_TREES   2

/* One command, from the request to the response. */
struct command {
	struct guest *guest;
	struct vib_control_request req; /* a private copy of the frontend's */
	struct vib_control_response rsp;
	void (*answered)(struct command *command); /* one that went on: rsp is whole */

	/* What is mapped for it, and what then is made of that: a status. */
	struct vib_pages trees[COMMAND_TREES];
	bool writable[COMMAND_TREES];
	struct memory memory[COMMAND_TREES];
	unsigned int num_trees, num_mapped;
	/* What is then done at the HCA, by a worker: a status. NULL: nothing. */
	int (*at_hca)(struct command *command);
	struct job hca_job;
	int hca_status;
	int refusal; /* why what was made there is taken back */
	/* What it is about there. */
	struct wire_pd *wire_pd;
	struct wire_mr *wire_mr;
	struct wire_qp *wire_qp;
	struct wire_srq *wire_srq;
	struct wire_mw *wire_mw;
	struct srq *srq;            /* that the QP received from there, or NULL */
	struct memory memory_again; /* of an MR that is registered anew */
	struct vib_cmd_modify_qp modify;
	struct wire_source source;
	int (*make)(struct command *command);
	struct vib_cmd_reg_mr want; /* of REREG_MR */
};

/*
 * Execute command->req for command->guest and fill rsp.u, which is zero. Returns the
 * response's status: 0 or a negative errno, -EOPNOTSUPP for a command that is none of
 * these; or COMMAND_GOES_ON, and answered() is called when rsp and its status are
 * there. The guest's tables change only by its commands, of which there is one at a
 * time: what was checked before still holds when memory is there, but for what its
 * programs bind and post meanwhile, which is looked at again.
 */
int object_command(struct command *command);

/*
 * The guest has gone: destroy all it has, at once, and unmap its memory. @ended is called
 * when that is done; false: it was done at once. A command that goes on is not answered.
 */
bool object_clear(struct guest *guest, void (*ended)(struct guest *guest));

#endif
