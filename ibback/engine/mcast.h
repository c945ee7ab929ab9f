/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multicast groups: the UD QPs attached to a GID on a fabric. Pollers go
 * through a group under RCU; the control thread attaches and detaches.
 *
 * Within a vHCA whoever is attached receives. Between vHCAs so it is, too, as long as the
 * fabric's subnet administrator (SA) has no group of that GID; where it has one, packets
 * are of the group's partition and go to members only.
 */
#ifndef XEN_IB_IBBACK_MCAST_H
#define XEN_IB_IBBACK_MCAST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <xen-ib/types.h>

#include "engine/port_view.h"
#include "engine/rcu.h"

struct qp;
struct vhca;

struct mcast {
	struct cds_lfht *groups;
	/* With @arg: the first QP of @vhca on @fabric is attached to @mgid, or its last
	 * no more. Or NULL.
	 */
	void (*watch)(void *arg, const void *fabric, const struct vib_gid *mgid,
		      const struct vhca *vhca, bool attached);
	void *arg;
};

struct mcast_group {
	struct cds_lfht_node node;
	const void *fabric;
	struct vib_gid mgid;
	uint16_t pkey;                /* of the SA's group; 0: it has none; atomic */
	struct cds_list_head members; /* struct mcast_member */
};

struct mcast_member {
	struct cds_list_head entry; /* of the group's */
	LIST_ENTRY(mcast_member) of_qp;
	struct mcast_group *group;
	struct qp *qp;
	const struct vhca *vhca; /* the QP's */
	bool joined;             /* its port is a member that receives; atomic */
	bool alone;              /* it was the last: the group ends with it */
};

/* What the SA says of a group, and of a port in it. */
struct mcast_rule {
	uint16_t pkey; /* 0: it has no such group */
	bool joined;   /* the port is a member, and not only to send */
};

LIST_HEAD(mcast_members, mcast_member);

int mcast_init(struct mcast *mcast);
/* No QP is attached any more. Harmless on a zeroed one. */
void mcast_fini(struct mcast *mcast);

/* @rule is that of @qp's port. -1 and errno: EEXIST if it is already attached, ENOSPC
 * when its vHCA has MAX_MCAST_QPS in the group or MAX_MCAST_GROUPS memberships, ENOMEM.
 */
int mcast_attach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp, const struct mcast_rule *rule);

/* -1 and errno: ENOENT if it is not attached. Waits for a grace period. */
int mcast_detach(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		 struct qp *qp);

/*
 * Detach @qp from every group. The memberships are put into @left, for
 * mcast_free() after a grace period.
 */
void mcast_detach_all(struct mcast *mcast, struct qp *qp, struct mcast_members *left);
void mcast_free(struct mcast_members *left);

/* The SA has a group @mgid now, without members, or with @pkey 0 no more. */
void mcast_set_group(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		     uint16_t pkey);

/* The port of @vhca receives what is sent to that group, or no more. */
void mcast_set_joined(struct mcast *mcast, const void *fabric, const struct vib_gid *mgid,
		      const struct vhca *vhca, bool joined);

/* Does a packet with @pkey that @from sends to its group go to @member? */
static inline bool mcast_reaches(const struct mcast_member *member,
				 const struct vhca *from, uint16_t pkey)
{
	uint16_t group = __atomic_load_n(&member->group->pkey, __ATOMIC_RELAXED);

	return !group || member->vhca == from ||
	       (pkeys_match(group, pkey) &&
		__atomic_load_n(&member->joined, __ATOMIC_RELAXED));
}

/* The group, or NULL. A reader of RCU. */
const struct mcast_group *mcast_find(const struct mcast *mcast, const void *fabric,
				     const struct vib_gid *mgid);

#endif
