// SPDX-License-Identifier: GPL-2.0-or-later
/* A MAD that a vport sent: whom it is for, and whether it may go there. */
#include "gsi/cm.h"
#include "gsi/filter.h"
#include "gsi/mad.h"
#include "gsi/pma.h"
#include "gsi/ports.h"
#include "gsi/reply.h"
#include "gsi/sa.h"
#include "gsi/smp.h"

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
	if (mad_class(packet->mad) == UMAD_CLASS_CM && cm_is_forged(from, packet->mad))
		return GSI_DROP_CM_FORGED;
	from->stats.passed++;
	gsi_deliver(to, packet);
	return 0;
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
	to = packet->grh ? port_by_gid(gsi, &packet->dgid)
			 : port_by_lid(gsi, packet->dlid);
	if (!to)
		return GSI_DROP_NO_PORT;
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
