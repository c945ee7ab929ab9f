/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Communication management between vports (IBTA vol. 1 §12). */
#ifndef XEN_IB_IBBACK_GSI_CM_H
#define XEN_IB_IBBACK_GSI_CM_H

#include "gsi/state.h"

/* True if @mad, of class CM, says of @from what @from is not. */
bool cm_is_forged(const struct gsi_port *from, const uint8_t *mad);

/* A message of the fabric's own, as the CM of a vport that is gone; no more than that. */
void cm_put(uint8_t mad[VIB_MAD_BYTES], uint16_t attribute, uint64_t tid, uint32_t local,
	    uint32_t remote);

#endif
