/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the backend does next for a vib, decided from what both sides have
 * written into xenstore. No side effects: the caller acts and asks again until
 * there is nothing to do.
 *
 * The session makes the handshake free of races. The backend publishes a new
 * random one with every offer, the frontend echoes the one its rings answer;
 * so rings granted to an earlier backend are never taken for today's.
 */
#ifndef XEN_IB_IBBACK_LIFECYCLE_H
#define XEN_IB_IBBACK_LIFECYCLE_H

#include <stdbool.h>

/* xen/io/xenbus.h's states; 0 is also a state node that is not there. */
enum xenbus {
	XENBUS_UNKNOWN = 0,
	XENBUS_INITIALISING = 1,
	XENBUS_INIT_WAIT = 2,
	XENBUS_INITIALISED = 3,
	XENBUS_CONNECTED = 4,
	XENBUS_CLOSING = 5,
	XENBUS_CLOSED = 6,
};

struct lifecycle_view {
	enum xenbus backend; /* our state, as it stands in xenstore */
	enum xenbus frontend;
	bool online;           /* the toolstack wants the device */
	bool broken;           /* refused or failed: not to be offered again */
	bool offered;          /* a session of ours is out */
	bool session_answered; /* and the frontend's rings answer it */
	bool connected;        /* we have mapped them */
	bool unmapping;        /* we had; what the guest made is still being unmapped */
};

enum lifecycle_step {
	STEP_NONE,
	STEP_OFFER,      /* publish a new session, state 2 */
	STEP_CONNECT,    /* map the frontend's rings, state 4 */
	STEP_DISCONNECT, /* begin to unmap; no state */
	STEP_CLOSING,    /* state 5: ask the frontend to close */
	STEP_LEAVE,      /* off its fabric, as whoever comes next may need its GID */
	STEP_CLOSED,     /* that too, and state 6 */
};

enum lifecycle_step lifecycle_next(const struct lifecycle_view *v);

#endif
