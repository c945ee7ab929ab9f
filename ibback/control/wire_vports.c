// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/wire_vports.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/vib.h"
#include "control/vib_log.h"
#include "engine/port_view.h"
#include "wire/addresses.h"
#include "wire/netdev.h"
#include "wire/port.h"

/* Looks for a GID before it is worth a line that it is not there. */
#define PATIENCE 100

enum tenant_state {
	TENANT_ADDRESSES, /* waits for the addresses, or is refused */
	TENANT_GIDS,      /* for the HCA to have them as GIDs */
	TENANT_READY,
};

/* A vport whose GIDs are on the wire. */
struct tenant {
	struct vport *vport;
	enum tenant_state state;
	unsigned int looks;
	enum gsi_addressed how; /* on InfiniBand; and what was said of it */
	bool news, denied_said;
	LIST_ENTRY(tenant) entry;
};

static struct tenant *tenant_of(const struct wire_vports *v, const struct vport *vport)
{
	struct tenant *t;

	LIST_FOREACH(t, &v->tenants, entry)
	if (t->vport == vport)
		return t;
	return NULL;
}

/* The GIDs of @t are wanted on the wire as they are now. 1: it has to wait for them; 0:
 * they are as before; -1 and errno.
 */
static int set_addresses(struct wire_vports *v, struct tenant *t)
{
	int rc = addresses_set(v->addresses, t->vport, t->vport->attr.gids, VIB_MAX_GIDS);

	if (rc > 0) {
		t->state = TENANT_ADDRESSES;
		t->looks = 0;
	}
	return rc;
}

/* -1 and errno. */
static int add_tenant(struct wire_vports *v, struct vport *vport)
{
	struct tenant *t = calloc(1, sizeof(*t));

	if (!t)
		return -1;
	t->vport = vport;
	LIST_INSERT_HEAD(&v->tenants, t, entry);
	if (v->infiniband || set_addresses(v, t) >= 0)
		return 0;
	LIST_REMOVE(t, entry);
	free(t);
	errno = ENOMEM;
	return -1;
}

static void on_addresses(void *arg, void *owner, enum address_state state,
			 const char *why)
{
	struct wire_vports *v = arg;
	struct vport *vport = owner;
	struct tenant *t = tenant_of(v, vport);

	t->state = TENANT_ADDRESSES;
	switch (state) {
	case ADDRESSES_READY:
		t->state = TENANT_GIDS;
		t->looks = 0;
		fabric_set_addresses(vport, VPORT_ADDRESSES_WAIT); /* no longer refused */
		v->touch(v->arg);
		return;
	case ADDRESSES_WAIT:
		if (why[0])
			vib_log(vport_vib(vport), LOG_LEVEL_WARN, "its port waits: %s",
				why);
		fabric_set_addresses(vport, VPORT_ADDRESSES_WAIT);
		return;
	case ADDRESSES_TAKEN:
	case ADDRESSES_FAILED:
		vib_log(vport_vib(vport), LOG_LEVEL_ERR, "its port stays down: %s", why);
		fabric_set_addresses(vport, VPORT_ADDRESSES_REFUSED);
		return;
	}
}

/* ---- InfiniBand -------------------------------------------------------- */

/* By its own GUID, in the port's subnet, or as the port itself. */
static struct vport_on_wire on_wire_of(const struct wire_vports *v,
				       const struct vport *vport, bool shared)
{
	const struct wire_port_state *state = &v->state;
	struct vport_on_wire on_wire = {
		.is = true,
		.shared = shared,
		.gid = state->gid,
		.lid = state->lid,
		.sm_lid = state->sm_lid,
		.sm_sl = state->sm_sl,
	};
	const uint64_t guid = htobe64(vport->attr.port_guid);

	if (!shared)
		memcpy(on_wire.gid.raw + 8, &guid, sizeof(guid));
	return on_wire;
}

static void identify(const struct wire_vports *v, struct vport *vport, bool shared)
{
	const struct vport_on_wire on_wire = on_wire_of(v, vport, shared);

	fabric_set_on_wire(vport, &on_wire);
}

void wire_vports_on_infiniband(struct wire_vports *v, struct fabric *fabric,
			       const struct wire_port_state *state)
{
	bool begins = !v->infiniband;
	struct vport *vport;

	v->infiniband = true;
	v->state = *state;
	LIST_FOREACH(vport, &fabric->vports, entry)
	{
		enum vport_addresses addresses = VPORT_ADDRESSES_WAIT;

		if (begins && add_tenant(v, vport) < 0) {
			vib_log(vport_vib(vport), LOG_LEVEL_ERR,
				"its port stays down: %s", strerror(errno));
			addresses = VPORT_ADDRESSES_REFUSED;
		}
		if (begins)
			fabric_set_addresses(vport, addresses);
		identify(v, vport, vport->on_wire.shared);
	}
}

void wire_vports_addressed(struct wire_vports *v, struct vport *vport,
			   enum gsi_addressed how)
{
	struct tenant *t = tenant_of(v, vport);

	if (!t)
		return;
	t->how = how;
	t->news = true;
	v->touch(v->arg);
}

/* What becomes of it now. */
static void settle(struct wire_vports *v, struct tenant *t)
{
	struct vport *vport = t->vport;
	struct vib *vib = vport_vib(vport);

	t->news = false;
	t->looks = 0;
	t->state = TENANT_ADDRESSES;
	switch (t->how) {
	case GSI_ADDRESSED_DENIED:
		if (!t->denied_said)
			vib_log(vib, LOG_LEVEL_WARN,
				"its port waits: the subnet's manager declines its GUID; "
				"has another port it? It is asked again");
		t->denied_said = true;
		fabric_set_addresses(vport, VPORT_ADDRESSES_WAIT);
		return;
	case GSI_ADDRESSED_NOT_YET:
		fabric_set_addresses(vport, VPORT_ADDRESSES_WAIT);
		return;
	case GSI_ADDRESSED_NEVER:
		vib_log(vib, LOG_LEVEL_ERR,
			"its port stays down: the subnet's manager has no room for its "
			"GUID, and addressing = alias in ibback.conf");
		fabric_set_addresses(vport, VPORT_ADDRESSES_REFUSED);
		return;
	case GSI_ADDRESSED_SHARED:
		vib_log(vib, LOG_LEVEL_WARN,
			"it shares the GID of the HCA's port: the subnet's manager has "
			"no "
			"alias GUID for it, or addressing = shared in ibback.conf; only "
			"one such guest of this host is called by others");
		break;
	case GSI_ADDRESSED_ALIAS:
		break;
	}
	t->denied_said = false;
	t->state = TENANT_GIDS;
	fabric_set_addresses(vport, VPORT_ADDRESSES_WAIT);
	identify(v, vport, t->how == GSI_ADDRESSED_SHARED);
}

void wire_vports_settle(struct wire_vports *v)
{
	struct tenant *t, *next;

	for (t = LIST_FIRST(&v->tenants); t; t = next) {
		next = LIST_NEXT(t, entry);
		if (t->news)
			settle(v, t);
	}
}

/* ---- the fabric's ------------------------------------------------------ */

int wire_vports_attached(struct wire_vports *v, struct vport *vport)
{
	if (!v->addresses && !v->infiniband)
		return 0;
	if (add_tenant(v, vport) < 0)
		return -1;
	if (v->infiniband) {
		vport->on_wire = on_wire_of(v, vport, false);
		vport->lid = vport->on_wire.lid;
	}
	vport->addresses = VPORT_ADDRESSES_WAIT; /* nobody has seen it yet */
	return 0;
}

void wire_vports_changed(struct wire_vports *v, struct vport *vport)
{
	struct tenant *t = tenant_of(v, vport);
	int rc = t && !v->infiniband ? set_addresses(v, t) : 0;

	if (rc > 0)
		fabric_set_addresses(vport, VPORT_ADDRESSES_WAIT);
	if (rc < 0)
		vib_log(vport_vib(vport), LOG_LEVEL_ERR,
			"its addresses are as before: out of memory");
}

void wire_vports_detaching(struct wire_vports *v, struct vport *vport)
{
	struct tenant *t = tenant_of(v, vport);

	if (!t)
		return;
	if (!v->infiniband)
		addresses_forget(v->addresses, vport);
	LIST_REMOVE(t, entry);
	free(t);
}

int wire_vports_start(struct wire_vports *v, struct netdev *netdev, struct fabric *fabric)
{
	struct vport *vport;

	v->addresses = addresses_new(netdev, on_addresses, v);
	if (!v->addresses)
		return -1;
	v->netdev = netdev;
	LIST_FOREACH(vport, &fabric->vports, entry)
	{
		enum vport_addresses addresses = VPORT_ADDRESSES_WAIT;

		if (add_tenant(v, vport) < 0) {
			vib_log(vport_vib(vport), LOG_LEVEL_ERR,
				"its port stays down: %s", strerror(errno));
			addresses = VPORT_ADDRESSES_REFUSED;
		}
		fabric_set_addresses(vport, addresses);
	}
	return 0;
}

void wire_vports_stop(struct wire_vports *v)
{
	addresses_free(v->addresses);
	v->addresses = NULL;
}

/* ---- GIDs of the HCA --------------------------------------------------- */

bool wire_vports_doubt(struct wire_vports *v)
{
	struct tenant *t;
	bool any = false;

	LIST_FOREACH(t, &v->tenants, entry)
	if (t->state == TENANT_READY) {
		t->state = TENANT_GIDS;
		t->looks = 0;
		fabric_set_addresses(t->vport, VPORT_ADDRESSES_WAIT);
		any = true;
	}
	return any;
}

/* On InfiniBand only the first is on the wire. */
static void wanted_gids(const struct wire_vports *v, const struct vport *vport,
			struct vib_gid gids[VIB_MAX_GIDS])
{
	vport_gids(vport, gids);
	if (v->infiniband)
		memset(&gids[1], 0, (VIB_MAX_GIDS - 1) * sizeof(gids[1]));
}

static size_t count_waiting(const struct wire_vports *v)
{
	const struct tenant *t;
	size_t n = 0;

	LIST_FOREACH(t, &v->tenants, entry)
	n += t->state == TENANT_GIDS;
	return n;
}

void wire_vports_checks(const struct wire_vports *v, struct wire_checks *checks)
{
	const struct tenant *t;

	checks->num = 0;
	checks->all = calloc(count_waiting(v) + 1, sizeof(*checks->all));
	if (!checks->all)
		return;
	LIST_FOREACH(t, &v->tenants, entry)
	if (t->state == TENANT_GIDS) {
		struct wire_check *c = &checks->all[checks->num++];

		c->vport = t->vport;
		wanted_gids(v, t->vport, c->gids);
	}
}

static void look(const struct wire_port *port, struct wire_check *c)
{
	c->found = true;
	for (unsigned int i = 0; i < VIB_MAX_GIDS; i++)
		if (!gid_is_zero(&c->gids[i]) &&
		    wire_port_gid_index(port, &c->gids[i]) < 0)
			c->found = false;
}

void wire_checks_look(const struct wire_port *port, struct wire_checks *checks)
{
	for (size_t i = 0; i < checks->num; i++)
		look(port, &checks->all[i]);
}

/* What was found of @t. */
static void take(const struct wire_vports *v, struct tenant *t, const char *device,
		 const struct wire_check *c)
{
	struct vib_gid gids[VIB_MAX_GIDS];

	if (t->state != TENANT_GIDS || t->vport != c->vport)
		return;
	wanted_gids(v, t->vport, gids);
	if (memcmp(gids, c->gids, sizeof(gids)) != 0)
		return;
	if (c->found) {
		t->state = TENANT_READY;
		fabric_set_addresses(t->vport, VPORT_ADDRESSES_READY);
		return;
	}
	if (++t->looks != PATIENCE)
		return;
	if (v->infiniband)
		vib_log(vport_vib(t->vport), LOG_LEVEL_WARN,
			"its port waits: %s has not its GID in its table, which the "
			"subnet's manager has confirmed",
			device);
	else
		vib_log(vport_vib(t->vport), LOG_LEVEL_WARN,
			"its port waits: %s does not take its addresses on %s for GIDs; "
			"is its table full?",
			device, netdev_name(v->netdev));
}

void wire_vports_take(struct wire_vports *v, const char *device,
		      const struct wire_checks *checks)
{
	struct tenant *t, *next;

	for (size_t i = 0; i < checks->num; i++)
		for (t = LIST_FIRST(&v->tenants); t; t = next) {
			next = LIST_NEXT(t, entry);
			take(v, t, device, &checks->all[i]);
		}
}

bool wire_vports_wait(const struct wire_vports *v)
{
	const struct tenant *t;
	bool soon = false;

	LIST_FOREACH(t, &v->tenants, entry)
	soon |= t->state == TENANT_GIDS && t->looks < PATIENCE;
	return soon;
}
