/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of a guest that has an HCA (guest->hca.wire), which wait for that: each has
 * object_command()'s contract, and says by c->at_hca and c->make how it goes on.
 */
#ifndef XEN_IB_IBBACK_HCA_COMMAND_H
#define XEN_IB_IBBACK_HCA_COMMAND_H

#include "control/object_command.h"

int hca_alloc_pd(struct command *c);

/* Without an HCA, too. */
int hca_dealloc_pd(struct command *c);

/* What was checked and wants its memory is to be registered there. */
void hca_reg_mr(struct command *c);
void hca_reg_dma(struct command *c);

/* The same of what is to be registered anew, perhaps with other memory. */
void hca_rereg_mr(struct command *c);

/*
 * May a queue of the guest's take @more bytes of ibback's memory, which is everybody's?
 * 0, or -ENOMEM and a line in the log.
 */
int hca_check_bytes(const struct guest *guest, uint64_t more);

/* Of a key of fast registration. */
int hca_alloc_mr(struct command *c);
int hca_dereg_fast(struct command *c);

/* One that was checked and is not of XRC, whose queue is to be mapped; its end. */
int hca_create_srq(struct command *c);
int hca_destroy_srq(struct command *c);

/* Destroy by a function that gives one piece of memory back, of what is @wire there. */
int hca_destroy_mr(struct command *c, struct wire_mr *wire,
		   int (*end_of)(struct vhca *vhca, uint32_t number,
				 struct memory *memory));

/* One that was checked, whose queues are to be mapped, and which is not for MADs. */
int hca_create_qp(struct command *c);

/* One that has a counterpart. */
int hca_destroy_qp(struct command *c, struct wire_qp *wire);
int hca_modify_qp(struct command *c, struct wire_qp *wire);

/* Without an HCA, too. */
int hca_attach_mcast(struct command *c);
int hca_detach_mcast(struct command *c);

#endif
