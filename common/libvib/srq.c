// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared receive queues. */
#include <errno.h>
#include <stdlib.h>

#include "libvib/datapath.h"
#include "libvib/internal.h"

static int create(struct libvib_srq *srq, const struct vib_cmd_create_srq *init)
{
	struct vib_control_request req = { .operation = VIB_CMD_CREATE_SRQ,
					   .u.create_srq = *init };
	struct libvib_pages pages;
	int err;

	err = lv_queue_make(srq->lv, &srq->queue, init->order, init->stride, &pages);
	if (err)
		return err;
	req.u.create_srq.pages = pages.tree;
	err = lv_create(srq->lv, &req, &srq->number);
	lv_queue_made(srq->lv, &srq->queue, &pages, err);
	return err;
}

static int create_srq(struct libvib_pd *pd, uint32_t entries, uint32_t max_sge,
		      uint32_t limit, uint32_t flags, struct libvib_srq **result)
{
	struct vib_cmd_create_srq init = {
		.pd = pd->number, .max_sge = max_sge, .limit = limit, .flags = flags
	};
	int err, order = lv_queue_order(entries);
	struct libvib_srq *srq;

	*result = NULL;
	if (order < 0 || !lv_stride_fits(max_sge, 0))
		return -EINVAL;
	init.order = (uint32_t)order;
	init.stride = vib_recv_stride(max_sge);
	srq = lv_zalloc(sizeof(*srq));
	if (!srq)
		return -ENOMEM;
	srq->lv = pd->lv;
	err = create(srq, &init);
	if (err) {
		free(srq);
		return err;
	}
	*result = srq;
	return 0;
}

int libvib_create_srq(struct libvib_pd *pd, uint32_t entries, uint32_t max_sge,
		      uint32_t limit, struct libvib_srq **srq)
{
	return create_srq(pd, entries, max_sge, limit, 0, srq);
}

int libvib_create_kernel_srq(struct libvib_pd *pd, uint32_t entries, uint32_t max_sge,
			     uint32_t limit, struct libvib_srq **srq)
{
	return create_srq(pd, entries, max_sge, limit, VIB_SRQF_KERNEL, srq);
}

int libvib_destroy_srq(struct libvib_srq *srq)
{
	int err = lv_destroy(srq->lv, VIB_CMD_DESTROY_SRQ, srq->number);

	if (err)
		return err;
	lv_queue_free(srq->lv, &srq->queue);
	free(srq);
	return 0;
}

int libvib_modify_srq(struct libvib_srq *srq, uint32_t limit)
{
	struct vib_control_request req = {
		.operation = VIB_CMD_MODIFY_SRQ,
		.u.modify_srq = { .srq = srq->number, .limit = limit },
	};
	struct vib_control_response rsp;

	return libvib_command(srq->lv, &req, &rsp);
}

int libvib_query_srq(struct libvib_srq *srq, uint32_t *limit)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_SRQ,
					   .u.object.number = srq->number };
	struct vib_control_response rsp;
	int err = libvib_command(srq->lv, &req, &rsp);

	if (!err)
		*limit = rsp.u.srq.limit;
	return err;
}
