// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory of queues, from its making to its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libvib/internal.h"

void *lv_zalloc(size_t size)
{
	size_t lines = (size + VIB_LINE - 1) / VIB_LINE;
	void *p = aligned_alloc(VIB_LINE, lines * VIB_LINE);

	if (p)
		memset(p, 0, lines * VIB_LINE);
	return p;
}

int lv_queue_order(uint32_t entries)
{
	int order = VIB_QUEUE_MIN_ORDER;

	while (order <= VIB_QUEUE_MAX_ORDER && UINT32_C(1) << order < entries)
		order++;
	return order <= VIB_QUEUE_MAX_ORDER ? order : -EINVAL;
}

bool lv_stride_fits(uint32_t sges, uint32_t inline_len)
{
	/* In every kind of queue; and so that strides can be reckoned at all. */
	return sges <= (VIB_WQE_MAX_STRIDE - VIB_DATA_UD) / sizeof(struct vib_sge) &&
	       inline_len <= VIB_WQE_MAX_STRIDE - VIB_DATA_UD;
}

int lv_queue_make(struct libvib *lv, struct vib_queue *q, uint32_t order, uint32_t stride,
		  struct libvib_pages *pages)
{
	size_t bytes = vib_queue_bytes(order, stride);
	void *memory = libvib_alloc(lv, bytes);
	int err;

	if (!memory)
		return -errno;
	err = libvib_pages_begin(lv, memory, bytes, pages);
	if (err) {
		libvib_free(lv, memory);
		return err;
	}
	vib_queue_init(q, memory, order, stride);
	return 0;
}

void lv_queue_made(struct libvib *lv, struct vib_queue *q, struct libvib_pages *pages,
		   int err)
{
	libvib_pages_end(lv, pages);
	if (err)
		lv_queue_free(lv, q);
}

void lv_queue_free(struct libvib *lv, struct vib_queue *q)
{
	libvib_free(lv, q->hdr);
	q->hdr = NULL;
}
