// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands whose operands are wrong, or that come at a wrong time. */

#include <linux/delay.h>

#include "hostile.h"

/* Where regions are lent that no other attack knows of. */
#define LENT	(1ull << 58)

/* A good request that changes the world little. */
static void good_request(struct hostile *h, struct vib_control_request *request)
{
	const struct world *w = &h->world;
	const struct world_mr_state *mr = &w->mrs[chance_below(&h->chance, WORLD_MRS)];
	const struct world_cq_state *cq = &w->cqs[chance_below(&h->chance, WORLD_CQS)];
	enum world_qp qp = chance_below(&h->chance, WORLD_QPS);

	*request = (struct vib_control_request){ 0 };
	switch (chance_below(&h->chance, 16)) {
	case 0:
		request->operation = VIB_CMD_QUERY_GID + chance_below(&h->chance, 2);
		request->port = VIB_PORT;
		request->u.query_table.first = chance_below(&h->chance, 4);
		request->u.query_table.count = 1 + chance_below(&h->chance, 7);
		break;
	case 1:
		request->operation = VIB_CMD_CREATE_EQ;
		request->u.create_eq.order = 6;
		request->u.create_eq.event_channel = w->eq_channel;
		request->u.create_eq.pages = area_pages(h, w->spare);
		break;
	case 2:
	case 3:
		request->operation = VIB_CMD_REG_MR;
		request->u.reg_mr.iova = mr->iova;
		request->u.reg_mr.length = mr->length;
		request->u.reg_mr.pd = w->pds[0];
		request->u.reg_mr.access = VIB_ACCESS_REMOTE_READ;
		request->u.reg_mr.pages = area_pages(h, mr->area);
		break;
	case 4:
		request->operation = VIB_CMD_REREG_MR;
		request->u.rereg_mr.key = mr->key;
		request->u.rereg_mr.mask = 1 + chance_below(&h->chance, 7);
		request->u.rereg_mr.mr.iova = mr->iova;
		request->u.rereg_mr.mr.length = mr->length;
		request->u.rereg_mr.mr.pd = w->pds[0];
		request->u.rereg_mr.mr.access = VIB_ACCESS_LOCAL_WRITE;
		request->u.rereg_mr.mr.pages = area_pages(h, mr->area);
		break;
	case 5:
		request->operation = VIB_CMD_CREATE_CQ;
		request->u.create_cq.order = cq->queue.order;
		request->u.create_cq.eq = w->eq;
		request->u.create_cq.pages = area_pages(h, cq->area);
		break;
	case 6:
		request->operation = VIB_CMD_CREATE_SRQ;
		request->u.create_srq.pd = w->pds[0];
		request->u.create_srq.order = 4;
		request->u.create_srq.stride = 128;
		request->u.create_srq.max_sge = 4;
		request->u.create_srq.type = VIB_SRQT_XRC;
		request->u.create_srq.xrcd = w->xrcd;
		request->u.create_srq.cq = cq->number;
		request->u.create_srq.pages = area_pages(h, w->spare);
		break;
	case 7:
		request->operation = VIB_CMD_MODIFY_SRQ;
		request->u.modify_srq.srq = w->srq;
		request->u.modify_srq.limit = 3;
		break;
	case 8:
		request->operation = VIB_CMD_MODIFY_CQ;
		request->u.modify_cq.cq = cq->number;
		request->u.modify_cq.count = 8;
		request->u.modify_cq.period_us = 100;
		break;
	case 9:
		request->operation = VIB_CMD_ATTACH_MCAST + chance_below(&h->chance, 2);
		request->u.mcast.qpn = w->qps[QP_UD].number;
		request->u.mcast.mlid = 0xc001;
		memset(request->u.mcast.mgid.raw, 0xff, 2);
		break;
	case 10:
		request->operation = VIB_CMD_ALLOC_MW;
		request->u.alloc_mw.pd = w->pds[0];
		request->u.alloc_mw.type = VIB_MW_TYPE_2;
		break;
	case 11:
		request->operation = VIB_CMD_ALLOC_MR;
		request->u.alloc_mr.pd = w->pds[0];
		request->u.alloc_mr.max_pages = 1 + chance_below(&h->chance, 512);
		break;
	case 12:
		request->operation = VIB_CMD_REG_DMA;
		request->u.reg_dma.addr = LENT + chance_below(&h->chance, 256) * PAGE_SIZE;
		request->u.reg_dma.pages = area_pages(h, w->spare);
		break;
	case 13:
		request->operation = VIB_CMD_MODIFY_PORT;
		request->port = VIB_PORT;
		request->u.modify_port.cap_mask = chance32(&h->chance) & VIB_PORT_CAPS_ADDED;
		break;
	case 14: /* as of device memory */
		request->operation = VIB_CMD_REG_MR;
		request->u.reg_mr.iova = chance_below(&h->chance, PAGE_SIZE);
		request->u.reg_mr.length = mr->area->count * PAGE_SIZE - request->u.reg_mr.iova;
		request->u.reg_mr.pd = w->pds[0];
		request->u.reg_mr.access = VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_ZERO_BASED;
		request->u.reg_mr.pages = area_pages(h, mr->area);
		break;
	default:
		if (w->qps[qp].sq_area) {
			qp_request(h, qp, request);
			request->u.create_qp.db_index =
				chance_below(&h->chance, VIB_DB_QUEUES);
		}
		break;
	}
}

/* One field that is off: of 8, 16, 32 or 64 bits. */
static void mutate(struct hostile *h, struct vib_control_request *request)
{
	u32 bytes = 1u << chance_below(&h->chance, 4);
	/* Operands end long before the request does. */
	u32 at = chance_below(&h->chance, 80 / bytes) * bytes;
	u64 value = chance_odd(&h->chance);

	memcpy(request->u.raw + at, &value, bytes);
	if (chance_one_in(&h->chance, 16))
		request->port = value;
	if (chance_one_in(&h->chance, 16))
		request->operation = value;
}

void attack_operands_mutated(struct hostile *h)
{
	struct vib_control_request request;
	unsigned int n;

	for (n = 0; n < 32 && hostile_goes_on(h); n++) {
		good_request(h, &request);
		mutate(h, &request);
		if (chance_one_in(&h->chance, 4))
			mutate(h, &request);
		command_send(h, &request);
	}
}

void attack_operands_random(struct hostile *h)
{
	struct vib_control_request request;
	unsigned int n, i;
	u32 value;

	for (n = 0; n < 32 && hostile_goes_on(h); n++) {
		request = (struct vib_control_request){
			.operation = 1 + chance_below(&h->chance, VIB_CMD_MODIFY_PORT),
		};
		for (i = 0; i < sizeof(request.u.raw); i += sizeof(value)) {
			value = chance_odd(&h->chance);
			memcpy(request.u.raw + i, &value, sizeof(value));
		}
		command_send(h, &request);
	}
}

void attack_modify_random(struct hostile *h)
{
	struct vib_control_request request = { .operation = VIB_CMD_MODIFY_QP };
	unsigned int n;

	for (n = 0; n < 32 && hostile_goes_on(h); n++) {
		qp_attributes(h, chance_below(&h->chance, WORLD_QPS),
			      chance_below(&h->chance, 8), &request.u.modify_qp);
		if (chance_one_in(&h->chance, 2))
			request.u.modify_qp.mask ^= 1u << chance_below(&h->chance, 21);
		if (chance_one_in(&h->chance, 2))
			mutate(h, &request);
		request.port = 0;
		command_send(h, &request);
	}
}

/* Work for a QP, and an end of what it works with before it is done. */
void attack_destroy_in_use(struct hostile *h)
{
	static const u16 ends[] = {
		VIB_CMD_DESTROY_CQ, VIB_CMD_DEREG_MR, VIB_CMD_DESTROY_SRQ,
		VIB_CMD_DEALLOC_PD, VIB_CMD_UNMAP_DOORBELL, VIB_CMD_DESTROY_EQ,
		VIB_CMD_DEALLOC_MW, VIB_CMD_DEALLOC_XRCD, VIB_CMD_DEREG_DMA,
	};
	struct vib_control_request request = { 0 };
	struct world_qp_state *qp;
	const struct world_mr_state *mr = &h->world.mrs[MR_ALL];
	struct vib_sge sge = { .addr = mr->iova, .length = mr->length, .lkey = mr->key };
	struct vib_send_wqe *slot;
	unsigned int n;

	attack_send_flood(h);
	for (n = 0; n < 16 && hostile_goes_on(h); n++) {
		request.operation = ends[chance_below(&h->chance, ARRAY_SIZE(ends))];
		request.u.object.number = 1 + chance_below(&h->chance, 6);
		/* What a QP uses is busy, and what nobody does is made again. */
		if (request.operation != VIB_CMD_DEREG_MR)
			command_send(h, &request);
	}
	qp = qp_ready(h, QP_UC);
	if (!qp)
		return;
	for (n = 0; n < 8; n++) {
		slot = vib_queue_next_slot(&qp->sq);
		vib_put_send(slot, VIB_OP_RDMA_WRITE, 0, n, 0);
		vib_put_amount(slot, 1, 0);
		vib_put_rdma(slot, mr->iova, mr->key);
		memcpy(vib_send_data(slot, VIB_OP_RDMA_WRITE, qp->type), &sge, sizeof(sge));
		qp_publish(h, qp);
	}
	(void)command_end(h, VIB_CMD_DESTROY_QP, qp->number);
	qp->made = false;
}

/* As many of a kind as it takes until there are no more, and then some. */
void attack_hoard(struct hostile *h)
{
	static const u16 makes[] = { VIB_CMD_ALLOC_PD, VIB_CMD_ALLOC_XRCD,
				     VIB_CMD_ALLOC_MW, VIB_CMD_CREATE_QP,
				     VIB_CMD_REG_MR, VIB_CMD_CREATE_CQ,
				     VIB_CMD_ALLOC_MR, VIB_CMD_REG_DMA };
	struct vib_control_request request;
	u16 operation = makes[chance_below(&h->chance, ARRAY_SIZE(makes))];
	unsigned int n;

	for (n = 0; n < 300 && hostile_goes_on(h); n++) {
		do {
			good_request(h, &request);
			if (operation == VIB_CMD_ALLOC_PD ||
			    operation == VIB_CMD_ALLOC_XRCD)
				request.operation = operation;
		} while (request.operation != operation);
		command_send(h, &request);
	}
}
