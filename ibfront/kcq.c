// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Completion queues of the kernel: making, losing and ending them.
 */

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "kernel.h"

/*
 * Does somebody wait for completions that no backend tells of? Then the handler is to be
 * called now. A CQ that has none stays armed: who is told for nothing may not arm it again.
 */
bool vib_kcq_tells_own(struct vib_kcq *kcq)
{
	unsigned long flags;
	bool tells;

	spin_lock_irqsave(&kcq->lock, flags);
	tells = kcq->armed != VIB_ARM_NONE && vib_kcq_has_own(kcq);
	if (tells)
		kcq->armed = VIB_ARM_NONE;
	spin_unlock_irqrestore(&kcq->lock, flags);
	return tells;
}

static void vib_kcq_work(struct work_struct *work)
{
	struct vib_kcq *kcq = container_of(work, struct vib_kcq, work);
	struct ib_cq *ibcq = &kcq->cq->ibcq;
	ib_comp_handler handler = READ_ONCE(ibcq->comp_handler);

	if (!handler || !vib_kcq_tells_own(kcq))
		return;
	/* Handlers that raise a softirq expect to be called by an interrupt. */
	local_bh_disable();
	handler(ibcq, ibcq->cq_context);
	local_bh_enable();
}

/*
 * An event came. Is the handler to be called? A backend may send as many as it likes, but
 * nobody is told who does not wait: its handler has been called since it was armed last. Nor
 * is one of whose CQ there has been no QP: ib_core arms it before it has all it takes. Who
 * has armed it anew since the event was sent is told, and waits for another.
 */
bool vib_kcq_fires(struct vib_kcq *kcq)
{
	unsigned long flags;
	bool fires;

	spin_lock_irqsave(&kcq->lock, flags);
	fires = kcq->live && kcq->used && kcq->armed != VIB_ARM_NONE;
	if (fires && vib_read32(&kcq->queue.hdr->arm) == VIB_ARM_NONE)
		kcq->armed = VIB_ARM_NONE;
	spin_unlock_irqrestore(&kcq->lock, flags);
	return fires;
}

int vib_kcq_moderate(struct vib_cq *cq, u16 count, u16 period)
{
	struct vib *vib = to_vib(cq->ibcq.device);
	int err;

	vib_kernel_lock(vib);
	err = vib_cq_moderate(vib, cq, count, period);
	/* Without a backend it is for the next one. */
	if (!err || err == -EIO) {
		cq->kernel->count = count;
		cq->kernel->period = period;
		err = 0;
	}
	vib_kernel_unlock(vib);
	return err;
}

/* The backend of this epoch fills it from now on. */
static void vib_kcq_serve(struct vib_kcq *kcq)
{
	struct vib_qmem *memory = &kcq->cq->queue;
	unsigned long flags;

	spin_lock_irqsave(&kcq->lock, flags);
	vib_queue_init(&kcq->queue, memory->address, memory->order,
		       memory->stride);
	bitmap_zero(kcq->skip, vib_queue_depth(&kcq->queue));
	if (kcq->armed != VIB_ARM_NONE)
		vib_cq_arm(&kcq->queue, kcq->armed);
	kcq->broken = false;
	kcq->live = true;
	spin_unlock_irqrestore(&kcq->lock, flags);
}

/* Have the backend make it, with memory that it has already. */
int vib_kcq_connect(struct vib *vib, struct vib_kcq *kcq)
{
	struct vib_cq *cq = kcq->cq;
	int err;

	cq->epoch = READ_ONCE(vib->epoch);
	err = vib_cq_make(vib, cq, kcq->vector);
	if (err)
		goto err_epoch;
	err = vib_object_add(vib, &vib->cqs, cq->number, cq, cq->epoch);
	if (err) {
		vib_object_destroy(vib, cq->epoch, VIB_CMD_DESTROY_CQ,
				   cq->number);
		goto err_epoch;
	}
	/* It fills nothing yet: no QP completes into it. */
	vib_kcq_serve(kcq);
	if (kcq->count || kcq->period)
		vib_cq_moderate(vib, cq, kcq->count, kcq->period);
	return 0;

err_epoch:
	cq->epoch = 0; /* of none: no backend is to be told of it */
	return err;
}

/* Its entries have been saved. */
void vib_kcq_lose(struct vib *vib, struct vib_kcq *kcq)
{
	vib_qmem_end(vib, &kcq->cq->queue);
}

/* Its completions find @qp, whose number is known. */
int vib_kcq_attach(struct ib_cq *ibcq, struct vib_qp *qp)
{
	struct vib_kcq *kcq = to_vib_cq(ibcq)->kernel;

	spin_lock_irq(&kcq->lock);
	kcq->used = true;
	spin_unlock_irq(&kcq->lock);
	return xa_insert(&kcq->qps, qp->ibqp.qp_num, qp, GFP_KERNEL);
}

/* None does any more, and nobody who polls looks at it but for what is settled. */
void vib_kcq_detach(struct ib_cq *ibcq, struct vib_qp *qp)
{
	struct vib_kcq *kcq = to_vib_cq(ibcq)->kernel;

	/* The number of a lost one can be another's. */
	if (xa_load(&kcq->qps, qp->ibqp.qp_num) != qp)
		return;
	xa_erase(&kcq->qps, qp->ibqp.qp_num);
	/* Who found it before has the lock. */
	spin_lock_irq(&kcq->lock);
	spin_unlock_irq(&kcq->lock);
}

static struct vib_kcq *vib_kcq_new(struct vib_cq *cq, u32 order,
				   unsigned int vector)
{
	struct vib_kcq *kcq = kzalloc(sizeof(*kcq), GFP_KERNEL);

	if (!kcq)
		return NULL;
	kcq->skip = bitmap_zalloc(1 << order, GFP_KERNEL);
	if (!kcq->skip) {
		kfree(kcq);
		return NULL;
	}
	kcq->cq = cq;
	kcq->vector = vector;
	xa_init(&kcq->qps);
	spin_lock_init(&kcq->lock);
	INIT_LIST_HEAD(&kcq->settling);
	INIT_WORK(&kcq->work, vib_kcq_work);
	return kcq;
}

static void vib_kcq_free(struct vib_kcq *kcq)
{
	xa_destroy(&kcq->qps);
	kvfree(kcq->backlog);
	bitmap_free(kcq->skip);
	kfree(kcq);
}

int vib_kcq_create(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr)
{
	struct vib *vib = to_vib(ibcq->device);
	struct vib_cq *cq = to_vib_cq(ibcq);
	int err;

	vib_kernel_lock(vib);
	err = vib_qmem_make(vib, NULL, attr->cqe, sizeof(struct vib_cqe),
			    &cq->queue);
	if (err)
		goto out;
	cq->kernel = vib_kcq_new(cq, cq->queue.order, attr->comp_vector);
	if (!cq->kernel) {
		err = -ENOMEM;
		goto err_queue;
	}
	err = vib_kcq_connect(vib, cq->kernel);
	if (err)
		goto err_free;
	ibcq->cqe = 1 << cq->queue.order;
	list_add_tail(&cq->kernel->entry, &vib->kernel.cqs);
	vib_kernel_unlock(vib);
	return 0;

err_free:
	vib_kcq_free(cq->kernel);
err_queue:
	vib_qmem_end(vib, &cq->queue);
out:
	vib_kernel_unlock(vib);
	return err;
}

#ifdef VIB_HAVE_PRE_DESTROY_CQ
/*
 * ib_core stops what handlers of its own have queued, and only then destroys the CQ. So
 * before that the last call of one has returned. Without this, no handler is called for a CQ
 * that has no QP, but by a backend that sends events of it.
 */
int vib_verb_pre_destroy_cq(struct ib_cq *ibcq)
{
	struct vib *vib = to_vib(ibcq->device);
	struct vib_kcq *kcq = to_vib_cq(ibcq)->kernel;

	if (!kcq)
		return 0;
	xa_lock_irq(&vib->cqs); /* held while events are delivered */
	WRITE_ONCE(ibcq->comp_handler, NULL);
	xa_unlock_irq(&vib->cqs);
	cancel_work_sync(&kcq->work);
	return 0;
}
#endif

/* No QP completes into it any more. */
void vib_kcq_destroy(struct vib_cq *cq)
{
	struct vib *vib = to_vib(cq->ibcq.device);

	vib_kernel_lock(vib);
	list_del(&cq->kernel->entry);
	vib_object_remove(&vib->cqs, cq->number, cq);
	vib_object_destroy(vib, cq->epoch, VIB_CMD_DESTROY_CQ, cq->number);
	vib_qmem_end(vib, &cq->queue);
	vib_kernel_unlock(vib);
	cancel_work_sync(&cq->kernel->work);
	vib_kcq_free(cq->kernel);
}
