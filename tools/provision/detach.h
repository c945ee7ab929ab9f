/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking a vib away, as libxl does with its devices: tell the backend
 * (online=0, state=5), give it time to say that it closed (state=6), remove
 * both directories. Who waits, and how, is the caller's: vibd may not block.
 */
#ifndef XEN_IB_PROVISION_DETACH_H
#define XEN_IB_PROVISION_DETACH_H

#include "provision/store.h"

/* How long a backend may take to close. */
#define VIB_CLOSE_MS 10000

/* Tell the backend to close. Returns 1 if it has to be waited for, 0 if the
 * vib can be removed now (no backend ever served it, or it is closed, or it has
 * no backend directory), -1 and errno.
 */
int vib_close(struct xenport *xp, const struct vib_id *vib);

/* True when the backend has closed, or its directory is gone. */
bool vib_closed(struct xenport *xp, const struct vib_id *vib);

/* Remove both directories, and the parents that this leaves empty. */
int vib_remove(struct xenport *xp, const struct vib_id *vib);

#endif
