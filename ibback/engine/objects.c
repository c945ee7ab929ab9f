// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/objects_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/poller.h"
#include "device_limits.h"

uint32_t queue_pages(uint32_t order, uint32_t stride)
{
	if (order < VIB_QUEUE_MIN_ORDER || order > VIB_QUEUE_MAX_ORDER)
		return 0;
	return (uint32_t)((vib_queue_bytes(order, stride) + VIB_PAGE_SIZE - 1) /
			  VIB_PAGE_SIZE);
}

uint32_t work_queue_pages(uint32_t order, uint32_t stride)
{
	return order > VIB_WQ_MAX_ORDER ? 0 : queue_pages(order, stride);
}

/* ---- protection domains ------------------------------------------------ */

int pd_create(struct vhca *vhca, uint32_t *number)
{
	struct pd *pd;

	if (vhca->pds.count >= vhca->limits.max_pd)
		return -ENOMEM;
	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return -ENOMEM;
	table_add_next(&vhca->pds, &pd->node, NUMBER_FIRST, NUMBER_LAST);
	*number = pd->node.number;
	return 0;
}

int pd_create_wired(struct vhca *vhca, struct wire_pd *wire, uint32_t *number)
{
	struct pd *pd;
	int rc = pd_create(vhca, number);

	if (rc < 0)
		return rc;
	pd = table_get(&vhca->pds, *number, pd);
	pd->wire = wire;
	return 0;
}

struct wire_pd *pd_wire(const struct vhca *vhca, uint32_t number)
{
	const struct pd *pd = table_get(&vhca->pds, number, pd);

	return pd ? pd->wire : NULL;
}

int pd_destroy(struct vhca *vhca, uint32_t number)
{
	struct pd *pd = table_get(&vhca->pds, number, pd);

	if (!pd)
		return -EINVAL;
	if (pd->users)
		return -EBUSY;
	table_del(&vhca->pds, &pd->node);
	synchronize_rcu();
	free(pd);
	return 0;
}

/* ---- XRC domains ------------------------------------------------------- */

int xrcd_create(struct vhca *vhca, uint32_t *number)
{
	struct xrcd *xrcd;

	if (vhca->xrcds.count >= vhca->limits.max_pd)
		return -ENOMEM;
	xrcd = calloc(1, sizeof(*xrcd));
	if (!xrcd)
		return -ENOMEM;
	table_add_next(&vhca->xrcds, &xrcd->node, NUMBER_FIRST, NUMBER_LAST);
	*number = xrcd->node.number;
	return 0;
}

int xrcd_destroy(struct vhca *vhca, uint32_t number)
{
	struct xrcd *xrcd = table_get(&vhca->xrcds, number, xrcd);

	if (!xrcd)
		return -EINVAL;
	if (xrcd->users)
		return -EBUSY;
	table_del(&vhca->xrcds, &xrcd->node);
	synchronize_rcu();
	free(xrcd);
	return 0;
}

/* ---- doorbell pages ---------------------------------------------------- */

static void add_doorbell(struct poller *poller, void *db)
{
	poller_add_doorbell(poller, db);
}

void doorbell_out_of_hands(struct poller *poller, void *db)
{
	poller_remove_doorbell(poller, db);
}

void doorbell_free(struct doorbell *db)
{
	doorbell_fini(db);
	free(db);
}

int doorbell_create(struct vhca *vhca, const struct memory *memory, uint32_t port,
		    uint32_t *number)
{
	struct doorbell *db;

	if (vhca->doorbells.count >= MAX_DOORBELLS)
		return -ENOMEM;
	db = calloc(1, sizeof(*db));
	if (!db)
		return -ENOMEM;
	db->vhca = vhca;
	db->memory = *memory;
	db->page = (struct vib_doorbell_page *)memory->at;
	db->port = port;
	table_add_next(&vhca->doorbells, &db->node, NUMBER_FIRST, NUMBER_LAST);
	poller_call(vhca->poller, add_doorbell, db);
	*number = db->node.number;
	return 0;
}

int doorbell_destroy(struct vhca *vhca, uint32_t number, struct memory *memory,
		     uint32_t *port)
{
	struct doorbell *db = table_get(&vhca->doorbells, number, doorbell);

	if (!db)
		return -EINVAL;
	if (db->users)
		return -EBUSY;
	poller_call(vhca->poller, doorbell_out_of_hands, db);
	table_del(&vhca->doorbells, &db->node);
	synchronize_rcu();
	*memory = db->memory;
	*port = db->port;
	doorbell_free(db);
	return 0;
}

/* ---- completion event queues ------------------------------------------- */

void eq_out_of_hands(struct poller *poller, void *eq)
{
	poller_forget_eq(poller, eq);
}

void eq_free(struct eq *eq)
{
	pthread_spin_destroy(&eq->lock);
	free(eq);
}

int eq_create(struct vhca *vhca, uint32_t order, const struct memory *memory,
	      uint32_t port, uint32_t *number)
{
	struct eq *eq;

	if (!memory->pages ||
	    memory->pages != queue_pages(order, sizeof(struct vib_comp_event)))
		return -EINVAL;
	if (vhca->eqs.count >= MAX_EQS)
		return -ENOMEM;
	eq = calloc(1, sizeof(*eq));
	if (!eq)
		return -ENOMEM;
	eq->vhca = vhca;
	eq->memory = *memory;
	eq->port = port;
	pthread_spin_init(&eq->lock, PTHREAD_PROCESS_PRIVATE);
	TAILQ_INIT(&eq->waiting);
	vib_queue_init(&eq->queue, memory->at, order, sizeof(struct vib_comp_event));
	table_add_next(&vhca->eqs, &eq->node, NUMBER_FIRST, NUMBER_LAST);
	*number = eq->node.number;
	return 0;
}

int eq_destroy(struct vhca *vhca, uint32_t number, struct memory *memory, uint32_t *port)
{
	struct eq *eq = table_get(&vhca->eqs, number, eq);

	if (!eq)
		return -EINVAL;
	if (eq->users)
		return -EBUSY;
	table_del(&vhca->eqs, &eq->node);
	poller_call(vhca->poller, eq_out_of_hands, eq);
	synchronize_rcu();
	*memory = eq->memory;
	*port = eq->port;
	eq_free(eq);
	return 0;
}

/* ---- shared receive queues --------------------------------------------- */

bool stride_ok(uint32_t stride, uint32_t least)
{
	return stride % VIB_LINE == 0 && stride >= least && stride <= VIB_WQE_MAX_STRIDE;
}

static bool srq_type_ok(const struct vhca *vhca, const struct vib_cmd_create_srq *cmd)
{
	if (cmd->type != VIB_SRQT_XRC)
		return cmd->type == VIB_SRQT_BASIC;
	return table_get(&vhca->xrcds, cmd->xrcd, xrcd) &&
	       table_get(&vhca->cqs, cmd->cq, cq);
}

/* Without a bell nobody would tell the HCA of what is posted. */
static bool srq_bell_ok(const struct vhca *vhca, const struct vib_cmd_create_srq *cmd)
{
	if (!cmd->doorbell)
		return !vhca->wire;
	return table_get(&vhca->doorbells, cmd->doorbell, doorbell) &&
	       cmd->db_index < VIB_DB_QUEUES;
}

int srq_check(const struct vhca *vhca, const struct vib_cmd_create_srq *cmd)
{
	if (!table_get(&vhca->pds, cmd->pd, pd) || !srq_type_ok(vhca, cmd) ||
	    cmd->max_sge > MAX_SGE ||
	    !stride_ok(cmd->stride, vib_recv_stride(cmd->max_sge)) || !cmd->pages.count ||
	    cmd->pages.count != work_queue_pages(cmd->order, cmd->stride) ||
	    cmd->limit > 1u << cmd->order || !srq_bell_ok(vhca, cmd))
		return -EINVAL;
	return vhca->srqs.count >= vhca->limits.max_srq ? -ENOMEM : 0;
}

/* What it is made of. */
static void srq_join(struct srq *srq, const struct vib_cmd_create_srq *cmd, int by)
{
	struct vhca *vhca = srq->vhca;
	struct pd *pd = table_get(&vhca->pds, srq->pd, pd);

	if (cmd && cmd->type == VIB_SRQT_XRC) {
		srq->xrcd = table_get(&vhca->xrcds, cmd->xrcd, xrcd);
		srq->cq = table_get(&vhca->cqs, cmd->cq, cq);
	}
	pd->users += (uint32_t)by;
	if (srq->xrcd) {
		srq->xrcd->users += (uint32_t)by;
		srq->cq->users += (uint32_t)by;
	}
	if (srq->doorbell)
		srq->doorbell->users += (uint32_t)by;
}

int srq_create_wired(struct vhca *vhca, const struct vib_cmd_create_srq *cmd,
		     const struct memory *memory, struct wire_srq *wire, uint32_t *number)
{
	struct srq *srq = calloc(1, sizeof(*srq));
	int error;

	if (!srq)
		return -ENOMEM;
	srq->vhca = vhca;
	srq->pd = cmd->pd;
	srq->kernel = cmd->flags & VIB_SRQF_KERNEL;
	srq->max_sge = cmd->max_sge;
	srq->limit = cmd->limit;
	srq->memory = *memory;
	srq->wire = wire;
	srq->db_index = cmd->db_index;
	srq_init(srq);
	vib_queue_init(&srq->queue, memory->at, cmd->order, cmd->stride);
	if (cmd->doorbell) {
		srq->doorbell = table_get(&vhca->doorbells, cmd->doorbell, doorbell);
		if (doorbell_add(srq->doorbell, srq->db_index, &srq->bell) < 0) {
			error = errno;
			pthread_spin_destroy(&srq->lock);
			free(srq);
			return -error;
		}
	}
	srq_join(srq, cmd, 1);
	table_add_next(&vhca->srqs, &srq->node, NUMBER_FIRST, NUMBER_LAST);
	srq->async.number = srq->node.number;
	*number = srq->node.number;
	if (wire)
		wire->srq = srq;
	return 0;
}

int srq_create(struct vhca *vhca, const struct vib_cmd_create_srq *cmd,
	       const struct memory *memory, uint32_t *number)
{
	return srq_create_wired(vhca, cmd, memory, NULL, number);
}

struct wire_srq *srq_wire(const struct vhca *vhca, uint32_t number)
{
	const struct srq *srq = table_get(&vhca->srqs, number, srq);

	return srq ? srq->wire : NULL;
}

int srq_modify(struct vhca *vhca, const struct vib_cmd_modify_srq *cmd)
{
	struct srq *srq = table_get(&vhca->srqs, cmd->srq, srq);

	if (!srq || cmd->limit > vib_queue_depth(&srq->queue))
		return -EINVAL;
	srq_set_limit(srq, cmd->limit);
	return 0;
}

int srq_query(struct vhca *vhca, uint32_t number, uint32_t *limit)
{
	struct srq *srq = table_get(&vhca->srqs, number, srq);

	if (!srq)
		return -EINVAL;
	pthread_spin_lock(&srq->lock);
	*limit = srq->limit;
	pthread_spin_unlock(&srq->lock);
	return 0;
}

void srq_take_out(struct srq *srq)
{
	if (srq->doorbell)
		srq->bell_leaf = doorbell_del(srq->doorbell, srq->db_index);
}

void srq_free(struct srq *srq)
{
	if (srq->wire)
		srq->wire->srq = NULL;
	srq_join(srq, NULL, -1);
	async_forget(&srq->vhca->async, &srq->async);
	pthread_spin_destroy(&srq->lock);
	free(srq->bell_leaf);
	free(srq);
}

int srq_destroy(struct vhca *vhca, uint32_t number, struct memory *memory)
{
	struct srq *srq = table_get(&vhca->srqs, number, srq);

	if (!srq)
		return -EINVAL;
	if (srq->users)
		return -EBUSY;
	table_del(&vhca->srqs, &srq->node);
	srq_take_out(srq);
	synchronize_rcu();
	*memory = srq->memory;
	srq_free(srq);
	return 0;
}
