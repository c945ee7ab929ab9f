/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serving a connected vib: its guest's commands, and events for it, in turns that leave
 * others theirs.
 */
#ifndef XEN_IB_IBBACK_VIB_SERVE_H
#define XEN_IB_IBBACK_VIB_SERVE_H

#include "control/vib.h"

/* The vib's event channel fired; it is masked. Serves it and unmasks it in time. */
void vib_event(struct vib *vib);

/* For connection.resumed: its ring goes on. */
void vib_resumed(struct connection *conn);

/* Any thread: a poller has something for the control thread, of the vib that is @arg. */
void vib_raise(void *arg);

/* The engine may have events for it: deliver them. */
void vib_raised(struct vib *vib);

#endif
