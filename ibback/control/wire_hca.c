// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/wire_hca.h"

#include <errno.h>
#include <stdlib.h>

#include "control/vib.h"
#include "control/wire.h"
#include "control/wire_look.h"
#include "control/wire_subnet.h"
#include "log.h"

/* ---- its events -------------------------------------------------------- */

static void on_changed(struct wire_port *port, void *arg)
{
	(void)port;
	wire_look_changed(arg, false);
}

/* What was registered is again, once the port's state is known. */
static void on_reregister(struct wire_port *port, void *arg)
{
	(void)port;
	wire_look_changed(arg, true);
}

static void on_gone(struct wire_port *port, void *arg)
{
	struct wire *w = arg;

	(void)port;
	w->gone = true;
	fabric_set_up(w->fabric, false);
	uv_poll_stop(w->poll);
	if (!w->running)
		wire_hca_lose(w);
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

/* ---- beginning and end ------------------------------------------------- */

/* It is asked of an HCA that is there, for there is nothing to know of any other. */
struct wire_port *wire_hca_open(struct wire *w, char why[SEGMENTS_WHY_MAX])
{
	const struct fabric *f = w->fabric;
	struct wire_port *port = wire_port_open(f->device, f->port, &port_events, w);

	why[0] = '\0';
	if (!port || segments_hold("/sys", f->device, why))
		return port;
	wire_port_close(port);
	errno = EPERM;
	return NULL;
}

int wire_hca_take(struct wire *w, struct wire_port *port)
{
	w->poll = malloc(sizeof(*w->poll));
	if (!w->poll)
		return -1;
	if (uv_poll_init(w->wires->loop, w->poll, wire_port_fd(port)) < 0) {
		free(w->poll);
		errno = ENOMEM;
		return -1;
	}
	w->poll->data = w;
	uv_poll_start(w->poll, UV_READABLE, on_events);
	uv_unref((uv_handle_t *)w->poll);
	w->fabric->wire = port;
	wire_hca_rewire(w);
	return 0;
}

void wire_hca_rewire(struct wire *w)
{
	struct vport *vport;

	LIST_FOREACH(vport, &w->fabric->vports, entry)
	vib_rewire(vport_vib(vport));
}

static void on_poll_closed(uv_handle_t *poll)
{
	free(poll);
}

void wire_hca_close(struct wire *w)
{
	struct wire_port *port = w->fabric->wire;

	wire_subnet_down(w);
	uv_close((uv_handle_t *)w->poll, on_poll_closed);
	w->poll = NULL;
	w->fabric->wire = NULL;
	if (wire_port_users(port) == 0)
		wire_port_close(port);
	else
		wire_hca_rewire(w); /* and on_left() closes it */
}

void wire_hca_lose(struct wire *w)
{
	struct fabric *f = w->fabric;

	w->gone = false;
	log_warn("fabric %s: HCA %s is gone; it is down until that is back", f->name,
		 f->device);
	fabric_set_up(f, false);
	wire_hca_close(w);
	wire_look_lost(w);
}
