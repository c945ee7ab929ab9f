// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Making and ending CQs.
 */

#include <errno.h>
#include <stdlib.h>

#include "memory.h"
#include "poll.h"
#include "private_cmd34.h"
#include "verbs.h"

#define VIB_WC_FLAGS \
	((uint64_t)IBV_WC_STANDARD_FLAGS | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP)

struct create_cq_resp {
	struct ib_uverbs_create_cq_resp core;
	struct vib_uresp_create_cq vib;
};
static_assert(offsetof(struct create_cq_resp, vib) == 8, "uverbs ABI");

static void free_cq(struct vib_cq *cq)
{
	struct vib_memory mem = cq->mem;

	vib_unmap(&cq->memory);
	vib_cq_free_leaves(cq);
	free(cq->backlog);
	vib_memory_free(cq, &mem);
}

static struct vib_cq *create(struct ibv_context *context, int cqe,
			     struct ibv_comp_channel *channel, int comp_vector,
			     struct ibv_pd *parent, bool one_thread)
{
	struct create_cq_resp resp = {};
	struct ibv_create_cq cmd;
	struct vib_memory mem;
	struct vib_cq *cq;
	int ret;

	if (cqe <= 0) {
		errno = EINVAL;
		return NULL;
	}
	cq = vib_memory_alloc(parent, sizeof(*cq), &mem);
	if (!cq)
		return NULL;
	cq->mem = mem;
	cq->ctx = to_vib_context(context);
	vib_lock_init(&cq->lock, !one_thread);
	ret = ibv_cmd_create_cq(context, cqe, channel, comp_vector, &cq->verbs.cq, &cmd,
				sizeof(cmd), &resp.core, sizeof(resp));
	if (ret)
		goto err_free;
	cq->epoch = resp.vib.epoch;
	if (vib_map_queue(cq->ctx, &resp.vib.queue, sizeof(struct vib_cqe), &cq->memory,
			  &cq->queue) < 0) {
		ret = errno;
		goto err_destroy;
	}
	return cq;

err_destroy:
	ibv_cmd_destroy_cq(&cq->verbs.cq);
err_free:
	free_cq(cq);
	errno = ret;
	return NULL;
}

struct ibv_cq *vib_create_cq(struct ibv_context *context, int cqe,
			     struct ibv_comp_channel *channel, int comp_vector)
{
	struct vib_cq *cq = create(context, cqe, channel, comp_vector, NULL, false);

	return cq ? &cq->verbs.cq : NULL;
}

struct ibv_cq_ex *vib_create_cq_ex(struct ibv_context *context,
				   struct ibv_cq_init_attr_ex *attr)
{
	const uint32_t masks = IBV_CQ_INIT_ATTR_MASK_FLAGS | IBV_CQ_INIT_ATTR_MASK_PD;
	struct ibv_pd *parent = NULL;
	bool one_thread = false;
	struct vib_cq *cq;

	if (attr->comp_mask & ~masks || attr->wc_flags & ~VIB_WC_FLAGS) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	if (attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_FLAGS) {
		if (attr->flags & ~(uint32_t)IBV_CREATE_CQ_ATTR_SINGLE_THREADED) {
			errno = EOPNOTSUPP;
			return NULL;
		}
		one_thread = attr->flags & IBV_CREATE_CQ_ATTR_SINGLE_THREADED;
	}
	if (attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_PD) {
		parent = attr->parent_domain;
		if (!parent || !to_vib_pd(parent)->parent_of) {
			errno = EINVAL;
			return NULL;
		}
		one_thread |= vib_one_thread(parent);
	}
	cq = create(context, (int)attr->cqe, attr->channel, (int)attr->comp_vector,
		    parent, one_thread);
	if (!cq)
		return NULL;
	vib_cq_ex_init(&cq->verbs.cq_ex, attr->wc_flags);
	return &cq->verbs.cq_ex;
}

int vib_modify_cq(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr)
{
	struct ibv_modify_cq cmd = {};

	return ibv_cmd_modify_cq(cq, attr, &cmd, sizeof(cmd));
}

int vib_destroy_cq(struct ibv_cq *ibcq)
{
	int ret;

	ret = ibv_cmd_destroy_cq(ibcq);
	if (ret)
		return ret;
	free_cq(to_vib_cq(ibcq));
	return 0;
}
