// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/wire_informs.h"

#include <stdlib.h>

#include <urcu/compiler.h>

#include <infiniband/umad_sa.h>
#include <infiniband/umad_sm.h>

#include "gsi/mad.h"
#include "gsi/mgid.h"
#include "gsi/ports.h"
#include "gsi/rmpp.h"
#include "gsi/sa_client.h"

#define RETRY_NS 5000000000ull
/* In InformInfo, of 24 bits behind the trap: §13.4.8.3. */
#define II_QPN   28
#define GSI_QPN  1

struct wire_inform {
	LIST_ENTRY(wire_inform) entry;
	struct gsi *gsi;
	struct gsi_port *payer; /* who wants it, or did last; NULL: it has gone */
	struct inform_info info;
	bool have, asked; /* at the SA, and what it is asked for */
	struct sa_query *query;
	struct timer retry;
};

static void step(struct wire_inform *w);

static void on_retry(struct timer *timer, uint64_t now)
{
	(void)now;
	step(caa_container_of(timer, struct wire_inform, retry));
}

/* NULL: nobody. */
static struct gsi_port *who_wants(const struct wire_inform *w)
{
	struct gsi_port *port;

	if (w->payer && subscription_find(w->payer, &w->info))
		return w->payer;
	LIST_FOREACH(port, &w->gsi->ports, entry)
	if (subscription_find(port, &w->info))
		return port;
	return NULL;
}

static void end(struct wire_inform *w)
{
	sa_query_cancel(w->query);
	timer_cancel(&w->gsi->timers, &w->retry);
	LIST_REMOVE(w, entry);
	free(w);
}

/* What it refuses is asked for again, as little as what it does not answer. */
static void on_answer(void *arg, const uint8_t *mad, size_t length)
{
	struct wire_inform *w = arg;

	(void)length;
	w->query = NULL;
	if (mad && (!mad_status(mad) || !w->asked))
		w->have = w->asked;
	else
		timer_set(&w->gsi->timers, &w->retry, gsi_now(w->gsi) + RETRY_NS);
	step(w);
}

static void ask(struct wire_inform *w, bool subscribe)
{
	uint8_t mad[VIB_MAD_BYTES];
	struct inform_info info = w->info;

	info.subscribe = subscribe;
	sa_request_begin(mad, UMAD_METHOD_SET, UMAD_ATTR_INFORM_INFO, 0);
	inform_info_put(mad + SA_DATA, &info);
	/* Whose it is that ends, §13.4.8.3. */
	if (!subscribe)
		mad[SA_DATA + II_QPN + 2] = GSI_QPN;
	w->asked = subscribe;
	w->query = sa_ask(w->gsi, mad, on_answer, w);
	if (!w->query)
		timer_set(&w->gsi->timers, &w->retry, gsi_now(w->gsi) + RETRY_NS);
}

static void step(struct wire_inform *w)
{
	struct gsi_port *port = who_wants(w);
	bool wanted = port;

	if (port)
		w->payer = port;
	if (w->query || w->retry.deadline)
		return;
	if (wanted != w->have)
		ask(w, wanted);
	else if (!wanted)
		end(w);
}

static struct wire_inform *find(struct gsi *gsi, const struct inform_info *info)
{
	struct wire_inform *w;

	LIST_FOREACH(w, &gsi->wire_informs, entry)
	if (inform_info_same(&w->info, info))
		return w;
	return NULL;
}

/* Without memory vports are told of what is of this host. */
static struct wire_inform *inform_new(struct gsi_port *port,
				      const struct inform_info *info)
{
	struct gsi *gsi = port->gsi;
	struct wire_inform *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->gsi = gsi;
	w->payer = port;
	w->info = *info;
	w->retry.expired = on_retry;
	LIST_INSERT_HEAD(&gsi->wire_informs, w, entry);
	return w;
}

void wire_informs_changed(struct gsi_port *port, const struct inform_info *info)
{
	struct wire_inform *w;

	if (!gsi_is_proxy(port->gsi))
		return;
	w = find(port->gsi, info);
	if (!w)
		w = inform_new(port, info);
	if (w)
		step(w);
}

bool wire_informs_may_add(struct gsi_port *port, const struct inform_info *info)
{
	const struct wire_inform *w;
	unsigned int n = 0;

	if (!gsi_is_proxy(port->gsi) || find(port->gsi, info))
		return true;
	LIST_FOREACH(w, &port->gsi->wire_informs, entry)
	n += w->payer == port;
	return n < MAX_WIRE_INFORMS;
}

void wire_informs_forget(const struct gsi_port *port)
{
	struct wire_inform *w;

	LIST_FOREACH(w, &port->gsi->wire_informs, entry)
	if (w->payer == port)
		w->payer = NULL;
}

/* There may be subscriptions of a time without a wire. */
void wire_informs_replay(struct gsi *gsi)
{
	const struct subscription *s;
	struct wire_inform *w, *next;
	struct gsi_port *port;

	for (w = LIST_FIRST(&gsi->wire_informs); w; w = next) {
		next = LIST_NEXT(w, entry);
		sa_query_cancel(w->query);
		w->query = NULL;
		w->have = false;
		timer_cancel(&gsi->timers, &w->retry);
		step(w);
	}
	LIST_FOREACH(port, &gsi->ports, entry)
	LIST_FOREACH(s, &port->subscriptions, of_port)
	if (!find(gsi, &s->info))
		wire_informs_changed(port, &s->info);
}

void wire_informs_end(struct gsi *gsi)
{
	while (!LIST_EMPTY(&gsi->wire_informs))
		end(LIST_FIRST(&gsi->wire_informs));
}

unsigned int gsi_wire_subscriptions(const struct gsi *gsi)
{
	const struct wire_inform *w;
	unsigned int n = 0;

	LIST_FOREACH(w, &gsi->wire_informs, entry)
	n += w->have;
	return n;
}

/* ---- Reports --------------------------------------------------------------- */

/*
 * May @port know of it, which it may have subscribed to by a wildcard? Of security
 * nobody may, nor of what a vendor has made up. Of a group by the P_Key in its MGID, of a
 * vport as ever, and of all else who is a full member of the partition that every port is
 * in.
 */
static bool may_know(const struct gsi_port *port, const struct notice *n)
{
	struct vib_gid gid = notice_subject(n);
	const struct gsi_port *about;

	if (!notice_is_generic(n) || notice_is_of_security(n->trap))
		return false;
	if (!notice_is_about_a_gid(n))
		return port_sees_all(port);
	if (gid_is_multicast(&gid) && mgid_has_pkey(&gid))
		return pkey_accepting(port->attr.pkeys, be16_at(gid.raw + 4)) >= 0;
	about = port_by_gid(port->gsi, &gid);
	return about ? port_sees(port, about) : port_sees_all(port);
}

static void respond(struct gsi *gsi, const uint8_t *report)
{
	uint8_t mad[VIB_MAD_BYTES];

	memcpy(mad, report, VIB_MAD_BYTES);
	mad_set_method(mad, UMAD_METHOD_REPORT_RESP);
	(void)gsi->ops->to_sa(gsi->arg, mad); /* else the Report comes again */
}

void wire_report(struct gsi *gsi, const uint8_t mad[VIB_MAD_BYTES])
{
	struct notice notice;
	struct gsi_port *port;

	respond(gsi, mad);
	notice_get(&notice, mad + SA_DATA);
	LIST_FOREACH(port, &gsi->ports, entry)
	if (port_is_up(port) && !LIST_EMPTY(&port->subscriptions) &&
	    may_know(port, &notice))
		subscriptions_report(port, &notice);
}
