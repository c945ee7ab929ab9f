// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/subscriptions.h"

#include <stdlib.h>

#include "gsi/be.h"
#include "gsi/ports.h"
#include "gsi/reply.h"
#include "gsi/reports.h"
#include "gsi/wire_informs.h"

/* Offsets in InformInfo, §13.4.8.3 table 121. */
enum {
	II_GID = 0,
	II_LID_BEGIN = 16,
	II_LID_END = 18,
	II_GENERIC = 22,
	II_SUBSCRIBE = 23,
	II_TYPE = 24,
	II_TRAP = 26,
	II_QPN_RESPONSE_TIME = 28,
	II_PRODUCER = 32, /* of 32 bits the lower 24 */
};

#define ANY_16        0xffff
#define ANY_24        0xffffff
/* A Report is to be answered in 4.096 us * 2^18, a second. */
#define RESPONSE_TIME 18

void inform_info_get(struct inform_info *info, const uint8_t *p)
{
	*info = (struct inform_info){
		.lid_begin = be16_at(p + II_LID_BEGIN),
		.lid_end = be16_at(p + II_LID_END),
		.generic = p[II_GENERIC],
		.subscribe = p[II_SUBSCRIBE],
		.type = be16_at(p + II_TYPE),
		.trap = be16_at(p + II_TRAP),
		.producer = be32_at(p + II_PRODUCER) & ANY_24,
	};
	memcpy(&info->gid, p + II_GID, sizeof(info->gid));
}

/* The QPN is 0: who else is told is nobody's affair (C15-0.2-1.16). */
void inform_info_put(uint8_t *p, const struct inform_info *info)
{
	memset(p, 0, INFORM_INFO_SIZE);
	memcpy(p + II_GID, &info->gid, sizeof(info->gid));
	put_be16(p + II_LID_BEGIN, info->lid_begin);
	put_be16(p + II_LID_END, info->lid_end);
	p[II_GENERIC] = info->generic;
	p[II_SUBSCRIBE] = info->subscribe;
	put_be16(p + II_TYPE, info->type);
	put_be16(p + II_TRAP, info->trap);
	put_be32(p + II_QPN_RESPONSE_TIME, RESPONSE_TIME);
	put_be32(p + II_PRODUCER, info->producer);
}

bool inform_info_same(const struct inform_info *a, const struct inform_info *b)
{
	return gids_equal(&a->gid, &b->gid) && a->lid_begin == b->lid_begin &&
	       a->lid_end == b->lid_end && a->generic == b->generic &&
	       a->type == b->type && a->trap == b->trap && a->producer == b->producer;
}

struct subscription *subscription_find(struct gsi_port *port,
				       const struct inform_info *info)
{
	struct subscription *s;

	LIST_FOREACH(s, &port->subscriptions, of_port)
	if (inform_info_same(&s->info, info))
		return s;
	return NULL;
}

struct subscription *subscription_add(struct gsi_port *port,
				      const struct inform_info *info,
				      const struct mad_packet *request)
{
	struct subscription *s;

	if (port->num_subscriptions >= MAX_SUBSCRIPTIONS ||
	    !wire_informs_may_add(port, info))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->info = *info;
	reply_begin(&s->address, request, port->gsi->config.sa_lid,
		    request->pkey | PKEY_FULL);
	LIST_INSERT_HEAD(&port->subscriptions, s, of_port);
	port->num_subscriptions++;
	wire_informs_changed(port, info);
	return s;
}

void subscription_remove(struct gsi_port *port, struct subscription *subscription)
{
	LIST_REMOVE(subscription, of_port);
	port->num_subscriptions--;
	wire_informs_changed(port, &subscription->info);
	free(subscription);
}

static bool issuer_matches(const struct inform_info *info, const struct notice *n)
{
	uint16_t end = info->lid_end ? info->lid_end : info->lid_begin;

	if (!gid_is_zero(&info->gid))
		return gids_equal(&info->gid, &n->issuer_gid);
	return info->lid_begin == ANY_16 ||
	       (info->lid_begin <= n->issuer_lid && n->issuer_lid <= end);
}

/* §13.4.11; all our notices are generic. */
static bool matches(const struct inform_info *info, const struct notice *n)
{
	return info->generic && issuer_matches(info, n) &&
	       (info->type == ANY_16 || info->type == n->type) &&
	       (info->trap == ANY_16 || info->trap == n->trap) &&
	       (info->producer == ANY_24 || info->producer == n->producer);
}

void subscriptions_report(struct gsi_port *port, const struct notice *notice)
{
	const struct subscription *s;
	bool is_first = true;

	LIST_FOREACH(s, &port->subscriptions, of_port)
	{
		if (!matches(&s->info, notice))
			continue;
		if (is_first)
			reports_supersede(port, notice);
		is_first = false;
		report_send(port, &s->address, notice);
	}
}

static struct subscription *first_without_right(struct gsi_port *port)
{
	struct subscription *s;

	LIST_FOREACH(s, &port->subscriptions, of_port)
	if (pkey_accepting(port->attr.pkeys, s->address.pkey) < 0 ||
	    (s->address.grh && !port_has_gid(port, &s->address.dgid)) ||
	    s->address.dlid != port->attr.port.lid)
		return s;
	return NULL;
}

void subscriptions_check(struct gsi_port *port)
{
	struct subscription *s;

	while ((s = first_without_right(port))) {
		subscription_remove(port, s);
		/* Which Reports are its is not worth knowing: all are begun anew. */
		reports_purge(port);
	}
}

void subscriptions_purge(struct gsi_port *port)
{
	while (!LIST_EMPTY(&port->subscriptions))
		subscription_remove(port, LIST_FIRST(&port->subscriptions));
	reports_purge(port);
}
