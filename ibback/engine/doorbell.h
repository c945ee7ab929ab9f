/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A doorbell page of a guest and the bells that are on it, of QPs and SRQs. Pollers
 * take bells; only the control thread changes who has which.
 */
#ifndef XEN_IB_IBBACK_DOORBELL_H
#define XEN_IB_IBBACK_DOORBELL_H

#include <stdbool.h>
#include <sys/queue.h>

#include <xen-ib/doorbell.h>

#include "engine/memory.h"
#include "engine/table.h"

struct poller;
struct vhca;

/* What a QP or an SRQ has of one. */
struct bell {
	/* It rang. false: there is no room for it now, it rings on. Its poller. */
	bool (*rang)(struct bell *bell, struct poller *poller);
};

struct doorbell {
	struct table_node node;
	struct vhca *vhca;
	struct vib_doorbell_page *page;
	uint32_t port;                          /* event channel that wakes the poller */
	struct bell **bells[VIB_DB_LEAF_WORDS]; /* RCU: by leaf, then by bit */
	TAILQ_ENTRY(doorbell) entry;            /* of vhca->doorbells_polled */
	unsigned int next_bell; /* the poller's: where the next look begins */
	struct memory memory;
	uint32_t users; /* QPs and SRQs; the control thread's */
};

/* Bell @index, below VIB_DB_QUEUES, is @bell. -1 and errno: EEXIST, ENOMEM. */
int doorbell_add(struct doorbell *db, uint32_t index, struct bell *bell);
/* Nobody has bell @index any more. Returns memory to be freed after a grace
 * period, or NULL.
 */
void *doorbell_del(struct doorbell *db, uint32_t index);
/* Free what it has allocated. */
void doorbell_fini(struct doorbell *db);

/*
 * Tell the bells that rang, @most at most and until there is no room for one; what is
 * left rings on, and the next look begins with it. true if any rang. @poller itself.
 */
bool doorbell_take(struct doorbell *db, unsigned int most, struct poller *poller);

#endif
