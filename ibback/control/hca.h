/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest's commands and faults ask of an HCA, on the lane of its own: it sleeps.
 * Commands are object_command.c's; here is what they have in common.
 */
#ifndef XEN_IB_IBBACK_HCA_H
#define XEN_IB_IBBACK_HCA_H

#include <stdbool.h>

#include "control/lane.h"
#include "engine/wire.h"

struct command;
struct guest;
struct vib_av;
struct wire_guest;
struct wire_port;

/* Of a guest; all zero: it has no HCA. */
struct hca {
	struct wire_guest *wire; /* NULL: none */
	const struct wire_port *port;
	uint64_t max_bytes; /* as of wire_guest_bytes() */
	bool ethernet;
	bool frwr; /* its kernel may have keys of fast registration there */
	struct lane lane;
	struct job fault; /* of the QP that failed */
	struct wire_qp *failed;
	uint32_t failed_number; /* its; it may have ended when the job is done */
	int fault_status;
	bool fault_runs;
	struct job ah; /* the one that is being made, beside the lane */
	struct wire_ah *entry;
	struct wire_ah_key ah_key;
	void *ah_made;
	bool ah_runs;
	struct job fast; /* the MR that is being made for a key */
	struct wire_want want;
	struct wire_mr *fast_made;
	bool fast_runs;
	struct jobs *runner;
	struct job clear;
	bool clearing; /* a worker may look, too */
	void (*cleared)(struct guest *guest);

	/*
	 * With @arg: is a vport of this host at @av, which the local path reaches? And
	 * the GID of LID @lid; false if there is none.
	 */
	bool (*is_local)(void *arg, const struct vib_av *av);
	bool (*gid_of_lid)(void *arg, uint16_t lid, struct vib_gid *gid);
	void *arg;
};

/*
 * Have the guest, whose vhca is there and has no objects, be at @port, by @jobs, where
 * its queues may have @max_bytes. -1 and errno: it is not.
 */
int hca_open(struct guest *guest, struct wire_port *port, uint64_t max_bytes,
	     struct jobs *jobs);

/* It has nothing there any more. Harmless without an HCA. */
void hca_close(struct guest *guest);

/*
 * Do what the engine asks for: tell the HCA of QPs that have failed, make handles, and
 * MRs for keys of fast registration (hca_fast.c).
 */
void hca_serve(struct guest *guest);
void hca_serve_fasts(struct guest *guest);

/* The GID behind a LID, of @av without one, if the fabric gives LIDs that stand for
 * such. false: nobody's.
 */
bool hca_complete_av(const struct guest *guest, struct vib_av *av);

/*
 * The guest has gone, its objects too: destroy what it has at the HCA, when what is under
 * way there is done. Then @cleared is called; false: it has no HCA.
 */
bool hca_clear(struct guest *guest, void (*cleared)(struct guest *guest));

#endif
