// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The rdma-core provider of a vib: opens its device and queries it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <xen-ib/uverbs.h>

#include "private_abi34.h"

struct vib_context {
	struct verbs_context verbs; /* first: libibverbs frees through us only */
};

struct vib_alloc_context_resp {
	struct ib_uverbs_get_context_resp core;
	struct vib_uresp_alloc_context vib;
};
static_assert(offsetof(struct vib_alloc_context_resp, vib) == 8, "uverbs ABI");

/* In the library's list of needed versions this says: rdma-core v36 or later. */
static const void *const vib_needs_v36 __attribute__((used)) =
	(const void *)ibv_query_qp_data_in_order;

static struct vib_context *to_vib_context(struct ibv_context *context)
{
	return (struct vib_context *)verbs_get_ctx(context);
}

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

	verbs_uninit_context(&ctx->verbs);
	free(ctx);
}

static const struct verbs_context_ops vib_context_ops = {
	.free_context = vib_free_context,
	.query_device_ex = vib_query_device,
	.query_port = vib_query_port,
};

static struct verbs_context *vib_alloc_context(struct ibv_device *device, int cmd_fd,
					       void *private_data)
{
	struct vib_alloc_context_resp resp = {};
	struct ibv_get_context cmd;
	struct vib_context *ctx;

	(void)private_data;
	ctx = _verbs_init_and_alloc_context(
		device, cmd_fd, sizeof(*ctx),
		(struct verbs_context *)offsetof(struct vib_context, verbs),
		0 /* RDMA_DRIVER_UNKNOWN */);
	if (!ctx)
		return NULL;

	if (ibv_cmd_get_context(&ctx->verbs, &cmd, sizeof(cmd), &resp.core,
				sizeof(resp))) {
		verbs_uninit_context(&ctx->verbs);
		free(ctx);
		return NULL;
	}
	verbs_set_ops(&ctx->verbs, &vib_context_ops);
	return &ctx->verbs;
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
	.alloc_device = vib_alloc_device,
	.uninit_device = vib_uninit_device,
};

static __attribute__((constructor)) void vib_register(void)
{
	verbs_register_driver_34(&vib_device_ops);
}
