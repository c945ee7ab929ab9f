/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wire.c and wire_datagram.c have in common. The QP is locked. */
#ifndef XEN_IB_IBBACK_WIRE_PARTS_H
#define XEN_IB_IBBACK_WIRE_PARTS_H

#include "engine/wire.h"

/*
 * What the HCA is told to identify a request by: which queue, since which reset, which
 * place in it. Of SRQs, which are never reset, it is a place alone.
 */
#define WIRE_ID_RECEIVE (1ull << 63)

/* Note the request in progress; @bytes for its completion. Returns its place. */
uint32_t wire_note_send(struct qp *qp, uint64_t bytes, bool wanted);

/* Post @request, which is whole but for what follows from its place. SEND_POSTED. */
enum send_result wire_post_send(struct share *share, struct wire_request *request,
				uint32_t place, bool wanted);

uint64_t wire_receive_id(const struct wire_qp *w, uint32_t place);

static inline uint8_t *wire_send_slot(const struct wire_qp *w, uint32_t place)
{
	return w->send_slots + (size_t)(place & (w->max_sends - 1)) * w->send_slot_bytes;
}

static inline uint8_t *wire_receive_slot(const struct wire_qp *w, uint32_t place)
{
	return w->receive_slots +
	       (size_t)(place & (w->max_receives - 1)) * w->receive_slot_bytes;
}

/* UD: a datagram came; and have the HCA's receives be all slots that are free. */
void wire_on_datagram(struct poller *poller, struct qp *qp,
		      const struct wire_completion *c);
bool wire_post_slots(struct qp *qp);

#endif
