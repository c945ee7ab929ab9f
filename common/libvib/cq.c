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
	free(cq->rest);
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

/* ---- resizing ---------------------------------------------------------- */

/* What is to be polled first: that of an earlier time, and room for all of the queue. */
static struct libvib_rest *rest_new(const struct libvib_cq *cq)
{
	uint32_t before = cq->rest ? cq->rest->count - cq->rest->next : 0;
	struct libvib_rest *rest =
		malloc(sizeof(*rest) + (before + (size_t)vib_queue_depth(&cq->queue)) *
					       sizeof(rest->cqe[0]));

	if (!rest)
		return NULL;
	rest->next = 0;
	rest->count = before;
	if (before)
		memcpy(rest->cqe, cq->rest->cqe + cq->rest->next,
		       before * sizeof(rest->cqe[0]));
	return rest;
}

/* Take the entries of @q before @end. false if the backend has not produced them. */
static bool take_rest(struct vib_queue *q, uint32_t end, struct libvib_rest *rest)
{
	const void *slot;

	if (end - q->index > vib_queue_depth(q))
		return false;
	for (; q->index != end; vib_queue_advance(q)) {
		slot = vib_queue_peek(q);
		if (!slot)
			return false;
		memcpy(&rest->cqe[rest->count++], slot, sizeof(rest->cqe[0]));
	}
	return true;
}

int libvib_poll_rest(struct libvib_cq *cq, struct vib_cqe *out, int max)
{
	struct libvib_rest *rest = cq->rest;
	int n = 0;

	while (n < max && rest->next != rest->count)
		out[n++] = rest->cqe[rest->next++];
	if (rest->next == rest->count) {
		free(rest);
		cq->rest = NULL;
	}
	return n;
}

static int resize(struct libvib_cq *cq, uint32_t order, struct libvib_rest *rest)
{
	struct vib_control_request req = { .operation = VIB_CMD_RESIZE_CQ };
	struct vib_queue old = cq->queue, new;
	struct vib_control_response rsp;
	struct libvib_pages pages;
	int err = lv_queue_make(cq->lv, &new, order, sizeof(struct vib_cqe), &pages);

	if (err)
		return err;
	req.u.resize_cq.cq = cq->number;
	req.u.resize_cq.order = order;
	req.u.resize_cq.pages = pages.tree;
	err = libvib_command(cq->lv, &req, &rsp);
	lv_queue_made(cq->lv, &new, &pages, err);
	if (err)
		return err;
	cq->queue = new;
	if (!take_rest(&old, rsp.u.resize_cq.index, rest)) {
		lv_fail(cq->lv, "ibback broke the protocol: entries that are not there");
		err = -EPROTO;
	}
	lv_queue_free(cq->lv, &old);
	return err;
}

int libvib_resize_cq(struct libvib_cq *cq, uint32_t entries)
{
	int err, order = lv_queue_order(entries);
	struct libvib_rest *rest;

	if (order < 0)
		return order;
	rest = rest_new(cq);
	if (!rest)
		return -ENOMEM;
	err = resize(cq, (uint32_t)order, rest);
	if (err || !rest->count) {
		free(rest);
		rest = err ? cq->rest : NULL;
	} else {
		free(cq->rest);
	}
	cq->rest = rest;
	return err;
}
