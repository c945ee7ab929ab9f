/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mapping grants through Linux' /dev/xen/gntdev, also one beside another, for which
 * libxengnttab has no way. One map of gntdev has at most so many grants
 * (drivers/xen/gntdev.c: limit, 65536 unless root said differently). Any thread: what
 * there is to lock, the kernel locks.
 */
#ifndef XEN_IB_COMMON_GNTDEV_H
#define XEN_IB_COMMON_GNTDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xenport_copy;

struct gntdev {
	int fd;
	size_t slice; /* grants of one map; see xenport_slice() */
};

/* @fd: of /dev/xen/gntdev, and stays the caller's. */
void gntdev_init(struct gntdev *g, int fd);

/* As xenport_map() and xenport_map_at(): no more than a slice. */
void *gntdev_map(const struct gntdev *g, uint16_t domid, const uint32_t *refs,
		 size_t count, bool writable);
int gntdev_map_at(const struct gntdev *g, void *addr, uint16_t domid,
		  const uint32_t *refs, size_t count, bool writable);

/* End what gntdev_map() or libxengnttab has mapped through the same descriptor. */
int gntdev_unmap(const struct gntdev *g, void *addr, size_t count);

/* As xenport_copy(). */
int gntdev_copy(const struct gntdev *g, uint16_t domid, const struct xenport_copy *parts,
		size_t count, bool to_guest);

#endif
