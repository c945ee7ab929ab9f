// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/detach.h"

#include <errno.h>
#include <stdlib.h>

#include "provision/states.h"
#include "xen-ib/xenstore.h"

/* The backend's state; VIB_CLOSED where there is none, or none that can be. */
static int read_state(struct xenport *xp, xenport_tx tx, const struct vib_id *vib,
		      uint64_t *state)
{
	struct vib_path path = vib_backend_path(vib, VIB_BE_STATE);

	if (!store_read_uint(xp, tx, path.text, VIB_STATE_MAX, state))
		return 0;
	if (errno != ENOENT && errno != EINVAL)
		return -1;
	*state = VIB_CLOSED;
	return 0;
}

static int close_in_tx(struct xenport *xp, xenport_tx tx, void *arg)
{
	const struct vib_id *vib = arg;
	uint64_t state;

	if (read_state(xp, tx, vib, &state) < 0)
		return -1;
	if (state == VIB_INITIALISING || state == VIB_CLOSED)
		return 0;
	if (xenport_write(xp, tx, vib_backend_path(vib, VIB_BE_ONLINE).text, "0") < 0 ||
	    xenport_write(xp, tx, vib_backend_path(vib, VIB_BE_STATE).text, "5") < 0)
		return -1;
	return 1;
}

int vib_close(struct xenport *xp, const struct vib_id *vib)
{
	return store_transact(xp, close_in_tx, (void *)vib);
}

bool vib_closed(struct xenport *xp, const struct vib_id *vib)
{
	uint64_t state;

	return !read_state(xp, XENPORT_NO_TRANSACTION, vib, &state) &&
	       state == VIB_CLOSED;
}

static int remove_if_empty(struct xenport *xp, xenport_tx tx, const char *path)
{
	char **names;
	int n = xenport_list(xp, tx, path, &names);

	if (n < 0)
		return errno == ENOENT ? 0 : -1;
	free(names);
	return n ? 0 : xenport_rm(xp, tx, path);
}

static int remove_in_tx(struct xenport *xp, xenport_tx tx, void *arg)
{
	const struct vib_id *vib = arg;

	if (xenport_rm(xp, tx, vib_frontend_path(vib, "").text) < 0 ||
	    xenport_rm(xp, tx, vib_backend_path(vib, "").text) < 0 ||
	    remove_if_empty(xp, tx, vib_frontend_parent(vib->frontend).text) < 0 ||
	    remove_if_empty(xp, tx, vib_backend_parent(vib).text) < 0)
		return -1;
	return 0;
}

int vib_remove(struct xenport *xp, const struct vib_id *vib)
{
	return store_transact(xp, remove_in_tx, (void *)vib);
}
