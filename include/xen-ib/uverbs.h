/* SPDX-License-Identifier: MIT */
/*
 * Between the guest's kernel and its userspace: the driver's part of the
 * uverbs commands, spoken by ibfront and by its rdma-core provider.
 */
#ifndef XEN_IB_UVERBS_H
#define XEN_IB_UVERBS_H

#include <xen-ib/types.h>

/* The device's uverbs ABI version; raised only when an old provider must not be used. */
#define VIB_UVERBS_ABI 1

/* Answer to allocating a context. */
struct vib_uresp_alloc_context {
	__u32 protocol_version; /* VIB_PROTOCOL_VERSION of the kernel driver */
	__u32 reserved;
};
VIB_ASSERT_SIZE(struct vib_uresp_alloc_context, 8);

#endif
