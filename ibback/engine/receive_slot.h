/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a slot of a receive queue to a private copy. */
#ifndef XEN_IB_IBBACK_RECEIVE_SLOT_H
#define XEN_IB_IBBACK_RECEIVE_SLOT_H

#include <string.h>

#include <xen-ib/barrier.h>

#include "engine/receive.h"

/* Copy the next receive of @queue and give its slot back. false if there is none. */
static inline bool receive_copy(struct vib_queue *queue, uint32_t max_sge,
				struct receive *r)
{
	const uint8_t *slot = vib_queue_peek(queue);
	struct vib_recv_wqe wqe;

	if (!slot)
		return false;
	memcpy(&wqe, slot, sizeof(wqe));
	vib_copy_barrier();
	r->wr_id = wqe.wr_id;
	r->index = queue->index;
	r->malformed = wqe.num_sge > max_sge;
	r->num_sge = r->malformed ? 0 : wqe.num_sge;
	memcpy(r->sge, slot + sizeof(wqe), r->num_sge * sizeof(r->sge[0]));
	vib_queue_consume(queue);
	return true;
}

#endif
