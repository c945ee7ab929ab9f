// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * UD between QPs of this host. Nobody answers: what does not arrive is dropped,
 * and the sender's request completes all the same.
 */
#include "engine/datagram_put.h"
#include "engine/engine.h"
#include "engine/grh.h"
#include "engine/qp.h"
#include "engine/send.h"
#include "engine/sg.h"
#include "engine/vhca.h"

/* IBTA vol. 1 §10.5.2.1: who a multicast datagram is for. */
#define MULTICAST_QPN 0xffffff

/* A datagram on its way. */
struct datagram {
	const struct vib_send_wqe *wqe;
	const struct port_view *from;
	struct sg data;
	struct grh grh; /* written as it is, if there is none */
	uint32_t qkey;
	bool multicast;
	bool reached; /* a port that it is for; so are those of groups */
};

/* Is it for @qp, and that there to have it? */
static bool is_for(const struct datagram *d, const struct qp *qp)
{
	const struct port_view *to = vhca_view(qp->vhca);

	return qp->type == VIB_QPT_UD && qp_can_receive(qp) && to->up &&
	       to->fabric == d->from->fabric &&
	       (d->multicast || port_view_is_at(to, &d->wqe->u.ud.av));
}

/* Does @qp take it? The keys as IBTA vol. 1 §9.6.1 orders them. */
static bool accepted(const struct share *share, const struct datagram *d, struct qp *qp)
{
	uint16_t pkey = d->from->pkeys[share->qp->attr.pkey_index];

	if (!pkeys_match(pkey, vhca_view(qp->vhca)->pkeys[qp->attr.pkey_index])) {
		qp->counters.pkey_violations++;
		drop_count(share->qp->vhca, DROP_PKEY);
		return false;
	}
	if (qp->attr.qkey != d->qkey) {
		qp->counters.qkey_violations++;
		drop_count(share->qp->vhca, DROP_QKEY);
		return false;
	}
	qp->counters.multicast_rcv_packets += d->multicast;
	return true;
}

/* Put it into a receive of @qp, which is locked, if that takes it. */
static void deliver(struct share *share, const struct datagram *d, struct qp *qp)
{
	bool with_imm = d->wqe->opcode == VIB_OP_SEND_IMM;
	const struct received how = {
		.opcode = d->wqe->opcode,
		.flags =
			(uint8_t)((with_imm ? VIB_CQE_WITH_IMM : 0) |
				  (d->wqe->u.ud.av.flags & VIB_AV_GRH ? VIB_CQE_GRH : 0)),
		.solicited = d->wqe->flags & VIB_SEND_SOLICITED,
		.imm = with_imm ? d->wqe->imm : 0,
		.src_qpn = qp_number(share->qp),
		.slid = d->from->lid,
		.pkey_index = qp->attr.pkey_index,
		.sl = d->wqe->u.ud.av.sl,
	};

	if (accepted(share, d, qp) &&
	    datagram_put(share->poller, qp, &d->grh, &d->data, &how))
		share_spend(share, COST_SGE * qp->receiving.receive.num_sge);
}

/*
 * Deliver to @qp. false if another poller has it: to try again in the next pass,
 * for it may be trying for ours.
 */
static bool deliver_to(struct share *share, struct datagram *d, struct qp *qp)
{
	if (qp != share->qp && pthread_spin_trylock(&qp->lock) != 0)
		return false;
	share_spend(share, COST_DELIVERY + d->data.bytes);
	if (is_for(d, qp)) {
		d->reached = true;
		deliver(share, d, qp);
	}
	if (qp != share->qp)
		pthread_spin_unlock(&qp->lock);
	return true;
}

/*
 * A group that needs several passes is gone on with behind as many members as
 * have it; one that leaves or joins meanwhile may cost or bring another a copy,
 * as multicast may.
 */
static enum send_result deliver_to_group(struct share *share, struct datagram *d)
{
	const struct mcast_group *group =
		mcast_find(&share->poller->engine->mcast, d->from->fabric, &d->grh.dgid);
	struct sending *s = &share->qp->sending;
	struct mcast_member *member;
	uint64_t i = 0;

	if (!group)
		return SEND_DONE;
	cds_list_for_each_entry_rcu(member, &group->members, entry)
	{
		if (i++ < s->done)
			continue;
		if (share->budget <= 0 || !deliver_to(share, d, member->qp))
			return SEND_MORE;
		s->done++;
	}
	return SEND_DONE;
}

static enum send_result discard(struct share *share)
{
	share->qp->counters.xmit_discards++;
	return SEND_DONE;
}

static enum send_result forged(struct share *share, enum drop why)
{
	drop_count(share->qp->vhca, why);
	return discard(share);
}

static enum send_result sent(struct share *share, const struct datagram *d)
{
	struct vib_rsp_counters *counters = &share->qp->counters;

	counters->xmit_bytes += d->data.bytes;
	counters->xmit_packets++;
	counters->multicast_xmit_packets += d->multicast;
	return SEND_DONE;
}

static enum send_result ud_send(struct share *share)
{
	struct qp *qp = share->qp, *to;
	const struct vib_send_wqe *wqe = &qp->sending.wqe;
	const struct vib_av *av = &wqe->u.ud.av;
	struct datagram d = { .wqe = wqe, .from = vhca_view(qp->vhca) };

	if (send_resolve(share, 0, &d.data) < 0)
		return SEND_FAILED;
	if (d.data.bytes > d.from->mtu)
		return send_fail(share, VIB_WC_LOC_LEN_ERR);
	if (!d.from->up)
		return discard(share);
	if (av->flags & VIB_AV_GRH && gid_is_zero(&d.from->gids[av->sgid_index]))
		return forged(share, DROP_SGID);

	/* IBTA vol. 1 §10.2.5: the high bit asks for the QP's own Q_Key. */
	d.qkey = wqe->u.ud.qkey & 0x80000000 ? qp->attr.qkey : wqe->u.ud.qkey;
	d.multicast = av->flags & VIB_AV_GRH && gid_is_multicast(&av->dgid);
	d.grh = grh_of(av, d.from->gids, d.data.bytes,
		       wqe->opcode == VIB_OP_SEND_IMM ? IMMDT : 0);
	d.reached = d.multicast && wqe->u.ud.remote_qpn == MULTICAST_QPN;
	if (d.reached) {
		if (deliver_to_group(share, &d) == SEND_MORE)
			return SEND_MORE;
	} else if (wqe->u.ud.remote_qpn < QPN_FIRST) {
		return forged(share, DROP_QPN);
	} else if (!d.multicast) {
		to = engine_find_qp(share->poller->engine, wqe->u.ud.remote_qpn);
		if (to && !deliver_to(share, &d, to))
			return SEND_MORE;
	}
	return d.reached ? sent(share, &d) : discard(share);
}

enum send_result datagram_send(struct share *share)
{
	const struct vib_av *av = &share->qp->sending.wqe.u.ud.av;

	if (av->flags & VIB_AV_GRH && av->sgid_index >= VIB_MAX_GIDS)
		return send_fail(share, VIB_WC_LOC_QP_OP_ERR);
	return share->qp->type == VIB_QPT_UD ? ud_send(share) : mad_send(share);
}
