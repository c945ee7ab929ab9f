/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which management classes pass from QP1 of one vport to QP1 of another. */
#ifndef XEN_IB_IBBACK_GSI_FILTER_H
#define XEN_IB_IBBACK_GSI_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/* True if @mgmt_class passes. */
bool filter_passes(uint8_t mgmt_class);

#endif
