// SPDX-License-Identifier: GPL-2.0-or-later
#include "two_gsis.h"

struct vib_control_request reg_dma(struct peer *p, uint32_t count)
{
	struct vib_control_request req = reg_mr(p, 0, count);
	struct vib_pages pages = req.u.reg_mr.pages;

	memset(&req.u, 0, sizeof(req.u));
	req.operation = VIB_CMD_REG_DMA;
	req.u.reg_dma.addr = DMA_ADDR;
	req.u.reg_dma.pages = pages;
	return req;
}

static struct vib_pages one_page(struct peer *p, uint32_t page)
{
	return (struct vib_pages){ .count = 1, .root = page_of(p, page) };
}

static void modify(struct peer *p, uint8_t qp_state, uint32_t mask)
{
	struct vib_control_request req = {
		.operation = VIB_CMD_MODIFY_QP,
		.u.modify_qp = { .qpn = 1,
				 .mask = VIB_QP_STATE | mask,
				 .attr = { .state = qp_state, .qkey = QKEY_GSI } },
	};

	assert_int_equal(execute(p, req).status, 0);
}

struct its_gsi its_gsi(struct peer *p)
{
	struct vib_control_request req = { .operation = VIB_CMD_MAP_DOORBELL };
	struct vib_cmd_create_qp cmd = { .type = VIB_QPT_GSI,
					 .flags = VIB_QPF_KERNEL,
					 .srq = VIB_NO_OBJECT };
	struct its_gsi g = { .p = p };

	cmd.pd = pd_of(p);
	req.u.map_doorbell.ref = page_of(p, DOORBELL);
	req.u.map_doorbell.event_channel = 10 + p->domid;
	cmd.doorbell = number_of(execute(p, req));
	req = (struct vib_control_request){
		.operation = VIB_CMD_CREATE_CQ,
		.u.create_cq = { 5, VIB_NO_OBJECT, one_page(p, PAGE_CQ) },
	};
	cmd.send_cq = cmd.recv_cq = number_of(execute(p, req));
	cmd.sq = (struct vib_work_queue){ 4, 128, 1, one_page(p, PAGE_SQ) };
	cmd.rq = (struct vib_work_queue){ 4, 64, 1, one_page(p, PAGE_RQ) };
	req = (struct vib_control_request){ .operation = VIB_CMD_CREATE_QP };
	req.u.create_qp = cmd;
	assert_int_equal(number_of(execute(p, req)), 1);
	modify(p, VIB_QPS_INIT, VIB_QP_PKEY_INDEX | VIB_QP_QKEY);
	modify(p, VIB_QPS_RTR, 0);
	modify(p, VIB_QPS_RTS, VIB_QP_SQ_PSN);
	vib_queue_init(&g.cq, memory_of(p, PAGE_CQ), 5, sizeof(struct vib_cqe));
	vib_queue_init(&g.sq, memory_of(p, PAGE_SQ), 4, 128);
	vib_queue_init(&g.rq, memory_of(p, PAGE_RQ), 4, 64);
	req = reg_dma(p, 1);
	req.u.reg_dma.pages = one_page(p, PAGE_BUFFER);
	number_of(execute(p, req));
	return g;
}

void passes(struct world *w)
{
	for (int i = 0; i < 64; i++)
		poller_pass(&w->engine->pollers[0]);
}

/* Completions of sends have no VIB_CQE_RECV. */
static void take_sent(struct its_gsi *g)
{
	const struct vib_cqe *cqe = vib_queue_peek(&g->cq);

	assert_non_null(cqe);
	assert_false(cqe->flags & VIB_CQE_RECV);
	vib_queue_consume(&g->cq);
}

void its_gsi_send(struct its_gsi *g, const uint8_t mad[VIB_MAD_BYTES], uint16_t dlid)
{
	uint8_t *slot = vib_queue_next_slot(&g->sq);
	struct vib_send_wqe *wqe = (struct vib_send_wqe *)slot;

	assert_int_equal(vib_queue_may_produce(&g->sq), 1);
	memset(slot + 4, 0, 124);
	wqe->opcode = VIB_OP_SEND;
	wqe->flags = VIB_SEND_SIGNALED;
	wqe->num_sge = 1;
	wqe->u.ud.remote_qpn = 1;
	wqe->u.ud.qkey = QKEY_GSI;
	wqe->u.ud.av.dlid = dlid;
	*(struct vib_sge *)(slot + VIB_DATA_UD) =
		(struct vib_sge){ DMA_ADDR, VIB_MAD_BYTES, VIB_LOCAL_DMA_LKEY };
	memcpy(memory_of(g->p, PAGE_BUFFER), mad, VIB_MAD_BYTES);
	vib_queue_produce(&g->sq);
	vib_doorbell_ring(memory_of(g->p, DOORBELL), 0);
	passes(g->p->w);
	take_sent(g);
}

static uint64_t address_of(unsigned int receive)
{
	return RECEIVE_AT * (1 + receive % MAX_RECEIVES);
}

void its_gsi_post(struct its_gsi *g)
{
	uint8_t *slot = vib_queue_next_slot(&g->rq);

	assert_int_equal(vib_queue_may_produce(&g->rq), 1);
	*(struct vib_recv_wqe *)slot =
		(struct vib_recv_wqe){ .num_sge = 1, .wr_id = g->posted };
	*(struct vib_sge *)(slot + sizeof(struct vib_recv_wqe)) =
		(struct vib_sge){ DMA_ADDR + address_of(g->posted++), RECEIVE_AT,
				  VIB_LOCAL_DMA_LKEY };
	vib_queue_produce(&g->rq);
}

bool its_gsi_take(struct its_gsi *g, uint8_t mad[VIB_MAD_BYTES])
{
	const struct vib_cqe *cqe = vib_queue_peek(&g->cq);
	const uint8_t *buffer = memory_of(g->p, PAGE_BUFFER);

	if (!cqe)
		return false;
	assert_true(cqe->flags & VIB_CQE_RECV);
	assert_int_equal(cqe->status, VIB_WC_SUCCESS);
	assert_int_equal(cqe->byte_len, 40 + VIB_MAD_BYTES);
	memcpy(mad, buffer + address_of((unsigned int)cqe->wr_id) + 40, VIB_MAD_BYTES);
	vib_queue_consume(&g->cq);
	return true;
}
