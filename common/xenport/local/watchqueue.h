/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watch events that wait for somebody, and a descriptor that says so. */
#ifndef XEN_IB_COMMON_LOCAL_WATCHQUEUE_H
#define XEN_IB_COMMON_LOCAL_WATCHQUEUE_H

#include "xenport/local/memstore.h"

struct watch_event;

struct watch_queue {
	struct memstore_watcher watcher; /* puts what it is told into the queue */
	STAILQ_HEAD(, watch_event) events;
	int fd;    /* eventfd, readable unless the queue is empty */
	bool lost; /* an event for which there was no memory */
};

/* 0, or -1 and errno. */
int watch_queue_open(struct watch_queue *queue);
void watch_queue_close(struct watch_queue *queue);

/* Take the first: 1, its path and token, each cut to its buffer. 0: none. -1 and
 * ENOMEM: one was lost, and what the caller believes may be wrong.
 */
int watch_queue_take(struct watch_queue *queue, char *path, size_t path_size, char *token,
		     size_t token_size);

#endif
