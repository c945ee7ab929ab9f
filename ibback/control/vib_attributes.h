/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vib's attributes, which the toolstack writes: what is wrong when they are read first
 * refuses the device, and leaves it as it was when they are read again. Belongs to the
 * control thread.
 */
#ifndef XEN_IB_IBBACK_VIB_ATTRIBUTES_H
#define XEN_IB_IBBACK_VIB_ATTRIBUTES_H

#include "control/vib.h"
#include "engine/vhca.h"

/*
 * Read the attributes and put the vport on its fabric, where it stays until the
 * device is closed: a domain that is gone holds no GID its successor needs.
 * What is wrong refuses the device: vib->broken.
 */
void vib_attach(struct vib *vib);

/*
 * Read them again and change what is attached, and connected, to them. What is wrong, or
 * fixed, leaves the device as it was, with a line in the log.
 */
void vib_reread_attributes(struct vib *vib);

/* For vport.link_changed: its fabric took its link up or down, and all others that see
 * the vport have been told.
 */
void vib_link_changed(struct vport *vport);

/* For vport.identity_changed: the same. */
void vib_identity_changed(struct vport *vport);

/* The subnet forgot what its guest had registered there, which is to hear of it. */
void vib_unregistered(struct vib *vib);

/* What they let the guest have. */
struct vhca_limits vib_limits(const struct vib *vib);

#endif
