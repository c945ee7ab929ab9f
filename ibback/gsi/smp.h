/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subnet management of a vport by its own node (IBTA vol. 1 §14.2). */
#ifndef XEN_IB_IBBACK_GSI_SMP_H
#define XEN_IB_IBBACK_GSI_SMP_H

#include "gsi/state.h"

/*
 * Answer the SMP @in to @port in @out, which is zero. false: it has no answer. Only
 * SubnGet has one: ibback is the subnet's manager, and guests are not.
 */
bool smp_answer(const struct gsi_port *port, const uint8_t *in, uint8_t *out);

/*
 * The same for an SMP to the fabric's manager: it says who it is (SMInfo), which tools
 * ask it, and nothing else.
 */
bool smp_manager_answer(const struct gsi *gsi, const uint8_t *in, uint8_t *out);

#endif
