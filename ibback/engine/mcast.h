/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multicast groups: the UD QPs attached to a GID on a fabric. Pollers go
 * through a group under RCU; the control thread attaches and detaches.
 */
#ifndef XEN_IB_IBBACK_MCAST_H
#define XEN_IB_IBBACK_MCAST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

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
	struct cds_list_head entry; /* of the group's */
	LIST_ENTRY(mcast_member) of_qp;
	struct mcast_group *group;
	struct qp *qp;
	bool alone; /* it was the last: the group ends with it */
};

LIST_HEAD(mcast_members, mcast_member);

int mcast_init(struct mcast *mcast);
/* No QP is attached any more. Harmless on a zeroed one. */
void mcast_fini(struct mcast *mcast);

/* -1 and errno: EEXIST if it is already attached, ENOSPC when its vHCA has
 * MAX_MCAST_QPS in the group or MAX_MCAST_GROUPS memberships, ENOMEM.
 */
int mcast_attach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp);

/* -1 and errno: ENOENT if it is not attached. Waits for a grace period. */
int mcast_detach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp);

/*
 * Detach @qp from every group. The memberships are put into @left, for
 * mcast_free() after a grace period.
 */
void mcast_detach_all(struct mcast *mcast, struct qp *qp, struct mcast_members *left);
void mcast_free(struct mcast_members *left);

/* The group, or NULL. A reader of RCU. */
const struct mcast_group *mcast_find(const struct mcast *mcast, const void *fabric,
				     const struct vib_gid *mgid);

#endif
