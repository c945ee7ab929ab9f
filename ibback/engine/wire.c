// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/wire.h"

#include <endian.h>
#include <stdlib.h>

#include "engine/answer.h"
#include "engine/counters.h"
#include "engine/cq.h"
#include "engine/dma.h"
#include "engine/poller.h"
#include "engine/qp.h"
#include "engine/receive_slot.h"
#include "engine/sg.h"
#include "engine/srq.h"
#include "engine/vhca.h"
#include "engine/wire_parts.h"
#include "engine/wire_sge.h"

/* Completions taken at a time, and in one look. */
#define POLL_BATCH 16
#define POLL_MOST  64
/* Receives posted in one pass. */
#define POST_MOST  64

/* The epochs that an id tells apart. */
#define ID_EPOCHS  0x7fffffffu

static uint64_t id_of(const struct wire_qp *w, uint32_t place)
{
	return (uint64_t)(w->epoch & ID_EPOCHS) << 32 | place;
}

uint64_t wire_receive_id(const struct wire_qp *w, uint32_t place)
{
	return WIRE_ID_RECEIVE | id_of(w, place);
}

void wire_init(struct vhca_wire *wire)
{
	pthread_spin_init(&wire->lock, PTHREAD_PROCESS_PRIVATE);
	TAILQ_INIT(&wire->failed);
	TAILQ_INIT(&wire->ahs.asked);
	wire_fasts_init(&wire->fasts);
}

void wire_fini(struct vhca_wire *wire)
{
	pthread_spin_destroy(&wire->lock);
}

/* ---- what becomes of it ------------------------------------------------- */

void wire_forget(struct qp *qp)
{
	wire_failed_forget(qp);
	qp->wire->qp = NULL;
}

void wire_event(struct wire_qp *w, enum vib_async_type type, bool failed)
{
	struct qp *qp = w->qp;

	if (!qp)
		return;
	pthread_spin_lock(&qp->lock);
	if (qp->attr.state != VIB_QPS_ERR)
		async_raise(&qp->vhca->async, &qp->async, type);
	if (failed)
		qp_enter_error(qp);
	pthread_spin_unlock(&qp->lock);
}

/* Does @qp, at the HCA, send as somebody who the vport with @now is not, or nobody? */
static bool is_other(const struct qp *qp, const struct port_view *was,
		     const struct port_view *now)
{
	const struct vib_qp_attr *attr = &qp->attr;
	unsigned int gid =
		attr->av.sgid_index % VIB_MAX_GIDS; /* checked with a GRH only */

	/* The HCA would answer its peer on; of datagrams each is looked at. */
	if (now->cut && !qp->wire->datagrams)
		return true;
	if (was->pkeys[attr->pkey_index] != now->pkeys[attr->pkey_index])
		return true;
	/* On Ethernet there is a GID also where the guest names a LID. */
	return !qp->wire->datagrams &&
	       (attr->av.flags & VIB_AV_GRH || qp->vhca->wire->ethernet) &&
	       memcmp(&was->gids[gid], &now->gids[gid], sizeof(now->gids[gid])) != 0;
}

void wire_lose_identity(struct qp *qp)
{
	if (qp->wire->datagrams)
		qp->wire->active = false;
	else
		qp_fatal(qp);
}

void wire_identity(struct qp *qp, const struct port_view *was,
		   const struct port_view *now)
{
	pthread_spin_lock(&qp->lock);
	if (qp->wire->active && is_other(qp, was, now))
		wire_lose_identity(qp);
	pthread_spin_unlock(&qp->lock);
}

static void drop_handle(struct vhca_wire *wire, struct wire_send *s)
{
	if (s->handle)
		wire_ah_drop(wire, s->handle);
	s->handle = NULL;
}

void wire_drop_handles(struct vhca_wire *wire, struct wire_qp *w)
{
	for (uint32_t i = 0; w->sends && i < w->max_sends; i++)
		drop_handle(wire, &w->sends[i]);
}

void wire_discard(struct qp *qp)
{
	struct wire_completion batch[POLL_BATCH];
	struct wire_qp *w = qp->wire;
	int count;

	if (!wire_is_shared(qp))
		return; /* what is old is known by its epoch */
	do {
		count = w->ops->poll(w, batch, POLL_BATCH);
		for (int i = 0; i < count; i++)
			wire_srq_return(qp->srq->wire, batch[i].id);
	} while (count > 0);
}

void wire_reset(struct qp *qp)
{
	struct wire_qp *w = qp->wire;

	wire_discard(qp);
	wire_failed_forget(qp); /* it would fail what it is after the reset */
	w->active = false;
	w->looped = false;
	w->epoch++;
	w->first_send = w->next_send = 0;
	w->first_receive = w->next_receive = 0;
	w->unsignaled = 0;
	w->has_refused = false;
	w->cut_short = false;
	w->flushed = false;
	w->flushed_at = 0;
}

/* ---- sending ----------------------------------------------------------- */

/*
 * The HCA tells of those that the guest asks for, of the last of each share, so that
 * nothing stays unknown whatever follows, and of enough others that its queue never fills
 * up with what it does not tell of.
 */
static bool must_signal(const struct wire_qp *w, bool wanted)
{
	return wanted || w->unsignaled + 1 >= w->max_sends / 4;
}

static bool is_atomic(uint8_t opcode)
{
	return opcode == VIB_OP_CMP_SWAP || opcode == VIB_OP_FETCH_ADD;
}

static bool returns_data(uint8_t opcode)
{
	return opcode == VIB_OP_RDMA_READ || is_atomic(opcode);
}

uint32_t wire_note_send(struct qp *qp, uint64_t bytes, bool wanted)
{
	struct wire_qp *w = qp->wire;
	const struct sending *s = &qp->sending;

	*wire_send_at(w, w->next_send) = (struct wire_send){
		.wr_id = s->wqe.wr_id,
		.index = s->index,
		.byte_len = returns_data(s->wqe.opcode) ? (uint32_t)bytes : 0,
		.opcode = s->wqe.opcode,
		.wanted = wanted,
	};
	return w->next_send++;
}

static void count_send(struct share *share, uint64_t bytes)
{
	struct vib_rsp_counters *c = &share->qp->counters;

	if (returns_data(share->qp->sending.wqe.opcode)) {
		c->xmit_packets++;
		c->rcv_bytes += bytes;
		c->rcv_packets += packets_of(bytes, share->qp->attr.path_mtu);
		return;
	}
	c->xmit_bytes += bytes;
	c->xmit_packets += packets_of(bytes, share->qp->attr.path_mtu);
}

static bool opcode_is_known(const struct qp *qp, uint8_t opcode)
{
	switch (opcode) {
	case VIB_OP_CMP_SWAP:
	case VIB_OP_FETCH_ADD:
		return qp->vhca->wire->atomics;
	case VIB_OP_SEND:
	case VIB_OP_SEND_IMM:
	case VIB_OP_SEND_INV:
	case VIB_OP_RDMA_WRITE:
	case VIB_OP_RDMA_WRITE_IMM:
	case VIB_OP_RDMA_READ:
		return true;
	default:
		return false;
	}
}

enum send_result wire_post_send(struct share *share, struct wire_request *request,
				uint32_t place, bool wanted)
{
	struct qp *qp = share->qp;
	struct wire_qp *w = qp->wire;
	uint64_t failed;

	request->id = id_of(w, place);
	request->signaled = must_signal(w, wanted);
	w->unsignaled = request->signaled ? 0 : w->unsignaled + 1;
	if (__builtin_expect(!w->ops->send(w, request, &failed), 0))
		wire_not_posted(qp, failed);
	return SEND_POSTED;
}

enum send_result wire_connected_send(struct share *share)
{
	struct qp *qp = share->qp;
	struct wire_qp *w = qp->wire;
	const struct vib_send_wqe *wqe = &qp->sending.wqe;
	bool read = wqe->opcode == VIB_OP_RDMA_READ, returns = returns_data(wqe->opcode);
	bool wanted = qp->signal_all || wqe->flags & VIB_SEND_SIGNALED;
	struct vib_sge sges[MAX_SGE];
	struct wire_request request = { .wqe = wqe, .sges = sges };
	struct sg own;

	if (!opcode_is_known(qp, wqe->opcode) || (read && wqe->num_sge > MAX_SGE_RD) ||
	    (returns && !qp->attr.max_rd_atomic))
		return send_fail(share, VIB_WC_LOC_QP_OP_ERR);
	if (send_resolve(share, returns ? VIB_ACCESS_LOCAL_WRITE : 0, &own) < 0)
		return SEND_FAILED;
	if (is_atomic(wqe->opcode) && own.bytes != sizeof(uint64_t))
		return send_fail(share, VIB_WC_LOC_LEN_ERR);
	/* As its peer would deny it: not every HCA takes one that is not aligned. */
	if (is_atomic(wqe->opcode) && wqe->u.atomic.remote_addr % sizeof(uint64_t))
		return send_fail(share, VIB_WC_REM_INV_REQ_ERR);
	/* Also of what is not posted the completion may have to wait its turn. */
	if (!wire_has_room(w))
		return SEND_MORE;
	if (__builtin_expect(!vhca_view(qp->vhca)->up, 0)) /* nothing leaves the port */
		return unanswered(share);
	qp->sending.deadline = 0;
	if (wqe->flags & VIB_SEND_INLINE) {
		request.data = own.part[0].at;
	} else {
		request.num_sge = wire_sges(qp->vhca, &qp->local_mr,
					    (const struct vib_sge *)send_sges(qp),
					    wqe->num_sge, sges);
		if (request.num_sge == WIRE_UNREACHABLE) /* not the HCA's to reach */
			return send_fail(share, VIB_WC_LOC_PROT_ERR);
	}
	share_spend(share, own.bytes);
	count_send(share, own.bytes);
	return wire_post_send(share, &request, wire_note_send(qp, own.bytes, wanted),
			      wanted);
}

enum send_result wire_atomic_send(struct share *share)
{
	/* Which its guest or the peer's had no right for when they were connected. */
	if (!share->qp->wire->looped)
		return send_fail(share, VIB_WC_REM_OP_ERR);
	return wire_connected_send(share);
}

void wire_flush(struct share *share)
{
	struct wire_qp *w = share->qp->wire;
	uint64_t failed;

	w->unsignaled = 0;
	if (__builtin_expect(!w->ops->flush(w, &failed), 0))
		wire_not_posted(share->qp, failed);
}

/* ---- completing -------------------------------------------------------- */

static void complete_send(struct poller *poller, struct qp *qp, const struct wire_send *s)
{
	const struct vib_cqe cqe = {
		.qpn = qp_number(qp),
		.wr_id = s->wr_id,
		.wqe_index = s->index,
		.byte_len = s->byte_len,
		.status = s->status,
		.opcode = s->opcode,
		.db_index = (uint16_t)qp->db_index,
		.timestamp = poller->now,
	};

	if (!s->status && !s->wanted)
		return;
	vib_queue_release(&qp->sq);
	if (!cq_put(poller, qp->send_cq, &cqe, s->status != VIB_WC_SUCCESS))
		qp_fatal(qp);
}

/* As send.c: fail() does. */
static void has_failed(struct qp *qp, uint8_t status)
{
	if (status != VIB_WC_WR_FLUSH_ERR)
		qp->counters.errors++;
	if (qp_is_reliable(qp) || status == VIB_WC_WR_FLUSH_ERR)
		qp_enter_error(qp);
	else if (qp->attr.state == VIB_QPS_RTS || qp->attr.state == VIB_QPS_SQD)
		qp->attr.state = VIB_QPS_SQE;
}

void wire_complete_sends(struct poller *poller, struct qp *qp)
{
	struct wire_qp *w = qp->wire;

	while (w->first_send != w->next_send && wire_send_at(w, w->first_send)->done) {
		const struct wire_send s = *wire_send_at(w, w->first_send);

		drop_handle(qp->vhca->wire, wire_send_at(w, w->first_send++));
		if (__builtin_expect(s.key != 0, 0))
			wire_fast_is_done(qp, s.opcode, s.key, s.status);
		complete_send(poller, qp, &s);
		if (__builtin_expect(s.status != VIB_WC_SUCCESS, 0) &&
		    !(s.status == VIB_WC_WR_FLUSH_ERR && qp->attr.state == VIB_QPS_SQE))
			has_failed(qp, s.status);
	}
}

static bool is_among(uint32_t place, uint32_t first, uint32_t next)
{
	return place - first < next - first;
}

/* All before it are done too; of those that it did not tell of, well. */
static void on_sent(struct poller *poller, struct qp *qp, const struct wire_completion *c)
{
	struct wire_qp *w = qp->wire;
	uint32_t place = (uint32_t)c->id;

	if (!is_among(place, w->first_send, w->next_send))
		return;
	for (uint32_t i = w->first_send; i != place; i++)
		wire_send_at(w, i)->done = true;
	wire_send_at(w, place)->done = true;
	wire_send_at(w, place)->status = c->status;
	/* In the order of the HCA's, receives between them. */
	wire_complete_sends(poller, qp);
}

/* ---- receiving --------------------------------------------------------- */

static void refuse(struct wire_qp *w, const struct receive *r)
{
	w->refused = *r;
	w->has_refused = true;
}

/* Give @r to the HCA, which has room. */
static void post_receive(struct qp *qp, const struct receive *r)
{
	struct wire_qp *w = qp->wire;
	struct vib_sge sges[MAX_SGE];
	unsigned int count;
	struct sg sg;

	count = receive_resolve(qp, r, &sg) < 0
			? WIRE_UNREACHABLE
			: wire_sges(qp->vhca, &qp->receive_mr, r->sge, r->num_sge, sges);
	if (count == WIRE_UNREACHABLE ||
	    w->ops->receive(w, WIRE_ID_RECEIVE | id_of(w, w->next_receive), sges, count) <
		    0) {
		refuse(w, r);
		return;
	}
	w->receives[w->next_receive++ & (w->max_receives - 1)] =
		(struct wire_receive){ r->wr_id, r->index };
}

bool wire_takes_receives(const struct qp *qp)
{
	const struct wire_qp *w = qp->wire;

	return w && w->active && !w->datagrams && qp_can_receive(qp) && !w->has_refused &&
	       w->next_receive - w->first_receive < w->max_receives;
}

unsigned int wire_post_receives(struct qp *qp, unsigned int most)
{
	struct wire_qp *w = qp->wire;
	struct receive r;
	unsigned int n = 0;

	if (wire_is_shared(qp)) {
		wire_srq_begin(qp->srq->wire);
		return wire_srq_post(qp->srq, most);
	}
	while (n < most && qp->has_rq && !w->has_refused &&
	       w->next_receive - w->first_receive < w->max_receives &&
	       receive_copy(&qp->rq, qp->max_recv_sge, &r)) {
		post_receive(qp, &r);
		n++;
	}
	return n;
}

/* On the poller it is what a guest with a rate pays for. */
static bool posted(struct qp *qp, unsigned int n)
{
	if (qp->vhca->bucket.rate)
		bucket_take(&qp->vhca->bucket, (int64_t)n * COST_REQUEST);
	return n > 0;
}

static bool post_receives(struct qp *qp)
{
	return posted(qp, wire_post_receives(qp, POST_MOST));
}

static bool post_shared(struct qp *qp)
{
	return posted(qp, wire_srq_post(qp->srq, POST_MOST));
}

/* @r is done, as @c has it but for @status. */
static void received(struct poller *poller, struct qp *qp, const struct receive *r,
		     const struct wire_completion *c, uint8_t status)
{
	/* The HCA does not say what was solicited: who waits for that is woken by all. */
	const struct received how = {
		.status = status,
		.opcode = c->opcode,
		.flags = c->flags,
		.solicited = true,
		.imm = c->imm,
		.byte_len = c->byte_len,
		.src_qpn = qp->attr.dest_qpn,
	};

	if (!status) {
		qp->counters.rcv_bytes += c->byte_len;
		qp->counters.rcv_packets += packets_of(c->byte_len, qp->attr.path_mtu);
		if (__builtin_expect(c->flags & VIB_CQE_WITH_INV, 0))
			wire_fast_invalidated(qp, le32toh(c->imm));
	}
	receive_complete(poller, qp, r, &how);
	if (status)
		qp_enter_error(qp);
}

static void on_received(struct poller *poller, struct qp *qp,
			const struct wire_completion *c)
{
	struct wire_qp *w = qp->wire;
	const struct wire_receive *posted;
	struct receive r = { 0 };

	/* A QP's receives complete in their order: anything else is no word of this QP.
	 */
	if ((uint32_t)c->id != w->first_receive || w->first_receive == w->next_receive)
		return;
	posted = &w->receives[w->first_receive++ & (w->max_receives - 1)];
	r.wr_id = posted->wr_id;
	r.index = posted->index;
	received(poller, qp, &r, c, c->status);
}

/* One of the SRQ's, in whatever order its QPs take them. */
static void on_shared(struct poller *poller, struct qp *qp,
		      const struct wire_completion *c)
{
	uint8_t status = c->status;
	struct receive r = { 0 };
	bool refused;

	if (!qp->wire->active) { /* of before a reset */
		wire_srq_return(qp->srq->wire, c->id);
		return;
	}
	if (!wire_srq_take(qp->srq->wire, c->id, &r, &refused))
		return;
	srq_check_limit(qp->srq);
	/* The HCA has not seen what was wrong with it. */
	if (refused && status == VIB_WC_LOC_LEN_ERR)
		status = VIB_WC_LOC_PROT_ERR;
	received(poller, qp, &r, c, status);
}

/* The one that could not be posted, when all before it are done. */
static bool fail_refused(struct poller *poller, struct qp *qp)
{
	struct wire_qp *w = qp->wire;
	struct received wrong = { .status = VIB_WC_LOC_PROT_ERR };

	if (!w->has_refused || w->first_receive != w->next_receive)
		return false;
	w->has_refused = false;
	if (qp->attr.state == VIB_QPS_ERR)
		wrong.status = VIB_WC_WR_FLUSH_ERR;
	receive_complete(poller, qp, &w->refused, &wrong);
	qp_enter_error(qp);
	return true;
}

/* ---- serving ----------------------------------------------------------- */

/* Completions that came. true if there were some. */
static bool reap(struct poller *poller, struct qp *qp)
{
	struct wire_completion batch[POLL_BATCH];
	struct wire_qp *w = qp->wire;
	unsigned int total = 0;
	int count;

	do {
		count = w->ops->poll(w, batch, POLL_BATCH);
		for (int i = 0; i < count; i++) {
			const struct wire_completion *c = &batch[i];

			if (c->id & WIRE_ID_RECEIVE && wire_is_shared(qp))
				on_shared(poller, qp, c);
			else if ((c->id >> 32 & ID_EPOCHS) != (w->epoch & ID_EPOCHS))
				continue; /* of before a reset */
			else if (!(c->id & WIRE_ID_RECEIVE))
				on_sent(poller, qp, c);
			else if (w->datagrams)
				wire_on_datagram(poller, qp, c);
			else
				on_received(poller, qp, c);
		}
		total += count > 0 ? (unsigned int)count : 0;
	} while (count == POLL_BATCH && total < POLL_MOST);
	if (count < 0)
		qp_fatal(qp);
	wire_complete_sends(poller, qp);
	return total > 0;
}

/* Have the HCA have what it can receive with. */
static bool give_receives(struct qp *qp)
{
	if (!qp->wire->active || !qp_can_receive(qp))
		return false;
	if (qp->wire->datagrams)
		return wire_post_slots(qp);
	return wire_is_shared(qp) ? post_shared(qp) : post_receives(qp);
}

bool wire_serve(struct poller *poller, struct qp *qp)
{
	bool worked = reap(poller, qp);

	worked |= give_receives(qp);
	if (!worked)
		wire_check_flushed(poller, qp);
	return worked | fail_refused(poller, qp);
}

bool wire_cool(struct poller *poller, struct qp *qp)
{
	bool quiet;

	/* Whatever its own state: what it took has left room for others. */
	if (wire_is_shared(qp) && !wire_srq_rang(qp->srq))
		return false;
	qp->wire->ops->arm(qp->wire);
	quiet = !reap(poller, qp);
	cq_release(poller);
	return quiet;
}
