// SPDX-License-Identifier: GPL-2.0-or-later
/* Making, changing and destroying QPs. */
#include <errno.h>
#include <stdlib.h>

#include "engine/counters.h"
#include "engine/cq.h"
#include "engine/engine.h"
#include "engine/objects_parts.h"
#include "engine/poller_parts.h"
#include "engine/qp_state.h"
#include "engine/receive.h"
#include "engine/wire.h"
#include "device_limits.h"

/* A QP of @vhca, and of no other, or NULL. */
static struct qp *find_qp(const struct vhca *vhca, uint32_t qpn)
{
	struct qp *qp;

	if (qpn < QPN_FIRST)
		return vhca->mads.qps[qpn];
	qp = vhca_find_qp(vhca, qpn);
	return qp && qp->vhca == vhca ? qp : NULL;
}

/* ---- creating ---------------------------------------------------------- */

static bool basic_srq(const struct vhca *vhca, uint32_t number)
{
	const struct srq *srq = table_get(&vhca->srqs, number, srq);

	return srq && !srq->xrcd;
}

static bool work_queue_ok(const struct vib_work_queue *wq, uint32_t least)
{
	if (!wq->pages.count)
		return true;
	return wq->max_sge <= MAX_SGE && stride_ok(wq->stride, least) &&
	       wq->pages.count == work_queue_pages(wq->order, wq->stride);
}

static bool is_for_mads(const struct vib_cmd_create_qp *cmd)
{
	return cmd->type == VIB_QPT_SMI || cmd->type == VIB_QPT_GSI;
}

static bool type_ok(const struct vhca *vhca, const struct vib_cmd_create_qp *cmd)
{
	if (is_for_mads(cmd))
		return vhca->mads.waiting && cmd->flags & VIB_QPF_KERNEL;
	return (cmd->type >= VIB_QPT_RC && cmd->type <= VIB_QPT_UD) ||
	       cmd->type == VIB_QPT_XRC_INI || cmd->type == VIB_QPT_XRC_TGT;
}

/* An XRC target has no queue, and all else from the SRQs of its domain. */
static bool target_ok(const struct vhca *vhca, const struct vib_cmd_create_qp *cmd)
{
	return table_get(&vhca->xrcds, cmd->xrcd, xrcd) && !cmd->sq.pages.count &&
	       !cmd->rq.pages.count && cmd->srq == VIB_NO_OBJECT;
}

/* What it receives with: an XRC initiator does not. */
static bool receives_ok(const struct vhca *vhca, const struct vib_cmd_create_qp *cmd)
{
	if (cmd->type == VIB_QPT_XRC_INI)
		return !cmd->rq.pages.count && cmd->srq == VIB_NO_OBJECT;
	if (!table_get(&vhca->cqs, cmd->recv_cq, cq))
		return false;
	/* IBTA vol. 1 §10.2.9: UC has no shared receives. */
	return cmd->srq == VIB_NO_OBJECT ||
	       (!cmd->rq.pages.count && cmd->type != VIB_QPT_UC && !is_for_mads(cmd) &&
		basic_srq(vhca, cmd->srq));
}

/* Can it have the number that it is to have? */
static bool number_is_free(const struct vhca *vhca, const struct vib_cmd_create_qp *cmd)
{
	if (is_for_mads(cmd))
		return !vhca->mads.qps[cmd->type];
	return !cmd->qpn || (cmd->qpn >= QPN_FIRST && cmd->qpn <= QPN_LAST &&
			     !vhca_find_qp(vhca, cmd->qpn));
}

int qp_check(const struct vhca *vhca, const struct vib_cmd_create_qp *cmd)
{
	int refused = 0;
	const struct doorbell *db = table_get(&vhca->doorbells, cmd->doorbell, doorbell);

	if (!number_is_free(vhca, cmd))
		refused = -EEXIST;
	else if (vhca->num_qps >= vhca->limits.max_qp)
		refused = -ENOMEM;
	if (!type_ok(vhca, cmd) || cmd->flags & ~(VIB_QPF_SIG_ALL | VIB_QPF_KERNEL))
		return -EINVAL;
	if (cmd->type == VIB_QPT_XRC_TGT)
		return target_ok(vhca, cmd) ? refused : -EINVAL;
	if (!table_get(&vhca->pds, cmd->pd, pd) ||
	    !table_get(&vhca->cqs, cmd->send_cq, cq) || !receives_ok(vhca, cmd) || !db ||
	    cmd->db_index >= VIB_DB_QUEUES)
		return -EINVAL;
	if (cmd->max_inline > VIB_WQE_MAX_STRIDE || cmd->sq.max_sge > MAX_SGE ||
	    !work_queue_ok(&cmd->sq, vib_send_stride(cmd->sq.max_sge, cmd->max_inline,
						     cmd->type)) ||
	    cmd->rq.max_sge > MAX_SGE ||
	    !work_queue_ok(&cmd->rq, vib_recv_stride(cmd->rq.max_sge)))
		return -EINVAL;
	return refused;
}

static void use(struct qp *qp, int by)
{
	struct vhca *vhca = qp->vhca;
	struct pd *pd;

	if (qp->xrcd) {
		qp->xrcd->users += (uint32_t)by;
		return;
	}
	pd = table_get(&vhca->pds, qp->pd, pd);
	pd->users += (uint32_t)by;
	qp->send_cq->users += (uint32_t)by;
	if (qp->recv_cq)
		qp->recv_cq->users += (uint32_t)by;
	qp->doorbell->users += (uint32_t)by;
	if (qp->srq)
		qp->srq->users += (uint32_t)by;
}

/* What it is made of. */
static void join(struct qp *qp, const struct vib_cmd_create_qp *cmd)
{
	struct vhca *vhca = qp->vhca;

	if (qp->type == VIB_QPT_XRC_TGT) {
		qp->xrcd = table_get(&vhca->xrcds, cmd->xrcd, xrcd);
		return;
	}
	qp->pd = cmd->pd;
	qp->send_cq = table_get(&vhca->cqs, cmd->send_cq, cq);
	if (qp->type != VIB_QPT_XRC_INI)
		qp->recv_cq = table_get(&vhca->cqs, cmd->recv_cq, cq);
	qp->doorbell = table_get(&vhca->doorbells, cmd->doorbell, doorbell);
	qp->db_index = cmd->db_index;
	if (cmd->srq == VIB_NO_OBJECT)
		return;
	qp->srq = table_get(&vhca->srqs, cmd->srq, srq);
	if (qp->type == VIB_QPT_UD)
		__atomic_store_n(&qp->srq->datagrams, true, __ATOMIC_RELAXED);
}

/*
 * Give it a number, by which it is found from now on. 0 or a negative errno: another
 * guest may have taken @cmd's since it was checked.
 */
static int publish(struct qp *qp, const struct vib_cmd_create_qp *cmd)
{
	struct vhca *vhca = qp->vhca;

	if (!number_is_free(vhca, cmd))
		return -EEXIST;
	if (qp_is_for_mads(qp)) {
		qp->node.number = qp->type; /* 0 and 1, of both */
		rcu_assign_pointer(vhca->mads.qps[qp->type], qp);
		return 0;
	}
	if (cmd->qpn) {
		table_add(vhca->qp_table, &qp->node, cmd->qpn);
		return 0;
	}
	return table_add_next(vhca->qp_table, &qp->node, QPN_FIRST, QPN_LAST) ? 0
									      : -ENOMEM;
}

static void unpublish(struct qp *qp)
{
	if (qp_is_for_mads(qp))
		rcu_assign_pointer(qp->vhca->mads.qps[qp->type], NULL);
	else
		table_del(qp->vhca->qp_table, &qp->node);
}

/* @cmd->qpn is 0 or the number it is to have. */
static int create(struct vhca *vhca, const struct vib_cmd_create_qp *cmd,
		  const struct memory *sq, const struct memory *rq, struct wire_qp *wire,
		  uint32_t *qpn)
{
	struct qp *qp = calloc(1, sizeof(*qp));
	int rc;

	if (!qp)
		return -ENOMEM;
	qp->vhca = vhca;
	qp->type = cmd->type;
	qp->signal_all = cmd->flags & VIB_QPF_SIG_ALL;
	qp->kernel = cmd->flags & VIB_QPF_KERNEL;
	qp->max_send_sge = cmd->sq.max_sge;
	qp->max_recv_sge = cmd->rq.max_sge;
	qp->max_inline = cmd->max_inline;
	join(qp, cmd);
	qp->wire = wire;
	if (wire)
		wire->qp = qp;
	qp->sq_memory = *sq;
	qp->rq_memory = *rq;
	qp->has_sq = sq->at;
	qp->has_rq = rq->at;
	if (qp->has_sq)
		vib_queue_init(&qp->sq, sq->at, cmd->sq.order, cmd->sq.stride);
	if (qp->has_rq)
		vib_queue_init(&qp->rq, rq->at, cmd->rq.order, cmd->rq.stride);
	qp_init(qp);
	rc = publish(qp, cmd);
	if (rc < 0)
		goto fail;
	/* The bell last: one that rings already heats the QP. */
	if (qp->doorbell && doorbell_add(qp->doorbell, qp->db_index, &qp->bell) < 0) {
		rc = -errno;
		goto fail_number;
	}
	qp->async.number = qp_number(qp);
	use(qp, 1);
	LIST_INSERT_HEAD(&vhca->qps, qp, entry);
	vhca->num_qps++;
	*qpn = qp_number(qp);
	return 0;

fail_number:
	unpublish(qp);
	synchronize_rcu();
	poller_call(vhca->poller, qp_out_of_hands,
		    qp); /* who knew its number kicked it */
fail:
	if (wire)
		wire_forget(qp);
	qp_fini(qp);
	free(qp);
	return rc;
}

int qp_create(struct vhca *vhca, const struct vib_cmd_create_qp *cmd,
	      const struct memory *sq, const struct memory *rq, uint32_t *qpn)
{
	return create(vhca, cmd, sq, rq, NULL, qpn);
}

int qp_create_wired(struct vhca *vhca, const struct vib_cmd_create_qp *cmd,
		    const struct memory *sq, const struct memory *rq,
		    struct wire_qp *wire, uint32_t *qpn)
{
	struct vib_cmd_create_qp numbered = *cmd;

	numbered.qpn = wire->number;
	return create(vhca, &numbered, sq, rq, wire, qpn);
}

struct wire_qp *qp_wire(const struct vhca *vhca, uint32_t qpn)
{
	const struct qp *qp = find_qp(vhca, qpn);

	return qp ? qp->wire : NULL;
}

struct srq *qp_wire_srq(const struct vhca *vhca, uint32_t qpn)
{
	const struct qp *qp = find_qp(vhca, qpn);

	return qp && qp->srq && qp->srq->wire ? qp->srq : NULL;
}

/* ---- changing ---------------------------------------------------------- */

/* It takes of an SRQ: its own, or of XRC those that its messages name. */
static bool is_shared(const struct qp *qp)
{
	return qp->srq || qp->xrcd;
}

/*
 * What a message holds of an SRQ, and does not complete any more, is flushed, or its
 * guest's kernel would never have its place again. @poller's own thread; the QP is
 * locked.
 */
static void flush_held(struct poller *poller, struct qp *qp)
{
	if (qp->receiving.claim && is_shared(qp))
		(void)receive_flush(poller, qp, 0);
	cq_release(poller);
}

/* Check @cmd, and with @apply do it. @poller: it is a reset, on that one's thread. */
static int change(struct vhca *vhca, const struct vib_cmd_modify_qp *cmd, bool apply,
		  struct poller *poller)
{
	static const struct qp_limits limits = {
		.pkey_tbl_len = VIB_MAX_PKEYS,
		.gid_tbl_len = VIB_MAX_GIDS,
		.max_rd_atomic = MAX_RD_ATOMIC,
	};
	struct qp *qp = find_qp(vhca, cmd->qpn);
	enum vib_qp_state from, to;
	const char *why;
	int rc;

	if (!qp)
		return -EINVAL;
	rc = qp_attr_check(qp->type, cmd->mask, &cmd->attr, &limits, &why);
	if (rc < 0)
		return rc;
	pthread_spin_lock(&qp->lock);
	from = qp->attr.state;
	to = cmd->mask & VIB_QP_STATE ? cmd->attr.state : from;
	if (cmd->mask & VIB_QP_CUR_STATE && cmd->attr.cur_state != from)
		rc = -EINVAL;
	else
		rc = qp_transition_check(qp->type, from, to, cmd->mask, &why);
	if (rc == 0 && poller)
		flush_held(poller, qp);
	if (rc == 0 && apply)
		qp_modify(qp, cmd->mask, &cmd->attr);
	pthread_spin_unlock(&qp->lock);
	return rc;
}

struct reset {
	struct vhca *vhca;
	const struct vib_cmd_modify_qp *cmd;
	int rc;
};

static void reset_shared(struct poller *poller, void *arg)
{
	struct reset *r = arg;

	r->rc = change(r->vhca, r->cmd, true, poller);
	poller_notify_touched(poller);
}

int qp_change(struct vhca *vhca, const struct vib_cmd_modify_qp *cmd)
{
	const struct qp *qp = find_qp(vhca, cmd->qpn);
	struct reset r = { vhca, cmd, 0 };

	if (!qp || !is_shared(qp) || !(cmd->mask & VIB_QP_STATE) ||
	    cmd->attr.state != VIB_QPS_RESET)
		return change(vhca, cmd, true, NULL);
	poller_call(vhca->poller, reset_shared, &r);
	return r.rc;
}

int qp_change_check(struct vhca *vhca, const struct vib_cmd_modify_qp *cmd)
{
	return change(vhca, cmd, false, NULL);
}

/* Posted before a peer may send; the poller posts what is behind them. */
#define FIRST_RECEIVES 256

void qp_begin_wire(struct vhca *vhca, uint32_t qpn)
{
	struct qp *qp = find_qp(vhca, qpn);

	pthread_spin_lock(&qp->lock);
	wire_discard(qp);
	qp->wire->active = true;
	(void)wire_post_receives(qp, FIRST_RECEIVES);
	pthread_spin_unlock(&qp->lock);
}

/* Both know of both, so both decide the same, whoever is first. */
bool qp_loops(const struct vhca *vhca, uint32_t qpn, uint32_t peer_qpn)
{
	const struct qp *qp = find_qp(vhca, qpn), *peer = vhca_find_qp(vhca, peer_qpn);

	return qp->type == VIB_QPT_RC &&
	       (qp->srq || (peer && peer->wire && peer->type == VIB_QPT_RC && peer->srq));
}

bool qp_wants_loop(const struct vhca *vhca, uint32_t qpn, uint32_t peer_qpn,
		   uint32_t access)
{
	const struct qp *qp = find_qp(vhca, qpn), *peer = vhca_find_qp(vhca, peer_qpn);

	if (qp->type != VIB_QPT_RC || !vhca->wire->atomics)
		return false;
	if (access & VIB_ACCESS_REMOTE_ATOMIC)
		return true;
	/* One in RESET says later, maybe not before this one is in RTS. */
	return peer &&
	       (__atomic_load_n(&peer->attr.state, __ATOMIC_RELAXED) == VIB_QPS_RESET ||
		__atomic_load_n(&peer->attr.access_flags, __ATOMIC_RELAXED) &
			VIB_ACCESS_REMOTE_ATOMIC);
}

void qp_begin_loop(struct vhca *vhca, uint32_t qpn)
{
	struct qp *qp = find_qp(vhca, qpn);

	pthread_spin_lock(&qp->lock);
	qp->wire->looped = true;
	if (qp->attr.state == VIB_QPS_ERR) /* meanwhile */
		wire_fail(qp);
	pthread_spin_unlock(&qp->lock);
}

void qp_begin_datagrams(struct vhca *vhca, uint32_t qpn)
{
	struct qp *qp = find_qp(vhca, qpn);

	pthread_spin_lock(&qp->lock);
	qp->wire->active = true;
	pthread_spin_unlock(&qp->lock);
	poller_kick(vhca->poller, &qp->kick);
}

void qp_error_is_told(struct vhca *vhca, uint32_t qpn)
{
	struct qp *qp = find_qp(vhca, qpn);

	if (qp && qp->wire)
		wire_error_is_told(qp);
}

void qp_lose_identity(struct vhca *vhca, uint32_t qpn)
{
	struct qp *qp = find_qp(vhca, qpn);

	pthread_spin_lock(&qp->lock);
	wire_lose_identity(qp);
	pthread_spin_unlock(&qp->lock);
}

bool qp_end_wire(struct vhca *vhca, uint32_t qpn)
{
	struct qp *qp = find_qp(vhca, qpn);
	bool ok;

	pthread_spin_lock(&qp->lock);
	ok = !wire_receives_wait(qp->wire);
	if (ok)
		qp->wire->active = false;
	pthread_spin_unlock(&qp->lock);
	return ok;
}

int qp_query(struct vhca *vhca, uint32_t qpn, struct vib_qp_attr *attr)
{
	struct qp *qp = find_qp(vhca, qpn);

	if (!qp)
		return -EINVAL;
	pthread_spin_lock(&qp->lock);
	*attr = qp->attr;
	attr->cur_state = attr->state;
	attr->sq_draining = attr->state == VIB_QPS_SQD && !qp->drained;
	pthread_spin_unlock(&qp->lock);
	return 0;
}

/* The QP that @cmd is about, or NULL. */
static struct qp *find_for_mcast(const struct vhca *vhca, const struct vib_cmd_mcast *cmd)
{
	struct qp *qp = find_qp(vhca, cmd->qpn);

	return qp && qp->type == VIB_QPT_UD && gid_is_multicast(&cmd->mgid) ? qp : NULL;
}

int qp_attach_mcast(struct vhca *vhca, const struct vib_cmd_mcast *cmd,
		    const struct mcast_rule *rule)
{
	struct qp *qp = find_for_mcast(vhca, cmd);

	if (!qp)
		return -EINVAL;
	return mcast_attach(&vhca->engine->mcast, vhca_view(vhca)->fabric, &cmd->mgid, qp,
			    rule) < 0
		       ? -errno
		       : 0;
}

int qp_detach_mcast(struct vhca *vhca, const struct vib_cmd_mcast *cmd)
{
	struct qp *qp = find_for_mcast(vhca, cmd);

	if (!qp)
		return -EINVAL;
	return mcast_detach(&vhca->engine->mcast, vhca_view(vhca)->fabric, &cmd->mgid,
			    qp) < 0
		       ? -errno
		       : 0;
}

/* ---- ending ------------------------------------------------------------ */

void qp_take_out(struct qp *qp, struct mcast_members *left)
{
	struct vhca *vhca = qp->vhca;

	unpublish(qp);
	if (qp->doorbell)
		qp->bell_leaf = doorbell_del(qp->doorbell, qp->db_index);
	mcast_detach_all(&vhca->engine->mcast, qp, left);
	pthread_spin_lock(&qp->lock);
	qp->attr.state = VIB_QPS_RESET;
	mw_unbind_all(qp);
	pthread_spin_unlock(&qp->lock);
	LIST_REMOVE(qp, entry);
	vhca->num_qps--;
}

void qp_out_of_hands(struct poller *poller, void *arg)
{
	struct qp *qp = arg;

	poller_forget(poller, qp);
	qp_forget(poller, qp);
	if (qp->wire)
		wire_forget(qp);
}

void qp_free(struct qp *qp)
{
	counters_add(&qp->vhca->ended, &qp->counters);
	async_forget(&qp->vhca->async, &qp->async);
	use(qp, -1);
	qp_fini(qp);
	free(qp->bell_leaf);
	free(qp);
}

/* No message comes any more. */
static void end_held(struct poller *poller, void *arg)
{
	struct qp *qp = arg;

	pthread_spin_lock(&qp->lock);
	flush_held(poller, qp);
	pthread_spin_unlock(&qp->lock);
	poller_notify_touched(poller);
}

int qp_destroy(struct vhca *vhca, uint32_t qpn, struct memory *sq, struct memory *rq)
{
	struct mcast_members left = LIST_HEAD_INITIALIZER(left);
	struct qp *qp = find_qp(vhca, qpn);

	if (!qp)
		return -EINVAL;
	qp_take_out(qp, &left);
	synchronize_rcu();
	mcast_free(&left);
	*sq = qp->sq_memory;
	*rq = qp->rq_memory;
	if (is_shared(qp)) /* which may kick it once more */
		poller_call(vhca->poller, end_held, qp);
	poller_call(vhca->poller, qp_out_of_hands, qp);
	qp_free(qp);
	return 0;
}
