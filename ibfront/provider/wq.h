/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Work queues: room, what is outstanding, and telling the backend.
 *
 * Requests `done` to `posted` - 1 are outstanding. A slot may be filled anew when
 * its request is done: by then the backend has let go of it.
 */
#ifndef VIB_PROVIDER_WQ_H
#define VIB_PROVIDER_WQ_H

#include "context.h"

/* May the slot of @index be filled? */
static inline bool vib_wq_room(const struct vib_wq *wq, uint32_t index)
{
	return index - __atomic_load_n(&wq->done, __ATOMIC_ACQUIRE) < wq->max_wr;
}

/* Make valid what was filled up to @end. */
static inline void vib_wq_produce(struct vib_wq *wq, uint32_t end)
{
	/* Ahead of the slots: their completions find it at least here. */
	__atomic_store_n(&wq->posted, end, __ATOMIC_RELEASE);
	while (wq->queue.index != end)
		vib_queue_produce(&wq->queue);
}

static inline uint32_t vib_wq_outstanding(const struct vib_wq *wq)
{
	return __atomic_load_n(&wq->posted, __ATOMIC_ACQUIRE) - wq->done;
}

/* A completion says that all up to @index is done; it may lie. */
static inline void vib_wq_complete(struct vib_wq *wq, uint32_t index)
{
	if (index - wq->done < vib_wq_outstanding(wq))
		__atomic_store_n(&wq->done, index + 1, __ATOMIC_RELEASE);
}

/* Have the backend look at what was posted from @from on. */
static inline void vib_wq_ring(struct vib_qp *qp, const struct vib_wq *wq, uint32_t from)
{
	bool wake = vib_queue_must_notify(&wq->queue, from) &&
		    vib_doorbell_ring(qp->doorbell, qp->db_index);

	/* Nobody completes what is posted to a lost QP but those who poll. */
	if (vib_unlikely(wake || vib_lost(qp->ctx, qp->epoch)))
		vib_wake(qp->ctx);
}

#endif
