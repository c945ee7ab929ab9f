// SPDX-License-Identifier: GPL-2.0-or-later
/* From a few bytes to a work request. */
#include <string.h>

#include "driver.h"

/* A length, often one at an edge of what is left of an MR. */
static uint32_t length(uint8_t how, uint64_t left)
{
	static const uint32_t edges[] = {
		0,  1,  7,    8,    9,          40,         63,
		64, 65, 4096, 4097, 0x7fffffff, 0x80000000, 0xffffffff,
	};

	if (how < 0x40)
		return (uint32_t)(left > how ? left - how : left);
	if (how < 0x80)
		return how - 0x40;
	if (how < 0xe0)
		return edges[how % (sizeof(edges) / sizeof(edges[0]))];
	return (uint32_t)left + how % 4;
}

/* Memory of the kernel in an SGE, by the key that is nobody's. */
static void fill_dma_sge(const struct move *m, const struct thing *dma,
			 struct vib_sge *sge)
{
	sge->addr = dma->iova + m->arg[ARG_LOCAL];
	sge->lkey = VIB_LOCAL_DMA_LKEY;
	sge->length = length(m->arg[ARG_LENGTH], dma->length - m->arg[ARG_LOCAL]);
}

/* The same of pages that are granted, or read-only, or not. */
static uint32_t choose_grant(struct driver *d, uint8_t how)
{
	const struct thing *dma = driver_pick(d, DMA, how / 4);

	if (!d->narrow)
		return PAGE_FREE + how % (WORLD_PAGES + 2 - PAGE_FREE);
	return dma && how & 1 ? dma->page + (how >> 1 & 1) : WORLD_RO_PAGE + how / 2 % 4;
}

static void fill_granted_sge(struct driver *d, const struct move *m, struct vib_sge *sge)
{
	uint32_t ref = choose_grant(d, m->arg[ARG_MORE]);
	uint32_t left =
		d->narrow ? VIB_PAGE_SIZE : (WORLD_PAGES - PAGE_FREE) * VIB_PAGE_SIZE;

	sge->addr = VIB_GRANTED_BASE + (uint64_t)ref * VIB_PAGE_SIZE + m->arg[ARG_LOCAL];
	sge->lkey = VIB_LOCAL_DMA_LKEY;
	sge->length = length(m->arg[ARG_LENGTH], left);
	if (d->narrow && sge->length > VIB_PAGE_SIZE - m->arg[ARG_LOCAL])
		sge->length = VIB_PAGE_SIZE - m->arg[ARG_LOCAL];
	if (m->arg[ARG_MORE] == 0xff) /* near the end of those that name grants */
		sge->addr = VIB_GRANTED_BASE + VIB_GRANTED_BYTES - m->arg[ARG_LOCAL];
}

/* @count SGEs at @sge, of one MR that @d has, or of one after the other. */
static void fill_sges(struct driver *d, const struct move *m, struct vib_sge *sge,
		      uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct thing *mr = driver_pick(
			d, MR,
			(uint8_t)(m->pick[PICK_MR] + (m->arg[ARG_MORE] & 1 ? i : 0)));
		const struct thing *dma = driver_pick(d, DMA, m->pick[PICK_MR]);
		const struct thing *key = driver_pick(d, MW, m->pick[PICK_PEER]);
		uint32_t offset = m->arg[ARG_LOCAL];

		/* As an lkey, by right one of ALLOC_MR. */
		if (key && (m->at[AT_WINDOW] & 0x30) == 0x30) {
			sge[i].addr = key->iova + offset;
			sge[i].lkey = key->number;
			sge[i].length =
				length(m->arg[ARG_LENGTH], 4 * VIB_PAGE_SIZE - offset);
			continue;
		}
		if (m->at[AT_WINDOW] & 2 && m->at[AT_WINDOW] & 4 + 4 * (i % 2)) {
			fill_granted_sge(d, m, &sge[i]);
			continue;
		}
		if (dma && m->at[AT_WINDOW] & 2) {
			fill_dma_sge(m, dma, &sge[i]);
			continue;
		}
		if (!mr)
			return;
		sge[i].addr = mr->iova + offset;
		sge[i].lkey = mr->number;
		sge[i].length = length(m->arg[ARG_LENGTH], mr->length - offset);
	}
}

/* Bind a window of @d, by right to its MR and under the next of its keys. */
static void fill_bind(struct driver *d, const struct move *m, struct vib_send_wqe *wqe)
{
	struct thing *mw = driver_pick(d, MW, m->pick[PICK_PEER]);
	const struct thing *mr = driver_pick(d, MR, m->pick[PICK_MR]);
	uint32_t offset = m->arg[ARG_LOCAL];

	if (!mw)
		return;
	wqe->u.bind.mw = mw->number;
	mw->number = (mw->number & ~0xffu) | (m->arg[ARG_WR_AV] & 0xff);
	wqe->u.bind.rkey = mw->number;
	wqe->u.bind.access = m->arg[ARG_REMOTE] < 0xf0
				     ? (m->arg[ARG_REMOTE] << 1 & 0xe) |
					       (m->arg[ARG_REMOTE] << 2 & 0x20)
				     : m->arg[ARG_REMOTE];
	if (!mr)
		return;
	wqe->u.bind.lkey = mr->number;
	wqe->u.bind.addr = mr->iova + offset;
	wqe->u.bind.length = length(m->arg[ARG_LENGTH], mr->length - offset);
	mw->iova = wqe->u.bind.access & VIB_ACCESS_ZERO_BASED ? 0 : wqe->u.bind.addr;
}

/* The addresses of @count pages: of a region, granted, or none's, into @dma's @offset. */
static void fill_list(struct driver *d, const struct move *m, const struct thing *dma,
		      uint32_t offset, uint32_t count)
{
	uint8_t how = m->arg[ARG_SRQ];

	offset += sizeof(struct vib_page_list);
	for (uint32_t i = 0; i < count; i++, how = (uint8_t)(how >> 3 | how << 5)) {
		uint64_t *at = (uint64_t *)driver_memory(
			d, dma, offset + i * (uint32_t)sizeof(*at));

		if (!at)
			return;
		*at = dma->iova + (how & 1 ? VIB_PAGE_SIZE : 0);
		if ((how & 6) == 6)
			*at = VIB_GRANTED_BASE +
			      (uint64_t)choose_grant(d, how) * VIB_PAGE_SIZE;
		if (how >= 0xf8)
			*at += how;
	}
}

/* Register a key of @d, by right of ALLOC_MR and under the next of its keys. */
static void fill_reg(struct driver *d, const struct move *m, struct vib_send_wqe *wqe)
{
	struct thing *key = driver_pick(d, MW, m->pick[PICK_PEER]);
	const struct thing *dma = driver_pick(d, DMA, m->pick[PICK_MR]);
	uint32_t offset = m->arg[ARG_LOCAL] % 32 * VIB_LINE;
	uint32_t count = 1 + m->arg[ARG_NUM_SGE] % 8;

	if (!key || !dma)
		return;
	key->number = (key->number & ~0xffu) | m->arg[ARG_WR_AV];
	key->iova = (uint64_t)m->arg[ARG_REMOTE] << 36 | m->arg[ARG_LOCAL];
	fill_list(d, m, dma, offset, count);
	wqe->u.reg_mr.iova = key->iova;
	wqe->u.reg_mr.list = dma->iova + offset;
	wqe->u.reg_mr.length =
		length(m->arg[ARG_LENGTH], count * VIB_PAGE_SIZE - m->arg[ARG_LOCAL]);
	wqe->u.reg_mr.key = key->number;
	wqe->u.reg_mr.access = m->arg[ARG_REMOTE] < 0xf0 ? (m->arg[ARG_REMOTE] & 0xf) | 1
							 : m->arg[ARG_REMOTE];
	wqe->u.reg_mr.serial = m->arg[ARG_RING] < 0xf0 ? 1 : 0;
}

/* The operands: whom it is for, and what of his memory. */
static void fill_operands(const struct driver *d, const struct move *m,
			  const struct thing *qp, struct vib_send_wqe *wqe)
{
	struct driver *to = &drivers[m->pick[PICK_GUEST] % WORLD_GUESTS];
	const struct thing *mr = driver_pick(to, MR, m->pick[PICK_PEER]);
	const struct thing *mw = driver_pick(to, MW, m->pick[PICK_PEER]);

	if (qp->type == VIB_QPT_UD) {
		wqe->u.ud.remote_qpn = driver_number(to, QP, m->pick[PICK_PEER]);
		wqe->u.ud.qkey = d->qkey;
		wqe->u.ud.av = driver_av(m, m->arg[ARG_WR_AV]);
		if (wqe->u.ud.av.dgid.raw[0] == 0xff)
			wqe->u.ud.remote_qpn = 0xffffff;
		return;
	}
	if (vib_qp_type_is_datagram(qp->type)) {
		wqe->u.ud.remote_qpn = qp->type;
		wqe->u.ud.qkey = driver_qkey(d, qp->type);
		wqe->u.ud.av = driver_av(m, m->arg[ARG_WR_AV]);
		wqe->u.ud.pkey_index = m->arg[ARG_SRQ] % 3;
		return;
	}
	/* RDMA's and atomics' first operands are the same. */
	wqe->u.atomic.remote_addr = (mr ? mr->iova : 0) + m->arg[ARG_REMOTE];
	wqe->u.atomic.rkey = mr ? mr->number : m->value[0];
	if (mw && m->at[AT_WINDOW] & 1) {
		wqe->u.atomic.rkey = mw->number;
		wqe->u.atomic.remote_addr = mw->iova + m->arg[ARG_REMOTE];
	}
	if (qp->type == VIB_QPT_XRC_INI)
		wqe->u.xrc.srqn = driver_number(to, SRQ, m->arg[ARG_SRQ]);
	if (wqe->opcode == VIB_OP_ATOMIC_WRITE)
		wqe->u.rdma.remote_addr &= ~7ull;
	if (wqe->opcode == VIB_OP_CMP_SWAP || wqe->opcode == VIB_OP_FETCH_ADD) {
		wqe->u.atomic.remote_addr &= ~7ull;
		wqe->u.atomic.compare_add = m->arg[ARG_SRQ];
		wqe->u.atomic.swap = m->value[1];
	}
}

/*
 * Often the end of what is reached is what counts: have the request end with the
 * peer's MR, or some bytes to either side of that.
 */
static void reach_end(const struct move *m, const struct thing *qp, uint32_t bytes,
		      struct vib_send_wqe *wqe)
{
	struct driver *to = &drivers[m->pick[PICK_GUEST] % WORLD_GUESTS];
	const struct thing *mr = driver_pick(to, MR, m->pick[PICK_PEER]);
	int64_t by = (int64_t)(m->arg[ARG_REMOTE] & 7) - 4;

	if (m->arg[ARG_REMOTE] < 0xc0 || vib_qp_type_is_datagram(qp->type) || !mr ||
	    wqe->u.rdma.rkey != mr->number)
		return;
	if (wqe->opcode == VIB_OP_CMP_SWAP || wqe->opcode == VIB_OP_FETCH_ADD ||
	    wqe->opcode == VIB_OP_ATOMIC_WRITE) {
		bytes = 8;
		by *= 8;
	}
	wqe->u.rdma.remote_addr = mr->iova + mr->length - bytes + (uint64_t)by;
}

static uint32_t bytes_of(const struct vib_send_wqe *wqe, const uint8_t *data)
{
	const struct vib_sge *sge = (const struct vib_sge *)data;
	uint32_t bytes = wqe->inline_len;

	for (unsigned int i = 0; i < wqe->num_sge; i++)
		bytes += sge[i].length;
	return bytes;
}

/* Ops that come after those that all inputs of old have; and those that are no opcode. */
#define OP_LSO 56

static uint8_t choose_opcode(uint8_t op)
{
	static const uint8_t opcodes[] = {
		VIB_OP_RDMA_WRITE, VIB_OP_RDMA_WRITE_IMM, VIB_OP_SEND,
		VIB_OP_SEND_IMM,   VIB_OP_RDMA_READ,      VIB_OP_CMP_SWAP,
		VIB_OP_FETCH_ADD,  VIB_OP_LOCAL_INV,      VIB_OP_BIND_MW,
		VIB_OP_SEND_INV,   VIB_OP_ATOMIC_WRITE,   VIB_OP_REG_MR,
	};

	if (op >= 0xe0)
		return op;
	return op % 64 >= OP_LSO ? VIB_OP_LSO : opcodes[op % sizeof(opcodes)];
}

/* An IPv4 packet of @bytes, as much of it as there is @room for: TCP's, with its header.
 */
static void put_packet(uint8_t *to, uint32_t room, uint32_t bytes)
{
	uint8_t packet[] = { 8,
			     0,
			     0,
			     0,
			     0x45,
			     0,
			     (uint8_t)((bytes - 4) >> 8),
			     (uint8_t)(bytes - 4),
			     0,
			     1,
			     0,
			     0,
			     64,
			     6,
			     0,
			     0,
			     10,
			     0,
			     0,
			     1,
			     10,
			     0,
			     0,
			     2,
			     [24 + 12] = 0x50,
			     [24 + 13] = 0x19,
			     [24 + 19] = 0 };

	memcpy(to, packet, room < sizeof(packet) ? room : sizeof(packet));
}

/* What fill_data() does for large sends, whose SGEs are behind a header. */
static void fill_large_send(struct driver *d, const struct move *m,
			    const struct thing *qp, struct vib_send_wqe *wqe,
			    uint32_t stride)
{
	uint8_t *slot = (uint8_t *)wqe;
	uint32_t offset = VIB_DATA_UD + vib_lso_header_room(44);

	if (qp->type != VIB_QPT_UD || stride < offset)
		return;
	put_packet(slot + VIB_DATA_UD, 44, 44);
	wqe->inline_len = 44 + (m->arg[ARG_REMOTE] >= 0xf0 ? m->arg[ARG_SRQ] : 0);
	wqe->u.ud.mss =
		m->arg[ARG_REMOTE] < 0x80 ? 512 : (uint16_t)(m->arg[ARG_SRQ] * 17u);
	wqe->num_sge = (uint8_t)driver_choose(m->arg[ARG_NUM_SGE], qp->max_send_sge);
	if (wqe->num_sge * sizeof(struct vib_sge) <= stride - offset)
		fill_sges(d, m, (struct vib_sge *)(slot + offset), wqe->num_sge);
}

void driver_send(struct driver *d, const struct move *m)
{
	struct thing *qp = driver_pick(d, QP, m->pick[PICK_THING]);
	struct vib_queue *q = qp ? &qp->queue[Q_SEND] : NULL;
	uint8_t *slot = q ? driver_slot(d, q, q->index) : NULL;
	struct vib_send_wqe *wqe = (struct vib_send_wqe *)slot;
	uint32_t offset, room;

	if (!slot)
		return;
	memset(slot + 4, 0, q->stride - 4);
	wqe->opcode = choose_opcode(m->op);
	wqe->flags = m->arg[ARG_WR_FLAGS] & 0x1f;
	wqe->wr_id = (uint64_t)qp->number << 32 | q->index;
	wqe->imm = m->value[0];
	if (wqe->opcode == VIB_OP_BIND_MW)
		fill_bind(d, m, wqe);
	else if (wqe->opcode == VIB_OP_REG_MR)
		fill_reg(d, m, wqe);
	else
		fill_operands(d, m, qp, wqe);
	if (wqe->opcode == VIB_OP_SEND_INV || wqe->opcode == VIB_OP_LOCAL_INV)
		wqe->imm = driver_number(
			wqe->opcode == VIB_OP_SEND_INV
				? &drivers[m->pick[PICK_GUEST] % WORLD_GUESTS]
				: d,
			MW, m->pick[PICK_PEER]);
	offset = vib_send_data_offset(wqe->opcode, (uint8_t)qp->type);
	room = q->stride > offset ? q->stride - offset : 0;
	if (wqe->opcode == VIB_OP_LSO) {
		fill_large_send(d, m, qp, wqe, q->stride);
	} else if (wqe->opcode == VIB_OP_LOCAL_INV || wqe->opcode == VIB_OP_BIND_MW ||
		   wqe->opcode == VIB_OP_REG_MR) {
		wqe->num_sge = m->arg[ARG_NUM_SGE] >= 0xf8;
	} else if (wqe->flags & VIB_SEND_INLINE) {
		wqe->inline_len = length(m->arg[ARG_LENGTH], qp->max_inline);
		memset(slot + offset, 0x5a, room);
		if (wqe->flags & VIB_SEND_IP_CSUM)
			put_packet(slot + offset, room, wqe->inline_len);
	} else {
		wqe->num_sge =
			(uint8_t)driver_choose(m->arg[ARG_NUM_SGE], qp->max_send_sge);
		if (wqe->num_sge * sizeof(struct vib_sge) <= room)
			fill_sges(d, m, (struct vib_sge *)(slot + offset), wqe->num_sge);
	}
	if (offset >= VIB_DATA_RDMA && wqe->opcode != VIB_OP_LSO &&
	    wqe->num_sge * sizeof(struct vib_sge) <= room)
		reach_end(m, qp, bytes_of(wqe, slot + offset), wqe);
	driver_spoil(m, (uint32_t *)slot, 16);
	driver_produce(d, qp, q, m->arg[ARG_RING] & 1);
}

void driver_receive(struct driver *d, const struct move *m)
{
	bool shared = m->arg[ARG_WR_FLAGS] & 1;
	struct thing *t = driver_pick(d, shared ? SRQ : QP, m->pick[PICK_THING]);
	struct vib_queue *q = t ? &t->queue[Q_RECV] : NULL;
	uint8_t *slot = q ? driver_slot(d, q, q->index) : NULL;
	struct vib_recv_wqe *wqe = (struct vib_recv_wqe *)slot;

	if (!slot)
		return;
	memset(slot + 4, 0, q->stride - 4);
	wqe->wr_id = (uint64_t)t->number << 32 | q->index;
	wqe->num_sge = driver_choose(m->arg[ARG_NUM_SGE], t->max_recv_sge);
	if (wqe->num_sge * sizeof(struct vib_sge) <= q->stride - sizeof(*wqe))
		fill_sges(d, m, (struct vib_sge *)(wqe + 1), wqe->num_sge);
	driver_spoil(m, (uint32_t *)slot, 16);
	if (shared)
		vib_queue_produce(q); /* nobody rings for an SRQ */
	else
		driver_produce(d, t, q, m->arg[ARG_RING] & 1);
}
