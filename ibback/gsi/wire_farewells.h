/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What peers beyond the wire are told of connections to a vport whose guest has gone
 * without a word: a DREQ (IBTA vol. 1 §12.6.10), as from the guest's CM. It is said once,
 * for it must be said as long as the vport's addresses are the HCA's; what is lost is as
 * if a machine had lost its power. What is answered is taken for half a minute.
 */
#ifndef XEN_IB_IBBACK_GSI_WIRE_FAREWELLS_H
#define XEN_IB_IBBACK_GSI_WIRE_FAREWELLS_H

#include "gsi/state.h"

/* A connection, as the wire knows it. */
struct wire_connection {
	uint32_t id;   /* the vport's */
	uint16_t pkey; /* the same */
	struct vib_gid peer;
	uint16_t peer_lid; /* of InfiniBand */
	uint32_t peer_id, peer_qpn;
};

/* Tell its peer that @port, which is there still, is gone. */
void wire_farewell_say(struct gsi_port *port, const struct wire_connection *connection);

/* True if @packet, from the wire, is for the CM of a vport that is gone: nobody needs it.
 */
bool wire_farewell_takes(struct gsi *gsi, const struct mad_packet *packet);

/* Nothing is taken any more. */
void wire_farewells_end(struct gsi *gsi);

#endif
