/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fabric: what vports are attached to and find each other on. It gives each
 * vport its LID and keeps GUIDs and GIDs unique. A local fabric joins the
 * guests of this host and needs no hardware; one with a wire has a port of an
 * HCA besides, and exists without it, too, but is down.
 *
 * Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_FABRIC_H
#define XEN_IB_IBBACK_FABRIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "gsi/gsi.h"
#include "lids.h"

struct vib_av;
struct vib_gid;
struct vport;
struct vport_attr;
struct wire_port;

#define FABRIC_NAME_MAX   32
/* Of an HCA, as IB_DEVICE_NAME_MAX; of a netdev, as IFNAMSIZ; with their NULs. */
#define FABRIC_DEVICE_MAX 64
#define FABRIC_NETDEV_MAX 16

/*
 * What queues of a guest's QPs at the HCA may have of memory by default: 60 QPs of UD
 * with the most slots, or some thousand of RC of 128 requests. MiB.
 */
#define FABRIC_HCA_MEM    64

/* Who is told of its vports: its subnet (subnets.h), its wire (wires.h). */
struct fabric_observer {
	/* Does @lid stand for a port that is none of the fabric's vports? May be NULL. */
	bool (*lid_taken)(struct fabric_observer *observer, uint16_t lid);
	/* It has its LID. -1 and errno: it is not attached after all. */
	int (*attached)(struct fabric_observer *observer, struct vport *vport);
	void (*changed)(struct fabric_observer *observer, struct vport *vport);
	void (*detaching)(struct fabric_observer *observer, struct vport *vport);
	LIST_ENTRY(fabric_observer) entry; /* the fabric's */
};

enum fabric_kind { FABRIC_LOCAL, FABRIC_WIRE };

struct groups6;
struct wire_port;

/* What became of a vport's GIDs on the wire. */
enum vport_addresses {
	VPORT_ADDRESSES_READY, /* they are there, or need not be put there */
	VPORT_ADDRESSES_WAIT,
	VPORT_ADDRESSES_REFUSED, /* one is another's, or cannot be had */
};

/* What a vport is on an InfiniBand wire, where all have the LID of the HCA's port. */
struct vport_on_wire {
	bool is;            /* the rest counts */
	bool shared;        /* @gid is the port's own, and other vports' too */
	struct vib_gid gid; /* in the place of its first */
	uint16_t lid, sm_lid;
	uint8_t sm_sl;
};

/* Is fast registration offered to guests, where the HCA has what it takes? */
enum fabric_frwr {
	FABRIC_FRWR_AUTO, /* not by an HCA that trusts who does it */
	FABRIC_FRWR_YES,
	FABRIC_FRWR_NO,
};

struct fabric {
	char name[FABRIC_NAME_MAX];
	enum fabric_kind kind;
	/* Of a wire, as configured. */
	char device[FABRIC_DEVICE_MAX];
	uint8_t port;
	char netdev[FABRIC_NETDEV_MAX]; /* "": the HCA's own */
	enum gsi_addressing addressing; /* of InfiniBand */
	uint32_t max_hca_mem;           /* of each guest, MiB */
	enum fabric_frwr frwr;
	struct wire_port *wire; /* NULL while there is no HCA */
	bool looking;           /* nobody knows yet whether there is one */
	/* With its argument: the GID that LID @lid stands for on the wire. Or NULL. */
	bool (*gid_of_lid)(void *arg, uint16_t lid, struct vib_gid *gid);
	void *gid_of_lid_arg;
	struct groups6 *groups; /* of RoCE, once there was an HCA; or NULL */
	uint32_t mtu;           /* bytes, of a wire that was seen; else 0 */
	bool up;
	LIST_HEAD(, fabric_observer) observers;
	LIST_HEAD(, vport) vports;
	LIST_ENTRY(fabric) entry;
};

struct fabric_table {
	LIST_HEAD(, fabric) fabrics;
};

void fabric_table_init(struct fabric_table *table);
/* Free every fabric; no vport may be attached any more. */
void fabric_table_free(struct fabric_table *table);

/* Add the local fabric @name, owned by the table; one of that name is returned
 * as it is. NULL and errno (ENOMEM, ENAMETOOLONG) on failure.
 */
struct fabric *fabric_add(struct fabric_table *table, const char *name);

/* Make @fabric, which has no vports, one with a wire, at @port of the HCA @device, which
 * is shorter than FABRIC_DEVICE_MAX. It is down.
 */
void fabric_set_wire(struct fabric *fabric, const char *device, uint8_t port);

/* "local" or "wire". */
const char *fabric_kind_name(enum fabric_kind kind);

/* Tell @observer of its vports, until it is taken off; one that comes later is told
 * first. There are no vports when it comes, nor when it goes.
 */
void fabric_observe(struct fabric *fabric, struct fabric_observer *observer);
void fabric_unobserve(struct fabric_observer *observer);

/* What it depends on works, or does not: its vports are told. */
void fabric_set_up(struct fabric *fabric, bool up);

/* NULL if there is none of that name. */
struct fabric *fabric_find(struct fabric_table *table, const char *name);

/*
 * Attach @vport, whose attributes are set: gives it a LID. Returns 0, or -1
 * and errno: EEXIST if another vport has one of its GIDs, ENOSPC without LIDs,
 * ENOMEM.
 */
int fabric_attach(struct fabric *fabric, struct vport *vport);

/* True if a vport of @fabric other than @self has one of the GIDs of @attr. */
bool fabric_gids_taken(const struct fabric *fabric, const struct vport *self,
		       const struct vport_attr *attr);

/*
 * True if a vport of any fabric of @table, other than @self, has @node_guid: a connection
 * manager knows its peers by that, and a guest may be on several fabrics.
 */
bool fabric_table_has_node(const struct fabric_table *table, const struct vport *self,
			   uint64_t node_guid);

/*
 * True if @av names a vport of @fabric, which the local path reaches. On InfiniBand,
 * where vports have a LID and perhaps a GID in common, that is one of them, and others of
 * this host may have it too: who it is the QP tells.
 */
bool fabric_is_at(const struct fabric *fabric, const struct vib_av *av);

/* The first GID of the vport that has LID @lid, in *@gid. false: none has. */
bool fabric_gid_at(const struct fabric *fabric, uint16_t lid, struct vib_gid *gid);

/* Has any of them a wire? */
bool fabric_table_wired(const struct fabric_table *table);

/* The attributes of @vport, which is attached, or its link have changed. */
void fabric_changed(struct vport *vport);

/* How the wire has the addresses of @vport, which is attached; tells it if that takes its
 * link up or down.
 */
void fabric_set_addresses(struct vport *vport, enum vport_addresses addresses);

/* What @vport, which is attached, is on an InfiniBand wire; tells all who see it, if that
 * is news.
 */
void fabric_set_on_wire(struct vport *vport, const struct vport_on_wire *on_wire);

/* Harmless on one that is not attached. */
void fabric_detach(struct vport *vport);

#endif
