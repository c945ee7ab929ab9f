/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A subnet's wire: what joins the GSI of a fabric with the HCA's port that the fabric
 * has, and so guests' connection managers with those of other machines. Belongs to the
 * control thread.
 */
#ifndef XEN_IB_IBBACK_SUBNET_WIRE_H
#define XEN_IB_IBBACK_SUBNET_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "gsi/gsi.h"

struct fabric;
struct subnet_wire;
struct vib;
struct vport;

/* A port of an HCA, and what is asked of who has opened it. */
struct subnet_port {
	const char *device;
	uint8_t port;
	uint8_t active_mtu; /* 1…5: 256…4096 bytes */
	uint8_t active_width;
	uint16_t active_speed;
	uint16_t pkeys[GSI_WIRE_PKEYS]; /* zero where there is none */
	bool infiniband;                /* else RoCE; the rest is of that */
	uint16_t lid, sm_lid;
	uint8_t sm_sl;
	struct vib_gid gid; /* its own */
	unsigned int gids;  /* that there is room for */
	enum gsi_addressing addressing;

	void *arg;
	/* The index of @gid in its table, for RoCE v2; -1: it is not there. */
	int (*gid_index)(void *arg, const struct vib_gid *gid);
	/* The GID there; false: none. */
	bool (*gid_at)(void *arg, unsigned int index, struct vib_gid *gid);
	/* This host receives what is sent to @mgid on the wire, or no more. False: it
	 * cannot, until subnet_wire_room() perhaps.
	 */
	bool (*join)(void *arg, const struct vib_gid *mgid, bool receives);
	/* On InfiniBand: how @vport is addressed from now on. It may not be changed from
	 * within that.
	 */
	void (*addressed)(void *arg, struct vport *vport, enum gsi_addressed how);
};

/*
 * The wire of @fabric, whose GSI is @gsi: none yet. @taken is called with @arg after
 * each MAD that came in. NULL and errno (ENOMEM).
 */
struct subnet_wire *subnet_wire_new(struct fabric *fabric, struct gsi *gsi,
				    uv_loop_t *loop, void (*taken)(void *arg), void *arg);

/*
 * It is there, or is another: @port, which is copied but for its device's name, which
 * outlives it. What cannot be opened is logged, and the fabric goes on without CM.
 */
void subnet_wire_up(struct subnet_wire *wire, const struct subnet_port *port);

/* It is gone. Harmless if it is. */
void subnet_wire_down(struct subnet_wire *wire);

/* The subnet's manager asks for all to be registered anew. */
void subnet_wire_reregister(struct subnet_wire *wire);

/* What could not be joined may be tried again. */
void subnet_wire_room(struct subnet_wire *wire);

/* Take CM, which another had. -1 and errno: ENODEV if there is no wire, EBUSY. */
int subnet_wire_reclaim(struct subnet_wire *wire);

/* Do guests connect beyond this host? */
bool subnet_wire_has_cm(const struct subnet_wire *wire);

/* What came in, and what of it was dropped. */
const struct gsi_wire_stats *subnet_wire_stats(const struct subnet_wire *wire);

/* @vib sends no more. */
void subnet_wire_forget(struct subnet_wire *wire, struct vib *vib);

/* No vport is attached any more. Its handles close with the loop's next turns. */
void subnet_wire_free(struct subnet_wire *wire);

/* The GSI's calls; @arg is the wire. */
enum gsi_drop subnet_wire_send(struct subnet_wire *wire, struct vib *vib,
			       const struct mad_packet *packet);
bool subnet_wire_join(struct subnet_wire *wire, const struct vib_gid *mgid,
		      uint8_t join_state);
bool subnet_wire_ask(struct subnet_wire *wire, const uint8_t mad[VIB_MAD_BYTES]);
void subnet_wire_addressed(struct subnet_wire *wire, struct vib *vib,
			   enum gsi_addressed how);
void subnet_wire_dropped(struct subnet_wire *wire, enum gsi_drop why);

#endif
