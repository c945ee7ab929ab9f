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
#include "control/vib_attributes.h"
#include "control/vib_hca.h"
#include "control/vib_log.h"
#include "control/vib_mads.h"
#include "control/vib_nodes.h"
#include "control/vib_serve.h"
#include "control/vib_timer.h"
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

void vib_disconnect(struct vib *vib)
{
	vib->offered = false;
	if (!vib->connected)
		return;
	vib->connected = false;
	if (vib->vport.added_caps) {
		vib->vport.added_caps = 0;
		fabric_changed(&vib->vport);
	}
	vib_end_mads(vib);
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
	return vib_update(vib, values, sizeof(values) / sizeof(values[0]));
}

static void offer(struct vib *vib)
{
	uint32_t wait = throttle_take(&vib->offers, uv_now(vib->backend->loop));
	char session[17];

	if (wait) {
		vib_process_after(vib, wait);
		return;
	}
	if (!vib->vport.fabric)
		vib_attach(vib);
	/* One that is connected before its HCA is there has to begin anew. */
	if (vib->broken || vib->vport.fabric->looking)
		return;
	if (getrandom(&vib->session, sizeof(vib->session), 0) != sizeof(vib->session)) {
		vib_refuse(vib, "no random number for a session");
		return;
	}
	snprintf(session, sizeof(session), "%016" PRIx64, vib->session);
	if (publish_offer(vib, session) == 0)
		vib->offered = true;
}

static struct vhca *new_vhca(struct vib *vib)
{
	const struct vhca_limits limits = vib_limits(vib);
	struct port_view view;

	vport_view(&vib->vport, &view);
	return vhca_new(vib->backend->engine, vib->backend->xen, &limits, &view,
			vib_raise, vib);
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
	vib->conn.resumed = vib_resumed;
	vib->conn.guest.vhca = new_vhca(vib);
	if (!vib->conn.guest.vhca)
		goto fail;
	if (vib_open_hca(vib) < 0)
		goto fail_vhca;
	vib_begin_mads(vib);
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
		if (vib_write_state(vib, XENBUS_CONNECTED) < 0) {
			vib_disconnect(vib); /* and offer again */
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
	vib_refuse(vib, why);
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
		vib_disconnect(vib);
		break;
	case STEP_CLOSING:
		(void)vib_write_state(vib, XENBUS_CLOSING);
		break;
	case STEP_LEAVE:
		leave(vib);
		break;
	case STEP_CLOSED:
		leave(vib);
		(void)vib_write_state(vib, XENBUS_CLOSED);
		break;
	case STEP_NONE:
		break;
	}
}

/* Steps one change of xenstore can need; a guard against going in circles. */
#define MAX_STEPS 8

static void run_steps(struct vib *vib)
{
	struct lifecycle_view view;
	enum lifecycle_step step, last = STEP_NONE;

	for (int i = 0; i < MAX_STEPS; i++) {
		bool online = vib_is_online(vib); /* may find it broken */

		view = (struct lifecycle_view){
			.backend = vib_read_state(vib, vib->dir, VIB_BE_STATE),
			.frontend = vib->domain_gone ? XENBUS_UNKNOWN
						     : vib_read_state(vib, vib->frontend,
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
		vib_refuse(vib, why);
		return;
	}
	if (node_path(path, dir, VIB_FE_STATE) < 0 ||
	    xenport_watch(vib->backend->xp, path, vib->token) < 0) {
		vib_refuse(vib, "cannot watch the frontend's state");
		return;
	}
	memcpy(vib->frontend, dir, sizeof(vib->frontend));
}

/*
 * Only the toolstack, when it makes a device, and this daemon when it ends
 * write state 1. After another state it means that the device was removed and
 * made anew before we looked.
 */
static void notice_successor(struct vib *vib)
{
	enum xenbus state = vib_read_state(vib, vib->dir, VIB_BE_STATE);

	if (state > XENBUS_INITIALISING)
		vib->settled = true; /* perhaps by a daemon before us */
	if (!vib->settled || state != XENBUS_INITIALISING)
		return;
	vib_disconnect(vib);
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
		vib_process_after(vib, wait);
		return;
	}
	vib->process_due = false;
	notice_successor(vib);
	if (!vib->frontend[0] && !vib->broken)
		find_frontend(vib);
	else if (vib->attrs_dirty && vib->vport.fabric)
		vib_reread_attributes(vib);
	vib->attrs_dirty = false;
	run_steps(vib);
	if (vib->connected && vib->conn.async_pending && !vib->masked)
		vib_event(vib);
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
	vib->vport.link_changed = vib_link_changed;
	vib->vport.identity_changed = vib_identity_changed;
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
	vib_disconnect(vib);
	fabric_detach(&vib->vport);
	if (!vib->unmapping)
		vib_free(vib);
}

/* The daemon ends, and nothing of the vib is mapped any more. */
static void end(struct vib *vib)
{
	enum xenbus state;

	if (!vib->backend->failed) {
		state = vib_read_state(vib, vib->dir, VIB_BE_STATE);
		if (state == XENBUS_INIT_WAIT || state == XENBUS_CONNECTED)
			(void)vib_write_state(vib, XENBUS_INITIALISING);
	}
	vib_free(vib);
}

void vib_rewire(struct vib *vib)
{
	if (vib->connected)
		vib_disconnect(vib);
	vib_process_after(vib, 0);
}

void vib_withdraw(struct vib *vib)
{
	vib_disconnect(vib);
	fabric_detach(&vib->vport);
	uv_timer_stop(&vib->timer);
	if (!vib->unmapping)
		end(vib);
}
