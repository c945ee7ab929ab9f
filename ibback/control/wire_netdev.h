/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network device beneath the wire of a RoCE fabric, which has the addresses of its
 * vports and hears of its groups: which it is, and what is said if there is none, or if
 * it is not the one that the HCA is on. Owns the device (wire/netdev.h), and makes the
 * fabric's groups (wire/groups6.h).
 */
#ifndef XEN_IB_IBBACK_CONTROL_WIRE_NETDEV_H
#define XEN_IB_IBBACK_CONTROL_WIRE_NETDEV_H

struct wire;

/* The port is of RoCE: its network device is to have the vports' addresses. */
void wire_netdev_use(struct wire *w);

/* Name of the one that is used, or will be when there is an HCA; "": that is not known.
 */
const char *wire_netdev_name(const struct wire *w);

/* All that is on it is taken off. Harmless without one. */
void wire_netdev_stop(struct wire *w);

#endif
