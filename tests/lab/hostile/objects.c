// SPDX-License-Identifier: GPL-2.0-or-later
/* One of everything, made as a good frontend makes it. */

#include <xen/page.h>

#include "hostile.h"

#define EQ_ORDER	6
#define CQ_ORDER	8
#define SRQ_ORDER	5
#define SRQ_STRIDE	128
#define SRQ_SGE		4
#define MR_BYTES	(256 * PAGE_SIZE)
#define MR_IOVA		0x100000

#define ACCESS_ALL                                                             \
	(VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |                    \
	 VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC | VIB_ACCESS_MW_BIND)

static int make_doorbell(struct hostile *h)
{
	struct world *w = &h->world;
	struct vib_control_request request = { .operation = VIB_CMD_MAP_DOORBELL };
	struct area *area = area_new(h, PAGE_SIZE, false);

	if (!area || hostile_channel(h, &w->bell_channel))
		return -ENOMEM;
	w->bells = area->va;
	request.u.map_doorbell.ref = area->refs[0];
	request.u.map_doorbell.event_channel = w->bell_channel;
	return command_create(h, &request, &w->doorbell);
}

static int make_eq(struct hostile *h)
{
	struct world *w = &h->world;
	struct vib_control_request request = { .operation = VIB_CMD_CREATE_EQ };
	struct area *area = area_new(h, vib_queue_bytes(EQ_ORDER,
							sizeof(struct vib_comp_event)),
				     false);

	if (!area || hostile_channel(h, &w->eq_channel))
		return -ENOMEM;
	vib_queue_init(&w->eq_queue, area->va, EQ_ORDER, sizeof(struct vib_comp_event));
	request.u.create_eq.order = EQ_ORDER;
	request.u.create_eq.event_channel = w->eq_channel;
	request.u.create_eq.pages = area_pages(h, area);
	return command_create(h, &request, &w->eq);
}

int world_cq(struct hostile *h, enum world_cq which)
{
	struct world_cq_state *cq = &h->world.cqs[which];
	u32 order = which == CQ_SMALL ? VIB_QUEUE_MIN_ORDER : CQ_ORDER;
	struct vib_control_request request = { .operation = VIB_CMD_CREATE_CQ };

	cq->area = area_new(h, vib_queue_bytes(order, sizeof(struct vib_cqe)), false);
	if (!cq->area)
		return -ENOMEM;
	vib_queue_init(&cq->queue, cq->area->va, order, sizeof(struct vib_cqe));
	request.u.create_cq.order = order;
	request.u.create_cq.eq = which == CQ_QUIET ? VIB_NO_OBJECT : h->world.eq;
	request.u.create_cq.pages = area_pages(h, cq->area);
	return command_create(h, &request, &cq->number);
}

static int make_srq(struct hostile *h, bool xrc)
{
	struct world *w = &h->world;
	struct vib_control_request request = { .operation = VIB_CMD_CREATE_SRQ };
	struct area *area = area_new(h, vib_queue_bytes(SRQ_ORDER, SRQ_STRIDE), false);

	if (!area)
		return -ENOMEM;
	vib_queue_init(xrc ? &w->xrc_queue : &w->srq_queue, area->va, SRQ_ORDER,
		       SRQ_STRIDE);
	request.u.create_srq.pd = w->pds[0];
	request.u.create_srq.order = SRQ_ORDER;
	request.u.create_srq.stride = SRQ_STRIDE;
	request.u.create_srq.max_sge = SRQ_SGE;
	request.u.create_srq.limit = 4;
	request.u.create_srq.pages = area_pages(h, area);
	request.u.create_srq.doorbell = w->doorbell;
	request.u.create_srq.db_index = chance_below(&h->chance, VIB_DB_QUEUES);
	if (xrc) {
		request.u.create_srq.type = VIB_SRQT_XRC;
		request.u.create_srq.xrcd = w->xrcd;
		request.u.create_srq.cq = w->cqs[CQ_XRC].number;
	}
	return command_create(h, &request, xrc ? &w->xrc_srq : &w->srq);
}

static int register_mr(struct hostile *h, enum world_mr which, u64 iova, u64 length,
		       u32 access, struct area *area)
{
	struct world_mr_state *mr = &h->world.mrs[which];
	struct vib_control_request request = { .operation = VIB_CMD_REG_MR };

	if (!area)
		return -ENOMEM;
	mr->iova = iova;
	mr->length = length;
	mr->area = area;
	request.u.reg_mr.iova = iova;
	request.u.reg_mr.length = length;
	request.u.reg_mr.pd = h->world.pds[which == MR_SHORT];
	request.u.reg_mr.access = access;
	request.u.reg_mr.pages = area_pages(h, area);
	return command_create(h, &request, &mr->key);
}

static int make_mrs(struct hostile *h)
{
	struct area *queue = h->world.qps[QP_RC_A].sq_area;
	bool readonly = !(h->caps & VIB_CAP_WRITABLE_GRANTS);
	int err = register_mr(h, MR_ALL, MR_IOVA, MR_BYTES, ACCESS_ALL,
			      area_new(h, MR_BYTES, false));

	if (!err)
		err = register_mr(h, MR_READ, 0, PAGE_SIZE, VIB_ACCESS_REMOTE_READ,
				  area_new(h, PAGE_SIZE, readonly));
	if (!err)
		err = register_mr(h, MR_HIGH, -4 * PAGE_SIZE, 4 * PAGE_SIZE - 1,
				  ACCESS_ALL, area_new(h, 4 * PAGE_SIZE, false));
	if (!err)
		err = register_mr(h, MR_QUEUE, MR_IOVA, queue->count * PAGE_SIZE,
				  ACCESS_ALL, queue);
	if (!err)
		err = register_mr(h, MR_SHORT, MR_IOVA + 104, 24, ACCESS_ALL,
				  area_new(h, PAGE_SIZE, false));
	return err;
}

static int make_mws(struct hostile *h)
{
	struct vib_control_request request = { .operation = VIB_CMD_ALLOC_MW };
	int err = 0, i;

	for (i = 0; i < WORLD_MWS && !err; i++) {
		request.u.alloc_mw.pd = h->world.pds[0];
		request.u.alloc_mw.type = i ? VIB_MW_TYPE_2 : VIB_MW_TYPE_1;
		err = command_create(h, &request, &h->world.mws[i]);
	}
	return err;
}

/* Pages whose grants are none, for the backend. */
static int make_grants(struct hostile *h)
{
	struct world *w = &h->world;

	w->readonly = area_new(h, PAGE_SIZE, true);
	w->foreign = area_new(h, PAGE_SIZE, false);
	w->ended = area_new(h, PAGE_SIZE, false);
	w->spare = area_new(h, PAGE_SIZE, false);
	if (!w->readonly || !w->foreign || !w->ended || !w->spare)
		return -ENOMEM;
	gnttab_grant_foreign_access_ref(w->foreign->refs[0], 1,
					virt_to_gfn(w->foreign->va), 0);
	gnttab_end_foreign_access_ref(w->ended->refs[0]);
	return 0;
}

static int ask_addresses(struct hostile *h)
{
	struct vib_control_request request = { .operation = VIB_CMD_QUERY_PORT,
					       .port = VIB_PORT };
	struct vib_control_response response;
	int err = command(h, &request, &response);

	if (err)
		return err;
	h->lid = response.u.port.lid;
	h->port_guid = response.u.port.port_guid;
	request.operation = VIB_CMD_QUERY_DEVICE;
	err = command(h, &request, &response);
	if (!err) {
		h->node_guid = response.u.device.node_guid;
		h->caps = response.u.device.cap_flags;
	}
	return err;
}

/* XRC domains and windows are not there on every fabric. */
static int unless_missing(int err)
{
	return err == -EOPNOTSUPP ? 0 : err;
}

int world_make(struct hostile *h)
{
	struct world *w = &h->world;
	struct vib_control_request pd = { .operation = VIB_CMD_ALLOC_PD };
	struct vib_control_request xrcd = { .operation = VIB_CMD_ALLOC_XRCD };
	int err = ask_addresses(h), i;

	if (!err)
		err = make_grants(h);
	for (i = 0; i < WORLD_PDS && !err; i++)
		err = command_create(h, &pd, &w->pds[i]);
	if (!err)
		err = unless_missing(command_create(h, &xrcd, &w->xrcd));
	if (!err)
		err = make_doorbell(h);
	if (!err)
		err = make_eq(h);
	for (i = 0; i < WORLD_CQS && !err; i++)
		err = world_cq(h, i);
	if (!err)
		err = make_srq(h, false);
	if (!err)
		err = unless_missing(make_srq(h, true));
	for (i = 0; i < WORLD_QPS && !err; i++)
		err = unless_missing(world_qp(h, i));
	if (!err)
		err = make_mrs(h);
	if (!err)
		err = unless_missing(make_mws(h));
	return err;
}
