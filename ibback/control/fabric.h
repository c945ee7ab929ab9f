/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fabric: what vports are attached to and find each other on. It gives each
 * vport its LID and keeps GUIDs and GIDs unique. A local fabric joins the
 * guests of this host and needs no hardware.
 *
 * Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_FABRIC_H
#define XEN_IB_IBBACK_FABRIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct vib_av;
struct vib_gid;
struct vport;
struct vport_attr;
struct wire_port;

#define FABRIC_NAME_MAX 32

/* IBTA vol. 1 §4.1.3: unicast LIDs are 0x0001 to 0xBFFF. */
#define LID_UNICAST_MAX 0xbfff
/* Where ibback is the subnet's administrator it answers at this LID. */
#define LID_SA          1

/* Who is told of its vports: its subnet (subnets.h). */
struct fabric_observer {
	/* It has its LID. -1 and errno: it is not attached after all. */
	int (*attached)(struct fabric_observer *observer, struct vport *vport);
	void (*changed)(struct fabric_observer *observer, struct vport *vport);
	void (*detaching)(struct fabric_observer *observer, struct vport *vport);
};

struct fabric {
	char name[FABRIC_NAME_MAX];
	struct wire_port
		*wire; /* that joins it to others; NULL: none, or it is not there */
	/* With its argument: the GID that LID @lid stands for on the wire. Or NULL. */
	bool (*gid_of_lid)(void *arg, uint16_t lid, struct vib_gid *gid);
	void *gid_of_lid_arg;
	bool up;
	struct fabric_observer *observer; /* or NULL */
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

/* True if @av names a vport of @fabric, which the local path reaches. */
bool fabric_is_at(const struct fabric *fabric, const struct vib_av *av);

/* The attributes of @vport, which is attached, or its link have changed. */
void fabric_changed(struct vport *vport);

/* Harmless on one that is not attached. */
void fabric_detach(struct vport *vport);

#endif
