// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MRs that keys of fast registration are to show memory by, see engine/wire_fast.h: one
 * after the other, on the guest's lane. So a region whose end is a job of that lane, too,
 * is there for those that were begun before; and so is the window, but for a guest that
 * goes: what it loses then a job before this one may have ended.
 */
#include <urcu/compiler.h>

#include "control/hca.h"
#include "control/pages.h"
#include "engine/poller.h"
#include "engine/qp.h"
#include "engine/vhca.h"
#include "wire/guest.h"

static void make(struct job *job)
{
	struct hca *hca = caa_container_of(job, struct hca, fast);
	const struct wire_want *want = &hca->want;

	if (__atomic_load_n(&hca->clearing, __ATOMIC_RELAXED))
		return;
	/* Why not is the request's failure. */
	(void)wire_mw_back(want->mw, want->at, want->iova, want->length, &hca->fast_made);
}

/* Who waits for it goes on. */
static void resolve(struct guest *guest, struct wire_mr *made)
{
	uint32_t qpn = wire_fast_resolve(guest->vhca, &guest->hca.want, made);
	struct qp *qp = qpn ? vhca_find_qp(guest->vhca, qpn) : NULL;

	if (qp)
		poller_kick(guest->vhca->poller, &qp->kick);
}

static void is_made(struct job *job)
{
	struct hca *hca = caa_container_of(job, struct hca, fast);
	struct guest *guest = caa_container_of(hca, struct guest, hca);

	hca->fast_runs = false;
	if (hca->clearing)
		return;
	resolve(guest, hca->fast_made);
	hca_serve_fasts(guest);
}

void hca_serve_fasts(struct guest *guest)
{
	struct hca *hca = &guest->hca;

	while (!hca->fast_runs && wire_fast_next(guest->vhca, &hca->want)) {
		if (!hca->want.at) { /* its region has ended */
			resolve(guest, NULL);
			continue;
		}
		hca->fast_runs = true;
		hca->fast = (struct job){ .slice = make, .after = is_made };
		jobs_submit(&hca->lane.jobs, &hca->fast);
	}
}
