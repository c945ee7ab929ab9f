// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/gsi.h"

#include <stdlib.h>

#include <infiniband/umad_sm.h>

#include "gsi/groups.h"
#include "gsi/mgid.h"
#include "gsi/notice.h"
#include "gsi/ports.h"
#include "gsi/rmpp.h"
#include "gsi/services.h"
#include "gsi/subscriptions.h"

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
	return gsi;
}

void gsi_free(struct gsi *gsi)
{
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

/* Out of service, a port has nothing at the SA; its ULPs register anew. */
static void purge(struct gsi_port *port)
{
	rmpp_send_purge(port);
	rmpp_receive_purge(port);
	subscriptions_purge(port);
	services_purge(port);
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
	LIST_INSERT_HEAD(&gsi->ports, port, entry);
	port_index(port);
	broadcast_hold(gsi, attr->pkeys);
	if (port_is_up(port))
		announce(port, UMAD_SM_GID_IN_SERVICE_TRAP, NULL);
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
	port_unindex(port);
	LIST_REMOVE(port, entry);
	broadcast_release(gsi, port->attr.pkeys);
	free(port);
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
	};
}

const struct gsi_port_stats *gsi_port_stats(const struct gsi_port *port)
{
	return &port->stats;
}

unsigned int gsi_groups(const struct gsi *gsi)
{
	return gsi->num_groups;
}

unsigned int gsi_memberships(const struct gsi *gsi)
{
	return gsi->num_members;
}
