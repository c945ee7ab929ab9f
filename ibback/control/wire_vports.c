// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/wire_vports.h"

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
	if (set_addresses(v, t) >= 0)
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

int wire_vports_attached(struct wire_vports *v, struct vport *vport)
{
	if (!v->addresses)
		return 0;
	if (add_tenant(v, vport) < 0)
		return -1;
	vport->addresses = VPORT_ADDRESSES_WAIT; /* nobody has seen it yet */
	return 0;
}

void wire_vports_changed(struct wire_vports *v, struct vport *vport)
{
	struct tenant *t = tenant_of(v, vport);
	int rc = t ? set_addresses(v, t) : 0;

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
		memcpy(c->gids, t->vport->attr.gids, sizeof(c->gids));
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
	if (t->state != TENANT_GIDS || t->vport != c->vport ||
	    memcmp(t->vport->attr.gids, c->gids, sizeof(c->gids)) != 0)
		return;
	if (c->found) {
		t->state = TENANT_READY;
		fabric_set_addresses(t->vport, VPORT_ADDRESSES_READY);
		return;
	}
	if (++t->looks == PATIENCE)
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
