/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asynchronous events of QPs, CQs and SRQs on their way from pollers, who
 * raise them, to the control thread, who tells the frontend. An object waits
 * in its vHCA's list once, however many events it has, so a guest that does not
 * take its events costs nothing.
 */
#ifndef XEN_IB_IBBACK_ASYNC_H
#define XEN_IB_IBBACK_ASYNC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <xen-ib/event.h>

/* Part of an object that has events. */
struct async_source {
	uint32_t number;  /* of the object */
	uint64_t pending; /* mask of 1 << enum vib_async_type; in the list if not 0 */
	TAILQ_ENTRY(async_source) entry;
};

struct async_list {
	pthread_spinlock_t lock;
	TAILQ_HEAD(, async_source) sources;
	void (*raised)(void *arg); /* wakes the control thread; called by any thread */
	void *arg;
};

void async_list_init(struct async_list *list, void (*raised)(void *arg), void *arg);
void async_list_fini(struct async_list *list);

/* Raise @type for @source. Any thread. */
void async_raise(struct async_list *list, struct async_source *source,
		 enum vib_async_type type);

/* Take one event. false if there is none. */
bool async_take(struct async_list *list, uint16_t *type, uint32_t *number);

/* The object ends: forget its events. */
void async_forget(struct async_list *list, struct async_source *source);

#endif
