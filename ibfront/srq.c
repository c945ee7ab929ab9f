// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Shared receive queues.
 */

#include "kernel.h"

/* Of srq->bells. */
int vib_srq_take_bell(struct vib_srq *srq)
{
	struct vib_doorbell *db = vib_doorbell_take(srq->bells, &srq->db_index);

	if (IS_ERR(db))
		return PTR_ERR(db);
	srq->doorbell = db;
	return 0;
}

void vib_srq_return_bell(struct vib_srq *srq)
{
	if (srq->doorbell)
		vib_doorbell_return(srq->bells, srq->doorbell, srq->db_index);
	srq->doorbell = NULL;
}

int vib_srq_make(struct vib *vib, struct vib_srq *srq,
		 const struct ib_srq_init_attr *init)
{
	struct vib_control_request request = { .operation = VIB_CMD_CREATE_SRQ };
	struct vib_tree tree;
	int err;

	BUILD_BUG_ON((int)IB_SRQT_BASIC != VIB_SRQT_BASIC ||
		     (int)IB_SRQT_XRC != VIB_SRQT_XRC);

	err = vib_tree_make(vib, srq->queue.memory, &tree);
	if (err)
		return err;
	request.u.create_srq = (struct vib_cmd_create_srq){
		.pd = vib_pd_number(vib, srq->ibsrq.pd),
		.order = srq->queue.order,
		.stride = srq->queue.stride,
		.max_sge = srq->max_sge,
		.limit = init->attr.srq_limit,
		.type = init->srq_type,
		.pages = tree.pages,
		.flags = srq->kernel ? VIB_SRQF_KERNEL : 0,
		.doorbell = srq->doorbell->number,
		.db_index = srq->db_index,
	};
	if (init->srq_type == IB_SRQT_XRC) {
		request.u.create_srq.xrcd =
			to_vib_xrcd(init->ext.xrc.xrcd)->number;
		request.u.create_srq.cq = to_vib_cq(init->ext.cq)->number;
	}
	err = vib_object_create(vib, srq->epoch, &request, &srq->number);
	vib_tree_end(vib, &tree, err);
	return err;
}

static int vib_srq_answer(struct vib_srq *srq, struct ib_udata *udata)
{
	struct vib_uresp_create_srq resp = {
		.srqn = srq->number,
		.epoch = srq->epoch,
		.db_index = srq->db_index,
	};

	vib_umap_describe(srq->doorbell->entry, &resp.doorbell);
	vib_qmem_describe(&srq->queue, &resp.queue);
	return ib_copy_to_udata(udata, &resp, min(sizeof(resp), udata->outlen));
}

/* What it is called is what its rounding has made of the wish. */
static void vib_srq_tell(const struct vib_srq *srq, struct ib_srq_attr *attr)
{
	attr->max_wr = 1 << srq->queue.order;
	attr->max_sge = srq->max_sge;
}

/* Objects of two backends do not go together. */
static bool vib_srq_of_one_epoch(const struct vib_srq *srq,
				 const struct ib_srq_init_attr *init)
{
	return init->srq_type != IB_SRQT_XRC ||
	       (to_vib_xrcd(init->ext.xrc.xrcd)->epoch == srq->epoch &&
		to_vib_cq(init->ext.cq)->epoch == srq->epoch);
}

int vib_verb_create_srq(struct ib_srq *ibsrq, struct ib_srq_init_attr *init,
			struct ib_udata *udata)
{
	struct vib_ucontext *ctx = rdma_udata_to_drv_context(udata, struct vib_ucontext,
							     ibucontext);
	const struct ib_device_attr *limits = &ibsrq->device->attrs;
	struct vib *vib = to_vib(ibsrq->device);
	struct vib_srq *srq = to_vib_srq(ibsrq);
	struct ib_srq_attr *attr = &init->attr;
	int err;

	if (init->srq_type != IB_SRQT_BASIC && init->srq_type != IB_SRQT_XRC)
		return -EOPNOTSUPP;
	if (!attr->max_wr || attr->max_wr > limits->max_srq_wr ||
	    attr->max_sge > limits->max_srq_sge)
		return -EINVAL;
	srq->max_sge = max(attr->max_sge, 1u);
	if (!ctx) {
		err = vib_ksrq_create(ibsrq, init);
		if (!err)
			vib_srq_tell(srq, attr);
		return err;
	}
	srq->epoch = to_vib_pd(ibsrq->pd)->epoch;
	if (!vib_srq_of_one_epoch(srq, init))
		return -EIO;
	err = vib_qmem_make(vib, ctx, attr->max_wr,
			      vib_recv_stride(srq->max_sge), &srq->queue);
	if (err)
		return err;
	srq->bells = &ctx->bells;
	err = vib_srq_take_bell(srq);
	if (err)
		goto err_queue;
	err = vib_srq_make(vib, srq, init);
	if (err)
		goto err_bell;
	err = vib_object_add(vib, &vib->srqs, srq->number, srq, srq->epoch);
	if (err)
		goto err_srq;
	err = vib_srq_answer(srq, udata);
	if (err)
		goto err_added;
	vib_srq_tell(srq, attr);
	if (init->srq_type == IB_SRQT_XRC)
		ibsrq->ext.xrc.srq_num = srq->number;
	return 0;

err_added:
	vib_object_remove(&vib->srqs, srq->number, srq);
err_srq:
	vib_object_destroy(vib, srq->epoch, VIB_CMD_DESTROY_SRQ, srq->number);
err_bell:
	vib_srq_return_bell(srq);
err_queue:
	vib_qmem_end(vib, &srq->queue);
	return err;
}

int vib_srq_limit(struct vib *vib, struct vib_srq *srq, u32 limit)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_MODIFY_SRQ,
		.u.modify_srq = { .srq = srq->number, .limit = limit },
	};
	struct vib_control_response response;

	return vib_object_command(vib, srq->epoch, &request, &response);
}

int vib_verb_modify_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr,
			enum ib_srq_attr_mask mask, struct ib_udata *udata)
{
	struct vib_srq *srq = to_vib_srq(ibsrq);

	if (mask & ~IB_SRQ_LIMIT)
		return -EOPNOTSUPP;
	if (!(mask & IB_SRQ_LIMIT))
		return 0;
	if (srq->kernel)
		return vib_ksrq_limit(srq, attr->srq_limit);
	return vib_srq_limit(to_vib(ibsrq->device), srq, attr->srq_limit);
}

int vib_verb_query_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr)
{
	struct vib_srq *srq = to_vib_srq(ibsrq);
	struct vib_control_request request = {
		.operation = VIB_CMD_QUERY_SRQ,
		.u.object.number = srq->number,
	};
	struct vib_control_response response;
	int err;

	err = vib_object_command(to_vib(ibsrq->device), srq->epoch, &request,
				 &response);
	if (err)
		return err;
	vib_srq_tell(srq, attr);
	attr->srq_limit = response.u.srq.limit;
	return 0;
}

int vib_verb_destroy_srq(struct ib_srq *ibsrq, struct ib_udata *udata)
{
	struct vib *vib = to_vib(ibsrq->device);
	struct vib_srq *srq = to_vib_srq(ibsrq);

	if (srq->kernel) {
		vib_ksrq_destroy(srq);
		return 0;
	}
	vib_object_remove(&vib->srqs, srq->number, srq);
	vib_object_destroy(vib, srq->epoch, VIB_CMD_DESTROY_SRQ, srq->number);
	vib_srq_return_bell(srq);
	vib_qmem_end(vib, &srq->queue);
	return 0;
}
