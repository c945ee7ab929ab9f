// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The kernel's ib_poll_cq() and ib_req_notify_cq().
 *
 * Completions come from three places, in this order: what an earlier backend had put
 * into the queue that it lost; requests that complete here, as they have no backend
 * or had none for a while; the queue.
 */

#include <linux/mm.h>

#include "kernel.h"

/* The next entry, as a copy. Of those that are skipped none. */
static bool vib_kcq_next(struct vib_kcq *kcq, struct vib_cqe *cqe)
{
	const void *slot;
	u32 number;

	for (;;) {
		slot = vib_queue_peek(&kcq->queue);
		if (!slot)
			return false;
		number = kcq->queue.index & (vib_queue_depth(&kcq->queue) - 1);
		if (!__test_and_clear_bit(number, kcq->skip))
			break;
		vib_queue_advance(&kcq->queue);
	}
	memcpy(cqe, slot, sizeof(*cqe));
	vib_copy_barrier();
	vib_queue_advance(&kcq->queue);
	return true;
}

/* Nothing more is taken of a queue in which something is wrong. */
static void vib_kcq_broken(struct vib_kcq *kcq, const char *why)
{
	kcq->broken = true;
	vib_fail(to_vib(kcq->cq->ibcq.device), VIB_BROKEN, why);
}

/* Entries of the queue. Each look costs, so that of nothing there are so many only. */
static int vib_kcq_take_queue(struct vib_kcq *kcq, int count, struct ib_wc *wc)
{
	u32 looks = vib_queue_depth(&kcq->queue), from = kcq->queue.index;
	struct vib_cqe cqe;
	const char *why;
	int taken = 0;
	bool report;

	while (taken < count && looks-- && vib_kcq_next(kcq, &cqe)) {
		why = vib_complete(kcq, &cqe, true, &wc[taken], &report);
		taken += report;
		if (why) {
			vib_kcq_broken(kcq, why);
			break;
		}
	}
	if (kcq->queue.index != from)
		vib_queue_release(&kcq->queue);
	return taken;
}

static int vib_kcq_take_backlog(struct vib_kcq *kcq, int count, struct ib_wc *wc)
{
	int taken = 0;

	while (taken < count && kcq->backlog_next != kcq->backlog_count) {
		wc[taken] = kcq->backlog[kcq->backlog_next++];
		taken += !!wc[taken].qp;
	}
	return taken;
}

static int vib_kcq_take_settled(struct vib_kcq *kcq, int count, struct ib_wc *wc)
{
	struct vib_kwq *wq, *next;
	int taken = 0;

	list_for_each_entry_safe(wq, next, &kcq->settling, settling) {
		if (taken == count)
			break;
		taken += vib_kwq_take_settled(wq, count - taken, wc + taken);
	}
	return taken;
}

int vib_verb_poll_cq(struct ib_cq *ibcq, int count, struct ib_wc *wc)
{
	struct vib_kcq *kcq = to_vib_cq(ibcq)->kernel;
	unsigned long flags;
	int taken;

	if (!kcq)
		return -EOPNOTSUPP;
	spin_lock_irqsave(&kcq->lock, flags);
	taken = vib_kcq_take_backlog(kcq, count, wc);
	taken += vib_kcq_take_settled(kcq, count - taken, wc + taken);
	if (taken < count && kcq->live && !kcq->broken)
		taken += vib_kcq_take_queue(kcq, count - taken, wc + taken);
	spin_unlock_irqrestore(&kcq->lock, flags);
	return taken;
}

/* Would polling find what is in no queue of a backend? The CQ is locked. */
bool vib_kcq_has_own(const struct vib_kcq *kcq)
{
	u32 i;

	for (i = kcq->backlog_next; i != kcq->backlog_count; i++)
		if (kcq->backlog[i].qp)
			return true;
	return !list_empty(&kcq->settling);
}

int vib_verb_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags)
{
	bool solicited = (flags & IB_CQ_SOLICITED_MASK) == IB_CQ_SOLICITED;
	struct vib_kcq *kcq = to_vib_cq(ibcq)->kernel;
	enum vib_cq_arm wish = solicited ? VIB_ARM_SOLICITED : VIB_ARM_ANY;
	unsigned long irq;
	bool missed;

	if (!kcq)
		return -EOPNOTSUPP;
	spin_lock_irqsave(&kcq->lock, irq);
	kcq->armed = max(kcq->armed, wish);
	missed = kcq->live && vib_cq_arm(&kcq->queue, wish) && !kcq->broken;
	missed |= vib_kcq_has_own(kcq);
	spin_unlock_irqrestore(&kcq->lock, irq);
	return flags & IB_CQ_REPORT_MISSED_EVENTS ? missed : 0;
}

/* Requests of @wq complete here: as a backend would, say so if somebody waits. */
void vib_kcq_settle(struct vib_kcq *kcq, struct vib_kwq *wq)
{
	unsigned long flags;

	spin_lock_irqsave(&kcq->lock, flags);
	if (list_empty(&wq->settling))
		list_add_tail(&wq->settling, &kcq->settling);
	/* A handler is not called within a verb: core_locking.rst. */
	if (kcq->armed != VIB_ARM_NONE)
		vib_event_queue(&kcq->work);
	spin_unlock_irqrestore(&kcq->lock, flags);
}

/* How many entries there are that nobody has taken. */
static u32 vib_kcq_entries(const struct vib_kcq *kcq)
{
	struct vib_queue queue = kcq->queue;

	if (!kcq->live || kcq->broken)
		return 0;
	while (queue.index - kcq->queue.index < vib_queue_depth(&queue) &&
	       vib_queue_peek(&queue))
		vib_queue_advance(&queue);
	return queue.index - kcq->queue.index;
}

/* How many requests complete here. */
static u32 vib_kcq_settled(const struct vib_kcq *kcq)
{
	struct vib_kwq *wq;
	u32 count = 0;

	list_for_each_entry(wq, &kcq->settling, settling) {
		spin_lock(&wq->lock);
		count += wq->settled - wq->tail;
		spin_unlock(&wq->lock);
	}
	return count;
}

/*
 * The backend is gone: what it has put into the queue is kept, and what is before that.
 * Where there is no memory for it, datagrams are lost, and what is connected is flushed,
 * as both might have been.
 */
void vib_kcq_save(struct vib_kcq *kcq)
{
	struct ib_wc *backlog = NULL, *old;
	u32 left, settled, entries;
	unsigned long flags;

	spin_lock_irqsave(&kcq->lock, flags);
	left = kcq->backlog_count - kcq->backlog_next;
	settled = vib_kcq_settled(kcq);
	entries = vib_kcq_entries(kcq);
	spin_unlock_irqrestore(&kcq->lock, flags);

	/* Meanwhile they can only become fewer, or what is flushed more. */
	if (entries)
		backlog = kvcalloc(left + settled + entries, sizeof(*backlog),
				   GFP_KERNEL);

	spin_lock_irqsave(&kcq->lock, flags);
	old = kcq->backlog;
	if (backlog) {
		left = vib_kcq_take_backlog(kcq, left, backlog);
		left += vib_kcq_take_settled(kcq, settled, backlog + left);
		left += vib_kcq_take_queue(kcq, entries, backlog + left);
		kcq->backlog = backlog;
		kcq->backlog_next = 0;
		kcq->backlog_count = left;
	}
	kcq->live = false;
	spin_unlock_irqrestore(&kcq->lock, flags);
	if (backlog)
		kvfree(old);
}

/*
 * @qp is in RESET, or gone: nobody is told what completed of it. What it took of an SRQ
 * is free again.
 */
void vib_kcq_forget(struct vib_kcq *kcq, struct vib_qp *qp)
{
	struct vib_queue queue;
	struct vib_cqe cqe;
	struct ib_wc wc;
	unsigned long flags;
	const void *slot;
	u32 i, entries;
	bool report;

	spin_lock_irqsave(&kcq->lock, flags);
	for (i = kcq->backlog_next; i != kcq->backlog_count; i++)
		if (kcq->backlog[i].qp == &qp->ibqp)
			kcq->backlog[i].qp = NULL;
	if (qp->kernel->sq.ibcq == &kcq->cq->ibcq)
		list_del_init(&qp->kernel->sq.settling);
	if (qp->kernel->rq.ibcq == &kcq->cq->ibcq)
		list_del_init(&qp->kernel->rq.settling);

	/* Of a lost one, whose number can be another's, there are none. */
	entries = xa_load(&kcq->qps, qp->ibqp.qp_num) == qp ?
			  vib_kcq_entries(kcq) : 0;
	queue = kcq->queue;
	for (; entries; entries--) {
		slot = vib_slot_at(&queue, queue.index);
		i = queue.index & (vib_queue_depth(&queue) - 1);
		memcpy(&cqe, slot, sizeof(cqe));
		vib_copy_barrier();
		if (cqe.qpn == qp->ibqp.qp_num &&
		    !__test_and_set_bit(i, kcq->skip))
			vib_complete(kcq, &cqe, false, &wc, &report);
		vib_queue_advance(&queue);
	}
	spin_unlock_irqrestore(&kcq->lock, flags);
}
