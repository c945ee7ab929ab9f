/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A poller's thread: when it spins, when it sleeps, and what wakes it. */
#ifndef XEN_IB_IBBACK_POLLER_THREAD_H
#define XEN_IB_IBBACK_POLLER_THREAD_H

#include <stdbool.h>

#include "engine/poller.h"

/* How long an adaptive poller spins after the last work: a few round trips. */
#define DEFAULT_SPIN_NS 100000

/* End the thread, if there is one, and wait for it. */
void poller_stop(struct poller *poller);

/* Have it go on, if it sleeps; after a change it is to see. Any thread. */
void poller_wake(struct poller *poller);

/* For the poller's thread: */

/* Have every QP ring that is polled; false if one has work. */
bool poller_cool_all(struct poller *poller);

bool poller_has_kicks(struct poller *poller);

#endif
