// SPDX-License-Identifier: GPL-2.0-or-later
/* Page trees: counts and grants that are wrong, many, the same, or change. */

#include <linux/delay.h>

#include <xen/page.h>

#include "hostile.h"

static struct vib_control_request registration(struct hostile *h, u64 length,
					       struct vib_pages pages)
{
	struct vib_control_request request = { .operation = VIB_CMD_REG_MR };

	request.u.reg_mr.length = length;
	request.u.reg_mr.pd = h->world.pds[0];
	request.u.reg_mr.access = VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |
				  VIB_ACCESS_REMOTE_READ;
	request.u.reg_mr.pages = pages;
	return request;
}

/* The MR it made, if it did, ends at once. */
static void register_and_end(struct hostile *h, struct vib_control_request *request)
{
	u32 key;

	if (!command_create(h, request, &key))
		(void)command_end(h, VIB_CMD_DEREG_MR, key);
}

/* Lengths and counts that do not agree, or are more than there is. */
void attack_pages_counts(struct hostile *h)
{
	struct vib_control_request request;
	struct vib_pages pages;
	u64 length;
	unsigned int n;

	for (n = 0; n < 16 && hostile_goes_on(h); n++) {
		pages = area_pages(h, h->world.mrs[MR_ALL].area);
		pages.count = chance_odd(&h->chance);
		length = (u64)pages.count * PAGE_SIZE;
		if (chance_one_in(&h->chance, 2))
			length = chance_odd(&h->chance);
		/* What would take minutes to map is another check's affair. */
		if (pages.count > 4096 && length == (u64)pages.count * PAGE_SIZE)
			length++;
		request = registration(h, length, pages);
		if (chance_one_in(&h->chance, 2))
			request.u.reg_mr.iova = chance_odd(&h->chance);
		command_send(h, &request);
	}
}

/* A grant that is none, or not ours to give. */
static u32 wrong_ref(struct hostile *h)
{
	const struct world *w = &h->world;

	switch (chance_below(&h->chance, 5)) {
	case 0:
		return w->readonly->refs[0];
	case 1:
		return w->foreign->refs[0];
	case 2:
		return w->ended->refs[0];
	case 3:
		return 0x00100000 + chance32(&h->chance) % 0x7ff00000;
	default:
		return 0xffffffff;
	}
}

void attack_pages_refs(struct hostile *h)
{
	struct area *list = h->world.spare;
	struct vib_control_request request;
	u32 *refs = list->va, count, n;
	bool bad_list;

	for (n = 0; n < 8 && ring_quiet(h); n++) {
		count = 1 + chance_below(&h->chance, 16);
		bad_list = chance_one_in(&h->chance, 4);
		for (u32 i = 0; i < count; i++)
			refs[i] = h->world.mrs[MR_ALL].area->refs[i];
		refs[chance_below(&h->chance, count)] = wrong_ref(h);
		request = registration(h, (u64)count * PAGE_SIZE, (struct vib_pages){
			.count = count,
			.root = count == 1  ? refs[0] :
				bad_list    ? wrong_ref(h) :
					      list->refs[0],
		});
		register_and_end(h, &request);
	}
}

/* One page for all, be it the list that names it. */
void attack_pages_repeated(struct hostile *h)
{
	struct area *list = h->world.spare;
	struct vib_control_request request;
	u32 *refs = list->va, count = 2 + chance_below(&h->chance, 256);
	u32 ref = chance_one_in(&h->chance, 2) ? list->refs[0] :
						 h->world.mrs[MR_ALL].area->refs[0];

	if (!ring_quiet(h))
		return;
	for (u32 i = 0; i < count; i++)
		refs[i] = ref;
	request = registration(h, (u64)count * PAGE_SIZE,
			       (struct vib_pages){ count, list->refs[0] });
	register_and_end(h, &request);
}

/* Two levels, all leaves the same list, all pages the same page. */
void attack_pages_large(struct hostile *h)
{
	struct area *lists = area_new(h, 2 * PAGE_SIZE, true);
	struct vib_control_request request;
	u32 *refs, count = VIB_LIST_REFS + 1 + chance_below(&h->chance, 1024);

	if (!lists || !ring_quiet(h))
		return;
	refs = lists->va;
	for (u32 i = 0; i < VIB_LIST_REFS; i++) {
		refs[i] = lists->refs[1];
		refs[VIB_LIST_REFS + i] = h->world.mrs[MR_ALL].area->refs[i % 256];
	}
	if (chance_one_in(&h->chance, 4))
		refs[1] = wrong_ref(h);
	request = registration(h, (u64)count * PAGE_SIZE,
			       (struct vib_pages){ count, lists->refs[0] });
	register_and_end(h, &request);
}

void attack_pages_changing(struct hostile *h)
{
	struct area *list = h->world.spare;
	struct vib_control_request request;
	u32 n;

	for (n = 0; n < 4 && ring_quiet(h); n++) {
		memcpy(list->va, h->world.mrs[MR_ALL].area->refs, 64 * sizeof(u32));
		flip_begin(h, list->va, 64 * sizeof(u32));
		request = registration(h, 64 * PAGE_SIZE,
				       (struct vib_pages){ 64, list->refs[0] });
		register_and_end(h, &request);
		flip_end(h);
	}
}

/* Queues in memory that is another queue, and regions over the rings themselves. */
void attack_pages_of_queues(struct hostile *h)
{
	struct vib_control_request request;
	const struct world_cq_state *cq = &h->world.cqs[CQ_QUIET];
	struct world_qp_state *qp = &h->world.qps[QP_RC_B];
	u32 number;

	request = registration(h, PAGE_SIZE, (struct vib_pages){ 1, h->async_area->refs[0] });
	register_and_end(h, &request);
	request = registration(h, PAGE_SIZE, (struct vib_pages){ 1, h->ring_area->refs[0] });
	register_and_end(h, &request);
	if (!qp->sq_area)
		return;
	request = (struct vib_control_request){ .operation = VIB_CMD_CREATE_CQ };
	request.u.create_cq.order = 6;
	request.u.create_cq.eq = VIB_NO_OBJECT;
	request.u.create_cq.pages = (struct vib_pages){ 2, area_pages(h, cq->area).root };
	if (!command_create(h, &request, &number))
		(void)command_end(h, VIB_CMD_DESTROY_CQ, number);
	/* Its receive queue is its send queue. */
	qp_request(h, QP_RC_B, &request);
	request.u.create_qp.rq = request.u.create_qp.sq;
	request.u.create_qp.db_index = chance_below(&h->chance, VIB_DB_QUEUES);
	if (!command_create(h, &request, &number))
		(void)command_end(h, VIB_CMD_DESTROY_QP, number);
}
