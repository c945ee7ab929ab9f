/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the subnet of a fabric (subnet_wire.h) is told of the port of its wire, and what
 * it asks of that: indices of GIDs, groups to join, how vports are addressed.
 */
#ifndef XEN_IB_IBBACK_CONTROL_WIRE_SUBNET_H
#define XEN_IB_IBBACK_CONTROL_WIRE_SUBNET_H

struct wire;

/* The port is there, or is not as it was. */
void wire_subnet_tell(struct wire *w);

/* It is to register all anew, as its manager has asked. */
void wire_subnet_reregister(struct wire *w);

/* There is no port any more. */
void wire_subnet_down(struct wire *w);

/* A multicast group cannot be had, errno says why; said once. */
void wire_subnet_say_not_joined(struct wire *w);

#endif
