// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast registration as it should be. */

#include "fast.h"

#define SHOW_ALL                                                               \
	(VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ)

int fast_alloc(struct hostile *h, u32 pd, u32 max_pages, u32 key, u32 *made)
{
	struct vib_control_request request = { .operation = VIB_CMD_ALLOC_MR };

	request.u.alloc_mr.pd = pd;
	request.u.alloc_mr.max_pages = max_pages;
	request.u.alloc_mr.key = key;
	return command_create(h, &request, made);
}

int fast_dereg(struct hostile *h, u32 key)
{
	return command_end(h, VIB_CMD_DEREG_MR, key);
}

struct vib_page_list *fast_list(const struct pair *p)
{
	return p->lent_area->va;
}

u64 *fast_entries(const struct pair *p)
{
	return (u64 *)(fast_list(p) + 1);
}

struct vib_send_wqe *fast_put(struct pair *p, enum pair_end end)
{
	struct vib_send_wqe *slot = pair_put(p, end, VIB_OP_REG_MR);
	u32 i;

	for (i = 0; i < FAST_MAX_PAGES; i++)
		fast_entries(p)[i] = PAIR_SHOWN + i * PAGE_SIZE;
	p->key = (p->key & ~0xffu) | ((p->key + 1) & 0xff);
	vib_put_reg_mr(slot, p->iova, FAST_LENGTH, PAIR_LENT, ++p->serial, p->key,
		       SHOW_ALL);
	return slot;
}

void fast_put_inv(struct pair *p, enum pair_end end, u32 key)
{
	pair_put(p, end, VIB_OP_LOCAL_INV)->imm = (__force __be32)key;
}
