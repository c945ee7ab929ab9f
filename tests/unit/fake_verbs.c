// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_verbs.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#undef ibv_reg_mr
#undef ibv_reg_mr_iova
#undef ibv_query_port

#define MOST   4096 /* of a queue */
#define EVENTS 16

struct fake_hca fake_hca;

struct fake_mr {
	struct ibv_mr mr;
	uint64_t iova;
	int access;
	LIST_ENTRY(fake_mr) entry;
};

struct fake_cq {
	struct ibv_cq cq;
	struct ibv_wc *wcs;
	unsigned int first, next, most;
	bool armed, told;
	unsigned int unacked;
	LIST_ENTRY(fake_cq) entry;
};

struct fake_send {
	struct ibv_send_wr wr;
	struct ibv_sge sge[32];
	uint8_t data[1024];
	bool is_inline;
};

struct fake_recv {
	uint64_t id;
	int count;
	struct ibv_sge sge[32];
};

struct fake_srq {
	struct ibv_srq srq;
	uint32_t max_wr, max_sge;
	struct fake_recv *recvs;
	unsigned int first, next;
	LIST_ENTRY(fake_srq) entry;
};

struct fake_qp {
	struct ibv_qp qp;
	struct ibv_qp_attr attr;
	struct ibv_qp_cap cap;
	bool sig_all;
	struct fake_send *sends;
	struct fake_recv *recvs;
	unsigned int first_send, next_send, first_recv, next_recv;
	unsigned int unretired; /* sends whose place is not known to be free */
	unsigned int draining;  /* as of struct fake_hca */
	LIST_ENTRY(fake_qp) entry;
};

struct fake_ah {
	struct ibv_ah ah;
	struct ibv_ah_attr attr;
};

static LIST_HEAD(, fake_mr) mrs = LIST_HEAD_INITIALIZER(mrs);
static LIST_HEAD(, fake_cq) cqs = LIST_HEAD_INITIALIZER(cqs);
static LIST_HEAD(, fake_srq) srqs = LIST_HEAD_INITIALIZER(srqs);
static LIST_HEAD(, fake_qp) qps = LIST_HEAD_INITIALIZER(qps);
static struct ibv_device device = { .name = "fake0" };
static uint32_t next_key = 0x100, next_qpn = 0x11;
static struct {
	struct ibv_async_event events[EVENTS];
	unsigned int first, next;
} async;

/* What an error number, counted down, is. */
static int take_error(int *error)
{
	int e = *error;

	*error = 0;
	return e;
}

void fake_hca_reset(void)
{
	memset(&fake_hca, 0, sizeof(fake_hca));
	fake_hca.ethernet = true;
	fake_hca.pkeys[0] = 0xffff;
	fake_hca.max_inline = 128;
	fake_hca.max_qp_wr = MOST;
	fake_hca.max_srq = 64;
	next_key = 0x100;
	next_qpn = 0x11;
	memset(&async, 0, sizeof(async));
}

int fake_hca_add_gid(const uint8_t raw[16])
{
	struct ibv_gid_entry *gid = &fake_hca.gids[fake_hca.num_gids];

	/* The same GID of RoCE v1 is before it, as in a real table. */
	for (unsigned int i = 0; i < 2; i++, gid++) {
		memcpy(gid->gid.raw, raw, 16);
		gid->gid_index = fake_hca.num_gids++;
		gid->port_num = 1;
		gid->gid_type = i ? IBV_GID_TYPE_ROCE_V2 : IBV_GID_TYPE_ROCE_V1;
	}
	return (int)fake_hca.num_gids - 1;
}

static struct fake_qp *find_qp(uint32_t number)
{
	struct fake_qp *q;

	LIST_FOREACH(q, &qps, entry)
	if (q->qp.qp_num == number)
		return q;
	return NULL;
}

const struct ibv_qp_attr *fake_hca_qp(uint32_t number)
{
	struct fake_qp *q = find_qp(number);

	return q ? &q->attr : NULL;
}

unsigned int fake_hca_receives(uint32_t number)
{
	struct fake_qp *q = find_qp(number);

	return q ? q->next_recv - q->first_recv : 0;
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

static int poll_cq(struct ibv_cq *cq, int most, struct ibv_wc *wcs)
{
	struct fake_cq *c = (struct fake_cq *)cq;
	int n = 0;

	for (; n < most && c->first != c->next; n++)
		wcs[n] = c->wcs[c->first++ % c->most];
	return n;
}

static int req_notify_cq(struct ibv_cq *cq, int solicited)
{
	(void)solicited;
	((struct fake_cq *)cq)->armed = true;
	return 0;
}

int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **context)
{
	struct fake_cq *c;

	LIST_FOREACH(c, &cqs, entry)
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

	LIST_FOREACH(m, &mrs, entry)
	if (m->mr.lkey == key)
		return m;
	return NULL;
}

static uint8_t *reach(const struct ibv_pd *pd, uint32_t key, uint64_t addr,
		      uint64_t length, int access)
{
	struct fake_mr *m = find_mr(key);

	if (!m || m->mr.pd != pd || (m->access & access) != access || addr < m->iova ||
	    addr + length > m->iova + m->mr.length)
		return NULL;
	return (uint8_t *)m->mr.addr + (addr - m->iova);
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
		struct ibv_wc wc = { .wr_id = q->recvs[q->first_recv++ % MOST].id,
				     .status = IBV_WC_WR_FLUSH_ERR,
				     .qp_num = q->qp.qp_num };

		complete(q->qp.recv_cq, &wc);
	}
}

static void flush_sends(struct fake_qp *q)
{
	while (q->first_send != q->next_send) {
		struct ibv_wc wc = { .wr_id = q->sends[q->first_send++ % MOST].wr.wr_id,
				     .status = IBV_WC_WR_FLUSH_ERR,
				     .qp_num = q->qp.qp_num };

		complete(q->qp.send_cq, &wc);
	}
}

/* UC and UD: they receive on. */
static void stop_sending(struct fake_qp *q)
{
	q->attr.qp_state = IBV_QPS_SQE;
	flush_sends(q);
}

static void fail(struct fake_qp *q)
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
	*r = s ? &s->recvs[s->first++ % MOST] : &q->recvs[q->first_recv++ % MOST];
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
	}
	complete(to->qp.recv_cq, &wc);
	if (!wc.status || ud)
		return IBV_WC_SUCCESS;
	fail(to);
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
	arrive(find_qp(from), find_qp(to), &s, data, sizeof(data));
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
	struct fake_qp *to = find_qp(ud ? s->wr.wr.ud.remote_qpn : q->attr.dest_qp_num);
	uint8_t *at;

	*len = (uint32_t)bytes;
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
		at = reach(to->qp.pd, s->wr.wr.atomic.rkey, s->wr.wr.atomic.remote_addr,
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
		at = reach(to->qp.pd, s->wr.wr.rdma.rkey, s->wr.wr.rdma.remote_addr,
			   bytes, IBV_ACCESS_REMOTE_WRITE);
		if (bytes && !at)
			return IBV_WC_REM_ACCESS_ERR;
		memcpy(at, data, bytes);
		return s->wr.opcode == IBV_WR_RDMA_WRITE ? IBV_WC_SUCCESS
							 : arrive(q, to, s, data, bytes);
	case IBV_WR_RDMA_READ:
		at = reach(to->qp.pd, s->wr.wr.rdma.rkey, s->wr.wr.rdma.remote_addr,
			   bytes, IBV_ACCESS_REMOTE_READ);
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
	s = q->sends[q->first_send % MOST];
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
		fail(q);
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
		LIST_FOREACH(q, &qps, entry)
		more |= run_one(q);
		any |= more;
	} while (more);
	return any;
}

/* ---- posting ----------------------------------------------------------- */

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad)
{
	struct fake_qp *q = (struct fake_qp *)qp;

	fake_hca.posts++;
	for (; wr; wr = wr->next) {
		struct fake_send *s = &q->sends[q->next_send % MOST];
		int error = take_error(&fake_hca.post_send_error);

		*bad = wr;
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

static int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad)
{
	struct fake_qp *q = (struct fake_qp *)qp;

	for (; wr; wr = wr->next) {
		struct fake_recv *r = &q->recvs[q->next_recv % MOST];

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

static int post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr,
			 struct ibv_recv_wr **bad)
{
	struct fake_srq *s = (struct fake_srq *)srq;
	int error = take_error(&fake_hca.post_srq_recv_error);

	if (error) {
		*bad = wr;
		return error;
	}
	for (; wr; wr = wr->next) {
		struct fake_recv *r = &s->recvs[s->next % MOST];

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
	struct fake_srq *s = LIST_FIRST(&srqs);

	return s ? s->next - s->first : 0;
}

/* ---- devices and ports ------------------------------------------------- */

struct ibv_device **ibv_get_device_list(int *count)
{
	struct ibv_device **list = calloc(2, sizeof(*list));

	if (!fake_hca.removed)
		list[0] = &device;
	if (count)
		*count = !fake_hca.removed;
	return list;
}

void ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

const char *ibv_get_device_name(struct ibv_device *d)
{
	return d->name;
}

struct ibv_context *ibv_open_device(struct ibv_device *d)
{
	struct ibv_context *c = calloc(1, sizeof(*c));

	c->device = d;
	c->ops.poll_cq = poll_cq;
	c->ops.req_notify_cq = req_notify_cq;
	c->ops.post_send = post_send;
	c->ops.post_recv = post_recv;
	c->ops.post_srq_recv = post_srq_recv;
	c->async_fd = eventfd(0, EFD_NONBLOCK);
	fake_hca.contexts++;
	return c;
}

int ibv_close_device(struct ibv_context *c)
{
	close(c->async_fd);
	free(c);
	fake_hca.contexts--;
	return 0;
}

int ibv_query_device(struct ibv_context *c, struct ibv_device_attr *attr)
{
	(void)c;
	*attr = (struct ibv_device_attr){ .phys_port_cnt = 1,
					  .max_pkeys = 4,
					  .max_qp_wr = fake_hca.max_qp_wr,
					  .max_srq = fake_hca.max_srq,
					  .atomic_cap = fake_hca.atomics
								? IBV_ATOMIC_HCA
								: IBV_ATOMIC_NONE,
					  .max_srq_wr = fake_hca.max_srq ? MOST : 0,
					  .max_srq_sge = fake_hca.max_srq ? 16 : 0,
					  .max_sge = 32,
					  .max_sge_rd = 8,
					  .max_qp_rd_atom = 4 };
	return 0;
}

int ibv_query_port(struct ibv_context *c, uint8_t port,
		   struct _compat_ibv_port_attr *compat)
{
	struct ibv_port_attr *attr = (struct ibv_port_attr *)compat;

	(void)c;
	if (port != 1)
		return EINVAL;
	attr->state = fake_hca.down ? IBV_PORT_DOWN : IBV_PORT_ACTIVE;
	attr->active_mtu = IBV_MTU_1024;
	attr->link_layer =
		fake_hca.ethernet ? IBV_LINK_LAYER_ETHERNET : IBV_LINK_LAYER_INFINIBAND;
	return 0;
}

int ibv_query_pkey(struct ibv_context *c, uint8_t port, int index, __be16 *pkey)
{
	(void)c;
	(void)port;
	*pkey = htobe16(fake_hca.pkeys[index]);
	return 0;
}

ssize_t _ibv_query_gid_table(struct ibv_context *c, struct ibv_gid_entry *gids,
			     size_t most, uint32_t flags, size_t size)
{
	(void)c;
	(void)flags;
	if (most < fake_hca.num_gids || size != sizeof(*gids))
		return -EINVAL;
	memcpy(gids, fake_hca.gids, fake_hca.num_gids * sizeof(*gids));
	return fake_hca.num_gids;
}

void fake_hca_event(struct ibv_context *c, enum ibv_event_type type, uint32_t qp_num)
{
	struct ibv_async_event *e = &async.events[async.next++ % EVENTS];

	e->event_type = type;
	if (type == IBV_EVENT_CQ_ERR)
		e->element.cq = find_qp(qp_num)->qp.send_cq;
	else if (type == IBV_EVENT_SRQ_ERR)
		e->element.srq = find_qp(qp_num)->qp.srq;
	else if (qp_num)
		e->element.qp = &find_qp(qp_num)->qp;
	else
		e->element.port_num = 1;
	eventfd_write(c->async_fd, 1);
}

int ibv_get_async_event(struct ibv_context *c, struct ibv_async_event *event)
{
	eventfd_t value;

	(void)eventfd_read(c->async_fd, &value);
	if (async.first == async.next) {
		errno = EAGAIN;
		return -1;
	}
	*event = async.events[async.first++ % EVENTS];
	return 0;
}

void ibv_ack_async_event(struct ibv_async_event *event)
{
	(void)event;
}

/* ---- objects ----------------------------------------------------------- */

struct ibv_pd *ibv_alloc_pd(struct ibv_context *c)
{
	struct ibv_pd *pd = calloc(1, sizeof(*pd));

	pd->context = c;
	fake_hca.pds++;
	return pd;
}

int ibv_dealloc_pd(struct ibv_pd *pd)
{
	struct fake_srq *s;
	struct fake_mr *m;
	struct fake_qp *q;

	LIST_FOREACH(m, &mrs, entry)
	if (m->mr.pd == pd)
		return EBUSY;
	LIST_FOREACH(q, &qps, entry)
	if (q->qp.pd == pd)
		return EBUSY;
	LIST_FOREACH(s, &srqs, entry)
	if (s->srq.pd == pd)
		return EBUSY;
	free(pd);
	fake_hca.pds--;
	return 0;
}

/* As the kernel's pin_user_pages(): EFAULT where it is to be written and cannot be. */
static bool is_pinned(void *addr, size_t length, int access)
{
	uintptr_t first = (uintptr_t)addr & ~4095ul;
	bool writes = access & IBV_ACCESS_LOCAL_WRITE || fake_hca.pins_for_writing;

	return madvise((void *)first, (uintptr_t)addr + length - first,
		       writes ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) == 0;
}

struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length,
			       uint64_t iova, int access)
{
	struct fake_mr *m;

	errno = take_error(&fake_hca.reg_mr_error);
	if (!errno && !is_pinned(addr, length, access))
		errno = EFAULT;
	if (errno)
		return NULL;
	m = calloc(1, sizeof(*m));
	m->mr = (struct ibv_mr){ .context = pd->context,
				 .pd = pd,
				 .addr = addr,
				 .length = length,
				 .lkey = next_key,
				 .rkey = next_key };
	next_key += 0x100;
	m->iova = iova;
	m->access = access;
	LIST_INSERT_HEAD(&mrs, m, entry);
	fake_hca.mrs++;
	return &m->mr;
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length,
				uint64_t iova, unsigned int access)
{
	return ibv_reg_mr_iova(pd, addr, length, iova, (int)access);
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
{
	return ibv_reg_mr_iova(pd, addr, length, (uintptr_t)addr, access);
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
	struct fake_mr *m = (struct fake_mr *)mr;

	LIST_REMOVE(m, entry);
	free(m);
	fake_hca.mrs--;
	return 0;
}

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *c)
{
	struct ibv_comp_channel *channel = calloc(1, sizeof(*channel));

	channel->context = c;
	channel->fd = eventfd(0, EFD_NONBLOCK);
	fake_hca.channels++;
	return channel;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *channel)
{
	if (channel->refcnt)
		return EBUSY;
	close(channel->fd);
	free(channel);
	fake_hca.channels--;
	return 0;
}

struct ibv_cq *ibv_create_cq(struct ibv_context *c, int cqe, void *context,
			     struct ibv_comp_channel *channel, int vector)
{
	struct fake_cq *cq = calloc(1, sizeof(*cq));

	(void)vector;
	cq->cq = (struct ibv_cq){ .context = c,
				  .cq_context = context,
				  .channel = channel };
	cq->most = (unsigned int)cqe;
	cq->wcs = calloc(cq->most, sizeof(*cq->wcs));
	if (channel)
		channel->refcnt++;
	LIST_INSERT_HEAD(&cqs, cq, entry);
	fake_hca.cqs++;
	return &cq->cq;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
	struct fake_cq *c = (struct fake_cq *)cq;
	struct fake_qp *q;

	LIST_FOREACH(q, &qps, entry)
	if (q->qp.send_cq == cq || q->qp.recv_cq == cq)
		return EBUSY;
	if (c->unacked)
		abort();
	if (cq->channel)
		cq->channel->refcnt--;
	LIST_REMOVE(c, entry);
	free(c->wcs);
	free(c);
	fake_hca.cqs--;
	return 0;
}

struct ibv_srq *ibv_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr)
{
	struct fake_srq *s = calloc(1, sizeof(*s));

	s->srq = (struct ibv_srq){ .context = pd->context,
				   .srq_context = attr->srq_context,
				   .pd = pd };
	s->max_wr = attr->attr.max_wr;
	s->max_sge = attr->attr.max_sge;
	s->recvs = calloc(MOST, sizeof(*s->recvs));
	LIST_INSERT_HEAD(&srqs, s, entry);
	fake_hca.srqs++;
	return &s->srq;
}

int ibv_destroy_srq(struct ibv_srq *srq)
{
	struct fake_srq *s = (struct fake_srq *)srq;
	struct fake_qp *q;

	LIST_FOREACH(q, &qps, entry)
	if (q->qp.srq == srq)
		return EBUSY;
	LIST_REMOVE(s, entry);
	free(s->recvs);
	free(s);
	fake_hca.srqs--;
	return 0;
}

struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct fake_qp *q;

	errno = take_error(&fake_hca.create_qp_error);
	if (!errno && (attr->cap.max_inline_data > fake_hca.max_inline ||
		       attr->cap.max_send_wr > MOST || attr->cap.max_recv_wr > MOST))
		errno = EINVAL;
	if (errno)
		return NULL;
	q = calloc(1, sizeof(*q));
	q->qp = (struct ibv_qp){ .context = pd->context,
				 .qp_context = attr->qp_context,
				 .pd = pd,
				 .send_cq = attr->send_cq,
				 .recv_cq = attr->recv_cq,
				 .srq = attr->srq,
				 .qp_num = next_qpn++,
				 .qp_type = attr->qp_type };
	q->cap = attr->cap;
	q->sig_all = attr->sq_sig_all;
	q->sends = calloc(MOST, sizeof(*q->sends));
	q->recvs = calloc(MOST, sizeof(*q->recvs));
	LIST_INSERT_HEAD(&qps, q, entry);
	fake_hca.qps++;
	return &q->qp;
}

/* But to RESET and to ERR. */
static bool is_transition(enum ibv_qp_state from, enum ibv_qp_state to, int mask)
{
	const int given = mask & ~(IBV_QP_STATE | IBV_QP_CUR_STATE);

	if (to == IBV_QPS_RTS && from >= IBV_QPS_RTS && from <= IBV_QPS_SQE)
		return !(given &
			 ~(IBV_QP_ACCESS_FLAGS | IBV_QP_MIN_RNR_TIMER | IBV_QP_QKEY));
	if (to == IBV_QPS_SQD && from == IBV_QPS_RTS)
		return !given;
	if (to == IBV_QPS_SQD || to == IBV_QPS_INIT)
		return from == to || from + 1 == to;
	return from + 1 == to && to < IBV_QPS_SQE;
}

int ibv_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
		 struct ibv_qp_init_attr *init)
{
	struct fake_qp *q = (struct fake_qp *)qp;

	(void)mask;
	(void)init;
	*attr = q->attr;
	attr->sq_draining = q->draining > 0;
	if (q->draining)
		q->draining--;
	return 0;
}

/* Of @q nothing is left in its CQ. */
static void purge(const struct fake_qp *q)
{
	struct fake_cq *c = (struct fake_cq *)q->qp.recv_cq;
	unsigned int left = c->first;

	for (unsigned int i = c->first; i != c->next; i++)
		if (c->wcs[i % c->most].qp_num != q->qp.qp_num)
			c->wcs[left++ % c->most] = c->wcs[i % c->most];
	c->next = left;
}

int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	struct fake_qp *q = (struct fake_qp *)qp;
	enum ibv_qp_state from = q->attr.qp_state, to = attr->qp_state;
	int error = take_error(&fake_hca.modify_qp_error);

	if (error)
		return error;
	if (!(mask & IBV_QP_STATE))
		return EINVAL;
	if (fake_hca.busy)
		(void)fake_hca_run();
	if (to == IBV_QPS_ERR) {
		fail(q);
		return 0;
	}
	if (to == IBV_QPS_RESET) {
		if (fake_hca.purges)
			purge(q);
		memset(&q->attr, 0, sizeof(q->attr));
		q->first_send = q->next_send = q->first_recv = q->next_recv = 0;
		q->unretired = 0;
		return 0;
	}
	if (!is_transition(from, to, mask))
		return EINVAL;
	if (to == IBV_QPS_SQD && from == IBV_QPS_RTS)
		q->draining = fake_hca.draining;
	if (from == IBV_QPS_SQD && q->draining)
		return EINVAL;
	if (to == IBV_QPS_RTR && qp->qp_type != IBV_QPT_UD &&
	    (!(mask & IBV_QP_AV) || (fake_hca.ethernet && !attr->ah_attr.is_global)))
		return EINVAL;
	if (mask & IBV_QP_AV)
		q->attr.ah_attr = attr->ah_attr;
	if (mask & IBV_QP_PATH_MTU)
		q->attr.path_mtu = attr->path_mtu;
	if (mask & IBV_QP_DEST_QPN)
		q->attr.dest_qp_num = attr->dest_qp_num;
	if (mask & IBV_QP_QKEY)
		q->attr.qkey = attr->qkey;
	if (mask & IBV_QP_PKEY_INDEX)
		q->attr.pkey_index = attr->pkey_index;
	if (mask & IBV_QP_ACCESS_FLAGS)
		q->attr.qp_access_flags = attr->qp_access_flags;
	if (mask & IBV_QP_TIMEOUT)
		q->attr.timeout = attr->timeout;
	q->attr.qp_state = to;
	return 0;
}

int ibv_destroy_qp(struct ibv_qp *qp)
{
	struct fake_qp *q = (struct fake_qp *)qp;

	LIST_REMOVE(q, entry);
	free(q->sends);
	free(q->recvs);
	free(q);
	fake_hca.qps--;
	return 0;
}

struct ibv_ah *ibv_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr)
{
	struct fake_ah *a;

	errno = take_error(&fake_hca.ah_error);
	if (errno)
		return NULL;
	a = calloc(1, sizeof(*a));
	a->ah.pd = pd;
	a->ah.context = pd->context;
	a->attr = *attr;
	fake_hca.ahs++;
	return &a->ah;
}

int ibv_destroy_ah(struct ibv_ah *ah)
{
	free(ah);
	fake_hca.ahs--;
	return 0;
}

int ibv_attach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid)
{
	(void)qp;
	(void)gid;
	(void)lid;
	fake_hca.attached++;
	return 0;
}

int ibv_detach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid)
{
	(void)qp;
	(void)gid;
	(void)lid;
	fake_hca.attached--;
	return 0;
}
