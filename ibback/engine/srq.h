/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared receive queues. Any poller takes from one, under its lock. */
#ifndef XEN_IB_IBBACK_SRQ_H
#define XEN_IB_IBBACK_SRQ_H

#include <pthread.h>
#include <stdbool.h>

#include <xen-ib/slot.h>

#include "engine/async.h"
#include "engine/memory.h"
#include "engine/table.h"

struct cq;
struct receive;
struct vhca;
struct xrcd;

struct srq {
	struct table_node node;
	struct async_source async;
	struct vhca *vhca;
	uint32_t pd;
	bool kernel;       /* VIB_SRQF_KERNEL */
	struct xrcd *xrcd; /* NULL: not of XRC */
	struct cq *cq;     /* of XRC: what is taken completes there */
	uint32_t max_sge;
	pthread_spinlock_t lock;
	struct vib_queue queue;
	uint32_t limit; /* 0 once reached */
	struct memory memory;
	uint32_t users; /* QPs; the control thread's */
};

/* Take the next receive. false if there is none. */
bool srq_take(struct srq *srq, struct receive *r);

/* Set the limit; what is below it already is reached at once. */
void srq_set_limit(struct srq *srq, uint32_t limit);

#endif
