// SPDX-License-Identifier: GPL-2.0-or-later
/* Removing the vibs of dead domains; libxl leaves kinds it does not know. */
#include "keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "provision/states.h"
#include "xen-ib/xenstore.h"

static bool is_removed_already(const struct keeper *k, const struct vib_id *vib)
{
	for (size_t i = 0; i < k->removal_count; i++) {
		const struct vib_id *its = &k->removals[i].vib;

		if (its->backend == vib->backend && its->frontend == vib->frontend &&
		    its->index == vib->index)
			return true;
	}
	return false;
}

static void remove_now(struct keeper *k, const struct vib_id *vib, const char *how)
{
	if (vib_remove(k->xp, vib) < 0)
		log_vib(LOG_LEVEL_ERR, vib->frontend, vib->index, "cannot remove it: %s",
			strerror(errno));
	else
		log_vib(LOG_LEVEL_INFO, vib->frontend, vib->index,
			"removed: its domain is gone%s", how);
}

static void begin_removal(struct keeper *k, const struct vib_id *vib)
{
	struct keeper_removal *more;
	int wait = vib_close(k->xp, vib);

	if (wait < 0) {
		log_vib(LOG_LEVEL_ERR, vib->frontend, vib->index,
			"cannot tell its backend to close: %s", strerror(errno));
		return;
	}
	more = wait ? reallocarray(k->removals, k->removal_count + 1, sizeof(*more))
		    : NULL;
	if (!more) {
		remove_now(k, vib, "");
		return;
	}
	k->removals = more;
	more[k->removal_count++] = (struct keeper_removal){
		.vib = *vib,
		.deadline_ms = boottime_ms() + VIB_CLOSE_MS,
	};
	if (xenport_watch(k->xp, vib_backend_path(vib, VIB_BE_STATE).text, "closing") < 0)
		log_vib(LOG_LEVEL_WARN, vib->frontend, vib->index,
			"cannot watch its backend: %s", strerror(errno));
}

void removals_collect(struct keeper *k)
{
	struct vib_id *vibs;
	int n = store_list_vibs(k->xp, XENPORT_NO_TRANSACTION, &vibs);

	if (n < 0)
		log_err("cannot list the vibs: %s", strerror(errno));
	for (int i = 0; i < n; i++)
		if (!store_domain_lives(k->xp, vibs[i].frontend) &&
		    !is_removed_already(k, &vibs[i]))
			begin_removal(k, &vibs[i]);
	free(vibs);
}

void removals_step(struct keeper *k)
{
	uint64_t now = boottime_ms();
	size_t kept = 0;

	for (size_t i = 0; i < k->removal_count; i++) {
		struct keeper_removal *r = &k->removals[i];
		bool closed = vib_closed(k->xp, &r->vib);
		struct vib_path state = vib_backend_path(&r->vib, VIB_BE_STATE);

		if (!closed && now < r->deadline_ms) {
			k->removals[kept++] = *r;
			continue;
		}
		if (xenport_unwatch(k->xp, state.text, "closing") < 0)
			log_debug("%s: cannot unwatch: %s", state.text, strerror(errno));
		remove_now(k, &r->vib, closed ? "" : ", and its backend did not close");
	}
	k->removal_count = kept;
}
