// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The one system call of the data path, for a poller that sleeps.
 */

#include <errno.h>
#include <sys/ioctl.h>

#include <rdma/rdma_user_ioctl_cmds.h>

#include "context.h"

void vib_wake(struct vib_context *ctx)
{
	struct ib_uverbs_ioctl_hdr hdr = {
		.length = sizeof(hdr),
		.object_id = VIB_UOBJECT_CONTEXT,
		.method_id = VIB_UMETHOD_WAKE,
	};
	int saved = errno;

	/* A device that is gone wakes nobody, and its objects' ends are told otherwise.
	 */
	ioctl(ctx->verbs.context.cmd_fd, RDMA_VERBS_IOCTL, &hdr);
	errno = saved;
}
