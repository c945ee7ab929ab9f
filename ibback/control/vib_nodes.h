/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vib's nodes in xenstore: what they say of its life, and what we write into our own.
 * Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_VIB_NODES_H
#define XEN_IB_IBBACK_VIB_NODES_H

#include "control/lifecycle.h"
#include "control/nodes.h"
#include "control/vib.h"

/* A state node; what is missing or no number, or has no directory, is XENBUS_UNKNOWN. */
enum xenbus vib_read_state(struct vib *vib, const char *dir, const char *key);

/* Does the toolstack want the device? What is neither yes nor no refuses the vib. */
bool vib_is_online(struct vib *vib);

/* True if the vib's directory is gone. */
bool vib_vanished(struct vib *vib);

/*
 * Write @count nodes of ours, all or none. Returns 0, or -1 after logging why; then
 * vib_process() runs again in a while. A device that has just been removed needs no
 * word, its watch event is on the way.
 */
int vib_update(struct vib *vib, const struct node_value *values, size_t count);

/* The same with our state. */
int vib_write_state(struct vib *vib, enum xenbus state);

/* Give the vib up, with the reason where vibctl finds it. */
void vib_refuse(struct vib *vib, const char *why);

#endif
