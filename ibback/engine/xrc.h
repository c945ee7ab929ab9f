/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XRC (IBTA vol. 1 annex A14). A target QP has nothing of its own to receive with:
 * each request names an SRQ of the target's domain, and that has the receives, the PD
 * whose memory the request may reach, and the CQ that receives complete into.
 *
 * While a request is executed its target, which is locked, has these three of the
 * SRQ, and then is a QP like any other. The SRQ is looked up anew for each part of a
 * request, so that it may end at any time.
 */
#ifndef XEN_IB_IBBACK_XRC_H
#define XEN_IB_IBBACK_XRC_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/table.h"

struct poller;
struct qp;

/* A domain is a number that SRQs and target QPs share. */
struct xrcd {
	struct table_node node;
	uint32_t users; /* SRQs and QPs in it; the control thread's */
};

/*
 * Have @target receive from the SRQ of number @srqn until xrc_leave(). false if that
 * is none of its domain. A receive that it holds of another SRQ, for a message that
 * nobody goes on with, is flushed. The poller's own thread, the QP is locked.
 */
bool xrc_enter(struct poller *poller, struct qp *target, uint32_t srqn);
void xrc_leave(struct qp *target);

/* Flush the receive that @target holds, unless its SRQ has ended. As above. */
void xrc_flush_held(struct poller *poller, struct qp *target);

#endif
