// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RC, UC and XRC between two QPs of this host: a message is a copy from one guest's
 * memory to the other's. What the specification has packets, acknowledges and
 * timers for is decided here on the spot; what the peer's guest would see of
 * it, it sees.
 */
#include <endian.h>

#include "engine/answer.h"
#include "engine/counters.h"
#include "engine/cq.h"
#include "engine/engine.h"
#include "engine/mr.h"
#include "engine/mw.h"
#include "engine/qp.h"
#include "engine/reach.h"
#include "engine/send.h"
#include "engine/sg.h"
#include "engine/vhca.h"
#include "engine/wire.h"
#include "engine/xrc.h"

/* Bytes that take longer to copy than another poller should wait for a CQ. */
#define LONG_COPY 4096

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- the peer ---------------------------------------------------------- */

/* The type of QP that one of @type has for a peer. */
static enum vib_qp_type counterpart(enum vib_qp_type type)
{
	return type == VIB_QPT_XRC_INI ? VIB_QPT_XRC_TGT : type;
}

/* Do the two QPs name each other, on one fabric, in one partition? */
static bool addresses_agree(struct qp *qp, struct qp *peer)
{
	const struct port_view *view = vhca_view(qp->vhca);
	const struct port_view *peer_view = vhca_view(peer->vhca);

	if (qp->connected.serial == qp->serial &&
	    qp->connected.peer_serial == peer->serial && qp->connected.view == view->id &&
	    qp->connected.peer_view == peer_view->id)
		return true;
	if (view->fabric != peer_view->fabric || !view->up || !peer_view->up ||
	    peer->attr.dest_qpn != qp_number(qp) || peer->type != counterpart(qp->type) ||
	    !port_view_is_at(peer_view, &qp->attr.av) ||
	    !port_view_is_at(view, &peer->attr.av))
		return false;
	if (!pkeys_match(view->pkeys[qp->attr.pkey_index],
			 peer_view->pkeys[peer->attr.pkey_index])) {
		peer->counters.pkey_violations++;
		if (!qp->sending.deadline) /* not for each try */
			drop_count(qp->vhca, DROP_PKEY);
		return false;
	}
	qp->connected.serial = qp->serial;
	qp->connected.peer_serial = peer->serial;
	qp->connected.view = view->id;
	qp->connected.peer_view = peer_view->id;
	return true;
}

enum found { PEER_FOUND, PEER_LOCKED, PEER_NONE };

static enum found find_peer(struct share *share)
{
	struct qp *qp = share->qp, *peer = share->peer;

	/* Held since it was found: nothing but its state can be another now. */
	if (peer)
		return qp_can_receive(peer) ? PEER_FOUND : PEER_NONE;
	peer = vhca_find_qp(qp->vhca, qp->attr.dest_qpn);
	if (!peer)
		return PEER_NONE;
	if (peer != qp && pthread_spin_trylock(&peer->lock) != 0)
		return PEER_LOCKED;
	if (qp_can_receive(peer) && addresses_agree(qp, peer)) {
		share->peer = peer;
		return PEER_FOUND;
	}
	/* Not ours to hold: it may be anybody's. */
	if (peer != qp)
		pthread_spin_unlock(&peer->lock);
	return PEER_NONE;
}

/* ---- the peer's receive ------------------------------------------------ */

/* End the receive the message holds. */
static void finish_receive(struct share *share, const struct received *how)
{
	struct receiving *r = &share->peer->receiving;

	r->claim = 0;
	share->qp->sending.claim = 0;
	receive_complete(share->poller, share->peer, &r->receive, how);
}

/*
 * The receive cannot take the message: it completes with @status and its QP
 * fails, as IBTA vol. 1 §9.9.3 has it, and the sender with @sender.
 */
static enum send_result spoil_receive(struct share *share, uint8_t status, uint8_t sender)
{
	const struct received how = { .status = status };

	finish_receive(share, &how);
	qp_enter_error(share->peer);
	if (share->qp->type == VIB_QPT_UC)
		return SEND_DONE;
	return send_fail(share, sender);
}

/* Does the message hold a receive of the peer, still or now? */
static bool hold_receive(struct share *share)
{
	struct sending *s = &share->qp->sending;
	struct receiving *r = &share->peer->receiving;

	if (s->claim && s->claim == r->claim)
		return true;
	if (r->claim) /* of a message whose sender was reset */
		r->claim = 0;
	else if (!receive_take(share->peer, &r->receive))
		return false;
	s->claim = r->claim = ++share->poller->messages << 8 |
			      (uint64_t)(share->poller - share->poller->engine->pollers);
	s->done = 0;
	s->rnr_until = 0;
	return true;
}

static void complete_receive(struct share *share, uint64_t bytes, uint8_t flags)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	const struct received how = {
		.opcode = wqe->opcode,
		.flags = flags,
		.solicited = wqe->flags & VIB_SEND_SOLICITED,
		.imm = flags & (VIB_CQE_WITH_IMM | VIB_CQE_WITH_INV) ? wqe->imm : 0,
		.byte_len = (uint32_t)bytes,
		.src_qpn = qp_number(share->qp),
	};

	finish_receive(share, &how);
}

/* ---- operations -------------------------------------------------------- */

/*
 * Copy as much as the share allows. true once the message is whole; else share->copied
 * says whether it can be.
 */
static bool copy(struct share *share, const struct sg *dst, const struct sg *src,
		 uint64_t bytes)
{
	unsigned int granted = dst->granted + src->granted;
	struct sending *s = &share->qp->sending;
	uint64_t left = share->budget > 0 ? (uint64_t)share->budget : 0;
	uint64_t n = earlier(bytes - s->done, left);

	if (n > LONG_COPY || granted)
		cq_release(share->poller);
	if (n && bytes >= share->poller->engine->stream_bytes)
		share->copied = sg_copy_parts(dst, src, s->done, n, true);
	else
		share->copied = sg_copy(dst, src, s->done, n);
	share_spend(share, n);
	if (granted && n)
		share_spend(share, n + COST_GRANTED * granted);
	if (share->copied != SG_COPIED)
		return false;
	s->done += n;
	return s->done == bytes;
}

/* For a request whose copy() is not whole: the rest of it, or memory of its own is bad.
 */
static enum send_result rest(struct share *share)
{
	return share->copied == SG_COPIED ? SEND_MORE
					  : send_fail(share, VIB_WC_LOC_PROT_ERR);
}

/* What a SEND's receive says of its immediate data. */
static uint8_t imm_flag(uint8_t opcode)
{
	return opcode == VIB_OP_SEND_IMM   ? VIB_CQE_WITH_IMM
	       : opcode == VIB_OP_SEND_INV ? VIB_CQE_WITH_INV
					   : 0;
}

static enum send_result do_send(struct share *share, const struct sg *src)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	struct sg dst;

	if (!hold_receive(share))
		return not_ready(share);
	share_spend(share, COST_SGE * share->peer->receiving.receive.num_sge);
	if (receive_resolve(share->peer, &share->peer->receiving.receive, &dst) < 0)
		return spoil_receive(share, VIB_WC_LOC_PROT_ERR, VIB_WC_REM_OP_ERR);
	if (dst.bytes < src->bytes)
		return spoil_receive(share, VIB_WC_LOC_LEN_ERR, VIB_WC_REM_INV_REQ_ERR);
	if (!copy(share, &dst, src, src->bytes)) {
		if (share->copied == SG_BAD_DST)
			return spoil_receive(share, VIB_WC_LOC_PROT_ERR,
					     VIB_WC_REM_OP_ERR);
		return rest(share);
	}
	/* The last of it, as IBTA vol. 1 §9.4.1.1.2 has it: the data are there. */
	if (wqe->opcode == VIB_OP_SEND_INV) {
		share_release_window(share); /* which may be the one */
		switch (mw_invalidate(share->peer, le32toh(wqe->imm))) {
		case MW_OK:
			break;
		case MW_BUSY:
			return SEND_MORE;
		case MW_DENIED:
			return deny_access(share);
		}
	}
	complete_receive(share, src->bytes, imm_flag(wqe->opcode));
	return SEND_DONE;
}

/* Inline, as operate() and reach(): a call is 5 % of a small WRITE. */
__attribute__((always_inline)) static inline enum send_result
do_write(struct share *share, const struct sg *src)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	bool with_imm = wqe->opcode == VIB_OP_RDMA_WRITE_IMM;
	struct sg dst;

	if (!(share->peer->attr.access_flags & VIB_ACCESS_REMOTE_WRITE))
		return deny_request(share);
	if (!reach(share, wqe->u.rdma.remote_addr, wqe->u.rdma.rkey, src->bytes,
		   VIB_ACCESS_REMOTE_WRITE, &dst))
		return unreached(share);
	if (with_imm && !hold_receive(share))
		return not_ready(share);
	if (!copy(share, &dst, src, src->bytes))
		return share->copied == SG_BAD_DST ? deny_access(share) : rest(share);
	if (with_imm)
		complete_receive(share, src->bytes, VIB_CQE_WITH_IMM);
	return SEND_DONE;
}

static enum send_result do_read(struct share *share, const struct sg *dst)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	struct sg src;

	if (!responds(share, VIB_ACCESS_REMOTE_READ))
		return deny_request(share);
	if (!reach(share, wqe->u.rdma.remote_addr, wqe->u.rdma.rkey, dst->bytes,
		   VIB_ACCESS_REMOTE_READ, &src))
		return unreached(share);
	if (copy(share, dst, &src, dst->bytes))
		return SEND_DONE;
	return share->copied == SG_BAD_SRC ? deny_access(share) : rest(share);
}

static void establish(struct qp *peer)
{
	if (peer->attr.state != VIB_QPS_RTR || peer->established)
		return;
	peer->established = true;
	async_raise(&peer->vhca->async, &peer->async, VIB_ASYNC_QP_COMM_EST);
}

static bool is_atomic(uint8_t opcode)
{
	return opcode == VIB_OP_CMP_SWAP || opcode == VIB_OP_FETCH_ADD;
}

/* Faults of its own a sender finds without its peer. -1 after setting share.status. */
static int resolve_own(struct share *share, struct sg *own)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	bool atomic = is_atomic(wqe->opcode), read = wqe->opcode == VIB_OP_RDMA_READ;
	bool write = wqe->opcode == VIB_OP_ATOMIC_WRITE;

	share->status = VIB_WC_LOC_QP_OP_ERR;
	if ((read && wqe->num_sge > MAX_SGE_RD) ||
	    ((read || atomic || write) && !share->qp->attr.max_rd_atomic))
		return -1;
	if (send_resolve(share, read || atomic ? VIB_ACCESS_LOCAL_WRITE : 0, own) < 0)
		return -1;
	share->status = VIB_WC_LOC_LEN_ERR;
	return (atomic || write) && own->bytes != sizeof(uint64_t) ? -1 : 0;
}

__attribute__((always_inline)) static inline enum send_result
operate(struct share *share, const struct sg *own)
{
	switch (share->qp->sending.wqe.opcode) {
	case VIB_OP_SEND:
	case VIB_OP_SEND_IMM:
	case VIB_OP_SEND_INV:
		return do_send(share, own);
	case VIB_OP_RDMA_WRITE:
	case VIB_OP_RDMA_WRITE_IMM:
		return do_write(share, own);
	case VIB_OP_RDMA_READ:
		return do_read(share, own);
	case VIB_OP_ATOMIC_WRITE:
		return atomic_write(share, own);
	default: /* fetch() lets nothing else through */
		return atomic_send(share, own);
	}
}

/* The same to an XRC target, which receives from the SRQ that the request names. */
__attribute__((noinline)) static enum send_result operate_xrc(struct share *share,
							      const struct sg *own)
{
	enum send_result result;

	if (!xrc_enter(share->poller, share->peer, share->qp->sending.wqe.u.xrc.srqn))
		return deny_request(share);
	result = operate(share, own);
	xrc_leave(share->peer);
	return result;
}

/* What brought data of the peer's: the request, which had none, and these. */
static void count_answer(struct share *share, uint64_t bytes, uint64_t packets)
{
	count_message(&share->qp->counters, &share->peer->counters, 0, 1);
	count_message(&share->peer->counters, &share->qp->counters, bytes, packets);
}

/*
 * A message is done. One of UC that its peer does not take has come to its port all the
 * same.
 */
__attribute__((always_inline)) static inline void count(struct share *share,
							uint64_t bytes)
{
	uint8_t opcode = share->qp->sending.wqe.opcode;
	uint64_t packets = packets_of(bytes, share->qp->attr.path_mtu);

	if (opcode == VIB_OP_RDMA_READ || is_atomic(opcode)) {
		count_answer(share, bytes, packets);
		return;
	}
	share->bytes += bytes;
	share->packets += packets;
}

enum send_result connected_send(struct share *share)
{
	enum send_result result;
	struct sg own;

	if (resolve_own(share, &own) < 0)
		return SEND_FAILED;
	/* An atomic that the HCA does is before this. */
	if (__builtin_expect(wire_sends_wait(share->qp->wire), 0))
		return SEND_MORE;
	switch (find_peer(share)) {
	case PEER_FOUND:
		break;
	case PEER_LOCKED:
		return SEND_MORE;
	case PEER_NONE:
		return unanswered(share);
	}
	share->qp->sending.deadline = 0;
	establish(share->peer);

	if (__builtin_expect(share->peer->xrcd != NULL, 0))
		result = operate_xrc(share, &own);
	else
		result = operate(share, &own);
	if (result == SEND_DONE)
		count(share, own.bytes);
	return result;
}
