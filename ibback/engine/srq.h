/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared receive queues. Any poller takes from one, under its lock. */
#ifndef XEN_IB_IBBACK_SRQ_H
#define XEN_IB_IBBACK_SRQ_H

#include <pthread.h>
#include <stdbool.h>

#include <xen-ib/slot.h>

#include "engine/async.h"
#include "engine/doorbell.h"
#include "engine/memory.h"
#include "engine/mr.h"
#include "engine/table.h"
#include "engine/wire_srq.h"

struct cq;
struct receive;
struct vhca;
struct xrcd;

struct srq {
	struct table_node node;
	struct async_source async;
	struct vhca *vhca;
	struct bell bell;
	struct doorbell *doorbell; /* NULL: it has no bell */
	uint32_t db_index;
	void *bell_leaf;       /* to be freed with it, see doorbell_del() */
	struct wire_srq *wire; /* what it has at an HCA; or NULL */
	uint32_t pd;
	bool kernel;       /* VIB_SRQF_KERNEL */
	struct xrcd *xrcd; /* NULL: not of XRC */
	struct cq *cq;     /* of XRC: what is taken completes there */
	uint32_t max_sge;
	pthread_spinlock_t lock;
	struct vib_queue queue;
	uint32_t limit;      /* 0 once reached */
	struct mr_hint hint; /* of what goes to the HCA */
	bool datagrams;      /* UD takes from it */
	struct memory memory;
	uint32_t users; /* QPs; the control thread's */
};

/* Prepare the engine's part of an SRQ whose fixed fields are set. */
void srq_init(struct srq *srq);

/* Take the next receive. false if there is none. */
bool srq_take(struct srq *srq, struct receive *r);

/* One that the HCA had was taken. */
void srq_check_limit(struct srq *srq);

/* Set the limit; what is below it already is reached at once. */
void srq_set_limit(struct srq *srq, uint32_t limit);

#endif
