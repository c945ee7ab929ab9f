/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What becomes of a QP's queues and completions when the kernel has reset or
 * destroyed it; and of an XRC SRQ's.
 */
#ifndef VIB_PROVIDER_QP_H
#define VIB_PROVIDER_QP_H

#include "objects.h"

/* Both queues begin again at index 0, and no completion from before is polled. */
void vib_qp_reset(struct vib_qp *qp);
/* No completion of it is polled any more, nor is it found. */
void vib_qp_leave_cqs(struct vib_qp *qp);
/* Nor one of an XRC SRQ that is destroyed. */
void vib_srq_leave_cq(const struct vib_srq *srq);

#endif
