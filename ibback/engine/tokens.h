/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vHCAs with a rate. A QP of one that has work while there are no tokens is polled no
 * more; it waits in line with the vHCA's others, each of which gets a share in its turn.
 * Its queue stays unarmed: nothing has to ring, for it is looked at anyway. Poller's
 * thread, all of it.
 */
#ifndef XEN_IB_IBBACK_TOKENS_H
#define XEN_IB_IBBACK_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct poller;
struct qp;

/* May @qp, whose vHCA has a rate, have a share? There are tokens, and none before it. */
bool tokens_given(struct poller *poller, const struct qp *qp);

/* @qp has work for which there are none: it waits in line. */
void tokens_await(struct poller *poller, struct qp *qp);

/* @qp had its share, or needs none, or ends: it is in line no more. */
void tokens_forget(struct poller *poller, struct qp *qp);

/*
 * Poll those again whose turn it is: as many as there are tokens for. true if there
 * were any.
 */
bool tokens_share_out(struct poller *poller);

/* When it is the next one's turn; NEVER if none waits. */
uint64_t tokens_next(const struct poller *poller);

#endif
