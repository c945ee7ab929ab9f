/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wire*.c have in common. The QP is locked. */
#ifndef XEN_IB_IBBACK_WIRE_PARTS_H
#define XEN_IB_IBBACK_WIRE_PARTS_H

#include "engine/qp.h"
#include "engine/srq.h"
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

static inline struct wire_send *wire_send_at(const struct wire_qp *w, uint32_t place)
{
	return &w->sends[place & (w->max_sends - 1)];
}

static inline uint8_t *wire_send_slot(const struct wire_qp *w, uint32_t place)
{
	return w->send_slots + (size_t)(place & (w->max_sends - 1)) * w->send_slot_bytes;
}

static inline uint8_t *wire_receive_slot(const struct wire_qp *w, uint32_t place)
{
	return w->receive_slots +
	       (size_t)(place & (w->max_receives - 1)) * w->receive_slot_bytes;
}

/* It receives from an SRQ that the HCA has. */
static inline bool wire_is_shared(const struct qp *qp)
{
	return qp->srq && qp->srq->wire && !qp->wire->datagrams;
}

/* UD: a datagram came; and have the HCA's receives be all slots that are free. */
void wire_on_datagram(struct poller *poller, struct qp *qp,
		      const struct wire_completion *c);
bool wire_post_slots(struct qp *qp);

/* The HCA is not to be told that @qp has failed. */
void wire_failed_forget(struct qp *qp);

/*
 * The one with @id and those behind it could not be posted. Those between them that were
 * for this host are done. Of those before it the HCA may say nothing: the one that was to
 * speak for them is not there. wire_check_flushed() ends these.
 */
void wire_not_posted(struct qp *qp, uint64_t id);

/*
 * It takes no more of its SRQ, and what it took is completed: IBTA vol. 1 §11.6.3.2. The
 * HCA says when; one that does not is given some time. So is each for what was posted
 * before something that could not be.
 */
void wire_check_flushed(struct poller *poller, struct qp *qp);

#endif
