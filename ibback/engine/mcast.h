/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multicast groups: the UD QPs attached to a GID on a fabric. Pollers go
 * through a group under RCU; the control thread attaches and detaches.
 */
#ifndef XEN_IB_IBBACK_MCAST_H
#define XEN_IB_IBBACK_MCAST_H

#include <stdint.h>

#include <xen-ib/types.h>

#include "engine/rcu.h"

struct qp;

struct mcast {
	struct cds_lfht *groups;
};

struct mcast_group {
	struct cds_lfht_node node;
	const void *fabric;
	struct vib_gid mgid;
	struct cds_list_head members; /* struct mcast_member */
};

struct mcast_member {
	struct cds_list_head entry;
	struct qp *qp;
};

int mcast_init(struct mcast *mcast);
/* No QP is attached any more. Harmless on a zeroed one. */
void mcast_fini(struct mcast *mcast);

/* -1 and errno: EEXIST if it is already attached, ENOSPC at MAX_MCAST_QPS, ENOMEM. */
int mcast_attach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp);

/* -1 and errno: ENOENT if it is not attached. Waits for a grace period. */
int mcast_detach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp);

/* Detach @qp from every group. Waits for a grace period if it was in any. */
void mcast_detach_all(struct mcast *mcast, const struct qp *qp);

/* The group, or NULL. A reader of RCU. */
const struct mcast_group *mcast_find(const struct mcast *mcast, const void *fabric,
				     const struct vib_gid *mgid);

#endif
