// SPDX-License-Identifier: GPL-2.0-or-later
/* Receive queues, shared or not. */

#include <linux/delay.h>

#include "hostile.h"

/* One of them, with a QP that sends there. */
static struct vib_queue *any_queue(struct hostile *h, struct world_qp_state **sender)
{
	static const struct {
		enum world_qp sender, receiver;
	} pairs[] = { { QP_RC_A, QP_RC_B },	{ QP_UC, QP_UC },
		      { QP_UD, QP_UD },		{ QP_RC_SRQ, WORLD_QPS },
		      { QP_XRC_INI, QP_XRC_TGT } };
	bool no_xrc = !(h->caps & VIB_CAP_XRC);
	u32 i = chance_below(&h->chance, ARRAY_SIZE(pairs) - no_xrc);

	*sender = qp_ready(h, pairs[i].sender);
	return pairs[i].receiver == WORLD_QPS	 ? &h->world.srq_queue :
	       pairs[i].receiver == QP_XRC_TGT ? &h->world.xrc_queue :
						 &h->world.qps[pairs[i].receiver].rq;
}

static void send_to_it(struct hostile *h, struct world_qp_state *qp, u32 count)
{
	const struct world_mr_state *mr = &h->world.mrs[MR_ALL];
	struct vib_av av = { .dlid = h->lid };
	struct vib_send_wqe *slot;
	struct vib_sge sge;

	while (count--) {
		slot = vib_queue_next_slot(&qp->sq);
		sge = (struct vib_sge){ mr->iova, chance_below(&h->chance, 1024), mr->key };
		vib_put_send(slot, VIB_OP_SEND, 0, count, 0);
		vib_put_amount(slot, 1, 0);
		if (qp->type == VIB_QPT_UD)
			vib_put_ud(slot, qp->number, 0x1234, &av, 0);
		if (qp->type == VIB_QPT_XRC_INI)
			vib_put_xrc(slot, h->world.xrc_srq);
		memcpy(vib_send_data(slot, VIB_OP_SEND, qp->type), &sge, sizeof(sge));
		qp_publish(h, qp);
	}
}

static void put_crafted(struct hostile *h, struct vib_queue *q)
{
	struct vib_recv_wqe *slot = vib_queue_next_slot(q);
	struct vib_sge sges[4];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sges); i++) {
		const struct world_mr_state *mr =
			&h->world.mrs[chance_below(&h->chance, WORLD_MRS)];

		sges[i] = (struct vib_sge){ mr->iova, 512, mr->key };
		if (chance_one_in(&h->chance, 4))
			sges[i].addr = chance_odd(&h->chance);
		if (chance_one_in(&h->chance, 4))
			sges[i].length = chance_odd(&h->chance);
		if (chance_one_in(&h->chance, 4))
			sges[i].lkey = chance_one_in(&h->chance, 2) ?
					       victim(h, victim_rkey) :
					       (u32)chance_odd(&h->chance);
	}
	vib_put_recv(slot, chance64(&h->chance), ARRAY_SIZE(sges), sges);
	slot->num_sge = chance_one_in(&h->chance, 4) ? (u32)chance_odd(&h->chance) :
						       chance_below(&h->chance, 5);
	vib_queue_produce(q);
}

void attack_recv_random(struct hostile *h)
{
	struct world_qp_state *sender;
	struct vib_queue *q = any_queue(h, &sender);
	u32 n;

	if (!sender)
		return;
	for (n = 0; n < 4; n++) {
		chance_fill(&h->chance, vib_queue_next_slot(q), q->stride);
		vib_queue_produce(q);
	}
	send_to_it(h, sender, 4);
	usleep_range(500, 1000);
}

void attack_recv_crafted(struct hostile *h)
{
	struct world_qp_state *sender;
	struct vib_queue *q;
	u32 n;

	for (n = 0; n < 8 && hostile_goes_on(h); n++) {
		q = any_queue(h, &sender);
		if (!sender)
			return;
		put_crafted(h, q);
		send_to_it(h, sender, 1);
		usleep_range(200, 500);
	}
}

void attack_recv_rewritten(struct hostile *h)
{
	struct world_qp_state *sender;
	struct vib_queue *q = any_queue(h, &sender);
	u32 n;

	if (!sender)
		return;
	flip_begin(h, q->hdr, vib_queue_bytes(q->order, q->stride));
	for (n = 0; n < 16; n++) {
		put_crafted(h, q);
		send_to_it(h, sender, 1);
	}
	usleep_range(2000, 3000);
}
