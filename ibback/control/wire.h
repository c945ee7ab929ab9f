/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A wire of a fabric: what wires.c and its parts know of it. Each part writes what is its
 * own here, and others read it. Belongs to the control thread, but for what a job has.
 */
#ifndef XEN_IB_IBBACK_CONTROL_WIRE_H
#define XEN_IB_IBBACK_CONTROL_WIRE_H

#include <net/if.h>
#include <sys/queue.h>

#include <uv.h>

#include "control/fabric.h"
#include "control/jobs.h"
#include "control/wire_vports.h"
#include "wire/port.h"
#include "wire/segments.h"
#include "wire/umad.h"

struct leftovers;
struct mcast;
struct netdev;
struct wires;

struct wire {
	/* wires.c */
	struct fabric_observer observer;
	struct fabric *fabric;
	struct wires *wires;
	struct wire_vports vports;
	bool stopping;
	LIST_ENTRY(wire) entry;

	/* wire_hca.c: the port, fabric->wire, while it is open */
	uv_poll_t *poll; /* of its events */
	bool gone;       /* it is to be closed when the job has ended */

	/* wire_look.c: what was found there last */
	struct wire_port_state state; /* while there is a port */
	uint16_t pkeys[UMAD_PKEYS];   /* its P_Keys, the same */
	bool pkeys_doubted;           /* an event came; or they were not read */
	bool reregister;              /* the subnet's manager has asked for it */
	int pkeys_said;               /* why P_Keys were not read, as it was logged */
	int said;                     /* why there is none, as it was logged */
	bool was_there;               /* once; and so was it of RoCE, or was not */
	bool ethernet;
	uv_timer_t timer;
	struct job job;
	bool running;
	bool touched; /* since the job began */
	/* The job's own, while it runs. */
	struct wire_port *port; /* that of the fabric, or what it opened */
	struct wire_port_state seen;
	bool read_pkeys; /* into @seen_pkeys, */
	uint16_t seen_pkeys[UMAD_PKEYS];
	int pkeys_error; /* or why not */
	int error;
	char why[SEGMENTS_WHY_MAX]; /* it is not to be used; "": that is not known */
	struct wire_checks checks;

	/* wire_netdev.c */
	struct netdev *netdev; /* RoCE, once the HCA was there; or NULL */
	bool netdev_said;
	char said_netdev[IF_NAMESIZE]; /* of which name, "" for none */

	/* wire_subnet.c */
	bool subnet_told;
	bool joins_said; /* that a group could not be had, */
	bool quota_said; /* or was more than a guest may have */
};

/* wires.c */
struct wires {
	uv_loop_t *loop;
	struct jobs *jobs;
	struct mcast *mcast;         /* that is watched; or NULL */
	struct leftovers *leftovers; /* NULL: there is no record */
	bool swept;                  /* by that */
	LIST_HEAD(, wire) all;
};

/* Once it is known which network devices fabrics are on, take off what an ibback before
 * left on others.
 */
void wires_sweep(struct wires *wires);

#endif
