// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/stats.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/answers.h"
#include "engine/counters.h"
#include "engine/vhca.h"
#include "gsi/gsi.h"
#include "wire/guest.h"

/* Members are only added to what json_object() made: one that failed stays out, and so
 * does the object then.
 */
static void put(json_t *to, const char *key, json_t *value)
{
	(void)json_object_set_new(to, key, value);
}

static void put_count(json_t *to, const char *key, uint64_t count)
{
	put(to, key, json_integer((json_int_t)count));
}

/* What may be any bytes of the toolstack's. */
static json_t *text_to_json(const char *text)
{
	char copy[128];
	size_t n;

	for (n = 0; text[n] && n + 1 < sizeof(copy); n++)
		copy[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	copy[n] = '\0';
	return json_string(copy);
}

/* ---- parts of a vib ---------------------------------------------------- */

static json_t *counters_to_json(const struct vib_rsp_counters *c)
{
	json_t *json = json_object();

	put_count(json, "xmit_bytes", c->xmit_bytes);
	put_count(json, "rcv_bytes", c->rcv_bytes);
	put_count(json, "xmit_packets", c->xmit_packets);
	put_count(json, "rcv_packets", c->rcv_packets);
	put_count(json, "multicast_xmit_packets", c->multicast_xmit_packets);
	put_count(json, "multicast_rcv_packets", c->multicast_rcv_packets);
	put_count(json, "xmit_discards", c->xmit_discards);
	put_count(json, "rcv_discards", c->rcv_discards);
	put_count(json, "pkey_violations", c->pkey_violations);
	put_count(json, "qkey_violations", c->qkey_violations);
	put_count(json, "mads_dropped", c->mads_dropped);
	put_count(json, "rnr_naks_sent", c->rnr_naks_sent);
	put_count(json, "retries", c->retries);
	put_count(json, "errors", c->errors);
	return json;
}

/* What the guest sent and pollers dropped. */
static json_t *drops_to_json(const struct vhca *vhca)
{
	json_t *json = json_object();

	for (enum drop why = 1; why < DROPS; why++)
		put_count(json, drop_name(why), drop_counted(vhca, why));
	return json;
}

static json_t *mads_to_json(const struct gsi_port *port)
{
	const struct gsi_port_stats *stats = gsi_port_stats(port);
	json_t *json = json_object(), *dropped = json_object();

	for (enum gsi_drop why = 1; why < GSI_DROPS; why++)
		put_count(dropped, gsi_drop_name(why), stats->dropped[why]);
	put_count(json, "received", stats->received);
	put_count(json, "answered", stats->answered);
	put_count(json, "passed", stats->passed);
	put_count(json, "delivered", stats->delivered);
	put(json, "dropped", dropped);
	return json;
}

static json_t *subnet_to_json(const struct gsi_port *port)
{
	const struct gsi_holdings h = gsi_port_holdings(port);
	json_t *json = json_object();

	put_count(json, "memberships", h.memberships);
	put_count(json, "groups_created", h.groups);
	put_count(json, "services", h.services);
	put_count(json, "subscriptions", h.subscriptions);
	put_count(json, "reports", h.reports);
	put_count(json, "transactions", h.transactions);
	put_count(json, "connections", h.connections);
	put_count(json, "remotes", h.remotes);
	put_count(json, "cm_ids", h.cm_ids);
	return json;
}

static json_t *quota_to_json(uint64_t used, uint64_t limit)
{
	return json_pack("{s:I, s:I}", "used", (json_int_t)used, "limit",
			 (json_int_t)limit);
}

static json_t *objects_to_json(const struct vhca *v)
{
	const struct vhca_limits *limits = &v->limits;
	json_t *json = json_object();

	put(json, "qp", quota_to_json(v->num_qps, limits->max_qp));
	put(json, "cq", quota_to_json(v->cqs.count, limits->max_cq));
	put(json, "mr", quota_to_json(v->mrs.count + v->mws.count, limits->max_mr));
	put(json, "pd", quota_to_json(v->pds.count, limits->max_pd));
	put(json, "srq", quota_to_json(v->srqs.count, limits->max_srq));
	put(json, "memory",
	    quota_to_json((uint64_t)v->pages * VIB_PAGE_SIZE,
			  (uint64_t)limits->max_pages * VIB_PAGE_SIZE));
	put_count(json, "mappings", v->mappings);
	put_count(json, "multicast", v->memberships);
	return json;
}

static uint64_t lent_bytes(const struct vhca *vhca)
{
	const struct dma_map *map = vhca->dma.map; /* changed by this thread alone */
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < map->count; i++)
		bytes += map->regions[i].length;
	return bytes;
}

static json_t *throttle_to_json(const struct vib *vib)
{
	const struct vhca *vhca = vib->conn.guest.vhca;
	json_t *json = json_object();

	put_count(json, "rate", vhca->limits.rate);
	put_count(json, "rate_waits",
		  __atomic_load_n(&vhca->token_waits, __ATOMIC_RELAXED));
	put_count(json, "events_put_off", vib->events_put_off);
	put_count(json, "mads_put_off", vib->mads_put_off);
	return json;
}

/* ---- a vib ------------------------------------------------------------- */

static void put_connection(json_t *json, const struct vib *vib)
{
	const struct vhca *vhca = vib->conn.guest.vhca;
	struct vib_rsp_counters counters;

	vhca_counters(vhca, &counters);
	put(json, "counters", counters_to_json(&counters));
	put(json, "dropped", drops_to_json(vhca));
	put(json, "objects", objects_to_json(vhca));
	if (vib->conn.guest.hca.wire)
		put(json, "hca",
		    json_pack("{s:o}", "memory",
			      quota_to_json(wire_guest_bytes(vib->conn.guest.hca.wire),
					    vib->conn.guest.hca.max_bytes)));
	put(json, "dma", json_pack("{s:I}", "pool", (json_int_t)lent_bytes(vhca)));
	put(json, "throttle", throttle_to_json(vib));
	put_count(json, "ah_limit", vib->vport.attr.max_ah);
}

static json_t *vib_to_json(const struct vib *vib)
{
	const struct vport *vport = &vib->vport;
	json_t *json = json_object();
	char guid[24];

	snprintf(guid, sizeof(guid), "0x%016" PRIx64, vport->attr.port_guid);
	put_count(json, "domid", vib->domid);
	put_count(json, "index", vib->index);
	put(json, "local", json_boolean(vib->backend->label[0] != '\0'));
	put(json, "name", text_to_json(vport->attr.domain));
	put(json, "fabric", text_to_json(vport->attr.fabric));
	put(json, "port_guid", json_string(guid));
	put_count(json, "lid", vport->lid);
	put(json, "link", json_string(vport_link_is_up(vport) ? "up" : "down"));
	put(json, "connected", json_boolean(vib->connected));
	if (vport->gsi) {
		put(json, "mads", mads_to_json(vport->gsi));
		put(json, "subnet", subnet_to_json(vport->gsi));
	}
	if (vib->connected)
		put_connection(json, vib);
	return json;
}

json_t *stats_json(const struct admin_source *source)
{
	json_t *vibs = json_array();
	struct vib *vib;

	for (unsigned int i = 0; i < source->count; i++)
		LIST_FOREACH(vib, &source->backends[i]->vibs, entry)
	(void)json_array_append_new(vibs, vib_to_json(vib));
	return json_pack("{s:o}", "vibs", vibs);
}
