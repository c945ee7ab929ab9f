// SPDX-License-Identifier: GPL-2.0-or-later
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void note(struct device *device, const struct ibv_async_event *event)
{
	if (event->event_type < TALLY_EVENTS)
		atomic_fetch_add(&device->tally->events[event->event_type], 1);
	switch (event->event_type) {
	case IBV_EVENT_QP_FATAL:
	case IBV_EVENT_QP_REQ_ERR:
	case IBV_EVENT_QP_ACCESS_ERR:
	case IBV_EVENT_CQ_ERR:
		atomic_store(&device->qp_broken, true);
		break;
	case IBV_EVENT_DEVICE_FATAL:
		atomic_store(&device->gone, true);
		break;
	default:
		break;
	}
	eventfd_write(device->news, 1);
}

/* Also of a device without a connection: events are never left unread, or
 * destroying what they are about would wait for ever. */
static void *watch(void *arg)
{
	struct device *device = arg;
	struct pollfd fds[] = {
		{ .fd = device->context->async_fd, .events = POLLIN },
		{ .fd = device->stop, .events = POLLIN },
	};
	struct ibv_async_event event;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			break;
		if (!fds[0].revents)
			continue;
		if (!ibv_get_async_event(device->context, &event)) {
			note(device, &event);
			ibv_ack_async_event(&event);
		} else if (errno != EAGAIN && errno != EINTR) {
			atomic_store(&device->gone, true);
			eventfd_write(device->news, 1);
			break;
		}
	}
	return NULL;
}

static struct ibv_context *open_named(const char *name)
{
	struct ibv_context *context = NULL;
	struct ibv_device **list = ibv_get_device_list(NULL);

	if (!list)
		return NULL;
	for (unsigned int i = 0; list[i]; i++) {
		if (strcmp(ibv_get_device_name(list[i]), name))
			continue;
		context = ibv_open_device(list[i]);
		break;
	}
	ibv_free_device_list(list);
	return context;
}

bool device_open(struct device *device, struct tally *tally, const char *name)
{
	int flags;

	if (device->context && !atomic_load(&device->gone))
		return true;
	device_close(device);
	device->tally = tally;
	device->context = open_named(name);
	if (!device->context)
		return false;
	atomic_store(&device->gone, false);
	atomic_store(&device->qp_broken, false);
	device->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	device->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	flags = fcntl(device->context->async_fd, F_GETFL);
	if (device->stop >= 0 && device->news >= 0 && flags >= 0 &&
	    !fcntl(device->context->async_fd, F_SETFL, flags | O_NONBLOCK) &&
	    !pthread_create(&device->watcher, NULL, watch, device)) {
		device->watched = true;
		return true;
	}
	perror("traffic: watching the device");
	device_close(device);
	return false;
}

void device_close(struct device *device)
{
	if (!device->context)
		return;
	if (device->watched) {
		eventfd_write(device->stop, 1);
		pthread_join(device->watcher, NULL);
		device->watched = false;
	}
	if (device->stop >= 0)
		close(device->stop);
	if (device->news >= 0)
		close(device->news);
	ibv_close_device(device->context);
	device->context = NULL;
}

bool device_active(struct device *device, struct ibv_port_attr *attr)
{
	return !ibv_query_port(device->context, PORT_NUM, attr) &&
	       attr->state == IBV_PORT_ACTIVE;
}
