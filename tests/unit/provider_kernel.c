// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands of libibverbs' private ABI, answered as ibfront would: what is to be
 * mapped lies in a memfd.
 */
#include "provider_rig.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "provider/dm.h"
#include "provider/private_cmd34.h"

struct prig_kernel kernel;

static int answer(void)
{
	int err = kernel.fail;

	kernel.fail = 0;
	return err;
}

static struct vib_umap new_umap(uint64_t bytes)
{
	struct vib_umap umap = { .offset = kernel.end };

	umap.length = (uint32_t)(bytes + 4095) / 4096 * 4096;
	kernel.end += umap.length;
	assert_int_equal(ftruncate(kernel.fd, (off_t)kernel.end), 0);
	return umap;
}

static struct vib_uqueue new_queue(uint32_t entries, uint32_t stride)
{
	struct vib_uqueue queue = { .order = 1, .stride = stride };

	while (1u << queue.order < entries)
		queue.order++;
	queue.memory = new_umap(vib_queue_bytes(queue.order, stride));
	if (kernel.spoil)
		kernel.spoil(&queue);
	return queue;
}

void vib_wake(struct vib_context *ctx)
{
	assert_int_equal(ctx->verbs.context.cmd_fd, kernel.fd);
	kernel.wakes++;
}

int ibv_cmd_query_port(struct ibv_context *context, uint8_t port_num,
		       struct ibv_port_attr *attr, struct ibv_query_port *cmd,
		       size_t cmd_size)
{
	(void)context;
	assert_int_equal(port_num, 1);
	assert_int_equal(cmd_size, sizeof(*cmd));
	attr->gid_tbl_len = 4;
	return answer();
}

int ibv_cmd_alloc_pd(struct ibv_context *context, struct ibv_pd *pd,
		     struct ibv_alloc_pd *cmd, size_t cmd_size,
		     struct ib_uverbs_alloc_pd_resp *resp, size_t resp_size)
{
	(void)cmd_size, (void)resp_size, (void)cmd, (void)resp;
	pd->context = context;
	pd->handle = ++kernel.handles;
	return answer();
}

int ibv_cmd_dealloc_pd(struct ibv_pd *pd)
{
	(void)pd;
	return answer();
}

int ibv_cmd_reg_mr(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
		   int access, struct verbs_mr *mr, struct ibv_reg_mr *cmd,
		   size_t cmd_size, struct ib_uverbs_reg_mr_resp *resp, size_t resp_size)
{
	(void)addr, (void)length, (void)iova, (void)cmd, (void)cmd_size, (void)resp,
		(void)resp_size;
	mr->ibv_mr.context = pd->context;
	mr->ibv_mr.lkey = mr->ibv_mr.rkey = ++kernel.handles << 8;
	mr->access = access;
	return answer();
}

int ibv_cmd_rereg_mr(struct verbs_mr *mr, uint32_t flags, void *addr, size_t length,
		     uint64_t iova, int access, struct ibv_pd *pd,
		     struct ibv_rereg_mr *cmd, size_t cmd_size,
		     struct ib_uverbs_rereg_mr_resp *resp, size_t resp_size)
{
	(void)mr, (void)flags, (void)addr, (void)length, (void)iova, (void)access,
		(void)pd, (void)cmd, (void)cmd_size, (void)resp, (void)resp_size;
	return answer();
}

int ibv_cmd_dereg_mr(struct verbs_mr *mr)
{
	int err = answer();

	if (!err && mr->access & IBV_ACCESS_ZERO_BASED)
		kernel.dm_regions--;
	return err;
}

int ibv_cmd_query_mr(struct ibv_pd *pd, struct verbs_mr *mr, uint32_t mr_handle)
{
	mr->ibv_mr.context = pd->context;
	mr->ibv_mr.handle = mr_handle;
	return answer();
}

int ibv_cmd_alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type, struct ibv_mw *mw,
		     struct ibv_alloc_mw *cmd, size_t cmd_size,
		     struct ib_uverbs_alloc_mw_resp *resp, size_t resp_size)
{
	(void)cmd, (void)cmd_size, (void)resp, (void)resp_size;
	mw->context = pd->context;
	mw->pd = pd;
	mw->type = type;
	mw->rkey = ++kernel.handles << 8;
	return answer();
}

int ibv_cmd_dealloc_mw(struct ibv_mw *mw)
{
	(void)mw;
	return answer();
}

int ibv_cmd_alloc_dm(struct ibv_context *context, const struct ibv_alloc_dm_attr *attr,
		     struct verbs_dm *dm, struct ibv_command_buffer *link)
{
	int err = answer();

	assert_null(link);
	if (err)
		return err;
	dm->dm.context = context;
	dm->dm.handle = dm->handle = kernel.dm_handle = ++kernel.handles;
	dm->dm.comp_mask = IBV_DM_MASK_HANDLE;
	kernel.dm = (struct vib_uresp_query_dm){ .memory = new_umap(attr->length),
						 .length = attr->length };
	kernel.objects++;
	return 0;
}

int vib_query_dm(struct vib_context *ctx, uint32_t handle,
		 struct vib_uresp_query_dm *resp)
{
	assert_int_equal(ctx->verbs.context.cmd_fd, kernel.fd);
	errno = kernel.fail_query;
	if (!errno && handle != kernel.dm_handle)
		errno = ENOENT;
	kernel.fail_query = 0;
	*resp = kernel.dm;
	return errno ? -1 : 0;
}

int ibv_cmd_reg_dm_mr(struct ibv_pd *pd, struct verbs_dm *dm, uint64_t offset,
		      size_t length, unsigned int access, struct verbs_mr *mr,
		      struct ibv_command_buffer *link)
{
	int err = answer();

	(void)offset, (void)access;
	assert_null(link);
	assert_int_equal(dm->handle, kernel.dm_handle);
	if (err)
		return err;
	mr->ibv_mr.context = pd->context;
	mr->ibv_mr.length = length;
	mr->ibv_mr.lkey = mr->ibv_mr.rkey = ++kernel.handles << 8;
	kernel.dm_regions++;
	return 0;
}

int ibv_cmd_create_cq(struct ibv_context *context, int cqe,
		      struct ibv_comp_channel *channel, int comp_vector,
		      struct ibv_cq *cq, struct ibv_create_cq *cmd, size_t cmd_size,
		      struct ib_uverbs_create_cq_resp *resp, size_t resp_size)
{
	struct vib_uresp_create_cq *ours = (void *)(resp + 1);
	int err = answer();

	(void)channel, (void)comp_vector;
	assert_int_equal(cmd_size, sizeof(*cmd));
	assert_int_equal(resp_size, sizeof(*resp) + sizeof(*ours));
	if (err)
		return err;
	cq->context = context;
	cq->handle = ++kernel.handles;
	*ours = (struct vib_uresp_create_cq){
		.cqn = cq->handle,
		.epoch = kernel.epoch,
		.queue = new_queue((uint32_t)cqe, sizeof(struct vib_cqe)),
	};
	cq->cqe = 1 << ours->queue.order;
	kernel.objects++;
	return 0;
}

int ibv_cmd_resize_cq(struct ibv_cq *cq, int cqe, struct ibv_resize_cq *cmd,
		      size_t cmd_size, struct ib_uverbs_resize_cq_resp *resp,
		      size_t resp_size)
{
	struct vib_uresp_resize_cq *ours = (void *)(resp + 1);
	int err = answer();

	assert_int_equal(cmd_size, sizeof(*cmd));
	assert_int_equal(resp_size, sizeof(*resp) + sizeof(*ours));
	if (err)
		return err;
	*ours = (struct vib_uresp_resize_cq){
		.index = kernel.resize_index,
		.queue = new_queue((uint32_t)cqe, sizeof(struct vib_cqe)),
	};
	cq->cqe = 1 << ours->queue.order;
	return 0;
}

int ibv_cmd_modify_cq(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr,
		      struct ibv_modify_cq *cmd, size_t cmd_size)
{
	(void)cq, (void)attr, (void)cmd, (void)cmd_size;
	return answer();
}

static int end_object(void)
{
	int err = answer();

	if (!err)
		kernel.objects--;
	return err;
}

int ibv_cmd_free_dm(struct verbs_dm *dm)
{
	assert_int_equal(dm->handle, kernel.dm_handle);
	return kernel.dm_regions ? EBUSY : end_object();
}

int ibv_cmd_destroy_cq(struct ibv_cq *cq)
{
	(void)cq;
	return end_object();
}

static int create_srq(struct ibv_srq *srq, struct ibv_pd *pd, struct ibv_srq_attr *attr,
		      struct ib_uverbs_create_srq_resp *resp, size_t resp_size)
{
	struct vib_uresp_create_srq *ours = (void *)(resp + 1);
	int err = answer();

	assert_int_equal(resp_size, sizeof(*resp) + sizeof(*ours));
	if (err)
		return err;
	srq->context = pd->context;
	srq->handle = ++kernel.handles;
	*ours = (struct vib_uresp_create_srq){
		.srqn = srq->handle,
		.epoch = kernel.epoch,
		.queue = new_queue(attr->max_wr, vib_recv_stride(attr->max_sge)),
		.db_index = srq->handle * 7,
		.doorbell = { .offset = 4096, .length = 4096 },
	};
	attr->max_wr = 1u << ours->queue.order;
	kernel.objects++;
	return 0;
}

int ibv_cmd_create_srq(struct ibv_pd *pd, struct ibv_srq *srq,
		       struct ibv_srq_init_attr *attr, struct ibv_create_srq *cmd,
		       size_t cmd_size, struct ib_uverbs_create_srq_resp *resp,
		       size_t resp_size)
{
	assert_int_equal(cmd_size, sizeof(*cmd));
	return create_srq(srq, pd, &attr->attr, resp, resp_size);
}

int ibv_cmd_create_srq_ex(struct ibv_context *context, struct verbs_srq *srq,
			  struct ibv_srq_init_attr_ex *attr, struct ibv_create_xsrq *cmd,
			  size_t cmd_size, struct ib_uverbs_create_srq_resp *resp,
			  size_t resp_size)
{
	assert_ptr_equal(context, attr->pd->context);
	assert_int_equal(cmd_size, sizeof(*cmd));
	kernel.srq_asked = *attr;
	return create_srq(&srq->srq, attr->pd, &attr->attr, resp, resp_size);
}

int ibv_cmd_modify_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr, int attr_mask,
		       struct ibv_modify_srq *cmd, size_t cmd_size)
{
	(void)srq, (void)attr, (void)attr_mask, (void)cmd, (void)cmd_size;
	return answer();
}

int ibv_cmd_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr,
		      struct ibv_query_srq *cmd, size_t cmd_size)
{
	(void)srq, (void)attr, (void)cmd, (void)cmd_size;
	return answer();
}

int ibv_cmd_destroy_srq(struct ibv_srq *srq)
{
	(void)srq;
	return end_object();
}

/* What libibverbs sets besides: its mask, and what is behind that. */
static void set_mask(struct verbs_qp *qp, struct ibv_xrcd *xrcd)
{
	uint32_t *mask = (uint32_t *)&qp->behind.mask[kernel.mask_place];

	*mask = xrcd ? VERBS_QP_XRCD : 0;
	if (xrcd)
		memcpy((uint64_t *)mask + 1, &xrcd, sizeof(xrcd));
}

int ibv_cmd_create_qp_ex(struct ibv_context *context, struct verbs_qp *qp,
			 struct ibv_qp_init_attr_ex *attr, struct ibv_create_qp *cmd,
			 size_t cmd_size, struct ib_uverbs_create_qp_resp *resp,
			 size_t resp_size)
{
	struct vib_uresp_create_qp *ours = (void *)(resp + 1);
	struct ibv_qp_cap *cap = &attr->cap;
	int err = answer();

	assert_int_equal(cmd_size, sizeof(*cmd));
	assert_int_equal(resp_size, sizeof(*resp) + sizeof(*ours));
	kernel.qp_asked = *attr;
	if (err)
		return err;
	qp->qp.context = context;
	qp->qp.handle = ++kernel.handles;
	qp->qp.qp_num = 0x100 + qp->qp.handle;
	qp->qp.pd = attr->pd;
	qp->qp.send_cq = attr->send_cq;
	qp->qp.recv_cq = attr->recv_cq;
	qp->qp.srq = attr->srq;
	qp->qp.qp_type = attr->qp_type;
	qp->qp.state = IBV_QPS_RESET;
	set_mask(qp, attr->qp_type == IBV_QPT_XRC_RECV ? attr->xrcd : NULL);
	kernel.objects++;
	if (attr->qp_type == IBV_QPT_XRC_RECV) /* of which a driver answers nothing */
		return 0;
	*ours = (struct vib_uresp_create_qp){
		.epoch = kernel.epoch,
		.db_index = qp->qp.handle * 7,
		.doorbell = { .offset = 4096, .length = 4096 },
	};
	if (cap->max_send_wr)
		ours->sq =
			new_queue(cap->max_send_wr,
				  vib_send_stride(cap->max_send_sge, cap->max_inline_data,
						  (uint8_t)attr->qp_type));
	if (cap->max_recv_wr && !attr->srq)
		ours->rq =
			new_queue(cap->max_recv_wr, vib_recv_stride(cap->max_recv_sge));
	return 0;
}

int ibv_cmd_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask,
		     struct ibv_qp_init_attr *init_attr, struct ibv_query_qp *cmd,
		     size_t cmd_size)
{
	(void)qp, (void)attr, (void)attr_mask, (void)init_attr, (void)cmd, (void)cmd_size;
	return answer();
}

int ibv_cmd_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask,
		      struct ibv_modify_qp *cmd, size_t cmd_size)
{
	(void)qp, (void)attr, (void)attr_mask, (void)cmd, (void)cmd_size;
	return answer();
}

int ibv_cmd_destroy_qp(struct ibv_qp *qp)
{
	(void)qp;
	return end_object();
}

int ibv_cmd_open_qp(struct ibv_context *context, struct verbs_qp *qp, int qp_size,
		    struct ibv_qp_open_attr *attr, struct ibv_open_qp *cmd,
		    size_t cmd_size, struct ib_uverbs_create_qp_resp *resp,
		    size_t resp_size)
{
	int err = answer();

	(void)resp;
	assert_int_equal(qp_size, sizeof(*qp));
	assert_int_equal(cmd_size, sizeof(*cmd));
	assert_int_equal(resp_size, sizeof(*resp));
	if (err)
		return err;
	qp->qp.context = context;
	qp->qp.handle = ++kernel.handles;
	qp->qp.qp_num = attr->qp_num;
	qp->qp.qp_type = attr->qp_type;
	set_mask(qp, attr->xrcd);
	kernel.objects++;
	return 0;
}

int ibv_cmd_open_xrcd(struct ibv_context *context, struct verbs_xrcd *xrcd, int xrcd_size,
		      struct ibv_xrcd_init_attr *attr, struct ibv_open_xrcd *cmd,
		      size_t cmd_size, struct ib_uverbs_open_xrcd_resp *resp,
		      size_t resp_size)
{
	int err = answer();

	(void)attr, (void)resp;
	assert_int_equal(xrcd_size, sizeof(*xrcd));
	assert_int_equal(cmd_size, sizeof(*cmd));
	assert_int_equal(resp_size, sizeof(*resp));
	if (err)
		return err;
	xrcd->xrcd.context = context;
	xrcd->handle = ++kernel.handles;
	kernel.objects++;
	return 0;
}

int ibv_cmd_close_xrcd(struct verbs_xrcd *xrcd)
{
	(void)xrcd;
	return end_object();
}
