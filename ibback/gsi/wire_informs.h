/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subscriptions at the subnet's administrator, on InfiniBand: one for each kind of which
 * any vport has one (subscriptions.h). Its Reports go to those that may know of what they
 * are about. After it has forgotten all, it is told anew.
 */
#ifndef XEN_IB_IBBACK_GSI_WIRE_INFORMS_H
#define XEN_IB_IBBACK_GSI_WIRE_INFORMS_H

#include "gsi/subscriptions.h"

/* @port has, or has no more, a subscription like @info. */
void wire_informs_changed(struct gsi_port *port, const struct inform_info *info);

/*
 * May @port have one like @info? What it has no more goes from the SA as fast as that
 * answers, and counts until then.
 */
bool wire_informs_may_add(struct gsi_port *port, const struct inform_info *info);

/* @port goes: what it had counts for nobody. */
void wire_informs_forget(const struct gsi_port *port);

/* The SA has forgotten all. */
void wire_informs_replay(struct gsi *gsi);

/* There is no SA any more. */
void wire_informs_end(struct gsi *gsi);

/* A Report: answers it, and tells vports. */
void wire_report(struct gsi *gsi, const uint8_t mad[VIB_MAD_BYTES]);

#endif
