// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A MAD that a vport sent, or that came from the wire: whom it is for, and whether it may
 * go there.
 */
#include "gsi/cm.h"
#include "gsi/connections.h"
#include "gsi/farewells.h"
#include "gsi/filter.h"
#include "gsi/mad.h"
#include "gsi/pma.h"
#include "gsi/ports.h"
#include "gsi/remotes.h"
#include "gsi/reply.h"
#include "gsi/sa.h"
#include "gsi/smp.h"
#include "gsi/wire_cm.h"
#include "gsi/wire_farewells.h"

/* IBTA vol. 1 §13.4.2: a MAD is 256 bytes, whatever of them it uses. */
static enum gsi_drop check_form(const struct mad_packet *packet)
{
	if (packet->length != VIB_MAD_BYTES || packet->qpn > 1 ||
	    packet->mad[0] != UMAD_BASE_VERSION)
		return GSI_DROP_MALFORMED;
	return 0;
}

/* The engine fills in the source; it may have changed since. */
static enum gsi_drop check_source(const struct gsi_port *from,
				  const struct mad_packet *packet)
{
	if (packet->slid != from->attr.port.lid)
		return GSI_DROP_SOURCE;
	return packet->grh && !port_has_gid(from, &packet->sgid) ? GSI_DROP_SGID : 0;
}

/* An SMP to the LID of the subnet's manager. */
static enum gsi_drop ask_manager(struct gsi_port *from, const struct mad_packet *packet)
{
	struct mad_packet reply;

	if (!port_is_up(from))
		return GSI_DROP_LINK_DOWN;
	reply_begin(&reply, packet, from->gsi->config.sa_lid, 0);
	if (!smp_manager_answer(from->gsi, packet->mad, reply.mad))
		return GSI_DROP_SMP;
	gsi_deliver(from, &reply);
	return 0;
}

/*
 * §14.2.1: SMPs have no GRH, and are LID-routed or directed. In reach are the sender's
 * own port, by its LID or by a route of no hops, and the manager.
 */
static enum gsi_drop receive_smp(struct gsi_port *from, const struct mad_packet *packet)
{
	struct mad_packet reply;

	if (packet->grh)
		return GSI_DROP_GRH;
	if (packet->dlid == from->gsi->config.sa_lid)
		return ask_manager(from, packet);
	if (packet->dlid != from->attr.port.lid && packet->dlid != LID_PERMISSIVE)
		return GSI_DROP_SMP;
	reply_begin(&reply, packet, from->attr.port.lid, 0);
	if (!smp_answer(from, packet->mad, reply.mad))
		return GSI_DROP_SMP;
	gsi_deliver(from, &reply);
	return 0;
}

static bool is_for_sa(const struct gsi *gsi, const struct mad_packet *packet)
{
	struct vib_gid sa = sa_gid(gsi);

	return packet->grh ? gids_equal(&packet->dgid, &sa)
			   : packet->dlid == gsi->config.sa_lid;
}

static enum gsi_drop answer_pma(struct gsi_port *from, struct gsi_port *to,
				const struct mad_packet *packet)
{
	struct mad_packet reply;

	reply_begin(&reply, packet, to->attr.port.lid,
		    pkey_entry(to->attr.pkeys, packet->pkey));
	if (!pma_answer(to, from == to, packet->mad, reply.mad))
		return GSI_DROP_CLASS;
	gsi_deliver(from, &reply);
	return 0;
}

static enum gsi_drop pass_on(struct gsi_port *from, struct gsi_port *to,
			     const struct mad_packet *packet)
{
	if (!filter_passes(mad_class(packet->mad)))
		return mad_class(packet->mad) == UMAD_CLASS_SUBN_ADM ? GSI_DROP_SA_CLAIM
								     : GSI_DROP_CLASS;
	if (mad_class(packet->mad) == UMAD_CLASS_CM) {
		if (cm_is_forged(from, packet->mad))
			return GSI_DROP_CM_FORGED;
		connections_note(from, to, packet);
	}
	from->stats.passed++;
	gsi_deliver(to, packet);
	return 0;
}

/* The HopLimit of the SA's paths only asks for a GRH; nothing is to stop packets by it.
 */
#define HOP_LIMIT 255

/* By its GRH, or by the LID that stands for a GID; false: it names nothing there. */
static bool address_remote(const struct gsi_port *from, struct mad_packet *packet)
{
	const struct vib_gid *gid;

	if (!packet->grh) {
		gid = remote_gid(from->gsi, packet->dlid);
		if (!gid)
			return false;
		packet->grh = true;
		packet->sgid = from->attr.gids[0];
		packet->dgid = *gid;
	}
	if (packet->hop_limit <= 1)
		packet->hop_limit = HOP_LIMIT;
	return gid_is_remote(from->gsi, &packet->dgid);
}

/* Only communication management passes. */
static enum gsi_drop send_to_wire(struct gsi_port *from, const struct mad_packet *packet)
{
	struct gsi *gsi = from->gsi;
	struct mad_packet out = *packet;
	enum gsi_drop why;

	if (!address_remote(from, &out))
		return GSI_DROP_NO_PORT;
	if (mad_class(out.mad) != UMAD_CLASS_CM)
		return GSI_DROP_WIRE_CLASS;
	if (!gsi->wire.cm || !wire_has_pkey(gsi, out.pkey))
		return GSI_DROP_NO_WIRE;
	if (cm_is_forged(from, out.mad))
		return GSI_DROP_CM_FORGED;
	why = wire_cm_out(from, &out);
	if (!why)
		why = gsi->ops->to_wire(gsi->arg, from->owner, &out);
	if (!why)
		from->stats.passed++;
	return why;
}

/* Where @packet goes to; NULL: to no vport. A LID may stand for a GID that one has. */
static struct gsi_port *receiver(struct gsi_port *from, const struct mad_packet *packet)
{
	struct gsi *gsi = from->gsi;
	const struct vib_gid *gid;
	struct gsi_port *to;

	if (packet->grh)
		return port_by_gid(gsi, &packet->dgid);
	/* Which on InfiniBand is others' as well. */
	if (packet->dlid == from->attr.port.lid)
		return from;
	to = port_by_lid(gsi, packet->dlid);
	gid = to ? NULL : remote_gid(gsi, packet->dlid);
	return gid ? port_by_gid(gsi, gid) : to;
}

/* §9.6.1.1.3 has the receiver count it; its sender's it is. */
static enum gsi_drop other_partition(const struct gsi_port *to)
{
	to->gsi->ops->pkey_violation(to->gsi->arg, to->owner);
	return GSI_DROP_PARTITION;
}

/* §9.6.1.1.3 has the P_Key of QP1 checked against the whole table. */
static enum gsi_drop receive_gmp(struct gsi_port *from, const struct mad_packet *packet)
{
	struct gsi *gsi = from->gsi;
	struct gsi_port *to;

	if (!pkey_is_entry(from->attr.pkeys, packet->pkey))
		return GSI_DROP_PKEY;
	if (is_for_sa(gsi, packet))
		return sa_receive(from, packet);
	if (mad_class(packet->mad) == UMAD_CLASS_CM && farewell_takes(from, packet))
		return 0;
	to = receiver(from, packet);
	if (!to)
		return send_to_wire(from, packet);
	if (!port_is_up(to))
		return GSI_DROP_LINK_DOWN;
	if (pkey_accepting(to->attr.pkeys, packet->pkey) < 0)
		return other_partition(to);
	if (mad_class(packet->mad) == UMAD_CLASS_PERF_MGMT)
		return answer_pma(from, to, packet);
	return pass_on(from, to, packet);
}

static enum gsi_drop receive(struct gsi_port *from, const struct mad_packet *packet)
{
	enum gsi_drop why = check_form(packet);

	if (!why)
		why = check_source(from, packet);
	if (why)
		return why;
	/* §14.2: a port that is down can be asked what it is, by its own node. */
	if (packet->qpn == 0)
		return receive_smp(from, packet);
	return port_is_up(from) ? receive_gmp(from, packet) : GSI_DROP_LINK_DOWN;
}

void gsi_receive(struct gsi_port *from, const struct mad_packet *packet)
{
	struct gsi_port_stats *stats = &from->stats;
	uint64_t passed = stats->passed;
	enum gsi_drop why = receive(from, packet);

	stats->received++;
	if (why)
		gsi_dropped(from, why);
	else if (stats->passed == passed)
		stats->answered++;
}

/* ---- from the wire --------------------------------------------------------- */

/* Its sender is beyond the wire, and not one that says it is a vport, or the SA. */
static enum gsi_drop check_from_wire(struct gsi *gsi, const struct mad_packet *packet)
{
	if (!gsi->has_wire || !gsi->wire.cm)
		return GSI_DROP_NO_WIRE;
	if (packet->qpn != 1 || check_form(packet))
		return GSI_DROP_MALFORMED;
	if (mad_class(packet->mad) != UMAD_CLASS_CM)
		return GSI_DROP_WIRE_CLASS;
	if (!packet->grh)
		return GSI_DROP_NO_GRH;
	return gid_is_remote(gsi, &packet->sgid) ? 0 : GSI_DROP_SGID;
}

/* Whom it calls will answer, and so is told a LID for it; others find theirs if any. */
static uint16_t lid_of_sender(struct gsi_port *to, const struct mad_packet *packet)
{
	if (gsi_is_proxy(to->gsi))
		return packet->slid;
	if (wire_cm_is_call(packet->mad))
		return remote_hold(to, &packet->sgid, REMOTE_CALLED);
	return remote_lid(to->gsi, &packet->sgid);
}

static enum gsi_drop receive_from_wire(struct gsi *gsi, const struct mad_packet *packet)
{
	struct mad_packet in = *packet;
	enum gsi_drop why;
	struct gsi_port *to;
	bool by_lid;

	/* On InfiniBand it may be without; who answers it is to have one. */
	by_lid = !in.grh && gsi_is_proxy(gsi) && mad_class(in.mad) == UMAD_CLASS_CM;
	if (by_lid)
		wire_cm_address(gsi, &in);
	why = check_from_wire(gsi, &in);
	if (why)
		return why;
	to = wire_cm_receiver(gsi, &in, by_lid, &why);
	if (!to)
		return why;
	if (!port_is_up(to))
		return GSI_DROP_LINK_DOWN;
	if (pkey_accepting(to->attr.pkeys, in.pkey) < 0)
		return other_partition(to);
	in.from_guest = true;
	in.slid = lid_of_sender(to, &in);
	in.dlid = to->attr.port.lid;
	if (!in.slid && wire_cm_is_call(in.mad))
		return GSI_DROP_NO_MEMORY;
	wire_cm_in(to, &in, in.slid, by_lid);
	gsi_deliver(to, &in);
	return 0;
}

void gsi_from_wire(struct gsi *gsi, const struct mad_packet *packet)
{
	struct gsi_wire_stats *stats = &gsi->wire_stats;
	enum gsi_drop why;

	stats->received++;
	if (wire_farewell_takes(gsi, packet)) {
		stats->taken++;
		return;
	}
	why = receive_from_wire(gsi, packet);
	if (why) {
		stats->dropped[why]++;
		gsi->ops->wire_dropped(gsi->arg, why);
	} else {
		stats->delivered++;
	}
}

bool gsi_process(struct gsi_port *port, const uint8_t in[VIB_MAD_BYTES],
		 uint8_t out[VIB_MAD_BYTES])
{
	if (in[0] != UMAD_BASE_VERSION)
		return false;
	memset(out, 0, VIB_MAD_BYTES);
	if (mad_class(in) == UMAD_CLASS_PERF_MGMT)
		return pma_answer(port, true, in, out);
	return smp_answer(port, in, out);
}
