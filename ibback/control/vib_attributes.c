// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/vib_attributes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <urcu/compiler.h>

#include "control/backend.h"
#include "control/nodes.h"
#include "control/vib_log.h"
#include "control/vib_nodes.h"
#include "control/vib_serve.h"

#define PAGES_PER_MIB 256

void vib_attach(struct vib *vib)
{
	char why[WHY_MAX];
	struct vport_attr *attr = &vib->vport.attr;
	struct fabric *fabric;

	if (vport_attr_read(vib->backend->xp, vib->dir, attr, why, sizeof(why)) < 0) {
		vib_refuse(vib, why);
		return;
	}
	fabric = fabric_find(vib->backend->fabrics, attr->fabric);
	if (!fabric) {
		snprintf(why, sizeof(why),
			 "fabric=%s: ibback.conf has no such fabric; want 'local' or a "
			 "[fabric NAME] of it",
			 attr->fabric);
		vib_refuse(vib, why);
		return;
	}
	/* A GID that is another's is said first: it is by what most are configured. */
	if (!fabric_gids_taken(fabric, &vib->vport, attr) &&
	    fabric_table_has_node(vib->backend->fabrics, &vib->vport, attr->node_guid)) {
		snprintf(why, sizeof(why),
			 "node-guid=0x%016" PRIx64 ": another vib of this host has it",
			 attr->node_guid);
		vib_refuse(vib, why);
		return;
	}
	if (fabric_attach(fabric, &vib->vport) == 0)
		return;
	if (errno == EEXIST)
		snprintf(why, sizeof(why),
			 "port-guid=0x%016" PRIx64
			 " or gid: another vib on fabric %s has the same GID",
			 attr->port_guid, attr->fabric);
	else
		snprintf(why, sizeof(why), "fabric %s: %s", attr->fabric,
			 errno == ENOSPC ? "no LID is free" : strerror(errno));
	vib_refuse(vib, why);
}

struct vhca_limits vib_limits(const struct vib *vib)
{
	const struct vport_attr *attr = &vib->vport.attr;

	return (struct vhca_limits){
		.max_qp = attr->max_qp,
		.max_cq = attr->max_cq,
		.max_srq = attr->max_srq,
		.max_mr = attr->max_mr,
		.max_pd = attr->max_pd,
		.max_pages = attr->max_mem * PAGES_PER_MIB,
		.max_dma_pages = attr->prereg,
		.rate = attr->rate,
	};
}

static void raise_changes(struct vib *vib, unsigned int changed)
{
	if (changed & VPORT_CHANGED_GID)
		connection_raise(&vib->conn, VIB_ASYNC_GID_CHANGE);
	if (changed & VPORT_CHANGED_PKEY)
		connection_raise(&vib->conn, VIB_ASYNC_PKEY_CHANGE);
	if (changed & VPORT_CHANGED_PORT)
		connection_raise(&vib->conn, VIB_ASYNC_PORT_CHANGE);
}

/* Let pollers know. Without memory the port is as it was, until the next change. */
static void change_port(struct vib *vib)
{
	struct port_view view;

	vport_view(&vib->vport, &view);
	if (vhca_set_port(vib->conn.guest.vhca, &view) < 0)
		vib_log(vib, LOG_LEVEL_ERR, "change has no effect yet: %s",
			strerror(errno));
}

/* What is attached and connected is changed to vib->vport.attr. */
static void apply_changes(struct vib *vib, unsigned int changed)
{
	const struct vhca_limits limits = vib_limits(vib);
	struct vhca *vhca = vib->conn.guest.vhca;

	vhca_set_rate(vhca, limits.rate);
	if (changed & VPORT_CHANGED_QUOTA)
		vhca_set_quotas(vhca, &limits);
	if (changed & (VPORT_CHANGED_PORT | VPORT_CHANGED_GID | VPORT_CHANGED_PKEY))
		change_port(vib);
	raise_changes(vib, changed);
}

/* Whose subnet forgot what it had registered is told so, as soon as it can do it anew. */
static void tell_unregistered(struct vib *vib)
{
	struct vport *vport = &vib->vport;

	if (!vport->unregistered || !vport_link_is_up(vport))
		return;
	vport->unregistered = false;
	connection_raise(&vib->conn, VIB_ASYNC_REREGISTER);
}

static void change_now(struct vib *vib, unsigned int changed)
{
	if (!vib->connected)
		return;
	apply_changes(vib, changed);
	tell_unregistered(vib);
	if (vib->conn.async_pending && !vib->masked)
		vib_event(vib);
}

void vib_link_changed(struct vport *vport)
{
	change_now(vport_vib(vport), VPORT_CHANGED_PORT);
}

void vib_identity_changed(struct vport *vport)
{
	change_now(vport_vib(vport), VPORT_CHANGED_PORT | VPORT_CHANGED_GID);
}

void vib_unregistered(struct vib *vib)
{
	if (!vib->connected)
		return;
	vib->vport.unregistered = true;
	tell_unregistered(vib);
	vib_raise(vib); /* delivers it in the loop's next turn */
}

/* @key changed, and passes the schema. */
static void ignore_fixed(struct vib *vib, const char *key)
{
	char value[SCHEMA_VALUE_MAX];

	if (node_read(vib->backend->xp, vib->dir, key, value, sizeof(value)) < 0)
		strcpy(value, "(default)");
	vib_log(vib, LOG_LEVEL_WARN,
		"change ignored: %s=%s: it cannot change while the device is attached; "
		"detach it and attach it with that",
		key, value);
}

void vib_reread_attributes(struct vib *vib)
{
	char why[WHY_MAX];
	struct vport_attr attr;
	unsigned int changed;

	if (vport_attr_read(vib->backend->xp, vib->dir, &attr, why, sizeof(why)) < 0) {
		vib_log(vib, LOG_LEVEL_WARN, "change ignored: %s", why);
		return;
	}
	changed = vport_attr_diff(&vib->vport.attr, &attr);
	if (changed & VPORT_CHANGED_FIXED) {
		ignore_fixed(vib, vport_attr_fixed(&vib->vport.attr, &attr));
		return;
	}
	if ((changed & VPORT_CHANGED_GID) &&
	    fabric_gids_taken(vib->vport.fabric, &vib->vport, &attr)) {
		vib_log(vib, LOG_LEVEL_WARN,
			"change ignored: gid: another vib on fabric %s has it",
			vib->vport.attr.fabric);
		return;
	}
	vib->vport.attr = attr;
	if (changed)
		fabric_changed(&vib->vport);
	if (changed && vib->connected) {
		apply_changes(vib, changed);
		tell_unregistered(vib);
	}
}
