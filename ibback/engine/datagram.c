// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * UD between QPs of this host. Nobody answers: what does not arrive is dropped,
 * and the sender's request completes all the same.
 */
#include <endian.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/qp.h"
#include "engine/send.h"
#include "engine/sg.h"
#include "engine/vhca.h"

/* IBTA vol. 1 §8.3: what stands before the data of a datagram. */
struct grh {
	__be32 version_tclass_flow;
	__be16 payload_length;
	uint8_t next_header;
	uint8_t hop_limit;
	struct vib_gid sgid;
	struct vib_gid dgid;
};
VIB_ASSERT_SIZE(struct grh, 40);

#define GRH_VERSION     6
#define GRH_NEXT_HEADER 0x1b /* IBA transport */
/* What counts as payload of the GRH besides the data, padded to 4: BTH, DETH and
 * the invariant CRC, and immediate data if there are.
 */
#define BTH_DETH_ICRC   (12 + 8 + 4)
#define IMMDT           4

/* IBTA vol. 1 §10.5.2.1: who a multicast datagram is for. */
#define MULTICAST_QPN   0xffffff

/* The claim of a receive that no message has. */
#define HELD            1

/* A datagram on its way. */
struct datagram {
	const struct vib_send_wqe *wqe;
	const struct port_view *from;
	struct sg data;
	struct grh grh; /* written as it is, if there is none */
	uint32_t qkey;
	bool multicast;
};

static void fill_grh(struct datagram *d)
{
	const struct vib_av *av = &d->wqe->u.ud.av;
	uint64_t padded = (d->data.bytes + 3) / 4 * 4;
	uint64_t payload =
		padded + BTH_DETH_ICRC + (d->wqe->opcode == VIB_OP_SEND_IMM ? IMMDT : 0);
	uint32_t word = GRH_VERSION << 28 | (uint32_t)av->traffic_class << 20 |
			(av->flow_label & 0xfffff);

	memset(&d->grh, 0, sizeof(d->grh));
	if (!(av->flags & VIB_AV_GRH))
		return;
	d->grh.version_tclass_flow = htobe32(word);
	d->grh.payload_length = htobe16((uint16_t)payload);
	d->grh.next_header = GRH_NEXT_HEADER;
	d->grh.hop_limit = av->hop_limit;
	d->grh.sgid = d->from->gids[av->sgid_index];
	d->grh.dgid = av->dgid;
}

/* Does the port of @qp take it? Checks as IBTA vol. 1 §9.6.1 orders them. */
static bool accepted(const struct share *share, const struct datagram *d,
		     const struct qp *qp)
{
	const struct port_view *to = vhca_view(qp->vhca);
	uint16_t pkey = d->from->pkeys[share->qp->attr.pkey_index];

	return qp->type == VIB_QPT_UD && qp_can_receive(qp) && to->up &&
	       to->fabric == d->from->fabric &&
	       (d->multicast || port_view_is_at(to, &d->wqe->u.ud.av)) &&
	       pkeys_match(pkey, to->pkeys[qp->attr.pkey_index]) &&
	       qp->attr.qkey == d->qkey;
}

/* Put it into a receive of @qp, which is locked, if that takes it. */
static void deliver(struct share *share, const struct datagram *d, struct qp *qp)
{
	bool with_imm = d->wqe->opcode == VIB_OP_SEND_IMM;
	struct received how = {
		.opcode = d->wqe->opcode,
		.flags =
			(uint8_t)((with_imm ? VIB_CQE_WITH_IMM : 0) |
				  (d->wqe->u.ud.av.flags & VIB_AV_GRH ? VIB_CQE_GRH : 0)),
		.solicited = d->wqe->flags & VIB_SEND_SOLICITED,
		.imm = with_imm ? d->wqe->imm : 0,
		.byte_len = (uint32_t)(sizeof(d->grh) + d->data.bytes),
		.src_qpn = qp_number(share->qp),
		.slid = d->from->lid,
		.pkey_index = qp->attr.pkey_index,
		.sl = d->wqe->u.ud.av.sl,
	};
	struct receiving *r = &qp->receiving;
	struct sg dst, src;

	if (!accepted(share, d, qp) || (!r->claim && !receive_take(qp, &r->receive)))
		return;
	share_spend(share, COST_SGE * r->receive.num_sge);
	if (receive_resolve(qp, &r->receive, &dst) < 0) {
		how = (struct received){ .status = VIB_WC_LOC_PROT_ERR };
		r->claim = 0;
		receive_complete(share->poller, qp, &r->receive, &how);
		qp_enter_error(qp);
		return;
	}
	/* One that is too long is dropped; the receive is there for the next. */
	r->claim = HELD;
	if (dst.bytes < how.byte_len)
		return;
	r->claim = 0;
	/* The GRH and the data are one message. */
	src = d->data;
	memmove(&src.part[1], &src.part[0], sizeof(src.part[0]) * src.count++);
	src.part[0].at = (uint8_t *)&d->grh;
	src.part[0].length = sizeof(d->grh);
	sg_copy(&dst, &src, 0, how.byte_len);
	receive_complete(share->poller, qp, &r->receive, &how);
}

/*
 * Deliver to @qp. false if another poller has it: to try again in the next pass,
 * for it may be trying for ours.
 */
static bool deliver_to(struct share *share, const struct datagram *d, struct qp *qp)
{
	if (qp != share->qp && pthread_spin_trylock(&qp->lock) != 0)
		return false;
	share_spend(share, COST_DELIVERY + d->data.bytes);
	deliver(share, d, qp);
	if (qp != share->qp)
		pthread_spin_unlock(&qp->lock);
	return true;
}

/*
 * A group that needs several passes is gone on with behind as many members as
 * have it; one that leaves or joins meanwhile may cost or bring another a copy,
 * as multicast may.
 */
static enum send_result deliver_to_group(struct share *share, const struct datagram *d)
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

enum send_result datagram_send(struct share *share)
{
	struct qp *qp = share->qp, *to;
	const struct vib_send_wqe *wqe = &qp->sending.wqe;
	const struct vib_av *av = &wqe->u.ud.av;
	struct datagram d = { .wqe = wqe, .from = vhca_view(qp->vhca) };

	if (av->flags & VIB_AV_GRH && av->sgid_index >= VIB_MAX_GIDS)
		return send_fail(share, VIB_WC_LOC_QP_OP_ERR);
	if (send_resolve(share, 0, &d.data) < 0)
		return SEND_FAILED;
	if (d.data.bytes > d.from->mtu)
		return send_fail(share, VIB_WC_LOC_LEN_ERR);
	if (!d.from->up)
		return SEND_DONE;

	/* IBTA vol. 1 §10.2.5: the high bit asks for the QP's own Q_Key. */
	d.qkey = wqe->u.ud.qkey & 0x80000000 ? qp->attr.qkey : wqe->u.ud.qkey;
	d.multicast = av->flags & VIB_AV_GRH && gid_is_multicast(&av->dgid);
	fill_grh(&d);
	if (d.multicast)
		return wqe->u.ud.remote_qpn == MULTICAST_QPN ? deliver_to_group(share, &d)
							     : SEND_DONE;
	to = engine_find_qp(share->poller->engine, wqe->u.ud.remote_qpn);
	if (to && !deliver_to(share, &d, to))
		return SEND_MORE;
	return SEND_DONE;
}
