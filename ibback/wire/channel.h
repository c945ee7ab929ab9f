/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completion channels: each poller has one of each port, for all CQs of its QPs there. */
#ifndef XEN_IB_IBBACK_WIRE_CHANNEL_H
#define XEN_IB_IBBACK_WIRE_CHANNEL_H

#include "engine/wire.h"
#include "wire/device.h"

struct poller;

struct wire_cqs {
	struct wire_channel base;
	struct poller *poller;
	struct ibv_comp_channel *channel;
	LIST_ENTRY(wire_cqs) entry; /* of the port's */
};

/* That of @poller at @port. NULL and errno. The control thread. */
struct wire_cqs *wire_cqs_of(struct wire_port *port, struct poller *poller);

/* The port ends, and no CQ is left. The control thread. */
void wire_cqs_end(struct wire_port *port);

#endif
