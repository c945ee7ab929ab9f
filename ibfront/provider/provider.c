// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The rdma-core provider of a vib: finds its device, opens it and queries it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#include "context.h"
#include "private_cmd34.h"
#include "verbs.h"

struct vib_alloc_context_resp {
	struct ib_uverbs_get_context_resp core;
	struct vib_uresp_alloc_context vib;
};
static_assert(offsetof(struct vib_alloc_context_resp, vib) == 8, "uverbs ABI");

/* In the library's list of needed versions this says: rdma-core v36 or later. */
static const void *const vib_needs_v36 __attribute__((used)) =
	(const void *)ibv_query_qp_data_in_order;

static int vib_query_device(struct ibv_context *context,
			    const struct ibv_query_device_ex_input *input,
			    struct ibv_device_attr_ex *attr, size_t attr_size)
{
	struct ib_uverbs_ex_query_device_resp resp;
	size_t resp_size = sizeof(resp);
	uint64_t ver;
	int ret;

	ret = ibv_cmd_query_device_any(context, input, attr, attr_size, &resp,
				       &resp_size);
	if (ret)
		return ret;

	ver = resp.base.fw_ver;
	snprintf(attr->orig_attr.fw_ver, sizeof(attr->orig_attr.fw_ver), "%u.%u.%u",
		 (unsigned int)(ver >> 16) & 0xffff, (unsigned int)(ver >> 8) & 0xff,
		 (unsigned int)ver & 0xff);
	/* The kernel's IPoIB has them. */
	attr->orig_attr.device_cap_flags &= ~(unsigned int)IBV_DEVICE_UD_IP_CSUM;
	if (attr_size > offsetof(struct ibv_device_attr_ex, device_cap_flags_ex))
		attr->device_cap_flags_ex &= ~(uint64_t)IBV_DEVICE_UD_IP_CSUM;
	return 0;
}

static int vib_query_port(struct ibv_context *context, uint8_t port_num,
			  struct ibv_port_attr *attr)
{
	struct ibv_query_port cmd;

	return ibv_cmd_query_port(context, port_num, attr, &cmd, sizeof(cmd));
}

static void vib_free_context(struct ibv_context *context)
{
	struct vib_context *ctx = to_vib_context(context);

	vib_context_exit(ctx);
	verbs_uninit_context(&ctx->verbs);
	free(ctx);
}

static const struct verbs_context_ops vib_context_ops = {
	.alloc_dm = vib_alloc_dm,
	.alloc_mw = vib_alloc_mw,
	.alloc_parent_domain = vib_alloc_parent_domain,
	.alloc_pd = vib_alloc_pd,
	.alloc_td = vib_alloc_td,
	.attach_mcast = ibv_cmd_attach_mcast,
	.bind_mw = vib_bind_mw,
	.close_xrcd = vib_close_xrcd,
	.create_ah = vib_create_ah,
	.create_cq = vib_create_cq,
	.create_cq_ex = vib_create_cq_ex,
	.create_qp = vib_create_qp,
	.create_qp_ex = vib_create_qp_ex,
	.create_srq = vib_create_srq,
	.create_srq_ex = vib_create_srq_ex,
	.dealloc_mw = vib_dealloc_mw,
	.dealloc_pd = vib_dealloc_pd,
	.dealloc_td = vib_dealloc_td,
	.dereg_mr = vib_dereg_mr,
	.destroy_ah = vib_destroy_ah,
	.destroy_cq = vib_destroy_cq,
	.destroy_qp = vib_destroy_qp,
	.destroy_srq = vib_destroy_srq,
	.detach_mcast = ibv_cmd_detach_mcast,
	.free_context = vib_free_context,
	.free_dm = vib_free_dm,
	.get_srq_num = vib_get_srq_num,
	.import_dm = vib_import_dm,
	.import_mr = vib_import_mr,
	.import_pd = vib_import_pd,
	.modify_cq = vib_modify_cq,
	.modify_qp = vib_modify_qp,
	.modify_srq = vib_modify_srq,
	.open_qp = vib_open_qp,
	.open_xrcd = vib_open_xrcd,
	.poll_cq = vib_poll_cq,
	.post_recv = vib_post_recv,
	.post_send = vib_post_send,
	.post_srq_recv = vib_post_srq_recv,
	.query_device_ex = vib_query_device,
	.query_port = vib_query_port,
	.query_qp = vib_query_qp,
	.query_srq = vib_query_srq,
	.reg_dm_mr = vib_reg_dm_mr,
	.reg_mr = vib_reg_mr,
	.req_notify_cq = vib_req_notify_cq,
	.rereg_mr = vib_rereg_mr,
	.resize_cq = vib_resize_cq,
	.unimport_dm = vib_unimport_dm,
	.unimport_mr = vib_unimport_mr,
	.unimport_pd = vib_unimport_pd,
};

static struct vib_context *alloc_context(struct ibv_device *device, int cmd_fd)
{
	return _verbs_init_and_alloc_context(
		device, cmd_fd, sizeof(struct vib_context),
		(struct verbs_context *)offsetof(struct vib_context, verbs),
		0 /* RDMA_DRIVER_UNKNOWN */);
}

/* With what the kernel answered. NULL and errno, and then the context is gone. */
static struct verbs_context *finish_context(struct vib_context *ctx, int ret,
					    const struct vib_uresp_alloc_context *resp)
{
	if (ret) {
		errno = ret;
	} else if (vib_context_init(ctx, resp) == 0) {
		verbs_set_ops(&ctx->verbs, &vib_context_ops);
		return &ctx->verbs;
	}
	ret = errno;
	verbs_uninit_context(&ctx->verbs);
	free(ctx);
	errno = ret;
	return NULL;
}

static struct verbs_context *vib_alloc_context(struct ibv_device *device, int cmd_fd,
					       void *private_data)
{
	struct vib_alloc_context_resp resp = {};
	struct ibv_get_context cmd;
	struct vib_context *ctx;
	int ret;

	(void)private_data;
	ctx = alloc_context(device, cmd_fd);
	if (!ctx)
		return NULL;
	ret = ibv_cmd_get_context(&ctx->verbs, &cmd, sizeof(cmd), &resp.core,
				  sizeof(resp));
	return finish_context(ctx, ret, &resp.vib);
}

/*
 * What a context was answered that another process, or handle, has allocated. Core's
 * part too, for ours has to come along with it. 0 or a positive errno.
 */
static int query_context(struct vib_context *ctx, struct vib_uresp_alloc_context *resp)
{
	struct ibv_context *context = &ctx->verbs.context;
	uint64_t core_support = 0;
	struct {
		struct ib_uverbs_ioctl_hdr hdr;
		struct ib_uverbs_attr attr[3];
	} cmd = {
		.hdr = {
			.length = sizeof(cmd),
			.object_id = UVERBS_OBJECT_DEVICE,
			.method_id = UVERBS_METHOD_QUERY_CONTEXT,
			.num_attrs = 3,
		},
		.attr = {
			{
				.attr_id = UVERBS_ATTR_QUERY_CONTEXT_NUM_COMP_VECTORS,
				.len = sizeof(context->num_comp_vectors),
				.data = (uintptr_t)&context->num_comp_vectors,
			},
			{
				.attr_id = UVERBS_ATTR_QUERY_CONTEXT_CORE_SUPPORT,
				.len = sizeof(core_support),
				.data = (uintptr_t)&core_support,
			},
			{
				.attr_id = VIB_UATTR_QUERY_CONTEXT_RESP,
				.len = sizeof(*resp),
				.flags = UVERBS_ATTR_F_MANDATORY,
				.data = (uintptr_t)resp,
			},
		},
	};

	if (ioctl(context->cmd_fd, RDMA_VERBS_IOCTL, &cmd) < 0)
		return errno;
	((struct verbs_device *)context->device)->core_support = core_support;
	return 0;
}

static struct verbs_context *vib_import_context(struct ibv_device *device, int cmd_fd)
{
	struct vib_uresp_alloc_context resp = {};
	struct vib_context *ctx;
	int ret;

	ctx = alloc_context(device, cmd_fd);
	if (!ctx)
		return NULL;
	ret = query_context(ctx, &resp);
	return finish_context(ctx, ret, &resp);
}

static struct verbs_device *vib_alloc_device(struct verbs_sysfs_dev *sysfs_dev)
{
	(void)sysfs_dev;
	return calloc(1, sizeof(struct verbs_device));
}

static void vib_uninit_device(struct verbs_device *device)
{
	free(device);
}

static const struct verbs_match_ent vib_match[] = {
	{ .kind = VERBS_MATCH_MODALIAS, .u.modalias = "xen:vib" },
	{ .kind = VERBS_MATCH_SENTINEL },
};

static const struct verbs_device_ops vib_device_ops = {
	.name = "ibfront",
	.match_min_abi_version = VIB_UVERBS_ABI,
	.match_max_abi_version = VIB_UVERBS_ABI,
	.match_table = vib_match,
	.alloc_context = vib_alloc_context,
	.import_context = vib_import_context,
	.alloc_device = vib_alloc_device,
	.uninit_device = vib_uninit_device,
};

static __attribute__((constructor)) void vib_register(void)
{
	verbs_register_driver_34(&vib_device_ops);
}
