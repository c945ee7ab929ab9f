// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Completion queues.
 */

#include "kernel.h"

/* The queue is the CQ's from then on if that is 0. */
int vib_cq_make(struct vib *vib, struct vib_cq *cq, unsigned int vector)
{
	struct vib_control_request request = { .operation = VIB_CMD_CREATE_CQ };
	struct vib_tree tree;
	int err;

	err = vib_tree_make(vib, cq->queue.memory, &tree);
	if (err)
		return err;
	request.u.create_cq = (struct vib_cmd_create_cq){
		.order = cq->queue.order,
		.eq = vib_eq_number(vib, vector),
		.pages = tree.pages,
	};
	err = vib_object_create(vib, cq->epoch, &request, &cq->number);
	vib_tree_end(vib, &tree, err);
	return err;
}

static int vib_cq_answer(struct vib_cq *cq, struct ib_udata *udata)
{
	struct vib_uresp_create_cq resp = {
		.cqn = cq->number,
		.epoch = cq->epoch,
	};

	vib_qmem_describe(&cq->queue, &resp.queue);
	return ib_copy_to_udata(udata, &resp, min(sizeof(resp), udata->outlen));
}

int vib_verb_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
		       struct vib_create_cq_arg *arg)
{
	struct ib_udata *udata = arg ? vib_create_cq_udata(arg) : NULL;
	struct vib_ucontext *ctx = rdma_udata_to_drv_context(udata, struct vib_ucontext,
							     ibucontext);
	struct vib *vib = to_vib(ibcq->device);
	struct vib_cq *cq = to_vib_cq(ibcq);
	int err;

	if (attr->flags & ~IB_UVERBS_CQ_FLAGS_TIMESTAMP_COMPLETION)
		return -EOPNOTSUPP;
	if (!attr->cqe || attr->cqe > ibcq->device->attrs.max_cqe)
		return -EINVAL;
	if (!ctx)
		return vib_kcq_create(ibcq, attr);
	cq->ctx = ctx;
	mutex_init(&cq->resize);
	cq->epoch = READ_ONCE(vib->epoch);
	err = vib_qmem_make(vib, ctx, attr->cqe, sizeof(struct vib_cqe),
			      &cq->queue);
	if (err)
		return err;
	err = vib_cq_make(vib, cq, attr->comp_vector);
	if (err)
		goto err_queue;
	err = vib_object_add(vib, &vib->cqs, cq->number, cq, cq->epoch);
	if (err)
		goto err_cq;
	err = vib_cq_answer(cq, udata);
	if (err)
		goto err_added;
	ibcq->cqe = 1 << cq->queue.order;

	mutex_lock(&ctx->lock);
	list_add_tail(&cq->entry, &ctx->cqs);
	mutex_unlock(&ctx->lock);
	return 0;

err_added:
	vib_object_remove(&vib->cqs, cq->number, cq);
err_cq:
	vib_object_destroy(vib, cq->epoch, VIB_CMD_DESTROY_CQ, cq->number);
err_queue:
	vib_qmem_end(vib, &cq->queue);
	return err;
}

int vib_cq_moderate(struct vib *vib, struct vib_cq *cq, u16 count, u16 period)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_MODIFY_CQ,
		.u.modify_cq = {
			.cq = cq->number,
			.count = count,
			.period_us = period,
		},
	};
	struct vib_control_response response;

	return vib_object_command(vib, cq->epoch, &request, &response);
}

int vib_verb_modify_cq(struct ib_cq *ibcq, u16 count, u16 period)
{
	struct vib_cq *cq = to_vib_cq(ibcq);

	if (cq->kernel)
		return vib_kcq_moderate(cq, count, period);
	return vib_cq_moderate(to_vib(ibcq->device), cq, count, period);
}

static int vib_cq_resize(struct vib *vib, struct vib_cq *cq,
			 const struct vib_qmem *queue, u32 *index)
{
	struct vib_control_request request = { .operation = VIB_CMD_RESIZE_CQ };
	struct vib_control_response response;
	struct vib_tree tree;
	int err;

	err = vib_tree_make(vib, queue->memory, &tree);
	if (err)
		return err;
	request.u.resize_cq = (struct vib_cmd_resize_cq){
		.cq = cq->number,
		.order = queue->order,
		.pages = tree.pages,
	};
	err = vib_object_command(vib, cq->epoch, &request, &response);
	vib_tree_end(vib, &tree, err);
	if (!err)
		*index = response.u.resize_cq.index;
	return err;
}

/* The process has the old queue mapped still, and takes what is left in it. */
static int vib_cq_exchange(struct vib *vib, struct vib_cq *cq, u32 entries,
			   struct ib_udata *udata)
{
	struct vib_uresp_resize_cq resp = {};
	struct vib_qmem queue, old;
	int err;

	err = vib_qmem_make(vib, cq->ctx, entries, sizeof(struct vib_cqe),
			      &queue);
	if (err)
		return err;
	err = vib_cq_resize(vib, cq, &queue, &resp.index);
	if (err) {
		vib_qmem_end(vib, &queue);
		return err;
	}
	old = cq->queue;
	mutex_lock(&cq->ctx->lock); /* vib_context_wake() looks at the queue */
	cq->queue = queue;
	mutex_unlock(&cq->ctx->lock);
	vib_qmem_end(vib, &old);
	cq->ibcq.cqe = 1 << queue.order;
	vib_qmem_describe(&queue, &resp.queue);
	return ib_copy_to_udata(udata, &resp, sizeof(resp));
}

int vib_verb_resize_cq(struct ib_cq *ibcq, int cqe, struct ib_udata *udata)
{
	struct vib_cq *cq = to_vib_cq(ibcq);
	int err;

	if (cq->kernel)
		return -EOPNOTSUPP;
	if (cqe <= 0 || cqe > ibcq->device->attrs.max_cqe)
		return -EINVAL;
	/* A process that could not be told of the new queue must not get it. */
	if (udata->outlen < sizeof(struct vib_uresp_resize_cq) ||
	    !access_ok(udata->outbuf, sizeof(struct vib_uresp_resize_cq)))
		return -EINVAL;
	/* ib_core lets several resize one CQ at a time. */
	mutex_lock(&cq->resize);
	err = vib_cq_exchange(to_vib(ibcq->device), cq, cqe, udata);
	mutex_unlock(&cq->resize);
	return err;
}

int vib_verb_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata)
{
	struct vib *vib = to_vib(ibcq->device);
	struct vib_cq *cq = to_vib_cq(ibcq);

	if (cq->kernel) {
		vib_kcq_destroy(cq);
		return 0;
	}
	vib_object_remove(&vib->cqs, cq->number, cq);
	vib_object_destroy(vib, cq->epoch, VIB_CMD_DESTROY_CQ, cq->number);
	mutex_lock(&cq->ctx->lock);
	list_del(&cq->entry);
	mutex_unlock(&cq->ctx->lock);
	vib_qmem_end(vib, &cq->queue);
	return 0;
}
