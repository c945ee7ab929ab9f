/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a vib's guest has an HCA, and what that asks of its fabric. */
#ifndef XEN_IB_IBBACK_VIB_HCA_H
#define XEN_IB_IBBACK_VIB_HCA_H

#include "control/vib.h"

/*
 * Have the guest, whose vhca is there and has no objects, be at the HCA of its fabric, if
 * that has one; an HCA cannot reach pages that are granted and not mapped. -1 and errno.
 */
int vib_open_hca(struct vib *vib);

#endif
