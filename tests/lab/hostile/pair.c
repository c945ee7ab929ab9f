// SPDX-License-Identifier: GPL-2.0-or-later
/* Two QPs that know what is to become of their requests. */

#include <linux/delay.h>
#include <linux/jiffies.h>

#include <xen/events.h>

#include "pair.h"

#define CQ_ORDER	6
#define ORDER		4
#define STRIDE		128
#define SGE		2
#define MTU_1024	3

/* Of a poller under sanitizers, with all others' work to do and an HCA in software. */
#define COMPLETION_TIME	(60 * HZ)

#define ACCESS	(VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ)

/* ---- made ---------------------------------------------------------------------- */

static bool create(struct hostile *h, struct vib_control_request *request, u32 *number)
{
	if (!command_create(h, request, number))
		return true;
	*number = VIB_NO_OBJECT;
	return false;
}

static bool make_pds(struct hostile *h, struct pair *p)
{
	struct vib_control_request request = { .operation = VIB_CMD_ALLOC_PD };

	return create(h, &request, &p->pd) && create(h, &request, &p->other_pd);
}

static bool make_cq(struct hostile *h, struct pair *p)
{
	struct vib_control_request request = { .operation = VIB_CMD_CREATE_CQ };
	struct area *area = area_new(h, vib_queue_bytes(CQ_ORDER, sizeof(struct vib_cqe)),
				     false);

	if (!area)
		return false;
	vib_queue_init(&p->cq_queue, area->va, CQ_ORDER, sizeof(struct vib_cqe));
	request.u.create_cq.order = CQ_ORDER;
	request.u.create_cq.eq = VIB_NO_OBJECT;
	request.u.create_cq.pages = area_pages(h, area);
	return create(h, &request, &p->cq);
}

static bool lend(struct hostile *h, u64 addr, struct area *area, u32 *region)
{
	struct vib_control_request request = { .operation = VIB_CMD_REG_DMA };

	if (!area)
		return false;
	request.u.reg_dma.addr = addr;
	request.u.reg_dma.pages = area_pages(h, area);
	return create(h, &request, region);
}

bool pair_lend_shown(struct hostile *h, struct pair *p)
{
	return lend(h, PAIR_SHOWN, p->shown_area, &p->shown);
}

static bool make_memory(struct hostile *h, struct pair *p)
{
	p->lent_area = area_new(h, PAIR_LENT_PAGES * PAGE_SIZE, false);
	p->shown_area = area_new(h, PAIR_SHOWN_PAGES * PAGE_SIZE, false);
	return lend(h, PAIR_LENT, p->lent_area, &p->lent) && pair_lend_shown(h, p);
}

/* Bells of one page are different, and other attacks have some. */
static u32 any_bell(struct hostile *h)
{
	return chance_below(&h->chance, VIB_DB_QUEUES);
}

static bool make_srq(struct hostile *h, struct pair *p)
{
	struct vib_control_request request = { .operation = VIB_CMD_CREATE_SRQ };
	struct area *area = area_new(h, vib_queue_bytes(ORDER, STRIDE), false);

	if (!area)
		return false;
	request.u.create_srq.pd = p->pd;
	request.u.create_srq.order = ORDER;
	request.u.create_srq.stride = STRIDE;
	request.u.create_srq.max_sge = SGE;
	request.u.create_srq.pages = area_pages(h, area);
	request.u.create_srq.doorbell = h->world.doorbell;
	request.u.create_srq.db_index = any_bell(h);
	request.u.create_srq.flags = p->flags & VIB_QPF_KERNEL ? VIB_SRQF_KERNEL : 0;
	return create(h, &request, &p->srq);
}

static bool make_qp(struct hostile *h, struct pair *p, struct pair_qp *qp)
{
	struct vib_control_request request = { .operation = VIB_CMD_CREATE_QP };
	struct vib_cmd_create_qp *create_qp = &request.u.create_qp;

	qp->sq_area = area_new(h, vib_queue_bytes(ORDER, STRIDE), false);
	qp->rq_area = area_new(h, vib_queue_bytes(ORDER, STRIDE), false);
	if (!qp->sq_area || !qp->rq_area)
		return false;
	create_qp->type = VIB_QPT_RC;
	create_qp->flags = p->flags;
	create_qp->pd = p->pd;
	create_qp->send_cq = create_qp->recv_cq = p->cq;
	create_qp->srq = p->srq;
	create_qp->doorbell = h->world.doorbell;
	create_qp->db_index = qp->bell = any_bell(h);
	create_qp->sq = (struct vib_work_queue){
		.order = ORDER, .stride = STRIDE, .max_sge = SGE,
		.pages = area_pages(h, qp->sq_area),
	};
	if (p->srq == VIB_NO_OBJECT) {
		create_qp->rq = create_qp->sq;
		create_qp->rq.pages = area_pages(h, qp->rq_area);
	}
	return create(h, &request, &qp->number);
}

static bool make(struct hostile *h, struct pair *p)
{
	return make_pds(h, p) && make_cq(h, p) && make_memory(h, p) &&
	       (!p->wired || make_srq(h, p)) && make_qp(h, p, &p->qps[PAIR_A]) &&
	       make_qp(h, p, &p->qps[PAIR_B]);
}

bool pair_make(struct hostile *h, struct pair *p, u8 flags)
{
	*p = (struct pair){
		/* There are none where the HCA would have to be asked. */
		.wired = !(h->caps & VIB_CAP_MEM_WINDOWS),
		.flags = flags,
		.pd = VIB_NO_OBJECT,
		.other_pd = VIB_NO_OBJECT,
		.cq = VIB_NO_OBJECT,
		.srq = VIB_NO_OBJECT,
		.lent = VIB_NO_OBJECT,
		.shown = VIB_NO_OBJECT,
		.qps = { { VIB_NO_OBJECT }, { VIB_NO_OBJECT } },
	};
	if (make(h, p))
		return true;
	h->lacking = true;
	pair_finish(h, p);
	return false;
}

static void finish(struct hostile *h, u16 operation, u32 number)
{
	if (number != VIB_NO_OBJECT)
		expect(h, "an object's end", 0, command_end(h, operation, number));
}

void pair_finish(struct hostile *h, struct pair *p)
{
	finish(h, VIB_CMD_DESTROY_QP, p->qps[PAIR_A].number);
	finish(h, VIB_CMD_DESTROY_QP, p->qps[PAIR_B].number);
	finish(h, VIB_CMD_DESTROY_SRQ, p->srq);
	finish(h, VIB_CMD_DEREG_DMA, p->shown);
	finish(h, VIB_CMD_DEREG_DMA, p->lent);
	finish(h, VIB_CMD_DESTROY_CQ, p->cq);
	finish(h, VIB_CMD_DEALLOC_PD, p->other_pd);
	finish(h, VIB_CMD_DEALLOC_PD, p->pd);
}

/* ---- connected ------------------------------------------------------------------- */

/* From the state before to @state. */
static struct vib_cmd_modify_qp attributes(struct hostile *h, struct pair *p,
					   enum pair_end end, u8 state)
{
	struct vib_cmd_modify_qp modify = {
		.qpn = p->qps[end].number,
		.mask = VIB_QP_STATE,
		.attr = {
			.state = state,
			.path_mtu = MTU_1024,
			.port = VIB_PORT,
			.dest_qpn = p->qps[end == PAIR_A].number,
			.access_flags = ACCESS,
			.max_rd_atomic = 1,
			.max_dest_rd_atomic = 1,
			.min_rnr_timer = 12,
			.timeout = 20,
			.retry_cnt = 7,
			.rnr_retry = 7,
			.av.dlid = h->lid,
		},
	};

	switch (state) {
	case VIB_QPS_INIT:
		modify.mask |= VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_ACCESS_FLAGS;
		break;
	case VIB_QPS_RTR:
		modify.mask |= VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN |
			       VIB_QP_RQ_PSN | VIB_QP_MAX_DEST_RD_ATOMIC |
			       VIB_QP_MIN_RNR_TIMER;
		break;
	case VIB_QPS_RTS:
		modify.mask |= VIB_QP_SQ_PSN | VIB_QP_TIMEOUT | VIB_QP_RETRY_CNT |
			       VIB_QP_RNR_RETRY | VIB_QP_MAX_QP_RD_ATOMIC;
		break;
	}
	return modify;
}

static void begin(struct pair_qp *qp)
{
	memset(qp->sq_area->va, 0, qp->sq_area->size * PAGE_SIZE);
	memset(qp->rq_area->va, 0, qp->rq_area->size * PAGE_SIZE);
	vib_queue_init(&qp->sq, qp->sq_area->va, ORDER, STRIDE);
	vib_queue_init(&qp->rq, qp->rq_area->va, ORDER, STRIDE);
}

/* Both, as neither is to talk to one that is in RESET yet. */
static int bring_both(struct hostile *h, struct pair *p, u8 state)
{
	struct vib_control_request requests[PAIR_ENDS] = { 0 };
	struct vib_control_response responses[PAIR_ENDS];
	enum pair_end end;

	for (end = PAIR_A; end < PAIR_ENDS; end++) {
		requests[end].operation = VIB_CMD_MODIFY_QP;
		requests[end].u.modify_qp = attributes(h, p, end, state);
	}
	if (!commands(h, requests, responses, PAIR_ENDS))
		return -ENODEV;
	return responses[PAIR_A].status ?: responses[PAIR_B].status;
}

bool pair_connect(struct hostile *h, struct pair *p)
{
	static const u8 states[] = { VIB_QPS_RESET, VIB_QPS_INIT, VIB_QPS_RTR,
				     VIB_QPS_RTS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		if (!expect(h, "a pair's next state", 0, bring_both(h, p, states[i])))
			return false;
		/* What was in their queues is flushed, and nobody looks there any more. */
		if (states[i] == VIB_QPS_RESET) {
			begin(&p->qps[PAIR_A]);
			begin(&p->qps[PAIR_B]);
		}
	}
	return true;
}

int pair_state(struct hostile *h, struct pair *p, enum pair_end end)
{
	struct vib_control_request request = { .operation = VIB_CMD_QUERY_QP };
	struct vib_control_response response;
	int err;

	request.u.object.number = p->qps[end].number;
	err = command(h, &request, &response);
	return err ?: response.u.qp.state;
}

/* ---- requests --------------------------------------------------------------------- */

struct vib_send_wqe *pair_put(struct pair *p, enum pair_end end, u8 opcode)
{
	struct vib_send_wqe *slot = vib_queue_next_slot(&p->qps[end].sq);

	vib_put_send(slot, opcode, VIB_SEND_SIGNALED, ++p->id, 0);
	vib_put_amount(slot, 0, 0);
	return slot;
}

void pair_put_sge(struct vib_send_wqe *slot, u64 addr, u32 length, u32 lkey)
{
	const struct vib_sge sge = { addr, length, lkey };

	vib_put_amount(slot, 1, 0);
	memcpy(vib_send_data(slot, slot->opcode, VIB_QPT_RC), &sge, sizeof(sge));
}

/* Other attacks write to the page of bells, whose poller may sleep though it says no. */
static void wake(struct hostile *h)
{
	notify_remote_via_evtchn(h->world.bell_channel);
}

static void ring(struct hostile *h, u32 bell)
{
	(void)vib_doorbell_ring(h->world.bells, bell);
	wake(h);
}

void pair_post(struct hostile *h, struct pair *p, enum pair_end end)
{
	vib_queue_produce(&p->qps[end].sq);
	ring(h, p->qps[end].bell);
}

/* Take completions up to that of the last request. false: it is not there. */
static bool take(struct pair *p, struct vib_cqe *cqe)
{
	const void *slot;

	while ((slot = vib_queue_peek(&p->cq_queue))) {
		memcpy(cqe, slot, sizeof(*cqe));
		vib_queue_consume(&p->cq_queue);
		if (cqe->wr_id == p->id && !(cqe->flags & VIB_CQE_RECV))
			return true;
	}
	return false;
}

int pair_do(struct hostile *h, struct pair *p, enum pair_end end)
{
	unsigned long last = jiffies + COMPLETION_TIME;
	struct vib_cqe cqe;

	pair_post(h, p, end);
	while (!take(p, &cqe)) {
		if (!hostile_goes_on(h))
			return -ENODEV;
		if (time_after(jiffies, last))
			return -ETIMEDOUT;
		usleep_range(200, 500);
		wake(h);
	}
	return cqe.status;
}

int pair_write(struct hostile *h, struct pair *p, u64 addr, u32 length, u32 rkey)
{
	struct vib_send_wqe *slot = pair_put(p, PAIR_A, VIB_OP_RDMA_WRITE);

	vib_put_rdma(slot, addr, rkey);
	pair_put_sge(slot, PAIR_OWN, length, VIB_LOCAL_DMA_LKEY);
	return pair_do(h, p, PAIR_A);
}

void pair_receive(struct pair *p)
{
	struct vib_queue *rq = &p->qps[PAIR_B].rq;
	const struct vib_sge sge = { PAIR_OWN + PAGE_SIZE, PAGE_SIZE, VIB_LOCAL_DMA_LKEY };

	vib_put_recv(vib_queue_next_slot(rq), 0, 1, &sge);
	vib_queue_produce(rq);
}
