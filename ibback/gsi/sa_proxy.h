/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a vport's questions is the subnet's administrator's to answer, on InfiniBand.
 * It takes them for those of the HCA's port, which has more partitions than a vport; so a
 * question is only about the vport itself and its partitions, and so is what is passed on
 * of the answer.
 */
#ifndef XEN_IB_IBBACK_GSI_SA_PROXY_H
#define XEN_IB_IBBACK_GSI_SA_PROXY_H

#include "gsi/sa.h"

/* true: @answer is the answer, or comes later; else @request is answered here. */
bool sa_proxy(const struct sa_request *request, struct sa_answer *answer);

/* Questions of @port that are not answered are forgotten. */
void proxied_purge(struct gsi_port *port);

#endif
