// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ibv_post_send(), and ibv_bind_mw(), which posts.
 */

#include <string.h>

#include "send.h"
#include "verbs.h"
#include "wq.h"

int vib_put_bind(struct vib_send_wqe *slot, const struct ibv_mw *mw, uint32_t rkey,
		 const struct ibv_mw_bind_info *info)
{
	const unsigned int rights = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
				    IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_ZERO_BASED;

	if (!info->mr && info->length)
		return EINVAL;
	if (mw->type == IBV_MW_TYPE_1 && info->mw_access_flags & IBV_ACCESS_ZERO_BASED)
		return EINVAL;
	memset(&slot->u.bind, 0, sizeof(slot->u.bind));
	slot->u.bind.mw = mw->rkey;
	slot->u.bind.rkey = rkey;
	if (info->length) {
		slot->u.bind.addr = info->addr;
		slot->u.bind.length = info->length;
		slot->u.bind.lkey = info->mr->lkey;
		slot->u.bind.access = info->mw_access_flags & rights;
	}
	vib_put_amount(slot, 0, 0);
	return 0;
}

static int put_data(const struct vib_qp *qp, struct vib_send_wqe *slot,
		    const struct ibv_send_wr *wr)
{
	uint8_t opcode = (uint8_t)wr->opcode;
	struct vib_inline inl;

	if (!(wr->send_flags & IBV_SEND_INLINE))
		return vib_put_sges(qp, slot, opcode, wr->sg_list,
				    (size_t)(unsigned int)wr->num_sge);
	if (vib_unlikely(!(VIB_BIT(opcode) & VIB_OPS_INLINE)))
		return EINVAL;
	vib_inline_begin(qp, slot, opcode, &inl);
	for (int i = 0; i < wr->num_sge; i++)
		if (vib_inline_add(&inl, (const void *)(uintptr_t)wr->sg_list[i].addr,
				   wr->sg_list[i].length))
			return EINVAL;
	vib_inline_end(&inl);
	return 0;
}

static int put_request(const struct vib_qp *qp, struct vib_send_wqe *slot,
		       const struct ibv_send_wr *wr)
{
	uint8_t opcode = (uint8_t)wr->opcode;
	uint8_t flags = (uint8_t)wr->send_flags & ~VIB_SEND_INLINE;
	__be32 imm = 0;

	if (vib_unlikely(wr->opcode >= 32 || !(VIB_BIT(wr->opcode) & qp->opcodes) ||
			 wr->send_flags & ~15u))
		return EINVAL;
	if (vib_unlikely(qp->type == VIB_QPT_XRC_INI))
		memset(&slot->u.xrc, 0, sizeof(slot->u.xrc));
	switch (opcode) {
	case VIB_OP_RDMA_WRITE_IMM:
		imm = wr->imm_data;
		/* fall through */
	case VIB_OP_RDMA_WRITE:
	case VIB_OP_RDMA_READ:
	case VIB_OP_ATOMIC_WRITE:
		vib_put_rdma(slot, wr->wr.rdma.remote_addr, wr->wr.rdma.rkey);
		break;
	case VIB_OP_CMP_SWAP:
	case VIB_OP_FETCH_ADD:
		vib_put_atomic(slot, wr->wr.atomic.remote_addr, wr->wr.atomic.rkey,
			       wr->wr.atomic.compare_add,
			       opcode == VIB_OP_CMP_SWAP ? wr->wr.atomic.swap : 0);
		break;
	case VIB_OP_BIND_MW:
		vib_put_send(slot, opcode, flags, wr->wr_id, 0);
		return vib_put_bind(slot, wr->bind_mw.mw, wr->bind_mw.rkey,
				    &wr->bind_mw.bind_info);
	case VIB_OP_LOCAL_INV:
		vib_put_send(slot, opcode, flags, wr->wr_id, wr->invalidate_rkey);
		vib_put_amount(slot, 0, 0);
		return 0;
	case VIB_OP_SEND_INV:
		imm = wr->invalidate_rkey;
		break;
	case VIB_OP_SEND_IMM:
		imm = wr->imm_data;
		break;
	}
	if (qp->type == VIB_QPT_XRC_INI)
		vib_put_xrc(slot, wr->qp_type.xrc.remote_srqn);
	if (qp->type == VIB_QPT_UD)
		vib_put_ud(slot, wr->wr.ud.remote_qpn, wr->wr.ud.remote_qkey,
			   &to_vib_ah(wr->wr.ud.ah)->av, 0);
	vib_put_send(slot, opcode, flags, wr->wr_id, imm);
	return put_data(qp, slot, wr);
}

int vib_post_send(struct ibv_qp *ibqp, struct ibv_send_wr *wr,
		  struct ibv_send_wr **bad_wr)
{
	struct vib_qp *qp = to_vib_qp(ibqp);
	struct vib_wq *sq = &qp->sq;
	uint32_t from;
	int ret;

	vib_lock(&sq->lock);
	from = sq->queue.index;
	ret = vib_send_state(qp);
	for (; !ret && wr; wr = wr->next) {
		if (vib_unlikely(!vib_wq_room(sq, sq->queue.index)))
			ret = ENOMEM;
		else
			ret = put_request(qp, vib_queue_next_slot(&sq->queue), wr);
		if (vib_unlikely(ret))
			break;
		vib_wq_produce(sq, sq->queue.index + 1);
	}
	if (sq->queue.index != from)
		vib_wq_ring(qp, sq, from);
	vib_unlock(&sq->lock);
	if (vib_unlikely(ret))
		*bad_wr = wr;
	return ret;
}

int vib_bind_mw(struct ibv_qp *qp, struct ibv_mw *mw, struct ibv_mw_bind *bind)
{
	const struct ibv_mw_bind_info *info = &bind->bind_info;
	struct ibv_send_wr *bad_wr, wr = {
		.wr_id = bind->wr_id,
		.opcode = IBV_WR_BIND_MW,
		.send_flags = bind->send_flags & ~(unsigned int)IBV_SEND_INLINE,
	};
	int ret;

	if (!info->mr && (info->addr || info->length))
		return EINVAL;
	if (info->mr && ((struct verbs_mr *)info->mr)->mr_type != IBV_MR_TYPE_MR)
		return ENOTSUP;
	if (mw->pd != qp->pd && mw->pd->handle != qp->pd->handle)
		return EPERM;
	wr.bind_mw.mw = mw;
	wr.bind_mw.rkey = ibv_inc_rkey(mw->rkey);
	wr.bind_mw.bind_info = *info;
	ret = vib_post_send(qp, &wr, &bad_wr);
	if (!ret)
		mw->rkey = wr.bind_mw.rkey;
	return ret;
}
