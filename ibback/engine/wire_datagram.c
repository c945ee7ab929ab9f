// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * UD behind an HCA. The HCA never reaches a guest's memory for it: what is sent is
 * gathered into a slot of ours, and what is received is put into the guest's next
 * receive, so that local datagrams and the wire's have one order.
 */
#include "engine/clock.h"
#include "engine/datagram_put.h"
#include "engine/grh.h"
#include "engine/qp.h"
#include "engine/sg.h"
#include "engine/vhca.h"
#include "engine/wire_parts.h"

/* When one that waits for an address looks again by itself. */
#define LOOK_AGAIN_NS 10000000ull

/* ---- sending ----------------------------------------------------------- */

bool wire_has_room(const struct wire_qp *w)
{
	return w->next_send - w->first_send < w->max_sends;
}

static enum wire_ah_state find_ah(struct share *share, struct wire_ah_handle **handle)
{
	const struct qp *qp = share->qp;
	const struct vib_av *av = &qp->sending.wqe.u.ud.av;
	const struct port_view *view = vhca_view(qp->vhca);
	struct wire_ah_key key = { .av = *av };

	if (av->flags & VIB_AV_GRH) {
		key.from = view->gids[av->sgid_index];
	} else {
		memset(&key.av.dgid, 0, sizeof(key.av.dgid));
		/* There are no LIDs on Ethernet: the vport itself sends by GID. */
		if (qp->vhca->wire->ethernet)
			key.from = view->gids[0];
	}
	key.av.sgid_index = 0;
	return wire_ah_find(qp->vhca->wire, &key, clock_ns(), qp_number(qp), handle);
}

enum send_result wire_datagram_send(struct share *share, const struct sg *data,
				    uint32_t qkey)
{
	struct qp *qp = share->qp;
	struct wire_qp *w = qp->wire;
	const struct vib_send_wqe *wqe = &qp->sending.wqe;
	bool wanted = qp->signal_all || wqe->flags & VIB_SEND_SIGNALED;
	struct wire_request request = { .wqe = wqe, .qkey = qkey };
	struct wire_ah_handle *handle;
	uint32_t place;

	switch (find_ah(share, &handle)) {
	case WIRE_AH_READY:
		break;
	case WIRE_AH_ASKED:
		return send_wait(share, clock_ns() + LOOK_AGAIN_NS);
	default:
		qp->counters.xmit_discards++;
		return SEND_DONE;
	}
	request.ah = handle->ah;
	place = wire_note_send(qp, data->bytes, wanted);
	w->sends[place & (w->max_sends - 1)].handle = handle;
	sg_gather(wire_send_slot(w, place), data, 0, data->bytes);
	request.slot_bytes = (uint32_t)data->bytes;
	share_spend(share, data->bytes);
	qp->counters.xmit_bytes += data->bytes;
	qp->counters.xmit_packets++;
	return wire_post_send(share, &request, place, wanted);
}

void wire_complete_later(struct qp *qp)
{
	const struct vib_send_wqe *wqe = &qp->sending.wqe;
	bool wanted = qp->signal_all || wqe->flags & VIB_SEND_SIGNALED;
	uint32_t place = wire_note_send(qp, 0, wanted);

	qp->wire->sends[place & (qp->wire->max_sends - 1)].done = true;
	qp->sending.active = false;
}

/* ---- receiving --------------------------------------------------------- */

static bool is_own_gid(const struct port_view *view, const struct vib_gid *gid)
{
	const struct vib_av av = { .flags = VIB_AV_GRH, .dgid = *gid };

	return port_view_is_at(view, &av);
}

/*
 * As if sent by a QP of this host: it has come by memory already, or somebody on the wire
 * pretends to be that QP.
 */
static bool is_of_this_host(const struct qp *qp, const struct grh *grh, uint32_t src_qpn)
{
	const struct qp *from = vhca_find_qp(qp->vhca, src_qpn);

	return from && is_own_gid(vhca_view(from->vhca), &grh->sgid);
}

/* Is what came with @grh, which anybody may have sent, for @qp? */
static bool is_for(const struct qp *qp, const struct wire_completion *c,
		   const struct grh *grh)
{
	const struct port_view *view = vhca_view(qp->vhca);

	if (!view->up || !qp->wire->active)
		return false;
	if (!(c->flags & VIB_CQE_GRH))
		return !qp->vhca->wire->ethernet;
	if (be32toh(grh->version_tclass_flow) >> 28 != GRH_VERSION)
		return false;
	return !is_of_this_host(qp, grh, c->src_qpn) &&
	       (gid_is_multicast(&grh->dgid) || is_own_gid(view, &grh->dgid));
}

static void deliver(struct poller *poller, struct qp *qp, const struct wire_completion *c,
		    uint8_t *slot)
{
	const struct received how = {
		.opcode = c->opcode,
		.flags = c->flags,
		.solicited = true, /* as in wire.c */
		.imm = c->imm,
		.src_qpn = c->src_qpn,
		.slid = c->slid,
		.pkey_index = qp->attr.pkey_index,
		.sl = c->sl,
	};
	struct grh grh = { 0 };
	struct sg data;

	if (c->byte_len < sizeof(grh) || c->byte_len > qp->wire->receive_slot_bytes)
		return;
	if (c->flags & VIB_CQE_GRH)
		memcpy(&grh, slot, sizeof(grh));
	if (!is_for(qp, c, &grh)) {
		qp->counters.rcv_discards++;
		return;
	}
	qp->counters.multicast_rcv_packets += gid_is_multicast(&grh.dgid);
	sg_one(&data, slot + sizeof(grh), c->byte_len - sizeof(grh));
	datagram_put(poller, qp, &grh, &data, &how);
}

void wire_on_datagram(struct poller *poller, struct qp *qp,
		      const struct wire_completion *c)
{
	struct wire_qp *w = qp->wire;
	uint32_t place = (uint32_t)c->id;

	if (place != w->first_receive || w->first_receive == w->next_receive)
		return;
	w->first_receive++;
	if (!c->status && qp_can_receive(qp))
		deliver(poller, qp, c, wire_receive_slot(w, place));
}

bool wire_post_slots(struct qp *qp)
{
	struct wire_qp *w = qp->wire;
	bool any = false;

	while (w->next_receive - w->first_receive < w->max_receives &&
	       w->ops->receive_slot(w, wire_receive_id(w, w->next_receive)) == 0) {
		w->next_receive++;
		any = true;
	}
	return any;
}
