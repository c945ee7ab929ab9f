// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/subnets.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <urcu/compiler.h>

#include "control/backend.h"
#include "control/vib.h"
#include "control/vib_attributes.h"
#include "control/vib_log.h"
#include "device_limits.h"
#include "engine/clock.h"
#include "engine/counters.h"
#include "engine/engine.h"
#include "engine/mad.h"
#include "gsi/gsi.h"

/* Those of one fabric. */
struct subnet {
	struct fabric_observer observer;
	struct fabric *fabric;
	struct subnets *subnets;
	struct gsi *gsi;
	struct subnet_wire *wire;
	LIST_ENTRY(subnet) entry;
};

struct subnets {
	struct mad_taker taker;
	struct engine *engine;
	uv_loop_t *loop;
	uv_timer_t timer;
	LIST_HEAD(, subnet) all;
};

#define NS_PER_MS 1000000

/* ---- time -------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

/* Wake when the first subnet has something to do, which any call may have changed. */
static void set_timer(struct subnets *subnets)
{
	uint64_t now = clock_ns(), first = UINT64_MAX, next;
	struct subnet *subnet;

	LIST_FOREACH(subnet, &subnets->all, entry)
	{
		next = gsi_next(subnet->gsi);
		if (next < first)
			first = next;
	}
	if (first == UINT64_MAX) {
		uv_timer_stop(&subnets->timer);
		return;
	}
	uv_update_time(subnets->loop);
	uv_timer_start(&subnets->timer, on_timer,
		       first > now ? (first - now) / NS_PER_MS + 1 : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct subnets *subnets = timer->data;
	struct subnet *subnet;

	LIST_FOREACH(subnet, &subnets->all, entry)
	(void)gsi_tick(subnet->gsi);
	set_timer(subnets);
}

/* ---- what the GSI calls ------------------------------------------------ */

static void deliver(void *arg, void *port, const struct mad_packet *packet)
{
	struct vib *vib = port;

	(void)arg;
	if (vib->connected)
		mad_deliver(vib->conn.guest.vhca, packet);
}

/* Counted each time, said once of a vib: a guest can send as many as it likes. */
static void dropped(void *arg, void *port, enum gsi_drop why)
{
	struct vib *vib = port;

	(void)arg;
	if (!vib->connected)
		return;
	vhca_count_lost_mad(vib->conn.guest.vhca);
	if (vib->gsi_drops_said & 1u << why)
		return;
	vib->gsi_drops_said |= 1u << why;
	vib_log(vib, LOG_LEVEL_WARN, "a MAD goes no further: %s; no more is said of such",
		gsi_drop_text(why));
}

static void pkey_violation(void *arg, void *port)
{
	const struct vib *vib = port;

	(void)arg;
	if (vib->connected)
		vhca_count_pkey_violation(vib->conn.guest.vhca);
}

static struct mcast *mcast_of(const struct subnet *subnet)
{
	return &subnet->subnets->engine->mcast;
}

static void group(void *arg, const struct vib_gid *mgid, uint16_t pkey)
{
	const struct subnet *subnet = arg;

	if (gsi_asks_for_joins(mgid))
		mcast_set_group(mcast_of(subnet), subnet->fabric, mgid, pkey);
}

static void joined(void *arg, void *port, const struct vib_gid *mgid, bool joined)
{
	const struct subnet *subnet = arg;
	const struct vib *vib = port;

	if (vib->connected)
		mcast_set_joined(mcast_of(subnet), subnet->fabric, mgid,
				 vib->conn.guest.vhca, joined);
}

static void counters(void *arg, void *port, struct vib_rsp_counters *counters)
{
	const struct vib *vib = port;

	(void)arg;
	memset(counters, 0, sizeof(*counters));
	if (vib->connected)
		vhca_counters(vib->conn.guest.vhca, counters);
}

static uint64_t now(void *arg)
{
	(void)arg;
	return clock_ns();
}

static enum gsi_drop to_wire(void *arg, void *port, const struct mad_packet *packet)
{
	const struct subnet *subnet = arg;

	return subnet_wire_send(subnet->wire, port, packet);
}

static bool wire_join(void *arg, const struct vib_gid *mgid, uint8_t join_state)
{
	const struct subnet *subnet = arg;

	return subnet_wire_join(subnet->wire, mgid, join_state);
}

static void wire_dropped(void *arg, enum gsi_drop why)
{
	const struct subnet *subnet = arg;

	subnet_wire_dropped(subnet->wire, why);
}

static bool to_sa(void *arg, const uint8_t mad[VIB_MAD_BYTES])
{
	const struct subnet *subnet = arg;

	return subnet_wire_ask(subnet->wire, mad);
}

static void addressed(void *arg, void *port, enum gsi_addressed how)
{
	const struct subnet *subnet = arg;

	subnet_wire_addressed(subnet->wire, port, how);
}

static void forgotten(void *arg, void *port)
{
	(void)arg;
	vib_unregistered(port);
}

static const struct gsi_ops ops = {
	.to_sa = to_sa,
	.addressed = addressed,
	.forgotten = forgotten,
	.to_wire = to_wire,
	.wire_join = wire_join,
	.wire_dropped = wire_dropped,
	.deliver = deliver,
	.dropped = dropped,
	.pkey_violation = pkey_violation,
	.group = group,
	.joined = joined,
	.counters = counters,
	.now = now,
};

/* ---- what fabrics and vibs call ---------------------------------------- */

static struct subnet *subnet_of(struct fabric_observer *observer)
{
	return caa_container_of(observer, struct subnet, observer);
}

static void describe(const struct vport *vport, struct gsi_port_attr *attr)
{
	const struct vport_attr *v = &vport->attr;

	*attr = (struct gsi_port_attr){
		.node_guid = v->node_guid,
		.vendor_id = VENDOR_ID,
		.device_id = VENDOR_PART_ID,
		.revision = VIB_PROTOCOL_VERSION,
	};
	vport_port_attr(vport, &attr->port);
	snprintf(attr->node_desc, sizeof(attr->node_desc), "%.32s vib", v->domain);
	vport_gids(vport, attr->gids);
	memcpy(attr->pkeys, v->pkeys, sizeof(attr->pkeys));
}

static int attached(struct fabric_observer *observer, struct vport *vport)
{
	struct subnet *subnet = subnet_of(observer);
	struct gsi_port_attr attr;

	describe(vport, &attr);
	vport->gsi = gsi_port_add(subnet->gsi, &attr, vport_vib(vport));
	set_timer(subnet->subnets);
	return vport->gsi ? 0 : -1;
}

/* Does it have less of anything that its guest registered? */
static bool forgot(const struct gsi_holdings *before, const struct gsi_holdings *after)
{
	return after->memberships < before->memberships ||
	       after->services < before->services ||
	       after->subscriptions < before->subscriptions;
}

static bool lid_taken(struct fabric_observer *observer, uint16_t lid)
{
	struct vib_gid gid;

	return gsi_lid_to_gid(subnet_of(observer)->gsi, lid, &gid);
}

static void changed(struct fabric_observer *observer, struct vport *vport)
{
	struct gsi_holdings before = gsi_port_holdings(vport->gsi), after;
	struct gsi_port_attr attr;

	describe(vport, &attr);
	gsi_port_change(vport->gsi, &attr);
	after = gsi_port_holdings(vport->gsi);
	vport->unregistered |= forgot(&before, &after);
	set_timer(subnet_of(observer)->subnets);
}

static void detaching(struct fabric_observer *observer, struct vport *vport)
{
	subnet_wire_forget(subnet_of(observer)->wire, vport_vib(vport));
	gsi_port_remove(vport->gsi);
	vport->gsi = NULL;
	set_timer(subnet_of(observer)->subnets);
}

static struct subnets *subnets_of(struct mad_taker *taker)
{
	return caa_container_of(taker, struct subnets, taker);
}

static void take(struct mad_taker *taker, struct vib *vib,
		 const struct mad_packet *packet)
{
	if (!vib->vport.gsi)
		return;
	gsi_receive(vib->vport.gsi, packet);
	set_timer(subnets_of(taker));
}

static bool process(struct mad_taker *taker, struct vib *vib,
		    const uint8_t in[VIB_MAD_BYTES], uint8_t out[VIB_MAD_BYTES])
{
	(void)taker;
	return vib->vport.gsi && gsi_process(vib->vport.gsi, in, out);
}

static struct mcast_rule mcast_rule(struct mad_taker *taker, struct vib *vib,
				    const struct vib_gid *mgid)
{
	struct mcast_rule rule = { 0 };

	(void)taker;
	if (vib->vport.gsi && gsi_asks_for_joins(mgid))
		rule.pkey = gsi_group(vib->vport.gsi, mgid, &rule.joined);
	return rule;
}

static void gone(struct mad_taker *taker, struct vib *vib)
{
	if (!vib->vport.gsi)
		return;
	gsi_port_reset(vib->vport.gsi);
	set_timer(subnets_of(taker));
}

/* ---- beginning and end ------------------------------------------------- */

static void wire_taken(void *arg)
{
	set_timer(arg);
}

static void subnet_free(struct subnet *subnet)
{
	subnet_wire_free(subnet->wire);
	gsi_free(subnet->gsi);
	free(subnet);
}

static bool gid_of_lid(void *gsi, uint16_t lid, struct vib_gid *gid)
{
	return gsi_lid_to_gid(gsi, lid, gid);
}

static int serve(struct subnets *subnets, struct fabric *fabric)
{
	struct subnet *subnet = calloc(1, sizeof(*subnet));
	struct gsi_config config = gsi_default_config;

	if (!subnet)
		return -1;
	/* Without randomness at hand they begin where they always do. */
	(void)!getrandom(&config.seeds, sizeof(config.seeds), GRND_NONBLOCK);
	subnet->gsi = gsi_new(&ops, subnet, &config);
	if (subnet->gsi)
		subnet->wire = subnet_wire_new(fabric, subnet->gsi, subnets->loop,
					       wire_taken, subnets);
	if (!subnet->wire) {
		gsi_free(subnet->gsi);
		free(subnet);
		return -1;
	}
	subnet->observer.lid_taken = lid_taken;
	subnet->observer.attached = attached;
	subnet->observer.changed = changed;
	subnet->observer.detaching = detaching;
	subnet->subnets = subnets;
	subnet->fabric = fabric;
	fabric_observe(fabric, &subnet->observer);
	fabric->gid_of_lid = gid_of_lid;
	fabric->gid_of_lid_arg = subnet->gsi;
	LIST_INSERT_HEAD(&subnets->all, subnet, entry);
	return 0;
}

struct subnets *subnets_start(struct fabric_table *fabrics, struct engine *engine,
			      uv_loop_t *loop)
{
	struct subnets *subnets = calloc(1, sizeof(*subnets));
	struct fabric *fabric;

	if (!subnets)
		return NULL;
	subnets->taker.take = take;
	subnets->taker.process = process;
	subnets->taker.mcast_rule = mcast_rule;
	subnets->taker.gone = gone;
	subnets->engine = engine;
	subnets->loop = loop;
	LIST_INIT(&subnets->all);
	uv_timer_init(loop, &subnets->timer);
	subnets->timer.data = subnets;
	LIST_FOREACH(fabric, &fabrics->fabrics, entry)
	{
		if (serve(subnets, fabric) < 0) {
			subnets_stop(subnets);
			errno = ENOMEM;
			return NULL;
		}
	}
	return subnets;
}

struct subnet_wire *subnets_wire(const struct fabric *fabric)
{
	struct fabric_observer *observer;

	LIST_FOREACH(observer, &fabric->observers, entry)
	if (observer->attached == attached)
		return subnet_of(observer)->wire;
	return NULL;
}

struct mad_taker *subnets_taker(struct subnets *subnets)
{
	return &subnets->taker;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void subnets_stop(struct subnets *subnets)
{
	struct subnet *subnet;

	if (!subnets)
		return;
	while ((subnet = LIST_FIRST(&subnets->all))) {
		LIST_REMOVE(subnet, entry);
		fabric_unobserve(&subnet->observer);
		subnet_free(subnet);
	}
	uv_close((uv_handle_t *)&subnets->timer, on_closed);
}
