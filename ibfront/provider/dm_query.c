// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Where device memory is: what its allocation does not say, and whoever imports it has
 * to ask.
 */

#include <sys/ioctl.h>

#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#include "dm.h"

int vib_query_dm(struct vib_context *ctx, uint32_t handle,
		 struct vib_uresp_query_dm *resp)
{
	struct {
		struct ib_uverbs_ioctl_hdr hdr;
		struct ib_uverbs_attr attr[2];
	} cmd = {
		.hdr = {
			.length = sizeof(cmd),
			.object_id = UVERBS_OBJECT_DM,
			.method_id = VIB_UMETHOD_QUERY_DM,
			.num_attrs = 2,
		},
		.attr = {
			{
				.attr_id = VIB_UATTR_QUERY_DM_HANDLE,
				.flags = UVERBS_ATTR_F_MANDATORY,
				.data = handle,
			},
			{
				.attr_id = VIB_UATTR_QUERY_DM_RESP,
				.len = sizeof(*resp),
				.flags = UVERBS_ATTR_F_MANDATORY,
				.data = (uintptr_t)resp,
			},
		},
	};

	return ioctl(ctx->verbs.context.cmd_fd, RDMA_VERBS_IOCTL, &cmd) < 0 ? -1 : 0;
}
