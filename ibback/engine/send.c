// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/send.h"

#include <string.h>

#include <xen-ib/barrier.h>

#include "engine/clock.h"
#include "engine/counters.h"
#include "engine/cq.h"
#include "engine/poller.h"
#include "engine/qp.h"
#include "engine/sg.h"
#include "engine/tokens.h"
#include "engine/vhca.h"
#include "engine/wire.h"

/* A share: so many requests, so many bytes. What is left has its turn in the
 * next pass, after the other QPs.
 */
#define SHARE_REQUESTS 64
#define SHARE_BYTES    (256u << 10)
/* And of all QPs of a vHCA together. */
#define VHCA_BYTES     (1u << 20)

/* ---- fetching ---------------------------------------------------------- */

static bool opcode_is_of(enum vib_qp_type type, uint8_t opcode)
{
	switch (opcode) {
	case VIB_OP_SEND:
		return true;
	case VIB_OP_LSO:
		return type == VIB_QPT_UD;
	case VIB_OP_SEND_IMM:
		return type != VIB_QPT_SMI && type != VIB_QPT_GSI;
	case VIB_OP_RDMA_WRITE:
	case VIB_OP_RDMA_WRITE_IMM:
	case VIB_OP_LOCAL_INV:
	case VIB_OP_BIND_MW:
	case VIB_OP_REG_MR:
		return !vib_qp_type_is_datagram((uint8_t)type);
	case VIB_OP_RDMA_READ:
	case VIB_OP_CMP_SWAP:
	case VIB_OP_FETCH_ADD:
	case VIB_OP_SEND_INV:
	case VIB_OP_ATOMIC_WRITE:
		return type == VIB_QPT_RC || type == VIB_QPT_XRC_INI;
	default:
		return false;
	}
}

static bool returns_data(uint8_t opcode)
{
	return opcode == VIB_OP_RDMA_READ || opcode == VIB_OP_CMP_SWAP ||
	       opcode == VIB_OP_FETCH_ADD;
}

static bool is_local(uint8_t opcode)
{
	return opcode == VIB_OP_LOCAL_INV || opcode == VIB_OP_BIND_MW ||
	       opcode == VIB_OP_REG_MR;
}

static uint32_t data_offset(const struct qp *qp)
{
	return vib_send_data_offset(qp->sending.wqe.opcode, (uint8_t)qp->type);
}

/* Data that the opcode cannot have. */
static bool has_wrong_data(const struct vib_send_wqe *wqe)
{
	bool is_inline = wqe->flags & VIB_SEND_INLINE;

	if (wqe->opcode == VIB_OP_LSO)
		return is_inline || wqe->inline_len > VIB_LSO_MAX_HEADER;
	return is_local(wqe->opcode) ? is_inline || wqe->num_sge
				     : is_inline && returns_data(wqe->opcode);
}

/* Where the SGEs of a request begin, or its inline data. */
static uint32_t sges_offset(const struct qp *qp)
{
	const struct vib_send_wqe *wqe = &qp->sending.wqe;

	return data_offset(qp) +
	       (wqe->opcode == VIB_OP_LSO ? vib_lso_header_room(wqe->inline_len) : 0);
}

/* Bytes of SGEs or inline data in the slot; -1 if there are more than may be. */
static int64_t data_bytes(const struct qp *qp)
{
	const struct vib_send_wqe *wqe = &qp->sending.wqe;

	if (wqe->flags & VIB_SEND_INLINE)
		return wqe->inline_len > qp->max_inline ? -1 : (int64_t)wqe->inline_len;
	if (wqe->num_sge > qp->max_send_sge)
		return -1;
	return (int64_t)(wqe->num_sge * sizeof(struct vib_sge));
}

/*
 * Copy the next request out of the guest's memory. 0 if there is none, 1 if it
 * is in qp->sending, -1 if that is malformed.
 */
static int fetch(struct qp *qp)
{
	struct sending *s = &qp->sending;
	const uint8_t *slot = vib_queue_peek(&qp->sq);
	int64_t bytes;
	uint32_t end;

	if (!slot)
		return 0;
	memcpy(&s->wqe, slot, sizeof(s->wqe));
	vib_copy_barrier();
	s->active = true;
	s->index = qp->sq.index;
	s->done = 0;
	s->claim = 0;
	s->deadline = 0;
	s->rnr_until = 0;
	s->look_again = 0;
	s->in_line = 0;
	s->failed = 0;
	vib_queue_advance(&qp->sq);
	/* Where there is one request there are more: have the one after the next come. */
	__builtin_prefetch(vib_slot_at(&qp->sq, qp->sq.index + 1));

	bytes = data_bytes(qp);
	if (!opcode_is_of(qp->type, s->wqe.opcode) || bytes < 0 ||
	    has_wrong_data(&s->wqe) || sges_offset(qp) + bytes > qp->sq.stride)
		return -1;
	end = sges_offset(qp) + (uint32_t)bytes;
	if (end > sizeof(s->wqe))
		memcpy(s->bytes + sizeof(s->wqe), slot + sizeof(s->wqe),
		       end - sizeof(s->wqe));
	return 1;
}

const void *send_sges(const struct qp *qp)
{
	return qp->sending.bytes + sges_offset(qp);
}

static int fetch_all(struct share *share, struct sg *sg)
{
	share_spend(share, COST_GRANTED * sg->granted + sg->bytes);
	if (sg_fetch(sg) == 0)
		return 0;
	share->status = VIB_WC_LOC_PROT_ERR;
	return -1;
}

int send_resolve(struct share *share, uint32_t access, struct sg *sg)
{
	struct qp *qp = share->qp;
	struct sending *s = &qp->sending;
	uint8_t *data = s->bytes + sges_offset(qp);
	const struct sg_owner owner = { qp->vhca, &qp->local_mr, qp->pd, qp->kernel };

	if (s->wqe.flags & VIB_SEND_INLINE) {
		sg_one(sg, data, s->wqe.inline_len);
		return 0;
	}
	share_spend(share, COST_SGE * s->wqe.num_sge);
	if (sg_resolve(sg, &owner, (const struct vib_sge *)data, s->wqe.num_sge, access) <
	    0) {
		share->status = VIB_WC_LOC_PROT_ERR;
		return -1;
	}
	if (sg->bytes > MAX_MESSAGE_SIZE) {
		share->status = VIB_WC_LOC_LEN_ERR;
		return -1;
	}
	/* Of datagrams there may be several copies, or it is looked into. */
	if (!sg_is_plain(sg) && vib_qp_type_is_datagram((uint8_t)qp->type))
		return fetch_all(share, sg);
	return 0;
}

/* ---- completing -------------------------------------------------------- */

static void complete(struct share *share, uint8_t status)
{
	struct qp *qp = share->qp;
	const struct vib_send_wqe *wqe = &qp->sending.wqe;
	const struct vib_cqe cqe = {
		.qpn = qp_number(qp),
		.wr_id = wqe->wr_id,
		.wqe_index = qp->sending.index,
		.byte_len = returns_data(wqe->opcode) ? (uint32_t)qp->sending.done : 0,
		.status = status,
		.opcode = wqe->opcode,
		.db_index = (uint16_t)qp->db_index,
		.timestamp = share->poller->now,
	};

	qp->sending.active = false;
	if (!status && !qp->signal_all && !(wqe->flags & VIB_SEND_SIGNALED))
		return;
	/* Who sees the completion may post in its place. */
	vib_queue_release(&qp->sq);
	/* Solicited is for the receiver; of ours only failures count as such. */
	if (!cq_put(share->poller, qp->send_cq, &cqe, status != VIB_WC_SUCCESS))
		qp_fatal(qp);
}

/* IBTA vol. 1 §10.3.1.6, §10.3.1.7: a reliable QP fails, of others the send queue. */
static void fail(struct share *share, uint8_t status)
{
	struct qp *qp = share->qp;

	qp->counters.errors++;
	complete(share, status);
	if (qp_is_reliable(qp))
		qp_enter_error(qp);
	else if (qp->attr.state == VIB_QPS_RTS || qp->attr.state == VIB_QPS_SQD)
		qp->attr.state = VIB_QPS_SQE;
}

/* Complete the next request, if there is one, as flushed. */
static bool flush_next(struct share *share)
{
	if (!fetch(share->qp))
		return false;
	share_spend(share, COST_REQUEST);
	share->unpaid += COST_REQUEST;
	complete(share, VIB_WC_WR_FLUSH_ERR);
	return true;
}

/* Complete what waits as flushed, up to a share. true if there was any. */
static bool flush(struct share *share)
{
	struct qp *qp = share->qp;
	unsigned int n = 0;

	if (wire_sends_wait(qp->wire)) /* which were before these */
		return false;
	if (qp->sending.active) {
		complete(share, VIB_WC_WR_FLUSH_ERR);
		n++;
	}
	while (n < SHARE_REQUESTS && share->budget > 0 && flush_next(share))
		n++;
	return n > 0;
}

/* ---- a share of work --------------------------------------------------- */

enum send_result send_wait(struct share *share, uint64_t when)
{
	share->qp->sending.look_again = when;
	timer_set(&share->poller->timers, &share->qp->timer, when);
	return SEND_WAITS;
}

/* Is its peer behind an HCA? UD asks for each datagram. */
static bool is_on_wire(const struct qp *qp)
{
	return __builtin_expect(qp->wire != NULL, 0) && qp->wire->active;
}

static enum send_result execute(struct share *share)
{
	if (vib_qp_type_is_datagram((uint8_t)share->qp->type))
		return datagram_send(share);
	if (is_on_wire(share->qp))
		return is_local(share->qp->sending.wqe.opcode)
			       ? wire_local_send(share)
			       : wire_connected_send(share);
	if (is_local(share->qp->sending.wqe.opcode))
		return local_send(share);
	return connected_send(share);
}

bool send_awaits_wire(const struct qp *qp)
{
	return wire_sends_wait(qp->wire) && qp->sending.active &&
	       (qp->sending.failed || wire_local_waits(qp));
}

/* In SQD: what was begun is done. IBTA vol. 1 §10.3.1.5. */
static void drained(struct qp *qp)
{
	if (qp->drained || wire_sends_wait(qp->wire))
		return;
	qp->drained = true;
	if (qp->attr.en_sqd_async_notify)
		async_raise(&qp->vhca->async, &qp->async, VIB_ASYNC_QP_SQ_DRAINED);
}

/* Flush one of the requests that failed with one before them; false: that was all. */
static bool flush_behind(struct share *share)
{
	struct qp *qp = share->qp;

	if (qp->sq.index == qp->flush_to || !flush_next(share)) {
		qp->flushing = false;
		return false;
	}
	return true;
}

/* The message in progress waits for tokens. */
static void break_off(struct sending *s)
{
	if (!s->in_line)
		s->in_line = clock_ns();
}

static uint64_t later(uint64_t when, uint64_t ns)
{
	return when && when != NEVER ? when + ns : when;
}

/* It goes on. Time in which it could not ask its peer is not its peer's. */
static void go_on(struct sending *s)
{
	uint64_t ns = clock_ns() - s->in_line;

	s->in_line = 0;
	s->deadline = later(s->deadline, ns);
	s->rnr_until = later(s->rnr_until, ns);
}

/* The request fails with @status, after what is with the HCA. true if it did. */
static bool fail_in_turn(struct share *share, uint8_t status)
{
	share->qp->sending.failed = status;
	if (wire_sends_wait(share->qp->wire))
		return false;
	fail(share, status);
	return true;
}

/* One request, or a part. true to go on with the next at once. */
static bool step(struct share *share, bool *worked)
{
	struct qp *qp = share->qp;
	int64_t budget;
	uint64_t done;
	int fetched;

	if (share->budget <= 0) {
		*worked = true;
		return false;
	}
	if (qp->attr.state == VIB_QPS_ERR || qp->attr.state == VIB_QPS_SQE) {
		*worked |= flush(share);
		return false;
	}
	if (qp->attr.state != VIB_QPS_RTS && qp->attr.state != VIB_QPS_SQD)
		return false;
	if (qp->flushing && flush_behind(share)) {
		*worked = true;
		return true;
	}
	if (!qp->sending.active) {
		if (qp->attr.state == VIB_QPS_SQD) {
			drained(qp);
			return false;
		}
		if (share->short_of_tokens) {
			share->awaits_tokens = vib_queue_peek(&qp->sq);
			return false;
		}
		fetched = fetch(qp);
		if (fetched == 0)
			return false;
		*worked = true;
		share_spend(share, COST_REQUEST);
		if (fetched < 0)
			return fail_in_turn(share, VIB_WC_LOC_QP_OP_ERR);
	} else if (__builtin_expect(qp->sending.failed, 0)) {
		return fail_in_turn(share, qp->sending.failed);
	} else if (share->short_of_tokens) {
		share->awaits_tokens = true;
		break_off(&qp->sending);
		return false;
	} else if (qp->sending.in_line) {
		go_on(&qp->sending);
	}
	budget = share->budget;
	done = qp->sending.done;
	switch (execute(share)) {
	case SEND_DONE:
		*worked = true;
		if (__builtin_expect(wire_sends_wait(qp->wire), 0))
			wire_complete_later(qp);
		else
			complete(share, VIB_WC_SUCCESS);
		return true;
	case SEND_MORE:
		*worked = true;
		/* A lock that another holds costs the guest nothing. */
		if (qp->sending.done == done)
			share->unpaid += budget - share->budget;
		return false;
	case SEND_WAITS:
		share->unpaid += budget - share->budget;
		return false;
	case SEND_FAILED:
		*worked = true;
		return fail_in_turn(share, share->status);
	case SEND_POSTED:
		*worked = true;
		qp->sending.active = false;
		return true;
	}
	return false;
}

/* What a QP may cost a pass: its part of what all QPs of its vHCA may. */
static uint32_t share_of(const struct qp *qp)
{
	uint32_t part = VHCA_BYTES / (qp->vhca->num_hot ? qp->vhca->num_hot : 1);

	return part < SHARE_BYTES ? part : SHARE_BYTES;
}

/* Of a vHCA that has a rate: a share of its tokens, if it is the QP's turn. */
static void bound(struct share *share)
{
	int64_t most = bucket_share(&share->qp->vhca->bucket);

	share->short_of_tokens = !tokens_given(share->poller, share->qp);
	if (share->budget > most)
		share->budget = most;
}

/* It had a share of @budget, or is to wait for one. */
static void pay(struct share *share, int64_t budget)
{
	struct qp *qp = share->qp;

	bucket_take(&qp->vhca->bucket, budget - share->budget - share->unpaid);
	if (share->awaits_tokens)
		tokens_await(share->poller, qp);
	else
		tokens_forget(share->poller, qp);
}

/* Of the peer, after counting what went there. */
static void let_go(struct share *share)
{
	struct qp *qp = share->qp, *peer = share->peer;

	count_message(&qp->counters, &peer->counters, share->bytes, share->packets);
	if (peer != qp)
		pthread_spin_unlock(&peer->lock);
}

bool send_serve(struct poller *poller, struct qp *qp)
{
	struct share share = { .poller = poller, .qp = qp, .budget = share_of(qp) };
	uint32_t from = qp->sq.index;
	bool worked = false, has_rate = qp->vhca->bucket.rate;
	int64_t budget;

	if (!qp->has_sq) {
		if (qp->attr.state == VIB_QPS_SQD)
			drained(qp);
		return false;
	}
	if (has_rate)
		bound(&share);
	budget = share.budget;
	for (unsigned int i = 0; i < SHARE_REQUESTS && step(&share, &worked); i++)
		;
	if (__builtin_expect(qp->wire != NULL, 0))
		wire_flush(&share);
	if (has_rate)
		pay(&share, budget);
	share_release_window(&share);
	if (share.peer)
		let_go(&share);
	if (qp->sq.index != from)
		vib_queue_release(&qp->sq);
	return worked;
}
