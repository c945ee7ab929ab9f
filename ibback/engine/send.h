/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requester's side of a QP: fetching send requests, executing them in
 * order, completing them. What a message does depends on the service:
 * connected.c for RC and UC, datagram.c for UD, mad.c for SMI and GSI; local.c has what
 * no peer hears of.
 */
#ifndef XEN_IB_IBBACK_SEND_H
#define XEN_IB_IBBACK_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/mw.h"

struct poller;
struct qp;
struct sg;

/* One QP's share of a pass. */
struct share {
	struct poller *poller;
	struct qp *qp;        /* locked */
	struct qp *peer;      /* locked too, unless it is @qp; NULL: not looked for yet */
	struct mw *window;    /* that it copied through last, and keeps locked; NULL */
	bool busy;            /* another is at what it wants to reach */
	bool short_of_tokens; /* nothing is to be begun or gone on with, see tokens.h */
	bool awaits_tokens;   /* and there was something */
	int64_t budget;       /* what it may still cost, in bytes that are copied */
	int64_t unpaid;       /* what it cost that is not for the guest to pay */
	uint64_t bytes;       /* that went to the peer, and are not counted yet */
	uint64_t packets;     /* the same */
	uint8_t status;       /* enum vib_status, with SEND_FAILED */
	uint8_t copied;       /* enum sg_copied, of what was copied last */
};

enum send_result {
	SEND_DONE,   /* the request is complete */
	SEND_MORE,   /* go on in the next pass: share used up, or a lock is held */
	SEND_WAITS,  /* go on at sending.look_again, when kicked or by the HCA */
	SEND_POSTED, /* the HCA has it, and tells when it is complete, see wire.h */
	SEND_FAILED, /* with share.status */
};

/*
 * What else a share may do costs as much as so many bytes, so that the small
 * and the many have their bounds too.
 */
#define COST_REQUEST  512
#define COST_SGE      64
#define COST_DELIVERY 1024 /* a datagram, to each member of a group */
#define COST_GRANTED  4096 /* a piece that is granted, besides its bytes once more */

/* Spend @bytes of the budget, which the last item may exceed. */
static inline void share_spend(struct share *share, uint64_t bytes)
{
	share->budget -= (int64_t)bytes;
}

/* Before it wants another window, or this one in another way; and at its end. */
static inline void share_release_window(struct share *share)
{
	if (share->window)
		mw_release(share->window);
	share->window = NULL;
}

/* Execute qp->sending, or a part of it. */
enum send_result connected_send(struct share *share);
enum send_result datagram_send(struct share *share);
enum send_result local_send(struct share *share);

/* Part of the second: of SMI and GSI, whose sgid_index is within the table. */
enum send_result mad_send(struct share *share);

/* Parts of the first: atomics, with what @own scatters to or gathers from. */
enum send_result atomic_send(struct share *share, const struct sg *dst);
enum send_result atomic_write(struct share *share, const struct sg *own);

/*
 * What the request in progress gathers from or scatters to: its inline data, or
 * its SGEs with the rights of @access. -1 after setting share.status.
 */
int send_resolve(struct share *share, uint32_t access, struct sg *sg);

/* The SGEs of the request in progress, as they were copied. */
const void *send_sges(const struct qp *qp);

/* Fail the request with @status. */
static inline enum send_result send_fail(struct share *share, uint8_t status)
{
	share->status = status;
	return SEND_FAILED;
}

/* Have the QP looked at again at @when, ns. */
enum send_result send_wait(struct share *share, uint64_t when);

/* Does what is in progress wait until all is complete that the HCA has of @qp? */
bool send_awaits_wire(const struct qp *qp);

/*
 * Serve the send queue of @qp, which is locked: one share of work. true if
 * there was some or may be at once.
 */
bool send_serve(struct poller *poller, struct qp *qp);

#endif
