/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Where the kernels that this module is built for differ. */
#ifndef IBFRONT_COMPAT_H
#define IBFRONT_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#include <rdma/ib_verbs.h>

/* Pins of pages that are only read, for as long as it takes. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
/* A page that was pinned for reading could be replaced on the next write to it. */
#define VIB_FOLL_READ (FOLL_LONGTERM | FOLL_WRITE | FOLL_FORCE)
#else
#define VIB_FOLL_READ FOLL_LONGTERM
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
/* Its users are told all the same: libibverbs and the provider know it. */
#define IB_DEVICE_ATOMIC_WRITE (1ULL << 40)
#endif

/* mprotect(2) will not make it writable. */
static inline void vib_vma_never_writable(struct vm_area_struct *vma)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags &= ~VM_MAYWRITE;
#else
	vm_flags_clear(vma, VM_MAYWRITE);
#endif
}

/* What struct dma_map_ops calls it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define VIB_ALLOC_PAGES alloc_pages
#else
#define VIB_ALLOC_PAGES alloc_pages_op
#endif

/* What ib_device_ops.create_cq gets last, and the udata of it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define vib_create_cq_arg	 ib_udata
#define vib_create_cq_udata(arg) (arg)
#else
#define vib_create_cq_arg	 uverbs_attr_bundle
#define vib_create_cq_udata(arg) (&(arg)->driver_udata)
#endif

#endif
