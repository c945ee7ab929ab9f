// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/wire_look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/compiler.h>

#include "control/wire.h"
#include "control/wire_hca.h"
#include "control/wire_netdev.h"
#include "control/wire_subnet.h"
#include "log.h"

/* How often is looked for an HCA that is not there, and whether one still is. */
#define LOOK_MS   1000
/* The same for a GID that is an address already: the HCA has it within a second. */
#define GID_MS    50
/* IPv6 over IPoIB takes 1280 bytes and a header of 4. */
#define ROOMY_MTU 2048

static void on_timer(uv_timer_t *timer)
{
	wire_look(timer->data);
}

/* ---- the job ----------------------------------------------------------- */

static void slice(struct job *job)
{
	struct wire *w = caa_container_of(job, struct wire, job);

	w->error = 0;
	if (!w->port)
		w->port = wire_hca_open(w, w->why);
	if (!w->port || wire_port_state(w->port, &w->seen) < 0) {
		w->error = errno;
		return;
	}
	if (w->read_pkeys &&
	    umad_read_pkeys(w->fabric->device, w->fabric->port, w->seen_pkeys) < 0)
		w->pkeys_error = errno;
	wire_checks_look(w->port, &w->checks);
}

static void submit(struct wire *w)
{
	w->touched = false;
	free(w->checks.all);
	wire_vports_checks(&w->vports, &w->checks);
	if (!w->checks.all) {
		uv_timer_start(&w->timer, on_timer, LOOK_MS, 0);
		return;
	}
	uv_timer_stop(&w->timer);
	w->port = w->fabric->wire;
	w->read_pkeys = !w->port || w->pkeys_doubted;
	w->pkeys_doubted = false;
	w->pkeys_error = 0;
	memset(w->seen_pkeys, 0, sizeof(w->seen_pkeys));
	w->running = true;
	jobs_submit(w->wires->jobs, &w->job);
}

void wire_look(struct wire *w)
{
	if (w->running)
		w->touched = true;
	else
		submit(w);
}

void wire_look_changed(struct wire *w, bool reregister)
{
	w->pkeys_doubted = true;
	w->reregister |= reregister;
	wire_look(w);
}

void wire_look_lost(struct wire *w)
{
	w->said = ENODEV;
	uv_timer_start(&w->timer, on_timer, LOOK_MS, 0);
}

/* ---- what is said of it ------------------------------------------------ */

static void say_absent(struct wire *w)
{
	const struct fabric *f = w->fabric;

	if (w->said == w->error)
		return;
	w->said = w->error;
	if (w->error == ENODEV || w->error == ENOSYS) /* nor any other HCA */
		log_warn("fabric %s: there is no HCA %s with a port %u; it is down until "
			 "there is one",
			 f->name, f->device, (unsigned int)f->port);
	else if (w->error == EPROTOTYPE)
		log_err("fabric %s: port %u of HCA %s was %s and is %s now; it is down "
			"until that is as it was, or ibback is restarted",
			f->name, (unsigned int)f->port, f->device,
			w->ethernet ? "RoCE" : "InfiniBand",
			w->ethernet ? "InfiniBand" : "RoCE");
	else
		log_warn("fabric %s: cannot use port %u of HCA %s: %s; it is down until "
			 "that works",
			 f->name, (unsigned int)f->port, f->device,
			 w->why[0] ? w->why : strerror(w->error));
}

static void say_state(const struct wire *w)
{
	const struct fabric *f = w->fabric;
	const struct wire_port_state *s = &w->seen;

	log_info("fabric %s: %s port %u is %s, %s, MTU %u", f->name, f->device,
		 (unsigned int)f->port, s->active ? "active" : "not active",
		 s->ethernet ? "RoCE" : "InfiniBand", s->mtu);
	if (s->active && s->mtu < ROOMY_MTU)
		log_warn("fabric %s: an MTU of %u leaves IPoIB no IPv6; want jumbo "
			 "frames%s%s, an MTU of 4200 or more",
			 f->name, s->mtu, s->netdev[0] ? " on " : "", s->netdev);
}

/* ---- what comes of it -------------------------------------------------- */

/* True if they are others than before. */
static bool take_pkeys(struct wire *w)
{
	bool news;

	if (!w->read_pkeys)
		return false;
	if (w->pkeys_error && w->pkeys_error != w->pkeys_said)
		log_err("fabric %s: cannot read the P_Keys of port %u of %s: %s; trying "
			"again",
			w->fabric->name, (unsigned int)w->fabric->port, w->fabric->device,
			strerror(w->pkeys_error));
	w->pkeys_said = w->pkeys_error;
	w->pkeys_doubted |= w->pkeys_error != 0;
	news = memcmp(w->pkeys, w->seen_pkeys, sizeof(w->pkeys)) != 0;
	memcpy(w->pkeys, w->seen_pkeys, sizeof(w->pkeys));
	return news;
}

/* On InfiniBand: its LID, its GID or its subnet's manager is another. */
static bool is_elsewhere(const struct wire_port_state *a, const struct wire_port_state *b)
{
	return !b->ethernet &&
	       (a->lid != b->lid || a->sm_lid != b->sm_lid || a->sm_sl != b->sm_sl ||
		a->gids != b->gids || memcmp(&a->gid, &b->gid, sizeof(a->gid)) != 0);
}

/* There is a port, and it was looked at. */
static void take_state(struct wire *w, bool opened)
{
	bool pkeys = take_pkeys(w);
	bool came = w->seen.active && (opened || !w->state.active);
	bool news = opened || w->seen.active != w->state.active ||
		    w->seen.mtu != w->state.mtu;
	bool moved = is_elsewhere(&w->state, &w->seen);

	if (news)
		say_state(w);
	w->said = 0;
	w->was_there = true;
	w->ethernet = w->seen.ethernet;
	w->state = w->seen;
	w->fabric->mtu = w->seen.mtu;
	if (came)
		w->touched |= wire_vports_doubt(&w->vports);
	if (w->state.ethernet)
		wire_netdev_use(w);
	else if (moved || opened)
		wire_vports_on_infiniband(&w->vports, w->fabric, &w->state);
	if ((w->netdev || !w->state.ethernet) &&
	    (news || pkeys || moved || !w->subnet_told))
		wire_subnet_tell(w);
	if (w->reregister)
		wire_subnet_reregister(w);
	w->reregister = false;
	wire_vports_settle(&w->vports);
	/* Without a network device there are no GIDs of vports. */
	fabric_set_up(w->fabric, w->state.active && (!w->state.ethernet || w->netdev));
}

/* When is to be looked for what no event tells? */
static void look_again(struct wire *w)
{
	if (w->touched)
		submit(w);
	else if (w->fabric->wire && wire_vports_wait(&w->vports))
		uv_timer_start(&w->timer, on_timer, GID_MS, 0);
	else
		uv_timer_start(&w->timer, on_timer, LOOK_MS, 0);
}

/* There is none, or none that can be had. */
static void stay_down(struct wire *w)
{
	if (w->port)
		wire_port_close(w->port);
	say_absent(w);
	look_again(w);
}

/* Vports have their addresses for one kind of wire, and keep them while it is away. */
static bool is_other_kind(const struct wire *w)
{
	return w->was_there && w->seen.ethernet != w->ethernet;
}

static void after(struct job *job)
{
	struct wire *w = caa_container_of(job, struct wire, job);
	bool opened = !w->fabric->wire;

	w->running = false;
	if (w->fabric->looking) {
		w->fabric->looking = false;
		wire_hca_rewire(w);
	}
	if (!w->error && is_other_kind(w))
		w->error = EPROTOTYPE;
	if (opened && !w->error && wire_hca_take(w, w->port) < 0)
		w->error = errno;
	if (opened && w->error) {
		stay_down(w);
		wires_sweep(w->wires);
		return;
	}
	if (w->gone || w->error) {
		wire_hca_lose(w);
		return;
	}
	take_state(w, opened);
	wire_vports_take(&w->vports, w->fabric->device, &w->checks);
	look_again(w);
	wires_sweep(w->wires);
}

/* ---- beginning and end ------------------------------------------------- */

void wire_look_init(struct wire *w)
{
	w->job.slice = slice;
	w->job.after = after;
	w->fabric->looking = true;
	uv_timer_init(w->wires->loop, &w->timer);
	uv_unref((uv_handle_t *)&w->timer);
	w->timer.data = w;
}

static void on_timer_closed(uv_handle_t *timer)
{
	struct wire *w = timer->data;

	free(w->checks.all);
	free(w);
}

void wire_look_end(struct wire *w)
{
	w->fabric->looking = false;
	uv_close((uv_handle_t *)&w->timer, on_timer_closed);
}
