// SPDX-License-Identifier: GPL-2.0-or-later
/* A table on its way to a port (IBTA vol. 1 §13.6.6.2). */
#include <stdlib.h>

#include <urcu/compiler.h>

#include "gsi/reply.h"
#include "gsi/rmpp.h"

/* As the kernel's RMPP has it, which does not use packet lifetimes either. */
#define ACK_TIMEOUT_NS 2000000000ull
#define MAX_RETRIES    3

struct rmpp_send {
	LIST_ENTRY(rmpp_send) of_port;
	struct timer timer;
	struct gsi_port *port;
	struct mad_packet head;
	uint8_t *data;
	size_t length;
	uint32_t segments;
	uint32_t sent, acked, window; /* numbers of the last such segment */
	uint32_t highest;             /* ever sent: `sent` goes back to send again */
	unsigned int retries;
};

static void forget(struct rmpp_send *s)
{
	timer_cancel(&s->port->gsi->timers, &s->timer);
	LIST_REMOVE(s, of_port);
	s->port->num_sends--;
	free(s->data);
	free(s);
}

/* Data in segment @n, from 1. */
static size_t data_in(const struct rmpp_send *s, uint32_t n)
{
	return n < s->segments ? SEGMENT_DATA
			       : s->length - (size_t)(n - 1) * SEGMENT_DATA;
}

/*
 * §13.6.2.2: PayloadLength counts the class' header of each segment; in the first it is
 * that of all, in the last its own.
 */
static uint32_t payload_length(const struct rmpp_send *s, uint32_t n)
{
	if (n == s->segments)
		return (uint32_t)(SEGMENT_HEADER + data_in(s, n));
	return n == 1 ? (uint32_t)(s->segments * SEGMENT_HEADER + s->length) : 0;
}

static void send_segment(struct rmpp_send *s, uint32_t n)
{
	struct mad_packet packet = s->head;
	uint8_t flags = RMPP_NO_RESP_TIME | UMAD_RMPP_FLAG_ACTIVE;

	if (n == 1)
		flags |= RMPP_FIRST;
	if (n == s->segments)
		flags |= RMPP_LAST;
	packet.mad[RMPP_VERSION] = UMAD_RMPP_VERSION;
	packet.mad[RMPP_TYPE] = RMPP_DATA;
	packet.mad[RMPP_FLAGS] = flags;
	put_be32(packet.mad + RMPP_SEGMENT, n);
	put_be32(packet.mad + RMPP_LENGTH_WINDOW, payload_length(s, n));
	/* An empty table has no data. */
	if (s->data)
		memcpy(packet.mad + SA_DATA, s->data + (size_t)(n - 1) * SEGMENT_DATA,
		       data_in(s, n));
	gsi_deliver(s->port, &packet);
}

static bool may_send(const struct rmpp_send *s)
{
	return s->sent < s->segments && s->sent < s->window;
}

/* What the window allows, but a burst at a time: the next one with the next tick. */
static void send_more(struct rmpp_send *s)
{
	struct gsi *gsi = s->port->gsi;
	uint64_t now = gsi_now(gsi);

	for (unsigned int i = 0; i < RMPP_BURST && may_send(s); i++)
		send_segment(s, ++s->sent);
	if (s->highest < s->sent)
		s->highest = s->sent;
	timer_set(&gsi->timers, &s->timer, may_send(s) ? now + 1 : now + ACK_TIMEOUT_NS);
}

static void put_header(uint8_t *mad, enum rmpp_type type, uint8_t status,
		       uint32_t segment, uint32_t window)
{
	mad[RMPP_VERSION] = UMAD_RMPP_VERSION;
	mad[RMPP_TYPE] = type;
	mad[RMPP_FLAGS] = RMPP_NO_RESP_TIME | UMAD_RMPP_FLAG_ACTIVE;
	mad[RMPP_STATUS] = status;
	put_be32(mad + RMPP_SEGMENT, segment);
	put_be32(mad + RMPP_LENGTH_WINDOW, window);
}

void rmpp_answer(struct gsi_port *port, const struct mad_packet *packet,
		 enum rmpp_type type, uint8_t status, uint32_t segment, uint32_t window)
{
	struct mad_packet answer;

	reply_begin(&answer, packet, port->gsi->config.sa_lid, packet->pkey | 0x8000);
	memcpy(answer.mad, packet->mad, SA_DATA);
	mad_set_method(answer.mad, mad_method(packet->mad) ^ MAD_IS_RESPONSE);
	put_header(answer.mad, type, status, segment, window);
	gsi_deliver(port, &answer);
}

static void give_up(struct rmpp_send *s)
{
	struct mad_packet packet = s->head;

	put_header(packet.mad, RMPP_ABORT, RMPP_TOO_MANY_RETRIES, 0, 0);
	gsi_deliver(s->port, &packet);
	forget(s);
}

static void on_timeout(struct timer *timer, uint64_t now)
{
	struct rmpp_send *s = caa_container_of(timer, struct rmpp_send, timer);

	(void)now;
	if (!may_send(s)) {
		if (s->retries++ == MAX_RETRIES) {
			give_up(s);
			return;
		}
		s->sent = s->acked;
	}
	send_more(s);
}

bool rmpp_send(struct gsi_port *port, const struct mad_packet *head, uint8_t *data,
	       size_t length)
{
	struct rmpp_send *s = NULL;

	if (port->num_sends < MAX_RMPP_SENDS)
		s = calloc(1, sizeof(*s));
	if (!s) {
		free(data);
		return false;
	}
	s->timer.expired = on_timeout;
	s->port = port;
	s->head = *head;
	s->data = data;
	s->length = length;
	s->segments = length ? (uint32_t)((length - 1) / SEGMENT_DATA + 1) : 1;
	s->window = 1; /* §13.6.3.1: until the first ACK grants more */
	LIST_INSERT_HEAD(&port->sends, s, of_port);
	port->num_sends++;
	send_more(s);
	return true;
}

static struct rmpp_send *find(const struct gsi_port *port, uint64_t tid, uint8_t method)
{
	struct rmpp_send *s;

	LIST_FOREACH(s, &port->sends, of_port)
	if (mad_tid(s->head.mad) == tid && mad_method(s->head.mad) == method)
		return s;
	return NULL;
}

bool rmpp_is_sending(const struct gsi_port *port, uint64_t tid, uint8_t method)
{
	return find(port, tid, mad_response_method(method)) != NULL;
}

/* Of the packet of who receives, whose method is without the bit of a response. */
static struct rmpp_send *find_for(const struct gsi_port *port,
				  const struct mad_packet *packet)
{
	return find(port, mad_tid(packet->mad),
		    mad_method(packet->mad) ^ MAD_IS_RESPONSE);
}

static enum gsi_drop abort_send(struct rmpp_send *s, struct gsi_port *port,
				const struct mad_packet *packet, enum rmpp_status status)
{
	rmpp_answer(port, packet, RMPP_ABORT, status, 0, 0);
	forget(s);
	return GSI_DROP_RMPP;
}

enum gsi_drop rmpp_send_acked(struct gsi_port *port, const struct mad_packet *packet)
{
	struct rmpp_send *s = find_for(port, packet);
	uint32_t segment = be32_at(packet->mad + RMPP_SEGMENT);
	uint32_t window = be32_at(packet->mad + RMPP_LENGTH_WINDOW);

	/*
	 * §13.6.3: after its request of several segments, the requester grants a window
	 * for the answer by an ACK of segment 0. It comes with the answer on its way, or
	 * after it.
	 */
	if (!s)
		return segment ? GSI_DROP_TID : 0;
	if (packet->mad[RMPP_STATUS])
		return abort_send(s, port, packet, RMPP_BAD_STATUS);
	if (window < segment)
		return abort_send(s, port, packet, RMPP_WINDOW_TOO_SMALL);
	if (segment > s->highest)
		return abort_send(s, port, packet, RMPP_SEGMENT_TOO_BIG);
	if (segment == s->segments) {
		forget(s);
		return 0;
	}
	if (segment < s->acked || window < s->window ||
	    (segment == s->acked && window == s->window))
		return 0; /* an old one */
	if (segment > s->acked)
		s->retries = 0;
	s->acked = segment;
	if (s->sent < segment)
		s->sent = segment;
	s->window = window;
	send_more(s);
	return 0;
}

enum gsi_drop rmpp_send_ended(struct gsi_port *port, const struct mad_packet *packet)
{
	struct rmpp_send *s = find_for(port, packet);

	if (!s)
		return GSI_DROP_TID;
	forget(s);
	return 0;
}

void rmpp_send_purge(struct gsi_port *port)
{
	while (!LIST_EMPTY(&port->sends))
		forget(LIST_FIRST(&port->sends));
}
