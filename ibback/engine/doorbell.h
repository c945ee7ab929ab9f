/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A doorbell page of a guest and the QPs whose bells are on it. Pollers take
 * bells; only the control thread changes which QP has which.
 */
#ifndef XEN_IB_IBBACK_DOORBELL_H
#define XEN_IB_IBBACK_DOORBELL_H

#include <sys/queue.h>

#include <xen-ib/doorbell.h>

#include "engine/memory.h"
#include "engine/table.h"

struct qp;
struct vhca;

struct doorbell {
	struct table_node node;
	struct vhca *vhca;
	struct vib_doorbell_page *page;
	uint32_t port;                      /* event channel that wakes the poller */
	struct qp **qps[VIB_DB_LEAF_WORDS]; /* RCU: by leaf, then by bit */
	TAILQ_ENTRY(doorbell) entry;        /* of vhca->doorbells_polled */
	unsigned int next_bell;             /* the poller's: where the next look begins */
	struct memory memory;
	uint32_t users; /* QPs; the control thread's */
};

/* Give bell @index, below VIB_DB_QUEUES, to @qp. -1 and errno: EEXIST, ENOMEM. */
int doorbell_add(struct doorbell *db, uint32_t index, struct qp *qp);
/* Nobody has bell @index any more. Returns memory to be freed after a grace
 * period, or NULL.
 */
void *doorbell_del(struct doorbell *db, uint32_t index);
/* Free what it has allocated. */
void doorbell_fini(struct doorbell *db);

/*
 * Call @ring for the QPs of bells that rang, of @most bells at most and until it
 * returns false, for there is no room for that one; what is left rings on, and the
 * next look begins with it. true if any rang. A poller.
 */
bool doorbell_take(struct doorbell *db, unsigned int most,
		   bool (*ring)(void *arg, struct qp *qp), void *arg);

#endif
