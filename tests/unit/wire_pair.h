/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's QP of RC or UC in the rig of the wire, and the machine behind it. */
#ifndef XEN_IB_TESTS_WIRE_PAIR_H
#define XEN_IB_TESTS_WIRE_PAIR_H

#include "wire_rig.h"

#define SIGNALED(op, id_)                                              \
	(struct vib_send_wqe)                                          \
	{                                                              \
		.opcode = op, .flags = VIB_SEND_SIGNALED, .wr_id = id_ \
	}

struct pair {
	struct its_qp q;
	struct native n;
};

/* The machine's QP is connected; the guest's is in RESET, or in RTS. */
void open_pair(struct world *w, struct pair *x, enum vib_qp_type type);
void connect_pair(struct world *w, struct pair *x, enum vib_qp_type type);

/* A signaled request for the machine's memory. */
struct vib_send_wqe to_native(const struct pair *x, uint8_t opcode, uint64_t id);
/* The machine's request, of the beginning of its memory. */
void native_post(struct native *n, struct ibv_send_wr wr, uint32_t length);

/* As when the HCA's port has no link. */
void go_down(struct peer *p);

/* An HCA with fewer places than the guest's queue. */
int set_up_small(void **state);

#endif
