/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a CQ's queue leaves behind when another takes its place.
 */
#ifndef VIB_PROVIDER_CQ_RESIZE_H
#define VIB_PROVIDER_CQ_RESIZE_H

#include "objects.h"

/* Room for all that can be behind; malloc()ed, NULL and errno. */
struct vib_cqe *vib_backlog_alloc(const struct vib_cq *cq);
/*
 * Move what was not taken before the entry of index @end into @backlog, which is
 * the CQ's from then on.
 */
void vib_backlog_fill(struct vib_cq *cq, struct vib_cqe *backlog, uint32_t end);

#endif
