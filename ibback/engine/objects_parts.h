/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of an object in its parts, for one object (objects.c) or for all that
 * a guest has at once (vhca_clear()):
 *
 * 1. out of the tables, so that no poller finds it: table_del(), qp_take_out();
 * 2. a grace period, so that none is in it: synchronize_rcu();
 * 3. out of its poller's hands, on the poller's thread: the forget functions;
 * 4. free.
 */
#ifndef XEN_IB_IBBACK_OBJECTS_PARTS_H
#define XEN_IB_IBBACK_OBJECTS_PARTS_H

#include "engine/objects.h"

/* Object numbers: given in sequence, so that a stale one names nothing for long. */
#define NUMBER_FIRST 1
#define NUMBER_LAST  0x7fffffff

/* May the guest have one more MR or window? */
bool quota_has_mr(const struct vhca *vhca);

/* Its memberships go to @left. A peer's next message finds nobody. */
void qp_take_out(struct qp *qp, struct mcast_members *left);
/* Its bell is nobody's. */
void srq_take_out(struct srq *srq);
/* For poller_call(). */
void qp_out_of_hands(struct poller *poller, void *qp);
void cq_out_of_hands(struct poller *poller, void *cq);
void eq_out_of_hands(struct poller *poller, void *eq);
void doorbell_out_of_hands(struct poller *poller, void *db);

/* Free the object; what it used has a user less. */
void qp_free(struct qp *qp);
void cq_free(struct cq *cq);
void srq_free(struct srq *srq);
void mr_free(struct vhca *vhca, struct mr *mr);
void mw_free(struct vhca *vhca, struct mw *mw);
void eq_free(struct eq *eq);
void doorbell_free(struct doorbell *db);

#endif
