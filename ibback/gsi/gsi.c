// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/gsi.h"

#include <stdlib.h>

#include <infiniband/umad_sa.h>
#include <infiniband/umad_sm.h>

#include "gsi/alias.h"
#include "gsi/connections.h"
#include "gsi/farewells.h"
#include "gsi/group_changes.h"
#include "gsi/groups.h"
#include "gsi/mgid.h"
#include "gsi/notice.h"
#include "gsi/ports.h"
#include "gsi/rates.h"
#include "gsi/remotes.h"
#include "gsi/rmpp.h"
#include "gsi/sa_client.h"
#include "gsi/sa_proxy.h"
#include "gsi/services.h"
#include "gsi/subscriptions.h"
#include "gsi/tids.h"
#include "gsi/wire_cm.h"
#include "gsi/wire_farewells.h"
#include "gsi/wire_groups.h"
#include "gsi/wire_informs.h"

const struct gsi_config gsi_default_config = {
	.sa_lid = 1,
	.subnet_prefix = 0xfe80000000000000,
	.ipoib_mtu = 5,
	.ipoib_rate = 16, /* 100 Gbit/s, as device_limits.h has the ports */
	.ipoib_qkey = 0x0b1b,
	.packet_life = 18,
};

const char *gsi_drop_name(enum gsi_drop why)
{
	static const char *const name[GSI_DROPS] = {
		[GSI_DROP_MALFORMED] = "malformed",
		[GSI_DROP_LINK_DOWN] = "link_down",
		[GSI_DROP_SOURCE] = "slid",
		[GSI_DROP_SGID] = "sgid",
		[GSI_DROP_PKEY] = "pkey",
		[GSI_DROP_PARTITION] = "partition",
		[GSI_DROP_NO_PORT] = "no_port",
		[GSI_DROP_CLASS] = "class",
		[GSI_DROP_SMP] = "smp",
		[GSI_DROP_GRH] = "grh",
		[GSI_DROP_CM_FORGED] = "cm_address",
		[GSI_DROP_SA_CLAIM] = "sa_claim",
		[GSI_DROP_RMPP] = "rmpp",
		[GSI_DROP_TID] = "tid",
		[GSI_DROP_NO_MEMORY] = "no_memory",
		[GSI_DROP_NO_WIRE] = "no_wire",
		[GSI_DROP_WIRE_CLASS] = "wire_class",
		[GSI_DROP_NO_GRH] = "no_grh",
		[GSI_DROP_CM_ID] = "cm_id",
		[GSI_DROP_CM_IDS] = "cm_ids",
		[GSI_DROP_UNREACHABLE] = "unreachable",
	};

	return why < GSI_DROPS && name[why] ? name[why] : "?";
}

const char *gsi_drop_text(enum gsi_drop why)
{
	static const char *const text[GSI_DROPS] = {
		[GSI_DROP_MALFORMED] = "it is no MAD of version 1",
		[GSI_DROP_LINK_DOWN] = "a link is down",
		[GSI_DROP_SOURCE] = "its source LID is not the sender's",
		[GSI_DROP_SGID] = "its source GID is not the sender's",
		[GSI_DROP_PKEY] = "the P_Key is not the sender's",
		[GSI_DROP_PARTITION] = "the P_Key is not the receiver's",
		[GSI_DROP_NO_PORT] = "nobody is at that address",
		[GSI_DROP_CLASS] = "its class does not pass between vports",
		[GSI_DROP_SMP] = "subnet management is not the guest's",
		[GSI_DROP_GRH] = "subnet management has no GRH",
		[GSI_DROP_CM_FORGED] = "a CM message names another's address as its own",
		[GSI_DROP_SA_CLAIM] = "it answers as if it were the SA",
		[GSI_DROP_RMPP] = "it is against the rules of RMPP",
		[GSI_DROP_TID] = "its transaction ID is of no transaction",
		[GSI_DROP_NO_MEMORY] = "there is no room for it",
		[GSI_DROP_NO_WIRE] =
			"nothing of its GID and P_Key passes to the wire now",
		[GSI_DROP_WIRE_CLASS] = "its class does not pass to the wire",
		[GSI_DROP_NO_GRH] = "it has no GRH",
		[GSI_DROP_CM_ID] = "a CM message names an id that is of none of its "
				   "sender's connections",
		[GSI_DROP_CM_IDS] = "it has too many connections on the wire",
		[GSI_DROP_UNREACHABLE] = "nobody answers at its address on the wire",
	};

	return why < GSI_DROPS && text[why] ? text[why] : "?";
}

void gsi_deliver(struct gsi_port *port, const struct mad_packet *packet)
{
	port->stats.delivered++;
	port->gsi->ops->deliver(port->gsi->arg, port->owner, packet);
}

void gsi_dropped(struct gsi_port *port, enum gsi_drop why)
{
	port->stats.dropped[why]++;
	port->gsi->ops->dropped(port->gsi->arg, port->owner, why);
}

struct gsi *gsi_new(const struct gsi_ops *ops, void *arg, const struct gsi_config *config)
{
	struct gsi *gsi = calloc(1, sizeof(*gsi));

	if (!gsi)
		return NULL;
	gsi->ops = ops;
	gsi->arg = arg;
	gsi->config = config ? *config : gsi_default_config;
	gsi->wanted = gsi->config;
	TAILQ_INIT(&gsi->wire_farewells);
	gsi->next_mgid = gsi->config.seeds.mgid;
	gsi->next_wire_id = gsi->config.seeds.wire_id;
	gsi->next_wire_tid = gsi->config.seeds.wire_tid;
	return gsi;
}

static void end_proxy(struct gsi *gsi);

void gsi_free(struct gsi *gsi)
{
	if (!gsi)
		return;
	end_proxy(gsi);
	wire_farewells_end(gsi);
	lid_turns_free(&gsi->lid_turns);
	free(gsi);
}

/* Tell subscribers of the GIDs of @port that @other does not have. */
static void announce(struct gsi_port *port, uint16_t trap,
		     const struct gsi_port_attr *other)
{
	for (unsigned int i = 0; i < VIB_MAX_GIDS; i++) {
		const struct vib_gid *gid = &port->attr.gids[i];

		if (!gid_is_zero(gid) && !(other && attr_has_gid(other, gid)))
			notice_gid(port, trap, gid);
	}
}

/* What lasts while the port's link is down, as its guest's connections do. */
static void purge_connections(struct gsi_port *port)
{
	connections_purge(port);
	farewells_purge(port);
	wire_cm_purge(port);
	tids_purge(port);
	remotes_purge(port);
}

/* Out of service, a port has nothing at the SA; its ULPs register anew. */
static void purge(struct gsi_port *port)
{
	rmpp_send_purge(port);
	rmpp_receive_purge(port);
	subscriptions_purge(port);
	services_purge(port);
	proxied_purge(port);
	wire_joins_purge(port);
	members_purge(port);
}

struct gsi_port *gsi_port_add(struct gsi *gsi, const struct gsi_port_attr *attr,
			      void *owner)
{
	struct gsi_port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	port->gsi = gsi;
	port->owner = owner;
	port->attr = *attr;
	for (enum remote_why why = 0; why < REMOTE_WHYS; why++)
		TAILQ_INIT(&port->remotes[why]);
	TAILQ_INIT(&port->calling);
	TAILQ_INIT(&port->connected);
	TAILQ_INIT(&port->farewells);
	TAILQ_INIT(&port->cm_ending);
	TAILQ_INIT(&port->cm_calls);
	TAILQ_INIT(&port->tids);
	LIST_INSERT_HEAD(&gsi->ports, port, entry);
	port_index(port);
	broadcast_hold(gsi, attr->pkeys);
	if (port_is_up(port))
		announce(port, UMAD_SM_GID_IN_SERVICE_TRAP, NULL);
	alias_add(port);
	return port;
}

static bool same_addresses(const struct gsi_port_attr *a, const struct gsi_port_attr *b)
{
	return a->port.lid == b->port.lid &&
	       memcmp(a->gids, b->gids, sizeof(a->gids)) == 0 &&
	       memcmp(a->pkeys, b->pkeys, sizeof(a->pkeys)) == 0;
}

static void replace_attr(struct gsi_port *port, const struct gsi_port_attr *attr)
{
	uint16_t before[VIB_MAX_PKEYS];

	memcpy(before, port->attr.pkeys, sizeof(before));
	/* What is on its way has the old ones; it is asked for again. */
	if (!same_addresses(&port->attr, attr)) {
		rmpp_send_purge(port);
		rmpp_receive_purge(port);
	}
	port_unindex(port);
	port->attr = *attr;
	port_index(port);
	subscriptions_check(port);
	services_check(port);
	broadcast_hold(port->gsi, attr->pkeys);
	members_check(port);
	broadcast_release(port->gsi, before);
}

void gsi_port_change(struct gsi_port *port, const struct gsi_port_attr *attr)
{
	const struct gsi_port_attr before = port->attr;
	bool was_up = port_is_up(port), is_up = attr->port.state == VIB_PORT_ACTIVE;

	if (was_up)
		announce(port, UMAD_SM_GID_OUT_OF_SERVICE_TRAP, is_up ? attr : NULL);
	if (!is_up)
		purge(port);
	replace_attr(port, attr);
	if (is_up)
		announce(port, UMAD_SM_GID_IN_SERVICE_TRAP, was_up ? &before : NULL);
	if (was_up && is_up && before.port.cap_mask != attr->port.cap_mask)
		notice_cap_mask(port);
}

void gsi_port_reset(struct gsi_port *port)
{
	purge(port);
	connections_end(port);
	wire_cm_end(port);
	purge_connections(port);
}

/* IPoIB's groups are ours, and no packet of theirs is too large for the wire. */
static void fit_broadcast(struct gsi *gsi, const struct gsi_wire *wire)
{
	struct gsi_config *c = &gsi->config;
	uint8_t rate = wire_rate(wire);

	c->ipoib_mtu =
		wire->mtu < gsi->wanted.ipoib_mtu ? wire->mtu : gsi->wanted.ipoib_mtu;
	c->ipoib_rate = rate_value(rate) < rate_value(gsi->wanted.ipoib_rate)
				? rate
				: gsi->wanted.ipoib_rate;
	broadcast_check(gsi);
}

/* Of the subnet's administrator; vports' own memberships stay. */
static void end_proxy(struct gsi *gsi)
{
	struct gsi_port *port;

	LIST_FOREACH(port, &gsi->ports, entry)
	proxied_purge(port);
	aliases_end(gsi);
	wire_groups_end(gsi);
	wire_informs_end(gsi);
}

void gsi_reregister(struct gsi *gsi)
{
	if (!gsi_is_proxy(gsi))
		return;
	aliases_begin(gsi); /* first, as groups wait for that */
	wire_groups_replay(gsi);
	wire_informs_replay(gsi);
}

static bool is_other_subnet(const struct gsi_wire *a, const struct gsi_wire *b)
{
	return !b->infiniband || a->lid != b->lid || a->sm_lid != b->sm_lid ||
	       a->guids != b->guids || a->addressing != b->addressing ||
	       !gids_equal(&a->gid, &b->gid);
}

/* @before: what it was, all zero if there was none. */
static void begin_proxy(struct gsi *gsi, const struct gsi_wire *before)
{
	if (!gsi->proxy) {
		gsi->proxy = true;
		groups_forget(gsi);
		group_changes_end(gsi); /* the SA itself tells from now on */
	}
	gsi->config.sa_lid = gsi->wire.sm_lid;
	gsi->config.subnet_prefix = be64_at(gsi->wire.gid.raw);
	if (is_other_subnet(&gsi->wire, before))
		gsi_reregister(gsi);
}

void gsi_set_wire(struct gsi *gsi, const struct gsi_wire *wire)
{
	const struct gsi_wire before = gsi->wire;

	if (gsi_is_proxy(gsi) && !wire)
		end_proxy(gsi);
	if (!wire)
		wire_farewells_end(gsi);
	gsi->has_wire = wire;
	gsi->wire = wire ? *wire : (struct gsi_wire){ 0 };
	if (gsi_is_proxy(gsi)) {
		begin_proxy(gsi, &before);
		return;
	}
	if (wire)
		fit_broadcast(gsi, wire);
	groups_wire_changed(gsi);
}

void gsi_wire_room(struct gsi *gsi)
{
	groups_wire_changed(gsi);
}

void gsi_wire_lost(struct gsi_port *port, enum gsi_drop why)
{
	gsi_dropped(port, why);
}

bool gsi_lid_to_gid(const struct gsi *gsi, uint16_t lid, struct vib_gid *gid)
{
	const struct vib_gid *found = remote_gid(gsi, lid);

	if (found)
		*gid = *found;
	return found;
}

uint16_t gsi_group(const struct gsi_port *port, const struct vib_gid *mgid, bool *joined)
{
	const struct group *group = group_find(port->gsi, mgid);

	*joined = group && member_receives(group, port);
	return group ? group->attr.pkey : 0;
}

bool gsi_asks_for_joins(const struct vib_gid *mgid)
{
	return mgid_has_pkey(mgid) || mgid_signature(mgid) == SIGNATURE_SA;
}

void gsi_port_remove(struct gsi_port *port)
{
	struct gsi *gsi = port->gsi;

	if (port_is_up(port))
		announce(port, UMAD_SM_GID_OUT_OF_SERVICE_TRAP, NULL);
	purge(port);
	purge_connections(port);
	notice_purge(port);
	group_changes_leave(port);
	wire_informs_forget(port);
	alias_remove(port);
	LIST_REMOVE(port, entry);
	port_unindex(port);
	broadcast_release(gsi, port->attr.pkeys);
	free(port);
	if (LIST_EMPTY(&gsi->ports)) /* nobody is left to be told */
		group_changes_end(gsi);
}

/* An answer, or a Report; of the SA, as the port's agent has seen to. */
static enum gsi_drop receive_from_sa(struct gsi *gsi, const uint8_t *mad, size_t length)
{
	if (!gsi_is_proxy(gsi))
		return GSI_DROP_NO_WIRE;
	if (length < MAD_HEADER || mad[0] != UMAD_BASE_VERSION ||
	    mad_class(mad) != UMAD_CLASS_SUBN_ADM)
		return GSI_DROP_MALFORMED;
	if (mad_method(mad) == UMAD_METHOD_REPORT &&
	    mad_attribute(mad) == UMAD_ATTR_NOTICE) {
		wire_report(gsi, mad);
		return 0;
	}
	if (!(mad_method(mad) & MAD_IS_RESPONSE))
		return GSI_DROP_CLASS;
	return sa_client_receive(gsi, mad, length) ? 0 : GSI_DROP_TID;
}

void gsi_from_sa(struct gsi *gsi, const uint8_t *mad, size_t length)
{
	struct gsi_wire_stats *stats = &gsi->wire_stats;
	uint8_t whole[VIB_MAD_BYTES] = { 0 };
	enum gsi_drop why;

	if (length < sizeof(whole)) {
		memcpy(whole, mad, length);
		mad = whole;
	}
	why = receive_from_sa(gsi, mad, length);
	stats->received++;
	if (why) {
		stats->dropped[why]++;
		gsi->ops->wire_dropped(gsi->arg, why);
	} else {
		stats->delivered++;
	}
}

uint64_t gsi_next(struct gsi *gsi)
{
	return timers_next(&gsi->timers);
}

uint64_t gsi_tick(struct gsi *gsi)
{
	timers_run(&gsi->timers, gsi_now(gsi), MAX_TIMERS);
	return gsi_next(gsi);
}

struct gsi_holdings gsi_port_holdings(const struct gsi_port *port)
{
	return (struct gsi_holdings){
		.memberships = port->num_members,
		.groups = port->num_created,
		.services = port->num_services,
		.subscriptions = port->num_subscriptions,
		.reports = port->num_reports,
		.transactions = port->num_sends + port->num_receives,
		.connections = port->num_connections + port->num_called,
		.farewells = port->num_farewells,
		.remotes = port->num_remotes[REMOTE_ASKED] +
			   port->num_remotes[REMOTE_CALLED],
		.cm_ids = port->num_cm_ids,
	};
}

const struct gsi_port_stats *gsi_port_stats(const struct gsi_port *port)
{
	return &port->stats;
}

const struct gsi_wire_stats *gsi_wire_stats(const struct gsi *gsi)
{
	return &gsi->wire_stats;
}

unsigned int gsi_remotes(const struct gsi *gsi)
{
	return gsi->num_remotes;
}

unsigned int gsi_groups(const struct gsi *gsi)
{
	return gsi->num_groups;
}

unsigned int gsi_memberships(const struct gsi *gsi)
{
	return gsi->num_members;
}
