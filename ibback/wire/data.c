// SPDX-License-Identifier: GPL-2.0-or-later
/* What pollers ask of an HCA: engine/wire.h's operations, by libibverbs. */
#include <endian.h>
#include <string.h>

#include <urcu/compiler.h>

#include "device_limits.h"
#include "engine/wire_parts.h"
#include "wire/parts.h"

/* Requests that go out by one call; for some HCAs that is a system call. */
#define BATCH 16

/* Of the thread's, and of one QP: each share of a pass ends with a flush. */
static _Thread_local struct {
	unsigned int count;
	struct ibv_send_wr wr[BATCH];
	struct ibv_sge sge[BATCH][MAX_SGE];
	uint8_t data[BATCH][VIB_WQE_MAX_STRIDE];
} batch;

_Static_assert(sizeof(struct vib_sge) == sizeof(struct ibv_sge) &&
		       offsetof(struct vib_sge, length) ==
			       offsetof(struct ibv_sge, length) &&
		       offsetof(struct vib_sge, lkey) == offsetof(struct ibv_sge, lkey),
	       "one layout");

static struct hca_qp *hca_qp_of(struct wire_qp *w)
{
	return caa_container_of(w, struct hca_qp, base);
}

/* ---- sending ----------------------------------------------------------- */

static enum ibv_wr_opcode opcode_of(uint8_t opcode)
{
	switch (opcode) {
	case VIB_OP_SEND_IMM:
		return IBV_WR_SEND_WITH_IMM;
	case VIB_OP_SEND_INV:
		return IBV_WR_SEND_WITH_INV;
	case VIB_OP_RDMA_WRITE:
		return IBV_WR_RDMA_WRITE;
	case VIB_OP_RDMA_WRITE_IMM:
		return IBV_WR_RDMA_WRITE_WITH_IMM;
	case VIB_OP_RDMA_READ:
		return IBV_WR_RDMA_READ;
	case VIB_OP_CMP_SWAP:
		return IBV_WR_ATOMIC_CMP_AND_SWP;
	case VIB_OP_FETCH_ADD:
		return IBV_WR_ATOMIC_FETCH_AND_ADD;
	case VIB_OP_REG_MR:
		return IBV_WR_BIND_MW;
	case VIB_OP_LOCAL_INV:
		return IBV_WR_LOCAL_INV;
	default:
		return IBV_WR_SEND;
	}
}

static unsigned int flags_of(const struct wire_request *r)
{
	uint8_t flags = r->wqe->flags;

	return (r->signaled ? IBV_SEND_SIGNALED : 0) |
	       (flags & VIB_SEND_FENCE ? IBV_SEND_FENCE : 0) |
	       (flags & VIB_SEND_SOLICITED ? IBV_SEND_SOLICITED : 0);
}

/* Inline data: inline for the HCA too, or by a slot, which is free as its place is. */
static void put_inline(struct hca_qp *q, const struct wire_request *r,
		       struct ibv_send_wr *wr, struct ibv_sge *sge, uint8_t *data)
{
	uint32_t length = r->wqe->inline_len;

	wr->num_sge = length ? 1 : 0;
	if (length <= q->base.max_inline) {
		memcpy(data, r->data, length);
		*sge = (struct ibv_sge){ (uintptr_t)data, length, 0 };
		wr->send_flags |= IBV_SEND_INLINE;
		return;
	}
	data = wire_send_slot(&q->base, (uint32_t)r->id);
	memcpy(data, r->data, length);
	*sge = (struct ibv_sge){ (uintptr_t)data, length, q->sends_mr->lkey };
}

/* A datagram is in its slot. */
static void put_datagram(struct hca_qp *q, const struct wire_request *r,
			 struct ibv_send_wr *wr, struct ibv_sge *sge)
{
	*sge = (struct ibv_sge){ (uintptr_t)wire_send_slot(&q->base, (uint32_t)r->id),
				 r->slot_bytes, q->sends_mr->lkey };
	wr->num_sge = r->slot_bytes ? 1 : 0;
	wr->wr.ud.ah = r->ah;
	wr->wr.ud.remote_qpn = r->wqe->u.ud.remote_qpn & 0xffffff;
	wr->wr.ud.remote_qkey = r->qkey;
}

static bool post_batch(struct wire_qp *w, uint64_t *failed)
{
	struct ibv_send_wr *bad = NULL;
	int error;

	if (!batch.count)
		return true;
	for (unsigned int i = 0; i < batch.count; i++)
		batch.wr[i].next = i + 1 < batch.count ? &batch.wr[i + 1] : NULL;
	error = ibv_post_send(hca_qp_of(w)->qp, batch.wr, &bad);
	batch.count = 0;
	if (error)
		*failed = bad ? bad->wr_id : batch.wr[0].wr_id;
	return !error;
}

static bool flush_batch(struct wire_qp *w, uint64_t *failed)
{
	if (batch.count)
		batch.wr[batch.count - 1].send_flags |= IBV_SEND_SIGNALED;
	return post_batch(w, failed);
}

static struct hca_mw *window_of(const struct wire_request *r)
{
	return caa_container_of(r->window, struct hca_mw, base);
}

static void put_bind(const struct wire_port *port, const struct wire_request *r,
		     struct ibv_send_wr *wr)
{
	const struct vib_send_wqe *wqe = r->wqe;

	wr->bind_mw.mw = window_of(r)->mw;
	wr->bind_mw.mw->rkey = r->window_key; /* by which libibverbs' driver names it */
	wr->bind_mw.rkey = wqe->u.reg_mr.key;
	wr->bind_mw.bind_info = (struct ibv_mw_bind_info){
		.mr = r->mr->mr,
		.addr = wqe->u.reg_mr.iova,
		.length = wqe->u.reg_mr.length,
		.mw_access_flags = (unsigned int)wire_access(
			port, wqe->u.reg_mr.access & ~(uint32_t)VIB_ACCESS_LOCAL_WRITE),
	};
}

static void put(struct wire_qp *w, const struct wire_request *r)
{
	struct ibv_send_wr *wr = &batch.wr[batch.count];
	struct ibv_sge *sge = batch.sge[batch.count];

	memset(wr, 0, sizeof(*wr));
	wr->wr_id = r->id;
	wr->sg_list = sge;
	wr->opcode = opcode_of(r->wqe->opcode);
	wr->send_flags = flags_of(r);
	if (r->wqe->opcode == VIB_OP_SEND_INV || r->wqe->opcode == VIB_OP_LOCAL_INV)
		wr->invalidate_rkey = le32toh(r->wqe->imm);
	else if (!r->window) /* of which rxe takes none */
		wr->imm_data = r->wqe->imm;
	if (r->wqe->opcode == VIB_OP_RDMA_WRITE ||
	    r->wqe->opcode == VIB_OP_RDMA_WRITE_IMM ||
	    r->wqe->opcode == VIB_OP_RDMA_READ) {
		wr->wr.rdma.remote_addr = r->wqe->u.rdma.remote_addr;
		wr->wr.rdma.rkey = r->wqe->u.rdma.rkey;
	}
	if (wr->opcode == IBV_WR_ATOMIC_CMP_AND_SWP ||
	    wr->opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
		wr->wr.atomic.remote_addr = r->wqe->u.atomic.remote_addr;
		wr->wr.atomic.compare_add = r->wqe->u.atomic.compare_add;
		wr->wr.atomic.swap = r->wqe->u.atomic.swap;
		wr->wr.atomic.rkey = r->wqe->u.atomic.rkey;
	}
	if (r->window)
		put_bind(hca_qp_of(w)->guest->port, r, wr);
	if (r->ah) {
		put_datagram(hca_qp_of(w), r, wr, sge);
	} else if (r->data) {
		put_inline(hca_qp_of(w), r, wr, sge, batch.data[batch.count]);
	} else if (r->num_sge) {
		memcpy(sge, r->sges, r->num_sge * sizeof(*sge));
		wr->num_sge = (int)r->num_sge;
	}
	batch.count++;
}

/* A full batch goes out when the next request comes, so that there is a last to flush. */
static bool send_one(struct wire_qp *w, const struct wire_request *r, uint64_t *failed)
{
	if (batch.count == BATCH && !post_batch(w, failed))
		return false;
	put(w, r);
	return true;
}

/* ---- receiving --------------------------------------------------------- */

static int receive_one(struct wire_qp *w, uint64_t id, const struct vib_sge *sges,
		       unsigned int count)
{
	struct ibv_sge list[MAX_SGE];
	struct ibv_recv_wr wr = { .wr_id = id, .sg_list = list, .num_sge = (int)count };
	struct ibv_recv_wr *bad;

	memcpy(list, sges, count * sizeof(*list));
	return ibv_post_recv(hca_qp_of(w)->qp, &wr, &bad) == 0 ? 0 : -1;
}

static int receive_slot(struct wire_qp *w, uint64_t id)
{
	struct hca_qp *q = hca_qp_of(w);
	struct ibv_sge sge = { (uintptr_t)wire_receive_slot(w, (uint32_t)id),
			       w->receive_slot_bytes, q->receives_mr->lkey };
	struct ibv_recv_wr wr = { .wr_id = id, .sg_list = &sge, .num_sge = 1 };
	struct ibv_recv_wr *bad;

	return ibv_post_recv(q->qp, &wr, &bad) == 0 ? 0 : -1;
}

static int receive_shared(struct wire_srq *w, uint64_t id, const struct vib_sge *sges,
			  unsigned int count)
{
	struct hca_srq *s = caa_container_of(w, struct hca_srq, base);
	struct ibv_sge list[MAX_SGE];
	struct ibv_recv_wr wr = { .wr_id = id, .sg_list = list, .num_sge = (int)count };
	struct ibv_recv_wr *bad;

	memcpy(list, sges, count * sizeof(*list));
	return ibv_post_srq_recv(s->srq, &wr, &bad) == 0 ? 0 : -1;
}

const struct wire_srq_ops wire_srq_ops = { .receive = receive_shared };

/* ---- completions ------------------------------------------------------- */

/* The statuses have the same values, those that the ABI has. */
_Static_assert((int)VIB_WC_LOC_PROT_ERR == IBV_WC_LOC_PROT_ERR &&
		       (int)VIB_WC_RNR_RETRY_EXC_ERR == IBV_WC_RNR_RETRY_EXC_ERR &&
		       (int)VIB_WC_GENERAL_ERR == IBV_WC_GENERAL_ERR,
	       "Linux' values");

static uint8_t status_of(enum ibv_wc_status status)
{
	return (unsigned int)status <= VIB_WC_GENERAL_ERR ? (uint8_t)status
							  : VIB_WC_GENERAL_ERR;
}

/*
 * Has a peer invalidated a key? rxe says so by the kernel's own IB_WC_WITH_INVALIDATE,
 * which libibverbs has another meaning for, one that rxe has no use for (do_complete(),
 * Linux 6.1 to 6.12); should it ever say what libibverbs means, that counts, too.
 */
static bool is_with_inv(const struct wire_port *port, const struct ibv_wc *wc)
{
	unsigned int of_rxe = wire_is_rxe(port) ? IBV_WC_IP_CSUM_OK : 0;

	return wc->wc_flags & (of_rxe | IBV_WC_WITH_INV);
}

static void fill_received(const struct wire_port *port, struct wire_completion *c,
			  const struct ibv_wc *wc)
{
	bool imm = wc->wc_flags & IBV_WC_WITH_IMM, inv = is_with_inv(port, wc);

	c->opcode = wc->opcode == IBV_WC_RECV_RDMA_WITH_IMM ? VIB_OP_RDMA_WRITE_IMM
		    : inv                                   ? VIB_OP_SEND_INV
		    : imm                                   ? VIB_OP_SEND_IMM
							    : VIB_OP_SEND;
	c->flags = (uint8_t)((imm ? VIB_CQE_WITH_IMM : 0) | (inv ? VIB_CQE_WITH_INV : 0) |
			     (wc->wc_flags & IBV_WC_GRH ? VIB_CQE_GRH : 0));
	c->imm = imm ? wc->imm_data : inv ? htole32(wc->invalidated_rkey) : 0;
	c->byte_len = wc->byte_len;
	c->src_qpn = wc->src_qp;
	c->slid = wc->slid;
	c->sl = wc->sl;
}

static int poll_cq(struct wire_qp *w, struct wire_completion *completions, int most)
{
	const struct hca_qp *q = hca_qp_of(w);
	struct ibv_wc wcs[16];
	int count = ibv_poll_cq(q->cq, most < 16 ? most : 16, wcs);

	for (int i = 0; i < count; i++) {
		struct wire_completion *c = &completions[i];

		/* Of one that failed only these count. */
		*c = (struct wire_completion){ .id = wcs[i].wr_id,
					       .status = status_of(wcs[i].status) };
		if (!c->status && wcs[i].opcode & IBV_WC_RECV)
			fill_received(q->guest->port, c, &wcs[i]);
	}
	return count;
}

/* Without events the QP is served by what else wakes its poller. */
static void arm_cq(struct wire_qp *w)
{
	(void)ibv_req_notify_cq(hca_qp_of(w)->cq, 0);
}

const struct wire_ops wire_qp_ops = {
	.send = send_one,
	.flush = flush_batch,
	.receive = receive_one,
	.receive_slot = receive_slot,
	.poll = poll_cq,
	.arm = arm_cq,
};
