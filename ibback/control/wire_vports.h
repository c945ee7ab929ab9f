/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vports of a fabric with a wire. On RoCE their GIDs are put on its network device;
 * on InfiniBand the subnet's administrator is asked for their GUIDs (gsi/alias.h), or
 * they share the port's. A vport's port is down until the HCA has its GID.
 */
#ifndef XEN_IB_IBBACK_WIRE_VPORTS_H
#define XEN_IB_IBBACK_WIRE_VPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include <xen-ib/port.h>

#include "control/fabric.h"
#include "wire/port.h"

struct addresses;
struct netdev;
struct tenant;

/* All zero but for touch and arg: there is no network device. */
struct wire_vports {
	struct addresses *addresses;
	const struct netdev *netdev;
	bool infiniband;
	struct wire_port_state state; /* of InfiniBand: the HCA's port */
	LIST_HEAD(, tenant) tenants;  /* while there are addresses, or it is that */
	void (*touch)(void *arg); /* the HCA is to be looked at: addresses are there */
	void *arg;
};

/* GIDs of a vport that an HCA is to be looked at for. */
struct wire_check {
	const struct vport *vport;
	struct vib_gid gids[VIB_MAX_GIDS];
	bool found;
};

struct wire_checks {
	struct wire_check *all; /* NULL: there is no memory */
	size_t num;
};

/* Have the GIDs of all of @fabric's vports, and those to come, on @netdev. -1 and errno:
 * ENOMEM.
 */
int wire_vports_start(struct wire_vports *v, struct netdev *netdev,
		      struct fabric *fabric);

/* They are on InfiniBand from now on, at a port with @state; or that is another. */
void wire_vports_on_infiniband(struct wire_vports *v, struct fabric *fabric,
			       const struct wire_port_state *state);

/* How @vport is addressed there; it is told with the next wire_vports_settle(). */
void wire_vports_addressed(struct wire_vports *v, struct vport *vport,
			   enum gsi_addressed how);
void wire_vports_settle(struct wire_vports *v);

/* The device is stopped. Harmless without one. */
void wire_vports_stop(struct wire_vports *v);

/* The fabric's observer's functions; harmless without a device. */
int wire_vports_attached(struct wire_vports *v, struct vport *vport);
void wire_vports_changed(struct wire_vports *v, struct vport *vport);
void wire_vports_detaching(struct wire_vports *v, struct vport *vport);

/* An HCA that was away, or down, has GIDs a while later: they wait for it. True if there
 * are any.
 */
bool wire_vports_doubt(struct wire_vports *v);

/* What is to be looked for, into @checks->all, the caller's to free. */
void wire_vports_checks(const struct wire_vports *v, struct wire_checks *checks);

/* Look for it at @port. On a worker. */
void wire_checks_look(const struct wire_port *port, struct wire_checks *checks);

/* That was found, or not, at HCA @device. */
void wire_vports_take(struct wire_vports *v, const char *device,
		      const struct wire_checks *checks);

/* Is it to be looked again soon? */
bool wire_vports_wait(const struct wire_vports *v);

#endif
