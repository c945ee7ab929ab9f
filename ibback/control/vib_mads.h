/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MADs of a vib's guest on their way to who takes them (mads.h). Belongs to the
 * control thread.
 */
#ifndef XEN_IB_IBBACK_VIB_MADS_H
#define XEN_IB_IBBACK_VIB_MADS_H

#include "control/vib.h"

/* Its guest, which is about to be connected, may have QP0 and QP1 if anybody takes MADs.
 */
void vib_begin_mads(struct vib *vib);

/* It is no longer connected: none waits any more, and what it had at the SA ends. */
void vib_end_mads(struct vib *vib);

/* Take some of the MADs that its guest sent: true if there may be more. */
bool vib_serve_mads(struct vib *vib);

#endif
