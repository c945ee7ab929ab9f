// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/vib_nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xen-ib/xenstore.h>

#include "control/backend.h"
#include "control/vib_log.h"
#include "control/vib_timer.h"

/* When xenstore refused a write. */
#define RETRY_MS 1000

enum xenbus vib_read_state(struct vib *vib, const char *dir, const char *key)
{
	char text[16];
	uint64_t state;

	if (dir[0] == '\0' ||
	    node_read(vib->backend->xp, dir, key, text, sizeof(text)) < 0 ||
	    schema_parse_uint(text, XENBUS_UNKNOWN, XENBUS_CLOSED, &state, NULL) < 0)
		return XENBUS_UNKNOWN;
	return (enum xenbus)state;
}

int vib_update(struct vib *vib, const struct node_value *values, size_t count)
{
	if (node_update(vib->backend->xp, vib->dir, values, count) == 0)
		return 0;
	if (errno != ENOENT) {
		vib_log(vib, LOG_LEVEL_ERR, "cannot write %s: %s", values[0].key,
			strerror(errno));
		vib_process_after(vib, RETRY_MS);
	}
	return -1;
}

int vib_write_state(struct vib *vib, enum xenbus state)
{
	char text[4];
	const struct node_value value = { VIB_BE_STATE, text };

	snprintf(text, sizeof(text), "%d", (int)state);
	vib->settled = true;
	return vib_update(vib, &value, 1);
}

void vib_refuse(struct vib *vib, const char *why)
{
	const struct node_value value = { VIB_BE_ERROR, why };

	vib->broken = true;
	vib_log(vib, LOG_LEVEL_ERR, "refused: %s", why);
	(void)vib_update(vib, &value, 1);
}

bool vib_is_online(struct vib *vib)
{
	char online[XENPORT_VALUE_MAX], why[WHY_MAX];

	if (node_read_valid(vib->backend->xp, vib->dir, SCHEMA_BACKEND, VIB_BE_ONLINE,
			    online, why, sizeof(why)) == 0)
		return strcmp(online, "1") == 0;
	/* Asked after it was found wrong: the device may be removed while it is read. */
	if (node_read(vib->backend->xp, vib->dir, VIB_BE_ONLINE, online, sizeof(online)) <
		    0 &&
	    errno == ENOENT)
		return false;
	/* Or somebody looks for why the vib closed. */
	if (!vib->broken)
		vib_refuse(vib, why);
	return false;
}

bool vib_vanished(struct vib *vib)
{
	char state[16];

	return node_read(vib->backend->xp, vib->dir, VIB_BE_STATE, state, sizeof(state)) <
		       0 &&
	       errno == ENOENT;
}
