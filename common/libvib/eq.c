// SPDX-License-Identifier: GPL-2.0-or-later
/* Completion vectors, and event channels beside the device's own. */
#include <errno.h>
#include <stdlib.h>

#include "libvib/internal.h"

int lv_channel_open(struct libvib *lv, struct localguest_channel *channel)
{
	int err;

	pthread_mutex_lock(&lv->lock);
	err = localguest_channel_open(lv->guest, channel) < 0 ? -errno : 0;
	pthread_mutex_unlock(&lv->lock);
	return err;
}

void lv_channel_close(struct libvib *lv, struct localguest_channel *channel)
{
	pthread_mutex_lock(&lv->lock);
	localguest_channel_close(lv->guest, channel);
	pthread_mutex_unlock(&lv->lock);
}

static int create(struct libvib_eq *eq, uint32_t entries)
{
	struct vib_control_request req = { .operation = VIB_CMD_CREATE_EQ };
	int err, order = lv_queue_order(entries);
	struct libvib_pages pages;

	if (order < 0)
		return order;
	err = lv_queue_make(eq->lv, &eq->queue, (uint32_t)order,
			    sizeof(struct vib_comp_event), &pages);
	if (err)
		return err;
	req.u.create_eq.order = (uint32_t)order;
	req.u.create_eq.event_channel = eq->channel.port;
	req.u.create_eq.pages = pages.tree;
	err = lv_create(eq->lv, &req, &eq->number);
	lv_queue_made(eq->lv, &eq->queue, &pages, err);
	return err;
}

int libvib_create_eq(struct libvib *lv, uint32_t entries, struct libvib_eq **result)
{
	struct libvib_eq *eq = calloc(1, sizeof(*eq));
	int err;

	*result = NULL;
	if (!eq)
		return -ENOMEM;
	eq->lv = lv;
	err = lv_channel_open(lv, &eq->channel);
	if (err) {
		free(eq);
		return err;
	}
	err = create(eq, entries);
	if (err) {
		lv_channel_close(lv, &eq->channel);
		free(eq);
		return err;
	}
	*result = eq;
	return 0;
}

int libvib_destroy_eq(struct libvib_eq *eq)
{
	int err = lv_destroy(eq->lv, VIB_CMD_DESTROY_EQ, eq->number);

	if (err)
		return err;
	lv_channel_close(eq->lv, &eq->channel);
	lv_queue_free(eq->lv, &eq->queue);
	free(eq);
	return 0;
}

int libvib_eq_fd(const struct libvib_eq *eq)
{
	return eq->channel.wait_fd;
}

int libvib_next_comp_event(struct libvib_eq *eq, uint32_t *cqn)
{
	const volatile struct vib_comp_event *event = vib_queue_peek(&eq->queue);

	if (!event) {
		/* Drained before the wish is made: what answers it is heard. */
		lv_eventfd_drain(eq->channel.wait_fd);
		if (!vib_queue_arm(&eq->queue))
			return 0;
		event = vib_queue_peek(&eq->queue);
		if (!event)
			return 0; /* taken back: such a backend gets no more of us */
	}
	*cqn = event->cqn;
	vib_queue_consume(&eq->queue);
	return 1;
}
