// SPDX-License-Identifier: GPL-2.0-or-later
/* What the HCA in memory does: posting, requests, completions. */
#include "fake_hca.h"
#include "fake_mw.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

struct fake_qp *fake_find_qp(uint32_t number)
{
	struct fake_qp *q;

	LIST_FOREACH(q, &fake_qps, entry)
	if (q->qp.qp_num == number)
		return q;
	return NULL;
}

const struct ibv_qp_attr *fake_hca_qp(uint32_t number)
{
	struct fake_qp *q = fake_find_qp(number);

	return q ? &q->attr : NULL;
}

unsigned int fake_hca_receives(uint32_t number)
{
	struct fake_qp *q = fake_find_qp(number);

	return q ? q->next_recv - q->first_recv : 0;
}

unsigned int fake_hca_sends(uint32_t number)
{
	struct fake_qp *q = fake_find_qp(number);

	return q ? q->next_send - q->first_send : 0;
}

/* ---- completions ------------------------------------------------------- */

static void tell(struct fake_cq *c)
{
	if (!c->armed || !c->cq.channel)
		return;
	c->armed = false;
	c->told = true;
	eventfd_write(c->cq.channel->fd, 1);
}

static void complete(struct ibv_cq *cq, const struct ibv_wc *wc)
{
	struct fake_cq *c = (struct fake_cq *)cq;

	if (c->next - c->first == c->most)
		abort(); /* overrun: nobody may let this happen */
	c->wcs[c->next++ % c->most] = *wc;
	tell(c);
}

int fake_poll_cq(struct ibv_cq *cq, int most, struct ibv_wc *wcs)
{
	struct fake_cq *c = (struct fake_cq *)cq;
	int n = 0;

	for (; n < most && c->first != c->next; n++)
		wcs[n] = c->wcs[c->first++ % c->most];
	return n;
}

int fake_req_notify_cq(struct ibv_cq *cq, int solicited)
{
	(void)solicited;
	((struct fake_cq *)cq)->armed = true;
	return 0;
}

int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **context)
{
	struct fake_cq *c;

	LIST_FOREACH(c, &fake_cqs, entry)
	if (c->told && c->cq.channel == channel) {
		c->told = false;
		c->unacked++;
		*cq = &c->cq;
		*context = c->cq.cq_context;
		return 0;
	}
	errno = EAGAIN;
	return -1;
}

void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int count)
{
	((struct fake_cq *)cq)->unacked -= count;
}

/* ---- what is done ------------------------------------------------------ */

static struct fake_mr *find_mr(uint32_t key)
{
	struct fake_mr *m;

	LIST_FOREACH(m, &fake_mrs, entry)
	if (m->mr.lkey == key)
		return m;
	return NULL;
}

static uint8_t *reach(const struct ibv_pd *pd, uint32_t key, uint64_t addr,
		      uint64_t length, int access)
{
	struct fake_mr *m = find_mr(key);

	return m && m->mr.pd == pd ? fake_mr_at(&m->mr, addr, length, access) : NULL;
}

/* The same of @qp's peer. */
static uint8_t *reach_by(struct fake_qp *q, uint32_t key, uint64_t addr, uint64_t length,
			 int access)
{
	return find_mr(key) ? reach(q->qp.pd, key, addr, length, access)
			    : fake_mw_reach(&q->qp, key, addr, length, access);
}

/* Copy from or to the memory of SGEs. false: they name what they must not. */
static bool copy(const struct ibv_pd *pd, const struct ibv_sge *sge, int count,
		 uint8_t *at, uint64_t bytes, bool to_sges)
{
	for (int i = 0; i < count && bytes; i++) {
		uint64_t n = sge[i].length < bytes ? sge[i].length : bytes;
		uint8_t *p = reach(pd, sge[i].lkey, sge[i].addr, n,
				   to_sges ? IBV_ACCESS_LOCAL_WRITE : 0);

		if (!p)
			return false;
		memcpy(to_sges ? p : at, to_sges ? at : p, n);
		at += n;
		bytes -= n;
	}
	return !bytes;
}

static uint64_t length_of(const struct ibv_sge *sge, int count)
{
	uint64_t n = 0;

	for (int i = 0; i < count; i++)
		n += sge[i].length;
	return n;
}

static void flush_recvs(struct fake_qp *q)
{
	while (q->first_recv != q->next_recv) {
		struct ibv_wc wc = { .wr_id = q->recvs[q->first_recv++ % FAKE_MOST].id,
				     .status = IBV_WC_WR_FLUSH_ERR,
				     .qp_num = q->qp.qp_num };

		complete(q->qp.recv_cq, &wc);
	}
}

static void flush_sends(struct fake_qp *q)
{
	while (q->first_send != q->next_send) {
		struct ibv_wc wc = {
			.wr_id = q->sends[q->first_send++ % FAKE_MOST].wr.wr_id,
			.status = IBV_WC_WR_FLUSH_ERR,
			.qp_num = q->qp.qp_num
		};

		complete(q->qp.send_cq, &wc);
	}
}

/* UC and UD: they receive on. */
static void stop_sending(struct fake_qp *q)
{
	q->attr.qp_state = IBV_QPS_SQE;
	flush_sends(q);
}

void fake_fail(struct fake_qp *q)
{
	q->attr.qp_state = IBV_QPS_ERR;
	flush_sends(q);
	flush_recvs(q);
}

/* The next receive of @q, of its SRQ if it has one. */
static bool take_recv(struct fake_qp *q, struct fake_recv **r)
{
	struct fake_srq *s = (struct fake_srq *)q->qp.srq;

	if (s ? s->first == s->next : q->first_recv == q->next_recv)
		return false;
	*r = s ? &s->recvs[s->first++ % FAKE_MOST]
	       : &q->recvs[q->first_recv++ % FAKE_MOST];
	return true;
}

/* Data come into a receive of @to, with a GRH for UD. A status of the sender's. */
static enum ibv_wc_status arrive(struct fake_qp *from, struct fake_qp *to,
				 const struct fake_send *s, uint8_t *data, uint64_t bytes)
{
	bool ud = to->qp.qp_type == IBV_QPT_UD;
	struct ibv_wc wc = { .qp_num = to->qp.qp_num, .src_qp = from->qp.qp_num };
	uint8_t packet[40 + 65536] = { 0 };
	struct fake_recv *r;

	if (!take_recv(to, &r))
		return ud || to->qp.qp_type == IBV_QPT_UC ? IBV_WC_SUCCESS
							  : IBV_WC_RNR_RETRY_EXC_ERR;
	wc.wr_id = r->id;
	wc.opcode = IBV_WC_RECV;
	wc.byte_len = (uint32_t)bytes;
	if (s->wr.opcode == IBV_WR_SEND_WITH_IMM ||
	    s->wr.opcode == IBV_WR_RDMA_WRITE_WITH_IMM) {
		wc.wc_flags |= IBV_WC_WITH_IMM;
		wc.imm_data = s->wr.imm_data;
	}
	if (s->wr.opcode == IBV_WR_RDMA_WRITE_WITH_IMM) {
		wc.opcode = IBV_WC_RECV_RDMA_WITH_IMM;
		complete(to->qp.recv_cq, &wc);
		return IBV_WC_SUCCESS;
	}
	if (ud) {
		struct fake_ah *ah = (struct fake_ah *)s->wr.wr.ud.ah;
		struct ibv_grh *grh = (struct ibv_grh *)packet;

		grh->version_tclass_flow = htobe32(6u << 28);
		grh->paylen = htobe16((uint16_t)bytes);
		grh->sgid = fake_hca.gids[ah->attr.grh.sgid_index].gid;
		grh->dgid = ah->attr.grh.dgid;
		memcpy(packet + 40, data, bytes);
		data = packet;
		bytes += 40;
		wc.byte_len = (uint32_t)bytes;
		wc.wc_flags |= IBV_WC_GRH;
	}
	if (length_of(r->sge, r->count) < bytes) {
		wc.status = IBV_WC_LOC_LEN_ERR;
	} else if (!copy(to->qp.srq ? to->qp.srq->pd : to->qp.pd, r->sge, r->count, data,
			 bytes, true)) {
		wc.status = IBV_WC_LOC_PROT_ERR;
	} else if (s->wr.opcode == IBV_WR_SEND_WITH_INV) {
		if (!fake_mw_invalidate(&to->qp, s->wr.invalidate_rkey))
			wc.status = IBV_WC_LOC_ACCESS_ERR;
		wc.wc_flags |= fake_hca.vendor_id == FAKE_RXE ? IBV_WC_IP_CSUM_OK
							      : IBV_WC_WITH_INV;
		wc.invalidated_rkey = s->wr.invalidate_rkey;
	}
	complete(to->qp.recv_cq, &wc);
	if (!wc.status || ud)
		return IBV_WC_SUCCESS;
	fake_fail(to);
	return wc.status == IBV_WC_LOC_LEN_ERR ? IBV_WC_REM_INV_REQ_ERR
					       : IBV_WC_REM_OP_ERR;
}

void fake_hca_forge(uint32_t to, uint32_t from, const uint8_t dgid[16],
		    unsigned int index)
{
	struct fake_ah ah = { 0 };
	struct fake_send s = { .wr = { .wr.ud.ah = &ah.ah } };
	uint8_t data[8] = { 0 };

	memcpy(ah.attr.grh.dgid.raw, dgid, 16);
	ah.attr.grh.sgid_index = (uint8_t)index;
	arrive(fake_find_qp(from), fake_find_qp(to), &s, data, sizeof(data));
}

static bool receives(const struct fake_qp *q)
{
	return q && q->attr.qp_state >= IBV_QPS_RTR && q->attr.qp_state <= IBV_QPS_SQE;
}

/* What was there before. */
static uint8_t *do_atomic(const struct fake_send *s, uint8_t *at)
{
	static uint64_t old;
	uint64_t new;

	memcpy(&old, at, sizeof(old));
	new = old + s->wr.wr.atomic.compare_add;
	if (s->wr.opcode == IBV_WR_ATOMIC_CMP_AND_SWP)
		new = old == s->wr.wr.atomic.compare_add ? s->wr.wr.atomic.swap : old;
	memcpy(at, &new, sizeof(new));
	return (uint8_t *)&old;
}

static enum ibv_wc_status execute(struct fake_qp *q, struct fake_send *s, uint32_t *len)
{
	static uint8_t data[1 << 20];
	bool ud = q->qp.qp_type == IBV_QPT_UD;
	uint64_t bytes = length_of(s->sge, s->wr.num_sge);
	struct fake_qp *to =
		fake_find_qp(ud ? s->wr.wr.ud.remote_qpn : q->attr.dest_qp_num);
	uint8_t *at;

	*len = (uint32_t)bytes;
	if (s->wr.opcode == IBV_WR_BIND_MW)
		return fake_mw_bind(&q->qp, &s->wr, s->mw_rkey);
	if (s->wr.opcode == IBV_WR_LOCAL_INV)
		return fake_mw_invalidate(&q->qp, s->wr.invalidate_rkey)
			       ? IBV_WC_SUCCESS
			       : IBV_WC_LOC_QP_OP_ERR;
	if (s->is_inline)
		memcpy(data, s->data, bytes);
	else if (s->wr.opcode != IBV_WR_RDMA_READ &&
		 s->wr.opcode != IBV_WR_ATOMIC_CMP_AND_SWP &&
		 s->wr.opcode != IBV_WR_ATOMIC_FETCH_AND_ADD &&
		 !copy(q->qp.pd, s->sge, s->wr.num_sge, data, bytes, false))
		return IBV_WC_LOC_PROT_ERR;
	if (!receives(to) || (!ud && to->attr.dest_qp_num != q->qp.qp_num) ||
	    (ud && to->attr.qkey != s->wr.wr.ud.remote_qkey))
		return q->qp.qp_type == IBV_QPT_RC ? IBV_WC_RETRY_EXC_ERR
						   : IBV_WC_SUCCESS;
	switch (s->wr.opcode) {
	case IBV_WR_ATOMIC_CMP_AND_SWP:
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
		at = reach_by(to, s->wr.wr.atomic.rkey, s->wr.wr.atomic.remote_addr,
			      sizeof(uint64_t), IBV_ACCESS_REMOTE_ATOMIC);
		if (!at || bytes != sizeof(uint64_t) ||
		    !(to->attr.qp_access_flags & IBV_ACCESS_REMOTE_ATOMIC))
			return IBV_WC_REM_ACCESS_ERR;
		fake_hca.atomics_done++;
		return copy(q->qp.pd, s->sge, s->wr.num_sge, do_atomic(s, at), bytes,
			    true)
			       ? IBV_WC_SUCCESS
			       : IBV_WC_LOC_PROT_ERR;
	case IBV_WR_RDMA_WRITE:
	case IBV_WR_RDMA_WRITE_WITH_IMM:
		at = reach_by(to, s->wr.wr.rdma.rkey, s->wr.wr.rdma.remote_addr, bytes,
			      IBV_ACCESS_REMOTE_WRITE);
		if (bytes && !at)
			return IBV_WC_REM_ACCESS_ERR;
		memcpy(at, data, bytes);
		return s->wr.opcode == IBV_WR_RDMA_WRITE ? IBV_WC_SUCCESS
							 : arrive(q, to, s, data, bytes);
	case IBV_WR_RDMA_READ:
		at = reach_by(to, s->wr.wr.rdma.rkey, s->wr.wr.rdma.remote_addr, bytes,
			      IBV_ACCESS_REMOTE_READ);
		if (!at)
			return IBV_WC_REM_ACCESS_ERR;
		return copy(q->qp.pd, s->sge, s->wr.num_sge, at, bytes, true)
			       ? IBV_WC_SUCCESS
			       : IBV_WC_LOC_PROT_ERR;
	default:
		return arrive(q, to, s, data, bytes);
	}
}

static bool run_one(struct fake_qp *q)
{
	struct fake_send s;
	struct ibv_wc wc;

	if (q->attr.qp_state != IBV_QPS_RTS || q->first_send == q->next_send)
		return false;
	s = q->sends[q->first_send % FAKE_MOST];
	wc = (struct ibv_wc){ .wr_id = s.wr.wr_id, .qp_num = q->qp.qp_num };
	wc.status = fake_hca.send_status;
	fake_hca.send_status = IBV_WC_SUCCESS;
	if (!wc.status)
		wc.status = execute(q, &s, &wc.byte_len);
	q->first_send++;
	q->unretired++;
	if (wc.status || q->sig_all || s.wr.send_flags & IBV_SEND_SIGNALED) {
		q->unretired = 0;
		complete(q->qp.send_cq, &wc);
	}
	if (wc.status && q->qp.qp_type == IBV_QPT_RC)
		fake_fail(q);
	else if (wc.status)
		stop_sending(q);
	return true;
}

bool fake_hca_run(void)
{
	struct fake_qp *q;
	bool any = false, more;

	do {
		more = false;
		LIST_FOREACH(q, &fake_qps, entry)
		more |= run_one(q);
		any |= more;
	} while (more);
	return any;
}

/* ---- posting ----------------------------------------------------------- */

int fake_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
	struct fake_qp *q = (struct fake_qp *)qp;

	fake_hca.posts++;
	for (; wr; wr = wr->next) {
		struct fake_send *s = &q->sends[q->next_send % FAKE_MOST];
		int error = 0;

		*bad = wr;
		if (fake_hca.sends_before_error)
			fake_hca.sends_before_error--;
		else
			error = fake_take_error(&fake_hca.post_send_error);
		if (error)
			return error;
		if (q->attr.qp_state < IBV_QPS_RTS)
			return EINVAL;
		if (q->next_send - q->first_send + q->unretired == q->cap.max_send_wr ||
		    (unsigned int)wr->num_sge > q->cap.max_send_sge)
			return ENOMEM;
		memset(s, 0, sizeof(*s));
		s->wr = *wr;
		memcpy(s->sge, wr->sg_list, (size_t)wr->num_sge * sizeof(s->sge[0]));
		if (wr->opcode == IBV_WR_BIND_MW)
			s->mw_rkey = wr->bind_mw.mw->rkey;
		s->is_inline = wr->send_flags & IBV_SEND_INLINE;
		if (s->is_inline) {
			if (length_of(s->sge, wr->num_sge) > q->cap.max_inline_data)
				return ENOMEM;
			if (wr->num_sge)
				memcpy(s->data, (void *)(uintptr_t)s->sge[0].addr,
				       s->sge[0].length);
		}
		q->next_send++;
		if (q->attr.qp_state == IBV_QPS_ERR)
			flush_sends(q);
	}
	return 0;
}

int fake_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	struct fake_qp *q = (struct fake_qp *)qp;

	for (; wr; wr = wr->next) {
		struct fake_recv *r = &q->recvs[q->next_recv % FAKE_MOST];

		*bad = wr;
		if (q->attr.qp_state == IBV_QPS_RESET)
			return EINVAL;
		if (q->next_recv - q->first_recv == q->cap.max_recv_wr ||
		    (unsigned int)wr->num_sge > q->cap.max_recv_sge)
			return ENOMEM;
		r->id = wr->wr_id;
		r->count = wr->num_sge;
		memcpy(r->sge, wr->sg_list, (size_t)wr->num_sge * sizeof(r->sge[0]));
		q->next_recv++;
		if (q->attr.qp_state == IBV_QPS_ERR)
			flush_recvs(q);
	}
	return 0;
}

int fake_post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr,
		       struct ibv_recv_wr **bad)
{
	struct fake_srq *s = (struct fake_srq *)srq;
	int error = fake_take_error(&fake_hca.post_srq_recv_error);

	if (error) {
		*bad = wr;
		return error;
	}
	for (; wr; wr = wr->next) {
		struct fake_recv *r = &s->recvs[s->next % FAKE_MOST];

		*bad = wr;
		if (s->next - s->first == s->max_wr || (uint32_t)wr->num_sge > s->max_sge)
			return ENOMEM;
		r->id = wr->wr_id;
		r->count = wr->num_sge;
		memcpy(r->sge, wr->sg_list, (size_t)wr->num_sge * sizeof(r->sge[0]));
		s->next++;
	}
	return 0;
}

unsigned int fake_hca_srq_receives(void)
{
	struct fake_srq *s = LIST_FIRST(&fake_srqs);

	return s ? s->next - s->first : 0;
}
