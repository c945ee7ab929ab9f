// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Making, changing and ending SRQs.
 */

#include <errno.h>

#include "context.h"
#include "memory.h"
#include "private_cmd34.h"
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

struct ibv_srq *vib_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr)
{
	struct create_srq_resp resp = {};
	struct ibv_create_srq cmd;
	struct vib_memory mem;
	struct vib_srq *srq;
	int ret;

	srq = vib_memory_alloc(pd, sizeof(*srq), &mem);
	if (!srq)
		return NULL;
	srq->mem = mem;
	srq->ctx = to_vib_context(pd->context);
	vib_lock_init(&srq->lock, !vib_one_thread(pd));
	ret = ibv_cmd_create_srq(pd, &srq->verbs.srq, attr, &cmd, sizeof(cmd), &resp.core,
				 sizeof(resp));
	if (ret)
		goto err_free;
	srq->verbs.srq_type = IBV_SRQT_BASIC;
	srq->verbs.srq_num = resp.vib.srqn;
	srq->max_sge = attr->attr.max_sge;
	if (vib_map_queue(srq->ctx, &resp.vib.queue, vib_recv_stride(0), &srq->memory,
			  &srq->queue) < 0) {
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

struct ibv_srq *vib_create_srq_ex(struct ibv_context *context,
				  struct ibv_srq_init_attr_ex *attr)
{
	struct ibv_srq_init_attr basic = {
		.srq_context = attr->srq_context,
		.attr = attr->attr,
	};
	struct ibv_srq *srq;

	(void)context;
	if (attr->comp_mask &
		    ~(uint32_t)(IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD) ||
	    (attr->comp_mask & IBV_SRQ_INIT_ATTR_TYPE &&
	     attr->srq_type != IBV_SRQT_BASIC)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	if (!(attr->comp_mask & IBV_SRQ_INIT_ATTR_PD)) {
		errno = EINVAL;
		return NULL;
	}
	srq = vib_create_srq(attr->pd, &basic);
	if (!srq)
		return NULL;
	/* ibv_create_srq() does that, ibv_create_srq_ex() does not. */
	srq->context = attr->pd->context;
	srq->srq_context = attr->srq_context;
	srq->pd = attr->pd;
	attr->attr = basic.attr;
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
	int ret;

	ret = ibv_cmd_destroy_srq(ibsrq);
	if (ret)
		return ret;
	free_srq(to_vib_srq(ibsrq));
	return 0;
}
