/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a vib is doing, as its nodes show it. */
#ifndef XEN_IB_PROVISION_STATES_H
#define XEN_IB_PROVISION_STATES_H

#include "provision/store.h"
#include "schema/schema.h"

/* xen/io/xenbus.h */
enum vib_state {
	VIB_UNKNOWN = 0,
	VIB_INITIALISING = 1,
	VIB_INIT_WAIT = 2,
	VIB_INITIALISED = 3,
	VIB_CONNECTED = 4,
	VIB_CLOSING = 5,
	VIB_CLOSED = 6,
	VIB_STATE_MAX = 8,
};

struct vib_status {
	enum vib_state backend, frontend;
	char error[SCHEMA_VALUE_MAX]; /* the backend's, or "" */
};

/* "connected" and so on. */
const char *vib_state_name(enum vib_state state);

/* Read the status; a missing or senseless state is VIB_UNKNOWN. Returns -1 if
 * there is no backend directory.
 */
int vib_read_status(struct xenport *xp, const struct vib_id *vib,
		    struct vib_status *status);

/* The text of a node of the backend, its default where it is absent, or "". */
void vib_read_backend(struct xenport *xp, const struct vib_id *vib, const char *key,
		      char value[SCHEMA_VALUE_MAX]);

#endif
