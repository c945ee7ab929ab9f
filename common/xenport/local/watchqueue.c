// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/local/watchqueue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct watch_event {
	STAILQ_ENTRY(watch_event) entry;
	char path[XENPORT_PATH_MAX];
	char token[];
};

static void put(struct memstore_watcher *watcher, const char *path, const char *token)
{
	struct watch_queue *queue = (struct watch_queue *)watcher; /* first member */
	struct watch_event *event = calloc(1, sizeof(*event) + strlen(token) + 1);

	if (event) {
		snprintf(event->path, sizeof(event->path), "%s", path);
		strcpy(event->token, token);
		STAILQ_INSERT_TAIL(&queue->events, event, entry);
	} else {
		queue->lost = true;
	}
	/* Fails only if it is readable beyond counting. */
	(void)eventfd_write(queue->fd, 1);
}

int watch_queue_open(struct watch_queue *queue)
{
	queue->watcher.fire = put;
	queue->lost = false;
	STAILQ_INIT(&queue->events);
	queue->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return queue->fd < 0 ? -1 : 0;
}

static void drop_first(struct watch_queue *queue)
{
	struct watch_event *event = STAILQ_FIRST(&queue->events);

	STAILQ_REMOVE_HEAD(&queue->events, entry);
	free(event);
}

void watch_queue_close(struct watch_queue *queue)
{
	while (!STAILQ_EMPTY(&queue->events))
		drop_first(queue);
	close(queue->fd);
}

int watch_queue_take(struct watch_queue *queue, char *path, size_t path_size, char *token,
		     size_t token_size)
{
	const struct watch_event *event = STAILQ_FIRST(&queue->events);
	eventfd_t count;

	if (queue->lost) {
		errno = ENOMEM;
		return -1;
	}
	if (!event) {
		(void)eventfd_read(queue->fd, &count); /* no longer readable */
		return 0;
	}
	snprintf(path, path_size, "%s", event->path);
	snprintf(token, token_size, "%s", event->token);
	drop_first(queue);
	return 1;
}
