// SPDX-License-Identifier: GPL-2.0-or-later
/* QPs at the HCA: making, changing, destroying. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <urcu/compiler.h>

#include "log.h"
#include "wire/parts.h"

static struct hca_qp *hca_qp_of(struct wire_qp *w)
{
	return caa_container_of(w, struct hca_qp, base);
}

/*
 * A slot for a datagram has a GRH and the largest MTU; how many there are bounds what a
 * QP costs us, 1 MiB, and its fabric's max_hca_mem what all of a guest's do.
 */
#define UD_SEND_SLOT    4096
#define UD_RECEIVE_SLOT 4160 /* 40 + 4096, and whole lines */
#define UD_SENDS        128
#define UD_RECEIVES     128

#define MTU_256         1 /* IBTA's code */
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

/* Of a slot there is one. */
static uint32_t sges(const struct hca_qp *q, uint32_t guests)
{
	return q->base.datagrams || !guests ? 1 : guests;
}

/* What is inline for the guest need not be so for the HCA. */
static int create_qp(struct hca_qp *q, struct ibv_pd *pd,
		     const struct vib_cmd_create_qp *cmd)
{
	struct ibv_qp_init_attr attr = {
		.qp_context = q,
		.send_cq = q->cq,
		.recv_cq = q->cq,
		.srq = q->srq ? q->srq->srq : NULL,
		.cap = {
			.max_send_wr = q->base.max_sends,
			.max_recv_wr = q->srq ? 0 : q->base.max_receives,
			.max_send_sge = sges(q, cmd->sq.max_sge),
			.max_recv_sge = q->srq ? 0 : sges(q, cmd->rq.max_sge),
			.max_inline_data = q->base.datagrams ? 0 : cmd->max_inline,
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

/* @count slots of @bytes, registered, in *@at. */
static struct ibv_mr *allocate_slots(struct ibv_pd *pd, uint32_t count, uint32_t bytes,
				     int access, uint8_t **slots)
{
	size_t size = (size_t)bytes * count;
	void *at;

	errno = posix_memalign(&at, VIB_PAGE_SIZE, size);
	if (errno)
		return NULL;
	memset(at, 0, size); /* what a slot had before is nobody's to see */
	*slots = at;
	return ibv_reg_mr(pd, at, size, access);
}

static int make_slots(struct hca_qp *q, struct ibv_pd *pd, uint32_t max_inline)
{
	struct wire_qp *w = &q->base;

	if (w->datagrams)
		w->send_slot_bytes = UD_SEND_SLOT;
	else if (w->max_inline < max_inline)
		w->send_slot_bytes = max_inline;
	if (w->send_slot_bytes) {
		q->sends_mr = allocate_slots(pd, w->max_sends, w->send_slot_bytes, 0,
					     &w->send_slots);
		if (!q->sends_mr)
			return -1;
	}
	if (!w->datagrams)
		return 0;
	w->receive_slot_bytes = UD_RECEIVE_SLOT;
	q->receives_mr = allocate_slots(pd, w->max_receives, w->receive_slot_bytes,
					IBV_ACCESS_LOCAL_WRITE, &w->receive_slots);
	return q->receives_mr ? 0 : -1;
}

/* All it can have at a time completes into one CQ, of @most entries. */
static void fit(struct wire_qp *w, uint32_t most)
{
	while (w->max_sends + w->max_receives > most &&
	       w->max_sends + w->max_receives > 2) {
		if (w->max_sends > w->max_receives)
			w->max_sends /= 2;
		else
			w->max_receives /= 2;
	}
}

static uint32_t less(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* How many requests of @cmd's the HCA is to have at a time. */
static void measure(struct wire_qp *w, const struct ibv_device_attr *attr,
		    const struct vib_cmd_create_qp *cmd, uint32_t shared)
{
	w->datagrams = cmd->type == VIB_QPT_UD;
	w->max_sends = depth(&cmd->sq, attr->max_qp_wr);
	w->max_receives = depth(&cmd->rq, attr->max_qp_wr);
	if (w->datagrams) {
		w->max_sends = less(w->max_sends, UD_SENDS);
		/* A queue that it shares has as many as it likes. */
		w->max_receives = cmd->srq == VIB_NO_OBJECT
					  ? less(w->max_receives, UD_RECEIVES)
					  : UD_RECEIVES;
	}
	if (shared) /* all of which may be in its CQ */
		w->max_receives = shared;
	while (shared && attr->max_cqe > 0 && w->max_sends > 1 &&
	       w->max_sends + shared > (uint32_t)attr->max_cqe)
		w->max_sends /= 2;
	if (!shared && attr->max_cqe > 0)
		fit(w, (uint32_t)attr->max_cqe);
}

uint64_t wire_qp_bytes(const struct wire_guest *g, const struct vib_cmd_create_qp *cmd)
{
	uint64_t send = sizeof(struct wire_send) + WIRE_WQE_BYTES + WIRE_CQE_BYTES;
	uint64_t receive = sizeof(struct wire_receive) + WIRE_CQE_BYTES;
	struct wire_qp w = { 0 };

	measure(&w, &g->port->attr, cmd,
		cmd->type == VIB_QPT_RC && cmd->srq != VIB_NO_OBJECT ? WIRE_SRQ_MOST : 0);
	send += w.datagrams
			? UD_SEND_SLOT
			: (uint64_t)cmd->sq.max_sge * WIRE_SGE_BYTES + cmd->max_inline;
	receive += w.datagrams ? UD_RECEIVE_SLOT
			       : (uint64_t)cmd->rq.max_sge * WIRE_SGE_BYTES;
	return sizeof(struct hca_qp) + w.max_sends * send + w.max_receives * receive;
}

uint64_t wire_guest_bytes(const struct wire_guest *g)
{
	return __atomic_load_n(&g->bytes, __ATOMIC_RELAXED);
}

static int make(struct hca_qp *q, struct wire_pd *pd, const struct vib_cmd_create_qp *cmd)
{
	struct wire_guest *g = q->guest;
	struct wire_qp *w = &q->base;

	w->ops = &wire_qp_ops;
	measure(w, &g->port->attr, cmd, q->srq ? q->srq->base.count : 0);
	w->sends = calloc(w->max_sends, sizeof(*w->sends));
	w->receives = calloc(q->srq ? 1 : w->max_receives, sizeof(*w->receives));
	if (!w->sends || !w->receives) {
		errno = ENOMEM;
		return -1;
	}
	/* One of its own, with room for all it can have: nobody's can be overrun. */
	q->cq = ibv_create_cq(g->port->context, (int)(w->max_sends + w->max_receives), w,
			      g->cqs->channel, 0);
	if (!q->cq || create_qp(q, pd->pd, cmd) < 0)
		return -1;
	return make_slots(q, pd->pd, cmd->max_inline);
}

static void detach(struct hca_qp *q, struct wire_group *group)
{
	(void)ibv_detach_mcast(q->qp, &group->mgid, group->mlid);
	LIST_REMOVE(group, entry);
	free(group);
}

/* What it took of its SRQ and has completed is for the SRQ to have again. */
static void take_back(struct hca_qp *q)
{
	struct ibv_wc wc;

	while (ibv_poll_cq(q->cq, 1, &wc) == 1)
		wire_srq_return(&q->srq->base, wc.wr_id);
}

/*
 * Before it is reset or destroyed, which for some HCAs clears its CQ. What the HCA
 * flushes only later is lost to the SRQ: who cares waits in ERR for LAST_WQE_REACHED,
 * IBTA vol. 1 §11.6.3.2.
 */
static void give_back(struct hca_qp *q)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };

	(void)ibv_modify_qp(q->qp, &attr, IBV_QP_STATE); /* not of one in RESET */
	take_back(q);
}

/* Whatever of it there is. 0 or the first error. */
static int unmake(struct hca_qp *q)
{
	int error, next;

	while (!LIST_EMPTY(&q->groups))
		detach(q, LIST_FIRST(&q->groups));
	if (q->srq && q->qp)
		give_back(q);
	error = q->qp ? ibv_destroy_qp(q->qp) : 0;
	wire_drop_handles(&q->guest->wire, &q->base);

	if (q->srq && q->cq)
		take_back(q);
	next = q->cq ? ibv_destroy_cq(q->cq) : 0;
	error = error ? error : next;
	next = q->sends_mr ? ibv_dereg_mr(q->sends_mr) : 0;
	error = error ? error : next;
	next = q->receives_mr ? ibv_dereg_mr(q->receives_mr) : 0;
	error = error ? error : next;
	free(q->base.send_slots);
	free(q->base.receive_slots);
	free(q->base.sends);
	free(q->base.receives);
	free(q);
	return error;
}

int wire_qp_new(struct wire_guest *g, struct wire_pd *pd, struct wire_srq *srq,
		const struct vib_cmd_create_qp *cmd, struct wire_qp **made)
{
	struct hca_qp *q = calloc(1, sizeof(*q));
	int error;

	/* The HCA reaches nothing of a guest's for datagrams. */
	pd = wire_pd_or_own(g, cmd->type == VIB_QPT_UD ? NULL : pd);
	if (!q || !pd) {
		free(q);
		return -ENOMEM;
	}
	q->guest = g;
	q->srq = srq ? caa_container_of(srq, struct hca_srq, base) : NULL;
	LIST_INIT(&q->groups);
	if (make(q, pd, cmd) < 0) {
		error = errno;
		(void)unmake(q);
		return wire_errno(error);
	}
	LIST_INSERT_HEAD(&g->qps, q, entry);
	q->bytes = wire_qp_bytes(g, cmd);
	__atomic_add_fetch(&g->bytes, q->bytes, __ATOMIC_RELAXED);
	*made = &q->base;
	return 0;
}

int wire_qp_end(struct wire_qp *w)
{
	struct hca_qp *q = hca_qp_of(w);
	const struct wire_port *port = q->guest->port;
	int error;

	wire_mws_end_unused(q->guest); /* which it may have bound */
	LIST_REMOVE(q, entry);
	__atomic_sub_fetch(&q->guest->bytes, q->bytes, __ATOMIC_RELAXED);
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

static int fill_pkey(const struct wire_port *port, uint16_t pkey, uint16_t *at)
{
	int index = wire_port_pkey_index(port, pkey);

	if (index < 0)
		return -EINVAL;
	*at = (uint16_t)index;
	return 0;
}

/*
 * No path is wider than the port it begins at, whatever its record says. The HCA is not
 * asked for each QP: it tells when its port changes.
 */
static enum ibv_mtu path_mtu(const struct wire_port *port, uint8_t wanted)
{
	uint8_t widest = port->mtu;

	return (enum ibv_mtu)(widest < wanted ? widest : wanted);
}

/*
 * rxe takes 7, the most there is, for ever (rxe_completer(), Linux 6.1 to 6.12): who has
 * lost its peer would never hear of it.
 */
static uint8_t retries(const struct wire_port *port, uint8_t wanted)
{
	return wanted == 7 && wire_is_rxe(port) ? 6 : wanted;
}

#define BUSY_TIMEOUT 16 /* 4.096 us * 2^16: 268 ms */

/*
 * A request is repeated T to 4 T after nothing was heard: IBTA vol. 1 §9.7.6.1.3. rxe
 * does it at T, though what is sent and what comes waits for a processor at both ends,
 * and a busy one's tries were soon over: it gets up to 4 T where T is short. Where it is
 * long enough for that a ULP is to hear of a dead peer before its own time is up, as
 * SRP's commands have a limit of 4 T for each try. 0 is no timeout.
 */
static uint8_t timeout(const struct wire_port *port, uint8_t wanted)
{
	if (!wanted || wanted >= BUSY_TIMEOUT || !wire_is_rxe(port))
		return wanted;
	return wanted + 2 < BUSY_TIMEOUT ? wanted + 2 : BUSY_TIMEOUT;
}

int wire_qp_modify(struct wire_qp *w, uint32_t mask, const struct vib_qp_attr *attr,
		   const struct wire_source *from)
{
	struct hca_qp *q = hca_qp_of(w);
	const struct wire_port *port = q->guest->port;
	struct ibv_qp_attr to = {
		.qp_state = (enum ibv_qp_state)attr->state,
		.cur_qp_state = (enum ibv_qp_state)attr->cur_state,
		.qkey = attr->qkey,
		.rq_psn = attr->rq_psn,
		.sq_psn = attr->sq_psn,
		.dest_qp_num = attr->dest_qpn,
		.qp_access_flags = (unsigned int)wire_access(port, attr->access_flags),
		.max_rd_atomic = attr->max_rd_atomic,
		.max_dest_rd_atomic = attr->max_dest_rd_atomic,
		.min_rnr_timer = attr->min_rnr_timer,
		.port_num = port->number,
		.timeout = timeout(port, attr->timeout),
		.retry_cnt = retries(port, attr->retry_cnt),
		.rnr_retry = attr->rnr_retry,
	};
	bool resets = mask & VIB_QP_STATE && attr->state == VIB_QPS_RESET;
	int rc = 0;

	if (mask & VIB_QP_PATH_MTU)
		to.path_mtu = path_mtu(port, attr->path_mtu);
	if (mask & VIB_QP_PKEY_INDEX)
		rc = fill_pkey(port, from->pkey, &to.pkey_index);
	if (rc == 0 && mask & VIB_QP_AV)
		rc = wire_av_fill(port, &attr->av, &from->gid, &to.ah_attr);
	if (resets)
		wire_mws_end_unused(q->guest);
	if (rc == 0 && resets && q->srq)
		give_back(q);
	if (rc == 0)
		rc = wire_errno(ibv_modify_qp(q->qp, &to, (int)mask));
	if (rc < 0 || !resets)
		return rc;
	wire_drop_handles(&q->guest->wire, w);
	if (q->srq)
		take_back(q);
	return 0;
}

/* IBTA vol. 1, table 91, and Linux' qp_state_table: RTS to RTS, of any type. */
#define IN_RTS        (VIB_QP_STATE | VIB_QP_ACCESS_FLAGS | VIB_QP_MIN_RNR_TIMER | VIB_QP_QKEY)
/* For a send queue in which there is nothing. */
#define DRAIN_MOST_MS 1000

/* HCAs say so a while after they were asked, also of an empty queue. */
static int wait_until_drained(const struct hca_qp *q)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	int error;

	for (unsigned int i = 0; i < DRAIN_MOST_MS; i++) {
		error = ibv_query_qp(q->qp, &attr, IBV_QP_STATE, &init);
		if (error || !attr.sq_draining)
			return wire_errno(error);
		nanosleep(&ms, NULL);
	}
	return -EBUSY;
}

/* In SQD, and back. */
static int change_drained(struct wire_qp *w, uint32_t mask,
			  const struct vib_qp_attr *attr, const struct wire_source *from)
{
	struct vib_qp_attr to = *attr;
	int rc, back;

	to.state = VIB_QPS_SQD;
	rc = wire_qp_modify(w, VIB_QP_STATE, &to, from);
	if (rc < 0)
		return rc;
	rc = wait_until_drained(hca_qp_of(w));
	if (rc == 0)
		rc = wire_qp_modify(w, mask, &to, from);
	to.state = VIB_QPS_RTS;
	back = wire_qp_modify(w, VIB_QP_STATE, &to, from);
	if (back == 0)
		return rc;
	/* It would send nothing, and nobody would hear of that. */
	to.state = VIB_QPS_ERR;
	(void)wire_qp_modify(w, VIB_QP_STATE, &to, from);
	return back;
}

int wire_qp_change(struct wire_qp *w, uint32_t mask, const struct vib_qp_attr *attr,
		   const struct wire_source *from)
{
	struct vib_qp_attr to = *attr;

	to.state = VIB_QPS_RTS;
	return mask & ~(uint32_t)IN_RTS ? change_drained(w, mask, &to, from)
					: wire_qp_modify(w, mask, &to, from);
}

/*
 * What its guest has chosen does not count, but for addresses: one atomic at a time, and
 * the engine has checked it.
 */
int wire_qp_loop(struct wire_qp *w, const struct vib_qp_attr *attr,
		 const struct wire_source *from)
{
	struct vib_qp_attr to = {
		.state = VIB_QPS_INIT,
		.pkey_index = attr->pkey_index,
		.access_flags = VIB_ACCESS_REMOTE_ATOMIC,
		.path_mtu = MTU_256,
		.dest_qpn = attr->dest_qpn,
		.max_rd_atomic = 1,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12, /* 0.64 ms */
		.timeout = 14,       /* 67 ms */
		.retry_cnt = 7,
		.rnr_retry = 7,
		.av = attr->av,
	};
	int rc = wire_qp_modify(
		w, VIB_QP_STATE | VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_ACCESS_FLAGS,
		&to, from);

	to.state = VIB_QPS_RTR;
	if (rc == 0)
		rc = wire_qp_modify(w,
				    VIB_QP_STATE | VIB_QP_AV | VIB_QP_PATH_MTU |
					    VIB_QP_DEST_QPN | VIB_QP_RQ_PSN |
					    VIB_QP_MAX_DEST_RD_ATOMIC |
					    VIB_QP_MIN_RNR_TIMER,
				    &to, from);
	to.state = VIB_QPS_RTS;
	if (rc == 0)
		rc = wire_qp_modify(w,
				    VIB_QP_STATE | VIB_QP_SQ_PSN | VIB_QP_TIMEOUT |
					    VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY |
					    VIB_QP_MAX_QP_RD_ATOMIC,
				    &to, from);
	to.state = VIB_QPS_RESET;
	if (rc < 0) /* as it was, for the next time */
		(void)wire_qp_modify(w, VIB_QP_STATE, &to, from);
	return rc;
}

int wire_qp_up(struct wire_qp *w, const struct vib_qp_attr *attr,
	       const struct wire_source *from)
{
	struct vib_qp_attr to = *attr;
	int rc;

	to.state = VIB_QPS_INIT;
	rc = wire_qp_modify(w,
			    VIB_QP_STATE | VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_QKEY,
			    &to, from);
	to.state = VIB_QPS_RTR;
	if (rc == 0)
		rc = wire_qp_modify(w, VIB_QP_STATE, &to, from);
	to.state = VIB_QPS_RTS;
	if (rc == 0)
		rc = wire_qp_modify(w, VIB_QP_STATE | VIB_QP_SQ_PSN, &to, from);
	return rc;
}

/* ---- groups ------------------------------------------------------------ */

int wire_qp_attach(struct wire_qp *w, const struct vib_gid *mgid, uint16_t mlid)
{
	struct hca_qp *q = hca_qp_of(w);
	struct wire_group *group = calloc(1, sizeof(*group));
	int error;

	if (!group)
		return -ENOMEM;
	memcpy(group->mgid.raw, mgid->raw, sizeof(group->mgid.raw));
	group->mlid = mlid;
	error = ibv_attach_mcast(q->qp, &group->mgid, mlid);
	if (error) {
		free(group);
		return wire_errno(error);
	}
	LIST_INSERT_HEAD(&q->groups, group, entry);
	return 0;
}

void wire_qp_detach(struct wire_qp *w, const struct vib_gid *mgid)
{
	struct hca_qp *q = hca_qp_of(w);
	struct wire_group *group;

	LIST_FOREACH(group, &q->groups, entry)
	if (memcmp(group->mgid.raw, mgid->raw, sizeof(mgid->raw)) == 0) {
		detach(q, group);
		return;
	}
}
