/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Address handles of the kernel. Requests carry their addresses, so one is data and
 * nothing at the backend; processes' are the provider's own affair.
 */
#ifndef IBFRONT_AH_H
#define IBFRONT_AH_H

#include <rdma/ib_verbs.h>

#include <xen-ib/queue.h>

struct vib_ah {
	struct ib_ah ibah;
	struct vib_av av;
};

static inline struct vib_ah *to_vib_ah(struct ib_ah *ibah)
{
	return container_of(ibah, struct vib_ah, ibah);
}

int vib_verb_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *init,
		       struct ib_udata *udata);
int vib_verb_query_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr);
int vib_verb_destroy_ah(struct ib_ah *ibah, u32 flags);

/* An address as the ABI has it, and back. */
void vib_av_from(struct vib_av *av, const struct rdma_ah_attr *ah);
void vib_av_to(const struct vib_av *av, struct ib_device *ibdev, u8 port,
	       struct rdma_ah_attr *ah);

#endif
