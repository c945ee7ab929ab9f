// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/mad.h"

#include <string.h>

#include "engine/clock.h"
#include "engine/cq.h"
#include "engine/datagram_put.h"
#include "engine/engine.h"
#include "engine/grh.h"
#include "engine/poller.h"
#include "engine/qp.h"
#include "engine/send.h"
#include "engine/sg.h"
#include "engine/vhca.h"

/* ---- sending: the vHCA's poller ---------------------------------------- */

/* The Q_Key of the request. IBTA vol. 1 §10.2.5: its high bit asks for the QP's own. */
static uint32_t qkey_of(const struct qp *qp)
{
	uint32_t qkey = qp->sending.wqe.u.ud.qkey;

	return qkey & QKEY_CONTROLLED ? qp->attr.qkey : qkey;
}

/* SMI to SMI and GSI to GSI, with the Q_Key that either has. */
static enum drop check_counterpart(const struct qp *qp)
{
	if (qp->sending.wqe.u.ud.remote_qpn != qp_number(qp))
		return DROP_MAD_QPN;
	return qkey_of(qp) == (qp->type == VIB_QPT_GSI ? QKEY_GSI : 0) ? DROP_NONE
								       : DROP_MAD_QKEY;
}

/* The P_Key it is sent with: false if the port has none there. IBTA vol. 1 §10.9.2. */
static bool choose_pkey(const struct qp *qp, const struct port_view *view, uint16_t *pkey)
{
	uint16_t index = qp->sending.wqe.u.ud.pkey_index;

	*pkey = 0;
	if (qp->type == VIB_QPT_SMI)
		return true;
	if (index >= VIB_MAX_PKEYS)
		return false;
	*pkey = view->pkeys[index];
	return *pkey & 0x7fff;
}

/* What of @packet is not the guest's to say is the port's. Why it may not be sent. */
static enum drop address(const struct qp *qp, struct mad_packet *packet)
{
	const struct port_view *view = vhca_view(qp->vhca);
	const struct vib_av *av = &qp->sending.wqe.u.ud.av;
	enum drop why = check_counterpart(qp);

	memset(packet, 0, offsetof(struct mad_packet, mad));
	packet->qpn = qp_number(qp);
	packet->from_guest = true;
	packet->slid = view->lid;
	packet->dlid = av->dlid;
	packet->sl = av->sl;
	if (av->flags & VIB_AV_GRH) {
		packet->grh = true;
		packet->sgid = view->gids[av->sgid_index];
		packet->dgid = av->dgid;
		packet->flow_label = av->flow_label & 0xfffff;
		packet->traffic_class = av->traffic_class;
		packet->hop_limit = av->hop_limit;
	}
	if (why)
		return why;
	if (!choose_pkey(qp, view, &packet->pkey))
		return DROP_MAD_PKEY;
	if (packet->grh && gid_is_zero(&packet->sgid))
		return DROP_MAD_SGID;
	return view->up ? DROP_NONE : DROP_MAD_LINK_DOWN;
}

static void fill(struct mad_packet *packet, const struct sg *data)
{
	struct sg mad;

	sg_one(&mad, packet->mad, sizeof(packet->mad));
	sg_copy(&mad, data, 0, data->bytes);
	packet->length = (uint32_t)data->bytes;
	memset(packet->mad + data->bytes, 0, sizeof(packet->mad) - data->bytes);
}

/* How long a full queue is left to who takes from it. */
#define QUEUE_FULL_NS 1000000

enum send_result mad_send(struct share *share)
{
	struct mads *mads = &share->qp->vhca->mads;
	struct mad_packet *packet;
	enum drop why;
	struct sg data;

	packet = mad_queue_next(&mads->sent, MAD_QUEUE_PACKETS);
	if (!packet)
		return send_wait(share, clock_ns() + QUEUE_FULL_NS);
	if (send_resolve(share, 0, &data) < 0)
		return SEND_FAILED;
	if (data.bytes > VIB_MAD_BYTES)
		return send_fail(share, VIB_WC_LOC_LEN_ERR);
	share_spend(share, COST_DELIVERY + data.bytes);
	why = address(share->qp, packet);
	if (why) {
		share->qp->counters.mads_dropped++;
		drop_count(share->qp->vhca, why);
		return SEND_DONE;
	}
	fill(packet, &data);
	mad_queue_produce(&mads->sent);
	share->qp->counters.xmit_bytes += data.bytes;
	share->qp->counters.xmit_packets++;
	mads->waiting(mads->arg);
	return SEND_DONE;
}

/* ---- receiving: the vHCA's poller -------------------------------------- */

/*
 * The index in the port's table of the P_Key that matches that of @packet, a full
 * member's before a limited one's; -1 if there is none. QP0 has no P_Keys.
 */
static int match_pkey(const struct port_view *view, const struct mad_packet *packet)
{
	int limited = -1;

	if (packet->qpn == 0)
		return 0;
	for (int i = 0; i < VIB_MAX_PKEYS; i++) {
		if (!pkeys_match(view->pkeys[i], packet->pkey))
			continue;
		if (view->pkeys[i] & 0x8000)
			return i;
		if (limited < 0)
			limited = i;
	}
	return limited;
}

/* As UD has it in a receive. A MAD has all its bytes: IBTA vol. 1 §13.4.2. */
static void put(struct poller *poller, struct qp *qp, const struct mad_packet *packet,
		uint16_t pkey_index)
{
	const struct vib_av av = {
		.dgid = packet->dgid,
		.flow_label = packet->flow_label,
		.traffic_class = packet->traffic_class,
		.hop_limit = packet->hop_limit,
		.flags = packet->grh ? VIB_AV_GRH : 0,
	};
	const struct grh grh = grh_of(&av, &packet->sgid, VIB_MAD_BYTES, 0);
	const struct received how = {
		.opcode = VIB_OP_SEND,
		.flags = packet->grh ? VIB_CQE_GRH : 0,
		.src_qpn = packet->qpn,
		.slid = packet->slid,
		.pkey_index = pkey_index,
		.sl = packet->sl,
	};
	struct sg data;

	sg_one(&data, (uint8_t *)packet->mad, VIB_MAD_BYTES);
	(void)datagram_put(poller, qp, &grh, &data, &how);
}

/* The QP is locked. */
static void receive(struct poller *poller, struct qp *qp, const struct mad_packet *packet)
{
	const struct port_view *view = vhca_view(qp->vhca);
	int pkey_index = match_pkey(view, packet);

	if (!qp_can_receive(qp) || !view->up)
		qp->counters.rcv_discards++;
	else if (pkey_index < 0)
		qp->counters.pkey_violations++;
	else
		put(poller, qp, packet, (uint16_t)pkey_index);
}

/* Only the control thread may have the lock of such a QP, and not for long. */
static void receive_locked(struct poller *poller, const struct vhca *vhca,
			   const struct mad_packet *packet)
{
	struct qp *qp = rcu_dereference(vhca->mads.qps[packet->qpn]);

	if (!qp)
		return;
	pthread_spin_lock(&qp->lock);
	receive(poller, qp, packet);
	cq_release(poller);
	pthread_spin_unlock(&qp->lock);
}

/* One that comes while this works kicks again. */
static void on_kick(struct poller *poller, struct kick *kick)
{
	struct vhca *vhca = caa_container_of(kick, struct vhca, mads.kick);
	const struct mad_packet *packet;

	cq_release(poller); /* a kick before this one may have completed into it */
	for (unsigned int i = 0; i < MAD_QUEUE_PACKETS; i++) {
		packet = mad_queue_first(&vhca->mads.delivered);
		if (!packet)
			return;
		receive_locked(poller, vhca, packet);
		mad_queue_consume(&vhca->mads.delivered);
	}
}

/* ---- the control thread ------------------------------------------------ */

void mads_init(struct mads *mads)
{
	kick_init(&mads->kick, on_kick);
}

void mad_serve(struct vhca *vhca, void (*waiting)(void *arg), void *arg)
{
	vhca->mads.waiting = waiting;
	vhca->mads.arg = arg;
}

bool mad_is_waiting(const struct vhca *vhca)
{
	return mad_queue_first(&vhca->mads.sent);
}

bool mad_take(struct vhca *vhca, struct mad_packet *packet)
{
	const struct mad_packet *first = mad_queue_first(&vhca->mads.sent);

	if (!first)
		return false;
	*packet = *first;
	mad_queue_consume(&vhca->mads.sent);
	return true;
}

void mad_deliver(struct vhca *vhca, const struct mad_packet *packet)
{
	struct mad_packet *next = mad_queue_next(&vhca->mads.delivered,
						 packet->from_guest ? MAD_QUEUE_FOREIGN
								    : MAD_QUEUE_PACKETS);

	/* Without a QP there is no kick: the vHCA may be about to be freed. */
	if (!vhca->mads.qps[packet->qpn] || !next) {
		vhca->ended.rcv_discards++;
		return;
	}
	*next = *packet;
	mad_queue_produce(&vhca->mads.delivered);
	poller_kick(vhca->poller, &vhca->mads.kick);
}
