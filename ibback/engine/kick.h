/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kick: asks a poller, from any thread, to look at an object of its own. An
 * object that is kicked again before the poller came to it is looked at once.
 */
#ifndef XEN_IB_IBBACK_KICK_H
#define XEN_IB_IBBACK_KICK_H

#include <stdbool.h>

#include "engine/rcu.h"

struct poller;

struct kick {
	struct cds_wfcq_node node;
	bool queued; /* atomic */
	void (*run)(struct poller *poller, struct kick *kick);
};

static inline void kick_init(struct kick *kick,
			     void (*run)(struct poller *poller, struct kick *kick))
{
	cds_wfcq_node_init(&kick->node);
	kick->queued = false;
	kick->run = run;
}

#endif
