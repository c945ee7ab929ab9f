// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * UD between QPs of this host. Nobody answers: what does not arrive is dropped,
 * and the sender's request completes all the same.
 */
#include "engine/datagram_put.h"
#include "engine/engine.h"
#include "engine/grh.h"
#include "engine/ip.h"
#include "engine/qp.h"
#include "engine/send.h"
#include "engine/sg.h"
#include "engine/vhca.h"
#include "engine/wire.h"
#include "device_limits.h"

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
	bool checked; /* the checksums in it are ours */
};

/* A private copy of one. */
struct packet {
	uint8_t bytes[ACTIVE_MTU];
};

/* Is it for @qp, and that there to have it? */
static bool is_for(const struct datagram *d, const struct qp *qp)
{
	const struct port_view *to = vhca_view(qp->vhca);

	return qp->type == VIB_QPT_UD && qp_can_receive(qp) && to->up &&
	       to->fabric == d->from->fabric &&
	       (d->multicast || port_view_is_at(to, &d->wqe->u.ud.av));
}

/* A receiver has not the sender's key. To a group anybody's QP may be attached. */
static void wrong_key(const struct share *share, const struct datagram *d, enum drop why)
{
	if (!d->multicast)
		drop_count(share->qp->vhca, why);
}

/* Does @qp take it? The keys as IBTA vol. 1 §9.6.1 orders them. */
static bool accepted(const struct share *share, const struct datagram *d, struct qp *qp)
{
	uint16_t pkey = d->from->pkeys[share->qp->attr.pkey_index];

	if (!pkeys_match(pkey, vhca_view(qp->vhca)->pkeys[qp->attr.pkey_index])) {
		qp->counters.pkey_violations++;
		wrong_key(share, d, DROP_PKEY);
		return false;
	}
	if (qp->attr.qkey != d->qkey) {
		qp->counters.qkey_violations++;
		wrong_key(share, d, DROP_QKEY);
		return false;
	}
	qp->counters.multicast_rcv_packets += d->multicast;
	return true;
}

/* Put it into a receive of @qp, which is locked, if that takes it. */
static void deliver(struct share *share, const struct datagram *d, struct qp *qp)
{
	bool with_imm = d->wqe->opcode == VIB_OP_SEND_IMM;
	bool with_grh = d->wqe->u.ud.av.flags & VIB_AV_GRH;
	const struct received how = {
		.opcode = with_imm ? VIB_OP_SEND_IMM : VIB_OP_SEND,
		.flags = (uint8_t)((with_imm ? VIB_CQE_WITH_IMM : 0) |
				   (with_grh ? VIB_CQE_GRH : 0) |
				   (d->checked ? VIB_CQE_IP_CSUM_OK : 0)),
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

/* false: another poller has it, and may be trying for ours. Try in the next pass. */
static bool lock(const struct share *share, struct qp *qp)
{
	return qp == share->qp || pthread_spin_trylock(&qp->lock) == 0;
}

static void unlock(const struct share *share, struct qp *qp)
{
	if (qp != share->qp)
		pthread_spin_unlock(&qp->lock);
}

/* Deliver to @qp. false if it is to be tried again. */
static bool deliver_to(struct share *share, struct datagram *d, struct qp *qp)
{
	if (!lock(share, qp))
		return false;
	share_spend(share, COST_DELIVERY + d->data.bytes);
	if (is_for(d, qp)) {
		d->reached = true;
		deliver(share, d, qp);
	}
	unlock(share, qp);
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
	uint16_t pkey = d->from->pkeys[share->qp->attr.pkey_index];
	struct sending *s = &share->qp->sending;
	struct mcast_member *member;
	uint64_t i = 0;

	if (!group)
		return SEND_DONE;
	cds_list_for_each_entry_rcu(member, &group->members, entry)
	{
		if (i++ < s->done)
			continue;
		if (share->budget <= 0)
			return SEND_MORE;
		if (!mcast_reaches(member, share->qp->vhca, pkey))
			share_spend(share, COST_SGE);
		else if (!deliver_to(share, d, member->qp))
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

/* What all datagrams of a request have. */
static void address(const struct share *share, struct datagram *d)
{
	const struct qp *qp = share->qp;

	d->wqe = &qp->sending.wqe;
	d->from = vhca_view(qp->vhca);
	/* IBTA vol. 1 §10.2.5: the high bit asks for the QP's own Q_Key. */
	d->qkey = d->wqe->u.ud.qkey & QKEY_CONTROLLED ? qp->attr.qkey : d->wqe->u.ud.qkey;
	d->multicast = d->wqe->u.ud.av.flags & VIB_AV_GRH &&
		       gid_is_multicast(&d->wqe->u.ud.av.dgid);
	d->reached = false;
	d->checked = false;
}

/* What it claims that cannot be: a GID of the port, or to be of QP0 or QP1, which a
 * number of more than 24 bits becomes at an HCA.
 */
static enum drop forgery(const struct datagram *d)
{
	const struct vib_av *av = &d->wqe->u.ud.av;
	uint32_t to = d->wqe->u.ud.remote_qpn;

	if (av->flags & VIB_AV_GRH && gid_is_zero(&d->from->gids[av->sgid_index]))
		return DROP_SGID;
	return to < QPN_FIRST || to > MULTICAST_QPN ? DROP_QPN : DROP_NONE;
}

/* Its data are final. */
static void put_grh(struct datagram *d)
{
	d->grh = grh_of(&d->wqe->u.ud.av, d->from->gids, d->data.bytes,
			d->wqe->opcode == VIB_OP_SEND_IMM ? IMMDT : 0);
}

/* Its data are those of @packet, @bytes of them. false: there is no place for sums. */
static bool put_sums(struct datagram *d, struct packet *packet, uint32_t bytes)
{
	enum ip_sums sums = ip_put_sums(packet->bytes, bytes);

	sg_one(&d->data, packet->bytes, bytes);
	d->checked = sums == IP_ALL_SUMS;
	return sums != IP_MALFORMED;
}

/* Are others behind an HCA that it may be for? Of a group there always may. */
static bool is_for_wire(const struct share *share, const struct datagram *d)
{
	const struct wire_qp *w = share->qp->wire;

	return __builtin_expect(w != NULL, 0) && w->active &&
	       (d->multicast || !d->reached);
}

static enum send_result ud_send(struct share *share)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	struct packet packet;
	struct datagram d;
	enum drop why;
	struct qp *to;

	address(share, &d);
	if (send_resolve(share, 0, &d.data) < 0)
		return SEND_FAILED;
	if (d.data.bytes > d.from->mtu)
		return send_fail(share, VIB_WC_LOC_LEN_ERR);
	if (wqe->flags & VIB_SEND_IP_CSUM) {
		sg_gather(packet.bytes, &d.data, 0, d.data.bytes);
		if (!put_sums(&d, &packet, (uint32_t)d.data.bytes))
			return send_fail(share, VIB_WC_LOC_QP_OP_ERR);
	}
	if (!d.from->up)
		return discard(share);
	why = forgery(&d);
	if (why)
		return forged(share, why);

	put_grh(&d);
	d.reached = d.multicast && wqe->u.ud.remote_qpn == MULTICAST_QPN;
	if (d.reached) {
		if (deliver_to_group(share, &d) == SEND_MORE)
			return SEND_MORE;
	} else if (!d.multicast) {
		to = vhca_find_qp(share->qp->vhca, wqe->u.ud.remote_qpn);
		if (to && !deliver_to(share, &d, to))
			return SEND_MORE;
	}
	if (is_for_wire(share, &d))
		return wire_datagram_send(share, &d.data, d.qkey);
	return d.reached ? sent(share, &d) : discard(share);
}

/* ---- large sends, cut into packets --------------------------------------- */

/* One packet of @all, from @before on, to @to, which is locked. */
static void send_segment(struct share *share, struct datagram *d, const struct sg *all,
			 uint32_t before, struct qp *to)
{
	struct sending *s = &share->qp->sending;
	uint32_t header = s->wqe.inline_len, rest = (uint32_t)all->bytes - before;
	uint32_t bytes = rest < s->wqe.u.ud.mss ? rest : s->wqe.u.ud.mss;
	struct packet packet;

	memcpy(packet.bytes, s->bytes + VIB_DATA_UD, header);
	sg_gather(packet.bytes + header, all, before, bytes);
	ip_cut(packet.bytes, header, (uint32_t)s->done, before, bytes, bytes == rest);
	put_sums(d, &packet, header + bytes);
	put_grh(d);
	share_spend(share, COST_DELIVERY + d->data.bytes);
	deliver(share, d, to);
	sent(share, d);
}

/* As many as the share permits; sending.done counts them. */
static enum send_result send_segments(struct share *share, struct datagram *d,
				      const struct sg *all, struct qp *to)
{
	struct sending *s = &share->qp->sending;
	uint64_t before;

	do {
		if (share->budget <= 0)
			return SEND_MORE;
		if (!is_for(d, to)) /* or one before was too much for it */
			return discard(share);
		before = s->done * s->wqe.u.ud.mss;
		send_segment(share, d, all, (uint32_t)before, to);
		s->done++;
	} while (before + s->wqe.u.ud.mss < all->bytes);
	return SEND_DONE;
}

static enum send_result lso_send(struct share *share)
{
	const struct sending *s = &share->qp->sending;
	uint32_t header = s->wqe.inline_len, mss = s->wqe.u.ud.mss;
	enum send_result result;
	struct datagram d;
	enum drop why;
	struct sg all;
	struct qp *to;

	address(share, &d);
	if (send_resolve(share, 0, &all) < 0)
		return SEND_FAILED;
	if (mss < VIB_LSO_MIN_MSS || d.multicast ||
	    !ip_is_tcp_header(s->bytes + VIB_DATA_UD, header))
		return send_fail(share, VIB_WC_LOC_QP_OP_ERR);
	if (header + mss > d.from->mtu || all.bytes > VIB_LSO_MAX_DATA)
		return send_fail(share, VIB_WC_LOC_LEN_ERR);
	if (!d.from->up)
		return discard(share);
	why = forgery(&d);
	if (why)
		return forged(share, why);
	to = vhca_find_qp(share->qp->vhca, s->wqe.u.ud.remote_qpn);
	if (!to)
		return discard(share);
	if (!lock(share, to))
		return SEND_MORE;
	result = send_segments(share, &d, &all, to);
	unlock(share, to);
	return result;
}

enum send_result datagram_send(struct share *share)
{
	const struct vib_av *av = &share->qp->sending.wqe.u.ud.av;

	if (av->flags & VIB_AV_GRH && av->sgid_index >= VIB_MAX_GIDS)
		return send_fail(share, VIB_WC_LOC_QP_OP_ERR);
	/* Wherever it goes, its completion may have to wait its turn. */
	if (share->qp->wire && !wire_has_room(share->qp->wire))
		return SEND_MORE;
	if (share->qp->sending.wqe.opcode == VIB_OP_LSO)
		return lso_send(share);
	return share->qp->type == VIB_QPT_UD ? ud_send(share) : mad_send(share);
}
