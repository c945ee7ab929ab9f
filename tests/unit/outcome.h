/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a request that fails leaves behind: completions, states, events. */
#ifndef XEN_IB_TESTS_OUTCOME_H
#define XEN_IB_TESTS_OUTCOME_H

#include "rig_qp.h"

/* What comes of a's request of an RC QP, behind which 2 waits; b has receives 11
 * and 12.
 */
struct outcome {
	uint8_t sender;   /* status of the request */
	uint8_t receiver; /* of receive 11, if the peer fails */
	uint16_t event;   /* of b's QP; 0: none */
	bool fails_peer;  /* b's QP is in ERR */
};

/* Post @wr and look at everything it leaves. b has receive 11 already, if it fails. */
void assert_rc_outcome(struct duo *d, const struct wr *wr, const struct outcome *o);

/* The same of UC or UD: the sender fails alone, and only its send queue. */
void assert_sqe_outcome(struct duo *d, const struct wr *wr, uint8_t status);

/* What is posted to @qp, in ERR or SQE and cool, rings and is flushed into @cq. */
void assert_flushes_what_comes(struct duo *d, struct pqp *qp, struct ccq *cq,
			       bool receives);

#endif
