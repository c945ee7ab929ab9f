/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's QP of UD in the rig of the wire, and the machine behind it. */
#ifndef XEN_IB_TESTS_WIRE_UD_PAIR_H
#define XEN_IB_TESTS_WIRE_UD_PAIR_H

#include "wire_rig.h"

struct ud_pair {
	struct its_qp q;
	struct native n;
	struct ibv_ah *ah; /* of the machine, to the guest */
};

/* Both are in RTS. */
void open_ud_pair(struct world *w, struct ud_pair *x);
void close_ud_pair(struct ud_pair *x);

/* The machine sends to @dgid, as @sgid, from now on. */
void native_aim(struct ud_pair *x, const uint8_t dgid[16], const uint8_t sgid[16]);
/* It sends the beginning of its memory to the guest's QP. */
void native_send(struct ud_pair *x, uint32_t length);

/* A signaled request of the guest's. */
struct vib_send_wqe datagram(uint64_t id, const uint8_t dgid[16], uint32_t qpn);

#endif
