// SPDX-License-Identifier: GPL-2.0-or-later
/* The handshake, as a frontend should do it, and the end of a connection. */

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <xen/events.h>

#include <asm/xen/hypercall.h>

#include "hostile.h"

/* Emulated, and under ASan, a backend with much to unmap takes its time. */
#define PARTING_TIME (120 * HZ)

bool hostile_alive(const struct hostile *h)
{
	const struct vib_control_page *page;

	if (!h->control)
		return false;
	page = h->control->va;
	return READ_ONCE(page->backend_alive) != 0;
}

/* An event channel that ends with the connection. */
int hostile_channel(struct hostile *h, evtchn_port_t *port)
{
	struct evtchn_alloc_unbound alloc = {
		.dom = DOMID_SELF,
		.remote_dom = h->xbdev->otherend_id,
	};

	if (h->num_channels == HOSTILE_CHANNELS)
		return -ENOSPC;
	if (HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &alloc))
		return -ENOSPC;
	*port = alloc.port;
	h->channels[h->num_channels++] = alloc.port;
	return 0;
}

void hostile_channel_close(struct hostile *h, unsigned int i)
{
	struct evtchn_close close = { .port = h->channels[i] };

	h->channels[i] = h->channels[--h->num_channels];
	WARN_ON_ONCE(HYPERVISOR_event_channel_op(EVTCHNOP_close, &close));
}

static int write_node(struct hostile *h, struct xenbus_transaction xbt,
		      const char *key, u32 value)
{
	return xenbus_printf(xbt, h->xbdev->nodename, key, "%u", value);
}

/* What a frontend answers, or some of it wrong. */
static int write_nodes(struct hostile *h, struct xenbus_transaction xbt)
{
	u32 values[] = { VIB_PROTOCOL_VERSION, h->control->refs[0],
			 h->ring_area->refs[0], h->async_area->refs[0], h->port };
	static const char *const keys[] = { VIB_FE_VERSION, VIB_FE_CONTROL_REF,
					    VIB_FE_RING_REF, VIB_FE_ASYNC_REF,
					    VIB_FE_EVENT_CHANNEL };
	unsigned int i, wrong = ARRAY_SIZE(keys);
	int err = 0;

	if (h->wrong_answer) {
		wrong = chance_below(&h->chance, ARRAY_SIZE(keys));
		/* Another page of ours, or nothing. */
		values[wrong] = wrong == 3 && chance_one_in(&h->chance, 2) ?
					h->ring_area->refs[0] :
					(u32)chance_odd(&h->chance);
	}
	for (i = 0; i < ARRAY_SIZE(keys) && !err; i++)
		err = write_node(h, xbt, keys[i], values[i]);
	if (!err)
		err = xenbus_printf(xbt, h->xbdev->nodename, VIB_FE_SESSION, "%s",
				    h->session);
	return err;
}

static int publish(struct hostile *h)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = write_nodes(h, xbt);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

static bool read_session(struct hostile *h, char session[17])
{
	unsigned int len;
	char *text = xenbus_read(XBT_NIL, h->xbdev->otherend, VIB_BE_SESSION, &len);

	if (IS_ERR(text))
		return false;
	if (len == 16)
		memcpy(session, text, 17);
	kfree(text);
	return len == 16;
}

static int share(struct hostile *h)
{
	h->control = area_new(h, PAGE_SIZE, false);
	h->ring_area = area_new(h, PAGE_SIZE, false);
	h->async_area = area_new(h, PAGE_SIZE, false);
	if (!h->control || !h->ring_area || !h->async_area)
		return -ENOMEM;
	XEN_FRONT_RING_INIT(&h->ring, (struct vib_control_sring *)h->ring_area->va,
			    VIB_PAGE_SIZE);
	vib_queue_init(&h->async, h->async_area->va, VIB_ASYNC_ORDER,
		       sizeof(struct vib_async_event));
	return hostile_channel(h, &h->port);
}

/* Whatever it is in xenstore now; xenbus_switch_state() would not write it again. */
void hostile_state(struct hostile *h, enum xenbus_state state)
{
	h->xbdev->state = state;
	/* A directory that the toolstack has removed stays so. */
	if (xenbus_exists(XBT_NIL, h->xbdev->nodename, VIB_FE_BACKEND))
		(void)xenbus_printf(XBT_NIL, h->xbdev->nodename, VIB_FE_STATE, "%d",
				    state);
}

/* Answer what the backend offers, unless it was answered. */
void hostile_answer(struct hostile *h)
{
	char session[17];

	if (!read_session(h, session) || !strcmp(session, h->session))
		return;
	if (h->control)
		hostile_end(h); /* what was answered before came to nothing */
	memcpy(h->session, session, sizeof(session));
	if (share(h) || publish(h)) {
		dev_warn(&h->xbdev->dev, "cannot answer\n");
		h->session[0] = '\0';
		hostile_end(h);
		return;
	}
	h->lost = h->served = false;
	h->wrong_answer = false;
	hostile_state(h, XenbusStateInitialised);
}

/*
 * The end of a connection, or of an answer that came to nothing. The backend is
 * told to go, and given time to.
 */
void hostile_end(struct hostile *h)
{
	unsigned long end = jiffies + PARTING_TIME;

	flip_end(h);
	if (hostile_alive(h))
		hostile_state(h, XenbusStateInitialising);
	while (hostile_alive(h) && time_before(jiffies, end))
		usleep_range(5000, 10000);
	while (h->num_channels)
		hostile_channel_close(h, 0);
	areas_end(h);
	kept_end(false);
	memset(&h->world, 0, sizeof(h->world));
}
