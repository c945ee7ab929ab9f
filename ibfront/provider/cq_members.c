// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The QPs that complete into a CQ, by db_index. An entry's QP has to be found in
 * its CQ and nowhere else: under the lock of that CQ alone it cannot go away,
 * whatever a backend names.
 *
 * Two QPs have the same index if one of them rings in another doorbell page.
 */

#include <errno.h>
#include <stdlib.h>

#include "poll.h"

/* A QP is in its send CQ by link 0, and by link 1 in its receive CQ if that is another.
 */
static int side_of(const struct vib_cq *cq, const struct vib_qp *qp)
{
	return qp->verbs.qp.send_cq == &cq->verbs.cq ? 0 : 1;
}

static struct vib_qp **place_of(const struct vib_cq *cq, uint32_t db_index)
{
	struct vib_cq_leaf *leaf;

	if (db_index >= VIB_DB_QUEUES)
		return NULL;
	leaf = __atomic_load_n(&cq->leaf[db_index / VIB_CQ_LEAF_QPS], __ATOMIC_ACQUIRE);
	return leaf ? &leaf->qp[db_index % VIB_CQ_LEAF_QPS] : NULL;
}

struct vib_qp *vib_cq_same_index(const struct vib_cq *cq, const struct vib_qp *qp)
{
	return qp->same_index[side_of(cq, qp)];
}

struct vib_qp *vib_cq_find_qp(const struct vib_cq *cq, uint32_t db_index, uint32_t qpn)
{
	struct vib_qp **place = place_of(cq, db_index);
	struct vib_qp *qp = place ? __atomic_load_n(place, __ATOMIC_ACQUIRE) : NULL;

	while (qp && qp->verbs.qp.qp_num != qpn)
		qp = vib_cq_same_index(cq, qp);
	return qp;
}

int vib_cq_add_qp(struct vib_cq *cq, struct vib_qp *qp)
{
	struct vib_cq_leaf *leaf;
	struct vib_qp **place;

	vib_lock(&cq->lock);
	place = place_of(cq, qp->db_index);
	if (!place) {
		leaf = calloc(1, sizeof(*leaf));
		if (!leaf) {
			vib_unlock(&cq->lock);
			return -1;
		}
		__atomic_store_n(&cq->leaf[qp->db_index / VIB_CQ_LEAF_QPS], leaf,
				 __ATOMIC_RELEASE);
		place = place_of(cq, qp->db_index);
	}
	/* Atomic, for CQs without a lock are polled while QPs are made. */
	qp->same_index[side_of(cq, qp)] = *place;
	__atomic_store_n(place, qp, __ATOMIC_RELEASE);
	vib_unlock(&cq->lock);
	return 0;
}

void vib_cq_del_qp(struct vib_cq *cq, struct vib_qp *qp)
{
	struct vib_qp **link;

	vib_lock(&cq->lock);
	link = place_of(cq, qp->db_index);
	while (*link != qp)
		link = &(*link)->same_index[side_of(cq, *link)];
	__atomic_store_n(link, vib_cq_same_index(cq, qp), __ATOMIC_RELEASE);
	if (cq->last == qp)
		cq->last = NULL;
	vib_unlock(&cq->lock);
}

void vib_cq_free_leaves(struct vib_cq *cq)
{
	for (uint32_t i = 0; i < VIB_CQ_LEAVES; i++)
		free(cq->leaf[i]);
}
