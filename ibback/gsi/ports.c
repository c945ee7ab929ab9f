// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/ports.h"

#include "gsi/be.h"

/* IBTA vol. 1 §4.1.1. */
#define SA_INTERFACE_ID 0x0200000000000002

static int compare_gids(const struct gid_entry *a, const struct gid_entry *b)
{
	return memcmp(&a->gid, &b->gid, sizeof(a->gid));
}

static int compare_lids(const struct gsi_port *a, const struct gsi_port *b)
{
	return (int)a->attr.port.lid - (int)b->attr.port.lid;
}

RB_PROTOTYPE(gid_tree, gid_entry, entry, compare_gids)
RB_PROTOTYPE(lid_tree, gsi_port, by_lid, compare_lids)
RB_GENERATE(gid_tree, gid_entry, entry, compare_gids)
RB_GENERATE(lid_tree, gsi_port, by_lid, compare_lids)

void port_index(struct gsi_port *port)
{
	struct gsi *gsi = port->gsi;

	port->has_lid = port->attr.port.lid && !RB_INSERT(lid_tree, &gsi->lids, port);
	for (unsigned int i = 0; i < VIB_MAX_GIDS; i++) {
		struct gid_entry *e = &port->gids[i];

		e->gid = port->attr.gids[i];
		e->port = NULL;
		if (!gid_is_zero(&e->gid) && !RB_INSERT(gid_tree, &gsi->gids, e))
			e->port = port;
	}
}

/* Vports that share the GID of an InfiniBand port have it after each other. */
static void index_next(struct gsi *gsi, const struct vib_gid *gid)
{
	struct gsi_port *port;

	LIST_FOREACH(port, &gsi->ports, entry)
	for (unsigned int i = 0; i < VIB_MAX_GIDS; i++) {
		struct gid_entry *e = &port->gids[i];

		if (e->port || !gids_equal(&e->gid, gid))
			continue;
		RB_INSERT(gid_tree, &gsi->gids, e);
		e->port = port;
		return;
	}
}

void port_unindex(struct gsi_port *port)
{
	struct gsi *gsi = port->gsi;
	struct vib_gid gid;

	if (port->has_lid)
		RB_REMOVE(lid_tree, &gsi->lids, port);
	port->has_lid = false;
	for (unsigned int i = 0; i < VIB_MAX_GIDS; i++) {
		struct gid_entry *e = &port->gids[i];

		if (!e->port)
			continue;
		RB_REMOVE(gid_tree, &gsi->gids, e);
		e->port = NULL;
		gid = e->gid;
		memset(&e->gid, 0, sizeof(e->gid));
		if (gsi->proxy)
			index_next(gsi, &gid);
	}
}

struct gsi_port *port_by_gid(struct gsi *gsi, const struct vib_gid *gid)
{
	struct gid_entry key = { .gid = *gid };
	struct gid_entry *e = RB_FIND(gid_tree, &gsi->gids, &key);

	return e ? e->port : NULL;
}

struct gsi_port *port_by_lid(struct gsi *gsi, uint16_t lid)
{
	struct gsi_port *port = RB_ROOT(&gsi->lids);

	while (port && port->attr.port.lid != lid)
		port = lid < port->attr.port.lid ? RB_LEFT(port, by_lid)
						 : RB_RIGHT(port, by_lid);
	return port;
}

struct vib_gid sa_gid(const struct gsi *gsi)
{
	struct vib_gid gid;

	put_be64(gid.raw, gsi->config.subnet_prefix);
	put_be64(gid.raw + 8, SA_INTERFACE_ID);
	return gid;
}

bool attr_has_gid(const struct gsi_port_attr *attr, const struct vib_gid *gid)
{
	if (gid_is_zero(gid))
		return false;
	for (unsigned int i = 0; i < VIB_MAX_GIDS; i++)
		if (gids_equal(&attr->gids[i], gid))
			return true;
	return false;
}

bool ports_share(const struct gsi_port *a, const struct gsi_port *b, uint16_t pkey)
{
	return pkeys_match(pkey_entry(a->attr.pkeys, pkey),
			   pkey_entry(b->attr.pkeys, pkey));
}

uint16_t ports_common_pkey(const struct gsi_port *a, const struct gsi_port *b)
{
	for (unsigned int i = 0; i < VIB_MAX_PKEYS; i++)
		if (a->attr.pkeys[i] && ports_share(a, b, a->attr.pkeys[i]))
			return pkey_entry(a->attr.pkeys, a->attr.pkeys[i]);
	return 0;
}

bool port_sees(const struct gsi_port *port, const struct gsi_port *other)
{
	return port == other || (port_is_up(other) && ports_common_pkey(port, other));
}

#define DEFAULT_PKEY 0xffff

bool port_sees_all(const struct gsi_port *port)
{
	return pkey_is_entry(port->attr.pkeys, DEFAULT_PKEY);
}
