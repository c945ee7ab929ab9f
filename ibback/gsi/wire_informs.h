/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subscriptions at the subnet's administrator, on InfiniBand: one for each kind of which
 * any vport has one (subscriptions.h). Its Reports go to those that may know of what they
 * are about. After it has forgotten all, it is told anew.
 */
#ifndef XEN_IB_IBBACK_GSI_WIRE_INFORMS_H
#define XEN_IB_IBBACK_GSI_WIRE_INFORMS_H

#include "gsi/subscriptions.h"

/* A vport has, or has no more, a subscription like @info. */
void wire_informs_changed(struct gsi *gsi, const struct inform_info *info);

/* The SA has forgotten all. */
void wire_informs_replay(struct gsi *gsi);

/* There is no SA any more. */
void wire_informs_end(struct gsi *gsi);

/* A Report: answers it, and tells vports. */
void wire_report(struct gsi *gsi, const uint8_t mad[VIB_MAD_BYTES]);

#endif
