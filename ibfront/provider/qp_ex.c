// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ibv_wr_*(): requests are filled into the slots ahead, which nobody looks at before
 * ibv_wr_complete() makes them valid, all or none.
 */

#include <string.h>

#include "send.h"
#include "verbs.h"
#include "wq.h"

static struct vib_qp *to_qp(struct ibv_qp_ex *qp)
{
	return (struct vib_qp *)qp;
}

static void fail(struct vib_qp *qp, int err)
{
	if (!qp->batch.err)
		qp->batch.err = err;
	qp->batch.slot = NULL;
}

static void wr_start(struct ibv_qp_ex *ibqp)
{
	struct vib_qp *qp = to_qp(ibqp);

	vib_lock(&qp->sq.lock);
	qp->batch.slot = NULL;
	qp->batch.next = qp->sq.queue.index;
	qp->batch.err = vib_send_state(qp);
}

static int wr_complete(struct ibv_qp_ex *ibqp)
{
	struct vib_qp *qp = to_qp(ibqp);
	uint32_t from = qp->sq.queue.index;
	int err = qp->batch.err;

	if (!err && qp->batch.next != from) {
		vib_wq_produce(&qp->sq, qp->batch.next);
		vib_wq_ring(qp, &qp->sq, from);
	}
	vib_unlock(&qp->sq.lock);
	return err;
}

static void wr_abort(struct ibv_qp_ex *ibqp)
{
	vib_unlock(&to_qp(ibqp)->sq.lock);
}

/* The slot of the next request, without data yet; NULL after an error. */
static struct vib_send_wqe *begin(struct vib_qp *qp, uint8_t opcode, __be32 imm)
{
	const unsigned int flags =
		IBV_SEND_FENCE | IBV_SEND_SIGNALED | IBV_SEND_SOLICITED;
	struct vib_batch *batch = &qp->batch;

	batch->slot = NULL;
	if (vib_unlikely(batch->err))
		return NULL;
	if (vib_unlikely(!vib_wq_room(&qp->sq, batch->next))) {
		fail(qp, ENOMEM);
		return NULL;
	}
	batch->opcode = opcode;
	batch->slot = (struct vib_send_wqe *)vib_slot_at(&qp->sq.queue, batch->next++);
	vib_put_send(batch->slot, opcode, qp->verbs.qp_ex.wr_flags & flags,
		     qp->verbs.qp_ex.wr_id, imm);
	vib_put_amount(batch->slot, 0, 0);
	if (vib_unlikely(qp->type == VIB_QPT_XRC_INI))
		memset(&batch->slot->u.xrc, 0, sizeof(batch->slot->u.xrc));
	return batch->slot;
}

/* ---- operations -------------------------------------------------------- */

static void wr_send(struct ibv_qp_ex *qp)
{
	begin(to_qp(qp), VIB_OP_SEND, 0);
}

static void wr_send_imm(struct ibv_qp_ex *qp, __be32 imm_data)
{
	begin(to_qp(qp), VIB_OP_SEND_IMM, imm_data);
}

static void wr_send_inv(struct ibv_qp_ex *qp, uint32_t invalidate_rkey)
{
	begin(to_qp(qp), VIB_OP_SEND_INV, invalidate_rkey);
}

static void wr_local_inv(struct ibv_qp_ex *qp, uint32_t invalidate_rkey)
{
	begin(to_qp(qp), VIB_OP_LOCAL_INV, invalidate_rkey);
}

static void rdma(struct ibv_qp_ex *qp, uint8_t opcode, uint32_t rkey,
		 uint64_t remote_addr, __be32 imm)
{
	struct vib_send_wqe *slot = begin(to_qp(qp), opcode, imm);

	if (slot)
		vib_put_rdma(slot, remote_addr, rkey);
}

static void wr_rdma_write(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr)
{
	rdma(qp, VIB_OP_RDMA_WRITE, rkey, remote_addr, 0);
}

static void wr_rdma_write_imm(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
			      __be32 imm_data)
{
	rdma(qp, VIB_OP_RDMA_WRITE_IMM, rkey, remote_addr, imm_data);
}

static void wr_rdma_read(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr)
{
	rdma(qp, VIB_OP_RDMA_READ, rkey, remote_addr, 0);
}

static void wr_atomic_cmp_swp(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
			      uint64_t compare, uint64_t swap)
{
	struct vib_send_wqe *slot = begin(to_qp(qp), VIB_OP_CMP_SWAP, 0);

	if (slot)
		vib_put_atomic(slot, remote_addr, rkey, compare, swap);
}

static void wr_atomic_fetch_add(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
				uint64_t add)
{
	struct vib_send_wqe *slot = begin(to_qp(qp), VIB_OP_FETCH_ADD, 0);

	if (slot)
		vib_put_atomic(slot, remote_addr, rkey, add, 0);
}

/* It has its data with it. */
static void wr_atomic_write(struct ibv_qp_ex *ibqp, uint32_t rkey, uint64_t remote_addr,
			    const void *atomic_wr)
{
	struct vib_qp *qp = to_qp(ibqp);
	struct vib_send_wqe *slot = begin(qp, VIB_OP_ATOMIC_WRITE, 0);
	struct vib_inline inl;

	if (!slot)
		return;
	vib_put_rdma(slot, remote_addr, rkey);
	vib_inline_begin(qp, slot, VIB_OP_ATOMIC_WRITE, &inl);
	if (vib_inline_add(&inl, atomic_wr, sizeof(uint64_t)))
		fail(qp, EINVAL);
	else
		vib_inline_end(&inl);
}

static void wr_bind_mw(struct ibv_qp_ex *qp, struct ibv_mw *mw, uint32_t rkey,
		       const struct ibv_mw_bind_info *bind_info)
{
	struct vib_send_wqe *slot = begin(to_qp(qp), VIB_OP_BIND_MW, 0);
	int err;

	if (!slot)
		return;
	err = vib_put_bind(slot, mw, rkey, bind_info);
	if (err)
		fail(to_qp(qp), err);
}

/* ---- their addresses and data ------------------------------------------ */

static void wr_set_ud_addr(struct ibv_qp_ex *ibqp, struct ibv_ah *ah, uint32_t remote_qpn,
			   uint32_t remote_qkey)
{
	struct vib_qp *qp = to_qp(ibqp);

	if (qp->batch.slot)
		vib_put_ud(qp->batch.slot, remote_qpn, remote_qkey, &to_vib_ah(ah)->av,
			   0);
}

static void wr_set_xrc_srqn(struct ibv_qp_ex *ibqp, uint32_t remote_srqn)
{
	struct vib_qp *qp = to_qp(ibqp);

	if (qp->batch.slot && !(VIB_BIT(qp->batch.opcode) & VIB_OPS_BARE))
		vib_put_xrc(qp->batch.slot, remote_srqn);
}

static void wr_set_sge_list(struct ibv_qp_ex *ibqp, size_t num_sge,
			    const struct ibv_sge *sg_list)
{
	struct vib_qp *qp = to_qp(ibqp);
	struct vib_send_wqe *slot = qp->batch.slot;
	int err;

	if (vib_unlikely(!slot))
		return;
	err = vib_put_sges(qp, slot, qp->batch.opcode, sg_list, num_sge);
	if (vib_unlikely(err))
		fail(qp, err);
}

static void wr_set_sge(struct ibv_qp_ex *qp, uint32_t lkey, uint64_t addr,
		       uint32_t length)
{
	struct ibv_sge sge = { .addr = addr, .length = length, .lkey = lkey };

	wr_set_sge_list(qp, 1, &sge);
}

static void wr_set_inline_data_list(struct ibv_qp_ex *ibqp, size_t num_buf,
				    const struct ibv_data_buf *buf_list)
{
	struct vib_qp *qp = to_qp(ibqp);
	struct vib_send_wqe *slot = qp->batch.slot;
	struct vib_inline inl;

	if (vib_unlikely(!slot))
		return;
	if (vib_unlikely(!(VIB_BIT(qp->batch.opcode) & VIB_OPS_INLINE))) {
		fail(qp, EINVAL);
		return;
	}
	vib_inline_begin(qp, slot, qp->batch.opcode, &inl);
	for (size_t i = 0; i < num_buf; i++)
		if (vib_inline_add(&inl, buf_list[i].addr, buf_list[i].length)) {
			fail(qp, EINVAL);
			return;
		}
	vib_inline_end(&inl);
}

static void wr_set_inline_data(struct ibv_qp_ex *qp, void *addr, size_t length)
{
	struct ibv_data_buf buf = { .addr = addr, .length = length };

	wr_set_inline_data_list(qp, 1, &buf);
}

void vib_qp_ex_init(struct verbs_qp *verbs, uint32_t opcodes, uint8_t type)
{
	struct ibv_qp_ex *qp = &verbs->qp_ex;

	qp->wr_start = wr_start;
	qp->wr_complete = wr_complete;
	qp->wr_abort = wr_abort;
	qp->wr_set_sge = wr_set_sge;
	qp->wr_set_sge_list = wr_set_sge_list;
	qp->wr_set_inline_data = wr_set_inline_data;
	qp->wr_set_inline_data_list = wr_set_inline_data_list;
	if (type == VIB_QPT_UD)
		qp->wr_set_ud_addr = wr_set_ud_addr;
	if (type == VIB_QPT_XRC_INI)
		qp->wr_set_xrc_srqn = wr_set_xrc_srqn;
	if (opcodes & VIB_BIT(VIB_OP_ATOMIC_WRITE))
		verbs->behind.wr_atomic_write = wr_atomic_write;
	if (opcodes & VIB_BIT(VIB_OP_SEND))
		qp->wr_send = wr_send;
	if (opcodes & VIB_BIT(VIB_OP_SEND_IMM))
		qp->wr_send_imm = wr_send_imm;
	if (opcodes & VIB_BIT(VIB_OP_SEND_INV))
		qp->wr_send_inv = wr_send_inv;
	if (opcodes & VIB_BIT(VIB_OP_LOCAL_INV))
		qp->wr_local_inv = wr_local_inv;
	if (opcodes & VIB_BIT(VIB_OP_BIND_MW))
		qp->wr_bind_mw = wr_bind_mw;
	if (opcodes & VIB_BIT(VIB_OP_RDMA_WRITE))
		qp->wr_rdma_write = wr_rdma_write;
	if (opcodes & VIB_BIT(VIB_OP_RDMA_WRITE_IMM))
		qp->wr_rdma_write_imm = wr_rdma_write_imm;
	if (opcodes & VIB_BIT(VIB_OP_RDMA_READ))
		qp->wr_rdma_read = wr_rdma_read;
	if (opcodes & VIB_BIT(VIB_OP_CMP_SWAP))
		qp->wr_atomic_cmp_swp = wr_atomic_cmp_swp;
	if (opcodes & VIB_BIT(VIB_OP_FETCH_ADD))
		qp->wr_atomic_fetch_add = wr_atomic_fetch_add;
}
