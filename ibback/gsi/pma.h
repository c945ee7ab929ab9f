/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Performance management of a vport (IBTA vol. 1 §16.1). */
#ifndef XEN_IB_IBBACK_GSI_PMA_H
#define XEN_IB_IBBACK_GSI_PMA_H

#include "gsi/state.h"

/*
 * Answer the MAD @in to @port in @out, which is zero. Only who asks about itself may
 * clear counters. false: it has no answer.
 */
bool pma_answer(struct gsi_port *port, bool of_itself, const uint8_t *in, uint8_t *out);

#endif
