// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the backend's events bring: the end of its life, responses, async
 * events. The event channel is bound with late EOI, so that no further event
 * comes in before the work for the last one is done.
 */

#include <xen/events.h>
#include <xen/interface/event_channel.h>

#include <asm/xen/hypercall.h>

#include "verbs.h"

/* Async events taken in one go; others get the CPU in between. */
#define VIB_ASYNC_BUDGET (1 << VIB_ASYNC_ORDER)

/*
 * Not the lifecycle's queue: that one waits for what is delivered here. A disk's ULP waits
 * for it, too, when it connects anew, and memory may wait for the disk.
 */
static struct workqueue_struct *vib_event_wq;

int vib_events_init(void)
{
	vib_event_wq = alloc_workqueue("ibfront_event", WQ_MEM_RECLAIM, 0);
	return vib_event_wq ? 0 : -ENOMEM;
}

void vib_events_exit(void)
{
	destroy_workqueue(vib_event_wq);
}

bool vib_backend_alive(const struct vib *vib)
{
	const struct vib_control_page *page =
		vib_memory_page(vib->shared, VIB_CONTROL_PAGE);

	return READ_ONCE(page->backend_alive) != 0;
}

/*
 * An event channel for the backend to bind, or -ENOSPC. Not xenbus_alloc_evtchn(),
 * which closes the device when there is none.
 */
int vib_evtchn_alloc(struct vib *vib, evtchn_port_t *evtchn)
{
	struct evtchn_alloc_unbound alloc = {
		.dom = DOMID_SELF,
		.remote_dom = vib->xbdev->otherend_id,
	};

	if (HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &alloc))
		return -ENOSPC;
	*evtchn = alloc.port;
	return 0;
}

void vib_evtchn_free(evtchn_port_t evtchn)
{
	struct evtchn_close close = { .port = evtchn };

	WARN_ON_ONCE(HYPERVISOR_event_channel_op(EVTCHNOP_close, &close));
}

/* Have @work run, where it may deliver what lifecycle works wait for. */
void vib_event_queue(struct work_struct *work)
{
	queue_work(vib_event_wq, work);
}

static void vib_async_event(struct vib *vib, const struct vib_async_event *event)
{
	enum vib_news news;

	switch (event->type) {
	case VIB_ASYNC_PORT_CHANGE:
		news = VIB_NEWS_PORT;
		break;
	case VIB_ASYNC_GID_CHANGE:
		news = VIB_NEWS_GID;
		break;
	case VIB_ASYNC_PKEY_CHANGE:
		news = VIB_NEWS_PKEY;
		break;
	case VIB_ASYNC_REREGISTER:
		news = VIB_NEWS_REREGISTER;
		break;
	default:
		vib_object_event(vib, event->type, event->object);
		return;
	}
	if (event->object != VIB_PORT) {
		vib_fail(vib, VIB_BROKEN, "async event of a port that is none");
		return;
	}
	set_bit(news, &vib->news);
	vib_look(vib);
}

/* Returns how many there were; VIB_ASYNC_BUDGET: there can be more. */
static int vib_take_async_events(struct vib *vib)
{
	struct vib_async_event event;
	const void *slot;
	int taken = 0;

	/* Every look counts: a slot that flickers is no reason to stay. */
	for (; taken < VIB_ASYNC_BUDGET; taken++) {
		slot = vib_queue_peek(&vib->async);
		if (!slot) {
			if (!vib_queue_arm(&vib->async))
				break;
			continue;
		}
		memcpy(&event, slot, sizeof(event));
		vib_copy_barrier();
		vib_queue_consume(&vib->async);
		vib_async_event(vib, &event);
	}
	return taken;
}

void vib_event(struct work_struct *work)
{
	struct vib *vib = container_of(work, struct vib, event_work);
	int async;

	if (READ_ONCE(vib->up) && !vib_backend_alive(vib))
		vib_fail(vib, VIB_GONE, NULL);
	/* Without an EOI the channel stays silent until it is closed. */
	if (READ_ONCE(vib->failure) != VIB_FINE)
		return;

	if (vib_take_responses(vib))
		vib->event_useful = true;
	async = vib_take_async_events(vib);
	if (async)
		vib->event_useful = true;
	if (async == VIB_ASYNC_BUDGET) {
		queue_work(vib_event_wq, &vib->event_work);
		return;
	}

	xen_irq_lateeoi(vib->irq, vib->event_useful ? 0 : XEN_EOI_FLAG_SPURIOUS);
}

static irqreturn_t vib_interrupt(int irq, void *data)
{
	struct vib *vib = data;

	WRITE_ONCE(vib->irq, irq); /* it can fire before the binding returns */
	vib->event_useful = false;
	queue_work(vib_event_wq, &vib->event_work);
	return IRQ_HANDLED;
}

/* Takes over @evtchn, unless it fails. */
int vib_events_start(struct vib *vib, evtchn_port_t evtchn)
{
	int irq;

	vib_queue_init(&vib->async, vib_memory_page(vib->shared, VIB_ASYNC_PAGE),
		       VIB_ASYNC_ORDER, sizeof(struct vib_async_event));
	irq = bind_evtchn_to_irqhandler_lateeoi(evtchn, vib_interrupt, 0,
						dev_name(&vib->xbdev->dev), vib);
	if (irq < 0)
		return irq;
	vib->irq = irq;
	return 0;
}

/* Closes the event channel too. */
void vib_events_stop(struct vib *vib)
{
	disable_irq(vib->irq); /* so that the work is not queued again */
	cancel_work_sync(&vib->event_work);
	unbind_from_irqhandler(vib->irq, vib);
}
