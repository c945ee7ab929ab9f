// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/subnet_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/compiler.h>

#include "control/fabric.h"
#include "control/vib_attributes.h"
#include "gsi/mcm_record.h"
#include "log.h"
#include "wire/umad.h"

_Static_assert(GSI_WIRE_PKEYS == UMAD_PKEYS, "one table of P_Keys");

struct subnet_wire {
	struct fabric *fabric;
	struct gsi *gsi;
	uv_loop_t *loop;
	void (*taken)(void *arg);
	void *arg;
	bool up;
	struct subnet_port port;  /* while it is up */
	struct umad_agent *agent; /* the same; NULL: it cannot be opened */
	bool lost;                /* its device went */
	uint32_t said;            /* mask of 1 << enum gsi_drop, of what comes in */
};

/* ---- what the agent calls ---------------------------------------------------- */

static void received(void *arg, const struct mad_packet *packet)
{
	struct subnet_wire *wire = arg;

	gsi_from_wire(wire->gsi, packet);
	wire->taken(wire->arg);
}

static void sa_received(void *arg, const uint8_t *mad, size_t length)
{
	struct subnet_wire *wire = arg;

	gsi_from_sa(wire->gsi, mad, length);
	wire->taken(wire->arg);
}

static void unsent(void *arg, void *owner, unsigned int count)
{
	struct vib *vib = owner;

	(void)arg;
	while (count--)
		gsi_wire_lost(vib->vport.gsi, GSI_DROP_UNREACHABLE);
}

static void tell_gsi(struct subnet_wire *wire);

/* Whoever has the port open sees that too, and says so by subnet_wire_down(). */
static void gone(void *arg)
{
	struct subnet_wire *wire = arg;

	wire->lost = true;
	tell_gsi(wire);
}

static void claimed(void *arg)
{
	tell_gsi(arg);
}

static int gid_index(void *arg, const struct vib_gid *gid)
{
	struct subnet_wire *wire = arg;

	return wire->port.gid_index(wire->port.arg, gid);
}

static bool gid_at(void *arg, unsigned int index, struct vib_gid *gid)
{
	struct subnet_wire *wire = arg;

	return wire->port.gid_at(wire->port.arg, index, gid);
}

static const struct umad_events events = {
	.received = received,
	.sa_received = sa_received,
	.unsent = unsent,
	.claimed = claimed,
	.gone = gone,
	.gid_index = gid_index,
	.gid_at = gid_at,
};

/* ---- what the GSI calls -------------------------------------------------------- */

enum gsi_drop subnet_wire_send(struct subnet_wire *wire, struct vib *vib,
			       const struct mad_packet *packet)
{
	struct vport *vport = &vib->vport;

	if (!wire->agent)
		return GSI_DROP_NO_WIRE;
	if (!vport->umad)
		vport->umad = umad_sender_new(wire->agent, vib);
	if (!vport->umad)
		return GSI_DROP_NO_MEMORY;
	if (umad_sender_send(vport->umad, packet) == 0)
		return 0;
	return errno == ENOENT ? GSI_DROP_NO_WIRE : GSI_DROP_NO_MEMORY;
}

bool subnet_wire_ask(struct subnet_wire *wire, const uint8_t mad[VIB_MAD_BYTES])
{
	return wire->agent && umad_agent_ask(wire->agent, mad) == 0;
}

void subnet_wire_addressed(struct subnet_wire *wire, struct vib *vib,
			   enum gsi_addressed how)
{
	if (wire->up && wire->port.addressed)
		wire->port.addressed(wire->port.arg, &vib->vport, how);
}

/* The network needs no more than that this host receives: who only sends joins nothing.
 */
bool subnet_wire_join(struct subnet_wire *wire, const struct vib_gid *mgid,
		      uint8_t join_state)
{
	return !wire->up ||
	       wire->port.join(wire->port.arg, mgid, join_state & MCM_RECEIVES);
}

void subnet_wire_room(struct subnet_wire *wire)
{
	gsi_wire_room(wire->gsi);
}

void subnet_wire_dropped(struct subnet_wire *wire, enum gsi_drop why)
{
	if (wire->said & 1u << why)
		return;
	wire->said |= 1u << why;
	log_warn("fabric %s: a MAD from the wire goes no further: %s; no more is said of "
		 "such",
		 wire->fabric->name, gsi_drop_text(why));
}

/* ---- the wire -------------------------------------------------------------------- */

/* Ends of memberships by it are for who was a member to hear of, as of his own port's. */
static void tell_gsi(struct subnet_wire *wire)
{
	unsigned int before = gsi_memberships(wire->gsi);
	struct gsi_wire attr = {
		.infiniband = wire->port.infiniband,
		.lid = wire->port.lid,
		.sm_lid = wire->port.sm_lid,
		.gid = wire->port.gid,
		.guids = wire->port.gids,
		.addressing = wire->port.addressing,
		.cm = subnet_wire_has_cm(wire),
		.mtu = wire->port.active_mtu,
		.active_width = wire->port.active_width,
		.active_speed = wire->port.active_speed,
	};
	struct vport *vport;

	memcpy(attr.pkeys, wire->port.pkeys, sizeof(attr.pkeys));
	gsi_set_wire(wire->gsi, wire->up ? &attr : NULL);
	if (gsi_memberships(wire->gsi) == before)
		return;
	LIST_FOREACH(vport, &wire->fabric->vports, entry)
	vib_unregistered(caa_container_of(vport, struct vib, vport));
}

static void stop_agent(struct subnet_wire *wire)
{
	struct vport *vport;

	LIST_FOREACH(vport, &wire->fabric->vports, entry)
	subnet_wire_forget(wire, caa_container_of(vport, struct vib, vport));
	umad_agent_stop(wire->agent);
	wire->agent = NULL;
}

static void set_pkeys(struct subnet_wire *wire)
{
	if (wire->agent)
		umad_agent_set_pkeys(wire->agent, wire->port.pkeys);
}

static struct umad_subnet subnet_of(const struct subnet_port *port)
{
	return (struct umad_subnet){
		.infiniband = port->infiniband,
		.sm_lid = port->sm_lid,
		.sm_sl = port->sm_sl,
	};
}

static void start_agent(struct subnet_wire *wire)
{
	const struct subnet_port *port = &wire->port;
	const struct umad_subnet subnet = subnet_of(port);

	wire->lost = false;
	wire->agent = umad_agent_start(wire->loop, wire->fabric->name, port->device,
				       port->port, &subnet, &events, wire);
	if (!wire->agent)
		log_err("fabric %s: cannot open port %u of %s for MADs: %s; guests "
			"connect to nobody beyond this host",
			wire->fabric->name, port->port, port->device,
			errno == EOPNOTSUPP ? "ib_umad is not loaded" : strerror(errno));
}

void subnet_wire_up(struct subnet_wire *wire, const struct subnet_port *port)
{
	const struct umad_subnet subnet = subnet_of(port);
	bool same = wire->up && wire->agent && !wire->lost &&
		    wire->port.port == port->port &&
		    strcmp(wire->port.device, port->device) == 0;

	if (!same)
		stop_agent(wire);
	wire->port = *port;
	wire->up = true;
	if (!same)
		start_agent(wire);
	else
		umad_agent_set_subnet(wire->agent, &subnet);
	set_pkeys(wire);
	tell_gsi(wire);
	wire->taken(wire->arg);
}

void subnet_wire_reregister(struct subnet_wire *wire)
{
	gsi_reregister(wire->gsi);
	wire->taken(wire->arg);
}

void subnet_wire_down(struct subnet_wire *wire)
{
	if (!wire->up)
		return;
	stop_agent(wire);
	wire->port.addressed = NULL;
	gsi_set_wire(wire->gsi, NULL); /* leaves its groups, while it can be told so */
	wire->up = false;
	wire->said = 0;
}

int subnet_wire_reclaim(struct subnet_wire *wire)
{
	if (wire->up && (!wire->agent || wire->lost)) {
		stop_agent(wire);
		start_agent(wire);
		set_pkeys(wire);
	}
	if (!wire->agent) {
		errno = ENODEV;
		return -1;
	}
	if (umad_reclaim(wire->agent) < 0)
		return -1;
	tell_gsi(wire);
	return 0;
}

bool subnet_wire_has_cm(const struct subnet_wire *wire)
{
	return wire->agent && umad_agent_has_cm(wire->agent);
}

const struct gsi_wire_stats *subnet_wire_stats(const struct subnet_wire *wire)
{
	return gsi_wire_stats(wire->gsi);
}

void subnet_wire_forget(struct subnet_wire *wire, struct vib *vib)
{
	(void)wire;
	umad_sender_free(vib->vport.umad);
	vib->vport.umad = NULL;
}

struct subnet_wire *subnet_wire_new(struct fabric *fabric, struct gsi *gsi,
				    uv_loop_t *loop, void (*taken)(void *arg), void *arg)
{
	struct subnet_wire *wire = calloc(1, sizeof(*wire));

	if (!wire)
		return NULL;
	wire->fabric = fabric;
	wire->gsi = gsi;
	wire->loop = loop;
	wire->taken = taken;
	wire->arg = arg;
	return wire;
}

void subnet_wire_free(struct subnet_wire *wire)
{
	if (!wire)
		return;
	subnet_wire_down(wire);
	free(wire);
}
