// SPDX-License-Identifier: GPL-2.0-or-later
/* From a few bytes to a command. */
#include <string.h>

#include "driver.h"
#include "engine/objects.h"

/* ---- memory ------------------------------------------------------------ */

#define OBJECT_PAGES (WORLD_RO_PAGE - PAGE_FREE)

/* @count pages for an object, in turn: they come to be used twice. */
static uint32_t take_pages(struct driver *d, uint32_t count)
{
	uint32_t first;

	if (d->next_page + count > WORLD_RO_PAGE)
		d->next_page = PAGE_FREE;
	first = d->next_page;
	d->next_page += count > OBJECT_PAGES ? 0 : count;
	return first;
}

/*
 * The tree of @count pages from @first on, round and round in those there are,
 * with its list, if it needs one, in page @list.
 */
static struct vib_pages name_pages(struct driver *d, uint32_t first, uint32_t count,
				   uint32_t list)
{
	uint32_t *refs = (uint32_t *)d->guest->pages[list];
	uint32_t *top = (uint32_t *)d->guest->pages[PAGE_LIST + 1];

	if (count <= 1)
		return (struct vib_pages){ .count = count, .root = first };
	for (uint32_t i = 0; i < count && i < VIB_LIST_REFS; i++)
		refs[i] = PAGE_FREE + (first - PAGE_FREE + i) % OBJECT_PAGES;
	if (count <= VIB_LIST_REFS)
		return (struct vib_pages){ .count = count, .root = list };
	for (uint32_t i = 0; i <= count / VIB_LIST_REFS && i < VIB_LIST_REFS; i++)
		top[i] = PAGE_LIST;
	return (struct vib_pages){ .count = count, .root = PAGE_LIST + 1 };
}

static struct vib_pages make_pages(struct driver *d, uint32_t count)
{
	return name_pages(d, take_pages(d, count), count, PAGE_LIST);
}

/* ---- operands ----------------------------------------------------------- */

uint32_t driver_choose(uint8_t arg, uint32_t most)
{
	static const uint32_t beyond[8] = { 0, 1, 2, 7, 25, 56, 192, 0xffff };

	return arg >= 0xf8 ? most + beyond[arg - 0xf8] : arg % (most + 1);
}

/* Whose numbers a command has: by right one's own. */
static struct driver *owner(struct driver *d, const struct move *m)
{
	return m->at[AT_OTHERS] & 1 ? &drivers[m->pick[PICK_GUEST] % WORLD_GUESTS] : d;
}

static void want_mr(struct driver *d, const struct move *m, struct vib_cmd_reg_mr *cmd)
{
	static const uint32_t many[] = { 41, 64, 1023, 1024, 1025, 1100 };
	uint32_t pages = 1 + m->arg[ARG_PAGES] % 8, offset = m->arg[ARG_OFFSET] * 13u;

	if (m->arg[ARG_PAGES] >= 0xf8)
		pages = many[m->arg[ARG_PAGES] % 6];
	*cmd = (struct vib_cmd_reg_mr){
		.iova = (uint64_t)m->arg[ARG_MORE] << 20 | offset,
		.length = (uint64_t)pages * VIB_PAGE_SIZE - offset - m->arg[ARG_ORDER],
		.pd = driver_number(owner(d, m), PD, m->pick[PICK_PD]),
		.access = driver_choose(m->arg[ARG_ACCESS], 31),
		.pages = make_pages(d, pages),
	};
	/* As of device memory. */
	if ((m->at[AT_WINDOW] & 7) == 7) {
		cmd->iova = offset % VIB_PAGE_SIZE;
		cmd->access |= VIB_ACCESS_ZERO_BASED;
	}
}

static void want_dma(struct driver *d, const struct move *m, struct vib_cmd_reg_dma *cmd)
{
	uint32_t pages = 1 + m->arg[ARG_PAGES] % 4;
	uint8_t offset = m->arg[ARG_OFFSET];

	*cmd = (struct vib_cmd_reg_dma){
		.addr = (uint64_t)m->arg[ARG_MORE] << 16 | (uint64_t)(offset % 8) << 12 |
			(offset >= 0xf8),
		.pages = make_pages(d, pages),
	};
	if (m->arg[ARG_ORDER] >= 0xf8) /* near the end of all addresses */
		cmd->addr = 0 - cmd->addr;
}

static struct vib_work_queue want_queue(struct driver *d, uint32_t order,
					uint32_t max_sge, uint32_t stride, uint32_t list)
{
	uint32_t pages = queue_pages(order, stride);

	return (struct vib_work_queue){
		.order = order,
		.max_sge = max_sge,
		.stride = stride,
		.pages = name_pages(d, take_pages(d, pages), pages, list),
	};
}

/* A bell of its own, or rarely one that may be another's or is none. */
static uint16_t choose_bell(struct driver *d, uint8_t how)
{
	if (how < 0xf0)
		return (uint16_t)(d->next_bell++ * 67 % VIB_DB_QUEUES);
	return (uint16_t)(how < 0xf8 ? (how & 7) * 67
				     : driver_choose(how, VIB_DB_QUEUES));
}

/* One that no QP has; or rarely a QP's, or none. */
static uint32_t choose_srq_bell(uint8_t how)
{
	if (how < 0xf0)
		return VIB_DB_QUEUES - 1 - how;
	return how < 0xf8 ? (how & 7) * 67u : VIB_DB_QUEUES + how;
}

static void want_srq(struct driver *d, const struct move *m,
		     struct vib_cmd_create_srq *cmd)
{
	uint32_t order = 1 + m->arg[ARG_ORDER] % 8,
		 sge = driver_choose(m->arg[ARG_SGE], 32);

	*cmd = (struct vib_cmd_create_srq){
		.pd = driver_number(owner(d, m), PD, m->pick[PICK_PD]),
		.order = order,
		.max_sge = sge,
		.stride = vib_recv_stride(sge),
		.limit = m->arg[ARG_MORE],
		.type = driver_choose(m->arg[ARG_TYPE], VIB_SRQT_XRC),
		.pages = make_pages(d, queue_pages(order, vib_recv_stride(sge))),
		.xrcd = driver_number(owner(d, m), XRCD, m->pick[PICK_THING]),
		.cq = driver_number(owner(d, m), CQ, m->pick[PICK_CQ]),
		.flags = m->arg[ARG_FLAGS] & VIB_SRQF_KERNEL,
		.doorbell = m->arg[ARG_FLAGS] & 2 ? driver_number(owner(d, m), DOORBELL,
								  m->pick[PICK_DOORBELL])
						  : 0,
		.db_index = choose_srq_bell(m->arg[ARG_OFFSET]),
	};
}

/* QPs of MADs are the kernel's by right. */
static uint8_t choose_flags(uint8_t type, uint8_t how)
{
	bool mad = type == VIB_QPT_SMI || type == VIB_QPT_GSI;

	return (how & (VIB_QPF_SIG_ALL | VIB_QPF_KERNEL)) ^ (mad ? VIB_QPF_KERNEL : 0);
}

/* Mostly none; or one that somebody has, perhaps another; or any. */
static uint32_t choose_qpn(struct driver *d, const struct move *m)
{
	if (m->arg[ARG_FLAGS] & 0x80)
		return driver_number(owner(d, m), QP, m->pick[PICK_PEER]);
	return m->arg[ARG_FLAGS] & 0x40 ? m->arg[ARG_MORE] * 0x10101u : 0;
}

/* A target has no queues, and an initiator no receive queue. */
static void want_qp(struct driver *d, const struct move *m, struct vib_cmd_create_qp *cmd)
{
	static const uint8_t types[] = { VIB_QPT_RC,      VIB_QPT_UC,      VIB_QPT_UD,
					 VIB_QPT_XRC_INI, VIB_QPT_XRC_TGT, VIB_QPT_SMI,
					 VIB_QPT_GSI };
	uint8_t type = types[m->arg[ARG_TYPE] % sizeof(types)];
	bool xrc = type == VIB_QPT_XRC_INI || type == VIB_QPT_XRC_TGT;
	uint32_t sge = driver_choose(m->arg[ARG_SGE] & 0x7f, 32);
	uint32_t max_inline = m->arg[ARG_INLINE] * 2u;
	bool srq = m->pick[PICK_SRQ] < 0x40 && !xrc;

	*cmd = (struct vib_cmd_create_qp){
		.pd = driver_number(owner(d, m), PD, m->pick[PICK_PD]),
		.send_cq = driver_number(owner(d, m), CQ, m->pick[PICK_CQ]),
		.recv_cq = driver_number(owner(d, m), CQ, m->pick[PICK_CQ2]),
		.srq = srq ? driver_number(owner(d, m), SRQ, m->pick[PICK_SRQ])
			   : VIB_NO_OBJECT,
		.type = type,
		.flags = choose_flags(type, m->arg[ARG_FLAGS]),
		.db_index = choose_bell(d, m->arg[ARG_MORE]),
		.doorbell = driver_number(owner(d, m), DOORBELL, m->pick[PICK_DOORBELL]),
		.max_inline = max_inline,
		.qpn = choose_qpn(d, m),
		.xrcd = driver_number(owner(d, m), XRCD, m->pick[PICK_THING]),
	};
	if (type == VIB_QPT_XRC_TGT)
		return;
	cmd->sq = want_queue(d, 1 + m->arg[ARG_ORDER] % 3, sge,
			     vib_send_stride(sge, max_inline, cmd->type), PAGE_LIST);
	if (cmd->srq == VIB_NO_OBJECT && !xrc)
		cmd->rq = want_queue(d, 1 + m->arg[ARG_ORDER] / 4 % 3, sge,
				     vib_recv_stride(sge), PAGE_LIST + 1);
}

struct vib_av driver_av(const struct move *m, uint8_t how)
{
	const struct world_guest *to = &world[m->pick[PICK_GUEST] % WORLD_GUESTS];
	struct vib_av av = { .dlid = to->vport.lid };

	if (!(how & 1))
		return av;
	av.flags = VIB_AV_GRH;
	av.dgid = to->vport.attr.gids[how >> 1 & 1];
	av.sgid_index = how >> 2 & 1;
	if (how & 8)
		av.dgid.raw[0] = 0xff;
	if (how >= 0xf8)
		av.sgid_index = how;
	return av;
}

/*
 * The attributes that a QP of @type needs for @state. An initiator is what asks of
 * RC, a target what answers.
 */
static uint32_t mask_for(uint8_t type, uint8_t state)
{
	bool ud = vib_qp_type_is_datagram(type);
	bool asks = type == VIB_QPT_RC || type == VIB_QPT_XRC_INI;
	bool answers = type == VIB_QPT_RC || type == VIB_QPT_XRC_TGT;

	switch (state) {
	case VIB_QPS_INIT:
		return VIB_QP_PKEY_INDEX | VIB_QP_PORT |
		       (ud ? VIB_QP_QKEY : VIB_QP_ACCESS_FLAGS);
	case VIB_QPS_RTR:
		if (ud)
			return 0;
		return VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN | VIB_QP_RQ_PSN |
		       (answers ? VIB_QP_MAX_DEST_RD_ATOMIC | VIB_QP_MIN_RNR_TIMER : 0);
	case VIB_QPS_RTS:
		return VIB_QP_SQ_PSN | (asks || answers ? VIB_QP_TIMEOUT : 0) |
		       (asks ? VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY |
					VIB_QP_MAX_QP_RD_ATOMIC
			     : 0);
	default:
		return 0;
	}
}

/*
 * From a byte: seldom, an attribute too many or too few; or the state alone, as from
 * SQD and SQE, perhaps with the one the QP is taken to be in.
 */
static void make_odd(uint8_t how, struct vib_cmd_modify_qp *cmd)
{
	switch (how & 7) {
	case 7:
		cmd->mask ^= 1u << (how >> 3) % 21;
		break;
	case 6:
		cmd->mask = VIB_QP_STATE | (how & 0x40 ? VIB_QP_CUR_STATE : 0);
		cmd->attr.cur_state = how >> 3 & 7;
		break;
	default:
		break;
	}
}

static void want_state(struct driver *d, const struct move *m, uint8_t state,
		       struct vib_cmd_modify_qp *cmd)
{
	const struct thing *qp = driver_pick(owner(d, m), QP, m->pick[PICK_THING]);
	struct driver *to = &drivers[m->pick[PICK_GUEST] % WORLD_GUESTS];
	uint8_t more = m->arg[ARG_MORE];

	*cmd = (struct vib_cmd_modify_qp){
		.qpn = qp ? qp->number : VIB_NO_OBJECT,
		.mask = VIB_QP_STATE | (qp ? mask_for(qp->type, state) : 0),
		.attr = {
			.state = state,
			.cur_state = state - 1,
			.path_mtu = 1 + more % 5,
			.port = VIB_PORT,
			.qkey = driver_qkey(d, qp ? qp->type : VIB_QPT_UD),
			.dest_qpn = driver_number(to, QP, m->pick[PICK_PEER]),
			.access_flags = m->arg[ARG_FLAGS] ^ 0xf,
			.pkey_index = more & 0x80 ? 1 : 0,
			.max_rd_atomic = more % 16,
			.max_dest_rd_atomic = more / 2 % 16,
			.min_rnr_timer = m->arg[ARG_RNR_TIMER] % 32,
			.timeout = m->arg[ARG_TIMEOUT] % 32,
			.retry_cnt = m->arg[ARG_RETRIES] % 8,
			.rnr_retry = m->arg[ARG_RETRIES] / 8 % 8,
			.en_sqd_async_notify = more & 1,
			.av = driver_av(m, m->arg[ARG_AV]),
		},
	};
	if (state == VIB_QPS_SQD && more & 1)
		cmd->mask |= VIB_QP_EN_SQD_ASYNC_NOTIFY;
	make_odd(m->arg[ARG_ODD], cmd);
}

static void want_mcast(struct driver *d, const struct move *m, struct vib_cmd_mcast *cmd)
{
	*cmd = (struct vib_cmd_mcast){ .qpn = driver_number(owner(d, m), QP,
							    m->pick[PICK_THING]) };
	cmd->mgid = driver_av(m, 1 | 8 | m->arg[0]).dgid;
}

/* The command m->op without anything wrong but what bytes of @m say. */
static void want(struct driver *d, const struct move *m, struct vib_control_request *req)
{
	static const enum kind kinds[] = {
		[VIB_CMD_UNMAP_DOORBELL] = DOORBELL,
		[VIB_CMD_DESTROY_EQ] = EQ,
		[VIB_CMD_DEALLOC_PD] = PD,
		[VIB_CMD_DESTROY_CQ] = CQ,
		[VIB_CMD_QUERY_SRQ] = SRQ,
		[VIB_CMD_DESTROY_SRQ] = SRQ,
		[VIB_CMD_QUERY_QP] = QP,
		[VIB_CMD_DESTROY_QP] = QP,
		[VIB_CMD_DEALLOC_MW] = MW,
		[VIB_CMD_DEALLOC_XRCD] = XRCD,
		[VIB_CMD_DEREG_DMA] = DMA,
	};
	uint32_t order = 1 + m->arg[ARG_ORDER] % 8;

	memset(req, 0, sizeof(*req));
	req->operation = m->op;
	switch (m->op) {
	case VIB_CMD_QUERY_DEVICE:
	case VIB_CMD_QUERY_PORT:
	case VIB_CMD_QUERY_GID:
	case VIB_CMD_QUERY_PKEY:
	case VIB_CMD_QUERY_COUNTERS:
		req->port = VIB_PORT;
		req->u.query_table.first = m->arg[0];
		req->u.query_table.count = m->arg[1];
		break;
	case VIB_CMD_MODIFY_PORT:
		req->port = VIB_PORT;
		/* Some of these eight may be set, and others not. */
		req->u.modify_port.cap_mask = (uint32_t)m->arg[0] << 17;
		break;
	case VIB_CMD_MAP_DOORBELL:
		req->u.map_doorbell.ref = take_pages(d, 1);
		req->u.map_doorbell.event_channel = d->next_port++;
		break;
	case VIB_CMD_CREATE_EQ:
		req->u.create_eq.order = order;
		req->u.create_eq.event_channel = d->next_port++;
		req->u.create_eq.pages =
			make_pages(d, queue_pages(order, sizeof(struct vib_comp_event)));
		break;
	case VIB_CMD_REG_MR:
		want_mr(d, m, &req->u.reg_mr);
		break;
	case VIB_CMD_REG_DMA:
		want_dma(d, m, &req->u.reg_dma);
		break;
	case VIB_CMD_PROCESS_MAD:
		req->port = VIB_PORT;
		req->u.process_mad.ref = take_pages(d, 1);
		break;
	case VIB_CMD_REREG_MR:
		want_mr(d, m, &req->u.rereg_mr.mr);
		req->u.rereg_mr.key = driver_number(owner(d, m), MR, m->pick[PICK_THING]);
		req->u.rereg_mr.mask = driver_choose(m->arg[ARG_FLAGS], 7);
		break;
	case VIB_CMD_ALLOC_MW:
		req->u.alloc_mw.pd = driver_number(owner(d, m), PD, m->pick[PICK_PD]);
		req->u.alloc_mw.type = VIB_MW_TYPE_1 + driver_choose(m->arg[ARG_TYPE], 1);
		break;
	case VIB_CMD_ALLOC_MR:
		req->u.alloc_mr.pd = driver_number(owner(d, m), PD, m->pick[PICK_PD]);
		req->u.alloc_mr.max_pages = 1 + driver_choose(m->arg[ARG_PAGES], 511);
		if (m->arg[ARG_FLAGS] & 0x80)
			req->u.alloc_mr.key =
				driver_number(owner(d, m), MW, m->pick[PICK_THING]);
		break;
	case VIB_CMD_DEREG_MR:
		req->u.object.number = driver_number(
			owner(d, m), m->arg[ARG_TYPE] & 1 ? MW : MR, m->pick[PICK_THING]);
		break;
	case VIB_CMD_RESIZE_CQ:
		req->u.resize_cq.cq = driver_number(owner(d, m), CQ, m->pick[PICK_THING]);
		req->u.resize_cq.order = order;
		req->u.resize_cq.pages =
			make_pages(d, queue_pages(order, sizeof(struct vib_cqe)));
		break;
	case VIB_CMD_CREATE_CQ:
		req->u.create_cq.order = order;
		req->u.create_cq.eq = driver_number(owner(d, m), EQ, m->pick[PICK_EQ]);
		req->u.create_cq.pages =
			make_pages(d, queue_pages(order, sizeof(struct vib_cqe)));
		break;
	case VIB_CMD_MODIFY_CQ:
		req->u.modify_cq.cq = driver_number(owner(d, m), CQ, m->pick[PICK_THING]);
		req->u.modify_cq.count = m->arg[0];
		req->u.modify_cq.period_us = m->arg[1];
		break;
	case VIB_CMD_CREATE_SRQ:
		want_srq(d, m, &req->u.create_srq);
		break;
	case VIB_CMD_MODIFY_SRQ:
		req->u.modify_srq.srq =
			driver_number(owner(d, m), SRQ, m->pick[PICK_THING]);
		req->u.modify_srq.limit = m->arg[0];
		break;
	case VIB_CMD_CREATE_QP:
		want_qp(d, m, &req->u.create_qp);
		break;
	case VIB_CMD_MODIFY_QP:
		want_state(d, m, m->arg[ARG_STATE] % 8, &req->u.modify_qp);
		break;
	case VIB_CMD_ATTACH_MCAST:
	case VIB_CMD_DETACH_MCAST:
		want_mcast(d, m, &req->u.mcast);
		break;
	default:
		if (m->op < sizeof(kinds) / sizeof(kinds[0]))
			req->u.object.number = driver_number(owner(d, m), kinds[m->op],
							     m->pick[PICK_THING]);
		break;
	}
}

/* ---- commands ---------------------------------------------------------- */

void driver_spoil(const struct move *m, uint32_t *at, uint32_t words)
{
	for (unsigned int i = 0; i < 2; i++)
		if (m->at[i])
			at[m->at[i] & (words - 1)] = m->value[i];
}

int32_t driver_make(struct driver *d, const struct move *m,
		    struct vib_control_response *rsp)
{
	struct vib_control_request req;

	want(d, m, &req);
	driver_spoil(m, (uint32_t *)&req, sizeof(req) / 4);
	return driver_command(d, &req, rsp);
}

void driver_bring_up(struct driver *d, const struct move *m, enum vib_qp_state state)
{
	struct vib_control_request req = { .operation = VIB_CMD_MODIFY_QP };
	struct vib_control_response rsp;

	for (uint8_t s = VIB_QPS_INIT; s <= state; s++) {
		want_state(d, m, s, &req.u.modify_qp);
		(void)driver_command(d, &req, &rsp);
	}
}
