/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vport: the port of one guest's vHCA. Its attributes are what the
 * toolstack wrote into the backend's directory; the rest is what the fabric
 * gave it.
 */
#ifndef XEN_IB_IBBACK_VPORT_H
#define XEN_IB_IBBACK_VPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>

#include <xen-ib/port.h>

#include "control/fabric.h"
#include "schema/schema.h"
#include "xenport/xenport.h"

/* Room for the reason of a refusal, in one line. */
#define WHY_MAX 512

enum vport_link {
	VPORT_LINK_AUTO,
	VPORT_LINK_UP,
	VPORT_LINK_DOWN,
};

/* As much as the guest likes: all it has, or its own choice. */
#define VPORT_PREREG_ANY UINT32_MAX

struct vport_attr {
	char domain[64]; /* for log lines; empty if the toolstack gave none */
	char fabric[FABRIC_NAME_MAX];
	uint64_t node_guid;
	uint64_t port_guid;
	enum vport_link link;
	size_t num_gids;
	struct vib_gid gids[VIB_MAX_GIDS]; /* [0] is fe80:: with port_guid */
	size_t num_pkeys;
	uint16_t pkeys[VIB_MAX_PKEYS];
	uint32_t max_qp;
	uint32_t max_cq;
	uint32_t max_mr;
	uint32_t max_pd;
	uint32_t max_srq;
	uint32_t max_ah;
	uint32_t max_mem; /* MiB that may be mapped */
	uint32_t prereg;  /* pages that its kernel may lend, or VPORT_PREREG_ANY */
	uint64_t rate;    /* bits a second; 0: no limit */
};

struct vport {
	struct vport_attr attr;
	struct fabric *fabric;    /* NULL while not attached */
	struct gsi_port *gsi;     /* while attached, of the fabric's services; or NULL */
	struct umad_sender *umad; /* by which its MADs go to the wire; or NULL */
	uint16_t lid;
	enum vport_addresses addresses; /* while attached */
	/* Its fabric took its link up or down; or NULL. */
	void (*link_changed)(struct vport *vport);
	/* Its LID or first GID is another; or NULL. */
	void (*identity_changed)(struct vport *vport);
	struct vport_on_wire on_wire; /* while attached */
	uint32_t
		added_caps; /* by its guest, while it is connected: VIB_PORT_CAPS_ADDED */
	bool unregistered;  /* its subnet forgot something of it, and it was not told */
	LIST_ENTRY(vport) entry; /* of the fabric's */
};

/* What differs between two states of a vport, as a mask. */
enum vport_change {
	VPORT_CHANGED_PORT = 1 << 0,
	VPORT_CHANGED_GID = 1 << 1,
	VPORT_CHANGED_PKEY = 1 << 2,
	VPORT_CHANGED_RATE = 1 << 3,
	VPORT_CHANGED_QUOTA = 1 << 4,
	VPORT_CHANGED_FIXED = 1 << 5, /* what takes effect at the next attach only */
};

/*
 * Read and validate the attributes under the backend directory @dir into
 * @attr. Returns 0, or -1 with the reason in @why.
 */
int vport_attr_read(struct xenport *xp, const char *dir, struct vport_attr *attr,
		    char *why, size_t size);

/* Compare, as a mask of enum vport_change. */
unsigned int vport_attr_diff(const struct vport_attr *a, const struct vport_attr *b);

/* The key of an attribute that differs and cannot change while attached; or NULL. */
const char *vport_attr_fixed(const struct vport_attr *a, const struct vport_attr *b);

struct port_view;

/* Its GIDs as others see them. */
static inline void vport_gids(const struct vport *vport,
			      struct vib_gid gids[VIB_MAX_GIDS])
{
	memcpy(gids, vport->attr.gids, VIB_MAX_GIDS * sizeof(gids[0]));
	if (vport->on_wire.is)
		gids[0] = vport->on_wire.gid;
}

/* What QUERY_PORT says of it, counters apart. */
void vport_port_attr(const struct vport *vport, struct vib_port_attr *attr);

/* What pollers are to know of @vport. */
void vport_view(const struct vport *vport, struct port_view *view);

/* True if the port is to be ACTIVE. */
static inline bool vport_link_is_up(const struct vport *vport)
{
	if (vport->fabric && vport->addresses == VPORT_ADDRESSES_REFUSED)
		return false;
	switch (vport->attr.link) {
	case VPORT_LINK_UP:
		return true;
	case VPORT_LINK_DOWN:
		return false;
	case VPORT_LINK_AUTO:
		break;
	}
	return vport->fabric && vport->fabric->up &&
	       vport->addresses == VPORT_ADDRESSES_READY;
}

#endif
