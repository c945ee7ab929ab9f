// SPDX-License-Identifier: GPL-2.0-or-later
/* Grants and pages that the backend has mapped: changed as far as Xen permits. */

#include <linux/delay.h>

#include <xen/page.h>

#include "hostile.h"

static int make_mr(struct hostile *h, struct area *area, u32 *key)
{
	struct vib_control_request request = { .operation = VIB_CMD_REG_MR };

	request.u.reg_mr.iova = 0x7000;
	request.u.reg_mr.length = area->count * PAGE_SIZE;
	request.u.reg_mr.pd = h->world.pds[0];
	request.u.reg_mr.access = VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE;
	request.u.reg_mr.pages = area_pages(h, area);
	return command_create(h, &request, key);
}

/* The entry of a grant that is mapped names another page from now on. */
void attack_grants_reused(struct hostile *h)
{
	struct area *area = area_new(h, 4 * PAGE_SIZE, false);
	u32 key, i;

	if (!area || make_mr(h, area, &key))
		return;
	area->overwritten = true;
	for (i = 0; i < area->count; i++)
		gnttab_grant_foreign_access_ref(area->refs[i], h->xbdev->otherend_id,
						virt_to_gfn(area->va + (3 - i) * PAGE_SIZE),
						chance_below(&h->chance, 2));
	(void)command_end(h, VIB_CMD_DEREG_MR, key);
	(void)make_mr(h, area, &key);
}

/* A grant ends while the command that names it is under way. */
void attack_grants_ended(struct hostile *h)
{
	struct area *area = area_new(h, 16 * PAGE_SIZE, false);
	struct vib_control_request request = { .operation = VIB_CMD_REG_MR };
	u32 i;

	if (!area || !ring_quiet(h))
		return;
	request.u.reg_mr.length = area->count * PAGE_SIZE;
	request.u.reg_mr.pd = h->world.pds[0];
	request.u.reg_mr.access = VIB_ACCESS_LOCAL_WRITE;
	request.u.reg_mr.pages = area_pages(h, area);
	command_send(h, &request);
	if (chance_one_in(&h->chance, 2))
		usleep_range(100, 500);
	/* Those that are mapped already do not end; the references stay ours. */
	for (i = area->count; i-- > 0;)
		gnttab_end_foreign_access_ref(area->refs[i]);
	if (area->list)
		gnttab_end_foreign_access_ref(area->list->refs[0]);
	ring_quiet(h);
}

/* Data that change while they are copied: nobody's affair but the guest's. */
void attack_memory_changing(struct hostile *h)
{
	const struct world_mr_state *mr = &h->world.mrs[MR_ALL];

	flip_begin(h, mr->area->va, mr->length);
	flip_begin(h, h->world.qps[QP_RC_A].sq_area->va, PAGE_SIZE);
	attack_send_flood(h);
	usleep_range(2000, 4000);
}
