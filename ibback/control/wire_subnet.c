// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/wire_subnet.h"

#include <errno.h>
#include <string.h>

#include "control/subnets.h"
#include "control/wire.h"
#include "log.h"
#include "wire/groups6.h"

static int gid_index(void *arg, const struct vib_gid *gid)
{
	const struct wire *w = arg;

	return w->fabric->wire ? wire_port_gid_index(w->fabric->wire, gid) : -1;
}

static bool gid_at(void *arg, unsigned int index, struct vib_gid *gid)
{
	const struct wire *w = arg;

	return w->fabric->wire && wire_port_gid_at(w->fabric->wire, index, gid) == 0;
}

/* A guest that has too many keeps no word about another from the log. */
void wire_subnet_say_not_joined(struct wire *w)
{
	bool quota = errno == EDQUOT;
	bool *said = quota ? &w->quota_said : &w->joins_said;

	if (!*said && quota)
		log_warn(
			"fabric %s: a guest's QPs are attached to more than %d multicast "
			"groups; others do not arrive from the wire for it; no more is "
			"said of such",
			w->fabric->name, GROUPS6_QUOTA);
	else if (!*said)
		log_err("fabric %s: a multicast group does not arrive from the wire: "
			"%s; no more is said of such",
			w->fabric->name, strerror(errno));
	*said = true;
}

static bool join(void *arg, const struct vib_gid *mgid, bool receives)
{
	struct wire *w = arg;

	/* All are left with the device then. */
	if (w->stopping || groups6_hold(w->fabric->groups, mgid, receives) == 0)
		return true;
	wire_subnet_say_not_joined(w);
	return false;
}

static void addressed(void *arg, struct vport *vport, enum gsi_addressed how)
{
	struct wire *w = arg;

	wire_vports_addressed(&w->vports, vport, how);
}

/* PortInfo's numbers of 256 to 4096 bytes. */
static uint8_t mtu_number(uint32_t bytes)
{
	uint8_t number = 1;

	while (number < 5 && 256u << number <= bytes)
		number++;
	return number;
}

void wire_subnet_tell(struct wire *w)
{
	struct subnet_port port = {
		.device = w->fabric->device,
		.port = w->fabric->port,
		.active_mtu = mtu_number(w->state.mtu),
		.active_width = w->state.active_width,
		.active_speed = w->state.active_speed,
		.arg = w,
		.gid_index = gid_index,
		.gid_at = gid_at,
		.join = join,
		.infiniband = !w->state.ethernet,
		.lid = w->state.lid,
		.sm_lid = w->state.sm_lid,
		.sm_sl = w->state.sm_sl,
		.gid = w->state.gid,
		.gids = w->state.gids,
		.addressing = w->fabric->addressing,
		.addressed = addressed,
	};

	memcpy(port.pkeys, w->pkeys, sizeof(port.pkeys));
	subnet_wire_up(subnets_wire(w->fabric), &port);
	w->subnet_told = true;
}

void wire_subnet_reregister(struct wire *w)
{
	subnet_wire_reregister(subnets_wire(w->fabric));
}

void wire_subnet_down(struct wire *w)
{
	subnet_wire_down(subnets_wire(w->fabric));
	w->subnet_told = false;
}
