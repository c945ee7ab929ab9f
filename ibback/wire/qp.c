// SPDX-License-Identifier: GPL-2.0-or-later
/* QPs at the HCA: making, changing, destroying. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/compiler.h>

#include "log.h"
#include "wire/parts.h"

static struct hca_qp *hca_qp_of(struct wire_qp *w)
{
	return caa_container_of(w, struct hca_qp, base);
}

/* ---- making ------------------------------------------------------------ */

static uint32_t depth(const struct vib_work_queue *wq, int most)
{
	uint32_t n = wq->pages.count ? 1u << wq->order : 1;

	while (n > 1 && n > (uint32_t)most)
		n /= 2;
	return n;
}

static enum ibv_qp_type type_of(uint8_t type)
{
	return type == VIB_QPT_RC   ? IBV_QPT_RC
	       : type == VIB_QPT_UC ? IBV_QPT_UC
				    : IBV_QPT_UD;
}

/* What is inline for the guest need not be so for the HCA. */
static int create_qp(struct hca_qp *q, struct ibv_pd *pd,
		     const struct vib_cmd_create_qp *cmd)
{
	struct ibv_qp_init_attr attr = {
		.qp_context = q,
		.send_cq = q->cq,
		.recv_cq = q->cq,
		.cap = {
			.max_send_wr = q->base.max_sends,
			.max_recv_wr = q->base.max_receives,
			.max_send_sge = cmd->sq.max_sge ? cmd->sq.max_sge : 1,
			.max_recv_sge = cmd->rq.max_sge ? cmd->rq.max_sge : 1,
			.max_inline_data = cmd->max_inline,
		},
		.qp_type = type_of(cmd->type),
	};

	q->qp = ibv_create_qp(pd, &attr);
	if (!q->qp && attr.cap.max_inline_data) {
		attr.cap.max_inline_data = 0;
		q->qp = ibv_create_qp(pd, &attr);
	}
	if (!q->qp)
		return -1;
	q->base.max_inline = attr.cap.max_inline_data;
	q->base.number = q->qp->qp_num;
	return 0;
}

static int allocate_slots(struct hca_qp *q, struct ibv_pd *pd, uint32_t bytes)
{
	size_t size = (size_t)bytes * q->base.max_sends;
	void *at;

	if (!bytes)
		return 0;
	errno = posix_memalign(&at, VIB_PAGE_SIZE, size);
	if (errno)
		return -1;
	memset(at, 0, size);
	q->slots = at;
	q->slot_bytes = bytes;
	q->slots_mr = ibv_reg_mr(pd, q->slots, size, 0);
	return q->slots_mr ? 0 : -1;
}

static int make(struct hca_qp *q, struct wire_pd *pd, const struct vib_cmd_create_qp *cmd)
{
	struct wire_guest *g = q->guest;
	struct wire_qp *w = &q->base;

	w->ops = &wire_qp_ops;
	w->max_sends = depth(&cmd->sq, g->port->attr.max_qp_wr);
	w->max_receives = depth(&cmd->rq, g->port->attr.max_qp_wr);
	w->sends = calloc(w->max_sends, sizeof(*w->sends));
	w->receives = calloc(w->max_receives, sizeof(*w->receives));
	if (!w->sends || !w->receives) {
		errno = ENOMEM;
		return -1;
	}
	/* One of its own, with room for all it can have: nobody's can be overrun. */
	q->cq = ibv_create_cq(g->port->context, (int)(w->max_sends + w->max_receives), w,
			      g->cqs->channel, 0);
	if (!q->cq || create_qp(q, pd->pd, cmd) < 0)
		return -1;
	return allocate_slots(q, pd->pd,
			      w->max_inline < cmd->max_inline ? cmd->max_inline : 0);
}

/* Whatever of it there is. 0 or the first error. */
static int unmake(struct hca_qp *q)
{
	int error = q->qp ? ibv_destroy_qp(q->qp) : 0, next;

	next = q->cq ? ibv_destroy_cq(q->cq) : 0;
	error = error ? error : next;
	next = q->slots_mr ? ibv_dereg_mr(q->slots_mr) : 0;
	error = error ? error : next;
	free(q->slots);
	free(q->base.sends);
	free(q->base.receives);
	free(q);
	return error;
}

int wire_qp_new(struct wire_guest *g, struct wire_pd *pd,
		const struct vib_cmd_create_qp *cmd, struct wire_qp **made)
{
	struct hca_qp *q = calloc(1, sizeof(*q));
	int error;

	pd = wire_pd_or_own(g, pd);
	if (!q || !pd) {
		free(q);
		return -ENOMEM;
	}
	q->guest = g;
	if (make(q, pd, cmd) < 0) {
		error = errno;
		(void)unmake(q);
		return wire_errno(error);
	}
	LIST_INSERT_HEAD(&g->qps, q, entry);
	*made = &q->base;
	return 0;
}

int wire_qp_end(struct wire_qp *w)
{
	struct hca_qp *q = hca_qp_of(w);
	const struct wire_port *port = q->guest->port;
	int error;

	LIST_REMOVE(q, entry);
	error = unmake(q);
	if (error && !port->gone)
		log_err("HCA %s: cannot destroy a QP: error %d", port->device, error);
	return wire_errno(error);
}

/* ---- changing ---------------------------------------------------------- */

/* The masks have the same values, and so have states, MTUs, rights and timers. */
_Static_assert((int)VIB_QP_STATE == IBV_QP_STATE && (int)VIB_QP_AV == IBV_QP_AV &&
		       (int)VIB_QP_DEST_QPN == IBV_QP_DEST_QPN &&
		       (int)VIB_QP_MIN_RNR_TIMER == IBV_QP_MIN_RNR_TIMER &&
		       (int)VIB_QPS_ERR == IBV_QPS_ERR && (int)VIB_QPS_SQD == IBV_QPS_SQD,
	       "Linux' values");

static int fill_av(const struct wire_port *port, const struct vib_av *av,
		   const struct vib_gid *from, struct ibv_ah_attr *ah)
{
	int index;

	ah->port_num = port->number;
	ah->sl = av->sl;
	ah->static_rate = av->static_rate;
	ah->dlid = port->ethernet ? 0 : av->dlid;
	ah->is_global = !!(av->flags & VIB_AV_GRH);
	if (!ah->is_global)
		return port->ethernet ? -EINVAL : 0; /* RoCE has no LIDs */
	/* Nobody sends with another's GID: it is looked up by what the vport has. */
	index = wire_port_gid_index(port, from);
	if (index < 0 || index > UINT8_MAX)
		return -EINVAL;
	memcpy(ah->grh.dgid.raw, av->dgid.raw, sizeof(ah->grh.dgid.raw));
	ah->grh.sgid_index = (uint8_t)index;
	ah->grh.flow_label = av->flow_label;
	ah->grh.hop_limit = av->hop_limit ? av->hop_limit : 64;
	ah->grh.traffic_class = av->traffic_class;
	return 0;
}

static int fill_pkey(const struct wire_port *port, uint16_t pkey, uint16_t *at)
{
	int index = wire_port_pkey_index(port, pkey);

	if (index < 0)
		return -EINVAL;
	*at = (uint16_t)index;
	return 0;
}

int wire_qp_modify(struct wire_qp *w, uint32_t mask, const struct vib_qp_attr *attr,
		   const struct wire_source *from)
{
	const struct hca_qp *q = hca_qp_of(w);
	const struct wire_port *port = q->guest->port;
	struct ibv_qp_attr to = {
		.qp_state = (enum ibv_qp_state)attr->state,
		.cur_qp_state = (enum ibv_qp_state)attr->cur_state,
		.path_mtu = (enum ibv_mtu)attr->path_mtu,
		.qkey = attr->qkey,
		.rq_psn = attr->rq_psn,
		.sq_psn = attr->sq_psn,
		.dest_qp_num = attr->dest_qpn,
		.qp_access_flags = attr->access_flags &
				   (VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |
				    VIB_ACCESS_REMOTE_READ),
		.max_rd_atomic = attr->max_rd_atomic,
		.max_dest_rd_atomic = attr->max_dest_rd_atomic,
		.min_rnr_timer = attr->min_rnr_timer,
		.port_num = port->number,
		.timeout = attr->timeout,
		.retry_cnt = attr->retry_cnt,
		.rnr_retry = attr->rnr_retry,
	};
	int rc = 0;

	if (mask & VIB_QP_PKEY_INDEX)
		rc = fill_pkey(port, from->pkey, &to.pkey_index);
	if (rc == 0 && mask & VIB_QP_AV)
		rc = fill_av(port, &attr->av, &from->gid, &to.ah_attr);
	return rc < 0 ? rc : wire_errno(ibv_modify_qp(q->qp, &to, (int)mask));
}
