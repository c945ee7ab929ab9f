// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/tids.h"

#include <stdlib.h>

#include "gsi/mad.h"
#include "gsi/ports.h"

struct wire_tid {
	RB_ENTRY(wire_tid) by_low;
	TAILQ_ENTRY(wire_tid) of_port;
	struct gsi_port *port;
	struct vib_gid peer;
	uint64_t tid; /* the guest's */
	uint32_t low; /* the lower half on the wire */
};

static int compare(const struct wire_tid *a, const struct wire_tid *b)
{
	return a->low < b->low ? -1 : a->low > b->low;
}

RB_PROTOTYPE(wire_tid_tree, wire_tid, by_low, compare)
RB_GENERATE(wire_tid_tree, wire_tid, by_low, compare)

static struct wire_tid *find_low(struct gsi *gsi, uint32_t low)
{
	struct wire_tid key = { .low = low };

	return RB_FIND(wire_tid_tree, &gsi->wire_tids, &key);
}

static struct wire_tid *find(struct gsi_port *port, const struct vib_gid *peer,
			     uint64_t tid)
{
	struct wire_tid *t;

	TAILQ_FOREACH(t, &port->tids, of_port)
	if (t->tid == tid && gids_equal(&t->peer, peer))
		return t;
	return NULL;
}

static void end(struct wire_tid *t)
{
	struct gsi_port *port = t->port;

	TAILQ_REMOVE(&port->tids, t, of_port);
	port->num_tids--;
	RB_REMOVE(wire_tid_tree, &port->gsi->wire_tids, t);
	free(t);
}

/* In the place of the one used longest ago, if it has its most. */
static struct wire_tid *begin(struct gsi_port *port, const struct vib_gid *peer,
			      uint64_t tid)
{
	struct gsi *gsi = port->gsi;
	struct wire_tid *t = malloc(sizeof(*t));

	if (!t)
		return NULL;
	if (port->num_tids == MAX_TIDS)
		end(TAILQ_FIRST(&port->tids));
	*t = (struct wire_tid){ .port = port, .peer = *peer, .tid = tid };
	do
		t->low = gsi->next_wire_tid++;
	while (RB_INSERT(wire_tid_tree, &gsi->wire_tids, t));
	TAILQ_INSERT_TAIL(&port->tids, t, of_port);
	port->num_tids++;
	return t;
}

void tid_out(struct gsi_port *port, const struct vib_gid *peer, bool make, uint8_t *mad)
{
	uint64_t tid = mad_tid(mad);
	struct wire_tid *t = find(port, peer, tid);

	if (t) {
		TAILQ_REMOVE(&port->tids, t, of_port);
		TAILQ_INSERT_TAIL(&port->tids, t, of_port);
	} else if (make) {
		t = begin(port, peer, tid);
	}
	if (t)
		put_be64(mad + MAD_AT_TID, (tid & 0xffffffff00000000) | t->low);
}

void tid_in(struct gsi_port *port, const struct vib_gid *peer, uint8_t *mad)
{
	const struct wire_tid *t = find_low(port->gsi, (uint32_t)mad_tid(mad));

	if (t && t->port == port && gids_equal(&t->peer, peer))
		put_be64(mad + MAD_AT_TID, t->tid);
}

void tids_purge(struct gsi_port *port)
{
	while (!TAILQ_EMPTY(&port->tids))
		end(TAILQ_FIRST(&port->tids));
}
