// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest's kernel alone has: memory without keys, and MADs for its own port. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libvib/internal.h"

static int reg_dma(struct libvib_dma *dma, size_t length)
{
	struct vib_control_request req = { .operation = VIB_CMD_REG_DMA };
	struct libvib_pages pages;
	int err = libvib_pages_begin(dma->lv, dma->addr, length, &pages);

	if (err)
		return err;
	req.u.reg_dma.addr = dma->base;
	req.u.reg_dma.pages = pages.tree;
	err = lv_create(dma->lv, &req, &dma->number);
	libvib_pages_end(dma->lv, &pages);
	return err;
}

int libvib_reg_dma(struct libvib *lv, void *addr, size_t length, uint64_t base,
		   struct libvib_dma **result)
{
	struct libvib_dma *dma;
	int err;

	*result = NULL;
	if ((uintptr_t)addr % VIB_PAGE_SIZE || length % VIB_PAGE_SIZE)
		return -EINVAL;
	dma = calloc(1, sizeof(*dma));
	if (!dma)
		return -ENOMEM;
	dma->lv = lv;
	dma->addr = addr;
	dma->base = base;
	err = reg_dma(dma, length);
	if (err) {
		free(dma);
		return err;
	}
	*result = dma;
	return 0;
}

int libvib_dereg_dma(struct libvib_dma *dma)
{
	int err = lv_destroy(dma->lv, VIB_CMD_DEREG_DMA, dma->number);

	if (!err)
		free(dma);
	return err;
}

/* @page: ours, and granted, the MAD at its beginning. */
static int process(struct libvib *lv, const uint8_t *page, uint8_t out[VIB_MAD_BYTES])
{
	struct vib_control_request req = { .operation = VIB_CMD_PROCESS_MAD,
					   .port = VIB_PORT };
	struct vib_control_response rsp;
	struct libvib_pages pages;
	int err = libvib_pages_begin(lv, page, VIB_PAGE_SIZE, &pages);

	if (err)
		return err;
	req.u.process_mad.ref = pages.tree.root; /* one page is its own tree */
	err = libvib_command(lv, &req, &rsp);
	libvib_pages_end(lv, &pages);
	if (err)
		return err;
	if (!rsp.u.process_mad.replied)
		return 0;
	memcpy(out, page + VIB_MAD_BYTES, VIB_MAD_BYTES);
	return 1;
}

int libvib_process_mad(struct libvib *lv, const uint8_t in[VIB_MAD_BYTES],
		       uint8_t out[VIB_MAD_BYTES])
{
	uint8_t *page = libvib_alloc(lv, VIB_PAGE_SIZE);
	int n;

	if (!page)
		return -errno;
	memcpy(page, in, VIB_MAD_BYTES);
	n = process(lv, page, out);
	libvib_free(lv, page);
	return n;
}
