// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Attributes of the kernel's queue pairs, and the groups they are in: kept here, so
 * that the next backend can be told, and changed with or without one.
 */

#include <linux/slab.h>

#include "kernel.h"

/* It has gone from one state to another, or stayed in its own. */
static void vib_kqp_entered(struct vib_qp *qp, u8 before)
{
	struct vib_kqp *kqp = qp->kernel;

	if (kqp->attr.state == VIB_QPS_RESET) {
		vib_kqp_forget(qp);
		vib_kwq_clear(&kqp->sq, &qp->sq);
		vib_kwq_clear(&kqp->rq, &qp->rq);
	} else if (!qp->doorbell) {
		vib_kqp_leave(qp);
	} else if (before == VIB_QPS_RESET) {
		vib_kwq_serve(&kqp->sq, &qp->sq);
		vib_kwq_serve(&kqp->rq, &qp->rq);
	}
}

/* There is no backend, or not for long: what a datagram QP does then. */
static int vib_kqp_modify_alone(struct vib_qp *qp, const struct vib_qp_attr *wanted,
				int mask)
{
	u8 from = qp->kernel->attr.state;
	u8 to = mask & IB_QP_STATE ? wanted->state : from;

	if (!vib_kqp_survives(qp))
		return to == VIB_QPS_ERR && mask & IB_QP_STATE ? 0 : -EIO;
	return ib_modify_qp_is_ok(from, to, qp->ibqp.qp_type, mask) ? 0 : -EINVAL;
}

int vib_kqp_modify(struct vib_qp *qp, const struct ib_qp_attr *attr, int mask)
{
	struct vib *vib = to_vib(qp->ibqp.device);
	struct vib_kqp *kqp = qp->kernel;
	struct vib_qp_attr wanted = {};
	u8 before;
	int err;

	vib_qp_attr_from(&wanted, attr, mask);
	vib_kernel_lock(vib);
	before = kqp->attr.state;
	err = vib_qp_modify(vib, qp, &wanted, mask);
	if (err == -EIO)
		err = vib_kqp_modify_alone(qp, &wanted, mask);
	if (!err) {
		if (mask & IB_QP_STATE && wanted.state == VIB_QPS_RESET)
			memset(&kqp->attr, 0, sizeof(kqp->attr));
		vib_qp_attr_from(&kqp->attr, attr, mask);
		if (kqp->attr.state == VIB_QPS_ERR)
			vib_kwq_fault(&kqp->sq, IB_WC_SUCCESS);
		vib_kqp_entered(qp, before);
	}
	vib_kernel_unlock(vib);
	return err;
}

/* What a QP is without a backend. */
void vib_kqp_query(struct vib_qp *qp, struct vib_qp_attr *attr)
{
	struct vib *vib = to_vib(qp->ibqp.device);

	vib_kernel_lock(vib);
	*attr = qp->kernel->attr;
	if (!vib_kqp_survives(qp))
		attr->state = VIB_QPS_ERR;
	attr->cur_state = attr->state;
	vib_kernel_unlock(vib);
}

/* ---- groups -------------------------------------------------------------- */

struct vib_kgroup {
	struct list_head entry; /* in its QP's list */
	union ib_gid gid;
	u16 lid;
};

static struct vib_kgroup *vib_kgroup_find(struct vib_kqp *kqp,
					  const union ib_gid *gid, u16 lid)
{
	struct vib_kgroup *group;

	list_for_each_entry(group, &kqp->groups, entry)
		if (!memcmp(&group->gid, gid, sizeof(*gid)) && group->lid == lid)
			return group;
	return NULL;
}

static int vib_kgroup_join(struct vib *vib, struct vib_qp *qp,
			   const union ib_gid *gid, u16 lid)
{
	struct vib_kgroup *group;
	int err;

	if (vib_kgroup_find(qp->kernel, gid, lid))
		return -EEXIST;
	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return -ENOMEM;
	group->gid = *gid;
	group->lid = lid;
	err = vib_mcast(vib, qp, VIB_CMD_ATTACH_MCAST, gid, lid);
	if (err == -EIO && vib_kqp_survives(qp))
		err = 0; /* the next backend is told */
	if (err)
		kfree(group);
	else
		list_add_tail(&group->entry, &qp->kernel->groups);
	return err;
}

static int vib_kgroup_leave(struct vib *vib, struct vib_qp *qp,
			    const union ib_gid *gid, u16 lid)
{
	struct vib_kgroup *group = vib_kgroup_find(qp->kernel, gid, lid);
	int err;

	err = vib_mcast(vib, qp, VIB_CMD_DETACH_MCAST, gid, lid);
	if (group && (!err || err == -EIO)) {
		list_del(&group->entry);
		kfree(group);
	}
	return err == -EIO ? 0 : err;
}

int vib_kqp_mcast(struct vib_qp *qp, u16 operation, const union ib_gid *gid,
		  u16 lid)
{
	struct vib *vib = to_vib(qp->ibqp.device);
	int err;

	vib_kernel_lock(vib);
	if (operation == VIB_CMD_ATTACH_MCAST)
		err = vib_kgroup_join(vib, qp, gid, lid);
	else
		err = vib_kgroup_leave(vib, qp, gid, lid);
	vib_kernel_unlock(vib);
	return err;
}

void vib_kqp_leave_groups(struct vib_kqp *kqp)
{
	struct vib_kgroup *group, *next;

	list_for_each_entry_safe(group, next, &kqp->groups, entry)
		kfree(group);
}

/* ---- the next backend ---------------------------------------------------- */

/* Lead a fresh QP to where it was: IBTA vol. 1 §11.2.5.2. */
static int vib_kqp_restore_state(struct vib *vib, struct vib_qp *qp)
{
	const struct vib_qp_attr *attr = &qp->kernel->attr;
	bool ud = qp->ibqp.qp_type == IB_QPT_UD;
	const struct {
		u32 mask;
		struct vib_qp_attr attr;
	} steps[] = {
		{ VIB_QP_STATE | VIB_QP_PKEY_INDEX | VIB_QP_QKEY |
		  (ud ? VIB_QP_PORT : 0),
		  { .state = VIB_QPS_INIT, .pkey_index = attr->pkey_index,
		    .qkey = attr->qkey, .port = ud ? VIB_PORT : 0 } },
		{ VIB_QP_STATE, { .state = VIB_QPS_RTR } },
		{ VIB_QP_STATE | VIB_QP_SQ_PSN,
		  { .state = VIB_QPS_RTS, .sq_psn = attr->sq_psn } },
		{ VIB_QP_STATE, { .state = VIB_QPS_SQD } },
	};
	const struct vib_qp_attr error = { .state = VIB_QPS_ERR };
	unsigned int i;
	int err;

	if (attr->state == VIB_QPS_ERR)
		return vib_qp_modify(vib, qp, &error, VIB_QP_STATE);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		if (steps[i].attr.state > attr->state)
			break;
		err = vib_qp_modify(vib, qp, &steps[i].attr, steps[i].mask);
		if (err)
			return err;
	}
	return 0;
}

/* A datagram QP that a new backend has made anew gets its attributes and groups. */
int vib_kqp_restore(struct vib *vib, struct vib_qp *qp)
{
	struct vib_kgroup *group;
	int err;

	err = vib_kqp_restore_state(vib, qp);
	list_for_each_entry(group, &qp->kernel->groups, entry) {
		if (err)
			break;
		err = vib_mcast(vib, qp, VIB_CMD_ATTACH_MCAST, &group->gid,
				group->lid);
	}
	return err;
}
