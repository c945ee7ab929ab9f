// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ibv_poll_cq() and ibv_req_notify_cq().
 */

#include "poll.h"
#include "verbs.h"

enum ibv_wc_opcode vib_wc_opcode(const struct vib_cqe *cqe)
{
	if (cqe->flags & VIB_CQE_RECV)
		return cqe->opcode == VIB_OP_RDMA_WRITE_IMM ? IBV_WC_RECV_RDMA_WITH_IMM
							    : IBV_WC_RECV;
	switch (cqe->opcode) {
	case VIB_OP_RDMA_WRITE:
	case VIB_OP_RDMA_WRITE_IMM:
		return IBV_WC_RDMA_WRITE;
	case VIB_OP_RDMA_READ:
		return IBV_WC_RDMA_READ;
	case VIB_OP_CMP_SWAP:
		return IBV_WC_COMP_SWAP;
	case VIB_OP_FETCH_ADD:
		return IBV_WC_FETCH_ADD;
	case VIB_OP_ATOMIC_WRITE:
		return VERBS_WC_ATOMIC_WRITE;
	case VIB_OP_LOCAL_INV:
		return IBV_WC_LOCAL_INV;
	case VIB_OP_BIND_MW:
		return IBV_WC_BIND_MW;
	default:
		return IBV_WC_SEND;
	}
}

static void fill_wc(struct ibv_wc *wc, const struct vib_cqe *cqe)
{
	wc->wr_id = cqe->wr_id;
	wc->status = vib_wc_status(cqe);
	wc->opcode = vib_wc_opcode(cqe);
	wc->vendor_err = 0;
	wc->byte_len = cqe->byte_len;
	wc->imm_data = cqe->imm;
	wc->qp_num = cqe->qpn;
	wc->src_qp = cqe->src_qpn;
	wc->wc_flags = vib_wc_flags(cqe);
	wc->pkey_index = cqe->pkey_index;
	wc->slid = cqe->slid;
	wc->sl = cqe->sl;
	wc->dlid_path_bits = cqe->dlid_path_bits;
}

int vib_poll_cq(struct ibv_cq *ibcq, int num_entries, struct ibv_wc *wc)
{
	struct vib_cq *cq = to_vib_cq(ibcq);
	struct vib_cqe cqe;
	uint32_t from;
	int n = 0;

	vib_lock(&cq->lock);
	from = cq->queue.index;
	while (n < num_entries && vib_cq_take(cq, &cqe))
		fill_wc(&wc[n++], &cqe);
	vib_cq_release(cq, from);
	vib_unlock(&cq->lock);
	return n;
}

int vib_req_notify_cq(struct ibv_cq *ibcq, int solicited_only)
{
	struct vib_cq *cq = to_vib_cq(ibcq);
	bool wake;

	vib_lock(&cq->lock); /* for a queue that is resized */
	vib_cq_arm(&cq->queue, solicited_only ? VIB_ARM_SOLICITED : VIB_ARM_ANY);
	wake = vib_lost(cq->ctx, cq->epoch) && vib_cq_to_flush(cq);
	vib_unlock(&cq->lock);
	if (wake)
		vib_wake(cq->ctx);
	return 0;
}
