// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_verbs.h"
#include "fake_hca.h"
#include "fake_mw.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#undef ibv_reg_mr
#undef ibv_reg_mr_iova
#undef ibv_query_port

#define EVENTS 16

struct fake_hca fake_hca;

struct fake_mr_list fake_mrs = LIST_HEAD_INITIALIZER(fake_mrs);
struct fake_cq_list fake_cqs = LIST_HEAD_INITIALIZER(fake_cqs);
struct fake_srq_list fake_srqs = LIST_HEAD_INITIALIZER(fake_srqs);
struct fake_qp_list fake_qps = LIST_HEAD_INITIALIZER(fake_qps);
static struct ibv_device device = { .name = "fake0" };
static uint32_t next_key = 0x100, next_qpn = 0x11;
static struct {
	struct ibv_async_event events[EVENTS];
	unsigned int first, next;
} async;

int fake_take_error(int *error)
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
	fake_hca.max_qp_wr = FAKE_MOST;
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
	c->ops.poll_cq = fake_poll_cq;
	c->ops.req_notify_cq = fake_req_notify_cq;
	c->ops.post_send = fake_post_send;
	c->ops.post_recv = fake_post_recv;
	c->ops.post_srq_recv = fake_post_srq_recv;
	c->ops.alloc_mw = fake_alloc_mw;
	c->ops.dealloc_mw = fake_dealloc_mw;
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
	*attr = (struct ibv_device_attr){
		.device_cap_flags = fake_hca.windows ? IBV_DEVICE_MEM_WINDOW_TYPE_2B : 0,
		.vendor_id = fake_hca.vendor_id,
		.phys_port_cnt = 1,
		.max_pkeys = 4,
		.max_qp_wr = fake_hca.max_qp_wr,
		.max_srq = fake_hca.max_srq,
		.atomic_cap = fake_hca.atomics ? IBV_ATOMIC_HCA : IBV_ATOMIC_NONE,
		.max_srq_wr = fake_hca.max_srq ? FAKE_MOST : 0,
		.max_srq_sge = fake_hca.max_srq ? 16 : 0,
		.max_sge = 32,
		.max_sge_rd = 8,
		.max_qp_rd_atom = 4
	};
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
		e->element.cq = fake_find_qp(qp_num)->qp.send_cq;
	else if (type == IBV_EVENT_SRQ_ERR)
		e->element.srq = fake_find_qp(qp_num)->qp.srq;
	else if (qp_num)
		e->element.qp = &fake_find_qp(qp_num)->qp;
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

	LIST_FOREACH(m, &fake_mrs, entry)
	if (m->mr.pd == pd)
		return EBUSY;
	LIST_FOREACH(q, &fake_qps, entry)
	if (q->qp.pd == pd)
		return EBUSY;
	LIST_FOREACH(s, &fake_srqs, entry)
	if (s->srq.pd == pd)
		return EBUSY;
	if (fake_mw_is_in(pd))
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

uint32_t fake_next_key(void)
{
	uint32_t key = next_key;

	next_key += 0x100;
	return key;
}

uint8_t *fake_mr_at(const struct ibv_mr *mr, uint64_t addr, uint64_t length, int access)
{
	const struct fake_mr *m = (const struct fake_mr *)mr;

	if ((m->access & access) != access || addr < m->iova ||
	    addr + length > m->iova + m->mr.length)
		return NULL;
	return (uint8_t *)m->mr.addr + (addr - m->iova);
}

struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length,
			       uint64_t iova, int access)
{
	struct fake_mr *m;

	errno = fake_take_error(&fake_hca.reg_mr_error);
	if (!errno && !is_pinned(addr, length, access))
		errno = EFAULT;
	if (errno)
		return NULL;
	m = calloc(1, sizeof(*m));
	m->mr = (struct ibv_mr){ .context = pd->context,
				 .pd = pd,
				 .addr = addr,
				 .length = length,
				 .lkey = fake_next_key() };
	m->mr.rkey = m->mr.lkey;
	m->iova = iova;
	m->access = access;
	LIST_INSERT_HEAD(&fake_mrs, m, entry);
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

	if (fake_mw_is_over(mr))
		return EINVAL;
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
	LIST_INSERT_HEAD(&fake_cqs, cq, entry);
	fake_hca.cqs++;
	return &cq->cq;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
	struct fake_cq *c = (struct fake_cq *)cq;
	struct fake_qp *q;

	LIST_FOREACH(q, &fake_qps, entry)
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
	s->recvs = calloc(FAKE_MOST, sizeof(*s->recvs));
	LIST_INSERT_HEAD(&fake_srqs, s, entry);
	fake_hca.srqs++;
	return &s->srq;
}

int ibv_destroy_srq(struct ibv_srq *srq)
{
	struct fake_srq *s = (struct fake_srq *)srq;
	struct fake_qp *q;

	LIST_FOREACH(q, &fake_qps, entry)
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

	errno = fake_take_error(&fake_hca.create_qp_error);
	if (!errno &&
	    (attr->cap.max_inline_data > fake_hca.max_inline ||
	     attr->cap.max_send_wr > FAKE_MOST || attr->cap.max_recv_wr > FAKE_MOST))
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
	q->sends = calloc(FAKE_MOST, sizeof(*q->sends));
	q->recvs = calloc(FAKE_MOST, sizeof(*q->recvs));
	LIST_INSERT_HEAD(&fake_qps, q, entry);
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
	int error = fake_take_error(&fake_hca.modify_qp_error);

	if (error)
		return error;
	if (!(mask & IBV_QP_STATE))
		return EINVAL;
	if (fake_hca.busy)
		(void)fake_hca_run();
	if (to == IBV_QPS_ERR) {
		fake_fail(q);
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
	if (mask & IBV_QP_RETRY_CNT)
		q->attr.retry_cnt = attr->retry_cnt;
	q->attr.qp_state = to;
	return 0;
}

int ibv_destroy_qp(struct ibv_qp *qp)
{
	struct fake_qp *q = (struct fake_qp *)qp;

	if (fake_mw_is_of(qp))
		abort();
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

	errno = fake_take_error(&fake_hca.ah_error);
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
