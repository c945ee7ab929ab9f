// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/frontend.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xen-ib/control.h>
#include <xen-ib/xenstore.h>

#include "control/nodes.h"
#include "schema/schema.h"

int frontend_find(struct xenport *xp, const char *backend, uint16_t domid, uint32_t index,
		  char dir[XENPORT_PATH_MAX], char *why, size_t size)
{
	char text[XENPORT_VALUE_MAX], quoted[64];
	uint64_t value;

	if (node_read_valid(xp, backend, SCHEMA_BACKEND, VIB_BE_FRONTEND_ID, text, why,
			    size) < 0)
		return -1;
	if (schema_parse_uint(text, 0, UINT16_MAX, &value, NULL) < 0 || value != domid) {
		snprintf(why, size, VIB_BE_FRONTEND_ID "=%s: want %u, whose vib this is",
			 schema_quote(text, quoted, sizeof(quoted)), (unsigned int)domid);
		return -1;
	}
	if (node_read_valid(xp, backend, SCHEMA_BACKEND, VIB_BE_FRONTEND, text, why,
			    size) < 0)
		return -1;
	snprintf(dir, XENPORT_PATH_MAX, "/local/domain/%u/device/vib/%" PRIu32,
		 (unsigned int)domid, index);
	if (strcmp(text, dir) != 0) {
		snprintf(why, size, VIB_BE_FRONTEND "=%s: want %s, whose vib this is",
			 schema_quote(text, quoted, sizeof(quoted)), dir);
		return -1;
	}
	return 0;
}

bool frontend_answers(struct xenport *xp, const char *dir, uint64_t session)
{
	char text[32], want[17];

	snprintf(want, sizeof(want), "%016" PRIx64, session);
	return dir[0] && node_read(xp, dir, VIB_FE_SESSION, text, sizeof(text)) > 0 &&
	       strcmp(text, want) == 0;
}

static int read_uint(struct xenport *xp, const char *dir, const char *key,
		     uint32_t *result, char *why, size_t size)
{
	char text[XENPORT_VALUE_MAX];
	uint64_t value;

	if (node_read_valid(xp, dir, SCHEMA_FRONTEND, key, text, why, size) < 0)
		return -1;
	if (schema_parse_uint(text, 0, UINT32_MAX, &value, NULL) < 0) {
		snprintf(why, size, "%s: beyond 32 bits", key);
		return -1;
	}
	*result = (uint32_t)value;
	return 0;
}

int frontend_read_refs(struct xenport *xp, const char *dir, struct connection_refs *refs,
		       char *why, size_t size)
{
	uint32_t version;

	if (read_uint(xp, dir, VIB_FE_VERSION, &version, why, size) < 0)
		return -1;
	if (version != VIB_PROTOCOL_VERSION) {
		snprintf(why, size,
			 "version=%" PRIu32 ": want %d, as in the backend's versions",
			 version, VIB_PROTOCOL_VERSION);
		return -1;
	}
	if (read_uint(xp, dir, VIB_FE_CONTROL_REF, &refs->control, why, size) < 0 ||
	    read_uint(xp, dir, VIB_FE_RING_REF, &refs->ring, why, size) < 0 ||
	    read_uint(xp, dir, VIB_FE_ASYNC_REF, &refs->async, why, size) < 0 ||
	    read_uint(xp, dir, VIB_FE_EVENT_CHANNEL, &refs->event_channel, why, size) < 0)
		return -1;
	return 0;
}
