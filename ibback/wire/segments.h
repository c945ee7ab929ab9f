/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether an HCA reaches guests' memory itself, or a copy of it.
 *
 * In a PV domain the kernel merges pages of grant mappings that are not contiguous in
 * the machine into one DMA segment, and then registers a bounce buffer in their place.
 * The kernel module xen_hca_segment keeps it from that; an HCA that does DMA is not to
 * be used without it.
 */
#ifndef XEN_IB_IBBACK_WIRE_SEGMENTS_H
#define XEN_IB_IBBACK_WIRE_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>

#define SEGMENTS_WHY_MAX 256

/*
 * True if HCA @device may be used: it does no DMA, as Soft-RoCE, or this is no PV domain,
 * or the module has set it. Else false, as also where it cannot be known, and @why says
 * what to do. @sysfs is "/sys", but in tests. Reads some files of sysfs, each time anew.
 * Any thread.
 */
bool segments_hold(const char *sysfs, const char *device, char why[SEGMENTS_WHY_MAX]);

#endif
