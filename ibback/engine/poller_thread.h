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

#endif
