// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/connections.h"

#include <stdlib.h>

#include "gsi/cm_fields.h"
#include "gsi/farewells.h"

enum { CALLER, CALLED, ENDS };

struct connection {
	RB_ENTRY(connection) by_id;        /* the caller's id, in its tree */
	TAILQ_ENTRY(connection) of_caller; /* in calling, or connected once answered */
	LIST_ENTRY(connection) of_called;  /* once answered */
	bool answered;
	bool grh;      /* its messages have one */
	uint16_t pkey; /* the caller's */
	/* Of who was called, id and QPN are there once answered. */
	struct cm_end ends[ENDS];
};

/* ---- the table ------------------------------------------------------------- */

static int compare_ids(const struct connection *a, const struct connection *b)
{
	uint32_t x = a->ends[CALLER].id, y = b->ends[CALLER].id;

	return x < y ? -1 : x > y;
}

RB_PROTOTYPE(connection_tree, connection, by_id, compare_ids)
RB_GENERATE(connection_tree, connection, by_id, compare_ids)

static struct connection *find_call(struct gsi_port *caller, uint32_t id)
{
	struct connection key = { .ends[CALLER].id = id };

	return RB_FIND(connection_tree, &caller->connections, &key);
}

static void forget(struct connection *c)
{
	struct gsi_port *caller = c->ends[CALLER].port;

	if (c->answered) {
		TAILQ_REMOVE(&caller->connected, c, of_caller);
		LIST_REMOVE(c, of_called);
		c->ends[CALLED].port->num_called--;
	} else {
		TAILQ_REMOVE(&caller->calling, c, of_caller);
	}
	RB_REMOVE(connection_tree, &caller->connections, c);
	caller->num_connections--;
	free(c);
}

static void make_room(struct gsi_port *caller)
{
	if (caller->num_connections < MAX_CONNECTIONS)
		return;
	forget(TAILQ_EMPTY(&caller->calling) ? TAILQ_FIRST(&caller->connected)
					     : TAILQ_FIRST(&caller->calling));
}

/* ---- messages -------------------------------------------------------------- */

/* Without memory for it nobody will be told of its end. */
static void note_call(struct gsi_port *from, struct gsi_port *to,
		      const struct mad_packet *packet)
{
	uint32_t id = be32_at(packet->mad + CM_LOCAL_ID);
	uint32_t qpn = cm_qpn_at(packet->mad + REQ_QPN);
	struct connection *c = find_call(from, id);

	/* A call that is sent again; what else it may be, its answer tells. */
	if (c && c->ends[CALLED].port == to && c->ends[CALLER].qpn == qpn)
		return;
	if (c)
		forget(c);
	make_room(from);
	c = malloc(sizeof(*c));
	if (!c)
		return;
	*c = (struct connection){
		.grh = packet->grh,
		.pkey = packet->pkey,
		.ends = { [CALLER] = { from, id, qpn }, [CALLED] = { .port = to } },
	};
	RB_INSERT(connection_tree, &from->connections, c);
	TAILQ_INSERT_TAIL(&from->calling, c, of_caller);
	from->num_connections++;
}

static void note_answer(struct gsi_port *from, struct gsi_port *to, const uint8_t *rep)
{
	struct connection *c = find_call(to, be32_at(rep + CM_REMOTE_ID));

	if (!c || c->ends[CALLED].port != from)
		return;
	c->ends[CALLED].id = be32_at(rep + CM_LOCAL_ID);
	c->ends[CALLED].qpn = cm_answering_qpn(rep);
	if (c->answered)
		return;
	c->answered = true;
	TAILQ_REMOVE(&to->calling, c, of_caller);
	TAILQ_INSERT_TAIL(&to->connected, c, of_caller);
	LIST_INSERT_HEAD(&from->called, c, of_called);
	from->num_called++;
}

/* Between @caller and @called, by their ids. Who gives up may not know the other's. */
static struct connection *find(struct gsi_port *caller, uint32_t id,
			       const struct gsi_port *called, uint32_t called_id)
{
	struct connection *c = find_call(caller, id);

	if (!c || c->ends[CALLED].port != called)
		return NULL;
	return !c->answered || !called_id || c->ends[CALLED].id == called_id ? c : NULL;
}

static void note_end(struct gsi_port *from, struct gsi_port *to, const uint8_t *mad)
{
	uint32_t local = be32_at(mad + CM_LOCAL_ID), remote = be32_at(mad + CM_REMOTE_ID);
	struct connection *c = find(from, local, to, remote);

	if (!c)
		c = find(to, remote, from, local);
	if (c)
		forget(c);
}

/*
 * A DREQ ends nothing yet: it may be lost. One that is answered by nobody is of an end
 * that needs no second one.
 */
void connections_note(struct gsi_port *from, struct gsi_port *to,
		      const struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad;

	if (!cm_is_message(mad))
		return;
	switch (mad_attribute(mad)) {
	case UMAD_CM_ATTR_REQ:
		farewell_forget(from, be32_at(mad + CM_LOCAL_ID));
		note_call(from, to, packet);
		break;
	case UMAD_CM_ATTR_REP:
		farewell_forget(from, be32_at(mad + CM_LOCAL_ID));
		note_answer(from, to, mad);
		break;
	case UMAD_CM_ATTR_DREP:
	case UMAD_CM_ATTR_REJ:
		note_end(from, to, mad);
		break;
	default:
		/* SIDR has no connections; the rest changes none. */
		break;
	}
}

/* ---- the end of a vport ---------------------------------------------------- */

static void end(struct connection *c, unsigned int gone)
{
	farewell_say(&c->ends[gone], &c->ends[!gone], c->grh, c->pkey);
	forget(c);
}

void connections_end(struct gsi_port *port)
{
	while (!TAILQ_EMPTY(&port->connected))
		end(TAILQ_FIRST(&port->connected), CALLER);
	while (!LIST_EMPTY(&port->called))
		end(LIST_FIRST(&port->called), CALLED);
	connections_purge(port);
}

void connections_purge(struct gsi_port *port)
{
	while (!RB_EMPTY(&port->connections))
		forget(RB_ROOT(&port->connections));
	while (!LIST_EMPTY(&port->called))
		forget(LIST_FIRST(&port->called));
}
