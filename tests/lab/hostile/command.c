// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands on the control ring: one waited for, or many that are not. */

#include <linux/delay.h>
#include <linux/jiffies.h>

#include <xen/events.h>

#include "hostile.h"

/* A backend that keeps silent for so long has ended, or is hung. */
#define ANSWER_TIME (120 * HZ)

struct vib_control_request *ring_slot(struct hostile *h)
{
	return RING_GET_REQUEST(&h->ring, h->ring.req_prod_pvt);
}

/* All requests up to req_prod_pvt. An event always: the backend's wish may be ours. */
void ring_push(struct hostile *h)
{
	virt_wmb(); /* requests are there before the index */
	WRITE_ONCE(h->ring.sring->req_prod, h->ring.req_prod_pvt);
	notify_remote_via_evtchn(h->port);
}

/* Count responses, and copy those whose ids are among the @count from @id on. */
static unsigned int take(struct hostile *h, u16 id, struct vib_control_response *wanted,
			 unsigned int count)
{
	struct vib_control_response response;
	RING_IDX prod = READ_ONCE(h->ring.sring->rsp_prod);
	unsigned int found = 0;

	virt_rmb(); /* responses are read after the index */
	/* Our own attacks write there, too. */
	if (prod - h->ring.rsp_cons > h->ring.req_prod_pvt - h->ring.rsp_cons)
		return 0;
	while (h->ring.rsp_cons != prod) {
		memcpy(&response, RING_GET_RESPONSE(&h->ring, h->ring.rsp_cons),
		       sizeof(response));
		h->ring.rsp_cons++;
		if ((u16)(response.id - id) < count) {
			wanted[(u16)(response.id - id)] = response;
			found++;
		}
	}
	return found;
}

/* Until @inflight requests are not answered yet, or fewer. */
static bool wait_for(struct hostile *h, unsigned int inflight, u16 id,
		     struct vib_control_response *wanted, unsigned int count)
{
	unsigned long end = jiffies + ANSWER_TIME;
	unsigned int found = 0;

	while (hostile_goes_on(h)) {
		found += take(h, id, wanted, count);
		if (h->ring.req_prod_pvt - h->ring.rsp_cons <= inflight)
			return found == count;
		if (time_after(jiffies, end)) {
			dev_warn(&h->xbdev->dev, "no answer for %u s: req_prod %u rsp_prod %u of %u taken\n",
				 ANSWER_TIME / HZ, h->ring.req_prod_pvt,
				 READ_ONCE(h->ring.sring->rsp_prod), h->ring.rsp_cons);
			h->lost = true;
			return false;
		}
		usleep_range(100, 300);
	}
	return false;
}

bool ring_room(struct hostile *h, unsigned int count)
{
	return wait_for(h, VIB_CONTROL_RING_SIZE - count, 0, NULL, 0);
}

bool ring_quiet(struct hostile *h)
{
	return wait_for(h, 0, 0, NULL, 0);
}

void command_send(struct hostile *h, const struct vib_control_request *request)
{
	if (!ring_room(h, 1))
		return;
	*ring_slot(h) = *request;
	h->ring.req_prod_pvt++;
	ring_push(h);
}

bool commands(struct hostile *h, struct vib_control_request *requests,
	      struct vib_control_response *responses, unsigned int count)
{
	u16 first = h->id + 1;
	unsigned int i;

	/* Nothing else of these ids may be under way. */
	if (!ring_quiet(h))
		return false;
	for (i = 0; i < count; i++) {
		requests[i].id = ++h->id;
		*ring_slot(h) = requests[i];
		h->ring.req_prod_pvt++;
	}
	ring_push(h);
	return wait_for(h, 0, first, responses, count);
}

int command(struct hostile *h, struct vib_control_request *request,
	    struct vib_control_response *response)
{
	return commands(h, request, response, 1) ? response->status : -ENODEV;
}

int command_create(struct hostile *h, struct vib_control_request *request, u32 *number)
{
	struct vib_control_response response;
	int err = command(h, request, &response);

	if (!err)
		*number = response.u.object.number;
	return err;
}

int command_end(struct hostile *h, u16 operation, u32 number)
{
	struct vib_control_request request = { .operation = operation };
	struct vib_control_response response;

	request.u.object.number = number;
	return command(h, &request, &response);
}
