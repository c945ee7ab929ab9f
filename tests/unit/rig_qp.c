// SPDX-License-Identifier: GPL-2.0-or-later
#include "rig_qp.h"

#include <stdlib.h>

#include <xen-ib/post.h>

/* ---- making ------------------------------------------------------------ */

struct vib_cmd_create_qp qp_command(struct guest *g, const struct plan *plan,
				    const struct ccq *scq, const struct ccq *rcq)
{
	uint32_t order = plan->order ? plan->order : 4;
	uint32_t sges = plan->sges ? plan->sges : 4;
	uint32_t bytes = plan->inline_bytes ? plan->inline_bytes : 64;
	struct vib_cmd_create_qp cmd = {
		.pd = g->pd,
		.send_cq = scq->number,
		.recv_cq = rcq->number,
		.srq = plan->srq ? plan->srq->number : VIB_NO_OBJECT,
		.type = plan->type,
		.flags = plan->flags,
		.db_index = g->next_bell++,
		.doorbell = g->doorbell,
		.xrcd = plan->xrcd,
	};

	if (!plan->no_sq) {
		cmd.max_inline = bytes;
		cmd.sq.order = order;
		cmd.sq.max_sge = sges;
		cmd.sq.stride = vib_send_stride(sges, bytes, (uint8_t)plan->type) +
				plan->more_stride;
		cmd.sq.pages.count = queue_pages(order, cmd.sq.stride);
	}
	if (!plan->no_rq && !plan->srq) {
		cmd.rq.order = order;
		cmd.rq.max_sge = sges;
		cmd.rq.stride = vib_recv_stride(sges);
		cmd.rq.pages.count = queue_pages(order, cmd.rq.stride);
	}
	return cmd;
}

static struct memory work_queue_memory(const struct vib_work_queue *wq)
{
	const struct memory none = { 0 };

	return wq->pages.count ? queue_memory(wq->order, wq->stride) : none;
}

struct pqp pqp_new(struct guest *g, const struct plan *plan, struct ccq *scq,
		   struct ccq *rcq)
{
	struct vib_cmd_create_qp cmd = qp_command(g, plan, scq, rcq);
	struct memory sq = work_queue_memory(&cmd.sq), rq = work_queue_memory(&cmd.rq);
	struct pqp qp = { .guest = g, .type = plan->type, .scq = scq, .rcq = rcq };

	assert_int_equal(qp_check(g->vhca, &cmd), 0);
	assert_int_equal(qp_create(g->vhca, &cmd, &sq, &rq, &qp.qpn), 0);
	qp.bell = cmd.db_index;
	if (sq.at)
		vib_queue_init(&qp.sq, sq.at, cmd.sq.order, cmd.sq.stride);
	if (rq.at)
		vib_queue_init(&qp.rq, rq.at, cmd.rq.order, cmd.rq.stride);
	qp.attr = (struct vib_qp_attr){
		.path_mtu = 5,
		.port = VIB_PORT,
		.qkey = 0x1234,
		.access_flags = ALL_RIGHTS,
		.max_rd_atomic = 4,
		.max_dest_rd_atomic = 4,
		.min_rnr_timer = 14, /* 1.28 ms */
		.timeout = 10,       /* 4.194304 ms */
		.retry_cnt = 2,
		.rnr_retry = 7,
	};
	return qp;
}

void pqp_end(struct pqp *qp)
{
	struct memory sq, rq;

	assert_int_equal(qp_destroy(qp->guest->vhca, qp->qpn, &sq, &rq), 0);
	free(sq.at);
	free(rq.at);
}

struct qp *pqp_inner(const struct pqp *qp)
{
	struct qp *inner = engine_find_qp(qp->guest->rig->engine, qp->qpn);

	assert_non_null(inner);
	return inner;
}

/* ---- states ------------------------------------------------------------ */

void pqp_aim(struct pqp *qp, const struct pqp *peer, bool grh)
{
	qp->attr.dest_qpn = peer->qpn;
	qp->attr.av = (struct vib_av){ .dlid = peer->guest->view.lid };
	if (grh) {
		qp->attr.av.dgid = peer->guest->view.gids[0];
		qp->attr.av.dlid = 0;
		qp->attr.av.flags = VIB_AV_GRH;
	}
}

int pqp_modify(struct pqp *qp, enum vib_qp_state state, uint32_t mask)
{
	struct vib_cmd_modify_qp cmd = {
		.qpn = qp->qpn,
		.mask = mask | VIB_QP_STATE,
		.attr = qp->attr,
	};

	cmd.attr.state = (uint8_t)state;
	return qp_change(qp->guest->vhca, &cmd);
}

void pqp_bring(struct pqp *qp, enum vib_qp_state state)
{
	bool rc = qp->type == VIB_QPT_RC;
	bool ud = vib_qp_type_is_datagram((uint8_t)qp->type);
	bool sends = rc || qp->type == VIB_QPT_XRC_INI;
	bool receives = rc || qp->type == VIB_QPT_XRC_TGT;
	uint32_t init = VIB_QP_PKEY_INDEX | VIB_QP_PORT |
			(ud ? VIB_QP_QKEY : VIB_QP_ACCESS_FLAGS);
	uint32_t rtr = ud ? 0
			  : VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN |
				       VIB_QP_RQ_PSN |
				       (receives ? VIB_QP_MAX_DEST_RD_ATOMIC |
							   VIB_QP_MIN_RNR_TIMER
						 : 0);
	uint32_t rts =
		VIB_QP_SQ_PSN | (sends || receives ? VIB_QP_TIMEOUT : 0) |
		(sends ? VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY | VIB_QP_MAX_QP_RD_ATOMIC
		       : 0);

	assert_int_equal(pqp_modify(qp, VIB_QPS_INIT, init), 0);
	if (state >= VIB_QPS_RTR)
		assert_int_equal(pqp_modify(qp, VIB_QPS_RTR, rtr), 0);
	if (state >= VIB_QPS_RTS)
		assert_int_equal(pqp_modify(qp, VIB_QPS_RTS, rts), 0);
}

enum vib_qp_state pqp_state(const struct pqp *qp)
{
	struct vib_qp_attr attr;

	assert_int_equal(qp_query(qp->guest->vhca, qp->qpn, &attr), 0);
	return attr.state;
}

void pqp_reset(struct pqp *qp)
{
	assert_int_equal(pqp_modify(qp, VIB_QPS_RESET, 0), 0);
	if (qp->sq.hdr) {
		memset(qp->sq.hdr, 0, vib_queue_bytes(qp->sq.order, qp->sq.stride));
		vib_queue_init(&qp->sq, qp->sq.hdr, qp->sq.order, qp->sq.stride);
	}
	if (qp->rq.hdr) {
		memset(qp->rq.hdr, 0, vib_queue_bytes(qp->rq.order, qp->rq.stride));
		vib_queue_init(&qp->rq, qp->rq.hdr, qp->rq.order, qp->rq.stride);
	}
}

/* ---- posting ----------------------------------------------------------- */

void ring(const struct pqp *qp)
{
	vib_doorbell_ring(qp->guest->page, qp->bell);
}

static bool produce(const struct pqp *qp, struct vib_queue *q)
{
	uint32_t from = q->index;

	vib_queue_produce(q);
	if (!vib_queue_must_notify(q, from))
		return false;
	ring(qp);
	return true;
}

static void fill_operands(struct vib_send_wqe *wqe, const struct wr *wr, bool ud)
{
	switch (wr->opcode) {
	case VIB_OP_RDMA_WRITE:
	case VIB_OP_RDMA_WRITE_IMM:
	case VIB_OP_RDMA_READ:
	case VIB_OP_ATOMIC_WRITE:
		wqe->u.rdma.remote_addr = wr->addr;
		wqe->u.rdma.rkey = wr->rkey;
		break;
	case VIB_OP_CMP_SWAP:
	case VIB_OP_FETCH_ADD:
		wqe->u.atomic.remote_addr = wr->addr;
		wqe->u.atomic.rkey = wr->rkey;
		wqe->u.atomic.compare_add = wr->compare_add;
		wqe->u.atomic.swap = wr->swap;
		break;
	case VIB_OP_BIND_MW:
		wqe->u.bind.addr = wr->bind.addr;
		wqe->u.bind.length = wr->bind.length;
		wqe->u.bind.lkey = wr->bind.lkey;
		wqe->u.bind.mw = wr->bind.mw;
		wqe->u.bind.rkey = wr->bind.rkey;
		wqe->u.bind.access = wr->bind.access;
		break;
	case VIB_OP_REG_MR:
		vib_put_reg_mr(wqe, wr->reg.iova, wr->reg.length, wr->reg.list,
			       wr->reg.serial, wr->reg.key, wr->reg.access);
		break;
	default:
		if (ud) {
			wqe->u.ud.remote_qpn = wr->qpn;
			wqe->u.ud.qkey = wr->qkey;
			wqe->u.ud.av = wr->av;
			wqe->u.ud.pkey_index = wr->pkey_index;
			wqe->u.ud.mss = wr->mss;
		}
	}
}

/* What of it is there: a malformed request says more. */
static void fill_data(uint8_t *slot, uint32_t stride, uint32_t offset, const void *data,
		      uint32_t bytes)
{
	uint32_t room = offset < stride ? stride - offset : 0;

	if (bytes && room)
		memcpy(slot + offset, data, bytes < room ? bytes : room);
}

bool post_send(struct pqp *qp, const struct wr *wr)
{
	bool ud = vib_qp_type_is_datagram((uint8_t)qp->type);
	bool lso = wr->opcode == VIB_OP_LSO;
	uint32_t offset = vib_send_data_offset(wr->opcode, (uint8_t)qp->type);
	uint32_t bytes = wr->count * (uint32_t)sizeof(struct vib_sge);
	struct vib_send_wqe wqe = {
		.opcode = wr->opcode,
		.flags = wr->flags,
		.num_sge = (uint8_t)wr->count,
		.wr_id = wr->id,
		.imm = wr->imm,
		.inline_len = wr->inline_len,
	};
	uint8_t *slot = vib_queue_next_slot(&qp->sq);

	assert_int_equal(vib_queue_may_produce(&qp->sq), 1);
	fill_operands(&wqe, wr, ud);
	if (qp->type == VIB_QPT_XRC_INI)
		wqe.u.xrc.srqn = wr->srqn;
	memcpy(slot + 4, (uint8_t *)&wqe + 4, sizeof(wqe) - 4);
	if (wr->data)
		fill_data(slot, qp->sq.stride, offset, wr->data, wr->inline_len);
	if (lso)
		offset += vib_lso_header_room(wr->inline_len);
	if (!wr->data || lso)
		fill_data(slot, qp->sq.stride, offset, wr->sge, bytes);
	return produce(qp, &qp->sq);
}

static void fill_recv(struct vib_queue *q, uint64_t id, const struct vib_sge *sges,
		      uint32_t count)
{
	uint8_t *slot = vib_queue_next_slot(q);
	struct vib_recv_wqe wqe = { .num_sge = count, .wr_id = id };
	uint32_t bytes = count * (uint32_t)sizeof(*sges);

	assert_int_equal(vib_queue_may_produce(q), 1);
	memcpy(slot + 4, (uint8_t *)&wqe + 4, sizeof(wqe) - 4);
	if (bytes && bytes <= q->stride - sizeof(wqe))
		memcpy(slot + sizeof(wqe), sges, bytes);
}

bool post_recv(struct pqp *qp, uint64_t id, const struct vib_sge *sges, uint32_t count)
{
	fill_recv(&qp->rq, id, sges, count);
	return produce(qp, &qp->rq);
}

void psrq_post(struct psrq *srq, uint64_t id, const struct vib_sge *sges, uint32_t count)
{
	fill_recv(&srq->queue, id, sges, count);
	vib_queue_produce(&srq->queue);
}

/* ---- two guests -------------------------------------------------------- */

void duo_aim(struct duo *d)
{
	pqp_aim(&d->a, &d->b, true);
	pqp_aim(&d->b, &d->a, true);
}

struct duo *duo_apart(enum vib_qp_type type)
{
	struct duo *d = calloc(1, sizeof(*d));
	const struct plan plan = { .type = type };

	assert_non_null(d);
	d->rig = rig_new(1);
	d->ga = guest_new(d->rig);
	d->gb = guest_new(d->rig);
	d->cqa = ccq_new(d->ga, 8, VIB_NO_OBJECT);
	d->cqb = ccq_new(d->gb, 8, VIB_NO_OBJECT);
	d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	d->ra = region_new(d->ga, DUO_BYTES);
	d->rb = region_new(d->gb, DUO_BYTES);
	fill(d->ra.at, DUO_BYTES, 1);
	duo_aim(d);
	return d;
}

void duo_connect(struct duo *d)
{
	pqp_bring(&d->a, VIB_QPS_RTS);
	pqp_bring(&d->b, VIB_QPS_RTS);
	rig_run(d->rig);
}

struct duo *duo_new(enum vib_qp_type type)
{
	struct duo *d = duo_apart(type);

	duo_connect(d);
	return d;
}

void duo_free(struct duo *d)
{
	rig_free(d->rig);
	free(d);
}

struct wr duo_wr(const struct duo *d, uint64_t id, uint8_t opcode, uint32_t length)
{
	struct wr wr = {
		.id = id,
		.opcode = opcode,
		.flags = VIB_SEND_SIGNALED,
		.count = 1,
		.sge = { sge_of(&d->ra, 0, length) },
		.addr = d->rb.iova,
		.rkey = d->rb.key,
		.qpn = d->b.qpn,
		.qkey = d->b.attr.qkey,
		.av = d->a.attr.av,
	};

	return wr;
}

void duo_recv(struct duo *d, uint64_t id, uint32_t length)
{
	struct vib_sge sge = sge_of(&d->rb, 0, length);

	post_recv(&d->b, id, &sge, 1);
}
