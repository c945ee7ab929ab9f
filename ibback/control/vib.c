// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/vib.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <urcu/compiler.h>

#include <xen-ib/xenstore.h>

#include "control/backend.h"
#include "control/frontend.h"
#include "control/lifecycle.h"
#include "control/mads.h"
#include "control/nodes.h"
#include "control/object_command.h"
#include "control/vib_log.h"
#include "engine/clock.h"
#include "engine/objects.h"
#include "engine/vhca.h"

/* A module reload takes one offer; a guest that loops is slowed to these. */
#define OFFERS_PER_WINDOW  8
#define OFFER_WINDOW_MS    4000
/* Commands come one event each at worst, 16 in flight. */
#define EVENTS_PER_WINDOW  256
#define EVENT_WINDOW_MS    100
/* A handshake is half a dozen changes, each seen on both sides. */
#define CHANGES_PER_WINDOW 64
#define CHANGE_WINDOW_MS   500
/* Tries to map a frontend's grants before the vib is given up. */
#define MAX_FAILURES       3
/* When xenstore refused a write. */
#define RETRY_MS           1000
/* When work is left that no event announces. */
#define SERVICE_AGAIN_MS   10

#define PAGES_PER_MIB      256

/* ---- xenstore nodes ---------------------------------------------------- */

/* A state node; what is missing or no number is XENBUS_UNKNOWN. */
static enum xenbus read_state(struct vib *vib, const char *dir, const char *key)
{
	char text[16];
	uint64_t state;

	if (dir[0] == '\0' ||
	    node_read(vib->backend->xp, dir, key, text, sizeof(text)) < 0 ||
	    schema_parse_uint(text, XENBUS_UNKNOWN, XENBUS_CLOSED, &state, NULL) < 0)
		return XENBUS_UNKNOWN;
	return (enum xenbus)state;
}

static void after(struct vib *vib, uint32_t ms);

/* Have vib_process() run again in @ms milliseconds. */
static void process_after(struct vib *vib, uint32_t ms)
{
	vib->process_due = true;
	after(vib, ms);
}

/*
 * Write nodes of ours. What fails is tried again by what comes next; a device
 * that has just been removed needs no word, its watch event is on the way.
 */
static int update(struct vib *vib, const struct node_value *values, size_t count)
{
	if (node_update(vib->backend->xp, vib->dir, values, count) == 0)
		return 0;
	if (errno != ENOENT) {
		vib_log(vib, LOG_LEVEL_ERR, "cannot write %s: %s", values[0].key,
			strerror(errno));
		process_after(vib, RETRY_MS);
	}
	return -1;
}

static int write_state(struct vib *vib, enum xenbus state)
{
	char text[4];
	const struct node_value value = { VIB_BE_STATE, text };

	snprintf(text, sizeof(text), "%d", (int)state);
	vib->settled = true;
	return update(vib, &value, 1);
}

/* Give the vib up, with the reason where vibctl finds it. */
static void refuse(struct vib *vib, const char *why)
{
	const struct node_value value = { VIB_BE_ERROR, why };

	vib->broken = true;
	vib_log(vib, LOG_LEVEL_ERR, "refused: %s", why);
	(void)update(vib, &value, 1);
}

/* ---- attributes -------------------------------------------------------- */

/*
 * Read the attributes and put the vport on its fabric, where it stays until the
 * device is closed: a domain that is gone holds no GID its successor needs.
 * What is wrong refuses the device.
 */
static void attach(struct vib *vib)
{
	char why[WHY_MAX];
	struct vport_attr *attr = &vib->vport.attr;
	struct fabric *fabric;

	if (vport_attr_read(vib->backend->xp, vib->dir, attr, why, sizeof(why)) < 0) {
		refuse(vib, why);
		return;
	}
	fabric = fabric_find(vib->backend->fabrics, attr->fabric);
	if (!fabric) {
		snprintf(why, sizeof(why),
			 "fabric=%s: ibback.conf has no such fabric; want 'local' or a "
			 "[fabric NAME] of it",
			 attr->fabric);
		refuse(vib, why);
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
	refuse(vib, why);
}

static struct vhca_limits limits_of(const struct vport_attr *attr)
{
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
	const struct vhca_limits limits = limits_of(&vib->vport.attr);
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

/* Its fabric took its link up or down, and has told all others that see the vport. */
static void on_link_changed(struct vport *vport)
{
	struct vib *vib = caa_container_of(vport, struct vib, vport);

	if (!vib->connected)
		return;
	apply_changes(vib, VPORT_CHANGED_PORT);
	tell_unregistered(vib);
	if (vib->conn.async_pending && !vib->masked)
		vib_event(vib);
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

/* A later reading: what is wrong, or fixed, leaves the device as it was. */
static void reread_attributes(struct vib *vib)
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

/* ---- steps ------------------------------------------------------------- */

static void end(struct vib *vib);

/* The guest's memory is unmapped; now what tells the frontend so. */
static void disconnected(struct vib *vib)
{
	vib->unmapping = false;
	hca_close(&vib->conn.guest);
	vhca_free(vib->conn.guest.vhca);
	connection_close(&vib->conn);
	vib_log(vib, LOG_LEVEL_INFO, "disconnected");
}

static void on_cleared(struct connection *conn)
{
	struct vib *vib = caa_container_of(conn, struct vib, conn);

	disconnected(vib);
	if (vib->backend->stopping) {
		end(vib);
		return;
	}
	vib->dirty = true;
	backend_process(vib->backend); /* which may free the vib */
}

/*
 * At once for the guest and everybody else; but its memory, of which there may be much,
 * is unmapped by a job, and vib->unmapping until then.
 */
static void disconnect(struct vib *vib)
{
	struct mad_taker *taker = vib->backend->mad_taker;

	vib->offered = false;
	if (!vib->connected)
		return;
	vib->connected = false;
	vib->mads_wait = false;
	if (taker)
		taker->gone(taker, vib);
	vib->masked = false;
	if (!vib->process_due)
		uv_timer_stop(&vib->timer);
	backend_route_port(vib->backend, vib->conn.port, NULL);
	vib->unmapping = connection_clear(&vib->conn, on_cleared);
	if (!vib->unmapping)
		disconnected(vib);
}

static int publish_offer(struct vib *vib, const char *session)
{
	char max_eqs[8];
	const struct node_value values[] = {
		{ VIB_BE_VERSIONS, "1" },    { VIB_BE_SESSION, session },
		{ VIB_BE_MAX_EQS, max_eqs }, { VIB_BE_ERROR, NULL },
		{ VIB_BE_STATE, "2" },
	};

	snprintf(max_eqs, sizeof(max_eqs), "%u", (unsigned int)MAX_EQS);
	vib->settled = true;
	return update(vib, values, sizeof(values) / sizeof(values[0]));
}

static void offer(struct vib *vib)
{
	uint32_t wait = throttle_take(&vib->offers, uv_now(vib->backend->loop));
	char session[17];

	if (wait) {
		process_after(vib, wait);
		return;
	}
	if (!vib->vport.fabric)
		attach(vib);
	if (vib->broken)
		return;
	if (getrandom(&vib->session, sizeof(vib->session), 0) != sizeof(vib->session)) {
		refuse(vib, "no random number for a session");
		return;
	}
	snprintf(session, sizeof(session), "%016" PRIx64, vib->session);
	if (publish_offer(vib, session) == 0)
		vib->offered = true;
}

/* Any thread: a poller has something for the control thread. */
static void on_raised(void *arg)
{
	struct vib *vib = arg;

	__atomic_store_n(&vib->raised, true, __ATOMIC_RELEASE);
	uv_async_send(&vib->backend->raised);
}

void vib_unregistered(struct vib *vib)
{
	if (!vib->connected)
		return;
	vib->vport.unregistered = true;
	tell_unregistered(vib);
	on_raised(vib); /* delivers it in the loop's next turn */
}

static struct vhca *new_vhca(struct vib *vib)
{
	const struct vhca_limits limits = limits_of(&vib->vport.attr);
	struct port_view view;

	vport_view(&vib->vport, &view);
	return vhca_new(vib->backend->engine, vib->backend->xen, &limits, &view,
			on_raised, vib);
}

/* The same: its guest sent a MAD. */
static void on_mad(void *arg)
{
	struct vib *vib = arg;

	uv_async_send(&vib->backend->mads);
}

static bool process_mad(void *arg, const uint8_t in[VIB_MAD_BYTES],
			uint8_t out[VIB_MAD_BYTES])
{
	struct vib *vib = arg;
	struct mad_taker *taker = vib->backend->mad_taker;

	return taker->process(taker, vib, in, out);
}

static struct mcast_rule mcast_rule(void *arg, const struct vib_gid *mgid)
{
	struct vib *vib = arg;
	struct mad_taker *taker = vib->backend->mad_taker;

	return taker->mcast_rule(taker, vib, mgid);
}

/* Its guest may have QP0 and QP1. */
static void have_mads(struct vib *vib)
{
	struct guest *guest = &vib->conn.guest;

	vib->mads_wait = false;
	mad_serve(guest->vhca, on_mad, vib);
	guest->process_mad = process_mad;
	guest->mcast_rule = mcast_rule;
	guest->gsi_arg = vib;
}

static void on_resumed(struct connection *conn);

static bool is_local(void *arg, const struct vib_av *av)
{
	const struct vib *vib = arg;

	return fabric_is_at(vib->vport.fabric, av);
}

static bool gid_of_lid(void *arg, uint16_t lid, struct vib_gid *gid)
{
	const struct fabric *fabric = ((const struct vib *)arg)->vport.fabric;

	return fabric->gid_of_lid && fabric->gid_of_lid(fabric->gid_of_lid_arg, lid, gid);
}

/*
 * At the HCA of its fabric, if that has one; it cannot reach pages that are granted and
 * not mapped. -1 and errno.
 */
static int open_hca(struct vib *vib)
{
	struct guest *guest = &vib->conn.guest;
	struct wire_port *wire = vib->vport.fabric->wire;

	if (!wire || !vib->backend->hca_jobs) {
		vhca_reach_grants(guest->vhca, vib->backend->xp, vib->domid);
		return 0;
	}
	if (hca_open(guest, wire, vib->backend->hca_jobs) < 0)
		return -1;
	guest->hca.is_local = is_local;
	guest->hca.gid_of_lid = gid_of_lid;
	guest->hca.arg = vib;
	return 0;
}

/* Map what the frontend published. -1 with the reason. */
static int connect_frontend(struct vib *vib, char *why, size_t size)
{
	struct connection_refs refs;

	if (frontend_read_refs(vib->backend->xp, vib->frontend, &refs, why, size) < 0 ||
	    connection_open(&vib->conn, vib->backend->xp, vib->domid, &refs, why, size) <
		    0)
		return -1;
	vib->conn.guest.complaints = &vib->complaints;
	vib->conn.guest.jobs = vib->backend->jobs;
	vib->conn.resumed = on_resumed;
	vib->conn.guest.vhca = new_vhca(vib);
	if (!vib->conn.guest.vhca)
		goto fail;
	if (open_hca(vib) < 0)
		goto fail_vhca;
	if (vib->backend->mad_taker)
		have_mads(vib);
	if (backend_route_port(vib->backend, vib->conn.port, vib) < 0)
		goto fail_vhca;
	return 0;

fail_vhca:
	hca_close(&vib->conn.guest);
	vhca_free(vib->conn.guest.vhca);
fail:
	snprintf(why, size, "%s", strerror(errno));
	connection_close(&vib->conn);
	return -1;
}

static void connect_or_retry(struct vib *vib)
{
	char why[WHY_MAX];

	if (connect_frontend(vib, why, sizeof(why)) == 0) {
		vib->connected = true;
		vib->vport.unregistered = false; /* a new guest's driver has nothing */
		if (write_state(vib, XENBUS_CONNECTED) < 0) {
			disconnect(vib); /* and offer again */
			return;
		}
		vib->failures = 0;
		vib_log(vib, LOG_LEVEL_INFO,
			"%s connected, fabric %s, LID %u, GUID 0x%016" PRIx64,
			vib->vport.attr.domain, vib->vport.attr.fabric, vib->vport.lid,
			vib->vport.attr.port_guid);
		return;
	}
	/* A guest that is being destroyed fails here too: a new session tells
	 * the two apart, for a live frontend answers it.
	 */
	vib->offered = false;
	if (++vib->failures < MAX_FAILURES) {
		vib_log(vib, LOG_LEVEL_WARN, "cannot connect: %s", why);
		return;
	}
	refuse(vib, why);
}

/* Nothing of it is left on its fabric, nor an offer that a frontend could answer. */
static void leave(struct vib *vib)
{
	vib->offered = false;
	fabric_detach(&vib->vport);
}

static void take_step(struct vib *vib, enum lifecycle_step step)
{
	switch (step) {
	case STEP_OFFER:
		offer(vib);
		break;
	case STEP_CONNECT:
		connect_or_retry(vib);
		break;
	case STEP_DISCONNECT:
		disconnect(vib);
		break;
	case STEP_CLOSING:
		(void)write_state(vib, XENBUS_CLOSING);
		break;
	case STEP_LEAVE:
		leave(vib);
		break;
	case STEP_CLOSED:
		leave(vib);
		(void)write_state(vib, XENBUS_CLOSED);
		break;
	case STEP_NONE:
		break;
	}
}

/* What is neither is refused, so that nobody looks for why the vib closed. */
static bool is_online(struct vib *vib)
{
	char online[XENPORT_VALUE_MAX], why[WHY_MAX];

	if (node_read(vib->backend->xp, vib->dir, VIB_BE_ONLINE, online, sizeof(online)) <
		    0 &&
	    errno == ENOENT)
		return false; /* the device is being removed */
	if (node_read_valid(vib->backend->xp, vib->dir, SCHEMA_BACKEND, VIB_BE_ONLINE,
			    online, why, sizeof(why)) == 0)
		return strcmp(online, "1") == 0;
	if (!vib->broken)
		refuse(vib, why);
	return false;
}

/* Steps one change of xenstore can need; a guard against going in circles. */
#define MAX_STEPS 8

static void run_steps(struct vib *vib)
{
	struct lifecycle_view view;
	enum lifecycle_step step, last = STEP_NONE;

	for (int i = 0; i < MAX_STEPS; i++) {
		bool online = is_online(vib); /* may find it broken */

		view = (struct lifecycle_view){
			.backend = read_state(vib, vib->dir, VIB_BE_STATE),
			.frontend = vib->domain_gone ? XENBUS_UNKNOWN
						     : read_state(vib, vib->frontend,
								  VIB_FE_STATE),
			.online = online,
			.broken = vib->broken,
			.offered = vib->offered,
			.session_answered = vib->offered && !vib->connected &&
					    frontend_answers(vib->backend->xp,
							     vib->frontend, vib->session),
			.connected = vib->connected,
			.unmapping = vib->unmapping,
		};
		step = lifecycle_next(&view);
		/* The same step again did not take: it waits for a timer. */
		if (step == STEP_NONE || step == last)
			return;
		take_step(vib, step);
		last = step;
	}
}

static void find_frontend(struct vib *vib)
{
	char dir[XENPORT_PATH_MAX], path[XENPORT_PATH_MAX], why[WHY_MAX];

	if (frontend_find(vib->backend->xp, vib->dir, vib->domid, vib->index, dir, why,
			  sizeof(why)) < 0) {
		refuse(vib, why);
		return;
	}
	if (node_path(path, dir, VIB_FE_STATE) < 0 ||
	    xenport_watch(vib->backend->xp, path, vib->token) < 0) {
		refuse(vib, "cannot watch the frontend's state");
		return;
	}
	memcpy(vib->frontend, dir, sizeof(vib->frontend));
}

bool vib_vanished(struct vib *vib)
{
	char state[16];

	return node_read(vib->backend->xp, vib->dir, VIB_BE_STATE, state, sizeof(state)) <
		       0 &&
	       errno == ENOENT;
}

/*
 * Only the toolstack, when it makes a device, and this daemon when it ends
 * write state 1. After another state it means that the device was removed and
 * made anew before we looked.
 */
static void notice_successor(struct vib *vib)
{
	enum xenbus state = read_state(vib, vib->dir, VIB_BE_STATE);

	if (state > XENBUS_INITIALISING)
		vib->settled = true; /* perhaps by a daemon before us */
	if (!vib->settled || state != XENBUS_INITIALISING)
		return;
	disconnect(vib);
	fabric_detach(&vib->vport);
	vib->settled = false;
	vib->domain_gone = false;
	vib->broken = false;
	vib->failures = 0;
	vib->gsi_drops_said = 0;
	vib->drops_said = 0;
}

void vib_process(struct vib *vib)
{
	uint32_t wait = throttle_take(&vib->changes, uv_now(vib->backend->loop));

	vib->dirty = false;
	if (wait) {
		process_after(vib, wait);
		return;
	}
	vib->process_due = false;
	notice_successor(vib);
	if (!vib->frontend[0] && !vib->broken)
		find_frontend(vib);
	else if (vib->attrs_dirty && vib->vport.fabric)
		reread_attributes(vib);
	vib->attrs_dirty = false;
	run_steps(vib);
	if (vib->connected && vib->conn.async_pending && !vib->masked)
		vib_event(vib);
}

/* ---- events and time --------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	struct vib *vib = timer->data;

	if (vib->connected && vib->masked)
		vib_event(vib);
	if (vib->mads_wait) {
		vib->mads_wait = false;
		uv_async_send(&vib->backend->mads);
	}
	if (vib->process_due) {
		vib->dirty = true;
		backend_process(vib->backend); /* which may free the vib */
	}
}

/* Run on_timer() in @ms milliseconds, or when it is due if that is sooner. */
static void after(struct vib *vib, uint32_t ms)
{
	uv_update_time(vib->backend->loop); /* or it counts from before what took long */
	if (!uv_is_active((uv_handle_t *)&vib->timer) ||
	    uv_timer_get_due_in(&vib->timer) > ms)
		uv_timer_start(&vib->timer, on_timer, ms, 0);
}

static void serve(struct vib *vib)
{
	uint64_t start = clock_ns();
	const char *cause;
	uint32_t spent;
	int left;

	vib->masked = true;
	left = connection_service(&vib->conn, &vib->vport, &cause);
	if (left < 0) {
		disconnect(vib);
		refuse(vib, cause);
		process_after(vib, 0);
		return;
	}
	/* Whose commands take long waits as long again, so that others have the half. */
	spent = (uint32_t)((clock_ns() - start) / 1000000);
	if (left > 0 || spent > 0) {
		after(vib,
		      left > 0 && spent < SERVICE_AGAIN_MS ? SERVICE_AGAIN_MS : spent);
		return;
	}
	vib->masked = false;
	if (xenport_unmask(vib->backend->xp, vib->conn.port) < 0)
		vib_log(vib, LOG_LEVEL_ERR, "cannot unmask event channel: %s",
			strerror(errno));
}

void vib_event(struct vib *vib)
{
	uint32_t wait = throttle_take(&vib->events, uv_now(vib->backend->loop));

	if (wait) {
		vib->events_put_off++;
		vib->masked = true;
		after(vib, wait);
		return;
	}
	serve(vib);
}

/* No event of the guest's, and nobody has more of these than his turn at the jobs. */
static void on_resumed(struct connection *conn)
{
	struct vib *vib = caa_container_of(conn, struct vib, conn);

	/* One that is served by the timer goes on then. */
	if (!vib->masked)
		serve(vib);
}

/* Counted each time, said once of a vib: a guest can cause as many as it likes. */
static void say_drops(struct vib *vib)
{
	const struct vhca *vhca = vib->conn.guest.vhca;

	for (enum drop why = 1; why < DROPS; why++) {
		if (vib->drops_said & 1u << why || !drop_counted(vhca, why))
			continue;
		vib->drops_said |= 1u << why;
		vib_log(vib, LOG_LEVEL_WARN, "dropped: %s; no more is said of such",
			drop_text(why));
	}
}

void vib_raised(struct vib *vib)
{
	if (!__atomic_exchange_n(&vib->raised, false, __ATOMIC_ACQUIRE))
		return;
	if (vib->connected) {
		hca_serve(&vib->conn.guest);
		say_drops(vib);
	}
	/* One that is served by the timer finds them then. */
	if (vib->connected && !vib->masked)
		vib_event(vib);
}

/* Take one. false: there is none, or it has to wait. */
static bool serve_mad(struct vib *vib)
{
	struct mad_taker *taker = vib->backend->mad_taker;
	struct vhca *vhca = vib->conn.guest.vhca;
	struct mad_packet packet;
	uint32_t wait;

	if (!vib->connected || vib->mads_wait || !mad_is_waiting(vhca))
		return false;
	wait = throttle_take(&vib->mads, uv_now(vib->backend->loop));
	if (wait) {
		vib->mads_put_off++;
		vib->mads_wait = true;
		after(vib, wait);
		return false;
	}
	mad_take(vhca, &packet);
	taker->take(taker, vib, &packet);
	return true;
}

bool vib_serve_mads(struct vib *vib)
{
	unsigned int n = 0;

	while (n < MADS_A_TURN && serve_mad(vib))
		n++;
	return n == MADS_A_TURN;
}

/* ---- life -------------------------------------------------------------- */

struct vib *vib_new(struct backend *backend, uint16_t domid, uint32_t index,
		    const char *dir)
{
	struct vib *vib = calloc(1, sizeof(*vib));

	if (!vib)
		return NULL;
	vib->backend = backend;
	vib->domid = domid;
	vib->index = index;
	snprintf(vib->dir, sizeof(vib->dir), "%s", dir);
	snprintf(vib->token, sizeof(vib->token), "fe/%u/%u", (unsigned int)domid, index);
	throttle_init(&vib->offers, OFFERS_PER_WINDOW, OFFER_WINDOW_MS);
	throttle_init(&vib->events, EVENTS_PER_WINDOW, EVENT_WINDOW_MS);
	throttle_init(&vib->changes, CHANGES_PER_WINDOW, CHANGE_WINDOW_MS);
	throttle_init(&vib->mads, MADS_PER_WINDOW, MAD_WINDOW_MS);
	complaints_init(&vib->complaints, backend->label, domid, index, &backend->mapped);
	uv_timer_init(backend->loop, &vib->timer);
	vib->timer.data = vib;
	vib->vport.link_changed = on_link_changed;
	LIST_INSERT_HEAD(&backend->vibs, vib, entry);
	return vib;
}

static void on_timer_closed(uv_handle_t *timer)
{
	free(timer->data);
}

/* Nothing of it is mapped. */
static void vib_free(struct vib *vib)
{
	char path[XENPORT_PATH_MAX];

	if (vib->frontend[0] && node_path(path, vib->frontend, VIB_FE_STATE) == 0)
		(void)xenport_unwatch(vib->backend->xp, path, vib->token);
	LIST_REMOVE(vib, entry);
	uv_close((uv_handle_t *)&vib->timer, on_timer_closed);
}

void vib_forget(struct vib *vib)
{
	vib->dirty = false;
	disconnect(vib);
	fabric_detach(&vib->vport);
	if (!vib->unmapping)
		vib_free(vib);
}

/* The daemon ends, and nothing of the vib is mapped any more. */
static void end(struct vib *vib)
{
	enum xenbus state;

	if (!vib->backend->failed) {
		state = read_state(vib, vib->dir, VIB_BE_STATE);
		if (state == XENBUS_INIT_WAIT || state == XENBUS_CONNECTED)
			(void)write_state(vib, XENBUS_INITIALISING);
	}
	vib_free(vib);
}

void vib_rewire(struct vib *vib)
{
	if (!vib->connected)
		return;
	disconnect(vib);
	process_after(vib, 0);
}

void vib_withdraw(struct vib *vib)
{
	disconnect(vib);
	fabric_detach(&vib->vport);
	uv_timer_stop(&vib->timer);
	if (!vib->unmapping)
		end(vib);
}
