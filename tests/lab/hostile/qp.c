// SPDX-License-Identifier: GPL-2.0-or-later
/* QPs: made, brought to RTS, and given work. */

#include <xen/events.h>

#include "hostile.h"

#define ORDER		6
#define STRIDE		128
#define SGE		4
#define INLINE		64
#define MTU_1024	3

#define ACCESS                                                                 \
	(VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC)

static const struct {
	u8 type;
	u8 cq;			/* of both queues */
	enum world_qp peer;
	bool srq;
} qps[WORLD_QPS] = {
	[QP_RC_A] = { VIB_QPT_RC, CQ_EVENTS, QP_RC_B, false },
	[QP_RC_B] = { VIB_QPT_RC, CQ_QUIET, QP_RC_A, false },
	[QP_RC_SRQ] = { VIB_QPT_RC, CQ_EVENTS, QP_RC_SRQ, true },
	[QP_UC] = { VIB_QPT_UC, CQ_QUIET, QP_UC, false },
	[QP_UD] = { VIB_QPT_UD, CQ_EVENTS, QP_UD, false },
	[QP_UD_SRQ] = { VIB_QPT_UD, CQ_QUIET, QP_UD_SRQ, true },
	[QP_XRC_INI] = { VIB_QPT_XRC_INI, CQ_XRC, QP_XRC_TGT, false },
	[QP_XRC_TGT] = { VIB_QPT_XRC_TGT, CQ_XRC, QP_XRC_INI, false },
	[QP_RC_VICTIM] = { VIB_QPT_RC, CQ_EVENTS, WORLD_QPS, false },
	[QP_UC_VICTIM] = { VIB_QPT_UC, CQ_QUIET, WORLD_QPS, false },
	[QP_SMI] = { VIB_QPT_SMI, CQ_QUIET, QP_SMI, false },
	[QP_GSI] = { VIB_QPT_GSI, CQ_EVENTS, QP_GSI, false },
};

static bool is_mads(u8 type)
{
	return type == VIB_QPT_SMI || type == VIB_QPT_GSI;
}

/* The request that makes it; its memory is there. */
void qp_request(struct hostile *h, enum world_qp which,
		struct vib_control_request *request)
{
	const struct world *w = &h->world;
	const struct world_qp_state *qp = &w->qps[which];
	const struct vib_work_queue none = { 0 };
	struct vib_cmd_create_qp *create = &request->u.create_qp;

	*request = (struct vib_control_request){ .operation = VIB_CMD_CREATE_QP };
	create->type = qps[which].type;
	create->srq = VIB_NO_OBJECT;
	create->xrcd = w->xrcd;
	if (create->type == VIB_QPT_XRC_TGT)
		return;
	create->pd = w->pds[0];
	create->send_cq = w->cqs[qps[which].cq].number;
	create->recv_cq = create->send_cq;
	/* Nobody takes completions, and what sends MADs is to send many. */
	create->flags = is_mads(create->type) ? VIB_QPF_KERNEL : VIB_QPF_SIG_ALL;
	create->db_index = qp->db_index;
	create->doorbell = w->doorbell;
	create->max_inline = INLINE;
	create->sq = (struct vib_work_queue){
		.order = ORDER, .stride = STRIDE, .max_sge = SGE,
		.pages = area_pages(h, qp->sq_area),
	};
	create->rq = create->sq;
	create->rq.pages = area_pages(h, qp->rq_area);
	if (qps[which].srq) {
		create->srq = w->srq;
		create->rq = none;
	}
	if (create->type == VIB_QPT_XRC_INI)
		create->rq = none;
}

static void begin(struct world_qp_state *qp)
{
	memset(qp->sq_area->va, 0, qp->sq_area->size * PAGE_SIZE);
	memset(qp->rq_area->va, 0, qp->rq_area->size * PAGE_SIZE);
	vib_queue_init(&qp->sq, qp->sq_area->va, ORDER, STRIDE);
	vib_queue_init(&qp->rq, qp->rq_area->va, ORDER, STRIDE);
}

int world_qp(struct hostile *h, enum world_qp which)
{
	struct world_qp_state *qp = &h->world.qps[which];
	struct vib_control_request request;
	int err;

	qp->made = false;
	qp->type = qps[which].type;
	qp->sq_area = area_new(h, vib_queue_bytes(ORDER, STRIDE), false);
	qp->rq_area = area_new(h, vib_queue_bytes(ORDER, STRIDE), false);
	if (!qp->sq_area || !qp->rq_area)
		return -ENOMEM;
	begin(qp);
	qp->db_index = chance_below(&h->chance, VIB_DB_QUEUES);
	qp_request(h, which, &request);
	err = command_create(h, &request, &qp->number);
	qp->made = !err;
	return err;
}

/* What takes it from the state before to @state. */
void qp_attributes(struct hostile *h, enum world_qp which, u8 state,
		   struct vib_cmd_modify_qp *modify)
{
	u8 type = qps[which].type;
	bool datagram = vib_qp_type_is_datagram(type);
	bool reliable = type != VIB_QPT_UC && !datagram;
	enum world_qp peer = qps[which].peer;

	*modify = (struct vib_cmd_modify_qp){
		.qpn = h->world.qps[which].number,
		.mask = VIB_QP_STATE,
		.attr = {
			.state = state,
			.path_mtu = MTU_1024,
			.port = VIB_PORT,
			.qkey = type == VIB_QPT_GSI ? 0x80010000 :
				type == VIB_QPT_SMI ? 0 : 0x1234,
			.access_flags = ACCESS,
			.max_rd_atomic = 4,
			.max_dest_rd_atomic = 4,
			.min_rnr_timer = 1,
			.timeout = 8,
			.retry_cnt = 1,
			.rnr_retry = 1,
		},
	};
	modify->attr.dest_qpn = peer == WORLD_QPS ? victim(h, victim_qpn) :
						    h->world.qps[peer].number;
	modify->attr.av.dlid = peer == WORLD_QPS ? victim(h, victim_lid) : h->lid;
	switch (state) {
	case VIB_QPS_INIT:
		modify->mask |= VIB_QP_PKEY_INDEX | VIB_QP_PORT |
				(datagram ? VIB_QP_QKEY : VIB_QP_ACCESS_FLAGS);
		break;
	case VIB_QPS_RTR:
		if (datagram)
			break;
		modify->mask |= VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN |
				VIB_QP_RQ_PSN;
		if (type == VIB_QPT_RC || type == VIB_QPT_XRC_TGT)
			modify->mask |= VIB_QP_MAX_DEST_RD_ATOMIC |
					VIB_QP_MIN_RNR_TIMER;
		break;
	case VIB_QPS_RTS:
		modify->mask |= VIB_QP_SQ_PSN;
		if (reliable)
			modify->mask |= VIB_QP_TIMEOUT;
		if (type == VIB_QPT_RC || type == VIB_QPT_XRC_INI)
			modify->mask |= VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY |
					VIB_QP_MAX_QP_RD_ATOMIC;
		break;
	}
}

/* From RESET to RTS, in one go. */
static int bring_up(struct hostile *h, enum world_qp which)
{
	static const u8 states[] = { VIB_QPS_RESET, VIB_QPS_INIT, VIB_QPS_RTR,
				     VIB_QPS_RTS };
	struct vib_control_request requests[ARRAY_SIZE(states)] = { 0 };
	struct vib_control_response responses[ARRAY_SIZE(states)];
	unsigned int i;

	/* With nothing in its queues it does not matter that they begin anew later. */
	begin(&h->world.qps[which]);
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		requests[i].operation = VIB_CMD_MODIFY_QP;
		qp_attributes(h, which, states[i], &requests[i].u.modify_qp);
	}
	if (!commands(h, requests, responses, ARRAY_SIZE(states)))
		return -ENODEV;
	return responses[ARRAY_SIZE(states) - 1].status;
}

static bool are_ready(struct hostile *h, const enum world_qp *which, unsigned int count)
{
	struct vib_control_request requests[2] = { 0 };
	struct vib_control_response responses[2];
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (!h->world.qps[which[i]].made)
			return false;
		requests[i].operation = VIB_CMD_QUERY_QP;
		requests[i].u.object.number = h->world.qps[which[i]].number;
	}
	if (!commands(h, requests, responses, count))
		return false;
	for (i = 0; i < count; i++)
		if (responses[i].status || responses[i].u.qp.state != VIB_QPS_RTS)
			return false;
	return true;
}

/* Its CQ may be the one that is spoiled; then so are the others' of that CQ. */
static bool anew(struct hostile *h, enum world_qp which)
{
	if (h->world.qps[which].made)
		(void)command_end(h, VIB_CMD_DESTROY_QP, h->world.qps[which].number);
	if (chance_one_in(&h->chance, 2) && world_cq(h, qps[which].cq))
		return false;
	return !world_qp(h, which) && !bring_up(h, which);
}

static bool is_ready(struct hostile *h, enum world_qp which)
{
	enum world_qp peer = qps[which].peer;
	const enum world_qp both[] = { which, peer };

	if (are_ready(h, both, peer == WORLD_QPS || peer == which ? 1 : 2))
		return true;
	/* What it is connected to as well: a QP that failed took it along. */
	if (bring_up(h, which) && !anew(h, which))
		return false;
	if (peer != WORLD_QPS && peer != which) {
		if (bring_up(h, peer) && !anew(h, peer))
			return false;
		(void)bring_up(h, which); /* with what may be another number */
	}
	return hostile_goes_on(h);
}

struct world_qp_state *qp_ready(struct hostile *h, enum world_qp which)
{
	if (qps[which].cq == CQ_XRC && !(h->caps & VIB_CAP_XRC))
		which = QP_RC_SRQ;
	if (is_ready(h, which))
		return &h->world.qps[which];
	h->lacking = true;
	return NULL;
}

struct world_qp_state *qp_fresh(struct hostile *h, enum world_qp which)
{
	struct vib_control_request request = { .operation = VIB_CMD_MODIFY_QP };
	struct vib_control_response response;

	if (h->world.qps[which].made) {
		qp_attributes(h, which, VIB_QPS_RESET, &request.u.modify_qp);
		(void)command(h, &request, &response);
	}
	return qp_ready(h, which);
}

void qp_ring(struct hostile *h, const struct world_qp_state *qp)
{
	if (vib_doorbell_ring(h->world.bells, qp->db_index))
		notify_remote_via_evtchn(h->world.bell_channel);
}

/* The next slot of its send queue becomes valid, and its bell rings. */
void qp_publish(struct hostile *h, struct world_qp_state *qp)
{
	vib_queue_produce(&qp->sq);
	qp_ring(h, qp);
}
