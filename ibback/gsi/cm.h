/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Communication management between vports (IBTA vol. 1 §12). */
#ifndef XEN_IB_IBBACK_GSI_CM_H
#define XEN_IB_IBBACK_GSI_CM_H

#include "gsi/state.h"

/* True if @mad, of class CM, says of @from what @from is not. */
bool cm_is_forged(const struct gsi_port *from, const uint8_t *mad);

#endif
