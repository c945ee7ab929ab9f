/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What ibv_post_send() and ibv_wr_*() have in common.
 */
#ifndef VIB_PROVIDER_SEND_H
#define VIB_PROVIDER_SEND_H

#include <errno.h>

#include "objects.h"

static_assert(sizeof(struct ibv_sge) == sizeof(struct vib_sge) &&
		      offsetof(struct ibv_sge, length) ==
			      offsetof(struct vib_sge, length) &&
		      offsetof(struct ibv_sge, lkey) == offsetof(struct vib_sge, lkey),
	      "lists of SGEs are copied as they are");
static_assert((int)IBV_SEND_FENCE == VIB_SEND_FENCE &&
		      (int)IBV_SEND_SIGNALED == VIB_SEND_SIGNALED &&
		      (int)IBV_SEND_SOLICITED == VIB_SEND_SOLICITED &&
		      (int)IBV_SEND_INLINE == VIB_SEND_INLINE,
	      "flags are passed as they are");
static_assert((int)IBV_WR_RDMA_WRITE == VIB_OP_RDMA_WRITE &&
		      (int)IBV_WR_RDMA_READ == VIB_OP_RDMA_READ &&
		      (int)IBV_WR_BIND_MW == VIB_OP_BIND_MW &&
		      (int)IBV_WR_SEND_WITH_INV == VIB_OP_SEND_INV,
	      "opcodes are passed as they are");

#define VIB_BIT(opcode) ((uint32_t)1 << (opcode))

/* Opcodes whose data may be inline. */
#define VIB_OPS_INLINE                                                                \
	(VIB_BIT(VIB_OP_RDMA_WRITE) | VIB_BIT(VIB_OP_RDMA_WRITE_IMM) |                \
	 VIB_BIT(VIB_OP_SEND) | VIB_BIT(VIB_OP_SEND_IMM) | VIB_BIT(VIB_OP_SEND_INV) | \
	 VIB_BIT(VIB_OP_ATOMIC_WRITE))
/* Opcodes that have no data. */
#define VIB_OPS_BARE (VIB_BIT(VIB_OP_LOCAL_INV) | VIB_BIT(VIB_OP_BIND_MW))

#define VIB_OPS_UD   (VIB_BIT(VIB_OP_SEND) | VIB_BIT(VIB_OP_SEND_IMM))
#define VIB_OPS_UC                                                                  \
	(VIB_OPS_UD | VIB_BIT(VIB_OP_RDMA_WRITE) | VIB_BIT(VIB_OP_RDMA_WRITE_IMM) | \
	 VIB_OPS_BARE)
#define VIB_OPS_RC                                                           \
	(VIB_OPS_UC | VIB_BIT(VIB_OP_RDMA_READ) | VIB_BIT(VIB_OP_CMP_SWAP) | \
	 VIB_BIT(VIB_OP_FETCH_ADD) | VIB_BIT(VIB_OP_SEND_INV) |              \
	 VIB_BIT(VIB_OP_ATOMIC_WRITE))

/* 0, or EINVAL where the QP's state takes no send requests. */
static inline int vib_send_state(const struct vib_qp *qp)
{
	return vib_unlikely(qp->verbs.qp.state < IBV_QPS_RTS) ? EINVAL : 0;
}

static inline int vib_put_sges(const struct vib_qp *qp, struct vib_send_wqe *slot,
			       uint8_t opcode, const void *sges, size_t num_sge)
{
	uint64_t bytes = num_sge * sizeof(struct vib_sge);

	if (vib_unlikely(num_sge > qp->sq.max_sge ||
			 !vib_send_fits(&qp->sq.queue, opcode, qp->type, bytes)))
		return EINVAL;
	vib_put_amount(slot, (uint8_t)num_sge, 0);
	vib_copy(vib_send_data(slot, opcode, qp->type), sges, bytes);
	return 0;
}

/* How far the inline data of a request have come. */
struct vib_inline {
	struct vib_send_wqe *slot;
	uint8_t *to;
	uint32_t length;
	uint32_t room;
};

static inline void vib_inline_begin(const struct vib_qp *qp, struct vib_send_wqe *slot,
				    uint8_t opcode, struct vib_inline *inl)
{
	uint32_t offset = vib_send_data_offset(opcode, qp->type);
	uint32_t room = qp->sq.queue.stride - offset;

	inl->slot = slot;
	inl->to = (uint8_t *)slot + offset;
	inl->length = 0;
	inl->room = room < qp->max_inline ? room : qp->max_inline;
}

static inline int vib_inline_add(struct vib_inline *inl, const void *from, size_t bytes)
{
	if (vib_unlikely(bytes > inl->room - inl->length))
		return EINVAL;
	vib_copy(inl->to + inl->length, from, bytes);
	inl->length += (uint32_t)bytes;
	return 0;
}

static inline void vib_inline_end(struct vib_inline *inl)
{
	inl->slot->flags |= VIB_SEND_INLINE;
	vib_put_amount(inl->slot, 0, inl->length);
}

/* Operands of BIND_MW: 0, or what ibv_bind_mw() and ibv_post_send() return. */
int vib_put_bind(struct vib_send_wqe *slot, const struct ibv_mw *mw, uint32_t rkey,
		 const struct ibv_mw_bind_info *info);

#endif
