// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What all objects share: commands that hold for one epoch, the tables that
 * events are looked up in, and the loss of everything at once.
 */

#include <linux/xarray.h>

#include "kernel.h"

/*
 * As vib_command(), but -EIO if the objects of @epoch are lost. What else the
 * backend answers is its refusal, and the caller's errno.
 */
int vib_object_command(struct vib *vib, u32 epoch,
		       struct vib_control_request *request,
		       struct vib_control_response *response)
{
	int err;

	/* Until then a new backend lacks what verbs rely on. */
	if (!READ_ONCE(vib->serving) &&
	    READ_ONCE(vib->kernel.reviver) != current)
		return -EIO;
	err = vib_command(vib, epoch, request, response);
	return err == -ENODEV ? -EIO : err;
}

/* A create: the number of the new object. */
int vib_object_create(struct vib *vib, u32 epoch,
		      struct vib_control_request *request, u32 *number)
{
	struct vib_control_response response;
	int err;

	err = vib_object_command(vib, epoch, request, &response);
	if (!err)
		*number = response.u.object.number;
	return err;
}

/* The backend will not end an object, or what it says of it cannot be. */
void vib_object_refused(struct vib *vib)
{
	vib_fail(vib, VIB_BROKEN, "refuses to destroy an object");
}

/* A destroy, which nothing stops: what is lost is gone already. */
void vib_object_destroy(struct vib *vib, u32 epoch, u16 operation, u32 number)
{
	struct vib_control_request request = {
		.operation = operation,
		.u.object.number = number,
	};
	struct vib_control_response response;
	int err;

	err = vib_object_command(vib, epoch, &request, &response);
	if (err && err != -EIO)
		vib_object_refused(vib);
}

/*
 * Have events of the backend find @object. They are delivered with the table
 * locked, so that an object that was removed has none under way.
 */
int vib_object_add(struct vib *vib, struct xarray *objects, u32 number,
		   void *object, u32 epoch)
{
	unsigned long flags;
	int err;

	xa_lock_irqsave(objects, flags);
	/* vib_objects_lost() comes after the epoch has changed. */
	if (READ_ONCE(vib->epoch) != epoch)
		err = -EIO;
	else
		err = __xa_insert(objects, number, object, GFP_ATOMIC);
	xa_unlock_irqrestore(objects, flags);
	if (err == -EBUSY) {
		vib_fail(vib, VIB_BROKEN, "two objects of one number");
		err = -EIO;
	}
	return err;
}

/* It may have been lost, and its number be another's. */
void vib_object_remove(struct xarray *objects, u32 number, const void *object)
{
	unsigned long flags;

	xa_lock_irqsave(objects, flags);
	if (xa_load(objects, number) == object)
		__xa_erase(objects, number);
	xa_unlock_irqrestore(objects, flags);
}

/* ---- asynchronous events ------------------------------------------------- */

void vib_qp_event(struct vib_qp *qp, enum ib_event_type type)
{
	struct ib_event event = {
		.device = qp->ibqp.device,
		.element.qp = &qp->ibqp,
		.event = type,
	};

	/* ib_core sets the handler before the list of those to be told. */
	if (qp->ibqp.qp_type == IB_QPT_XRC_TGT &&
	    !READ_ONCE(qp->ibqp.open_list.next))
		return;
	if (qp->ibqp.event_handler)
		qp->ibqp.event_handler(&event, qp->ibqp.qp_context);
}

static void vib_srq_event(struct vib_srq *srq, enum ib_event_type type)
{
	struct ib_event event = {
		.device = srq->ibsrq.device,
		.element.srq = &srq->ibsrq,
		.event = type,
	};

	/* A limit is raised once. */
	if (srq->kernel && type == IB_EVENT_SRQ_LIMIT_REACHED)
		WRITE_ONCE(srq->kernel->limit, 0);
	if (srq->ibsrq.event_handler)
		srq->ibsrq.event_handler(&event, srq->ibsrq.srq_context);
}

static void vib_cq_event(struct vib_cq *cq, enum ib_event_type type)
{
	struct ib_event event = {
		.device = cq->ibcq.device,
		.element.cq = &cq->ibcq,
		.event = type,
	};

	if (cq->ibcq.event_handler)
		cq->ibcq.event_handler(&event, cq->ibcq.cq_context);
}

static const struct {
	u16 type;
	enum ib_event_type event;
} vib_qp_events[] = {
	{ VIB_ASYNC_QP_FATAL, IB_EVENT_QP_FATAL },
	{ VIB_ASYNC_QP_REQ_ERR, IB_EVENT_QP_REQ_ERR },
	{ VIB_ASYNC_QP_ACCESS_ERR, IB_EVENT_QP_ACCESS_ERR },
	{ VIB_ASYNC_QP_COMM_EST, IB_EVENT_COMM_EST },
	{ VIB_ASYNC_QP_SQ_DRAINED, IB_EVENT_SQ_DRAINED },
	{ VIB_ASYNC_QP_LAST_WQE_REACHED, IB_EVENT_QP_LAST_WQE_REACHED },
};

/* An event about an object; of one that is not there, or of an unknown type, none. */
void vib_object_event(struct vib *vib, u16 type, u32 number)
{
	unsigned long flags;
	unsigned int i;
	void *object;

	switch (type) {
	case VIB_ASYNC_CQ_ERR:
		xa_lock_irqsave(&vib->cqs, flags);
		object = xa_load(&vib->cqs, number);
		if (object)
			vib_cq_event(object, IB_EVENT_CQ_ERR);
		xa_unlock_irqrestore(&vib->cqs, flags);
		return;
	case VIB_ASYNC_SRQ_LIMIT_REACHED:
	case VIB_ASYNC_SRQ_ERR:
		xa_lock_irqsave(&vib->srqs, flags);
		object = xa_load(&vib->srqs, number);
		if (object)
			vib_srq_event(object, type == VIB_ASYNC_SRQ_ERR ?
						      IB_EVENT_SRQ_ERR :
						      IB_EVENT_SRQ_LIMIT_REACHED);
		xa_unlock_irqrestore(&vib->srqs, flags);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(vib_qp_events); i++)
		if (vib_qp_events[i].type == type)
			break;
	if (i == ARRAY_SIZE(vib_qp_events)) {
		dev_dbg(&vib->xbdev->dev, "async event of unknown type %u\n",
			type);
		return;
	}
	xa_lock_irqsave(&vib->qps, flags);
	object = xa_load(&vib->qps, number);
	if (object)
		vib_qp_event(object, vib_qp_events[i].event);
	xa_unlock_irqrestore(&vib->qps, flags);
}

/* ---- loss ---------------------------------------------------------------- */

void vib_objects_init(struct vib *vib)
{
	xa_init_flags(&vib->cqs, XA_FLAGS_LOCK_IRQ);
	xa_init_flags(&vib->srqs, XA_FLAGS_LOCK_IRQ);
	xa_init_flags(&vib->qps, XA_FLAGS_LOCK_IRQ);
	vib->epoch = 1;
	vib_kernel_init(vib);
}

static void vib_qp_lost(void *object)
{
	struct vib_qp *qp = object;

	if (qp->kernel && vib_kqp_survives(qp))
		return;
	vib_qp_event(qp, IB_EVENT_QP_FATAL);
	/* What the kernel has on an SRQ is cleaned up after this alone. */
	if (qp->kernel && qp->ibqp.srq)
		vib_qp_event(qp, IB_EVENT_QP_LAST_WQE_REACHED);
}

static void vib_srq_lost(void *object)
{
	struct vib_srq *srq = object;

	if (!srq->kernel)
		vib_srq_event(srq, IB_EVENT_SRQ_ERR);
}

static void vib_cq_lost(void *object)
{
	struct vib_cq *cq = object;

	if (cq->kernel && !vib_kcq_tells_own(cq->kernel))
		return;
	if (cq->ibcq.comp_handler)
		cq->ibcq.comp_handler(&cq->ibcq, cq->ibcq.cq_context);
}

/* False if there is none. As with all events, the table is locked meanwhile. */
static bool vib_lose_one(struct xarray *objects, void (*tell)(void *object))
{
	unsigned long flags, number = 0;
	void *object;

	xa_lock_irqsave(objects, flags);
	object = xa_find(objects, &number, ULONG_MAX, XA_PRESENT);
	if (object) {
		__xa_erase(objects, number);
		tell(object);
	}
	xa_unlock_irqrestore(objects, flags);
	return object;
}

/*
 * The connection is over, and commands fail: whatever there is, is lost. First
 * the epoch changes, by which users know, and what the kernel has is made to go on
 * alone; then they are told.
 */
void vib_objects_lost(struct vib *vib)
{
	struct vib_ustate *state;

	WRITE_ONCE(vib->epoch, vib->epoch + 1 ?: 1);
	if (vib->ibdev) {
		state = page_address(vib->ibdev->state);
		/* pairs with the provider's look: entries that came are seen */
		smp_store_release(&state->epoch, vib->epoch);
	}

	vib_kernel_lost(vib);
	while (vib_lose_one(&vib->qps, vib_qp_lost))
		cond_resched();
	while (vib_lose_one(&vib->srqs, vib_srq_lost))
		cond_resched();
	while (vib_lose_one(&vib->cqs, vib_cq_lost))
		cond_resched();
}
