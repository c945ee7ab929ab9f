// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Work queues of the kernel: what is outstanding in them, with a backend and without.
 */

#include <linux/mm.h>

#include <xen/events.h>

#include <xen-ib/post.h>

#include "kernel.h"

static struct vib_request *vib_kwq_request(const struct vib_kwq *wq, u32 index)
{
	return &wq->requests[index & (wq->depth - 1)];
}

/* The QP's caps are final. */
int vib_kwq_init(struct vib_kwq *wq, struct vib_qp *qp, struct ib_cq *ibcq,
		 bool sends)
{
	const struct ib_qp_cap *cap = &qp->cap;

	spin_lock_init(&wq->lock);
	INIT_LIST_HEAD(&wq->settling);
	wq->qp = qp;
	wq->ibcq = ibcq;
	wq->sends = sends;
	wq->depth = sends ? cap->max_send_wr : cap->max_recv_wr;
	wq->max_sge = sends ? cap->max_send_sge : cap->max_recv_sge;
	if (!wq->depth)
		return 0;
	wq->requests = kvcalloc(wq->depth, sizeof(*wq->requests), GFP_KERNEL);
	if (!wq->requests)
		return -ENOMEM;
	if (sends)
		return 0;
	wq->sges = kvcalloc(wq->depth, wq->max_sge * sizeof(*wq->sges),
			    GFP_KERNEL);
	return wq->sges ? 0 : -ENOMEM;
}

/* What is mapped no more may be anybody's. */
static void vib_kwq_forget_landings(struct vib_kwq *wq)
{
	u32 i;

	for (i = wq->tail; i != wq->head; i++)
		vib_landing_end(to_vib(wq->qp->ibqp.device), vib_kwq_request(wq, i), false);
}

void vib_kwq_free(struct vib_kwq *wq)
{
	if (wq->requests)
		vib_kwq_forget_landings(wq);
	kvfree(wq->requests);
	kvfree(wq->sges);
}

/* Returns how many bytes they are. Those of Linux and of the ABI are the same. */
u32 vib_sges_copy(struct vib_sge *to, const struct ib_sge *from, int count)
{
	u64 length = 0;
	int i;

	for (i = 0; i < count; i++) {
		to[i] = (struct vib_sge){
			.addr = from[i].addr,
			.length = from[i].length,
			.lkey = from[i].lkey,
		};
		length += from[i].length;
	}
	return min_t(u64, length, U32_MAX);
}

/* After requests from the backend's index @from on. */
void vib_kwq_ring(struct vib_kwq *wq, u32 from)
{
	struct vib_doorbell *db = wq->qp->doorbell;

	lockdep_assert_held(&wq->lock);

	if (vib_queue_must_notify(&wq->queue, from) &&
	    vib_doorbell_ring(vib_memory_page(db->memory, 0), wq->qp->db_index))
		notify_remote_via_evtchn(db->evtchn);
}

/* Its first slots are those receives that no backend has completed. */
static void vib_kwq_repost(struct vib_kwq *wq)
{
	const struct vib_request *request;
	u32 i, slot;

	for (i = wq->base; i != wq->head; i++) {
		slot = i & (wq->depth - 1);
		request = &wq->requests[slot];
		vib_put_recv(vib_queue_next_slot(&wq->queue), slot,
			     request->num_sge, wq->sges + slot * wq->max_sge);
		vib_queue_produce(&wq->queue);
	}
	if (wq->queue.index)
		vib_kwq_ring(wq, 0);
}

/* From now on a backend takes requests from it, which has seen none yet. */
void vib_kwq_serve(struct vib_kwq *wq, const struct vib_qmem *memory)
{
	unsigned long flags;

	if (!wq->depth)
		return;
	spin_lock_irqsave(&wq->lock, flags);
	vib_queue_init(&wq->queue, memory->address, memory->order,
		       memory->stride);
	wq->mode = VIB_KWQ_LIVE;
	wq->caps = to_vib(wq->qp->ibqp.device)->info.device.cap_flags;
	wq->base = wq->settled;
	if (!wq->sends)
		vib_kwq_repost(wq);
	spin_unlock_irqrestore(&wq->lock, flags);
}

/* What is outstanding completes here, with @status. */
static void vib_kwq_settle(struct vib_kwq *wq, enum ib_wc_status status)
{
	for (; wq->settled != wq->head; wq->settled++)
		vib_kwq_request(wq, wq->settled)->status = status;
}

/* Without a backend, some complete at once. Returns whether there are such. */
static bool vib_kwq_settle_all(struct vib_kwq *wq)
{
	if (wq->mode == VIB_KWQ_FLUSHING && wq->fault &&
	    wq->settled != wq->head) {
		vib_kwq_request(wq, wq->settled++)->status = wq->fault;
		wq->fault = IB_WC_SUCCESS;
	}
	if (wq->mode == VIB_KWQ_FLUSHING)
		vib_kwq_settle(wq, IB_WC_WR_FLUSH_ERR);
	else if (wq->mode == VIB_KWQ_WAITING && wq->sends)
		vib_kwq_settle(wq, IB_WC_SUCCESS);
	return wq->settled != wq->tail;
}

/* The next request that is flushed is the one that failed, with @status; or none is. */
void vib_kwq_fault(struct vib_kwq *wq, enum ib_wc_status status)
{
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	wq->fault = status;
	spin_unlock_irqrestore(&wq->lock, flags);
}

/* No backend takes requests from it any more. */
void vib_kwq_leave(struct vib_kwq *wq, enum vib_kwq_mode mode)
{
	unsigned long flags;
	bool settled;

	spin_lock_irqsave(&wq->lock, flags);
	wq->mode = mode;
	settled = vib_kwq_settle_all(wq);
	spin_unlock_irqrestore(&wq->lock, flags);
	if (settled)
		vib_kcq_settle(to_vib_cq(wq->ibcq)->kernel, wq);
}

/* RESET: what is outstanding is forgotten, and both sides begin anew. */
void vib_kwq_clear(struct vib_kwq *wq, const struct vib_qmem *memory)
{
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	wq->mode = VIB_KWQ_CLOSED;
	vib_kwq_forget_landings(wq);
	wq->tail = wq->head;
	wq->settled = wq->head;
	spin_unlock_irqrestore(&wq->lock, flags);
	if (memory->address)
		memset(memory->address, 0,
		       vib_queue_bytes(memory->order, memory->stride));
}

/*
 * @request is outstanding from now on; if a backend is to take it, its slot is
 * filled. Returns whether some have to be completed here.
 */
bool vib_kwq_post(struct vib_kwq *wq, const struct vib_request *request)
{
	lockdep_assert_held(&wq->lock);

	*vib_kwq_request(wq, wq->head++) = *request;
	if (wq->mode == VIB_KWQ_LIVE) {
		vib_queue_produce(&wq->queue);
		return false;
	}
	return vib_kwq_settle_all(wq);
}

/* Returns how many it has put into @wc. Its CQ is locked. */
int vib_kwq_take_settled(struct vib_kwq *wq, int count, struct ib_wc *wc)
{
	struct vib_request *request;
	int taken = 0;

	spin_lock(&wq->lock);
	while (taken < count && wq->tail != wq->settled) {
		request = vib_kwq_request(wq, wq->tail++);
		vib_landing_end(to_vib(wq->qp->ibqp.device), request, false);
		if (request->status == IB_WC_SUCCESS && !request->reported)
			continue;
		wc[taken++] = (struct ib_wc){
			.wr_id = request->wr_id,
			.status = request->status,
			.opcode = request->opcode,
			.qp = &wq->qp->ibqp,
			.port_num = VIB_PORT,
		};
	}
	if (wq->tail == wq->settled)
		list_del_init(&wq->settling);
	spin_unlock(&wq->lock);
	return taken;
}
