// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which of the kernel's requests a completion is of, and whether it can be.
 */

#include "ah.h"
#include "kernel.h"

static bool vib_status_known(u8 status)
{
	return status <= VIB_WC_RNR_RETRY_EXC_ERR ||
	       status == VIB_WC_REM_ABORT_ERR || status == VIB_WC_FATAL_ERR ||
	       status == VIB_WC_GENERAL_ERR;
}

/* Takes the request from @sq, and all before it. */
static const char *vib_complete_send(struct vib_kwq *sq,
				     const struct vib_cqe *cqe, bool land,
				     struct vib_request *request)
{
	u32 index = sq->base + cqe->wqe_index, i;
	struct vib *vib = to_vib(sq->qp->ibqp.device);
	struct vib_request *posted;

	if (sq->mode != VIB_KWQ_LIVE || index - sq->tail >= sq->head - sq->tail)
		return "completion of a send that is not posted";
	for (i = sq->tail; i != index; i++)
		if (sq->requests[i & (sq->depth - 1)].reported)
			return "completion ahead of an earlier one";
	posted = &sq->requests[index & (sq->depth - 1)];
	if (!posted->reported && cqe->status == VIB_WC_SUCCESS)
		return "completion that was not asked for";
	for (i = sq->tail; i != index; i++)
		vib_landing_end(vib, &sq->requests[i & (sq->depth - 1)], land);
	vib_landing_end(vib, posted, land && cqe->status == VIB_WC_SUCCESS);
	*request = *posted;
	sq->tail = index + 1;
	sq->settled = sq->tail;
	return NULL;
}

/* Takes the oldest request from @rq: they complete in order. */
static const char *vib_complete_recv(struct vib_kwq *rq,
				     const struct vib_cqe *cqe, bool land,
				     struct vib_request *request)
{
	u32 slot = rq->tail & (rq->depth - 1);

	if (rq->mode != VIB_KWQ_LIVE || rq->tail == rq->head ||
	    rq->base + cqe->wqe_index != rq->tail)
		return "completion of a receive that is not the next";
	*request = rq->requests[slot];
	if (land)
		vib_receive_land(to_vib(rq->qp->ibqp.device), cqe,
				 rq->sges + slot * rq->max_sge, request);
	rq->tail++;
	rq->settled = rq->tail;
	return NULL;
}

static const char *vib_complete_request(struct vib_kcq *kcq, struct vib_qp *qp,
					const struct vib_cqe *cqe, bool land,
					struct vib_request *request)
{
	bool recv = cqe->flags & VIB_CQE_RECV;
	struct vib_kwq *wq = recv ? &qp->kernel->rq : &qp->kernel->sq;
	const char *why;

	/* Who takes datagrams unmaps them, or says that he looks (dma_sync_*()). */
	if (recv && vib_qp_type_is_datagram(qp->ibqp.qp_type))
		land = false;
	if (wq->ibcq != &kcq->cq->ibcq)
		return "completion in another queue than its own";
	if (recv && qp->ibqp.srq)
		return vib_ksrq_complete(to_vib_srq(qp->ibqp.srq)->kernel, cqe,
					 land, request);
	spin_lock(&wq->lock);
	why = recv ? vib_complete_recv(wq, cqe, land, request) :
		     vib_complete_send(wq, cqe, land, request);
	spin_unlock(&wq->lock);
	return why;
}

/* What a receive says beside its data. */
static const char *vib_fill_recv(struct ib_wc *wc, const struct vib_qp *qp,
				 const struct vib_cqe *cqe, u32 room)
{
	bool write = cqe->opcode == VIB_OP_RDMA_WRITE_IMM;

	if (!write && cqe->opcode != VIB_OP_SEND &&
	    cqe->opcode != VIB_OP_SEND_IMM && cqe->opcode != VIB_OP_SEND_INV)
		return "receive of what nobody receives";
	/* What RDMA_WRITE_IMM says was written elsewhere. */
	if (!write && cqe->byte_len > room)
		return "receive of more than its buffers hold";
	if (vib_qp_type_is_datagram(qp->ibqp.qp_type) &&
	    (write || cqe->byte_len < sizeof(struct ib_grh)))
		return "datagram without room for its header";
	wc->opcode = write ? IB_WC_RECV_RDMA_WITH_IMM : IB_WC_RECV;
	wc->byte_len = cqe->byte_len;
	if (cqe->flags & VIB_CQE_GRH)
		wc->wc_flags |= IB_WC_GRH;
	if (cqe->flags & VIB_CQE_IP_CSUM_OK)
		wc->wc_flags |= IB_WC_IP_CSUM_OK;
	if (cqe->flags & VIB_CQE_WITH_IMM) {
		wc->wc_flags |= IB_WC_WITH_IMM;
		wc->ex.imm_data = cqe->imm;
	} else if (cqe->flags & VIB_CQE_WITH_INV) {
		wc->wc_flags |= IB_WC_WITH_INVALIDATE;
		wc->ex.invalidate_rkey = (__force u32)cqe->imm;
	}
	wc->src_qp = cqe->src_qpn & 0xffffff;
	wc->slid = cqe->slid;
	wc->sl = cqe->sl & 0xf;
	wc->dlid_path_bits = cqe->dlid_path_bits & 0x7f;
	wc->pkey_index = min_t(u16, cqe->pkey_index, VIB_MAX_PKEYS - 1);
	return NULL;
}

/*
 * Put what completes with @cqe, a copy of ours, into @wc, if there is something to
 * @report: of a QP that is gone there is not. Data that came are where the user has
 * them if they are to @land: while what they are in is mapped. Returns NULL, or in what way the
 * backend is wrong; the request may have been taken all the same, and is reported. The
 * CQ is locked.
 */
const char *vib_complete(struct vib_kcq *kcq, const struct vib_cqe *cqe, bool land,
			 struct ib_wc *wc, bool *report)
{
	struct vib_qp *qp = xa_load(&kcq->qps, cqe->qpn);
	struct vib_request request;
	const char *why;

	*report = false;
	if (!qp)
		return NULL;
	if (!vib_status_known(cqe->status) || cqe->flags & VIB_CQE_XRC)
		return "completion that is none";
	why = vib_complete_request(kcq, qp, cqe, land, &request);
	if (why)
		return why;

	*wc = (struct ib_wc){
		.wr_id = request.wr_id,
		.status = (enum ib_wc_status)cqe->status,
		.opcode = request.opcode,
		.byte_len = request.length,
		.qp = &qp->ibqp,
		.port_num = VIB_PORT,
	};
	*report = true;
	if (cqe->status != VIB_WC_SUCCESS || !(cqe->flags & VIB_CQE_RECV))
		return NULL;
	why = vib_fill_recv(wc, qp, cqe, request.length);
	if (why)
		wc->status = IB_WC_GENERAL_ERR;
	return why;
}
