// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Completion event queues: this device's completion vectors. Each has an event
 * channel and a processor of its own.
 */

#include <linux/cpumask.h>
#include <linux/interrupt.h>

#include <xen/events.h>

#include "kernel.h"

/* It fills the one page it has. */
#define VIB_EQ_ORDER 8

/* Events taken in one go: in the interrupt, and by the work that goes on with more. */
#define VIB_EQ_IRQ_BUDGET  16
#define VIB_EQ_WORK_BUDGET (1 << VIB_EQ_ORDER)

static void vib_eq_completion(struct vib *vib, u32 cqn)
{
	struct vib_cq *cq;
	unsigned long flags;

	/* A number that names none is of a CQ that has ended. */
	xa_lock_irqsave(&vib->cqs, flags);
	cq = xa_load(&vib->cqs, cqn);
	if (cq && (!cq->kernel || vib_kcq_fires(cq->kernel)) && cq->ibcq.comp_handler)
		cq->ibcq.comp_handler(&cq->ibcq, cq->ibcq.cq_context);
	xa_unlock_irqrestore(&vib->cqs, flags);
}

/* Returns how many there were; @budget: there can be more. */
static unsigned int vib_eq_take(struct vib_eq *eq, unsigned int budget)
{
	const struct vib_comp_event *slot;
	unsigned int taken = 0;
	u32 cqn;

	for (; taken < budget; taken++) {
		slot = vib_queue_peek(&eq->queue);
		if (!slot) {
			if (!vib_queue_arm(&eq->queue))
				break;
			continue;
		}
		cqn = READ_ONCE(slot->cqn);
		vib_queue_consume(&eq->queue);
		vib_eq_completion(eq->vib, cqn);
	}
	return taken;
}

/* Only one of the interrupt and the work runs at a time: there is no EOI before. */
static void vib_eq_serve(struct vib_eq *eq, unsigned int budget)
{
	unsigned int taken = vib_eq_take(eq, budget);

	eq->useful |= taken;
	if (taken == budget) {
		vib_event_queue(&eq->work);
		return;
	}
	xen_irq_lateeoi(eq->irq, eq->useful ? 0 : XEN_EOI_FLAG_SPURIOUS);
}

static void vib_eq_work(struct work_struct *work)
{
	vib_eq_serve(container_of(work, struct vib_eq, work), VIB_EQ_WORK_BUDGET);
}

static irqreturn_t vib_eq_interrupt(int irq, void *data)
{
	struct vib_eq *eq = data;

	WRITE_ONCE(eq->irq, irq); /* it can fire before the binding returns */
	eq->useful = false;
	vib_eq_serve(eq, VIB_EQ_IRQ_BUDGET);
	return IRQ_HANDLED;
}

static int vib_eq_create(struct vib *vib, struct vib_eq *eq, u32 ref,
			 evtchn_port_t evtchn)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_CREATE_EQ,
		.u.create_eq = {
			.order = VIB_EQ_ORDER,
			.event_channel = evtchn,
			.pages = { .count = 1, .root = ref },
		},
	};

	struct vib_control_response response;
	int err;

	err = vib_command(vib, vib->epoch, &request, &response);
	if (!err)
		eq->number = response.u.object.number;
	return err;
}

static int vib_eq_start(struct vib *vib, unsigned int vector)
{
	u32 page = VIB_SHARED_PAGES + vector;
	struct vib_eq *eq = &vib->eqs[vector];
	evtchn_port_t evtchn;
	int irq, err;

	BUILD_BUG_ON(VIB_QUEUE_SLOTS_OFFSET +
		     (sizeof(struct vib_comp_event) << VIB_EQ_ORDER) >
		     VIB_PAGE_SIZE);

	err = vib_evtchn_alloc(vib, &evtchn);
	if (err)
		return err;
	eq->vib = vib;
	INIT_WORK(&eq->work, vib_eq_work);
	vib_queue_init(&eq->queue, vib_memory_page(vib->shared, page),
		       VIB_EQ_ORDER, sizeof(struct vib_comp_event));
	irq = bind_evtchn_to_irqhandler_lateeoi(evtchn, vib_eq_interrupt, 0,
						dev_name(&vib->xbdev->dev), eq);
	if (irq < 0) {
		vib_evtchn_free(evtchn);
		return irq;
	}
	eq->irq = irq;
	/* A wish: it works from any processor. */
	irq_set_affinity_and_hint(irq, cpumask_of(vector % nr_cpu_ids));
	vib->started_eqs++;
	return vib_eq_create(vib, eq, vib->shared->refs[page], evtchn) ? -EPROTO : 0;
}

/*
 * All of the connection's, or fewer where event channels are short. Returns 0, or an
 * errno if there is none, or if the backend refuses one.
 */
int vib_eqs_start(struct vib *vib)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < vib->num_eqs && !err; i++)
		err = vib_eq_start(vib, i);
	if (err == -ENOSPC && vib->started_eqs) {
		vib->num_eqs = vib->started_eqs;
		err = 0;
	}
	return err;
}

/* Nobody waits for their events any more. */
void vib_eqs_stop(struct vib *vib)
{
	struct vib_eq *eq;

	while (vib->started_eqs) {
		eq = &vib->eqs[--vib->started_eqs];
		disable_irq(eq->irq);
		cancel_work_sync(&eq->work);
		irq_update_affinity_hint(eq->irq, NULL);
		unbind_from_irqhandler(eq->irq, eq);
	}
}

/* The number, at the backend, of what serves completion vector @vector. */
u32 vib_eq_number(const struct vib *vib, unsigned int vector)
{
	unsigned int num = READ_ONCE(vib->num_eqs);

	return num ? vib->eqs[vector % num].number : VIB_NO_OBJECT;
}
