// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/fabric.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen-ib/queue.h>

#include "control/vport.h"

void fabric_table_init(struct fabric_table *table)
{
	LIST_INIT(&table->fabrics);
}

void fabric_table_free(struct fabric_table *table)
{
	struct fabric *f;

	while ((f = LIST_FIRST(&table->fabrics))) {
		LIST_REMOVE(f, entry);
		free(f);
	}
}

struct fabric *fabric_find(struct fabric_table *table, const char *name)
{
	struct fabric *f;

	LIST_FOREACH(f, &table->fabrics, entry)
	if (strcmp(f->name, name) == 0)
		return f;
	return NULL;
}

struct fabric *fabric_add(struct fabric_table *table, const char *name)
{
	struct fabric *f = fabric_find(table, name);
	size_t len = strlen(name);

	if (f)
		return f;
	if (len >= FABRIC_NAME_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	memcpy(f->name, name, len + 1);
	f->max_hca_mem = FABRIC_HCA_MEM;
	f->up = true; /* nothing a local fabric depends on can be down */
	LIST_INIT(&f->observers);
	LIST_INIT(&f->vports);
	LIST_INSERT_HEAD(&table->fabrics, f, entry);
	return f;
}

void fabric_set_wire(struct fabric *fabric, const char *device, uint8_t port)
{
	fabric->kind = FABRIC_WIRE;
	snprintf(fabric->device, sizeof(fabric->device), "%s", device);
	fabric->port = port;
	fabric->up = false;
}

const char *fabric_kind_name(enum fabric_kind kind)
{
	return kind == FABRIC_WIRE ? "wire" : "local";
}

static bool lid_taken(const struct fabric *fabric, uint16_t lid)
{
	struct fabric_observer *observer;
	const struct vport *v;

	LIST_FOREACH(v, &fabric->vports, entry)
	if (v->lid == lid)
		return true;
	LIST_FOREACH(observer, &fabric->observers, entry)
	if (observer->lid_taken && observer->lid_taken(observer, lid))
		return true;
	return false;
}

/* 0 if none is free. */
static uint16_t choose_lid(const struct fabric *fabric, uint64_t port_guid)
{
	for (uint16_t tried = 0; tried < LID_CHOICES; tried++) {
		uint16_t lid = lid_choice(port_guid, tried);

		if (!lid_taken(fabric, lid))
			return lid;
	}
	return 0;
}

static bool share_a_gid(const struct vport_attr *a, const struct vport_attr *b)
{
	for (size_t i = 0; i < a->num_gids; i++)
		for (size_t j = 0; j < b->num_gids; j++)
			if (memcmp(&a->gids[i], &b->gids[j], sizeof(a->gids[i])) == 0)
				return true;
	return false;
}

bool fabric_gids_taken(const struct fabric *fabric, const struct vport *self,
		       const struct vport_attr *attr)
{
	const struct vport *v;

	LIST_FOREACH(v, &fabric->vports, entry)
	if (v != self && share_a_gid(&v->attr, attr))
		return true;
	return false;
}

bool fabric_table_has_node(const struct fabric_table *table, const struct vport *self,
			   uint64_t node_guid)
{
	const struct fabric *fabric;
	const struct vport *v;

	LIST_FOREACH(fabric, &table->fabrics, entry)
	LIST_FOREACH(v, &fabric->vports, entry)
	if (v != self && v->attr.node_guid == node_guid)
		return true;
	return false;
}

static bool is_at(const struct vport *vport, const struct vib_gid *gid)
{
	struct vib_gid gids[VIB_MAX_GIDS];

	vport_gids(vport, gids);
	for (size_t i = 0; i < vport->attr.num_gids; i++)
		if (memcmp(&gids[i], gid, sizeof(*gid)) == 0)
			return true;
	return false;
}

bool fabric_is_at(const struct fabric *fabric, const struct vib_av *av)
{
	const struct vport *v;

	LIST_FOREACH(v, &fabric->vports, entry)
	if (av->flags & VIB_AV_GRH ? is_at(v, &av->dgid) : v->lid == av->dlid)
		return true;
	return false;
}

bool fabric_gid_at(const struct fabric *fabric, uint16_t lid, struct vib_gid *gid)
{
	const struct vport *v;

	LIST_FOREACH(v, &fabric->vports, entry)
	if (v->lid == lid) {
		*gid = v->attr.gids[0];
		return true;
	}
	return false;
}

bool fabric_table_wired(const struct fabric_table *table)
{
	const struct fabric *fabric;

	LIST_FOREACH(fabric, &table->fabrics, entry)
	if (fabric->kind == FABRIC_WIRE)
		return true;
	return false;
}

/* ---- who is told ------------------------------------------------------- */

void fabric_observe(struct fabric *fabric, struct fabric_observer *observer)
{
	LIST_INSERT_HEAD(&fabric->observers, observer, entry);
}

void fabric_unobserve(struct fabric_observer *observer)
{
	LIST_REMOVE(observer, entry);
}

/* All, or none: those told before one that refuses are told that it goes. */
static int tell_attached(struct fabric *fabric, struct vport *vport)
{
	struct fabric_observer *observer, *told;
	int error;

	LIST_FOREACH(observer, &fabric->observers, entry)
	{
		if (observer->attached(observer, vport) == 0)
			continue;
		error = errno;
		LIST_FOREACH(told, &fabric->observers, entry)
		{
			if (told == observer)
				break;
			told->detaching(told, vport);
		}
		errno = error;
		return -1;
	}
	return 0;
}

static void tell_link(struct vport *vport, bool was_up)
{
	if (vport_link_is_up(vport) == was_up)
		return;
	fabric_changed(vport);
	if (vport->link_changed)
		vport->link_changed(vport);
}

void fabric_set_up(struct fabric *fabric, bool up)
{
	struct vport *v;

	if (fabric->up == up)
		return;
	fabric->up = up;
	/* Those whose link follows it. */
	LIST_FOREACH(v, &fabric->vports, entry)
	if (v->attr.link == VPORT_LINK_AUTO && v->addresses == VPORT_ADDRESSES_READY)
		tell_link(v, !up);
}

void fabric_set_addresses(struct vport *vport, enum vport_addresses addresses)
{
	bool was_up = vport_link_is_up(vport);

	vport->addresses = addresses;
	tell_link(vport, was_up);
}

void fabric_set_on_wire(struct vport *vport, const struct vport_on_wire *on_wire)
{
	const struct vport_on_wire *was = &vport->on_wire;

	if (was->is == on_wire->is && was->shared == on_wire->shared &&
	    was->lid == on_wire->lid && was->sm_lid == on_wire->sm_lid &&
	    was->sm_sl == on_wire->sm_sl &&
	    memcmp(&was->gid, &on_wire->gid, sizeof(was->gid)) == 0)
		return;
	vport->on_wire = *on_wire;
	if (on_wire->is)
		vport->lid = on_wire->lid;
	fabric_changed(vport);
	if (vport->identity_changed)
		vport->identity_changed(vport);
}

/* ---- vports ------------------------------------------------------------ */

static void take_off(struct vport *vport)
{
	LIST_REMOVE(vport, entry);
	vport->fabric = NULL;
	vport->lid = 0;
	vport->on_wire = (struct vport_on_wire){ 0 };
}

int fabric_attach(struct fabric *fabric, struct vport *vport)
{
	if (fabric_gids_taken(fabric, vport, &vport->attr)) {
		errno = EEXIST;
		return -1;
	}
	vport->lid = choose_lid(fabric, vport->attr.port_guid);
	if (!vport->lid) {
		errno = ENOSPC;
		return -1;
	}
	vport->fabric = fabric;
	vport->addresses = VPORT_ADDRESSES_READY;
	LIST_INSERT_HEAD(&fabric->vports, vport, entry);
	if (tell_attached(fabric, vport) < 0) {
		take_off(vport);
		return -1;
	}
	return 0;
}

void fabric_changed(struct vport *vport)
{
	struct fabric_observer *observer;

	LIST_FOREACH(observer, &vport->fabric->observers, entry)
	observer->changed(observer, vport);
}

void fabric_detach(struct vport *vport)
{
	struct fabric_observer *observer;

	if (!vport->fabric)
		return;
	LIST_FOREACH(observer, &vport->fabric->observers, entry)
	observer->detaching(observer, vport);
	take_off(vport);
}
