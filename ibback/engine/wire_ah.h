/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address handles of an HCA, for datagrams: as many as a table of a vHCA's has room for.
 * One that is not there is asked for, which may take a second, and a QP whose datagram
 * needs it waits; but for others. The control thread has a worker make them.
 */
#ifndef XEN_IB_IBBACK_WIRE_AH_H
#define XEN_IB_IBBACK_WIRE_AH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <xen-ib/queue.h>

/* Addresses that a guest talks to at a time. */
#define WIRE_AHS 256

struct vhca_wire;

/* Where to, and as whom: the GID itself, as the vport's table may change. */
struct wire_ah_key {
	struct vib_gid from; /* zero where there is no GRH */
	struct vib_av av; /* its sgid_index is 0 */
};

enum wire_ah_state {
	WIRE_AH_NONE,
	WIRE_AH_ASKED, /* for */
	WIRE_AH_READY,
	WIRE_AH_DEAD, /* nobody is there, or a vport of this host, which has no such QP */
};

/* Outlives its entry for as long as the HCA has requests with it. */
struct wire_ah_handle {
	void *ah;           /* the HCA's; NULL: this one is free */
	unsigned int users; /* requests that are not completed */
	bool unused;        /* of no entry any more */
};

struct wire_ah {
	enum wire_ah_state state;
	struct wire_ah_key key;
	uint64_t until;  /* ns: then it is asked for anew */
	uint32_t waiter; /* QPN of one that waits for it */
	struct wire_ah_handle *handle;
	TAILQ_ENTRY(wire_ah) asked;
};

/* Under the lock of struct wire. */
struct wire_ahs {
	struct wire_ah entries[WIRE_AHS];
	TAILQ_HEAD(, wire_ah) asked;
	struct wire_ah_handle handles[2 * WIRE_AHS];
	unsigned int num_unused; /* that are to be destroyed, at most WIRE_AHS */
};

/*
 * The handle of @key in *@handle, with one user more. WIRE_AH_ASKED: the QP @qpn is
 * kicked when it is there. A poller.
 */
enum wire_ah_state wire_ah_find(struct vhca_wire *wire, const struct wire_ah_key *key,
				uint64_t now, uint32_t qpn,
				struct wire_ah_handle **handle);
/* It has one user less. */
void wire_ah_drop(struct vhca_wire *wire, struct wire_ah_handle *handle);

/* For the control thread: the next that was asked for, or NULL. */
struct wire_ah *wire_ah_next(struct vhca_wire *wire);
/* It is @ah; NULL: it is dead. Returns the QPN to be kicked, or 0. */
uint32_t wire_ah_resolve(struct vhca_wire *wire, struct wire_ah *entry, void *ah,
			 uint64_t now);
/* Take one that neither is used any more nor has users; NULL: there is none. Any thread.
 */
void *wire_ah_take_unused(struct vhca_wire *wire);
/* Have none any more: all are unused. No poller asks any more. */
void wire_ah_give_up(struct vhca_wire *wire);

#endif
