/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Completion event queues: a guest's completion vectors. An event names a CQ;
 * a CQ whose event finds no room waits in line, once.
 */
#ifndef XEN_IB_IBBACK_EQ_H
#define XEN_IB_IBBACK_EQ_H

#include <pthread.h>
#include <sys/queue.h>

#include <xen-ib/event.h>

#include "engine/memory.h"
#include "engine/table.h"

struct cq;
struct vhca;

struct eq {
	struct table_node node;
	struct vhca *vhca;
	pthread_spinlock_t lock;
	struct vib_queue queue;
	uint32_t port; /* event channel of the poller's Xen port */
	TAILQ_HEAD(, cq) waiting;
	TAILQ_ENTRY(eq) backlogged; /* of the poller's, while CQs wait */
	bool in_backlog;            /* the poller's thread alone */
	struct memory memory;
	uint32_t users; /* CQs; the control thread's */
};

/* Send the event of @cq, now or when there is room. Any poller. */
void eq_post(struct eq *eq, struct cq *cq);

/* Send the events that wait. true if some still do. The vHCA's poller. */
bool eq_drain(struct eq *eq);

/* @cq ends: its event is no longer to be sent. */
void eq_forget(struct eq *eq, struct cq *cq);

#endif
