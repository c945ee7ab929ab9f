// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/wire_farewells.h"

#include <stdlib.h>

#include <urcu/compiler.h>

#include "gsi/cm.h"
#include "gsi/cm_fields.h"
#include "gsi/ports.h"
#include "gsi/remotes.h"

#define LINGER_NS 30000000000ull

/* As with all that goes out: nothing is to stop packets by it. */
#define HOP_LIMIT 255

struct wire_farewell {
	RB_ENTRY(wire_farewell) by_id;
	TAILQ_ENTRY(wire_farewell) of_gsi;
	struct timer expiry;
	struct gsi *gsi;
	uint32_t id; /* of who is gone */
	struct vib_gid peer;
	uint16_t peer_lid;
};

static int compare_ids(const struct wire_farewell *a, const struct wire_farewell *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_PROTOTYPE(wire_farewell_tree, wire_farewell, by_id, compare_ids)
RB_GENERATE(wire_farewell_tree, wire_farewell, by_id, compare_ids)

static struct wire_farewell *find(struct gsi *gsi, uint32_t id)
{
	struct wire_farewell key = { .id = id };

	return RB_FIND(wire_farewell_tree, &gsi->wire_farewells_by_id, &key);
}

static void forget(struct wire_farewell *f)
{
	struct gsi *gsi = f->gsi;

	timer_cancel(&gsi->timers, &f->expiry);
	RB_REMOVE(wire_farewell_tree, &gsi->wire_farewells_by_id, f);
	TAILQ_REMOVE(&gsi->wire_farewells, f, of_gsi);
	gsi->num_wire_farewells--;
	free(f);
}

static void expired(struct timer *timer, uint64_t now)
{
	(void)now;
	forget(caa_container_of(timer, struct wire_farewell, expiry));
}

void wire_farewells_end(struct gsi *gsi)
{
	while (!TAILQ_EMPTY(&gsi->wire_farewells))
		forget(TAILQ_FIRST(&gsi->wire_farewells));
}

/* Without memory for it, an answer is a drop. */
static void await(struct gsi *gsi, const struct wire_connection *c)
{
	struct wire_farewell *f = find(gsi, c->id);

	if (f)
		forget(f);
	if (gsi->num_wire_farewells == MAX_WIRE_FAREWELLS)
		forget(TAILQ_FIRST(&gsi->wire_farewells));
	f = malloc(sizeof(*f));
	if (!f)
		return;
	*f = (struct wire_farewell){
		.expiry.expired = expired,
		.gsi = gsi,
		.id = c->id,
		.peer = c->peer,
		.peer_lid = c->peer_lid,
	};
	RB_INSERT(wire_farewell_tree, &gsi->wire_farewells_by_id, f);
	TAILQ_INSERT_TAIL(&gsi->wire_farewells, f, of_gsi);
	gsi->num_wire_farewells++;
	timer_set(&gsi->timers, &f->expiry, gsi_now(gsi) + LINGER_NS);
}

/* As all that goes out: of a port that is up, as whom it is there, and to who is there.
 */
static bool may_say(struct gsi_port *port, const struct wire_connection *c)
{
	struct gsi *gsi = port->gsi;

	return gsi->has_wire && gsi->wire.cm && port_is_up(port) &&
	       !gid_is_zero(&port->attr.gids[0]) && gid_is_remote(gsi, &c->peer) &&
	       pkey_is_entry(port->attr.pkeys, c->pkey) && wire_has_pkey(gsi, c->pkey);
}

void wire_farewell_say(struct gsi_port *port, const struct wire_connection *c)
{
	struct gsi *gsi = port->gsi;
	struct mad_packet packet = {
		.qpn = 1,
		.from_guest = true,
		.slid = port->attr.port.lid,
		.dlid = c->peer_lid,
		.pkey = c->pkey,
		.grh = true,
		.sgid = port->attr.gids[0],
		.dgid = c->peer,
		.hop_limit = HOP_LIMIT,
		.length = VIB_MAD_BYTES,
	};

	if (!may_say(port, c))
		return;
	cm_put(packet.mad, UMAD_CM_ATTR_DREQ, gsi->next_wire_tid++, c->id, c->peer_id);
	put_be32(packet.mad + DREQ_REMOTE_QPN, c->peer_qpn << 8);
	if (gsi->ops->to_wire(gsi->arg, port->owner, &packet) == 0)
		await(gsi, c);
}

static bool is_of_peer(const struct wire_farewell *f, const struct mad_packet *packet)
{
	return packet->grh ? gids_equal(&f->peer, &packet->sgid)
			   : f->peer_lid && f->peer_lid == packet->slid;
}

bool wire_farewell_takes(struct gsi *gsi, const struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad;
	const struct wire_farewell *f;

	if (TAILQ_EMPTY(&gsi->wire_farewells) || packet->qpn != 1 ||
	    packet->length != VIB_MAD_BYTES || mad[0] != UMAD_BASE_VERSION ||
	    mad_class(mad) != UMAD_CLASS_CM || !cm_is_message(mad))
		return false;
	if (mad_attribute(mad) != UMAD_CM_ATTR_DREQ &&
	    mad_attribute(mad) != UMAD_CM_ATTR_DREP)
		return false;
	f = find(gsi, be32_at(mad + CM_REMOTE_ID));
	return f && is_of_peer(f, packet);
}
