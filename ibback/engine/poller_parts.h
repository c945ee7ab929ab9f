/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a pass, each in a file of its own. The poller's thread. */
#ifndef XEN_IB_IBBACK_POLLER_PARTS_H
#define XEN_IB_IBBACK_POLLER_PARTS_H

#include "engine/poller.h"

/* poller.c: after a sleep, look at the clock and at all bells: who woke it is not said.
 */
void poller_catch_up(struct poller *poller);

/* poller_kicks.c: do what other threads asked for. */
void poller_answer_call(struct poller *poller);
bool poller_take_kicks(struct poller *poller);
bool poller_has_kicks(struct poller *poller);
/* Have it go on, if it sleeps; after a change it is to see. Any thread. */
void poller_wake(struct poller *poller);

/* poller_hot.c: serve the QPs that are polled, and hear those that ring. */
bool poller_serve_hot(struct poller *poller);
/* poller_heat() if there is room at once; false: there was not, and nothing is done. */
bool poller_try_heat(struct poller *poller, struct qp *qp);
void poller_cool_idle(struct poller *poller);
/* Bells of @pages pages, in turn; true if any rang. */
bool poller_take_bells(struct poller *poller, unsigned int pages);
/* There was work for @vhca: is it worth while to spin for more? */
void poller_note_work(struct poller *poller, const struct vhca *vhca);
/* Have every QP ring that is polled; false if one has work. */
bool poller_cool_all(struct poller *poller);

/* poller_wire.c: heat QPs for whom an HCA has completions. */
bool poller_take_channels(struct poller *poller);

/* poller_events.c: send completion events. */
void poller_drain_backlog(struct poller *poller);
void poller_notify_touched(struct poller *poller);

#endif
