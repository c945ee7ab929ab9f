// SPDX-License-Identifier: GPL-2.0-or-later
#include "driver.h"

#include <string.h>

#include "engine/engine.h"
#include "engine/qp.h"

struct driver drivers[WORLD_GUESTS];

void driver_begin(struct driver *d)
{
	memset(d->count, 0, sizeof(d->count));
	d->next_page = PAGE_FREE;
	d->next_port = 1;
	d->next_bell = 0;
	d->narrow = false;
	world_connect(d->guest);
}

struct thing *driver_pick(struct driver *d, enum kind kind, uint8_t pick)
{
	if (!d->count[kind] || pick == PICK_NONE)
		return NULL;
	return &d->things[kind][pick % d->count[kind]];
}

uint32_t driver_number(struct driver *d, enum kind kind, uint8_t pick)
{
	const struct thing *t = driver_pick(d, kind, pick);

	return t ? t->number : VIB_NO_OBJECT;
}

const struct qp *driver_qp(const struct driver *d, uint32_t qpn)
{
	const struct vhca *vhca = d->guest->conn.guest.vhca;
	const struct qp *qp = engine_find_qp(world_engine, qpn);

	if (qpn < QPN_FIRST)
		return vhca->mads.qps[qpn];
	return qp && qp->vhca == vhca ? qp : NULL;
}

uint32_t driver_qkey(const struct driver *d, uint8_t type)
{
	return type == VIB_QPT_SMI ? 0 : type == VIB_QPT_GSI ? QKEY_GSI : d->qkey;
}

/* ---- memory ------------------------------------------------------------ */

/* Where in the guest's memory the pages of @tree begin, as far as it is one of ours. */
static uint8_t *pages_at(struct driver *d, const struct vib_pages *tree)
{
	uint32_t page = tree->root % WORLD_PAGES;

	if (tree->count > 1)
		page = *(const uint32_t *)d->guest->pages[page] % WORLD_PAGES;
	return d->guest->pages[page];
}

static bool is_inside(const struct driver *d, const uint8_t *at, uint64_t size)
{
	const uint8_t *memory = d->guest->pages[0];
	uint64_t offset = (uint64_t)(at - memory);

	return size <= WORLD_PAGES * VIB_PAGE_SIZE &&
	       offset <= WORLD_PAGES * VIB_PAGE_SIZE - size;
}

uint8_t *driver_memory(struct driver *d, const struct thing *mr, uint64_t offset)
{
	uint8_t *at = d->guest->pages[mr->page] + mr->offset + offset;

	return offset < mr->length && is_inside(d, at, 8) ? at : NULL;
}

uint8_t *driver_slot(const struct driver *d, const struct vib_queue *q, uint32_t index)
{
	uint8_t *slot;

	if (!q->hdr || q->order > VIB_QUEUE_MAX_ORDER || q->stride > VIB_WQE_MAX_STRIDE)
		return NULL;
	slot = (uint8_t *)vib_slot_at(q, index);
	return q->stride % 8 == 0 && is_inside(d, slot, q->stride) ? slot : NULL;
}

/* ---- what a command made or ended -------------------------------------- */

static void add(struct driver *d, enum kind kind, const struct thing *t)
{
	if (d->count[kind] < MAX_THINGS)
		d->things[kind][d->count[kind]++] = *t;
}

static void drop(struct driver *d, enum kind kind, uint32_t gone)
{
	for (unsigned int i = 0; i < d->count[kind]; i++)
		if (d->things[kind][i].number == gone) {
			d->things[kind][i] = d->things[kind][--d->count[kind]];
			return;
		}
}

static void add_qp(struct driver *d, const struct vib_cmd_create_qp *cmd, uint32_t qpn)
{
	struct thing t = {
		.number = qpn,
		.type = cmd->type,
		.max_send_sge = (uint8_t)cmd->sq.max_sge,
		.max_recv_sge = (uint8_t)cmd->rq.max_sge,
		.max_inline = cmd->max_inline,
		.doorbell = cmd->doorbell,
		.db_index = cmd->db_index,
	};

	if (cmd->sq.pages.count)
		vib_queue_init(&t.queue[Q_SEND], pages_at(d, &cmd->sq.pages),
			       cmd->sq.order, cmd->sq.stride);
	if (cmd->rq.pages.count)
		vib_queue_init(&t.queue[Q_RECV], pages_at(d, &cmd->rq.pages),
			       cmd->rq.order, cmd->rq.stride);
	add(d, QP, &t);
}

static void add_queue(struct driver *d, enum kind kind, const struct vib_pages *pages,
		      uint32_t order, uint32_t stride, struct thing t)
{

	vib_queue_init(&t.queue[kind == SRQ ? Q_RECV : Q_EVENTS], pages_at(d, pages),
		       order, stride);
	add(d, kind, &t);
}

/* Its addresses, and where in its first page they begin. */
static void set_range(struct thing *t, const struct vib_cmd_reg_mr *cmd)
{
	t->iova = cmd->access & VIB_ACCESS_ZERO_BASED ? 0 : cmd->iova;
	t->offset = cmd->iova % VIB_PAGE_SIZE;
	t->length = cmd->length;
}

static void add_mr(struct driver *d, const struct vib_cmd_reg_mr *cmd, uint32_t key)
{
	struct thing t = {
		.number = key,
		.page = (uint32_t)(pages_at(d, &cmd->pages) - d->guest->pages[0]) /
			VIB_PAGE_SIZE,
		.access = cmd->access,
	};

	set_range(&t, cmd);
	add(d, MR, &t);
}

static void add_dma(struct driver *d, const struct vib_cmd_reg_dma *cmd, uint32_t number)
{
	const struct thing t = {
		.number = number,
		.page = (uint32_t)(pages_at(d, &cmd->pages) - d->guest->pages[0]) /
			VIB_PAGE_SIZE,
		.iova = cmd->addr,
		.length = (uint64_t)cmd->pages.count * VIB_PAGE_SIZE,
	};

	add(d, DMA, &t);
}

/* Only what counts is in the command, and the rest stays. */
static void change_mr(struct driver *d, const struct vib_cmd_rereg_mr *cmd)
{
	for (unsigned int i = 0; i < d->count[MR]; i++) {
		struct thing *t = &d->things[MR][i];

		if (t->number != cmd->key)
			continue;
		if (cmd->mask & VIB_REREG_ACCESS)
			t->access = cmd->mr.access;
		if (!(cmd->mask & VIB_REREG_TRANSLATION))
			continue;
		t->page = (uint32_t)(pages_at(d, &cmd->mr.pages) - d->guest->pages[0]) /
			  VIB_PAGE_SIZE;
		set_range(t, &cmd->mr);
	}
}

static void move_cq(struct driver *d, const struct vib_cmd_resize_cq *cmd)
{
	for (unsigned int i = 0; i < d->count[CQ]; i++)
		if (d->things[CQ][i].number == cmd->cq)
			vib_queue_init(&d->things[CQ][i].queue[Q_EVENTS],
				       pages_at(d, &cmd->pages), cmd->order,
				       sizeof(struct vib_cqe));
}

static void drop_window(struct driver *d, uint32_t gone)
{
	for (unsigned int i = 0; i < d->count[MW]; i++)
		if (d->things[MW][i].number >> 8 == gone >> 8) {
			d->things[MW][i] = d->things[MW][--d->count[MW]];
			return;
		}
}

static void note(struct driver *d, const struct vib_control_request *req,
		 const struct vib_control_response *rsp)
{
	uint32_t ended = req->u.object.number, made = rsp->u.object.number;

	switch (req->operation) {
	case VIB_CMD_MAP_DOORBELL:
		add(d, DOORBELL,
		    &(struct thing){ .number = made,
				     .page = req->u.map_doorbell.ref % WORLD_PAGES });
		break;
	case VIB_CMD_UNMAP_DOORBELL:
		drop(d, DOORBELL, ended);
		break;
	case VIB_CMD_CREATE_EQ:
		add_queue(d, EQ, &req->u.create_eq.pages, req->u.create_eq.order,
			  sizeof(struct vib_comp_event),
			  (struct thing){ .number = made });
		break;
	case VIB_CMD_DESTROY_EQ:
		drop(d, EQ, ended);
		break;
	case VIB_CMD_ALLOC_PD:
		add(d, PD, &(struct thing){ .number = made });
		break;
	case VIB_CMD_DEALLOC_PD:
		drop(d, PD, ended);
		break;
	case VIB_CMD_ALLOC_XRCD:
		add(d, XRCD, &(struct thing){ .number = made });
		break;
	case VIB_CMD_DEALLOC_XRCD:
		drop(d, XRCD, ended);
		break;
	case VIB_CMD_REG_MR:
		add_mr(d, &req->u.reg_mr, made);
		break;
	case VIB_CMD_DEREG_MR:
		drop(d, MR, ended);
		drop_window(d, ended);
		break;
	case VIB_CMD_REG_DMA:
		add_dma(d, &req->u.reg_dma, made);
		break;
	case VIB_CMD_DEREG_DMA:
		drop(d, DMA, ended);
		break;
	case VIB_CMD_REREG_MR:
		change_mr(d, &req->u.rereg_mr);
		break;
	case VIB_CMD_ALLOC_MW:
		add(d, MW,
		    &(struct thing){ .number = made,
				     .type = (uint8_t)req->u.alloc_mw.type });
		break;
	case VIB_CMD_ALLOC_MR:
		add(d, MW, &(struct thing){ .number = made });
		break;
	case VIB_CMD_DEALLOC_MW:
		drop_window(d, ended);
		break;
	case VIB_CMD_RESIZE_CQ:
		move_cq(d, &req->u.resize_cq);
		break;
	case VIB_CMD_CREATE_CQ:
		add_queue(d, CQ, &req->u.create_cq.pages, req->u.create_cq.order,
			  sizeof(struct vib_cqe), (struct thing){ .number = made });
		break;
	case VIB_CMD_DESTROY_CQ:
		drop(d, CQ, ended);
		break;
	case VIB_CMD_CREATE_SRQ:
		add_queue(d, SRQ, &req->u.create_srq.pages, req->u.create_srq.order,
			  req->u.create_srq.stride,
			  (struct thing){ .number = made,
					  .type = (uint8_t)req->u.create_srq.type,
					  .max_recv_sge =
						  (uint8_t)req->u.create_srq.max_sge });
		break;
	case VIB_CMD_DESTROY_SRQ:
		drop(d, SRQ, ended);
		break;
	case VIB_CMD_CREATE_QP:
		add_qp(d, &req->u.create_qp, made);
		break;
	case VIB_CMD_DESTROY_QP:
		drop(d, QP, ended);
		break;
	default:
		break;
	}
}

/* ---- on the ring and beside it ------------------------------------------ */

bool driver_serve(struct driver *d)
{
	world_serve(d->guest);
	if (!d->guest->connected)
		memset(d->count, 0, sizeof(d->count));
	return d->guest->connected;
}

int32_t driver_command(struct driver *d, const struct vib_control_request *req,
		       struct vib_control_response *rsp)
{
	struct vib_control_sring *sring =
		(struct vib_control_sring *)d->guest->pages[PAGE_RING];
	uint32_t place = d->guest->conn.ring.req_cons;
	union vib_control_sring_entry *slot = &sring->ring[place % VIB_CONTROL_RING_SIZE];

	if (!d->guest->connected)
		return INT32_MIN;
	slot->req = *req;
	sring->req_prod = place + 1;
	if (!driver_serve(d))
		return INT32_MIN;
	*rsp = slot->rsp;
	EXPECT(rsp->id == req->id && rsp->operation == req->operation &&
	       rsp->status <= 0);
	if (rsp->status == 0)
		note(d, req, rsp);
	return rsp->status;
}

void driver_ring(struct driver *d, const struct thing *qp)
{
	for (unsigned int i = 0; i < d->count[DOORBELL]; i++)
		if (d->things[DOORBELL][i].number == qp->doorbell) {
			vib_doorbell_ring((struct vib_doorbell_page *)d->guest
						  ->pages[d->things[DOORBELL][i].page],
					  qp->db_index % VIB_DB_QUEUES);
			return;
		}
}

void driver_produce(struct driver *d, const struct thing *t, struct vib_queue *q,
		    bool always_ring)
{
	uint32_t from = q->index;

	vib_queue_produce(q);
	if (always_ring || vib_queue_must_notify(q, from))
		driver_ring(d, t);
}
