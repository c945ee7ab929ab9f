// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands on the control ring, one at a time. */
#include <errno.h>
#include <poll.h>

#include <xen-ib/barrier.h>

#include "libvib/internal.h"

/* Longer than any command takes; a backend that needs more is taken for hung. */
#define COMMAND_MS 30000

/* The largest errno there is in a status. */
#define ERRNO_MAX  4095

static void send_request(struct libvib *lv, const struct vib_control_request *req)
{
	int notify;

	*RING_GET_REQUEST(&lv->ring, lv->ring.req_prod_pvt) = *req;
	lv->ring.req_prod_pvt++;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&lv->ring, notify);
	if (notify)
		lv_eventfd_signal(lv->channel.send_fd);
}

/* Why @rsp is no answer to @req, or NULL. */
static const char *fault(const struct vib_control_request *req,
			 const struct vib_control_response *rsp)
{
	if (rsp->id != req->id)
		return "ibback broke the protocol: response to nothing";
	if (rsp->operation != req->operation)
		return "ibback broke the protocol: response of another operation";
	if (rsp->status > 0 || rsp->status < -ERRNO_MAX)
		return "ibback broke the protocol: response with a status that is none";
	return NULL;
}

/* 1 and the response, 0 if it is not there yet, -EPROTO. */
static int take_response(struct libvib *lv, const struct vib_control_request *req,
			 struct vib_control_response *rsp)
{
	RING_IDX prod = vib_observe32(&lv->ring.sring->rsp_prod);
	const char *why;
	int more;

	if (prod == lv->ring.rsp_cons) {
		RING_FINAL_CHECK_FOR_RESPONSES(&lv->ring, more);
		if (!more)
			return 0;
		prod = vib_observe32(&lv->ring.sring->rsp_prod);
	}
	/* One request is on its way, so there is one response. */
	if (prod != lv->ring.req_prod_pvt) {
		lv_fail(lv, "ibback broke the protocol: response index out of range");
		return -EPROTO;
	}
	RING_COPY_RESPONSE(&lv->ring, lv->ring.rsp_cons, rsp);
	vib_copy_barrier();
	lv->ring.rsp_cons++;
	why = fault(req, rsp);
	if (why) {
		lv_fail(lv, why);
		return -EPROTO;
	}
	return 1;
}

static int await_response(struct libvib *lv, const struct vib_control_request *req,
			  struct vib_control_response *rsp)
{
	int64_t deadline = lv_now_ms() + COMMAND_MS;
	struct pollfd pfd[] = {
		{ .fd = lv->channel.wait_fd, .events = POLLIN },
		{ .fd = localguest_fd(lv->guest), .events = POLLIN },
	};
	int64_t left;
	int n;

	for (;;) {
		n = take_response(lv, req, rsp);
		if (n)
			return n < 0 ? n : rsp->status;
		if (!lv_check(lv))
			return -ENODEV;
		left = deadline - lv_now_ms();
		if (left <= 0)
			return lv_fail(lv, "ibback does not answer a command");
		poll(pfd, 2, (int)left);
		lv_eventfd_drain(lv->channel.wait_fd);
	}
}

int libvib_command(struct libvib *lv, struct vib_control_request *req,
		   struct vib_control_response *rsp)
{
	int status;

	pthread_mutex_lock(&lv->lock);
	if (!lv_check(lv)) {
		pthread_mutex_unlock(&lv->lock);
		return -ENODEV;
	}
	req->id = lv->next_id++;
	send_request(lv, req);
	status = await_response(lv, req, rsp);
	/* The channel's event may have been for this, and is drained. */
	if (vib_queue_peek(&lv->async))
		lv_eventfd_signal(lv->kick_fd);
	pthread_mutex_unlock(&lv->lock);
	return status;
}

int lv_create(struct libvib *lv, struct vib_control_request *req, uint32_t *number)
{
	struct vib_control_response rsp;
	int err = libvib_command(lv, req, &rsp);

	if (!err)
		*number = rsp.u.object.number;
	return err;
}

int lv_destroy(struct libvib *lv, enum vib_command operation, uint32_t number)
{
	struct vib_control_request req = { .operation = (uint16_t)operation,
					   .u.object.number = number };
	struct vib_control_response rsp;
	int err = libvib_command(lv, &req, &rsp);

	return libvib_failure(lv) ? 0 : err;
}
