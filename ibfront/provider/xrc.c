// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * XRC domains, what SRQs and target QPs in them have beyond others, and target QPs
 * that another process made.
 */

#include <errno.h>
#include <stdlib.h>

#include "memory.h"
#include "poll.h"
#include "private_cmd34.h"
#include "qp.h"
#include "verbs.h"

struct ibv_xrcd *vib_open_xrcd(struct ibv_context *context,
			       struct ibv_xrcd_init_attr *attr)
{
	struct ib_uverbs_open_xrcd_resp resp;
	struct ibv_open_xrcd cmd;
	struct verbs_xrcd *xrcd;
	int ret;

	xrcd = calloc(1, sizeof(*xrcd));
	if (!xrcd)
		return NULL;
	ret = ibv_cmd_open_xrcd(context, xrcd, sizeof(*xrcd), attr, &cmd, sizeof(cmd),
				&resp, sizeof(resp));
	if (ret) {
		free(xrcd);
		errno = ret;
		return NULL;
	}
	return &xrcd->xrcd;
}

int vib_close_xrcd(struct ibv_xrcd *ibxrcd)
{
	struct verbs_xrcd *xrcd = (struct verbs_xrcd *)ibxrcd;
	int ret;

	ret = ibv_cmd_close_xrcd(xrcd);
	if (!ret)
		free(xrcd);
	return ret;
}

int vib_get_srq_num(struct ibv_srq *ibsrq, uint32_t *srq_num)
{
	const struct vib_srq *srq = to_vib_srq(ibsrq);

	if (srq->verbs.srq_type != IBV_SRQT_XRC)
		return EOPNOTSUPP;
	*srq_num = srq->verbs.srq_num;
	return 0;
}

void vib_srq_leave_cq(const struct vib_srq *srq)
{
	struct vib_cq *cq = to_vib_cq(srq->verbs.cq);

	vib_lock(&cq->lock);
	vib_cq_purge_srq(cq, srq->verbs.srq_num);
	vib_unlock(&cq->lock);
}

struct ibv_qp *vib_open_qp(struct ibv_context *context, struct ibv_qp_open_attr *attr)
{
	struct ib_uverbs_create_qp_resp resp;
	struct ibv_open_qp cmd;
	struct vib_memory mem;
	struct vib_qp *qp;
	int ret;

	qp = vib_memory_alloc(NULL, sizeof(*qp), &mem);
	if (!qp)
		return NULL;
	qp->mem = mem;
	qp->ctx = to_vib_context(context);
	qp->type = VIB_QPT_XRC_TGT;
	vib_lock_init(&qp->sq.lock, true);
	vib_lock_init(&qp->rq.lock, true);
	ret = ibv_cmd_open_qp(context, &qp->verbs, sizeof(qp->verbs), attr, &cmd,
			      sizeof(cmd), &resp, sizeof(resp));
	if (ret) {
		vib_memory_free(qp, &mem);
		errno = ret;
		return NULL;
	}
	return &qp->verbs.qp;
}
