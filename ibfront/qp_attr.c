// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Queue pairs: their attributes, and the groups they are in.
 */

#include "ah.h"
#include "kernel.h"

#define VIB_QP_ACCESS (VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | \
		       VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC)

/* The masks have the same values, up to the last the ABI has. */
#define VIB_QP_MASK ((VIB_QP_DEST_QPN << 1) - 1)

/* What is not in the mask stays as it is: zero, in a command. */
void vib_qp_attr_from(struct vib_qp_attr *to, const struct ib_qp_attr *attr,
		      u32 mask)
{
	if (mask & IB_QP_STATE)
		to->state = attr->qp_state;
	if (mask & IB_QP_CUR_STATE)
		to->cur_state = attr->cur_qp_state;
	if (mask & IB_QP_EN_SQD_ASYNC_NOTIFY)
		to->en_sqd_async_notify = !!attr->en_sqd_async_notify;
	if (mask & IB_QP_ACCESS_FLAGS)
		to->access_flags = attr->qp_access_flags & VIB_QP_ACCESS;
	if (mask & IB_QP_PKEY_INDEX)
		to->pkey_index = attr->pkey_index;
	if (mask & IB_QP_PORT)
		to->port = attr->port_num;
	if (mask & IB_QP_QKEY)
		to->qkey = attr->qkey;
	if (mask & IB_QP_AV)
		vib_av_from(&to->av, &attr->ah_attr);
	if (mask & IB_QP_PATH_MTU)
		to->path_mtu = attr->path_mtu;
	if (mask & IB_QP_TIMEOUT)
		to->timeout = attr->timeout;
	if (mask & IB_QP_RETRY_CNT)
		to->retry_cnt = attr->retry_cnt;
	if (mask & IB_QP_RNR_RETRY)
		to->rnr_retry = attr->rnr_retry;
	if (mask & IB_QP_RQ_PSN)
		to->rq_psn = attr->rq_psn & 0xffffff;
	if (mask & IB_QP_MAX_QP_RD_ATOMIC)
		to->max_rd_atomic = attr->max_rd_atomic;
	if (mask & IB_QP_MIN_RNR_TIMER)
		to->min_rnr_timer = attr->min_rnr_timer;
	if (mask & IB_QP_SQ_PSN)
		to->sq_psn = attr->sq_psn & 0xffffff;
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC)
		to->max_dest_rd_atomic = attr->max_dest_rd_atomic;
	if (mask & IB_QP_DEST_QPN)
		to->dest_qpn = attr->dest_qp_num;
}

int vib_qp_modify(struct vib *vib, struct vib_qp *qp,
		  const struct vib_qp_attr *attr, u32 mask)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_MODIFY_QP,
		.u.modify_qp = {
			.qpn = qp->ibqp.qp_num,
			.mask = mask,
			.attr = *attr,
		},
	};
	struct vib_control_response response;

	BUILD_BUG_ON((int)IB_QP_STATE != VIB_QP_STATE ||
		     (int)IB_QP_DEST_QPN != VIB_QP_DEST_QPN ||
		     (int)IB_QPS_ERR != VIB_QPS_ERR);

	return vib_object_command(vib, qp->epoch, &request, &response);
}

int vib_verb_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		       struct ib_udata *udata)
{
	struct vib_qp *qp = to_vib_qp(ibqp);
	struct vib_qp_attr wanted = {};
	int err;

	if (mask & ~VIB_QP_MASK)
		return -EOPNOTSUPP;
	if (qp->kernel)
		return vib_kqp_modify(qp, attr, mask);
	vib_qp_attr_from(&wanted, attr, mask);
	err = vib_qp_modify(to_vib(ibqp->device), qp, &wanted, mask);
	/* A lost QP is in ERR already. */
	if (err == -EIO && (mask & IB_QP_STATE) && attr->qp_state == IB_QPS_ERR)
		return 0;
	return err;
}

static void vib_qp_attr_to(struct ib_qp_attr *to, const struct vib_qp_attr *attr,
			   struct ib_qp *ibqp)
{
	memset(to, 0, sizeof(*to));
	to->qp_state = attr->state;
	to->cur_qp_state = attr->cur_state;
	to->path_mtu = attr->path_mtu;
	to->path_mig_state = IB_MIG_MIGRATED;
	to->qkey = attr->qkey;
	to->rq_psn = attr->rq_psn;
	to->sq_psn = attr->sq_psn;
	to->dest_qp_num = attr->dest_qpn;
	to->qp_access_flags = attr->access_flags;
	to->pkey_index = attr->pkey_index;
	to->en_sqd_async_notify = attr->en_sqd_async_notify;
	to->sq_draining = attr->sq_draining;
	to->max_rd_atomic = attr->max_rd_atomic;
	to->max_dest_rd_atomic = attr->max_dest_rd_atomic;
	to->min_rnr_timer = attr->min_rnr_timer;
	to->port_num = attr->port;
	to->timeout = attr->timeout;
	to->retry_cnt = attr->retry_cnt;
	to->rnr_retry = attr->rnr_retry;
	vib_av_to(&attr->av, ibqp->device, VIB_PORT, &to->ah_attr);
}

int vib_verb_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		      struct ib_qp_init_attr *init)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_QUERY_QP,
		.u.object.number = ibqp->qp_num,
	};
	struct vib_control_response response;
	struct vib_qp *qp = to_vib_qp(ibqp);
	int err;

	err = vib_object_command(to_vib(ibqp->device), qp->epoch, &request,
				 &response);
	if (err == -EIO && qp->kernel) {
		vib_kqp_query(qp, &response.u.qp);
	} else if (err == -EIO) {
		memset(&response.u.qp, 0, sizeof(response.u.qp));
		response.u.qp.state = VIB_QPS_ERR;
		response.u.qp.cur_state = VIB_QPS_ERR;
	} else if (err) {
		return err;
	}
	if (response.u.qp.state > VIB_QPS_ERR ||
	    response.u.qp.cur_state > VIB_QPS_ERR) {
		vib_fail(to_vib(ibqp->device), VIB_BROKEN,
			 "QP in a state that is none");
		return -EIO;
	}
	vib_qp_attr_to(attr, &response.u.qp, ibqp);
	attr->cap = qp->cap;
	init->event_handler = ibqp->event_handler;
	init->qp_context = ibqp->qp_context;
	init->send_cq = ibqp->send_cq;
	init->recv_cq = ibqp->recv_cq;
	init->srq = ibqp->srq;
	init->cap = qp->cap;
	init->qp_type = ibqp->qp_type;
	init->sq_sig_type = qp->signal_all ? IB_SIGNAL_ALL_WR : IB_SIGNAL_REQ_WR;
	return 0;
}

/* ---- multicast groups ---------------------------------------------------- */

int vib_mcast(struct vib *vib, struct vib_qp *qp, u16 operation,
	      const union ib_gid *gid, u16 lid)
{
	struct vib_control_request request = {
		.operation = operation,
		.u.mcast = { .qpn = qp->ibqp.qp_num, .mlid = lid },
	};
	struct vib_control_response response;

	memcpy(request.u.mcast.mgid.raw, gid->raw, sizeof(gid->raw));
	return vib_object_command(vib, qp->epoch, &request, &response);
}

int vib_verb_attach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid)
{
	struct vib_qp *qp = to_vib_qp(ibqp);

	if (qp->kernel)
		return vib_kqp_mcast(qp, VIB_CMD_ATTACH_MCAST, gid, lid);
	return vib_mcast(to_vib(ibqp->device), qp, VIB_CMD_ATTACH_MCAST, gid, lid);
}

int vib_verb_detach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid)
{
	struct vib_qp *qp = to_vib_qp(ibqp);
	int err;

	if (qp->kernel)
		return vib_kqp_mcast(qp, VIB_CMD_DETACH_MCAST, gid, lid);
	err = vib_mcast(to_vib(ibqp->device), qp, VIB_CMD_DETACH_MCAST, gid, lid);
	/* A lost QP is in no group. */
	return err == -EIO ? 0 : err;
}
