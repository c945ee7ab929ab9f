/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Communication management to and from the wire (IBTA vol. 1 §12). All vports share the
 * one port of an HCA there, so each communication id of a guest has another on the wire,
 * that no other vport's is. An id is there from the first message that names it as the
 * sender's until half a minute after what ended the connection.
 *
 * Who answers a call, or speaks of a connection, names an id of the other end: that must
 * be one that the other end has told this vport. So no guest can speak of another's
 * connections, whatever numbers it guesses, and neither can anybody on the wire but their
 * peers. To a guest the CA GUID of a peer is the interface id of its GID, whatever the
 * peer says; of one that sends without a GRH, whose GID nobody but itself says, it is one
 * made of its LID.
 */
#ifndef XEN_IB_IBBACK_GSI_WIRE_CM_H
#define XEN_IB_IBBACK_GSI_WIRE_CM_H

#include "gsi/state.h"

/*
 * Make @packet, of class CM, with a GRH and of addresses that are @from's, what goes out
 * to the wire. 0, or why it does not.
 */
enum gsi_drop wire_cm_out(struct gsi_port *from, struct mad_packet *packet);

/* The vport that @packet, of class CM and with a GRH, from the wire is for; NULL and
 * *@why: none. @by_lid: its GRH is from wire_cm_address().
 */
struct gsi_port *wire_cm_receiver(struct gsi *gsi, const struct mad_packet *packet,
				  bool by_lid, enum gsi_drop *why);

/* Make it what that vport, @to, receives; @lid stands for its sender. @by_lid as before.
 */
void wire_cm_in(struct gsi_port *to, struct mad_packet *packet, uint16_t lid,
		bool by_lid);

/* True if @mad is a call, whose sender the vport will answer. */
bool wire_cm_is_call(const uint8_t *mad);

/*
 * @port's guest is gone: the other end of each of its connections is told so, and it has
 * no communication ids any more.
 */
void wire_cm_end(struct gsi_port *port);

/* It has none any more, and nobody is told. */
void wire_cm_purge(struct gsi_port *port);

/*
 * @packet came on InfiniBand without a GRH: give it the one that it would have, if its
 * body or the connection it is of tells it. Else it is as it was.
 */
void wire_cm_address(struct gsi *gsi, struct mad_packet *packet);

#endif
