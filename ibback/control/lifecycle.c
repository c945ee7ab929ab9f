// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/lifecycle.h"

static bool frontend_is_up(enum xenbus state)
{
	return state == XENBUS_INITIALISED || state == XENBUS_CONNECTED;
}

/* State 6 says that nothing is mapped any more. */
static enum lifecycle_step close_it(const struct lifecycle_view *v)
{
	return v->unmapping ? STEP_LEAVE : STEP_CLOSED;
}

enum lifecycle_step lifecycle_next(const struct lifecycle_view *v)
{
	if (v->connected && !frontend_is_up(v->frontend))
		return STEP_DISCONNECT;

	if (!v->online || v->broken) {
		/* Once closed it stays so, whatever the frontend plays at. */
		if (v->backend == XENBUS_CLOSED)
			return STEP_NONE;
		/* A frontend at work closes first, and unmaps before we do. */
		if (frontend_is_up(v->frontend) || v->frontend == XENBUS_CLOSING)
			return v->backend == XENBUS_CLOSING ? STEP_NONE : STEP_CLOSING;
		return close_it(v);
	}

	/* Its domain is gone, or going: wait for the toolstack to tidy up. */
	if (v->frontend == XENBUS_UNKNOWN)
		return v->backend == XENBUS_CLOSED ? STEP_NONE : close_it(v);

	if (v->connected || v->unmapping)
		return STEP_NONE;
	if (!v->offered)
		return STEP_OFFER;
	if (v->frontend == XENBUS_INITIALISED && v->session_answered)
		return STEP_CONNECT;
	return STEP_NONE;
}
