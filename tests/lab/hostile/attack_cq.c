// SPDX-License-Identifier: GPL-2.0-or-later
/* Completion queues and what tells of them, as a consumer that lies. */

#include <linux/delay.h>

#include <xen/events.h>

#include "hostile.h"

static struct world_cq_state *any_cq(struct hostile *h)
{
	return &h->world.cqs[chance_below(&h->chance, WORLD_CQS)];
}

/* Whose completions go to @cq, more or less. */
static void complete_some(struct hostile *h)
{
	attack_send_datagrams(h);
	attack_send_flood(h);
}

void attack_cq_consumer(struct hostile *h)
{
	struct world_cq_state *cq = any_cq(h);

	vib_write32(&cq->queue.hdr->cons, chance_one_in(&h->chance, 2) ?
						  chance32(&h->chance) :
						  (u32)chance_odd(&h->chance));
	complete_some(h);
}

void attack_cq_arm(struct hostile *h)
{
	struct world_cq_state *cq;
	u32 n;

	complete_some(h);
	for (n = 0; n < 64; n++) {
		cq = any_cq(h);
		vib_write32(&cq->queue.hdr->arm, (u32)chance_odd(&h->chance));
		vib_write32(&cq->queue.hdr->notify, (u32)chance_odd(&h->chance));
		usleep_range(20, 50);
	}
}

/* Nobody takes what comes. */
void attack_cq_overrun(struct hostile *h)
{
	struct vib_control_request request;
	struct world_qp_state *qp;
	u32 n, i;

	for (i = 0; i < 3 && hostile_goes_on(h); i++)
		complete_some(h);
	/* A QP whose completions go to one that holds two. */
	qp = qp_ready(h, QP_UC);
	if (!qp)
		return;
	qp_request(h, QP_UC, &request);
	request.u.create_qp.send_cq = h->world.cqs[CQ_SMALL].number;
	request.u.create_qp.recv_cq = h->world.cqs[CQ_SMALL].number;
	request.u.create_qp.db_index = chance_below(&h->chance, VIB_DB_QUEUES);
	command_send(h, &request);
	for (n = 0; n < 8; n++)
		vib_write32(&h->world.cqs[CQ_SMALL].queue.hdr->cons,
			    (u32)chance_odd(&h->chance));
	(void)world_cq(h, CQ_SMALL);
}

/* Another queue while completions come, and times that events wait. */
void attack_cq_resize(struct hostile *h)
{
	struct world_cq_state *cq = &h->world.cqs[chance_below(&h->chance, 2)];
	struct vib_control_request resize = { .operation = VIB_CMD_RESIZE_CQ };
	struct vib_control_request modify = { .operation = VIB_CMD_MODIFY_CQ };
	u32 order = 1 + chance_below(&h->chance, 10), n;
	struct area *area = area_new(h, vib_queue_bytes(order, sizeof(struct vib_cqe)),
				     false);

	complete_some(h);
	for (n = 0; n < 4; n++) {
		modify.u.modify_cq.cq = cq->number;
		modify.u.modify_cq.count = chance_odd(&h->chance);
		modify.u.modify_cq.period_us = chance_odd(&h->chance);
		command_send(h, &modify);
	}
	if (!area)
		return;
	/* What consumer it has now is as wrong as what it had. */
	resize.u.resize_cq.cq = cq->number;
	resize.u.resize_cq.order = order;
	resize.u.resize_cq.pages = area_pages(h, area);
	command_send(h, &resize);
}

/* ---- the one that ends it ------------------------------------------------------- */

void attack_eq_consumer(struct hostile *h)
{
	struct vib_queue_header *hdr = h->world.eq_queue.hdr;
	u32 n;

	for (n = 0; n < 20 && hostile_goes_on(h); n++) {
		vib_write32(&hdr->cons, chance32(&h->chance));
		attack_cq_arm(h);
	}
}
