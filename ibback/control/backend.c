// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen-ib/xenstore.h>

#include "control/vib_mads.h"
#include "control/vib_nodes.h"
#include "control/vib_serve.h"
#include "log.h"

#define ROOT_TOKEN         "be"
#define RELEASE_TOKEN      "release"

/* Xen's limit with the FIFO event channel ABI. */
#define MAX_EVENT_CHANNELS (1u << 17)

int backend_route_port(struct backend *backend, uint32_t port, struct vib *vib)
{
	if (port >= backend->num_ports) {
		size_t num = port + 64;
		struct vib **grown;

		if (!vib)
			return 0;
		if (port >= MAX_EVENT_CHANNELS) {
			errno = ERANGE;
			return -1;
		}
		grown = reallocarray(backend->by_port, num, sizeof(struct vib *));
		if (!grown)
			return -1;
		memset(grown + backend->num_ports, 0,
		       (num - backend->num_ports) * sizeof(struct vib *));
		backend->by_port = grown;
		backend->num_ports = num;
	}
	backend->by_port[port] = vib;
	return 0;
}

static struct vib *find_vib(struct backend *backend, uint16_t domid, uint32_t index)
{
	struct vib *vib;

	LIST_FOREACH(vib, &backend->vibs, entry)
	if (vib->domid == domid && vib->index == index)
		return vib;
	return NULL;
}

/* ---- what is there ----------------------------------------------------- */

/* A path element that is a number, as domain ids and indices are. Others are
 * nothing of ours: backend/vib is written by the toolstack alone.
 */
static bool parse_element(const char *text, uint16_t *number)
{
	uint64_t value;

	if (!text || schema_parse_uint(text, 0, UINT16_MAX, &value, NULL) < 0)
		return false;
	*number = (uint16_t)value;
	return true;
}

/* Note that something about a vib changed: @key, or any of it. */
static void note_vib(struct backend *backend, uint16_t domid, uint32_t index,
		     const char *key)
{
	char dir[XENPORT_PATH_MAX];
	struct vib *vib = find_vib(backend, domid, index);

	if (!vib) {
		snprintf(dir, sizeof(dir), "%s/%u/%u", backend->root, (unsigned int)domid,
			 index);
		vib = vib_new(backend, domid, index, dir);
		if (!vib) {
			log_err("dom %u vib %u: %s", (unsigned int)domid, index,
				strerror(errno));
			return;
		}
	}
	vib->dirty = true;
	/* The state, and what we write, are no attributes. */
	if (!key || (strcmp(key, VIB_BE_STATE) != 0 && strcmp(key, VIB_BE_ONLINE) != 0 &&
		     strcmp(key, VIB_BE_SESSION) != 0 && strcmp(key, VIB_BE_ERROR) != 0 &&
		     strcmp(key, VIB_BE_VERSIONS) != 0))
		vib->attrs_dirty = true;
}

static void note_domain(struct backend *backend, uint16_t domid)
{
	char path[XENPORT_PATH_MAX];
	char **indices;
	uint16_t index;
	int num;

	snprintf(path, sizeof(path), "%s/%u", backend->root, (unsigned int)domid);
	num = xenport_list(backend->xp, XENPORT_NO_TRANSACTION, path, &indices);
	if (num < 0)
		return; /* gone again: known vibs find out by themselves */
	for (int i = 0; i < num; i++)
		if (parse_element(indices[i], &index))
			note_vib(backend, domid, index, NULL);
	free(indices);
}

static void note_all(struct backend *backend)
{
	struct vib *vib;
	char **domids;
	uint16_t domid;
	int num;

	LIST_FOREACH(vib, &backend->vibs, entry)
	vib->dirty = true;
	num = xenport_list(backend->xp, XENPORT_NO_TRANSACTION, backend->root, &domids);
	if (num < 0)
		return; /* no vib on this host */
	for (int i = 0; i < num; i++)
		if (parse_element(domids[i], &domid))
			note_domain(backend, domid);
	free(domids);
}

/* A change somewhere below backend/vib. */
static void note_path(struct backend *backend, char *path)
{
	size_t root_len = strlen(backend->root);
	char *save, *index_text;
	uint16_t domid, index;
	struct vib *vib;

	if (strncmp(path, backend->root, root_len) != 0 ||
	    !parse_element(strtok_r(path + root_len, "/", &save), &domid)) {
		note_all(backend);
		return;
	}
	index_text = strtok_r(NULL, "/", &save);
	if (parse_element(index_text, &index)) {
		note_vib(backend, domid, index, strtok_r(NULL, "/", &save));
		return;
	}
	LIST_FOREACH(vib, &backend->vibs, entry)
	if (vib->domid == domid)
		vib->dirty = true;
	note_domain(backend, domid);
}

static void note_token(struct backend *backend, const char *token)
{
	struct vib *vib;

	LIST_FOREACH(vib, &backend->vibs, entry)
	if (strcmp(vib->token, token) == 0)
		vib->dirty = true;
}

/*
 * A domain ended, or is ending: what is mapped of it keeps it from going. One
 * that is not connected may be so new that xenstore does not know it yet. Dom0
 * is the host's, and was never introduced to a xenstore that runs elsewhere.
 */
static void note_release(struct backend *backend)
{
	struct vib *vib;

	LIST_FOREACH(vib, &backend->vibs, entry)
	if (vib->connected && vib->domid != 0 &&
	    !xenport_domain_exists(backend->xp, vib->domid)) {
		vib->domain_gone = true;
		vib->dirty = true;
	}
}

void backend_process(struct backend *backend)
{
	struct vib *vib, *next;

	/* The dead first: what they hold, their successors need. */
	for (vib = LIST_FIRST(&backend->vibs); vib; vib = next) {
		next = LIST_NEXT(vib, entry);
		if (vib->dirty && vib_vanished(vib))
			vib_forget(vib);
	}
	LIST_FOREACH(vib, &backend->vibs, entry)
	if (vib->dirty)
		vib_process(vib);
}

/* ---- the loop ---------------------------------------------------------- */

/* Without Xen there is nothing to serve: end, and let the supervisor start us anew. */
static void fail(struct backend *backend, const char *what)
{
	log_err("%s: %s", what, strerror(errno));
	backend->failed = true;
	uv_stop(backend->loop);
}

/* libuv stops polling before it reports an error: deaf is as good as dead. */
static bool poll_failed(struct backend *backend, int status)
{
	if (status >= 0)
		return false;
	errno = -status; /* libuv's codes are negated errnos */
	fail(backend, "polling");
	return true;
}

/* Watch events taken before the vibs are looked at: what comes in a flood is
 * looked at once.
 */
#define WATCH_BATCH 256

static void on_store(uv_poll_t *poll, int status, int events)
{
	struct backend *backend = poll->data;
	char path[XENPORT_PATH_MAX], token[32];
	int rc = 1;

	(void)events;
	if (poll_failed(backend, status))
		return;
	for (int i = 0; rc > 0 && i < WATCH_BATCH; i++) {
		rc = xenport_next_watch(backend->xp, path, sizeof(path), token,
					sizeof(token));
		if (rc < 0) {
			fail(backend, "xenstore is lost");
			return;
		}
		if (rc == 0)
			break;
		if (strcmp(token, ROOT_TOKEN) == 0)
			note_path(backend, path);
		else if (strcmp(token, RELEASE_TOKEN) == 0)
			note_release(backend);
		else
			note_token(backend, token);
	}
	backend_process(backend);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct backend *backend = poll->data;
	uint32_t port;
	int rc = 1;

	(void)events;
	if (poll_failed(backend, status))
		return;
	for (int i = 0; rc > 0 && i < WATCH_BATCH; i++) {
		rc = xenport_next_event(backend->xp, &port);
		if (rc < 0) {
			fail(backend, "event channels are lost");
			return;
		}
		if (rc > 0 && port < backend->num_ports && backend->by_port[port])
			vib_event(backend->by_port[port]);
	}
}

/* libxenstore (4.17) does not show a lost connection on its descriptor. */
#define PULSE_MS 10000

static void on_pulse(uv_timer_t *timer)
{
	struct backend *backend = timer->data;
	char text[16];

	if (xenport_read(backend->xp, XENPORT_NO_TRANSACTION, "domid", text,
			 sizeof(text)) < 0 &&
	    errno != ENOENT)
		fail(backend, "xenstore is lost");
}

/* A poller has raised events, or found a guest that broke the protocol. */
static void on_raised(uv_async_t *raised)
{
	struct backend *backend = raised->data;
	struct vib *vib;

	LIST_FOREACH(vib, &backend->vibs, entry)
	vib_raised(vib);
	backend_process(backend);
}

/* In turn: who has more waits for the next one, behind all else that the loop has. */
static void on_mads(uv_async_t *mads)
{
	struct backend *backend = mads->data;
	struct vib *vib;
	bool more = false;

	LIST_FOREACH(vib, &backend->vibs, entry)
	more |= vib_serve_mads(vib);
	if (more)
		uv_async_send(mads);
}

void backend_use_hcas(struct backend *backend, struct jobs *jobs)
{
	backend->hca_jobs = jobs;
}

void backend_take_mads(struct backend *backend, struct mad_taker *taker)
{
	backend->mad_taker = taker;
}

int backend_start(struct backend *backend, uv_loop_t *loop, struct xenport *xp,
		  struct fabric_table *fabrics, struct engine *engine, unsigned int xen,
		  struct jobs *jobs, const char *label)
{
	char text[16];
	uint64_t domid;

	memset(backend, 0, sizeof(*backend));
	backend->loop = loop;
	backend->xp = xp;
	backend->fabrics = fabrics;
	backend->engine = engine;
	backend->xen = xen;
	backend->jobs = jobs;
	backend->label = label;
	LIST_INIT(&backend->vibs);

	if (xenport_read(xp, XENPORT_NO_TRANSACTION, "domid", text, sizeof(text)) < 0 ||
	    schema_parse_uint(text, 0, UINT16_MAX, &domid, NULL) < 0) {
		log_err("cannot read our own domain id from xenstore: %s",
			strerror(errno));
		return -1;
	}
	backend->domid = (uint16_t)domid;
	snprintf(backend->root, sizeof(backend->root), "/local/domain/%u/backend/vib",
		 (unsigned int)domid);
	if (xenport_watch(xp, backend->root, ROOT_TOKEN) < 0) {
		log_err("cannot watch %s: %s", backend->root, strerror(errno));
		return -1;
	}

	/* Told to Dom0 alone; a driver domain goes by the frontend's directory. */
	if (xenport_watch(xp, "@releaseDomain", RELEASE_TOKEN) < 0)
		log_info("not told of domains that end: %s", strerror(errno));

	uv_poll_init(loop, &backend->store_poll, xenport_store_fd(xp));
	uv_poll_init(loop, &backend->event_poll, xenport_event_fd(xp));
	backend->store_poll.data = backend;
	uv_timer_init(loop, &backend->pulse);
	uv_async_init(loop, &backend->raised, on_raised);
	backend->raised.data = backend;
	uv_async_init(loop, &backend->mads, on_mads);
	backend->mads.data = backend;
	backend->event_poll.data = backend;
	backend->pulse.data = backend;
	uv_poll_start(&backend->store_poll, UV_READABLE, on_store);
	uv_poll_start(&backend->event_poll, UV_READABLE, on_event);
	uv_timer_start(&backend->pulse, on_pulse, PULSE_MS, PULSE_MS);
	return 0;
}

void backend_stop(struct backend *backend)
{
	struct vib *vib, *next;

	backend->stopping = true;
	for (vib = LIST_FIRST(&backend->vibs); vib; vib = next) {
		next = LIST_NEXT(vib, entry);
		vib_withdraw(vib); /* which may free it */
	}
	uv_close((uv_handle_t *)&backend->store_poll, NULL);
	uv_close((uv_handle_t *)&backend->event_poll, NULL);
	uv_close((uv_handle_t *)&backend->pulse, NULL);
	uv_close((uv_handle_t *)&backend->raised, NULL);
	uv_close((uv_handle_t *)&backend->mads, NULL);
	free(backend->by_port);
	backend->by_port = NULL;
	backend->num_ports = 0;
}
