/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of a guest's kernel that is no region: an SGE's address names the page's grant
 * itself, under VIB_LOCAL_DMA_LKEY. Nothing of it is mapped. It is read and written by
 * Xen's grant copy, which looks each time whether the guest grants it and how, by way of
 * memory of our own: what is mapped from a guest Xen takes for nobody's. It costs a
 * system call, so it is what a guest falls back to.
 *
 * In a struct sg such a part has its address in place of a pointer, which no pointer is.
 */
#ifndef XEN_IB_IBBACK_GRANTED_H
#define XEN_IB_IBBACK_GRANTED_H

#include <stdbool.h>
#include <stdint.h>

#include <xen-ib/object.h>

struct vhca;

/* Bytes that are copied at a time. */
#define GRANTED_CHUNK (64u << 10)

static inline bool addr_is_granted(uint64_t addr)
{
	return addr - VIB_GRANTED_BASE < VIB_GRANTED_BYTES;
}

static inline bool is_granted(const uint8_t *at)
{
	return addr_is_granted((uintptr_t)at);
}

/*
 * What stands for @length bytes at @addr, which is_granted(), of the guest of @vhca; NULL
 * if they cannot be granted. Whether they are, is seen when they are copied.
 */
uint8_t *granted_reach(const struct vhca *vhca, uint64_t addr, uint64_t length);

/*
 * Copy @length bytes, at most GRANTED_CHUNK, between @at and memory of the process that
 * is not mapped from a guest. -1: the guest does not grant all of them, or not to be
 * written; some may have been copied.
 */
int granted_read(const struct vhca *vhca, const uint8_t *at, uint8_t *to,
		 uint64_t length);
int granted_write(const struct vhca *vhca, uint8_t *at, const uint8_t *from,
		  uint64_t length);

#endif
