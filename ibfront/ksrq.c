// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Shared receive queues of the kernel. Their requests complete in any order, and are
 * told apart by the numbers of their places here, which go with them as wr_id.
 */

#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include <xen/events.h>

#include <xen-ib/post.h>

#include "kernel.h"

/* After requests from the backend's index @from on. */
static void vib_ksrq_ring(struct vib_ksrq *ksrq, u32 from)
{
	struct vib_doorbell *db = ksrq->srq->doorbell;

	if (ksrq->queue.index != from &&
	    vib_queue_must_notify(&ksrq->queue, from) &&
	    vib_doorbell_ring(vib_memory_page(db->memory, 0),
			      ksrq->srq->db_index))
		notify_remote_via_evtchn(db->evtchn);
}

/* The slot of a request in @place. */
static void vib_ksrq_put(struct vib_ksrq *ksrq, u32 place)
{
	struct vib_srq_request *request = &ksrq->requests[place];

	request->index = ksrq->queue.index;
	vib_put_recv(vib_queue_next_slot(&ksrq->queue), place, request->num_sge,
		     ksrq->sges + place * ksrq->srq->max_sge);
	vib_queue_produce(&ksrq->queue);
}

static int vib_ksrq_post(struct vib_ksrq *ksrq, const struct ib_recv_wr *wr)
{
	u32 place = ksrq->free, max_sge = ksrq->srq->max_sge;
	struct vib_srq_request *request;

	if (wr->num_sge < 0 || wr->num_sge > max_sge)
		return -EINVAL;
	if (place == ksrq->depth)
		return -ENOMEM;
	request = &ksrq->requests[place];
	ksrq->free = request->next;
	request->posted = true;
	request->wr_id = wr->wr_id;
	request->num_sge = wr->num_sge;
	request->length = vib_sges_copy(ksrq->sges + place * max_sge,
					wr->sg_list, wr->num_sge);
	/* Without a backend it waits for the next one. */
	if (ksrq->live)
		vib_ksrq_put(ksrq, place);
	return 0;
}

int vib_verb_post_srq_recv(struct ib_srq *ibsrq, const struct ib_recv_wr *wr,
			   const struct ib_recv_wr **bad_wr)
{
	struct vib_ksrq *ksrq = to_vib_srq(ibsrq)->kernel;
	unsigned long flags;
	int err = 0;
	u32 from;

	if (!ksrq) {
		*bad_wr = wr;
		return -EOPNOTSUPP;
	}
	spin_lock_irqsave(&ksrq->lock, flags);
	from = ksrq->queue.index;
	for (; wr; wr = wr->next) {
		err = vib_ksrq_post(ksrq, wr);
		if (err) {
			*bad_wr = wr;
			break;
		}
	}
	if (ksrq->live)
		vib_ksrq_ring(ksrq, from);
	spin_unlock_irqrestore(&ksrq->lock, flags);
	return err;
}

/* As vib_complete(). */
const char *vib_ksrq_complete(struct vib_ksrq *ksrq, const struct vib_cqe *cqe,
			      bool land, struct vib_request *request)
{
	struct vib_srq *srq = ksrq->srq;
	u32 place;
	struct vib_srq_request *posted;
	const char *why = NULL;

	if (cqe->wr_id >= ksrq->depth)
		return "completion of a receive that is none";
	spin_lock(&ksrq->lock);
	place = array_index_nospec(cqe->wr_id, ksrq->depth);
	posted = &ksrq->requests[place];
	if (!ksrq->live || !posted->posted || posted->index != cqe->wqe_index) {
		why = "completion of a receive that is not posted";
	} else {
		*request = (struct vib_request){
			.wr_id = posted->wr_id,
			.length = posted->length,
			.num_sge = posted->num_sge,
			.opcode = IB_WC_RECV,
		};
		if (land)
			vib_receive_land(to_vib(srq->ibsrq.device), cqe,
					 ksrq->sges + place * srq->max_sge, request);
		posted->posted = false;
		posted->next = ksrq->free;
		ksrq->free = posted - ksrq->requests;
	}
	spin_unlock(&ksrq->lock);
	return why;
}

/* The backend of this epoch takes from it, and first what no other has completed. */
static void vib_ksrq_serve(struct vib_ksrq *ksrq)
{
	struct vib_qmem *memory = &ksrq->srq->queue;
	unsigned long flags;
	u32 place;

	spin_lock_irqsave(&ksrq->lock, flags);
	vib_queue_init(&ksrq->queue, memory->address, memory->order,
		       memory->stride);
	for (place = 0; place < ksrq->depth; place++)
		if (ksrq->requests[place].posted)
			vib_ksrq_put(ksrq, place);
	vib_ksrq_ring(ksrq, 0);
	ksrq->live = true;
	spin_unlock_irqrestore(&ksrq->lock, flags);
}

/* Have the backend make it, with memory that it has already. */
int vib_ksrq_connect(struct vib *vib, struct vib_ksrq *ksrq)
{
	struct vib_srq *srq = ksrq->srq;
	int err;

	srq->epoch = READ_ONCE(vib->epoch);
	srq->bells = &vib->kernel.bells;
	err = vib_srq_take_bell(srq);
	if (err)
		goto err_epoch;
	err = vib_srq_make(vib, srq, &(struct ib_srq_init_attr){
		.srq_type = IB_SRQT_BASIC,
		.attr.srq_limit = ksrq->limit,
	});
	if (err)
		goto err_bell;
	err = vib_object_add(vib, &vib->srqs, srq->number, srq, srq->epoch);
	if (err) {
		vib_object_destroy(vib, srq->epoch, VIB_CMD_DESTROY_SRQ,
				   srq->number);
		goto err_bell;
	}
	vib_ksrq_serve(ksrq);
	return 0;

err_bell:
	vib_srq_return_bell(srq);
err_epoch:
	srq->epoch = 0; /* of none: no backend is to be told of it */
	return err;
}

void vib_ksrq_lose(struct vib *vib, struct vib_ksrq *ksrq)
{
	unsigned long flags;

	spin_lock_irqsave(&ksrq->lock, flags);
	ksrq->live = false;
	spin_unlock_irqrestore(&ksrq->lock, flags);
	vib_srq_return_bell(ksrq->srq);
	vib_qmem_end(vib, &ksrq->srq->queue);
}

int vib_ksrq_limit(struct vib_srq *srq, u32 limit)
{
	struct vib *vib = to_vib(srq->ibsrq.device);
	int err;

	vib_kernel_lock(vib);
	err = vib_srq_limit(vib, srq, limit);
	/* Without a backend it is for the next one. */
	if (!err || err == -EIO) {
		srq->kernel->limit = limit;
		err = 0;
	}
	vib_kernel_unlock(vib);
	return err;
}

static void vib_ksrq_free(struct vib_ksrq *ksrq)
{
	kvfree(ksrq->requests);
	kvfree(ksrq->sges);
	kfree(ksrq);
}

static struct vib_ksrq *vib_ksrq_new(struct vib_srq *srq, u32 limit)
{
	struct vib_ksrq *ksrq = kzalloc(sizeof(*ksrq), GFP_KERNEL);
	u32 place;

	if (!ksrq)
		return NULL;
	spin_lock_init(&ksrq->lock);
	ksrq->srq = srq;
	ksrq->limit = limit;
	ksrq->depth = 1 << srq->queue.order;
	ksrq->requests = kvcalloc(ksrq->depth, sizeof(*ksrq->requests),
				  GFP_KERNEL);
	ksrq->sges = kvcalloc(ksrq->depth, srq->max_sge * sizeof(*ksrq->sges),
			      GFP_KERNEL);
	if (!ksrq->requests || !ksrq->sges) {
		vib_ksrq_free(ksrq);
		return NULL;
	}
	for (place = 0; place < ksrq->depth; place++)
		ksrq->requests[place].next = place + 1;
	return ksrq;
}

/* Its limits have been checked. */
int vib_ksrq_create(struct ib_srq *ibsrq, struct ib_srq_init_attr *init)
{
	struct vib_srq *srq = to_vib_srq(ibsrq);
	struct vib *vib = to_vib(ibsrq->device);
	int err;

	if (init->srq_type != IB_SRQT_BASIC)
		return -EOPNOTSUPP;
	vib_kernel_lock(vib);
	err = vib_qmem_make(vib, NULL, init->attr.max_wr,
			    vib_recv_stride(srq->max_sge), &srq->queue);
	if (err)
		goto out;
	srq->kernel = vib_ksrq_new(srq, init->attr.srq_limit);
	if (!srq->kernel) {
		err = -ENOMEM;
		goto err_queue;
	}
	err = vib_ksrq_connect(vib, srq->kernel);
	if (err)
		goto err_free;
	list_add_tail(&srq->kernel->entry, &vib->kernel.srqs);
	vib_kernel_unlock(vib);
	return 0;

err_free:
	vib_ksrq_free(srq->kernel);
err_queue:
	vib_qmem_end(vib, &srq->queue);
out:
	vib_kernel_unlock(vib);
	return err;
}

/* No QP takes from it any more. */
void vib_ksrq_destroy(struct vib_srq *srq)
{
	struct vib *vib = to_vib(srq->ibsrq.device);

	vib_kernel_lock(vib);
	list_del(&srq->kernel->entry);
	vib_object_remove(&vib->srqs, srq->number, srq);
	vib_object_destroy(vib, srq->epoch, VIB_CMD_DESTROY_SRQ, srq->number);
	vib_srq_return_bell(srq);
	vib_qmem_end(vib, &srq->queue);
	vib_kernel_unlock(vib);
	vib_ksrq_free(srq->kernel);
}
