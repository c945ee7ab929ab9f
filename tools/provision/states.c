// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/states.h"

#include <stdio.h>

#include "xen-ib/xenstore.h"

const char *vib_state_name(enum vib_state state)
{
	static const char *const names[] = {
		"unknown", "initialising", "init-wait",     "initialised",  "connected",
		"closing", "closed",       "reconfiguring", "reconfigured",
	};

	return (unsigned int)state <= VIB_STATE_MAX ? names[state] : names[0];
}

static enum vib_state read_state(struct xenport *xp, struct vib_path path)
{
	uint64_t state;

	if (store_read_uint(xp, XENPORT_NO_TRANSACTION, path.text, VIB_STATE_MAX,
			    &state) < 0)
		return VIB_UNKNOWN;
	return (enum vib_state)state;
}

void vib_read_backend(struct xenport *xp, const struct vib_id *vib, const char *key,
		      char value[SCHEMA_VALUE_MAX])
{
	const struct schema_node *node = schema_find(SCHEMA_BACKEND, key);
	struct vib_path path = vib_backend_path(vib, key);

	if (xenport_read(xp, XENPORT_NO_TRANSACTION, path.text, value, SCHEMA_VALUE_MAX) <
	    0)
		snprintf(value, SCHEMA_VALUE_MAX, "%s",
			 node && node->def ? node->def : "");
}

int vib_read_status(struct xenport *xp, const struct vib_id *vib,
		    struct vib_status *status)
{
	struct vib_path dir = vib_backend_path(vib, "");

	if (!store_has(xp, XENPORT_NO_TRANSACTION, dir.text))
		return -1;
	status->backend = read_state(xp, vib_backend_path(vib, VIB_BE_STATE));
	status->frontend = read_state(xp, vib_frontend_path(vib, VIB_FE_STATE));
	vib_read_backend(xp, vib, VIB_BE_ERROR, status->error);
	return 0;
}
