/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What ports with management datagrams have beside them: mad.c and counters.c. */
#ifndef IBFRONT_MAD_H
#define IBFRONT_MAD_H

#include <rdma/ib_verbs.h>

struct vib_ibdev;

int vib_verb_process_mad(struct ib_device *ibdev, int flags, u32 port_num,
			 const struct ib_wc *in_wc, const struct ib_grh *in_grh,
			 const struct ib_mad *in, struct ib_mad *out,
			 size_t *out_size, u16 *out_pkey_index);
int vib_verb_modify_port(struct ib_device *ibdev, u32 port_num, int mask,
			 struct ib_port_modify *modify);
/* A backend is told what users have added, each anew. */
void vib_port_tell_caps(struct vib_ibdev *dev);

struct rdma_hw_stats *vib_verb_alloc_port_stats(struct ib_device *ibdev,
						u32 port_num);
int vib_verb_get_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats,
		       u32 port_num, int index);

#endif
