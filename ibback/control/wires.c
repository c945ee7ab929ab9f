// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/wires.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <urcu/compiler.h>

#include "control/backend.h"
#include "control/jobs.h"
#include "control/subnets.h"
#include "control/vib.h"
#include "control/wire_vports.h"
#include "engine/mcast.h"
#include "log.h"
#include "wire/groups6.h"
#include "wire/leftovers.h"
#include "wire/netdev.h"
#include "wire/segments.h"
#include "wire/umad.h"

/* How often is looked for an HCA that is not there, and whether one still is. */
#define LOOK_MS   1000
/* The same for a GID that is an address already: the HCA has it within a second. */
#define GID_MS    50
/* IPv6 over IPoIB takes 1280 bytes and a header of 4. */
#define ROOMY_MTU 2048

struct wire {
	struct fabric_observer observer;
	struct fabric *fabric;
	struct wires *wires;
	struct wire_port_state state; /* while there is a port */
	uint16_t pkeys[UMAD_PKEYS];   /* its P_Keys, the same */
	bool pkeys_doubted;           /* an event came; or they were not read */
	int pkeys_said;               /* why not, as it was logged */
	int said;                     /* why there is none, as it was logged */
	bool was_there;               /* once; and so was it of RoCE, or was not */
	bool ethernet;
	bool gone; /* it is to be closed when the job has ended */
	bool stopping;
	bool netdev_said;
	char said_netdev[IF_NAMESIZE]; /* of which name, "" for none */
	bool subnet_told;
	bool reregister;       /* the subnet's manager has asked for it */
	bool joins_said;       /* that one could not be had, */
	bool quota_said;       /* or was more than a guest may have */
	uv_poll_t *poll;       /* of the port's events, while there is one */
	struct netdev *netdev; /* RoCE, once the HCA was there; or NULL */
	struct wire_vports vports;
	uv_timer_t timer;
	struct job job;
	bool running;
	bool touched; /* since the job began */
	/* The job's own, while it runs. */
	struct wire_port *port; /* that of the fabric, or what it opened */
	struct wire_port_state seen;
	bool read_pkeys; /* into @seen_pkeys, */
	uint16_t seen_pkeys[UMAD_PKEYS];
	int pkeys_error; /* or why not */
	int error;
	char why[SEGMENTS_WHY_MAX]; /* it is not to be used; "": that is not known */
	struct wire_checks checks;
	LIST_ENTRY(wire) entry;
};

struct wires {
	uv_loop_t *loop;
	struct jobs *jobs;
	struct mcast *mcast;         /* that is watched; or NULL */
	struct leftovers *leftovers; /* NULL: there is no record */
	bool swept;                  /* by that */
	LIST_HEAD(, wire) all;
};

static void touch(struct wire *w);

static void on_timer(uv_timer_t *timer)
{
	touch(timer->data);
}

static void on_gids(void *arg)
{
	touch(arg);
}

/* ---- vports ------------------------------------------------------------ */

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

/* ---- the network device ------------------------------------------------ */

static void on_room(void *arg)
{
	const struct wire *w = arg;

	subnet_wire_room(subnets_wire(w->fabric));
}

/* -1 and errno. */
static int use_device(struct wire *w, const char *name)
{
	struct fabric *f = w->fabric;

	if (leftovers_note(w->wires->leftovers, name) < 0)
		log_warn("netdev %s: its addresses will stay if ibback does not come "
			 "back to it: %s",
			 name, strerror(errno));
	w->netdev = netdev_start(w->wires->loop, w->wires->jobs, name);
	if (!w->netdev)
		return -1;
	f->groups = groups6_new(w->netdev, on_room, w);
	if (!f->groups || wire_vports_start(&w->vports, w->netdev, f) < 0) {
		netdev_stop(w->netdev);
		w->netdev = NULL;
		groups6_free(f->groups);
		f->groups = NULL;
		errno = ENOMEM;
		return -1;
	}
	netdev_touch(w->netdev); /* leftovers go, whoever comes */
	return 0;
}

/* Said once of each name that the HCA has for it. */
static void say_netdev(struct wire *w, const char *used)
{
	const struct fabric *f = w->fabric;
	const char *hcas = w->state.netdev;

	if (w->netdev_said && strcmp(w->said_netdev, hcas) == 0)
		return;
	w->netdev_said = true;
	strcpy(w->said_netdev, hcas);
	if (!used[0])
		log_err("fabric %s: %s names no network device, so it stays down; want "
			"netdev = NAME in ibback.conf",
			f->name, f->device);
	else if (hcas[0] && strcmp(used, hcas) != 0)
		log_warn("fabric %s: addresses are put on %s, but %s is on %s; want "
			 "netdev = %s in ibback.conf, and ibback restarted",
			 f->name, used, f->device, hcas, hcas);
}

/* The port is of RoCE: its network device is to have the vports' addresses. */
static void use_netdev(struct wire *w)
{
	const struct fabric *f = w->fabric;
	const char *name = w->netdev      ? netdev_name(w->netdev)
			   : f->netdev[0] ? f->netdev
					  : w->state.netdev;

	say_netdev(w, name);
	if (!w->netdev && name[0] && use_device(w, name) < 0)
		log_err("fabric %s: cannot put addresses on %s: %s", f->name, name,
			strerror(errno));
}

/* ---- its subnet -------------------------------------------------------- */

static int gid_index(void *arg, const struct vib_gid *gid)
{
	const struct wire *w = arg;

	return w->fabric->wire ? wire_port_gid_index(w->fabric->wire, gid) : -1;
}

static bool gid_at(void *arg, unsigned int index, struct vib_gid *gid)
{
	const struct wire *w = arg;

	return w->fabric->wire && wire_port_gid_at(w->fabric->wire, index, gid) == 0;
}

/* A guest that has too many keeps no word about another from the log. */
static void say_not_joined(struct wire *w)
{
	bool quota = errno == EDQUOT;
	bool *said = quota ? &w->quota_said : &w->joins_said;

	if (!*said && quota)
		log_warn(
			"fabric %s: a guest's QPs are attached to more than %d multicast "
			"groups; others do not arrive from the wire for it; no more is "
			"said of such",
			w->fabric->name, GROUPS6_QUOTA);
	else if (!*said)
		log_err("fabric %s: a multicast group does not arrive from the wire: "
			"%s; no more is said of such",
			w->fabric->name, strerror(errno));
	*said = true;
}

static bool join(void *arg, const struct vib_gid *mgid, bool receives)
{
	struct wire *w = arg;

	/* All are left with the device then. */
	if (w->stopping || groups6_hold(w->fabric->groups, mgid, receives) == 0)
		return true;
	say_not_joined(w);
	return false;
}

static void addressed(void *arg, struct vport *vport, enum gsi_addressed how)
{
	struct wire *w = arg;

	wire_vports_addressed(&w->vports, vport, how);
}

/* PortInfo's numbers of 256 to 4096 bytes. */
static uint8_t mtu_number(uint32_t bytes)
{
	uint8_t number = 1;

	while (number < 5 && 256u << number <= bytes)
		number++;
	return number;
}

/* The port is there, or is not as it was. */
static void tell_subnet(struct wire *w)
{
	struct subnet_port port = {
		.device = w->fabric->device,
		.port = w->fabric->port,
		.active_mtu = mtu_number(w->state.mtu),
		.active_width = w->state.active_width,
		.active_speed = w->state.active_speed,
		.arg = w,
		.gid_index = gid_index,
		.gid_at = gid_at,
		.join = join,
		.infiniband = !w->state.ethernet,
		.lid = w->state.lid,
		.sm_lid = w->state.sm_lid,
		.sm_sl = w->state.sm_sl,
		.gid = w->state.gid,
		.gids = w->state.gids,
		.addressing = w->fabric->addressing,
		.addressed = addressed,
	};

	memcpy(port.pkeys, w->pkeys, sizeof(port.pkeys));
	subnet_wire_up(subnets_wire(w->fabric), &port);
	w->subnet_told = true;
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
			say_not_joined(w);
	}
}

void wires_watch_groups(struct wires *wires, struct mcast *mcast)
{
	mcast->arg = wires;
	mcast->watch = on_group;
	wires->mcast = mcast;
}

/* ---- the port's events ------------------------------------------------- */

static void on_changed(struct wire_port *port, void *arg)
{
	struct wire *w = arg;

	(void)port;
	w->pkeys_doubted = true;
	touch(w);
}

/* What was registered is again, once the port's state is known. */
static void on_reregister(struct wire_port *port, void *arg)
{
	struct wire *w = arg;

	w->reregister = true;
	on_changed(port, arg);
}

static void lose_port(struct wire *w);

static void on_gone(struct wire_port *port, void *arg)
{
	struct wire *w = arg;

	(void)port;
	w->gone = true;
	fabric_set_up(w->fabric, false);
	uv_poll_stop(w->poll);
	if (!w->running)
		lose_port(w);
}

/* Of a port that was lost the last guest has nothing any more. */
static void on_left(struct wire_port *port, void *arg)
{
	const struct wire *w = arg;

	if (port != w->fabric->wire)
		wire_port_close(port);
}

static const struct wire_port_events port_events = {
	.changed = on_changed,
	.reregister = on_reregister,
	.gone = on_gone,
	.left = on_left,
};

static void on_events(uv_poll_t *poll, int status, int events)
{
	struct wire *w = poll->data;

	(void)events;
	if (status < 0)
		on_gone(w->fabric->wire, w);
	else
		wire_port_read_events(w->fabric->wire);
}

static void on_poll_closed(uv_handle_t *poll)
{
	free(poll);
}

/* Guests that are connected have what they have elsewhere: they begin anew. Others waited
 * to know where they begin.
 */
static void rewire(struct wire *w)
{
	struct vport *vport;

	LIST_FOREACH(vport, &w->fabric->vports, entry)
	vib_rewire(vport_vib(vport));
}

static void close_port(struct wire *w)
{
	struct wire_port *port = w->fabric->wire;

	subnet_wire_down(subnets_wire(w->fabric));
	w->subnet_told = false;
	uv_close((uv_handle_t *)w->poll, on_poll_closed);
	w->poll = NULL;
	w->fabric->wire = NULL;
	if (wire_port_users(port) == 0)
		wire_port_close(port);
	else
		rewire(w); /* and on_left() closes it */
}

/* Its HCA is gone, or fails. No job runs. */
static void lose_port(struct wire *w)
{
	struct fabric *f = w->fabric;

	w->gone = false;
	w->said = ENODEV;
	log_warn("fabric %s: HCA %s is gone; it is down until that is back", f->name,
		 f->device);
	fabric_set_up(f, false);
	close_port(w);
	uv_timer_start(&w->timer, on_timer, LOOK_MS, 0);
}

/* ---- the job: to look at the HCA --------------------------------------- */

/* It is asked of an HCA that is there, for there is nothing to know of any other. */
static struct wire_port *open_port(struct wire *w)
{
	const struct fabric *f = w->fabric;
	struct wire_port *port = wire_port_open(f->device, f->port, &port_events, w);

	w->why[0] = '\0';
	if (!port || segments_hold("/sys", f->device, w->why))
		return port;
	wire_port_close(port);
	errno = EPERM;
	return NULL;
}

static void slice(struct job *job)
{
	struct wire *w = caa_container_of(job, struct wire, job);

	w->error = 0;
	if (!w->port)
		w->port = open_port(w);
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

static void touch(struct wire *w)
{
	if (w->running)
		w->touched = true;
	else
		submit(w);
}

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
	w->was_there = true;
	w->ethernet = w->seen.ethernet;
	w->state = w->seen;
	w->fabric->mtu = w->seen.mtu;
	if (came)
		w->touched |= wire_vports_doubt(&w->vports);
	if (w->state.ethernet)
		use_netdev(w);
	else if (moved || opened)
		wire_vports_on_infiniband(&w->vports, w->fabric, &w->state);
	if ((w->netdev || !w->state.ethernet) &&
	    (news || pkeys || moved || !w->subnet_told))
		tell_subnet(w);
	if (w->reregister)
		subnet_wire_reregister(subnets_wire(w->fabric));
	w->reregister = false;
	wire_vports_settle(&w->vports);
	/* Without a network device there are no GIDs of vports. */
	fabric_set_up(w->fabric, w->state.active && (!w->state.ethernet || w->netdev));
}

/* The job opened a port. -1 and errno: ENOMEM. */
static int take_port(struct wire *w)
{
	w->poll = malloc(sizeof(*w->poll));
	if (!w->poll)
		return -1;
	if (uv_poll_init(w->wires->loop, w->poll, wire_port_fd(w->port)) < 0) {
		free(w->poll);
		errno = ENOMEM;
		return -1;
	}
	w->poll->data = w;
	uv_poll_start(w->poll, UV_READABLE, on_events);
	uv_unref((uv_handle_t *)w->poll);
	w->fabric->wire = w->port;
	w->said = 0;
	rewire(w);
	return 0;
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

/* Is it, or will it be when it is there? */
static bool is_used(void *arg, const char *name)
{
	const struct wires *wires = arg;
	const struct wire *w;

	LIST_FOREACH(w, &wires->all, entry)
	if (strcmp(w->netdev ? netdev_name(w->netdev) : w->fabric->netdev, name) == 0)
		return true;
	return false;
}

/* When it is known which devices the fabrics are on. */
static void sweep_leftovers(struct wires *wires)
{
	if (wires->swept || !wires_looked(wires))
		return;
	wires->swept = true;
	leftovers_sweep(wires->leftovers, wires->jobs, is_used, wires);
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
		rewire(w);
	}
	if (!w->error && is_other_kind(w))
		w->error = EPROTOTYPE;
	if (opened && !w->error && take_port(w) < 0)
		w->error = errno;
	if (opened && w->error) {
		stay_down(w);
		sweep_leftovers(w->wires);
		return;
	}
	if (w->gone || w->error) {
		lose_port(w);
		return;
	}
	take_state(w, opened);
	wire_vports_take(&w->vports, w->fabric->device, &w->checks);
	look_again(w);
	sweep_leftovers(w->wires);
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
	w->job.slice = slice;
	w->job.after = after;
	LIST_INIT(&w->vports.tenants);
	w->vports.touch = on_gids;
	w->vports.arg = w;
	uv_timer_init(wires->loop, &w->timer);
	uv_unref((uv_handle_t *)&w->timer);
	w->timer.data = w;
	fabric_observe(fabric, &w->observer);
	fabric->looking = true;
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
	touch(w);
	sweep_leftovers(wires); /* where there are no wires any more */
	return wires;
}

static void on_timer_closed(uv_handle_t *timer)
{
	struct wire *w = timer->data;

	free(w->checks.all);
	free(w);
}

static void stop(struct wire *w)
{
	w->stopping = true;
	fabric_unobserve(&w->observer);
	if (w->fabric->wire)
		close_port(w);
	netdev_stop(w->netdev);
	wire_vports_stop(&w->vports);
	groups6_free(w->fabric->groups);
	w->fabric->groups = NULL;
	w->fabric->looking = false;
	uv_close((uv_handle_t *)&w->timer, on_timer_closed);
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
