/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a port has sent and received. Each QP counts for itself, under its lock, which
 * whoever works for it has anyway; who asks for the port's adds them up.
 */
#ifndef XEN_IB_IBBACK_COUNTERS_H
#define XEN_IB_IBBACK_COUNTERS_H

#include <xen-ib/object.h>

struct vhca;

/* Add @more, of one QP, to @sum. */
void counters_add(struct vib_rsp_counters *sum, const struct vib_rsp_counters *more);

/* What QPs of @vhca have counted, those that have ended too. The control thread. */
void vhca_counters(const struct vhca *vhca, struct vib_rsp_counters *sum);

/*
 * The control thread does not let a MAD pass that the guest sent. Those that the engine
 * loses itself are counted.
 */
void vhca_count_lost_mad(struct vhca *vhca);

#endif
