// SPDX-License-Identifier: GPL-2.0-or-later
/* The control ring: what stands in its slots, and its indices. */

#include <linux/delay.h>

#include <xen/events.h>

#include "hostile.h"

/* Above the last one, so that some are none. */
#define OPERATIONS (VIB_CMD_MODIFY_PORT + 4)

/* Grants in random bytes are seldom ours, and so harm nothing but this command. */
void attack_ring_random(struct hostile *h)
{
	u32 n = 1 + chance_below(&h->chance, VIB_CONTROL_RING_SIZE);

	if (!ring_room(h, n))
		return;
	while (n--) {
		chance_fill(&h->chance, ring_slot(h), sizeof(struct vib_control_request));
		h->ring.req_prod_pvt++;
	}
	ring_push(h);
}

void attack_ring_operations(struct hostile *h)
{
	struct vib_control_request request;
	u16 operation;

	for (operation = 0; operation < OPERATIONS && hostile_goes_on(h); operation++) {
		chance_fill(&h->chance, &request, sizeof(request));
		request.operation = operation;
		if (chance_one_in(&h->chance, 2))
			request.port = 0;
		if (chance_one_in(&h->chance, 2)) {
			memset(request.u.raw, 0, sizeof(request.u.raw));
			request.u.object.number = chance_below(&h->chance, 16);
		}
		command_send(h, &request);
	}
}

/* Whatever stands in the slots is made valid: answers of the past, that is. */
void attack_ring_stale(struct hostile *h)
{
	u32 n = 1 + chance_below(&h->chance, VIB_CONTROL_RING_SIZE);

	if (!ring_room(h, n))
		return;
	h->ring.req_prod_pvt += n;
	ring_push(h);
}

/* Good requests that become others while they are copied. */
void attack_ring_rewritten(struct hostile *h)
{
	struct vib_control_request request;
	u32 n;

	if (!ring_quiet(h))
		return;
	flip_begin(h, h->ring.sring->ring, VIB_PAGE_SIZE - 64);
	for (n = 0; n < VIB_CONTROL_RING_SIZE; n++) {
		qp_request(h, chance_below(&h->chance, WORLD_QPS), &request);
		*ring_slot(h) = request;
		h->ring.req_prod_pvt++;
		ring_push(h);
		usleep_range(100, 200);
	}
}

/* Those that say when an event is wanted, and the backend's own. */
void attack_ring_indices(struct hostile *h)
{
	struct vib_control_request request = { .operation = VIB_CMD_QUERY_PORT,
					       .port = VIB_PORT };
	u32 n;

	for (n = 0; n < 8; n++) {
		WRITE_ONCE(h->ring.sring->rsp_event, (u32)chance_odd(&h->chance));
		WRITE_ONCE(h->ring.sring->req_event, (u32)chance_odd(&h->chance));
		if (chance_one_in(&h->chance, 2))
			command_send(h, &request);
		notify_remote_via_evtchn(h->port);
	}
	/* Its own index is written with each answer. */
	WRITE_ONCE(h->ring.sring->rsp_prod, (u32)chance_odd(&h->chance));
	command_send(h, &request);
}

void attack_ring_same_ids(struct hostile *h)
{
	struct vib_control_request request = { .operation = VIB_CMD_QUERY_DEVICE };
	u32 n;

	if (!ring_room(h, VIB_CONTROL_RING_SIZE))
		return;
	for (n = 0; n < VIB_CONTROL_RING_SIZE; n++) {
		*ring_slot(h) = request;
		h->ring.req_prod_pvt++;
	}
	ring_push(h);
}

/* ---- those that end it --------------------------------------------------------- */

static void set_producer(struct hostile *h, RING_IDX prod)
{
	virt_wmb(); /* as a good frontend would */
	WRITE_ONCE(h->ring.sring->req_prod, prod);
	notify_remote_via_evtchn(h->port);
}

void attack_ring_leap(struct hostile *h)
{
	set_producer(h, h->ring.req_prod_pvt + VIB_CONTROL_RING_SIZE + 1 +
				chance_below(&h->chance, 0x7fffffff));
}

void attack_ring_backwards(struct hostile *h)
{
	set_producer(h, h->ring.req_prod_pvt - 1 -
				chance_below(&h->chance, VIB_CONTROL_RING_SIZE * 2));
}

void attack_ring_noise(struct hostile *h)
{
	unsigned int n;

	for (n = 0; n < 20 && hostile_goes_on(h); n++) {
		chance_fill(&h->chance, h->ring.sring, VIB_PAGE_SIZE);
		notify_remote_via_evtchn(h->port);
		usleep_range(100, 1000);
	}
}

void attack_async_consumer(struct hostile *h)
{
	struct vib_queue_header *hdr = h->async.hdr;
	struct vib_control_request request = { .operation = VIB_CMD_QUERY_PORT,
					       .port = VIB_PORT };

	vib_write32(&hdr->cons, chance_one_in(&h->chance, 2) ? 1 : chance32(&h->chance));
	vib_write32(&hdr->notify, (u32)chance_odd(&h->chance));
	command_send(h, &request);
}
