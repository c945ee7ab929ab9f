/* SPDX-License-Identifier: MIT */
/*
 * Filling the slots of send and receive queues, for whoever produces them:
 * kernel, provider, libvib. A slot is written field by field, so that a request
 * that a caller describes in parts need never exist but in its slot.
 *
 * Nothing here makes a slot valid: that is vib_queue_produce(), after all of it is
 * filled. Nothing is checked either: what is put behind the operands has to fit
 * (vib_send_fits(), vib_recv_fits()).
 */
#ifndef XEN_IB_POST_H
#define XEN_IB_POST_H

#include <xen-ib/queue.h>

#define VIB_POST static inline __attribute__((always_inline))

/* The lengths that matter for latency are worth a branch, and no call. */
VIB_POST void vib_copy(void *to, const void *from, __u64 bytes)
{
	if (bytes == 8)
		__builtin_memcpy(to, from, 8);
	else if (bytes == sizeof(struct vib_sge))
		__builtin_memcpy(to, from, sizeof(struct vib_sge));
	else if (bytes && from) /* and where there is nothing, nothing is copied */
		__builtin_memcpy(to, from, bytes);
}

/* ---- send queues ------------------------------------------------------- */

/* Do @bytes of SGEs or inline data fit into a slot behind operands of @opcode of a QP
 * of @type?
 */
VIB_POST int vib_send_fits(const struct vib_queue *q, __u8 opcode, __u8 type, __u64 bytes)
{
	return vib_send_data_offset(opcode, type) + bytes <= q->stride;
}

/* Where they go. */
VIB_POST void *vib_send_data(struct vib_send_wqe *slot, __u8 opcode, __u8 type)
{
	return (__u8 *)slot + vib_send_data_offset(opcode, type);
}

/* What every request has. @imm as in struct vib_send_wqe, or 0. */
VIB_POST void vib_put_send(struct vib_send_wqe *slot, __u8 opcode, __u8 flags,
			   __u64 wr_id, __be32 imm)
{
	slot->opcode = opcode;
	slot->flags = flags;
	slot->reserved = 0;
	slot->wr_id = wr_id;
	slot->imm = imm;
}

/* How much stands behind the operands: one of them is 0, but for LSO's header. */
VIB_POST void vib_put_amount(struct vib_send_wqe *slot, __u8 num_sge, __u32 inline_len)
{
	slot->num_sge = num_sge;
	slot->inline_len = inline_len;
}

/* Operands of RDMA_WRITE, RDMA_WRITE_IMM, RDMA_READ, ATOMIC_WRITE. */
VIB_POST void vib_put_rdma(struct vib_send_wqe *slot, __u64 remote_addr, __u32 rkey)
{
	slot->u.rdma.remote_addr = remote_addr;
	slot->u.rdma.rkey = rkey;
	slot->u.rdma.reserved = 0;
}

/* Operands of CMP_SWAP and, with @swap 0, of FETCH_ADD. */
VIB_POST void vib_put_atomic(struct vib_send_wqe *slot, __u64 remote_addr, __u32 rkey,
			     __u64 compare_add, __u64 swap)
{
	slot->u.atomic.remote_addr = remote_addr;
	slot->u.atomic.rkey = rkey;
	slot->u.atomic.reserved = 0;
	slot->u.atomic.compare_add = compare_add;
	slot->u.atomic.swap = swap;
}

/* Operands of REG_MR, which has no data. */
VIB_POST void vib_put_reg_mr(struct vib_send_wqe *slot, __u64 iova, __u32 length,
			     __u64 list, __u32 serial, __u32 key, __u32 access)
{
	slot->u.reg_mr.iova = iova;
	slot->u.reg_mr.list = list;
	slot->u.reg_mr.length = length;
	slot->u.reg_mr.key = key;
	slot->u.reg_mr.access = access;
	slot->u.reg_mr.serial = serial;
}

/* The peer's SRQ that a request of an XRC QP names; after its other operands. */
VIB_POST void vib_put_xrc(struct vib_send_wqe *slot, __u32 srqn)
{
	slot->u.xrc.srqn = srqn;
}

/* Where a request of a UD QP goes. */
VIB_POST void vib_put_ud(struct vib_send_wqe *slot, __u32 remote_qpn, __u32 qkey,
			 const struct vib_av *av, __u16 pkey_index)
{
	slot->u.ud.remote_qpn = remote_qpn;
	slot->u.ud.qkey = qkey;
	slot->u.ud.av = *av;
	slot->u.ud.pkey_index = pkey_index;
	slot->u.ud.mss = 0;
}

/* The header of an LSO request, after its other operands. Returns where its SGEs go. */
VIB_POST void *vib_put_lso(struct vib_send_wqe *slot, const void *header, __u32 bytes,
			   __u16 mss)
{
	__u8 *data = (__u8 *)slot + VIB_DATA_UD;

	slot->u.ud.mss = mss;
	vib_copy(data, header, bytes);
	return data + vib_lso_header_room(bytes);
}

/* ---- receive queues ---------------------------------------------------- */

VIB_POST int vib_recv_fits(const struct vib_queue *q, __u64 num_sge)
{
	return sizeof(struct vib_recv_wqe) + num_sge * sizeof(struct vib_sge) <=
	       q->stride;
}

VIB_POST void vib_put_recv(struct vib_recv_wqe *slot, __u64 wr_id, __u32 num_sge,
			   const void *sges)
{
	slot->num_sge = num_sge;
	slot->wr_id = wr_id;
	vib_copy(slot + 1, sges, num_sge * (__u64)sizeof(struct vib_sge));
}

#endif
