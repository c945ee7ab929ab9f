// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire_rig.h"

#include <stdlib.h>

#include "control/fabric.h"

struct wire_port *wire_rig_port;
int wire_rig_max_wr;
uint32_t wire_rig_max_hca_mem;
bool wire_rig_pins_for_writing, wire_rig_atomics, wire_rig_windows;
uint32_t wire_rig_access;
uint32_t wire_rig_rq_order = QUEUE_ORDER;
uint32_t wire_rig_srq = VIB_NO_OBJECT;
uint16_t wire_rig_flags;
uint32_t wire_rig_pd;
uint32_t wire_rig_vendor;
unsigned int wire_rig_frwr;
unsigned int wire_rig_changed, wire_rig_gone, wire_rig_left;

const uint8_t native_gid[16] = { 0xfe, 0x80, [15] = 0x99 };

/* ---- the world --------------------------------------------------------- */

static void changed(struct wire_port *port, void *arg)
{
	(void)port;
	(void)arg;
	wire_rig_changed++;
}

static void gone(struct wire_port *port, void *arg)
{
	(void)port;
	(void)arg;
	wire_rig_gone++;
}

static void left(struct wire_port *port, void *arg)
{
	(void)port;
	(void)arg;
	wire_rig_left++;
}

static const struct wire_port_events events = { changed, changed, gone, left };

void its_gid(const struct peer *p, uint8_t raw[16])
{
	static const uint8_t prefix[16] = { 0xfe, 0x80, [8] = 0x02, 0x16, 0x3e };

	memcpy(raw, prefix, 16);
	raw[15] = (uint8_t)p->domid;
}

static struct mad_taker *begin(struct world *w)
{
	struct fabric *fabric;
	uint8_t gid[16];

	for (unsigned int domid = 1; domid <= 2; domid++) {
		const struct peer p = { .domid = domid };

		its_gid(&p, gid);
		fake_hca_add_gid(gid);
	}
	fake_hca_add_gid(native_gid);
	wire_rig_port = wire_port_open("fake0", 1, &events, w);
	assert_non_null(wire_rig_port);
	fabric = fabric_find(&w->fabrics, "local");
	fabric->wire = wire_rig_port;
	fabric->mtu = 1024;
	fabric->frwr = wire_rig_frwr;
	wire_rig_frwr = FABRIC_FRWR_AUTO;
	if (wire_rig_max_hca_mem)
		fabric->max_hca_mem = wire_rig_max_hca_mem;
	wire_rig_max_hca_mem = 0;
	backend_use_hcas(&w->backend, &fake_jobs(w->xen)->jobs);
	return NULL;
}

int wire_set_up(void **state)
{
	fake_hca_reset();
	if (wire_rig_max_wr)
		fake_hca.max_qp_wr = wire_rig_max_wr;
	wire_rig_max_wr = 0;
	fake_hca.pins_for_writing = wire_rig_pins_for_writing;
	wire_rig_pins_for_writing = false;
	fake_hca.atomics = wire_rig_atomics;
	wire_rig_atomics = false;
	fake_hca.windows = wire_rig_windows;
	wire_rig_windows = false;
	fake_hca.vendor_id = wire_rig_vendor;
	wire_rig_vendor = 0;
	wire_rig_access = 0;
	wire_rig_rq_order = QUEUE_ORDER;
	wire_rig_srq = VIB_NO_OBJECT;
	wire_rig_flags = 0;
	wire_rig_changed = wire_rig_gone = wire_rig_left = 0;
	return set_up_with(state, begin);
}

static void close_port(struct world *w)
{
	(void)w;
	assert_int_equal(wire_port_users(wire_rig_port), 0);
	wire_port_close(wire_rig_port);
}

int wire_tear_down(void **state)
{
	struct world *w = *state;

	w->end_gsi = close_port; /* when its guests have gone, and the engine has not */
	tear_down(state);
	assert_int_equal(fake_hca.qps, 0);
	assert_int_equal(fake_hca.srqs, 0);
	assert_int_equal(fake_hca.cqs, 0);
	assert_int_equal(fake_hca.mrs, 0);
	assert_int_equal(fake_hca.mws, 0);
	assert_int_equal(fake_hca.ahs, 0);
	assert_int_equal(fake_hca.pds, 0);
	assert_int_equal(fake_hca.channels, 0);
	assert_int_equal(fake_hca.contexts, 0);
	return 0;
}

void wire_run_without_hca(struct world *w)
{
	for (unsigned int i = 0; i < 100; i++) {
		poller_pass(&w->engine->pollers[0]);
		fake_settle(w->xen);
	}
}

void wire_run(struct world *w)
{
	do
		wire_run_without_hca(w);
	while (fake_hca_run());
	wire_run_without_hca(w);
}

/* ---- a guest's QP ------------------------------------------------------ */

struct vib_control_request its_request(uint8_t operation)
{
	return (struct vib_control_request){ .operation = operation, .port = VIB_PORT };
}

/* A command that the poller has a part in, which is this thread. */
static struct vib_control_response command(struct peer *p, struct vib_control_request req)
{
	return execute(p, req);
}

static struct vib_pages page(const struct peer *p, uint32_t number)
{
	memset(memory_of(p, number), 0, VIB_PAGE_SIZE);
	return (struct vib_pages){ 1, page_of(p, number) };
}

/* A queue of several pages. */
static struct vib_pages deep_pages(const struct peer *p, uint64_t bytes)
{
	uint32_t count = (uint32_t)((bytes + VIB_PAGE_SIZE - 1) / VIB_PAGE_SIZE);
	uint32_t *list = memory_of(p, LIST);

	assert_in_range(count, 2, ITS_PAGES - DEEP_PAGE);
	for (uint32_t i = 0; i < count; i++)
		list[i] = page(p, DEEP_PAGE + i).root;
	return (struct vib_pages){ count, page_of(p, LIST) };
}

static void make_pd_and_memory(struct its_qp *q)
{
	struct vib_control_request req = its_request(VIB_CMD_REG_MR);
	struct vib_control_response rsp;

	q->pd = wire_rig_pd ? wire_rig_pd : pd_of(q->p);
	wire_rig_pd = 0;
	q->memory = memory_of(q->p, MEMORY);
	req.u.reg_mr = (struct vib_cmd_reg_mr){
		.iova = IOVA,
		.length = VIB_PAGE_SIZE,
		.pd = q->pd,
		.access = VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |
			  VIB_ACCESS_REMOTE_READ | wire_rig_access,
		.pages = { 1, page_of(q->p, MEMORY) },
	};
	rsp = command(q->p, req);
	assert_int_equal(rsp.status, 0);
	assert_int_equal(rsp.u.reg_mr.lkey, rsp.u.reg_mr.rkey);
	q->key = rsp.u.reg_mr.lkey;
}

static void make_cq(struct its_qp *q, uint32_t pages)
{
	struct vib_control_request req = its_request(VIB_CMD_CREATE_CQ);

	req.u.create_cq = (struct vib_cmd_create_cq){ .order = 4,
						      .eq = VIB_NO_OBJECT,
						      .pages = page(q->p, pages) };
	q->cqn = number_of(command(q->p, req));
	vib_queue_init(&q->cq, memory_of(q->p, pages), 4, sizeof(struct vib_cqe));
}

static void make_doorbell(struct its_qp *q)
{
	struct vib_control_request req = its_request(VIB_CMD_MAP_DOORBELL);

	memset(memory_of(q->p, DOORBELL), 0, VIB_PAGE_SIZE);
	req.u.map_doorbell = (struct vib_cmd_map_doorbell){ page_of(q->p, DOORBELL),
							    q->p->domid + 10 };
	q->doorbell = number_of(command(q->p, req));
}

struct its_qp its_qp_new(struct peer *p, enum vib_qp_type type, uint32_t pages)
{
	struct vib_control_request req = its_request(VIB_CMD_CREATE_QP);
	struct its_qp q = { .p = p, .type = type };
	uint32_t stride = vib_send_stride(SGES, INLINE, (uint8_t)type);
	uint32_t order = wire_rig_rq_order, rq_stride = vib_recv_stride(SGES);
	bool deep = order != QUEUE_ORDER;

	make_pd_and_memory(&q);
	if (pages == CQ_PAGE)
		make_doorbell(&q);
	else
		q.doorbell = 1;
	make_cq(&q, pages);
	req.u.create_qp = (struct vib_cmd_create_qp){
		.pd = q.pd,
		.send_cq = q.cqn,
		.recv_cq = q.cqn,
		.srq = wire_rig_srq,
		.type = (uint8_t)type,
		.flags = wire_rig_flags,
		.doorbell = q.doorbell,
		.db_index = (uint16_t)pages,
		.max_inline = INLINE,
		.sq = { QUEUE_ORDER, stride, SGES, page(p, pages + 1) },
		.rq = { order, rq_stride, SGES,
			deep ? deep_pages(p, vib_queue_bytes(order, rq_stride))
			     : page(p, pages + 2) },
	};
	if (wire_rig_srq != VIB_NO_OBJECT)
		req.u.create_qp.rq = (struct vib_work_queue){ 0 };
	assert_in_range(vib_queue_bytes(QUEUE_ORDER, stride), 1, VIB_PAGE_SIZE);
	q.qpn = number_of(command(p, req));
	vib_queue_init(&q.sq, memory_of(p, pages + 1), QUEUE_ORDER, stride);
	vib_queue_init(&q.rq, memory_of(p, deep ? DEEP_PAGE : pages + 2), order,
		       rq_stride);
	return q;
}

struct vib_control_request its_change(const struct its_qp *q, enum vib_qp_state to,
				      const uint8_t raw[16], uint32_t qpn)
{
	struct vib_control_request req = its_request(VIB_CMD_MODIFY_QP);
	struct vib_cmd_modify_qp *cmd = &req.u.modify_qp;
	bool rc = q->type == VIB_QPT_RC, ud = q->type == VIB_QPT_UD;

	cmd->qpn = q->qpn;
	cmd->mask = VIB_QP_STATE;
	cmd->attr = (struct vib_qp_attr){
		.state = (uint8_t)to,
		.port = VIB_PORT,
		.path_mtu = 3,
		.qkey = 0x1234,
		.dest_qpn = qpn,
		.access_flags = VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ |
				wire_rig_access,
		.max_rd_atomic = 1,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.timeout = 14,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.av = { .flags = VIB_AV_GRH },
	};
	if (raw)
		memcpy(cmd->attr.av.dgid.raw, raw, 16);
	if (to == VIB_QPS_INIT)
		cmd->mask |= VIB_QP_PKEY_INDEX | VIB_QP_PORT |
			     (ud ? VIB_QP_QKEY : VIB_QP_ACCESS_FLAGS);
	if (to == VIB_QPS_RTR && !ud)
		cmd->mask |= VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN |
			     VIB_QP_RQ_PSN |
			     (rc ? VIB_QP_MAX_DEST_RD_ATOMIC | VIB_QP_MIN_RNR_TIMER : 0);
	if (to == VIB_QPS_RTS)
		cmd->mask |= VIB_QP_SQ_PSN |
			     (rc ? VIB_QP_TIMEOUT | VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY |
					      VIB_QP_MAX_QP_RD_ATOMIC
				 : 0);
	return req;
}

int its_modify(struct its_qp *q, enum vib_qp_state to, const uint8_t raw[16],
	       uint32_t qpn)
{
	return command(q->p, its_change(q, to, raw, qpn)).status;
}

void its_connect(struct its_qp *q, const uint8_t raw[16], uint32_t qpn)
{
	assert_int_equal(its_modify(q, VIB_QPS_INIT, raw, qpn), 0);
	assert_int_equal(its_modify(q, VIB_QPS_RTR, raw, qpn), 0);
	assert_int_equal(its_modify(q, VIB_QPS_RTS, raw, qpn), 0);
}

struct vib_qp_attr its_attr(struct its_qp *q)
{
	struct vib_control_request req = its_request(VIB_CMD_QUERY_QP);
	struct vib_control_response rsp;

	req.u.object.number = q->qpn;
	rsp = command(q->p, req);
	assert_int_equal(rsp.status, 0);
	return rsp.u.qp;
}

uint8_t its_state(struct its_qp *q)
{
	return its_attr(q).state;
}

static void produce(struct its_qp *q, struct vib_queue *queue)
{
	uint32_t from = queue->index;

	vib_queue_produce(queue);
	if (vib_queue_must_notify(queue, from))
		vib_doorbell_ring(
			memory_of(q->p, DOORBELL),
			(uint32_t)(vhca_find_qp(vhca_of(q->p), q->qpn)->db_index));
}

static void put_send(struct its_qp *q, const struct vib_send_wqe *wqe, const void *data,
		     uint32_t length)
{
	uint8_t *slot = vib_queue_next_slot(&q->sq);

	assert_int_equal(vib_queue_may_produce(&q->sq), 1);
	memcpy(slot + 4, (const uint8_t *)wqe + 4, sizeof(*wqe) - 4);
	memcpy(slot + vib_send_data_offset(wqe->opcode, (uint8_t)q->type), data, length);
	produce(q, &q->sq);
}

void its_send_sge(struct its_qp *q, struct vib_send_wqe wqe, struct vib_sge sge)
{
	wqe.num_sge = 1;
	put_send(q, &wqe, &sge, sizeof(sge));
}

void its_post(struct its_qp *q, struct vib_send_wqe wqe)
{
	put_send(q, &wqe, &wqe, 0);
}

void its_send_key(struct its_qp *q, struct vib_send_wqe wqe, uint32_t offset,
		  uint32_t length, uint32_t key)
{
	its_send_sge(q, wqe, (struct vib_sge){ IOVA + offset, length, key });
}

void its_send(struct its_qp *q, struct vib_send_wqe wqe, uint32_t offset, uint32_t length)
{
	its_send_key(q, wqe, offset, length, q->key);
}

void its_send_inline(struct its_qp *q, struct vib_send_wqe wqe, const void *data,
		     uint32_t length)
{
	wqe.flags |= VIB_SEND_INLINE;
	wqe.inline_len = length;
	put_send(q, &wqe, data, length);
}

struct its_srq its_srq_new(struct its_qp *with, uint32_t pages)
{
	struct vib_control_request req = its_request(VIB_CMD_CREATE_SRQ);
	struct its_srq s = { .p = with->p, .key = with->key, .bell = pages };
	uint32_t stride = vib_recv_stride(SGES);

	req.u.create_srq = (struct vib_cmd_create_srq){
		.pd = with->pd,
		.order = QUEUE_ORDER,
		.stride = stride,
		.max_sge = SGES,
		.pages = page(s.p, pages),
		.doorbell = with->doorbell,
		.db_index = pages,
	};
	s.number = number_of(command(s.p, req));
	vib_queue_init(&s.queue, memory_of(s.p, pages), QUEUE_ORDER, stride);
	return s;
}

void its_srq_recv(struct its_srq *s, uint64_t id, uint32_t offset, uint32_t length)
{
	uint8_t *slot = vib_queue_next_slot(&s->queue);
	const struct vib_recv_wqe wqe = { .num_sge = 1, .wr_id = id };
	const struct vib_sge sge = { IOVA + offset, length, s->key };
	uint32_t from = s->queue.index;

	assert_int_equal(vib_queue_may_produce(&s->queue), 1);
	memcpy(slot + 4, (const uint8_t *)&wqe + 4, sizeof(wqe) - 4);
	memcpy(slot + sizeof(wqe), &sge, sizeof(sge));
	vib_queue_produce(&s->queue);
	if (vib_queue_must_notify(&s->queue, from))
		vib_doorbell_ring(memory_of(s->p, DOORBELL), s->bell);
}

void its_recv_sge(struct its_qp *q, uint64_t id, struct vib_sge sge)
{
	uint8_t *slot = vib_queue_next_slot(&q->rq);
	const struct vib_recv_wqe wqe = { .num_sge = 1, .wr_id = id };

	assert_int_equal(vib_queue_may_produce(&q->rq), 1);
	memcpy(slot + 4, (const uint8_t *)&wqe + 4, sizeof(wqe) - 4);
	memcpy(slot + sizeof(wqe), &sge, sizeof(sge));
	produce(q, &q->rq);
}

void its_recv(struct its_qp *q, uint64_t id, uint32_t offset, uint32_t length)
{
	its_recv_sge(q, id, (struct vib_sge){ IOVA + offset, length, q->key });
}

bool its_poll(struct its_qp *q, struct vib_cqe *cqe)
{
	const struct vib_cqe *slot = vib_queue_peek(&q->cq);

	if (!slot)
		return false;
	*cqe = *slot;
	assert_int_equal(cqe->qpn, q->qpn);
	vib_queue_consume(&q->cq);
	return true;
}

struct vib_cqe its_take(struct its_qp *q, uint64_t id, uint8_t status)
{
	struct vib_cqe cqe;

	assert_true(its_poll(q, &cqe));
	assert_int_equal(cqe.wr_id, id);
	assert_int_equal(cqe.status, status);
	return cqe;
}

/* ---- the machine behind the wire --------------------------------------- */

void native_open(struct native *n, enum ibv_qp_type type)
{
	struct ibv_device **list = ibv_get_device_list(&(int){ 0 });
	struct ibv_qp_init_attr attr = {
		.cap = { 64, 64, 1, 1, 0 },
		.qp_type = type,
		.sq_sig_all = 1,
	};

	n->context = ibv_open_device(list[0]);
	ibv_free_device_list(list);
	n->pd = ibv_alloc_pd(n->context);
	n->cq = ibv_create_cq(n->context, 128, NULL, NULL, 0);
	attr.send_cq = n->cq;
	attr.recv_cq = n->cq;
	n->qp = ibv_create_qp(n->pd, &attr);
	n->mr = ibv_reg_mr(n->pd, n->memory, sizeof(n->memory),
			   IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
				   IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC);
}

void native_connect(struct native *n, uint32_t qpn, const uint8_t raw[16])
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .qkey = 0x1234 };

	assert_int_equal(ibv_modify_qp(n->qp, &attr, IBV_QP_STATE | IBV_QP_QKEY), 0);
	attr.qp_state = IBV_QPS_RTR;
	attr.dest_qp_num = qpn;
	attr.ah_attr.is_global = 1;
	memcpy(attr.ah_attr.grh.dgid.raw, raw, 16);
	assert_int_equal(
		ibv_modify_qp(n->qp, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_DEST_QPN),
		0);
	attr.qp_state = IBV_QPS_RTS;
	assert_int_equal(ibv_modify_qp(n->qp, &attr, IBV_QP_STATE), 0);
}

void native_close(struct native *n)
{
	ibv_destroy_qp(n->qp);
	ibv_destroy_cq(n->cq);
	ibv_dereg_mr(n->mr);
	ibv_dealloc_pd(n->pd);
	ibv_close_device(n->context);
}

void native_recv(struct native *n, uint64_t id, uint32_t offset, uint32_t length)
{
	struct ibv_sge sge = { (uintptr_t)n->memory + offset, length, n->mr->lkey };
	struct ibv_recv_wr wr = { .wr_id = id, .sg_list = &sge, .num_sge = 1 }, *bad;

	assert_int_equal(ibv_post_recv(n->qp, &wr, &bad), 0);
}

bool native_poll(struct native *n, struct ibv_wc *wc)
{
	return ibv_poll_cq(n->cq, 1, wc) == 1;
}

struct ibv_wc native_take(struct native *n, uint64_t id, enum ibv_wc_status status)
{
	struct ibv_wc wc;

	assert_true(native_poll(n, &wc));
	assert_int_equal(wc.wr_id, id);
	assert_int_equal(wc.status, status);
	return wc;
}
