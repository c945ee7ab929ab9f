// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/farewells.h"

#include <stdlib.h>

#include <urcu/compiler.h>

#include "gsi/cm.h"
#include "gsi/cm_fields.h"
#include "gsi/ports.h"
#include "gsi/reply.h"

/*
 * After 1, 2, 4 and 8 seconds it is said again, and after 16 more forgotten: ULPs may
 * take their time for an answer.
 */
#define FIRST_WAIT_NS 1000000000ull
#define TRIES         5

/* Of many, one after the other: a vport's queue has not much room for what others send.
 */
#define APART_NS      500000ull

/* GRHs of one subnet pass no router. */
#define HOP_LIMIT     1

struct farewell {
	RB_ENTRY(farewell) by_id; /* @id */
	TAILQ_ENTRY(farewell) of_port;
	struct timer timer;
	struct gsi_port *port; /* to whom it is said */
	uint32_t id, qpn;      /* that one's */
	uint32_t gone_id;
	uint64_t tid;
	bool grh;
	uint16_t slid, pkey;
	struct vib_gid sgid;
	unsigned int tries;
	bool answered;
};

static int compare_ids(const struct farewell *a, const struct farewell *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_PROTOTYPE(farewell_tree, farewell, by_id, compare_ids)
RB_GENERATE(farewell_tree, farewell, by_id, compare_ids)

static struct farewell *find(struct gsi_port *port, uint32_t id)
{
	struct farewell key = { .id = id };

	return RB_FIND(farewell_tree, &port->farewells_by_id, &key);
}

static void forget(struct farewell *f)
{
	struct gsi_port *port = f->port;

	timer_cancel(&port->gsi->timers, &f->timer);
	RB_REMOVE(farewell_tree, &port->farewells_by_id, f);
	TAILQ_REMOVE(&port->farewells, f, of_port);
	port->num_farewells--;
	free(f);
}

void farewell_forget(struct gsi_port *port, uint32_t id)
{
	struct farewell *f = find(port, id);

	if (f)
		forget(f);
}

void farewells_purge(struct gsi_port *port)
{
	while (!TAILQ_EMPTY(&port->farewells))
		forget(TAILQ_FIRST(&port->farewells));
}

/* ---- saying it ------------------------------------------------------------- */

/* A link that is down, or a P_Key that has gone, may be there the next time. */
static void deliver(const struct farewell *f)
{
	struct gsi_port *port = f->port;
	struct mad_packet packet = {
		.qpn = 1,
		.from_guest = true,
		.slid = f->slid,
		.dlid = port->attr.port.lid,
		.pkey = f->pkey,
		.length = VIB_MAD_BYTES,
	};

	if (!port_is_up(port) || pkey_accepting(port->attr.pkeys, f->pkey) < 0)
		return;
	if (f->grh) {
		packet.grh = true;
		packet.sgid = f->sgid;
		packet.dgid = port->attr.gids[0];
		packet.hop_limit = HOP_LIMIT;
	}
	cm_put(packet.mad, UMAD_CM_ATTR_DREQ, f->tid, f->gone_id, f->id);
	put_be32(packet.mad + DREQ_REMOTE_QPN, f->qpn << 8);
	gsi_deliver(port, &packet);
}

static void say(struct timer *timer, uint64_t now)
{
	struct farewell *f = caa_container_of(timer, struct farewell, timer);

	if (f->tries == TRIES) {
		forget(f);
		return;
	}
	timer_set(&f->port->gsi->timers, timer, now + (FIRST_WAIT_NS << f->tries));
	f->tries++;
	if (!f->answered)
		deliver(f);
}

static void put_in(struct farewell *f)
{
	struct gsi_port *port = f->port;

	farewell_forget(port, f->id);
	if (port->num_farewells == MAX_FAREWELLS)
		forget(TAILQ_FIRST(&port->farewells));
	timer_set(&port->gsi->timers, &f->timer,
		  gsi_now(port->gsi) + port->num_farewells * APART_NS);
	RB_INSERT(farewell_tree, &port->farewells_by_id, f);
	TAILQ_INSERT_TAIL(&port->farewells, f, of_port);
	port->num_farewells++;
}

/* Without memory for it, it is not told. */
void farewell_say(const struct cm_end *gone, const struct cm_end *left, bool grh,
		  uint16_t pkey)
{
	const struct gsi_port_attr *attr = &gone->port->attr;
	uint16_t own = pkey_entry(attr->pkeys, pkey);
	struct farewell *f;

	if (left->port == gone->port || !own)
		return;
	f = malloc(sizeof(*f));
	if (!f)
		return;
	*f = (struct farewell){
		.timer.expired = say,
		.port = left->port,
		.id = left->id,
		.qpn = left->qpn,
		.gone_id = gone->id,
		.tid = ++gone->port->gsi->next_farewell,
		.grh = grh,
		.slid = attr->port.lid,
		.pkey = own,
		.sgid = attr->gids[0],
	};
	put_in(f);
}

/* ---- hearing of it --------------------------------------------------------- */

/* Who says it as well is answered as by the one that is gone. */
static void answer(const struct farewell *f, const struct mad_packet *packet)
{
	struct gsi_port *port = f->port;
	struct mad_packet reply;

	if (pkey_accepting(port->attr.pkeys, f->pkey) < 0)
		return;
	reply_begin(&reply, packet, f->slid, f->pkey);
	reply.from_guest = true;
	cm_put(reply.mad, UMAD_CM_ATTR_DREP, mad_tid(packet->mad), f->gone_id, f->id);
	gsi_deliver(port, &reply);
}

bool farewell_takes(struct gsi_port *port, const struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad;
	struct farewell *f;

	if (TAILQ_EMPTY(&port->farewells) || !cm_is_message(mad))
		return false;
	f = find(port, be32_at(mad + CM_LOCAL_ID));
	if (!f || f->gone_id != be32_at(mad + CM_REMOTE_ID))
		return false;
	switch (mad_attribute(mad)) {
	case UMAD_CM_ATTR_DREQ:
		answer(f, packet);
		return true;
	case UMAD_CM_ATTR_DREP:
		f->answered = true;
		return true;
	default:
		return false;
	}
}
