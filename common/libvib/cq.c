// SPDX-License-Identifier: GPL-2.0-or-later
/* Completion queues. */
#include <errno.h>
#include <stdlib.h>

#include "libvib/datapath.h"
#include "libvib/internal.h"

static int create(struct libvib_cq *cq, uint32_t entries, uint32_t eq)
{
	struct vib_control_request req = { .operation = VIB_CMD_CREATE_CQ };
	int err, order = lv_queue_order(entries);
	struct libvib_pages pages;

	if (order < 0)
		return order;
	err = lv_queue_make(cq->lv, &cq->queue, (uint32_t)order, sizeof(struct vib_cqe),
			    &pages);
	if (err)
		return err;
	req.u.create_cq.order = (uint32_t)order;
	req.u.create_cq.eq = eq;
	req.u.create_cq.pages = pages.tree;
	err = lv_create(cq->lv, &req, &cq->number);
	lv_queue_made(cq->lv, &cq->queue, &pages, err);
	return err;
}

int libvib_create_cq(struct libvib *lv, uint32_t entries, struct libvib_eq *eq,
		     struct libvib_cq **result)
{
	struct libvib_cq *cq = lv_zalloc(sizeof(*cq));
	int err;

	*result = NULL;
	if (!cq)
		return -ENOMEM;
	cq->lv = lv;
	err = create(cq, entries, eq ? eq->number : VIB_NO_OBJECT);
	if (err) {
		free(cq);
		return err;
	}
	*result = cq;
	return 0;
}

int libvib_destroy_cq(struct libvib_cq *cq)
{
	int err = lv_destroy(cq->lv, VIB_CMD_DESTROY_CQ, cq->number);

	if (err)
		return err;
	lv_queue_free(cq->lv, &cq->queue);
	free(cq);
	return 0;
}

int libvib_modify_cq(struct libvib_cq *cq, uint16_t count, uint16_t period_us)
{
	struct vib_control_request req = {
		.operation = VIB_CMD_MODIFY_CQ,
		.u.modify_cq = { .cq = cq->number,
				 .count = count,
				 .period_us = period_us },
	};
	struct vib_control_response rsp;

	return libvib_command(cq->lv, &req, &rsp);
}
