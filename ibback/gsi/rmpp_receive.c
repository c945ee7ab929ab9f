// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A request of several segments on its way from a port (IBTA vol. 1 §13.6.6.1). It is
 * granted at once all segments that it may have; they are taken in order, and what is
 * lost between is sent again by its sender.
 */
#include <stdlib.h>

#include <urcu/compiler.h>

#include "gsi/rmpp.h"

/* How long a sender may be silent, and one that is done ask for the last ACK again. */
#define RECEIVE_TIMEOUT_NS 10000000000ull

struct rmpp_receive {
	LIST_ENTRY(rmpp_receive) of_port;
	struct timer timer;
	struct gsi_port *port;
	uint64_t tid;
	uint8_t method;
	uint32_t received;            /* the last segment so far */
	struct rmpp_request *request; /* NULL: it is done */
};

static void forget(struct rmpp_receive *r)
{
	timer_cancel(&r->port->gsi->timers, &r->timer);
	LIST_REMOVE(r, of_port);
	r->port->num_receives--;
	free(r->request);
	free(r);
}

static void on_timeout(struct timer *timer, uint64_t now)
{
	struct rmpp_receive *r = caa_container_of(timer, struct rmpp_receive, timer);

	(void)now;
	if (r->request)
		rmpp_answer(r->port, &r->request->first, RMPP_ABORT, RMPP_TIME_TOO_LONG,
			    0, 0);
	forget(r);
}

static void wait(struct rmpp_receive *r)
{
	struct gsi *gsi = r->port->gsi;

	timer_set(&gsi->timers, &r->timer, gsi_now(gsi) + RECEIVE_TIMEOUT_NS);
}

static struct rmpp_receive *find(struct gsi_port *port, const uint8_t *mad)
{
	struct rmpp_receive *r;

	LIST_FOREACH(r, &port->receives, of_port)
	if (r->tid == mad_tid(mad) && r->method == mad_method(mad))
		return r;
	return NULL;
}

/* Those that are done make room. */
static bool make_room(struct gsi_port *port)
{
	struct rmpp_receive *r;

	if (port->num_receives < MAX_RMPP_RECEIVES)
		return true;
	LIST_FOREACH(r, &port->receives, of_port)
	if (!r->request) {
		forget(r);
		return true;
	}
	return false;
}

static struct rmpp_receive *begin(struct gsi_port *port, const struct mad_packet *packet)
{
	struct rmpp_receive *r;

	if (!make_room(port))
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->request = calloc(1, sizeof(*r->request));
	if (!r->request) {
		free(r);
		return NULL;
	}
	r->timer.expired = on_timeout;
	r->port = port;
	r->tid = mad_tid(packet->mad);
	r->method = mad_method(packet->mad);
	r->request->first = *packet;
	LIST_INSERT_HEAD(&port->receives, r, of_port);
	port->num_receives++;
	return r;
}

static void ack(struct rmpp_receive *r, const struct mad_packet *packet, uint32_t window)
{
	rmpp_answer(r->port, packet, RMPP_ACK, 0, r->received, window);
}

static enum gsi_drop refuse(struct rmpp_receive *r, struct gsi_port *port,
			    const struct mad_packet *packet, enum rmpp_type type,
			    enum rmpp_status status)
{
	rmpp_answer(port, packet, type, status, 0, 0);
	if (r)
		forget(r);
	return GSI_DROP_RMPP;
}

/* Data in a segment; -1: its PayloadLength cannot be. */
static int data_in(const uint8_t *mad, bool last)
{
	uint32_t length = be32_at(mad + RMPP_LENGTH_WINDOW);

	if (!last)
		return SEGMENT_DATA;
	if (length < SEGMENT_HEADER || length > RMPP_PAYLOAD)
		return -1;
	return (int)(length - SEGMENT_HEADER);
}

/* The next segment in order. */
static enum gsi_drop take(struct rmpp_receive *r, const struct mad_packet *packet,
			  struct rmpp_request **done)
{
	bool last = packet->mad[RMPP_FLAGS] & RMPP_LAST;
	int length = data_in(packet->mad, last);

	if (length < 0)
		return refuse(r, r->port, packet, RMPP_ABORT, RMPP_BAD_LENGTH);
	if (!last && r->received + 1 == MAX_RMPP_SEGMENTS)
		return refuse(r, r->port, packet, RMPP_STOP, RMPP_RESOURCES_EXHAUSTED);
	memcpy(r->request->data + r->request->length, packet->mad + SA_DATA,
	       (size_t)length);
	r->request->length += (size_t)length;
	r->received++;
	wait(r);
	if (last) {
		ack(r, packet, r->received);
		*done = r->request;
		r->request = NULL;
	} else if (r->received == 1) {
		ack(r, packet, MAX_RMPP_SEGMENTS);
	}
	return 0;
}

enum gsi_drop rmpp_receive(struct gsi_port *port, const struct mad_packet *packet,
			   struct rmpp_request **done)
{
	struct rmpp_receive *r = find(port, packet->mad);
	uint32_t segment = be32_at(packet->mad + RMPP_SEGMENT);
	bool first = packet->mad[RMPP_FLAGS] & RMPP_FIRST;

	*done = NULL;
	if (packet->mad[RMPP_STATUS])
		return refuse(r, port, packet, RMPP_ABORT, RMPP_BAD_STATUS);
	if (first != (segment == 1))
		return refuse(r, port, packet, RMPP_ABORT, RMPP_BAD_SEGMENT);
	if (!r && !first)
		return GSI_DROP_TID;
	if (!r)
		r = begin(port, packet);
	if (!r)
		return refuse(r, port, packet, RMPP_STOP, RMPP_RESOURCES_EXHAUSTED);
	if (r->request && segment == r->received + 1)
		return take(r, packet, done);
	/* One that came before: its ACK was lost. One too early: some were. */
	if (segment <= r->received)
		ack(r, packet, r->request ? MAX_RMPP_SEGMENTS : r->received);
	return 0;
}

bool rmpp_receive_ended(struct gsi_port *port, const struct mad_packet *packet)
{
	struct rmpp_receive *r = find(port, packet->mad);

	if (r)
		forget(r);
	return r != NULL;
}

void rmpp_receive_purge(struct gsi_port *port)
{
	while (!LIST_EMPTY(&port->receives))
		forget(LIST_FIRST(&port->receives));
}
