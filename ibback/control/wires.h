/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wires of fabrics: each one's port of an HCA is opened as soon as it is there and
 * watched, and the fabric is up while that port is; its subnet is told of it. On RoCE the
 * GIDs of the fabric's vports are put on the network device beneath it; a vport's port is
 * down until the HCA has them. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_WIRES_H
#define XEN_IB_IBBACK_WIRES_H

#include <uv.h>

#include "control/fabric.h"
#include "wire/port.h"

struct jobs;
struct mcast;
struct wires;

/*
 * Serve the wire of every fabric of @fabrics that has one, on @loop, which is not kept by
 * that. What may sleep is done by @jobs, which are for nothing of guests. Before there
 * are vports, and after all others observe, so that a vport waits before they see it.
 * What an ibback before left on network devices that no fabric is on any more is taken
 * off, by the record @record (leftovers.h), or not with NULL. NULL and errno: ENOMEM.
 */
struct wires *wires_start(struct fabric_table *fabrics, uv_loop_t *loop,
			  struct jobs *jobs, const char *record);

/*
 * Groups of @mcast that QPs of a RoCE fabric are attached to arrive from its wire,
 * whoever has joined them at the SA. Outlives the wires, which watch it alone.
 */
void wires_watch_groups(struct wires *wires, struct mcast *mcast);

/*
 * No vport is attached any more, and no job runs: the loop has ended. The handles close
 * with its next turn, and then all is freed. NULL is harmless.
 */
void wires_stop(struct wires *wires);

/* True once each HCA was looked for: who is there is open, and its subnet has what it
 * could claim.
 */
bool wires_looked(const struct wires *wires);

/* What is known of the wire of @fabric. */
struct wire_view {
	const struct wire_port_state *state; /* when it was looked last; NULL: no HCA */
	const char *netdev;                  /* RoCE: that of the addresses; "": none */
};

/* False if @fabric is no wire's. */
bool wires_view(const struct wires *wires, const struct fabric *fabric,
		struct wire_view *view);

#endif
