/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port of an HCA of this domain, through libibverbs: what a fabric with a wire has.
 * It is opened once, by the control thread, and is gone when its HCA is.
 *
 * Nothing here keeps what the HCA's tables say: GIDs and P_Keys are looked up each time,
 * as both come and go.
 */
#ifndef XEN_IB_IBBACK_WIRE_PORT_H
#define XEN_IB_IBBACK_WIRE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen-ib/port.h>

struct ibv_context;
struct wire_port;

#define WIRE_NAME_MAX   64 /* of an HCA, its end included */
#define WIRE_NETDEV_MAX 16 /* of a network interface, the same */

/* What becomes of the port; called by wire_port_read_events() with @arg. */
struct wire_port_events {
	/* Its state, GIDs, P_Keys, LID or subnet manager are others, or may be. */
	void (*changed)(struct wire_port *port, void *arg);
	/* The subnet manager asks for everything anew. */
	void (*reregister)(struct wire_port *port, void *arg);
	/*
	 * The HCA is being removed, or has failed: everything at it is lost. All that
	 * guests have there is to be destroyed and the port closed. Called once.
	 */
	void (*gone)(struct wire_port *port, void *arg);
	/* No guest is at it any more; from within wire_guest_free(). May close it. */
	void (*left)(struct wire_port *port, void *arg);
};

/* The port at one moment. Numbers as in PortInfo (IBTA vol. 1 §14.2.5.6). */
struct wire_port_state {
	bool active;
	bool ethernet; /* RoCE; else InfiniBand */
	uint32_t mtu;  /* bytes, in force */
	uint16_t lid;  /* of InfiniBand, as are these */
	uint16_t sm_lid;
	uint8_t sm_sl;
	struct vib_gid gid; /* the port's own, and how many there is room for */
	unsigned int gids;
	uint8_t active_width;
	uint16_t active_speed;
	char netdev[WIRE_NETDEV_MAX]; /* of RoCE; empty if there is none */
};

/*
 * Open port @port of HCA @device, whose events go to @events with @arg; both outlive it.
 * NULL and errno: ENODEV if there is no such HCA or port, or libibverbs'.
 */
struct wire_port *wire_port_open(const char *device, uint8_t port,
				 const struct wire_port_events *events, void *arg);

/* How many guests are at it. */
unsigned int wire_port_users(const struct wire_port *port);

/* No guest is at it. */
void wire_port_close(struct wire_port *port);

/* Readable when there are events: then call the other, until the port is closed. */
int wire_port_fd(const struct wire_port *port);
void wire_port_read_events(struct wire_port *port);

const char *wire_port_device(const struct wire_port *port);
uint8_t wire_port_number(const struct wire_port *port);

/*
 * Its state, from the HCA. -1 and errno: the HCA is lost. Any thread. QPs that get their
 * path afterwards have its MTU at most.
 */
int wire_port_state(struct wire_port *port, struct wire_port_state *state);

/*
 * The index of @gid at the HCA, of RoCE v2 if it is Ethernet. -1 and errno: ENOENT if the
 * port does not have it now. Any thread; takes a system call.
 */
int wire_port_gid_index(const struct wire_port *port, const struct vib_gid *gid);

/* The GID at @index of the HCA's table, of whichever kind. -1 and errno. As above. */
int wire_port_gid_at(const struct wire_port *port, unsigned int index,
		     struct vib_gid *gid);

/* The index of P_Key @pkey, with that membership. -1 and errno: ENOENT. As above. */
int wire_port_pkey_index(const struct wire_port *port, uint16_t pkey);

/* For who needs more of libibverbs. */
struct ibv_context *wire_port_context(const struct wire_port *port);

#endif
