// SPDX-License-Identifier: GPL-2.0-or-later
/* Protection domains, memory regions and windows. */
#include <errno.h>
#include <stdlib.h>

#include "libvib/internal.h"

int libvib_alloc_pd(struct libvib *lv, struct libvib_pd **result)
{
	struct vib_control_request req = { .operation = VIB_CMD_ALLOC_PD };
	struct libvib_pd *pd = calloc(1, sizeof(*pd));
	int err;

	*result = NULL;
	if (!pd)
		return -ENOMEM;
	pd->lv = lv;
	err = lv_create(lv, &req, &pd->number);
	if (err) {
		free(pd);
		return err;
	}
	*result = pd;
	return 0;
}

int libvib_dealloc_pd(struct libvib_pd *pd)
{
	int err = lv_destroy(pd->lv, VIB_CMD_DEALLOC_PD, pd->number);

	if (!err)
		free(pd);
	return err;
}

static int reg_mr(struct libvib_pd *pd, struct libvib_mr *mr, uint32_t access)
{
	struct vib_control_request req = { .operation = VIB_CMD_REG_MR };
	struct vib_control_response rsp;
	struct libvib_pages pages;
	int err;

	err = libvib_pages_begin(mr->lv, mr->addr, mr->length, &pages);
	if (err)
		return err;
	req.u.reg_mr.iova = mr->iova;
	req.u.reg_mr.length = mr->length;
	req.u.reg_mr.pd = pd->number;
	req.u.reg_mr.access = access;
	req.u.reg_mr.pages = pages.tree;
	err = libvib_command(mr->lv, &req, &rsp);
	libvib_pages_end(mr->lv, &pages);
	if (err)
		return err;
	mr->lkey = rsp.u.reg_mr.lkey;
	mr->rkey = rsp.u.reg_mr.rkey;
	return 0;
}

int libvib_reg_mr(struct libvib_pd *pd, void *addr, size_t length, uint64_t iova,
		  uint32_t access, struct libvib_mr **result)
{
	struct libvib_mr *mr;
	int err;

	*result = NULL;
	if (((uintptr_t)addr ^ iova) % VIB_PAGE_SIZE)
		return -EINVAL;
	mr = calloc(1, sizeof(*mr));
	if (!mr)
		return -ENOMEM;
	mr->lv = pd->lv;
	mr->addr = addr;
	mr->length = length;
	mr->iova = iova;
	err = reg_mr(pd, mr, access);
	if (err) {
		free(mr);
		return err;
	}
	*result = mr;
	return 0;
}

/* The request, but for the pages. */
static struct vib_control_request rereg_request(const struct libvib_mr *mr, uint32_t mask,
						const struct libvib_pd *pd, size_t length,
						uint64_t iova, uint32_t access)
{
	struct vib_control_request req = { .operation = VIB_CMD_REREG_MR };

	req.u.rereg_mr.key = mr->lkey;
	req.u.rereg_mr.mask = mask;
	if (mask & VIB_REREG_TRANSLATION) {
		req.u.rereg_mr.mr.iova = iova;
		req.u.rereg_mr.mr.length = length;
	}
	if (mask & VIB_REREG_PD)
		req.u.rereg_mr.mr.pd = pd->number;
	if (mask & VIB_REREG_ACCESS)
		req.u.rereg_mr.mr.access = access;
	return req;
}

int libvib_rereg_mr(struct libvib_mr *mr, uint32_t mask, struct libvib_pd *pd, void *addr,
		    size_t length, uint64_t iova, uint32_t access)
{
	struct vib_control_request req =
		rereg_request(mr, mask, pd, length, iova, access);
	struct vib_control_response rsp;
	struct libvib_pages pages = { .lists = NULL };
	int err;

	if (mask & VIB_REREG_TRANSLATION) {
		if (((uintptr_t)addr ^ iova) % VIB_PAGE_SIZE)
			return -EINVAL;
		err = libvib_pages_begin(mr->lv, addr, length, &pages);
		if (err)
			return err;
		req.u.rereg_mr.mr.pages = pages.tree;
	}
	err = libvib_command(mr->lv, &req, &rsp);
	libvib_pages_end(mr->lv, &pages);
	if (err)
		return err;
	mr->lkey = rsp.u.reg_mr.lkey;
	mr->rkey = rsp.u.reg_mr.rkey;
	if (!(mask & VIB_REREG_TRANSLATION))
		return 0;
	mr->addr = addr;
	mr->length = length;
	mr->iova = iova;
	return 0;
}

int libvib_dereg_mr(struct libvib_mr *mr)
{
	int err = lv_destroy(mr->lv, VIB_CMD_DEREG_MR, mr->lkey);

	if (!err)
		free(mr);
	return err;
}

/* ---- memory windows ---------------------------------------------------- */

int libvib_alloc_mw(struct libvib_pd *pd, enum vib_mw_type type,
		    struct libvib_mw **result)
{
	struct vib_control_request req = { .operation = VIB_CMD_ALLOC_MW };
	struct libvib_mw *mw = calloc(1, sizeof(*mw));
	int err;

	*result = NULL;
	if (!mw)
		return -ENOMEM;
	mw->lv = pd->lv;
	req.u.alloc_mw.pd = pd->number;
	req.u.alloc_mw.type = type;
	err = lv_create(pd->lv, &req, &mw->rkey);
	if (err) {
		free(mw);
		return err;
	}
	*result = mw;
	return 0;
}

int libvib_dealloc_mw(struct libvib_mw *mw)
{
	int err = lv_destroy(mw->lv, VIB_CMD_DEALLOC_MW, mw->rkey);

	if (!err)
		free(mw);
	return err;
}
