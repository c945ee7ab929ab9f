// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/counters.h"

#include "engine/qp.h"
#include "engine/vhca.h"

#define COUNTERS (sizeof(struct vib_rsp_counters) / sizeof(uint64_t))

void counters_add(struct vib_rsp_counters *sum, const struct vib_rsp_counters *more)
{
	/* It is counters and nothing else. */
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)more;

	for (unsigned int i = 0; i < COUNTERS; i++)
		to[i] += from[i];
}

void vhca_counters(const struct vhca *vhca, struct vib_rsp_counters *sum)
{
	struct qp *qp;

	*sum = vhca->ended;
	LIST_FOREACH(qp, &vhca->qps, entry)
	{
		pthread_spin_lock(&qp->lock);
		counters_add(sum, &qp->counters);
		pthread_spin_unlock(&qp->lock);
	}
}

void vhca_count_lost_mad(struct vhca *vhca)
{
	vhca->ended.mads_dropped++;
}

void vhca_count_pkey_violation(struct vhca *vhca)
{
	vhca->ended.pkey_violations++;
}
