// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/wires.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/compiler.h>

#include "control/wire.h"
#include "control/wire_hca.h"
#include "control/wire_look.h"
#include "control/wire_netdev.h"
#include "control/wire_subnet.h"
#include "engine/mcast.h"
#include "log.h"
#include "wire/groups6.h"
#include "wire/leftovers.h"
#include "wire/netdev.h"

/* ---- vports ------------------------------------------------------------ */

static void on_gids(void *arg)
{
	wire_look(arg);
}

static struct wire *wire_of(struct fabric_observer *observer)
{
	return caa_container_of(observer, struct wire, observer);
}

static int attached(struct fabric_observer *observer, struct vport *vport)
{
	return wire_vports_attached(&wire_of(observer)->vports, vport);
}

static void changed(struct fabric_observer *observer, struct vport *vport)
{
	wire_vports_changed(&wire_of(observer)->vports, vport);
}

static void detaching(struct fabric_observer *observer, struct vport *vport)
{
	wire_vports_detaching(&wire_of(observer)->vports, vport);
}

/* ---- groups that QPs are attached to ------------------------------------ */

static void on_group(void *arg, const void *fabric, const struct vib_gid *mgid,
		     const struct vhca *vhca, bool attached)
{
	const struct wires *wires = arg;
	struct groups6 *groups;
	struct wire *w;

	LIST_FOREACH(w, &wires->all, entry)
	if (w->fabric == fabric && (groups = w->fabric->groups)) {
		if (!attached)
			groups6_leave(groups, mgid, vhca);
		else if (groups6_join(groups, mgid, vhca) < 0)
			wire_subnet_say_not_joined(w);
	}
}

void wires_watch_groups(struct wires *wires, struct mcast *mcast)
{
	mcast->arg = wires;
	mcast->watch = on_group;
	wires->mcast = mcast;
}

/* ---- what an ibback before left ------------------------------------------ */

/* Is it, or will it be when it is there? */
static bool is_used(void *arg, const char *name)
{
	const struct wires *wires = arg;
	const struct wire *w;

	LIST_FOREACH(w, &wires->all, entry)
	if (strcmp(wire_netdev_name(w), name) == 0)
		return true;
	return false;
}

void wires_sweep(struct wires *wires)
{
	if (wires->swept || !wires_looked(wires))
		return;
	wires->swept = true;
	leftovers_sweep(wires->leftovers, wires->jobs, is_used, wires);
}

/* ---- beginning and end ------------------------------------------------- */

static int serve(struct wires *wires, struct fabric *fabric)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	w->observer.attached = attached;
	w->observer.changed = changed;
	w->observer.detaching = detaching;
	w->fabric = fabric;
	w->wires = wires;
	LIST_INIT(&w->vports.tenants);
	w->vports.touch = on_gids;
	w->vports.arg = w;
	wire_look_init(w);
	fabric_observe(fabric, &w->observer);
	LIST_INSERT_HEAD(&wires->all, w, entry);
	return 0;
}

struct wires *wires_start(struct fabric_table *fabrics, uv_loop_t *loop,
			  struct jobs *jobs, const char *record)
{
	struct wires *wires = calloc(1, sizeof(*wires));
	struct fabric *fabric;
	struct wire *w;

	if (!wires)
		return NULL;
	wires->loop = loop;
	wires->jobs = jobs;
	LIST_INIT(&wires->all);
	wires->leftovers = record ? leftovers_open(record) : NULL;
	if (record && !wires->leftovers)
		log_warn("cannot use %s, by which addresses are found that an ibback "
			 "before left: %s",
			 record, strerror(errno));
	LIST_FOREACH(fabric, &fabrics->fabrics, entry)
	if (fabric->kind == FABRIC_WIRE && serve(wires, fabric) < 0) {
		wires_stop(wires);
		errno = ENOMEM;
		return NULL;
	}
	LIST_FOREACH(w, &wires->all, entry)
	wire_look(w);
	wires_sweep(wires); /* where there are no wires any more */
	return wires;
}

static void stop(struct wire *w)
{
	w->stopping = true;
	fabric_unobserve(&w->observer);
	if (w->fabric->wire)
		wire_hca_close(w);
	wire_netdev_stop(w);
	wire_look_end(w);
}

void wires_stop(struct wires *wires)
{
	struct wire *w;

	if (!wires)
		return;
	if (wires->mcast)
		wires->mcast->watch = NULL;
	while ((w = LIST_FIRST(&wires->all))) {
		LIST_REMOVE(w, entry);
		stop(w);
	}
	leftovers_close(wires->leftovers);
	free(wires);
}

/* ---- what is known of them ----------------------------------------------- */

bool wires_looked(const struct wires *wires)
{
	const struct wire *w;

	LIST_FOREACH(w, &wires->all, entry)
	if (w->fabric->looking)
		return false;
	return true;
}

bool wires_view(const struct wires *wires, const struct fabric *fabric,
		struct wire_view *view)
{
	const struct wire *w;

	LIST_FOREACH(w, &wires->all, entry)
	if (w->fabric == fabric) {
		*view = (struct wire_view){
			.state = fabric->wire ? &w->state : NULL,
			.netdev = w->netdev ? netdev_name(w->netdev) : "",
		};
		return true;
	}
	return false;
}
