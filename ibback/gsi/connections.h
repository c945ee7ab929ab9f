/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which connections vports of this host have to one another, as CM messages that pass
 * tell (IBTA vol. 1 §12.9): so that whoever is left by one that goes without a word can
 * be told (farewells.h).
 *
 * A connection begins with a REQ and the REP to it, whose senders the engine has filled
 * in, and is forgotten with a DREP or a REJ of its ends, or when one of them goes. It is
 * of the vport that called, whose oldest it takes the place of when that has as many as
 * it may have, a call without an answer first: so nobody can make another forget.
 */
#ifndef XEN_IB_IBBACK_GSI_CONNECTIONS_H
#define XEN_IB_IBBACK_GSI_CONNECTIONS_H

#include "gsi/state.h"

/* @packet, of class CM and no forgery, passes from @from to @to. */
void connections_note(struct gsi_port *from, struct gsi_port *to,
		      const struct mad_packet *packet);

/* @port's guest is gone: the other end of each of its connections is told so. */
void connections_end(struct gsi_port *port);

/* @port has none any more, and nobody is told. */
void connections_purge(struct gsi_port *port);

#endif
