/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vports are told of connections whose other end has gone without a word: a DREQ
 * (IBTA vol. 1 §12.6.10), as the one that is gone would have sent it, again until it is
 * answered or half a minute has passed. Until then it is also answered for the one that
 * is gone, as by its CM.
 */
#ifndef XEN_IB_IBBACK_GSI_FAREWELLS_H
#define XEN_IB_IBBACK_GSI_FAREWELLS_H

#include "gsi/state.h"

/* An end of a connection. */
struct cm_end {
	struct gsi_port *port;
	uint32_t id; /* its own */
	uint32_t qpn;
};

/*
 * Tell @left, if that is another vport, that @gone, whose port is there still, is gone:
 * with a GRH if @grh, and in the partition of @pkey, if @gone is in it.
 */
void farewell_say(const struct cm_end *gone, const struct cm_end *left, bool grh,
		  uint16_t pkey);

/* @port has begun something new by that id of its own. */
void farewell_forget(struct gsi_port *port, uint32_t id);

/*
 * True if @packet, of class CM, which @port sends, is for the CM of a vport that is gone:
 * all has been done that there is to do.
 */
bool farewell_takes(struct gsi_port *port, const struct mad_packet *packet);

/* @port is told nothing any more. */
void farewells_purge(struct gsi_port *port);

#endif
