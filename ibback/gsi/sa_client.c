// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/sa_client.h"

#include <stdlib.h>

#include <urcu/compiler.h>

#include <infiniband/umad_sa.h>

#include "gsi/mad.h"

/* OpenSM's clients wait as long, and ask as often. */
#define ANSWER_TIMEOUT_NS 2000000000ull
#define TRIES             3

struct sa_query {
	LIST_ENTRY(sa_query) entry;
	struct gsi *gsi;
	struct timer timer;
	unsigned int tries; /* that are left */
	sa_answered *answered;
	void *arg;
	uint32_t low; /* of its TID */
	uint8_t mad[VIB_MAD_BYTES];
};

void sa_request_begin(uint8_t mad[VIB_MAD_BYTES], uint8_t method, uint16_t attribute,
		      uint64_t mask)
{
	const struct mad_header header = {
		.mgmt_class = UMAD_CLASS_SUBN_ADM,
		.class_version = UMAD_SA_CLASS_VERSION,
		.method = method,
		.attribute = attribute,
	};

	mad_begin(mad, &header);
	put_be64(mad + offsetof(struct umad_sa_packet, comp_mask), mask);
}

static void end(struct sa_query *q)
{
	timer_cancel(&q->gsi->timers, &q->timer);
	LIST_REMOVE(q, entry);
	free(q);
}

/* What cannot be sent now is sent with the next try. */
static void send_once(struct sa_query *q)
{
	struct gsi *gsi = q->gsi;

	q->tries--;
	timer_set(&gsi->timers, &q->timer, gsi_now(gsi) + ANSWER_TIMEOUT_NS);
	(void)gsi->ops->to_sa(gsi->arg, q->mad);
}

static void on_timeout(struct timer *timer, uint64_t now)
{
	struct sa_query *q = caa_container_of(timer, struct sa_query, timer);
	sa_answered *answered = q->answered;
	void *arg = q->arg;

	(void)now;
	if (q->tries) {
		send_once(q);
		return;
	}
	end(q);
	answered(arg, NULL, 0);
}

static struct sa_query *find(struct gsi *gsi, uint32_t low)
{
	struct sa_query *q;

	LIST_FOREACH(q, &gsi->queries, entry)
	if (q->low == low)
		return q;
	return NULL;
}

static struct sa_query *begin(struct gsi *gsi, const uint8_t mad[VIB_MAD_BYTES],
			      unsigned int tries, sa_answered *answered, void *arg)
{
	struct sa_query *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->gsi = gsi;
	q->tries = tries;
	q->timer.expired = on_timeout;
	q->answered = answered;
	q->arg = arg;
	do
		q->low = gsi->next_wire_tid++;
	while (find(gsi, q->low));
	memcpy(q->mad, mad, VIB_MAD_BYTES);
	put_be64(q->mad + MAD_AT_TID, q->low);
	LIST_INSERT_HEAD(&gsi->queries, q, entry);
	send_once(q);
	return q;
}

struct sa_query *sa_ask(struct gsi *gsi, const uint8_t mad[VIB_MAD_BYTES],
			sa_answered *answered, void *arg)
{
	return begin(gsi, mad, TRIES, answered, arg);
}

struct sa_query *sa_ask_once(struct gsi *gsi, const uint8_t mad[VIB_MAD_BYTES],
			     sa_answered *answered, void *arg)
{
	return begin(gsi, mad, 1, answered, arg);
}

void sa_query_cancel(struct sa_query *query)
{
	if (query)
		end(query);
}

/* Is @mad what answers the request of @q? */
static bool answers(const struct sa_query *q, const uint8_t *mad)
{
	return mad_method(mad) == mad_response_method(mad_method(q->mad)) &&
	       mad_attribute(mad) == mad_attribute(q->mad);
}

bool sa_client_receive(struct gsi *gsi, const uint8_t *mad, size_t length)
{
	struct sa_query *q = find(gsi, (uint32_t)mad_tid(mad));
	sa_answered *answered;
	void *arg;

	if (!q || !answers(q, mad))
		return false;
	answered = q->answered;
	arg = q->arg;
	end(q);
	answered(arg, mad, length);
	return true;
}
