// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * XRC domains, and the target QPs in them. A target belongs to no process: ib_core
 * makes it without one, opens it for each that asks, and tells all of them of its
 * events. So it has neither queues nor a doorbell.
 */

#include "verbs.h"

int vib_verb_alloc_xrcd(struct ib_xrcd *ibxrcd, struct ib_udata *udata)
{
	struct vib_control_request request = { .operation = VIB_CMD_ALLOC_XRCD };
	struct vib *vib = to_vib(ibxrcd->device);
	struct vib_xrcd *xrcd = to_vib_xrcd(ibxrcd);

	xrcd->epoch = READ_ONCE(vib->epoch);
	return vib_object_create(vib, xrcd->epoch, &request, &xrcd->number);
}

int vib_verb_dealloc_xrcd(struct ib_xrcd *ibxrcd, struct ib_udata *udata)
{
	struct vib_xrcd *xrcd = to_vib_xrcd(ibxrcd);

	vib_object_destroy(to_vib(ibxrcd->device), xrcd->epoch,
			   VIB_CMD_DEALLOC_XRCD, xrcd->number);
	return 0;
}

/* Its fields are zero, as ib_core made them. */
int vib_xrc_create_target(struct vib_qp *qp, struct ib_qp_init_attr *attr)
{
	struct vib_xrcd *xrcd = to_vib_xrcd(attr->xrcd);
	struct vib *vib = to_vib(qp->ibqp.device);
	struct vib_control_request request = {
		.operation = VIB_CMD_CREATE_QP,
		.u.create_qp = {
			.pd = VIB_NO_OBJECT,
			.send_cq = VIB_NO_OBJECT,
			.recv_cq = VIB_NO_OBJECT,
			.srq = VIB_NO_OBJECT,
			.type = VIB_QPT_XRC_TGT,
			.doorbell = VIB_NO_OBJECT,
			.xrcd = xrcd->number,
		},
	};
	int err;

	qp->epoch = xrcd->epoch;
	err = vib_qp_command(vib, qp, &request);
	if (err)
		return err;
	err = vib_object_add(vib, &vib->qps, qp->ibqp.qp_num, qp, qp->epoch);
	if (err) {
		vib_object_destroy(vib, qp->epoch, VIB_CMD_DESTROY_QP,
				   qp->ibqp.qp_num);
		return err;
	}
	attr->cap = qp->cap;
	return 0;
}
