// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that the backend may map, and when it is safe to use it for anything else.
 */

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include <xen/page.h>

#include "hostile.h"

/* What backends had mapped when their connections ended. */
static LIST_HEAD(kept);
static DEFINE_MUTEX(kept_lock);

/* Of one connection: as much as an object of the world takes many times over. */
#define MOST_PAGES 12000

static struct area *area_alloc(u32 size)
{
	struct area *area = kzalloc(sizeof(*area), GFP_KERNEL);

	if (!area)
		return NULL;
	area->size = size;
	area->refs = kcalloc(size, sizeof(*area->refs), GFP_KERNEL);
	area->va = alloc_pages_exact((size_t)size << PAGE_SHIFT,
				     GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (area->refs && area->va)
		return area;
	if (area->va)
		free_pages_exact(area->va, (size_t)size << PAGE_SHIFT);
	kfree(area->refs);
	kfree(area);
	return NULL;
}

/* NULL too when this connection has had enough. */
struct area *area_new(struct hostile *h, size_t bytes, bool readonly)
{
	u32 size = DIV_ROUND_UP(bytes, PAGE_SIZE);
	struct area *area;
	int ref;

	area = h->pages + size > MOST_PAGES ? NULL : area_alloc(size);
	if (!area) {
		h->lacking = true;
		return NULL;
	}
	list_add(&area->entry, &h->areas);
	h->pages += size;
	while (area->count < size) {
		ref = gnttab_grant_foreign_access(
			h->xbdev->otherend_id,
			virt_to_gfn(area->va + area->count * PAGE_SIZE), readonly);
		if (ref < 0)
			return NULL; /* it ends with the connection */
		area->refs[area->count++] = ref;
	}
	return area;
}

struct vib_pages area_pages(struct hostile *h, struct area *area)
{
	struct vib_pages pages = { .count = area->count, .root = area->refs[0] };

	if (area->count == 1)
		return pages;
	if (!area->list)
		area->list = area_new(h, PAGE_SIZE, true);
	if (area->list) {
		memcpy(area->list->va, area->refs,
		       min_t(u32, area->count, VIB_LIST_REFS) * sizeof(u32));
		pages.root = area->list->refs[0];
	}
	return pages;
}

static void area_free(struct area *area)
{
	kfree(area->refs);
	kfree(area);
}

/* false if the backend has some of it mapped. */
static bool area_end(struct area *area)
{
	while (area->count) {
		if (!gnttab_try_end_foreign_access(area->refs[area->count - 1]))
			return false;
		area->count--;
	}
	free_pages_exact(area->va, (size_t)area->size << PAGE_SHIFT);
	area_free(area);
	return true;
}

/* Leave it to the grant table, which keeps the pages for as long as it takes. */
static void area_leave(struct area *area)
{
	while (area->size > area->count)
		free_page((unsigned long)area->va + --area->size * PAGE_SIZE);
	while (area->count) {
		area->count--;
		gnttab_end_foreign_access(area->refs[area->count],
					  virt_to_page(area->va + area->count * PAGE_SIZE));
	}
	area_free(area);
}

static void area_keep(struct hostile *h, struct area *area, bool alive)
{
	mutex_lock(&kept_lock);
	list_add(&area->entry, &kept);
	mutex_unlock(&kept_lock);
	/* One that was not alive yet may just be mapping it, one that is has not gone. */
	if (h->served && !alive)
		tally(TALLY_KEPT);
}

/*
 * The connection is over, and the backend was given time to unmap all. What it has
 * mapped all the same is counted, and tried again at the end of each connection.
 */
void areas_end(struct hostile *h)
{
	struct area *control = h->control, *area, *next;
	bool alive = hostile_alive(h), gone = true;
	unsigned int tries = 500;

	/* Entries that were overwritten say nothing: the control page's does. */
	if (control) {
		list_del(&control->entry);
		/* Its unmapping clears the byte, and is not over then. */
		for (gone = area_end(control); !gone && h->served && !alive && tries;
		     gone = area_end(control), tries--)
			usleep_range(5000, 10000);
		if (!gone)
			area_keep(h, control, alive);
	}
	list_for_each_entry_safe(area, next, &h->areas, entry) {
		list_del(&area->entry);
		if ((!gone && area->overwritten) || !area_end(area))
			area_keep(h, area, alive);
	}
	h->control = h->ring_area = h->async_area = NULL;
	h->pages = 0;
}

void kept_end(bool for_good)
{
	struct area *area, *next;

	mutex_lock(&kept_lock);
	list_for_each_entry_safe(area, next, &kept, entry) {
		/* Nobody knows when these can be used again: never. */
		if (area->overwritten)
			continue;
		list_del(&area->entry);
		if (area_end(area))
			continue;
		if (for_good)
			area_leave(area);
		else
			list_add(&area->entry, &kept);
	}
	mutex_unlock(&kept_lock);
}
