// SPDX-License-Identifier: GPL-2.0-or-later
/* Making, changing and destroying completion queues. */
#include <errno.h>
#include <stdlib.h>

#include "engine/objects_parts.h"
#include "engine/poller.h"

void cq_out_of_hands(struct poller *poller, void *cq)
{
	cq_forget(poller, cq);
}

void cq_free(struct cq *cq)
{
	async_forget(&cq->vhca->async, &cq->async);
	if (cq->eq)
		cq->eq->users--;
	cq_fini(cq);
	free(cq);
}

int cq_check(const struct vhca *vhca, const struct vib_cmd_create_cq *cmd)
{
	if (cmd->eq != VIB_NO_OBJECT && !table_get(&vhca->eqs, cmd->eq, eq))
		return -EINVAL;
	if (!cmd->pages.count ||
	    cmd->pages.count != queue_pages(cmd->order, sizeof(struct vib_cqe)))
		return -EINVAL;
	return vhca->cqs.count >= vhca->limits.max_cq ? -ENOMEM : 0;
}

int cq_create(struct vhca *vhca, const struct vib_cmd_create_cq *cmd,
	      const struct memory *memory, uint32_t *number)
{
	struct cq *cq = calloc(1, sizeof(*cq));

	if (!cq)
		return -ENOMEM;
	cq->vhca = vhca;
	cq->memory = *memory;
	if (cmd->eq != VIB_NO_OBJECT) {
		cq->eq = table_get(&vhca->eqs, cmd->eq, eq);
		cq->eq->users++;
	}
	vib_queue_init(&cq->queue, memory->at, cmd->order, sizeof(struct vib_cqe));
	cq_init(cq);
	table_add_next(&vhca->cqs, &cq->node, NUMBER_FIRST, NUMBER_LAST);
	cq->async.number = cq->node.number;
	*number = cq->node.number;
	return 0;
}

int cq_modify(struct vhca *vhca, const struct vib_cmd_modify_cq *cmd)
{
	struct cq *cq = table_get(&vhca->cqs, cmd->cq, cq);

	if (!cq)
		return -EINVAL;
	cq_moderate(cq, cmd->count, cmd->period_us);
	return 0;
}

static bool resize_ok(const struct vib_cmd_resize_cq *cmd)
{
	return cmd->pages.count &&
	       cmd->pages.count == queue_pages(cmd->order, sizeof(struct vib_cqe));
}

int cq_resize_check(const struct vhca *vhca, const struct vib_cmd_resize_cq *cmd)
{
	return table_get(&vhca->cqs, cmd->cq, cq) && resize_ok(cmd) ? 0 : -EINVAL;
}

/* Have QPs that send to CQ @arg served in this pass. */
static void hurry(struct poller *poller, void *arg)
{
	struct cq *cq = arg;
	struct qp *qp;

	LIST_FOREACH(qp, &cq->vhca->qps, entry)
	if (qp->send_cq == cq)
		poller_heat(poller, qp);
}

static void pass_is_over(struct poller *poller, void *arg)
{
	(void)poller;
	(void)arg;
}

/*
 * Whether what is not taken fits is asked when what was posted before the command is
 * executed, as far as one pass goes: a program that counts its requests is right.
 */
int cq_resize(struct vhca *vhca, const struct vib_cmd_resize_cq *cmd,
	      const struct memory *memory, struct memory *old, uint32_t *index)
{
	struct cq *cq = table_get(&vhca->cqs, cmd->cq, cq);
	struct vib_queue queue;

	poller_call(vhca->poller, hurry, cq);
	poller_call(vhca->poller, pass_is_over, NULL);
	vib_queue_init(&queue, memory->at, cmd->order, sizeof(struct vib_cqe));
	if (!cq_move(cq, &queue, index))
		return -EINVAL;
	*old = cq->memory;
	cq->memory = *memory;
	return 0;
}

int cq_destroy(struct vhca *vhca, uint32_t number, struct memory *memory)
{
	struct cq *cq = table_get(&vhca->cqs, number, cq);

	if (!cq)
		return -EINVAL;
	if (cq->users)
		return -EBUSY;
	table_del(&vhca->cqs, &cq->node);
	synchronize_rcu();
	poller_call(vhca->poller, cq_out_of_hands, cq);
	*memory = cq->memory;
	cq_free(cq);
	return 0;
}
