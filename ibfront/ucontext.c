// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A process' context: what it maps, and the one call that wakes a poller.
 */

#define UVERBS_MODULE_NAME ibfront
#include <rdma/uverbs_named_ioctl.h>
#include <rdma/ib_user_ioctl_cmds.h>

#include "verbs.h"

/* The largest slot, without what can stand before inline data. */
#define VIB_MAX_INLINE (VIB_WQE_MAX_STRIDE - VIB_DATA_UD)

static void vib_context_answer(struct vib_ucontext *ctx,
			       struct vib_uresp_alloc_context *resp)
{
	*resp = (struct vib_uresp_alloc_context){
		.protocol_version = VIB_PROTOCOL_VERSION,
		.max_inline = VIB_MAX_INLINE,
	};
	vib_umap_describe(ctx->state, &resp->state);
}

int vib_verb_alloc_ucontext(struct ib_ucontext *ibucontext,
			    struct ib_udata *udata)
{
	struct vib_ibdev *dev = to_vib_ibdev(ibucontext->device);
	struct vib_ucontext *ctx = to_vib_ucontext(ibucontext);
	struct vib_uresp_alloc_context resp;
	int err;

	vib_bells_init(&ctx->bells, dev->vib, ibucontext);
	mutex_init(&ctx->lock);
	INIT_LIST_HEAD(&ctx->cqs);
	ctx->state = vib_umap_insert(ibucontext, &dev->state, 1, true);
	if (IS_ERR(ctx->state))
		return PTR_ERR(ctx->state);

	vib_context_answer(ctx, &resp);
	err = ib_copy_to_udata(udata, &resp, min(sizeof(resp), udata->outlen));
	if (err)
		vib_umap_remove(ctx->state);
	return err;
}

int vib_verb_query_ucontext(struct ib_ucontext *ibucontext,
			    struct uverbs_attr_bundle *attrs)
{
	struct vib_uresp_alloc_context resp;

	vib_context_answer(to_vib_ucontext(ibucontext), &resp);
	return uverbs_copy_to_struct_or_zero(attrs, VIB_UATTR_QUERY_CONTEXT_RESP,
					     &resp, sizeof(resp));
}

/* All objects of the context are gone. */
void vib_verb_dealloc_ucontext(struct ib_ucontext *ibucontext)
{
	struct vib_ucontext *ctx = to_vib_ucontext(ibucontext);

	vib_bells_end(&ctx->bells);
	vib_umap_remove(ctx->state);
	mutex_destroy(&ctx->lock);
	mutex_destroy(&ctx->bells.lock);
}

/*
 * That it is there lets the device go away under open contexts. What they have
 * mapped stays theirs.
 */
void vib_verb_disassociate_ucontext(struct ib_ucontext *ibucontext)
{
}

/* As a backend would: an event for a wish, which is gone then. */
static bool vib_cq_wishes(const struct vib_cq *cq)
{
	struct vib_queue queue;

	vib_queue_init(&queue, vib_memory_page(cq->queue.memory, 0),
		       cq->queue.order, cq->queue.stride);
	return vib_cq_take_arm(&queue, true);
}

/*
 * The processes of a lost backend have nobody to raise their completion events
 * but themselves.
 */
static void vib_context_wake(struct vib *vib, struct vib_ucontext *ctx)
{
	struct vib_cq *cq;
	u32 epoch;

	vib_bells_wake(&ctx->bells);
	mutex_lock(&ctx->lock);
	epoch = READ_ONCE(vib->epoch);
	list_for_each_entry(cq, &ctx->cqs, entry)
		if (cq->epoch != epoch && cq->ibcq.comp_handler &&
		    vib_cq_wishes(cq))
			cq->ibcq.comp_handler(&cq->ibcq, cq->ibcq.cq_context);
	mutex_unlock(&ctx->lock);
}

static int UVERBS_HANDLER(VIB_UMETHOD_WAKE)(struct uverbs_attr_bundle *attrs)
{
	struct ib_ucontext *ibucontext = ib_uverbs_get_ucontext(attrs);

	if (IS_ERR(ibucontext))
		return PTR_ERR(ibucontext);
	vib_context_wake(to_vib(ibucontext->device),
			 to_vib_ucontext(ibucontext));
	return 0;
}

DECLARE_UVERBS_NAMED_METHOD(VIB_UMETHOD_WAKE);
DECLARE_UVERBS_GLOBAL_METHODS(VIB_UOBJECT_CONTEXT,
			      &UVERBS_METHOD(VIB_UMETHOD_WAKE));

ADD_UVERBS_ATTRIBUTES_SIMPLE(vib_query_context, UVERBS_OBJECT_DEVICE,
			     UVERBS_METHOD_QUERY_CONTEXT,
			     UVERBS_ATTR_PTR_OUT(VIB_UATTR_QUERY_CONTEXT_RESP,
						 UVERBS_ATTR_STRUCT(struct vib_uresp_alloc_context,
								    state),
						 UA_MANDATORY));

const struct uapi_definition vib_uapi[] = {
	UAPI_DEF_CHAIN(vib_dm_uapi),
	UAPI_DEF_CHAIN_OBJ_TREE(UVERBS_OBJECT_DEVICE, &vib_query_context),
	UAPI_DEF_CHAIN_OBJ_TREE_NAMED(VIB_UOBJECT_CONTEXT),
	{},
};
