// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Making, changing and ending SRQs.
 */

#include <errno.h>

#include "context.h"
#include "memory.h"
#include "private_cmd34.h"
#include "qp.h"
#include "verbs.h"

struct create_srq_resp {
	struct ib_uverbs_create_srq_resp core;
	struct vib_uresp_create_srq vib;
};
static_assert(offsetof(struct create_srq_resp, vib) == 16, "uverbs ABI");

static void free_srq(struct vib_srq *srq)
{
	struct vib_memory mem = srq->mem;

	vib_unmap(&srq->memory);
	vib_memory_free(srq, &mem);
}

/* Map what the kernel answered. -1 and errno. */
static int map_srq(struct vib_srq *srq, const struct vib_uresp_create_srq *resp)
{
	if (resp->db_index >= VIB_DB_QUEUES) {
		errno = EPROTO;
		return -1;
	}
	srq->db_index = resp->db_index;
	srq->doorbell = vib_map_doorbell(srq->ctx, &resp->doorbell, resp->epoch);
	if (!srq->doorbell)
		return -1;
	return vib_map_queue(srq->ctx, &resp->queue, vib_recv_stride(0), &srq->memory,
			     &srq->queue);
}

/* By the command that knows the type; attr->attr becomes what was made. */
static int command(struct vib_srq *srq, struct ibv_srq_init_attr_ex *attr,
		   struct create_srq_resp *resp)
{
	struct ibv_srq_init_attr basic = { .attr = attr->attr };
	struct ibv_create_xsrq xrc;
	struct ibv_create_srq cmd;
	int ret;

	if (attr->srq_type == IBV_SRQT_XRC) {
		ret = ibv_cmd_create_srq_ex(attr->pd->context, &srq->verbs, attr, &xrc,
					    sizeof(xrc), &resp->core, sizeof(*resp));
	} else {
		ret = ibv_cmd_create_srq(attr->pd, &srq->verbs.srq, &basic, &cmd,
					 sizeof(cmd), &resp->core, sizeof(*resp));
		attr->attr = basic.attr;
	}
	return ret;
}

static struct ibv_srq *create(struct ibv_srq_init_attr_ex *attr)
{
	struct create_srq_resp resp = {};
	struct vib_memory mem;
	struct vib_srq *srq;
	int ret;

	srq = vib_memory_alloc(attr->pd, sizeof(*srq), &mem);
	if (!srq)
		return NULL;
	srq->mem = mem;
	srq->ctx = to_vib_context(attr->pd->context);
	vib_lock_init(&srq->lock, !vib_one_thread(attr->pd));
	ret = command(srq, attr, &resp);
	if (ret)
		goto err_free;
	srq->verbs.srq_type = attr->srq_type;
	srq->verbs.srq_num = resp.vib.srqn;
	if (attr->srq_type == IBV_SRQT_XRC)
		srq->verbs.cq = attr->cq;
	srq->max_sge = attr->attr.max_sge;
	if (map_srq(srq, &resp.vib) < 0) {
		ret = errno;
		goto err_destroy;
	}
	return &srq->verbs.srq;

err_destroy:
	ibv_cmd_destroy_srq(&srq->verbs.srq);
err_free:
	free_srq(srq);
	errno = ret;
	return NULL;
}

struct ibv_srq *vib_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr)
{
	struct ibv_srq_init_attr_ex ex = {
		.attr = attr->attr,
		.srq_type = IBV_SRQT_BASIC,
		.pd = pd,
	};
	struct ibv_srq *srq = create(&ex);

	if (srq)
		attr->attr = ex.attr;
	return srq;
}

struct ibv_srq *vib_create_srq_ex(struct ibv_context *context,
				  struct ibv_srq_init_attr_ex *attr)
{
	const uint32_t of_xrc = IBV_SRQ_INIT_ATTR_XRCD | IBV_SRQ_INIT_ATTR_CQ;
	struct ibv_srq_init_attr_ex ex = *attr;
	uint32_t needed = IBV_SRQ_INIT_ATTR_PD;
	struct ibv_srq *srq;

	(void)context;
	if (!(attr->comp_mask & IBV_SRQ_INIT_ATTR_TYPE))
		ex.srq_type = IBV_SRQT_BASIC;
	if (ex.srq_type == IBV_SRQT_XRC)
		needed |= of_xrc;
	if ((ex.srq_type != IBV_SRQT_BASIC && ex.srq_type != IBV_SRQT_XRC) ||
	    attr->comp_mask & ~(IBV_SRQ_INIT_ATTR_TYPE | needed)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	if ((attr->comp_mask & needed) != needed) {
		errno = EINVAL;
		return NULL;
	}
	srq = create(&ex);
	if (!srq)
		return NULL;
	/* ibv_create_srq() does that, ibv_create_srq_ex() does not. */
	srq->context = attr->pd->context;
	srq->srq_context = attr->srq_context;
	srq->pd = attr->pd;
	attr->attr = ex.attr;
	return srq;
}

int vib_modify_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr, int attr_mask)
{
	struct ibv_modify_srq cmd;

	return ibv_cmd_modify_srq(srq, attr, attr_mask, &cmd, sizeof(cmd));
}

int vib_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr)
{
	struct ibv_query_srq cmd;

	return ibv_cmd_query_srq(srq, attr, &cmd, sizeof(cmd));
}

int vib_destroy_srq(struct ibv_srq *ibsrq)
{
	struct vib_srq *srq = to_vib_srq(ibsrq);
	int ret;

	ret = ibv_cmd_destroy_srq(ibsrq);
	if (ret)
		return ret;
	if (srq->verbs.srq_type == IBV_SRQT_XRC)
		vib_srq_leave_cq(srq);
	free_srq(srq);
	return 0;
}
