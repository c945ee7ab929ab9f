/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Completion queues. Any poller may complete into one, under its lock; whether
 * an event is due is looked at once a pass (cq_notify()), for many completions
 * together.
 */
#ifndef XEN_IB_IBBACK_CQ_H
#define XEN_IB_IBBACK_CQ_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <xen-ib/queue.h>

#include "engine/async.h"
#include "engine/kick.h"
#include "engine/memory.h"
#include "engine/table.h"
#include "engine/timer.h"

struct eq;
struct poller;
struct vhca;

struct cq {
	struct table_node node;
	struct async_source async;
	struct vhca *vhca;
	struct eq *eq; /* NULL: nobody can wait for it */
	pthread_spinlock_t lock;
	struct vib_queue queue;
	bool overrun; /* entries were lost: it takes no more */

	/* since the last event */
	bool solicited; /* an entry was solicited or failed */
	uint32_t entries;
	uint64_t since; /* when the first of them came, ns */

	/* moderation: an event waits for so many entries or so long */
	uint16_t count;
	uint16_t period_us;
	struct timer timer; /* the poller's */
	struct kick kick;   /* sets the timer from another poller */

	bool event_waits; /* in eq->waiting, under its lock */
	TAILQ_ENTRY(cq) event_entry;

	struct memory memory;
	uint32_t users; /* QPs and XRC SRQs; the control thread's */
};

/* Prepare the engine's part of a CQ whose queue, eq and vhca are set. */
void cq_init(struct cq *cq);
void cq_fini(struct cq *cq);

/*
 * The lock of the CQ that was completed into last stays held, for the next
 * completion is likely to be the same one's: give it up. At the end of a share,
 * and before anything that takes long.
 */
void cq_release(struct poller *poller);

/*
 * Complete a request with @cqe; its gen is ignored. @solicited as in InfiniBand,
 * and true for a failure. false if the queue overran, now or before: its user
 * has lost a completion and is to fail. The poller's own thread.
 */
bool cq_put(struct poller *poller, struct cq *cq, const struct vib_cqe *cqe,
	    bool solicited);

/* After entries and a full barrier: send an event if one is due. */
void cq_notify(struct poller *poller, struct cq *cq);

/* Have events wait for @count entries or @period_us; 0 us: for nothing. Any thread. */
void cq_moderate(struct cq *cq, uint16_t count, uint16_t period_us);

/*
 * Put entries into @queue, which is fresh, from now on; where it ends, the old one has
 * entry @index. false, and nothing has changed, if it overran or has more entries
 * that wait than @queue has slots. Nobody touches the old one any more. Any thread.
 */
bool cq_move(struct cq *cq, const struct vib_queue *queue, uint32_t *index);

/* The CQ ends: forget its timer and events. Its poller, nobody completes any more. */
void cq_forget(struct poller *poller, struct cq *cq);

#endif
