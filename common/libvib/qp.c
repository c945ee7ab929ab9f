// SPDX-License-Identifier: GPL-2.0-or-later
/* Queue pairs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libvib/datapath.h"
#include "libvib/internal.h"

/* What becomes of one work queue: its place in the command, and its list pages. */
struct work {
	struct vib_queue *queue;
	struct vib_work_queue *wire;
	struct libvib_pages pages;
};

static int make_work(struct libvib *lv, struct work *work, uint32_t entries,
		     uint32_t stride, uint32_t sges)
{
	int err, order = lv_queue_order(entries);

	if (entries == 0)
		return 0;
	if (order < 0)
		return order;
	err = lv_queue_make(lv, work->queue, (uint32_t)order, stride, &work->pages);
	if (err)
		return err;
	*work->wire = (struct vib_work_queue){ .order = (uint32_t)order,
					       .stride = stride,
					       .max_sge = sges,
					       .pages = work->pages.tree };
	return 0;
}

static int create(struct libvib_qp *qp, const struct libvib_qp_init *init)
{
	struct vib_control_request req = { .operation = VIB_CMD_CREATE_QP };
	struct vib_cmd_create_qp *cmd = &req.u.create_qp;
	struct work send = { .queue = &qp->sq, .wire = &cmd->sq };
	struct work recv = { .queue = &qp->rq, .wire = &cmd->rq };
	int err;

	cmd->pd = init->pd->number;
	cmd->send_cq = init->send_cq->number;
	cmd->recv_cq = init->recv_cq->number;
	cmd->srq = init->srq ? init->srq->number : VIB_NO_OBJECT;
	cmd->type = (uint8_t)init->type;
	cmd->flags = (uint8_t)((init->signal_all ? VIB_QPF_SIG_ALL : 0) |
			       (init->kernel ? VIB_QPF_KERNEL : 0));
	cmd->qpn = init->qpn;
	cmd->db_index = (uint16_t)qp->db_index;
	cmd->doorbell = init->context->number;
	cmd->max_inline = init->max_inline;

	err = make_work(
		qp->lv, &send, init->send_entries,
		vib_send_stride(init->send_sges, init->max_inline, (uint8_t)init->type),
		init->send_sges);
	if (!err)
		err = make_work(qp->lv, &recv, init->srq ? 0 : init->recv_entries,
				vib_recv_stride(init->recv_sges), init->recv_sges);
	if (!err)
		err = lv_create(qp->lv, &req, &qp->number);
	lv_queue_made(qp->lv, &qp->sq, &send.pages, err);
	lv_queue_made(qp->lv, &qp->rq, &recv.pages, err);
	return err;
}

int libvib_create_qp(const struct libvib_qp_init *init, struct libvib_qp **result)
{
	struct libvib_context *context = init->context;
	struct libvib_qp *qp;
	int err, index;

	*result = NULL;
	if (!lv_stride_fits(init->send_sges, init->max_inline) ||
	    !lv_stride_fits(init->recv_sges, 0))
		return -EINVAL;
	qp = lv_zalloc(sizeof(*qp));
	if (!qp)
		return -ENOMEM;
	index = lv_take_index(context);
	if (index < 0) {
		free(qp);
		return index;
	}
	qp->lv = context->lv;
	qp->context = context;
	qp->type = init->type;
	qp->doorbell = context->page;
	qp->db_index = (uint32_t)index;
	qp->wake_fd = context->channel.send_fd;
	err = create(qp, init);
	if (err) {
		lv_put_index(context, qp->db_index);
		free(qp);
		return err;
	}
	*result = qp;
	return 0;
}

int libvib_destroy_qp(struct libvib_qp *qp)
{
	int err = lv_destroy(qp->lv, VIB_CMD_DESTROY_QP, qp->number);

	if (err)
		return err;
	lv_queue_free(qp->lv, &qp->sq);
	lv_queue_free(qp->lv, &qp->rq);
	lv_put_index(qp->context, qp->db_index);
	free(qp);
	return 0;
}

static void restart_queue(struct vib_queue *q)
{
	if (!q->hdr)
		return;
	memset(q->hdr, 0, vib_queue_bytes(q->order, q->stride));
	vib_queue_init(q, q->hdr, q->order, q->stride);
}

int libvib_modify_qp(struct libvib_qp *qp, const struct vib_qp_attr *attr, uint32_t mask)
{
	struct vib_control_request req = {
		.operation = VIB_CMD_MODIFY_QP,
		.u.modify_qp = { .qpn = qp->number, .mask = mask, .attr = *attr },
	};
	struct vib_control_response rsp;
	int err = libvib_command(qp->lv, &req, &rsp);

	/* Both sides begin again, and the backend has let go of both queues. */
	if (!err && (mask & VIB_QP_STATE) && attr->state == VIB_QPS_RESET) {
		restart_queue(&qp->sq);
		restart_queue(&qp->rq);
		qp->sq_rung = qp->rq_rung = 0;
	}
	return err;
}

int libvib_query_qp(struct libvib_qp *qp, struct vib_qp_attr *attr)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_QP,
					   .u.object.number = qp->number };
	struct vib_control_response rsp;
	int err = libvib_command(qp->lv, &req, &rsp);

	if (!err)
		*attr = rsp.u.qp;
	return err;
}

static int mcast(struct libvib_qp *qp, enum vib_command operation,
		 const struct vib_gid *mgid, uint16_t mlid)
{
	struct vib_control_request req = {
		.operation = (uint16_t)operation,
		.u.mcast = { .mgid = *mgid, .qpn = qp->number, .mlid = mlid },
	};
	struct vib_control_response rsp;

	return libvib_command(qp->lv, &req, &rsp);
}

int libvib_attach_mcast(struct libvib_qp *qp, const struct vib_gid *mgid, uint16_t mlid)
{
	return mcast(qp, VIB_CMD_ATTACH_MCAST, mgid, mlid);
}

int libvib_detach_mcast(struct libvib_qp *qp, const struct vib_gid *mgid, uint16_t mlid)
{
	return mcast(qp, VIB_CMD_DETACH_MCAST, mgid, mlid);
}
