// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile frontend on the control ring and the async event queue: the input
 * is a list of writes into the shared pages, with the backend serving in
 * between. The backend may give the connection up, and nothing else.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/connection.h"
#include "control/object_command.h"
#include "control/vport.h"
#include "engine/engine.h"
#include "engine/port_view.h"
#include "engine/rcu.h"
#include "engine/vhca.h"
#include "xenport/ops.h"

static int notify(struct xenport *xp, uint32_t port)
{
	(void)xp;
	(void)port;
	return 0;
}

/* The guest has no memory or event channels to give. */
static void *map(struct xenport *xp, uint16_t domid, const uint32_t *refs, size_t count,
		 bool writable)
{
	(void)xp, (void)domid, (void)refs, (void)count, (void)writable;
	return NULL;
}

static struct xenport *open_events(struct xenport *xp)
{
	return xp;
}

static const struct xenport_ops ops = {
	.notify = notify,
	.map = map,
	.open_events = open_events,
};
static struct xenport xenport = { .ops = &ops };

static void raised(void *arg)
{
	(void)arg;
}

static struct engine *engine(void)
{
	static struct engine *e;

	if (e)
		return e;
	rcu_register_thread();
	e = engine_new(1, POLL_ALWAYS);
	if (!e || engine_add_xen(e, &xenport) < 0)
		abort();
	return e;
}

/* One write of the frontend, then a service if @serve is odd. */
struct move {
	uint8_t page; /* even: control ring, odd: async events */
	uint8_t serve;
	uint16_t offset;
	uint32_t value;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(VIB_PAGE_SIZE) uint8_t pages[2][VIB_PAGE_SIZE];
	static struct fabric fabric = { .name = "local", .up = true };
	struct vport vport = { .fabric = &fabric, .lid = 2 };
	static const struct vhca_limits limits = { .max_pd = 8, .max_pages = 8 };
	struct connection c = { .guest = { .xp = &xenport, .domid = 1 }, .port = 1 };
	struct port_view view;
	struct move move;
	const char *cause;

	memset(pages, 0, sizeof(pages));
	vport.attr.num_gids = 1;
	vport.attr.num_pkeys = 1;
	vport_view(&vport, &view);
	c.guest.vhca = vhca_new(engine(), 0, &limits, &view, raised, NULL);
	if (!c.guest.vhca)
		abort();
	c.sring = (struct vib_control_sring *)pages[0];
	c.async_page = pages[1];
	SHARED_RING_INIT(c.sring);
	BACK_RING_INIT(&c.ring, c.sring, VIB_PAGE_SIZE);
	vib_queue_init(&c.async, c.async_page, VIB_ASYNC_ORDER,
		       sizeof(struct vib_async_event));

	for (; size >= sizeof(move); data += sizeof(move), size -= sizeof(move)) {
		memcpy(&move, data, sizeof(move));
		memcpy(&pages[move.page & 1][move.offset % (VIB_PAGE_SIZE / 4) * 4],
		       &move.value, sizeof(move.value));
		if (!(move.serve & 1))
			continue;
		connection_raise(&c, VIB_ASYNC_PORT_CHANGE + (move.serve >> 1) % 4);
		if (connection_service(&c, &vport, &cause) < 0) {
			if (!cause)
				abort(); /* a refusal has a reason */
			break;
		}
	}
	object_clear(&c.guest);
	vhca_free(c.guest.vhca);
	return 0;
}
