/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mapping grants through Linux' /dev/xen/gntdev, as many as one likes in one range.
 * One map of gntdev has at most so many (drivers/xen/gntdev.c: limit, 65536 unless
 * root said differently), and libxengnttab has no way to place one beside another.
 */
#ifndef XEN_IB_COMMON_GNTDEV_H
#define XEN_IB_COMMON_GNTDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gntdev {
	int fd;
	size_t most; /* grants of one map */
};

/* @fd: of /dev/xen/gntdev, and stays the caller's. */
void gntdev_init(struct gntdev *g, int fd);

/* The maps that @count grants take, each a mapping of this process. */
size_t gntdev_pieces(const struct gntdev *g, size_t count);

/* As xenport_map(). */
void *gntdev_map(const struct gntdev *g, uint16_t domid, const uint32_t *refs,
		 size_t count, bool writable);

/* End what gntdev_map() or libxengnttab has mapped through the same descriptor. */
int gntdev_unmap(const struct gntdev *g, void *addr, size_t count);

#endif
