/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Posting work and polling completions: memory and nothing else, but for the
 * event that wakes a sleeping poller. All of it is inline, so that a constant
 * opcode or length costs what it must and no more.
 *
 * Nothing here is locked. The send side of a QP, its receive side, an SRQ and
 * a CQ each belong to one thread at a time; different ones may be used at once.
 *
 * Posting fills slots and tells nobody: ring once behind a batch, or use the
 * functions that do both. A posted batch that is not rung may lie for ever.
 */
#ifndef XEN_IB_COMMON_LIBVIB_DATAPATH_H
#define XEN_IB_COMMON_LIBVIB_DATAPATH_H

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <xen-ib/doorbell.h>
#include <xen-ib/post.h>

#include "libvib/objects.h"

/* Structures are shown for the functions below, and for tests that spoil them. */

/* What a CQ held that was resized. */
struct libvib_rest {
	uint32_t next;
	uint32_t count;
	struct vib_cqe cqe[];
};

struct libvib_cq {
	struct vib_queue queue;
	struct libvib_rest *rest; /* comes before what is in the queue; mostly NULL */
	struct libvib *lv;
	uint32_t number;
};

struct libvib_srq {
	struct vib_queue queue;
	struct libvib *lv;
	uint32_t number;
};

/* One line is the send side's, one the receive side's, and one does not change. */
struct libvib_qp {
	struct vib_queue sq __attribute__((aligned(VIB_LINE)));
	uint32_t sq_rung; /* index up to which the bell was rung */
	struct vib_queue rq __attribute__((aligned(VIB_LINE)));
	uint32_t rq_rung;
	struct vib_doorbell_page *doorbell __attribute__((aligned(VIB_LINE)));
	uint32_t db_index;
	int wake_fd;
	uint32_t number;
	enum vib_qp_type type;
	struct libvib_context *context;
	struct libvib *lv;
};

/* Room for one more: 0, -ENOMEM when the queue is full, -EPROTO when the backend
 * says what cannot be.
 */
static inline int libvib_room(struct vib_queue *q)
{
	int room = vib_queue_may_produce(q);

	if (__builtin_expect(room > 0, 1))
		return 0;
	return room ? -EPROTO : -ENOMEM;
}

/* ---- sending ----------------------------------------------------------- */

/* All of a request but its generation and its data. */
__attribute__((always_inline)) static inline void
libvib_put_head(struct vib_send_wqe *slot, const struct vib_send_wqe *wqe, uint8_t type)
{
	vib_put_send(slot, wqe->opcode, wqe->flags, wqe->wr_id, wqe->imm);
	vib_put_amount(slot, wqe->num_sge, wqe->inline_len);
	switch (wqe->opcode) {
	case VIB_OP_RDMA_WRITE:
	case VIB_OP_RDMA_WRITE_IMM:
	case VIB_OP_RDMA_READ:
	case VIB_OP_ATOMIC_WRITE:
		vib_put_rdma(slot, wqe->u.rdma.remote_addr, wqe->u.rdma.rkey);
		break;
	case VIB_OP_CMP_SWAP:
	case VIB_OP_FETCH_ADD:
		vib_put_atomic(slot, wqe->u.atomic.remote_addr, wqe->u.atomic.rkey,
			       wqe->u.atomic.compare_add, wqe->u.atomic.swap);
		break;
	case VIB_OP_REG_MR:
		slot->u.reg_mr = wqe->u.reg_mr;
		break;
	case VIB_OP_BIND_MW:
		slot->u.bind = wqe->u.bind;
		break;
	default:
		if (vib_qp_type_is_datagram(type))
			vib_put_ud(slot, wqe->u.ud.remote_qpn, wqe->u.ud.qkey,
				   &wqe->u.ud.av, wqe->u.ud.pkey_index);
		break;
	}
}

/*
 * Post @wqe, whose gen counts for nothing. Behind it go, from @data, inline_len
 * bytes with VIB_SEND_INLINE, else num_sge of struct vib_sge. -EINVAL: that is
 * more than a slot holds. -ENOMEM: the queue is full.
 */
static inline int libvib_post_send(struct libvib_qp *qp, const struct vib_send_wqe *wqe,
				   const void *data)
{
	struct vib_queue *q = &qp->sq;
	uint8_t type = (uint8_t)qp->type;
	uint64_t bytes = wqe->flags & VIB_SEND_INLINE
				 ? wqe->inline_len
				 : wqe->num_sge * sizeof(struct vib_sge);
	struct vib_send_wqe *slot;
	int err;

	if (!vib_send_fits(q, wqe->opcode, type, bytes))
		return -EINVAL;
	err = libvib_room(q);
	if (err)
		return err;
	slot = vib_queue_next_slot(q);
	libvib_put_head(slot, wqe, type);
	vib_copy(vib_send_data(slot, wqe->opcode, type), data, bytes);
	vib_queue_produce(q);
	return 0;
}

/*
 * Post a request that binds @mw to @length bytes at @addr, an address of @mr, with the
 * rights of @access; its rkey is another one from then on. @length 0 unbinds one of
 * type 1, and @mr may be NULL. Errors as of libvib_post_send().
 */
static inline int libvib_post_bind(struct libvib_qp *qp, struct libvib_mw *mw,
				   const struct libvib_mr *mr, uint64_t addr,
				   uint64_t length, uint32_t access, uint8_t flags,
				   uint64_t wr_id)
{
	const struct vib_send_wqe wqe = {
		.opcode = VIB_OP_BIND_MW,
		.flags = flags,
		.wr_id = wr_id,
		.u.bind = { .addr = addr,
			    .length = length,
			    .lkey = mr ? mr->lkey : 0,
			    .mw = mw->rkey,
			    .rkey = (mw->rkey & ~0xffu) | ((mw->rkey + 1) & 0xff),
			    .access = access },
	};
	int err = libvib_post_send(qp, &wqe, NULL);

	if (!err)
		mw->rkey = wqe.u.bind.rkey;
	return err;
}

/* Have the backend look at what was posted to the queue from *@rung on. */
static inline void libvib_ring(const struct libvib_qp *qp, const struct vib_queue *q,
			       uint32_t *rung)
{
	static const uint64_t one = 1;

	if (vib_queue_must_notify(q, *rung) &&
	    vib_doorbell_ring(qp->doorbell, qp->db_index)) {
		/* An eventfd takes it; a backend that is gone is heard of elsewhere. */
		ssize_t n = write(qp->wake_fd, &one, sizeof(one));

		(void)n;
	}
	*rung = q->index;
}

/* Have the backend look at what was posted since the last time. */
static inline void libvib_ring_send(struct libvib_qp *qp)
{
	libvib_ring(qp, &qp->sq, &qp->sq_rung);
}

static inline int libvib_send(struct libvib_qp *qp, const struct vib_send_wqe *wqe,
			      const void *data)
{
	int err = libvib_post_send(qp, wqe, data);

	if (!err)
		libvib_ring_send(qp);
	return err;
}

/* ---- receiving --------------------------------------------------------- */

static inline int libvib_queue_recv(struct vib_queue *q, const struct vib_recv_wqe *wqe,
				    const struct vib_sge *sges)
{
	int err;

	if (!vib_recv_fits(q, wqe->num_sge))
		return -EINVAL;
	err = libvib_room(q);
	if (err)
		return err;
	vib_put_recv(vib_queue_next_slot(q), wqe->wr_id, wqe->num_sge, sges);
	vib_queue_produce(q);
	return 0;
}

/* Post a receive of wqe->num_sge elements; errors as of libvib_post_send(). */
static inline int libvib_post_recv(struct libvib_qp *qp, const struct vib_recv_wqe *wqe,
				   const struct vib_sge *sges)
{
	return libvib_queue_recv(&qp->rq, wqe, sges);
}

/* As libvib_ring_send(): a QP that waits for receives may want to know. */
static inline void libvib_ring_recv(struct libvib_qp *qp)
{
	libvib_ring(qp, &qp->rq, &qp->rq_rung);
}

static inline int libvib_recv(struct libvib_qp *qp, const struct vib_recv_wqe *wqe,
			      const struct vib_sge *sges)
{
	int err = libvib_post_recv(qp, wqe, sges);

	if (!err)
		libvib_ring_recv(qp);
	return err;
}

/* The same for an SRQ, which has no bell: its QPs look when they need it. */
static inline int libvib_post_srq_recv(struct libvib_srq *srq,
				       const struct vib_recv_wqe *wqe,
				       const struct vib_sge *sges)
{
	return libvib_queue_recv(&srq->queue, wqe, sges);
}

/* ---- completions ------------------------------------------------------- */

/* Part of the next: what was there before the queue was resized. */
int libvib_poll_rest(struct libvib_cq *cq, struct vib_cqe *out, int max);

/*
 * Take up to @max completions into @out; their number. What stands in them is
 * the backend's word: check a wr_id or a length before it is an index.
 */
static inline int libvib_poll_cq(struct libvib_cq *cq, struct vib_cqe *out, int max)
{
	struct vib_queue *q = &cq->queue;
	const void *slot;
	int n, rest = 0;

	if (__builtin_expect(cq->rest != NULL, 0))
		rest = libvib_poll_rest(cq, out, max);
	for (n = rest; n < max; n++) {
		slot = vib_queue_peek(q);
		if (!slot)
			break;
		memcpy(&out[n], slot, sizeof(*out));
		vib_queue_advance(q);
	}
	if (n != rest)
		vib_queue_release(q);
	return n;
}

/*
 * Ask for an event at the next completion, or at the next that is solicited or
 * failed. Returns 1 if one is there already: poll, no event may come for it.
 */
static inline int libvib_arm_cq(struct libvib_cq *cq, bool solicited)
{
	int there = vib_cq_arm(&cq->queue, solicited ? VIB_ARM_SOLICITED : VIB_ARM_ANY);

	return there || cq->rest;
}

#endif
