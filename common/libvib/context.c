// SPDX-License-Identifier: GPL-2.0-or-later
/* Contexts: doorbell pages, and which QP has which bit. */
#include <errno.h>
#include <stdlib.h>

#include "libvib/internal.h"

static int map_doorbell(struct libvib_context *context)
{
	struct vib_control_request req = { .operation = VIB_CMD_MAP_DOORBELL };
	struct libvib *lv = context->lv;
	struct libvib_pages pages;
	int err;

	err = libvib_pages_begin(lv, context->page, sizeof(*context->page), &pages);
	if (err)
		return err;
	req.u.map_doorbell.ref = pages.tree.root; /* one page is its own tree */
	req.u.map_doorbell.event_channel = context->channel.port;
	err = lv_create(lv, &req, &context->number);
	libvib_pages_end(lv, &pages);
	return err;
}

static void free_context(struct libvib_context *context)
{
	lv_channel_close(context->lv, &context->channel);
	libvib_free(context->lv, context->page);
	free(context);
}

int libvib_open_context(struct libvib *lv, struct libvib_context **result)
{
	struct libvib_context *context = calloc(1, sizeof(*context));
	int err;

	*result = NULL;
	if (!context)
		return -ENOMEM;
	context->lv = lv;
	err = lv_channel_open(lv, &context->channel);
	if (err) {
		free(context);
		return err;
	}
	context->page = libvib_alloc(lv, sizeof(*context->page));
	err = context->page ? map_doorbell(context) : -errno;
	if (err) {
		free_context(context);
		return err;
	}
	*result = context;
	return 0;
}

int libvib_close_context(struct libvib_context *context)
{
	bool busy;
	int err;

	pthread_mutex_lock(&context->lv->lock);
	busy = context->qps != 0;
	pthread_mutex_unlock(&context->lv->lock);
	if (busy)
		return -EBUSY;
	err = lv_destroy(context->lv, VIB_CMD_UNMAP_DOORBELL, context->number);
	if (!err)
		free_context(context);
	return err;
}

int lv_take_index(struct libvib_context *context)
{
	int index = -ENOSPC;

	pthread_mutex_lock(&context->lv->lock);
	for (int word = 0; word < VIB_DB_LEAF_WORDS; word++) {
		int bit = __builtin_ffsll((long long)~context->used[word]) - 1;

		if (bit < 0)
			continue;
		context->used[word] |= UINT64_C(1) << bit;
		context->qps++;
		index = word * 64 + bit;
		break;
	}
	pthread_mutex_unlock(&context->lv->lock);
	return index;
}

void lv_put_index(struct libvib_context *context, uint32_t index)
{
	pthread_mutex_lock(&context->lv->lock);
	context->used[index / 64] &= ~(UINT64_C(1) << index % 64);
	context->qps--;
	pthread_mutex_unlock(&context->lv->lock);
}
