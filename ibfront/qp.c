// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Queue pairs: making and destroying them.
 */

#include "kernel.h"

/* IPoIB's says that it will send with LSO, which needs room in its slots. */
static bool vib_qp_sends_lso(const struct ib_qp_init_attr *attr)
{
	return attr->create_flags & IB_QP_CREATE_IPOIB_UD_LSO;
}

static bool vib_qp_flags_ok(const struct vib_ibdev *dev,
			    const struct ib_qp_init_attr *attr, bool kernel)
{
	if (!vib_qp_sends_lso(attr))
		return !attr->create_flags;
	return attr->create_flags == IB_QP_CREATE_IPOIB_UD_LSO && kernel &&
	       attr->qp_type == IB_QPT_UD &&
	       dev->ibdev.attrs.kernel_cap_flags & IBK_UD_TSO;
}

static int vib_qp_check(const struct vib_ibdev *dev,
			const struct ib_qp_init_attr *attr, bool kernel)
{
	const struct ib_device_attr *limits = &dev->ibdev.attrs;
	bool initiator = attr->qp_type == IB_QPT_XRC_INI;
	const struct ib_qp_cap *cap = &attr->cap;

	switch (attr->qp_type) {
	case IB_QPT_RC:
	case IB_QPT_UC:
	case IB_QPT_UD:
		break;
	case IB_QPT_XRC_INI:
	case IB_QPT_XRC_TGT:
		if (limits->device_cap_flags & IB_DEVICE_XRC)
			break;
		return -EOPNOTSUPP;
	case IB_QPT_SMI:
	case IB_QPT_GSI:
		if (kernel && dev->mads)
			break;
		return -EOPNOTSUPP;
	default:
		return -EOPNOTSUPP;
	}
	if (!vib_qp_flags_ok(dev, attr, kernel))
		return -EOPNOTSUPP;
	if (attr->qp_type == IB_QPT_XRC_TGT)
		return 0;
	if (!attr->send_cq || (!attr->recv_cq && !initiator) ||
	    (attr->srq && initiator) ||
	    cap->max_send_wr > limits->max_qp_wr ||
	    cap->max_send_sge > limits->max_send_sge ||
	    cap->max_inline_data > VIB_WQE_MAX_STRIDE - VIB_DATA_UD)
		return -EINVAL;
	if (!attr->srq && !initiator &&
	    (cap->max_recv_wr > limits->max_qp_wr ||
	     cap->max_recv_sge > limits->max_recv_sge))
		return -EINVAL;
	return 0;
}

static u32 vib_qp_send_stride(const struct ib_qp_init_attr *attr,
			      const struct ib_qp_cap *cap)
{
	if (vib_qp_sends_lso(attr))
		return vib_send_stride_lso(cap->max_send_sge,
					   cap->max_inline_data);
	return vib_send_stride(cap->max_send_sge, cap->max_inline_data,
			       attr->qp_type);
}

/* A queue is called what it can do: what its rounding has made of the wish. */
int vib_qp_make_queues(struct vib *vib, struct vib_qp *qp,
		       const struct ib_qp_init_attr *attr)
{
	bool ud = vib_qp_type_is_datagram(attr->qp_type);
	struct ib_qp_cap *cap = &qp->cap;
	int err;

	*cap = attr->cap;
	if (attr->srq || attr->qp_type == IB_QPT_XRC_INI) {
		cap->max_recv_wr = 0;
		cap->max_recv_sge = 0;
	}
	if (cap->max_send_wr)
		cap->max_send_sge = max(cap->max_send_sge, 1u);
	if (cap->max_recv_wr)
		cap->max_recv_sge = max(cap->max_recv_sge, 1u);
	err = vib_qmem_make(vib, qp->ctx, cap->max_send_wr,
			      vib_qp_send_stride(attr, cap), &qp->sq);
	if (err)
		return err;
	err = vib_qmem_make(vib, qp->ctx, cap->max_recv_wr,
			      vib_recv_stride(cap->max_recv_sge), &qp->rq);
	if (err) {
		vib_qmem_end(vib, &qp->sq);
		return err;
	}
	if (qp->sq.memory) {
		cap->max_send_wr = 1 << qp->sq.order;
		cap->max_inline_data =
			qp->sq.stride - (ud ? VIB_DATA_UD : VIB_DATA_RDMA);
	} else {
		cap->max_inline_data = 0;
	}
	if (qp->rq.memory)
		cap->max_recv_wr = 1 << qp->rq.order;
	return 0;
}

static int vib_qp_name_queue(struct vib *vib,
			     const struct vib_qmem *queue, u32 max_sge,
			     struct vib_work_queue *wq, struct vib_tree *tree)
{
	int err;

	memset(tree, 0, sizeof(*tree));
	if (!queue->memory)
		return 0;
	err = vib_tree_make(vib, queue->memory, tree);
	if (err)
		return err;
	*wq = (struct vib_work_queue){
		.order = queue->order,
		.stride = queue->stride,
		.max_sge = max_sge,
		.pages = tree->pages,
	};
	return 0;
}

/* Have the backend make it, and take its number. */
int vib_qp_command(struct vib *vib, struct vib_qp *qp,
		   struct vib_control_request *request)
{
	u32 wanted = request->u.create_qp.qpn, qpn;
	int err;

	if (qp->ibqp.qp_type == IB_QPT_GSI)
		wanted = 1;
	err = vib_object_create(vib, qp->epoch, request, &qpn);
	if (err)
		return err;
	/* Of all, QP0 alone has the number that stands for any. */
	if (qpn >> 24 || (wanted && qpn != wanted) ||
	    !qpn != (qp->ibqp.qp_type == IB_QPT_SMI)) {
		vib_fail(vib, VIB_BROKEN, "QP with a number that is none");
		return -EIO;
	}
	qp->ibqp.qp_num = qpn;
	return 0;
}

static u32 vib_qp_cq_number(struct ib_cq *ibcq)
{
	return ibcq ? to_vib_cq(ibcq)->number : VIB_NO_OBJECT;
}

/* Have the backend make it, with the number @qpn if that is not 0. */
int vib_qp_make(struct vib *vib, struct vib_qp *qp, u32 qpn)
{
	struct vib_control_request request = { .operation = VIB_CMD_CREATE_QP };
	struct ib_qp *ibqp = &qp->ibqp;
	struct vib_cmd_create_qp *cmd = &request.u.create_qp;
	struct vib_tree sq, rq;
	int err;

	BUILD_BUG_ON((int)IB_QPT_RC != VIB_QPT_RC ||
		     (int)IB_QPT_UC != VIB_QPT_UC ||
		     (int)IB_QPT_UD != VIB_QPT_UD ||
		     (int)IB_QPT_SMI != VIB_QPT_SMI ||
		     (int)IB_QPT_GSI != VIB_QPT_GSI ||
		     (int)IB_QPT_XRC_INI != VIB_QPT_XRC_INI ||
		     (int)IB_QPT_XRC_TGT != VIB_QPT_XRC_TGT);

	*cmd = (struct vib_cmd_create_qp){
		.pd = vib_pd_number(vib, ibqp->pd),
		.send_cq = vib_qp_cq_number(ibqp->send_cq),
		.recv_cq = vib_qp_cq_number(ibqp->recv_cq),
		.srq = ibqp->srq ? to_vib_srq(ibqp->srq)->number : VIB_NO_OBJECT,
		.type = ibqp->qp_type,
		.flags = (qp->signal_all ? VIB_QPF_SIG_ALL : 0) |
			 (qp->kernel ? VIB_QPF_KERNEL : 0),
		.db_index = qp->db_index,
		.doorbell = qp->doorbell->number,
		.max_inline = qp->cap.max_inline_data,
		.qpn = qpn,
	};
	err = vib_qp_name_queue(vib, &qp->sq, qp->cap.max_send_sge, &cmd->sq,
				&sq);
	if (err)
		return err;
	err = vib_qp_name_queue(vib, &qp->rq, qp->cap.max_recv_sge, &cmd->rq,
				&rq);
	if (!err) {
		err = vib_qp_command(vib, qp, &request);
		vib_tree_end(vib, &rq, err);
	}
	vib_tree_end(vib, &sq, err);
	return err;
}

static int vib_qp_answer(struct vib_qp *qp, struct ib_udata *udata)
{
	struct vib_uresp_create_qp resp = {
		.epoch = qp->epoch,
		.db_index = qp->db_index,
	};

	vib_umap_describe(qp->doorbell->entry, &resp.doorbell);
	vib_qmem_describe(&qp->sq, &resp.sq);
	vib_qmem_describe(&qp->rq, &resp.rq);
	return ib_copy_to_udata(udata, &resp, min(sizeof(resp), udata->outlen));
}

/* Objects of two backends do not go together. */
bool vib_qp_of_one_epoch(const struct vib_qp *qp)
{
	const struct ib_qp *ibqp = &qp->ibqp;

	return to_vib_cq(ibqp->send_cq)->epoch == qp->epoch &&
	       (!ibqp->recv_cq ||
		to_vib_cq(ibqp->recv_cq)->epoch == qp->epoch) &&
	       (!ibqp->srq || to_vib_srq(ibqp->srq)->epoch == qp->epoch);
}

int vib_verb_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *attr,
		       struct ib_udata *udata)
{
	struct vib *vib = to_vib(ibqp->device);
	struct vib_qp *qp = to_vib_qp(ibqp);
	int err;

	err = vib_qp_check(to_vib_ibdev(ibqp->device), attr, !udata);
	if (err)
		return err;
	if (attr->qp_type == IB_QPT_XRC_TGT)
		return vib_xrc_create_target(qp, attr);
	qp->ctx = rdma_udata_to_drv_context(udata, struct vib_ucontext,
					    ibucontext);
	if (!qp->ctx)
		return vib_kqp_create(qp, attr);
	qp->bells = &qp->ctx->bells;
	qp->epoch = to_vib_pd(ibqp->pd)->epoch;
	qp->signal_all = attr->sq_sig_type == IB_SIGNAL_ALL_WR;
	if (!vib_qp_of_one_epoch(qp))
		return -EIO;
	err = vib_qp_make_queues(vib, qp, attr);
	if (err)
		return err;
	qp->doorbell = vib_doorbell_take(qp->bells, &qp->db_index);
	if (IS_ERR(qp->doorbell)) {
		err = PTR_ERR(qp->doorbell);
		goto err_queues;
	}
	err = vib_qp_make(vib, qp, 0);
	if (err)
		goto err_doorbell;
	err = vib_object_add(vib, &vib->qps, ibqp->qp_num, qp, qp->epoch);
	if (err)
		goto err_qp;
	err = vib_qp_answer(qp, udata);
	if (err)
		goto err_added;
	attr->cap = qp->cap;
	return 0;

err_added:
	vib_object_remove(&vib->qps, ibqp->qp_num, qp);
err_qp:
	vib_object_destroy(vib, qp->epoch, VIB_CMD_DESTROY_QP, ibqp->qp_num);
err_doorbell:
	vib_doorbell_return(qp->bells, qp->doorbell, qp->db_index);
err_queues:
	vib_qmem_end(vib, &qp->rq);
	vib_qmem_end(vib, &qp->sq);
	return err;
}

int vib_verb_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata)
{
	struct vib *vib = to_vib(ibqp->device);
	struct vib_qp *qp = to_vib_qp(ibqp);

	if (qp->kernel) {
		vib_kqp_destroy(qp);
		return 0;
	}
	vib_object_remove(&vib->qps, ibqp->qp_num, qp);
	vib_object_destroy(vib, qp->epoch, VIB_CMD_DESTROY_QP, ibqp->qp_num);
	if (qp->doorbell)
		vib_doorbell_return(qp->bells, qp->doorbell, qp->db_index);
	vib_qmem_end(vib, &qp->rq);
	vib_qmem_end(vib, &qp->sq);
	return 0;
}
