// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The kernel's ib_post_send() and ib_post_recv(). Both may be called anywhere.
 */

#include <xen-ib/post.h>

#include "ah.h"
#include "fast.h"
#include "kernel.h"
#include "pool.h"

#define VIB_SEND_FLAGS (IB_SEND_FENCE | IB_SEND_SIGNALED | IB_SEND_SOLICITED | \
			IB_SEND_INLINE | IB_SEND_IP_CSUM)

/* The types of QPs that have an operation. */
#define VIB_ON_RC BIT(IB_QPT_RC)
#define VIB_ON_UC BIT(IB_QPT_UC)
#define VIB_ON_UD (BIT(IB_QPT_UD) | BIT(IB_QPT_GSI) | BIT(IB_QPT_SMI))

/* What can be posted, by enum ib_wr_opcode, which the ABI's opcodes are too. */
static const struct vib_operation {
	u16 types;
	u8 opcode; /* enum ib_wc_opcode */
} vib_operations[] = {
	[IB_WR_RDMA_WRITE] = { VIB_ON_RC | VIB_ON_UC, IB_WC_RDMA_WRITE },
	[IB_WR_RDMA_WRITE_WITH_IMM] = { VIB_ON_RC | VIB_ON_UC, IB_WC_RDMA_WRITE },
	[IB_WR_SEND] = { VIB_ON_RC | VIB_ON_UC | VIB_ON_UD, IB_WC_SEND },
	[IB_WR_SEND_WITH_IMM] = { VIB_ON_RC | VIB_ON_UC | VIB_ON_UD, IB_WC_SEND },
	[IB_WR_RDMA_READ] = { VIB_ON_RC, IB_WC_RDMA_READ },
	[IB_WR_ATOMIC_CMP_AND_SWP] = { VIB_ON_RC, IB_WC_COMP_SWAP },
	[IB_WR_ATOMIC_FETCH_AND_ADD] = { VIB_ON_RC, IB_WC_FETCH_ADD },
	[IB_WR_LOCAL_INV] = { VIB_ON_RC | VIB_ON_UC, IB_WC_LOCAL_INV },
	[IB_WR_SEND_WITH_INV] = { VIB_ON_RC, IB_WC_SEND },
	[IB_WR_LSO] = { BIT(IB_QPT_UD), IB_WC_LSO },
	[IB_WR_REG_MR] = { VIB_ON_RC | VIB_ON_UC, IB_WC_REG_MR },
};

/* NULL: it cannot be posted to @qp. */
static const struct vib_operation *vib_find_operation(const struct vib_qp *qp,
						      enum ib_wr_opcode opcode)
{
	BUILD_BUG_ON((int)IB_WR_RDMA_WRITE_WITH_IMM != VIB_OP_RDMA_WRITE_IMM ||
		     (int)IB_WR_SEND_WITH_IMM != VIB_OP_SEND_IMM ||
		     (int)IB_WR_ATOMIC_FETCH_AND_ADD != VIB_OP_FETCH_ADD ||
		     (int)IB_WR_LOCAL_INV != VIB_OP_LOCAL_INV ||
		     (int)IB_WR_SEND_WITH_INV != VIB_OP_SEND_INV ||
		     (int)IB_WR_LSO != VIB_OP_LSO ||
		     (int)IB_WR_REG_MR != VIB_OP_REG_MR ||
		     (int)IB_SEND_IP_CSUM != VIB_SEND_IP_CSUM ||
		     (int)IB_SEND_SOLICITED != VIB_SEND_SOLICITED ||
		     (int)IB_SEND_INLINE != VIB_SEND_INLINE);

	if ((unsigned int)opcode >= ARRAY_SIZE(vib_operations) ||
	    !(vib_operations[opcode].types & BIT(qp->ibqp.qp_type)))
		return NULL;
	return &vib_operations[opcode];
}

static void vib_put_operands(struct vib_send_wqe *slot, const struct vib_qp *qp,
			     const struct ib_send_wr *wr)
{
	switch (wr->opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_RDMA_READ:
		vib_put_rdma(slot, rdma_wr(wr)->remote_addr, rdma_wr(wr)->rkey);
		break;
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		vib_put_atomic(slot, atomic_wr(wr)->remote_addr,
			       atomic_wr(wr)->rkey, atomic_wr(wr)->compare_add,
			       wr->opcode == IB_WR_ATOMIC_CMP_AND_SWP ?
				       atomic_wr(wr)->swap : 0);
		break;
	case IB_WR_REG_MR:
		vib_fast_put(slot, reg_wr(wr));
		break;
	default:
		if (vib_qp_type_is_datagram(qp->ibqp.qp_type))
			vib_put_ud(slot, ud_wr(wr)->remote_qpn,
				   ud_wr(wr)->remote_qkey,
				   &to_vib_ah(ud_wr(wr)->ah)->av,
				   qp->ibqp.qp_type == IB_QPT_GSI ?
					   ud_wr(wr)->pkey_index : 0);
	}
}

/* From here to the peer. */
static bool vib_carries_data(enum ib_wr_opcode opcode)
{
	switch (opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_SEND:
	case IB_WR_SEND_WITH_IMM:
	case IB_WR_SEND_WITH_INV:
	case IB_WR_LSO:
		return true;
	default:
		return false;
	}
}

static __be32 vib_send_imm(const struct ib_send_wr *wr)
{
	switch (wr->opcode) {
	case IB_WR_SEND_WITH_IMM:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		return wr->ex.imm_data;
	case IB_WR_LOCAL_INV:
	case IB_WR_SEND_WITH_INV:
		return (__force __be32)wr->ex.invalidate_rkey;
	default:
		return 0;
	}
}

/* Data of this kernel, by their addresses here. Returns how many bytes. */
static u32 vib_put_inline(void *to, const struct ib_send_wr *wr)
{
	u32 length = 0;
	int i;

	for (i = 0; i < wr->num_sge; i++) {
		memcpy(to + length, (void *)(uintptr_t)wr->sg_list[i].addr,
		       wr->sg_list[i].length);
		length += wr->sg_list[i].length;
	}
	return length;
}

static void vib_copy_data(struct vib *vib, const struct ib_send_wr *wr)
{
	const struct ib_sge *sge;

	if (!vib_carries_data(wr->opcode) || wr->send_flags & IB_SEND_INLINE)
		return;
	for (sge = wr->sg_list; sge < wr->sg_list + wr->num_sge; sge++)
		if (sge->lkey == VIB_LOCAL_DMA_LKEY)
			vib_dma_copy_now(vib, sge->addr, sge->length);
}

/* Offloads: a backend that came later may know none. */
static int vib_send_check_offloads(const struct vib_kwq *sq,
				   const struct ib_send_wr *wr)
{
	u8 type = sq->qp->ibqp.qp_type;

	if (wr->send_flags & IB_SEND_IP_CSUM &&
	    (type != IB_QPT_UD || !(sq->caps & VIB_CAP_UD_IP_CSUM)))
		return -EINVAL;
	if (wr->opcode != IB_WR_LSO)
		return 0;
	/* The rest of the header is the backend's to look at. */
	if (!(sq->caps & VIB_CAP_UD_LSO) || wr->send_flags & IB_SEND_INLINE ||
	    ud_wr(wr)->hlen < 0 || ud_wr(wr)->hlen > VIB_LSO_MAX_HEADER ||
	    ud_wr(wr)->mss < 0 || ud_wr(wr)->mss > U16_MAX)
		return -EINVAL;
	return 0;
}

/* Returns an errno if it is not such as can be posted. */
static int vib_send_check(const struct vib_qp *qp, const struct vib_kwq *sq,
			  const struct ib_send_wr *wr)
{
	bool is_inline = wr->send_flags & IB_SEND_INLINE;
	u64 bytes = 0;
	int i;

	if (wr->send_flags & ~VIB_SEND_FLAGS)
		return -EINVAL;
	if (wr->num_sge < 0 || wr->num_sge > sq->max_sge)
		return -EINVAL;
	if (vib_qp_type_is_datagram(qp->ibqp.qp_type) && !ud_wr(wr)->ah)
		return -EINVAL;
	if (is_inline && (wr->opcode == IB_WR_RDMA_READ ||
			  wr->opcode == IB_WR_ATOMIC_CMP_AND_SWP ||
			  wr->opcode == IB_WR_ATOMIC_FETCH_AND_ADD))
		return -EINVAL;
	for (i = 0; is_inline && i < wr->num_sge; i++)
		bytes += wr->sg_list[i].length;
	if (bytes > qp->cap.max_inline_data)
		return -EINVAL;
	return vib_send_check_offloads(sq, wr);
}

/* Slots are made for what most requests have. Inline data have been looked at. */
static bool vib_send_room(const struct vib_kwq *sq, const struct ib_send_wr *wr)
{
	u32 header = wr->opcode == IB_WR_LSO ?
			     vib_lso_header_room(ud_wr(wr)->hlen) : 0;

	return wr->send_flags & IB_SEND_INLINE ||
	       vib_send_fits(&sq->queue, wr->opcode, sq->qp->ibqp.qp_type,
			     header + wr->num_sge * sizeof(struct vib_sge));
}

/* The slot of the next request, but for its generation. Returns the data's length. */
static u32 vib_put_request(struct vib_kwq *sq, const struct ib_send_wr *wr,
			   u8 flags)
{
	struct vib_send_wqe *slot = vib_queue_next_slot(&sq->queue);
	u8 type = sq->qp->ibqp.qp_type;
	void *data = vib_send_data(slot, wr->opcode, type);
	u32 length;

	vib_put_send(slot, wr->opcode, flags, sq->head & (sq->depth - 1),
		     vib_send_imm(wr));
	vib_put_operands(slot, sq->qp, wr);
	if (wr->opcode == IB_WR_LSO) {
		data = vib_put_lso(slot, ud_wr(wr)->header, ud_wr(wr)->hlen,
				   ud_wr(wr)->mss);
		length = vib_sges_copy(data, wr->sg_list, wr->num_sge);
		vib_put_amount(slot, wr->num_sge, ud_wr(wr)->hlen);
	} else if (wr->send_flags & IB_SEND_INLINE) {
		length = vib_put_inline(data, wr);
		vib_put_amount(slot, 0, length);
	} else {
		length = vib_sges_copy(data, wr->sg_list, wr->num_sge);
		vib_put_amount(slot, wr->num_sge, 0);
	}
	return length;
}

/* Returns an errno, or whether some have to be completed here. */
static int vib_post_one_send(struct vib_qp *qp, struct vib_kwq *sq,
			     const struct ib_send_wr *wr)
{
	const struct vib_operation *op = vib_find_operation(qp, wr->opcode);
	struct vib_request request = { .wr_id = wr->wr_id };
	int err;

	if (!op)
		return -EOPNOTSUPP;
	err = vib_send_check(qp, sq, wr);
	if (err)
		return err;
	if (sq->mode == VIB_KWQ_CLOSED)
		return -EINVAL;
	if (sq->head - sq->tail >= sq->depth)
		return -ENOMEM;
	request.opcode = op->opcode;
	request.reported = qp->signal_all || wr->send_flags & IB_SEND_SIGNALED;
	if (sq->mode == VIB_KWQ_LIVE) {
		if (!vib_send_room(sq, wr) ||
		    (wr->opcode == IB_WR_REG_MR &&
		     vib_fast_check(qp, reg_wr(wr))))
			return -EINVAL;
		err = vib_landing_new(to_vib(qp->ibqp.device), wr, &request.landing);
		if (err)
			return err;
		request.length = vib_put_request(sq, wr, wr->send_flags);
	}
	return vib_kwq_post(sq, &request);
}

int vib_verb_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		       const struct ib_send_wr **bad_wr)
{
	struct vib_qp *qp = to_vib_qp(ibqp);
	const struct ib_send_wr *each;
	bool settled = false;
	struct vib_kwq *sq;
	unsigned long flags;
	int ret = 0;
	u32 from;

	if (!qp->kernel) {
		*bad_wr = wr;
		return -EOPNOTSUPP;
	}
	for (each = wr; each; each = each->next)
		vib_copy_data(to_vib(ibqp->device), each);
	sq = &qp->kernel->sq;
	spin_lock_irqsave(&sq->lock, flags);
	from = sq->queue.index;
	for (; wr; wr = wr->next) {
		ret = vib_post_one_send(qp, sq, wr);
		if (ret < 0) {
			*bad_wr = wr;
			break;
		}
		settled |= ret;
	}
	if (sq->mode == VIB_KWQ_LIVE && sq->queue.index != from)
		vib_kwq_ring(sq, from);
	spin_unlock_irqrestore(&sq->lock, flags);
	if (settled)
		vib_kcq_settle(to_vib_cq(sq->ibcq)->kernel, sq);
	return min(ret, 0);
}

static int vib_post_one_recv(struct vib_kwq *rq, const struct ib_recv_wr *wr)
{
	u32 slot = rq->head & (rq->depth - 1);
	struct vib_request request = {
		.wr_id = wr->wr_id,
		.opcode = IB_WC_RECV,
	};
	struct vib_sge *sges;

	if (wr->num_sge < 0 || wr->num_sge > rq->max_sge)
		return -EINVAL;
	if (rq->mode == VIB_KWQ_CLOSED)
		return -EINVAL;
	if (rq->head - rq->tail >= rq->depth)
		return -ENOMEM;
	sges = rq->sges + slot * rq->max_sge;
	request.num_sge = wr->num_sge;
	request.length = vib_sges_copy(sges, wr->sg_list, wr->num_sge);
	if (rq->mode == VIB_KWQ_LIVE)
		vib_put_recv(vib_queue_next_slot(&rq->queue), slot, wr->num_sge,
			     sges);
	return vib_kwq_post(rq, &request);
}

int vib_verb_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		       const struct ib_recv_wr **bad_wr)
{
	struct vib_qp *qp = to_vib_qp(ibqp);
	bool settled = false;
	struct vib_kwq *rq;
	unsigned long flags;
	int ret = 0;
	u32 from;

	if (!qp->kernel) {
		*bad_wr = wr;
		return -EOPNOTSUPP;
	}
	rq = &qp->kernel->rq;
	spin_lock_irqsave(&rq->lock, flags);
	from = rq->queue.index;
	for (; wr; wr = wr->next) {
		ret = vib_post_one_recv(rq, wr);
		if (ret < 0) {
			*bad_wr = wr;
			break;
		}
		settled |= ret;
	}
	if (rq->mode == VIB_KWQ_LIVE && rq->queue.index != from)
		vib_kwq_ring(rq, from);
	spin_unlock_irqrestore(&rq->lock, flags);
	if (settled)
		vib_kcq_settle(to_vib_cq(rq->ibcq)->kernel, rq);
	return min(ret, 0);
}
