/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From SGEs that were checked to those of the HCA. */
#ifndef XEN_IB_IBBACK_WIRE_SGE_H
#define XEN_IB_IBBACK_WIRE_SGE_H

#include <xen-ib/object.h>

#include "device_limits.h"
#include "engine/dma.h"
#include "engine/mr.h"
#include "engine/wire_fast.h"

/* No count of elements. */
#define WIRE_UNREACHABLE (MAX_SGE + 1u)

/*
 * The same memory as @sges, @count of them, that sg_resolve() has found right: keys of
 * MRs are the HCA's, VIB_LOCAL_DMA_LKEY and those of fast registration become the
 * region's; elements without bytes are left out. Returns how many there are, or
 * WIRE_UNREACHABLE: the HCA cannot reach one.
 */
static inline unsigned int wire_sges(const struct vhca *vhca, struct mr_hint *hint,
				     const struct vib_sge *sges, unsigned int count,
				     struct vib_sge *to)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (!sges[i].length)
			continue;
		to[n] = sges[i];
		if (sges[i].lkey == VIB_LOCAL_DMA_LKEY) {
			if (!dma_lkey(vhca, hint, sges[i].addr, sges[i].length,
				      &to[n].lkey))
				return WIRE_UNREACHABLE;
		} else if (!wire_fast_sge(vhca, hint, &to[n])) {
			return WIRE_UNREACHABLE;
		}
		n++;
	}
	return n;
}

#endif
