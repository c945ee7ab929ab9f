/* SPDX-License-Identifier: MIT */
/*
 * What every header of the ABI starts from: fixed-width types and the
 * compile-time check of sizes and offsets.
 *
 * Everything in shared memory is little-endian, the byte order of every
 * machine Xen runs on, except GUIDs, GIDs and whatever else InfiniBand puts on
 * the wire: those are big-endian, as bytes or as __be types.
 */
#ifndef XEN_IB_TYPES_H
#define XEN_IB_TYPES_H

#include <linux/types.h>
#include <linux/stddef.h>
#ifndef __KERNEL__
#include <stddef.h>
#endif

/* The unit of grants: 4 KiB on every architecture, whatever the guest's own pages. */
#define VIB_PAGE_SHIFT 12
#define VIB_PAGE_SIZE  (1u << VIB_PAGE_SHIFT)

/* Two threads that write one cache line slow each other down; so they do not. */
#define VIB_LINE       64

#define VIB_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), "ABI: size of " #type)
#define VIB_ASSERT_OFFSET(type, field, offset)            \
	_Static_assert(offsetof(type, field) == (offset), \
		       "ABI: offset of " #type "." #field)

struct vib_gid {
	__u8 raw[16]; /* big-endian: 8 bytes subnet prefix, 8 bytes interface id */
};
VIB_ASSERT_SIZE(struct vib_gid, 16);

#endif
