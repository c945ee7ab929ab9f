// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Grants that are kept for pages that come and go.
 */

#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/genalloc.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include <xen/page.h>

#include "granted.h"
#include "memory.h"
#include "vib.h"

/* What IPoIB's connected mode maps for a device at once, or less. */
#define VIB_GRANTED_MOST  4096u
#define VIB_GRANTED_LEAST 512u

/* Those that fewer others follow are no use: a list would be searched for them. */
#define VIB_GRANTED_ROW 16u

/* How often what the backend was at is tried again, and how long at the end. */
#define VIB_STUCK_TIME	HZ
#define VIB_STUCK_TRIES 5

static u32 vib_granted_index(const struct vib_granted *granted, u64 addr)
{
	return ((addr - VIB_GRANTED_BASE) >> PAGE_SHIFT) - granted->refs[0];
}

static grant_ref_t vib_granted_ref(const struct vib_granted *granted, u32 index)
{
	return granted->refs[0] + index;
}

static u64 vib_granted_addr(const struct vib_granted *granted, u32 index)
{
	return VIB_GRANTED_BASE +
	       ((u64)vib_granted_ref(granted, index) << PAGE_SHIFT);
}

/* ---- mapping ------------------------------------------------------------- */

/*
 * Not a page of a slab, which has others' data, nor one that another domain grants us,
 * nor one that its owner has no reference to: that could not be held.
 */
static bool vib_granted_hold_page(struct page *page)
{
	struct page *head = compound_head(page);

	if (PageSlab(head) || vib_page_is_foreign(page))
		return false;
	return get_page_unless_zero(head);
}

static struct page *vib_granted_nth(struct page *page, u32 i)
{
	return pfn_to_page(page_to_pfn(page) + i);
}

void vib_granted_drop(struct page *page, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		put_page(vib_granted_nth(page, i));
}

bool vib_granted_hold(struct page *page, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (!vib_granted_hold_page(vib_granted_nth(page, i))) {
			vib_granted_drop(page, i);
			return false;
		}
	return true;
}

u64 vib_granted_take(struct vib *vib, u32 count)
{
	struct vib_granted *granted = vib->kernel.granted;

	if (!granted || !READ_ONCE(granted->usable))
		return 0;
	return gen_pool_alloc(granted->places, (size_t)count << PAGE_SHIFT);
}

void vib_granted_show(struct vib *vib, u64 addr, struct page *page, u32 count,
		      bool read_only)
{
	struct vib_granted *granted = vib->kernel.granted;
	u32 first = vib_granted_index(granted, addr), i;

	for (i = 0; i < count; i++) {
		granted->pages[first + i] = vib_granted_nth(page, i);
		gnttab_page_grant_foreign_access_ref_one(
			vib_granted_ref(granted, first + i),
			vib->xbdev->otherend_id, granted->pages[first + i],
			read_only);
	}
	atomic64_inc(&granted->mapped);
}

/* False: the backend is copying at this moment. */
static bool vib_granted_end(struct vib_granted *granted, u32 index)
{
	if (!gnttab_end_foreign_access_ref(vib_granted_ref(granted, index)))
		return false;
	put_page(granted->pages[index]);
	granted->pages[index] = NULL;
	return true;
}

static void vib_granted_free(struct vib_granted *granted, u32 index, u32 count)
{
	if (count)
		gen_pool_free(granted->places, vib_granted_addr(granted, index),
			      (size_t)count << PAGE_SHIFT);
}

void vib_granted_unmap(struct vib *vib, u64 addr, u32 count)
{
	struct vib_granted *granted = vib->kernel.granted;
	u32 first = vib_granted_index(granted, addr), ended = 0, i;

	/* Those that have ended are free, but for one in between that has not. */
	for (i = 0; i < count; i++) {
		if (vib_granted_end(granted, first + i)) {
			ended++;
			continue;
		}
		vib_granted_free(granted, first + i - ended, ended);
		ended = 0;
		set_bit(first + i, granted->stuck);
		schedule_delayed_work(&granted->work, VIB_STUCK_TIME);
	}
	vib_granted_free(granted, first + count - ended, ended);
}

static bool vib_granted_retry(struct vib_granted *granted)
{
	unsigned long index;
	bool left = false;

	for_each_set_bit(index, granted->stuck, granted->span) {
		if (!vib_granted_end(granted, index)) {
			left = true;
			continue;
		}
		/* Before somebody has it who may get stuck with it again. */
		clear_bit(index, granted->stuck);
		vib_granted_free(granted, index, 1);
	}
	return left;
}

static void vib_granted_work(struct work_struct *work)
{
	struct vib_granted *granted = container_of(to_delayed_work(work),
						   struct vib_granted, work);

	if (vib_granted_retry(granted))
		schedule_delayed_work(&granted->work, VIB_STUCK_TIME);
}

/* ---- from the first backend on ------------------------------------------- */

static void vib_granted_put(struct vib_granted *granted)
{
	if (granted->places)
		gen_pool_destroy(granted->places);
	bitmap_free(granted->stuck);
	kvfree(granted->pages);
	kvfree(granted->refs);
	kfree(granted);
}

static int vib_granted_compare(const void *a, const void *b)
{
	const grant_ref_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Grants that follow one another are a place of addresses that do. */
static int vib_granted_add_rows(struct vib_granted *granted)
{
	const grant_ref_t *refs = granted->refs;
	u32 from, to, added = 0;
	int err;

	for (from = 0; from < granted->count; from = to) {
		for (to = from + 1; to < granted->count &&
				    refs[to] == refs[to - 1] + 1; to++)
			;
		if (to - from < VIB_GRANTED_ROW)
			continue;
		err = gen_pool_add(granted->places,
				   vib_granted_addr(granted, refs[from] - refs[0]),
				   (size_t)(to - from) << PAGE_SHIFT,
				   NUMA_NO_NODE);
		if (err)
			return err;
		added += to - from;
	}
	return added < VIB_GRANTED_LEAST ? -ENOSPC : 0;
}

static int vib_granted_prepare(struct vib_granted *granted)
{
	sort(granted->refs, granted->count, sizeof(*granted->refs),
	     vib_granted_compare, NULL);
	granted->span = granted->refs[granted->count - 1] - granted->refs[0] + 1;
	granted->pages = kvcalloc(granted->span, sizeof(*granted->pages),
				  GFP_KERNEL);
	granted->stuck = bitmap_zalloc(granted->span, GFP_KERNEL);
	granted->places = gen_pool_create(PAGE_SHIFT, NUMA_NO_NODE);
	if (!granted->pages || !granted->stuck || !granted->places)
		return -ENOMEM;
	return vib_granted_add_rows(granted);
}

/* As many grants as there should be, or half of them, and so on. */
static int vib_granted_fill(struct vib_granted *granted)
{
	u32 count;

	granted->refs = kvcalloc(VIB_GRANTED_MOST, sizeof(*granted->refs),
				 GFP_KERNEL);
	if (!granted->refs)
		return -ENOMEM;
	for (count = VIB_GRANTED_MOST; count >= VIB_GRANTED_LEAST; count /= 2)
		if (!vib_grants_take_each(count, granted->refs)) {
			granted->count = count;
			return vib_granted_prepare(granted);
		}
	return -ENOSPC;
}

/* What is stuck is the grant table's from now on. */
static void vib_granted_give(struct vib_granted *granted)
{
	u32 i, index;

	for (i = 0; i < granted->count; i++) {
		index = granted->refs[i] - granted->refs[0];
		if (!granted->stuck || !test_bit(index, granted->stuck)) {
			vib_grants_give(granted->refs[i]);
			continue;
		}
		vib_grants_leave_one(granted->refs[i], granted->pages[index]);
		vib_granted_free(granted, index, 1);
	}
}

void vib_granted_open(struct vib *vib)
{
	struct vib_granted *granted;
	int err;

	if (!(vib->info.device.cap_flags & VIB_CAP_GRANTED_DMA))
		return;
	granted = kzalloc(sizeof(*granted), GFP_KERNEL);
	if (!granted)
		return;
	INIT_DELAYED_WORK(&granted->work, vib_granted_work);
	err = vib_granted_fill(granted);
	if (!err) {
		vib->kernel.granted = granted;
		return;
	}
	dev_info(&vib->xbdev->dev, "no grants beside the pool for DMA (%d)\n", err);
	vib_granted_give(granted);
	vib_granted_put(granted);
}

void vib_granted_connect(struct vib *vib)
{
	struct vib_granted *granted = vib->kernel.granted;

	if (granted)
		WRITE_ONCE(granted->usable, vib->info.device.cap_flags &
						    VIB_CAP_GRANTED_DMA);
}

void vib_granted_close(struct vib *vib)
{
	struct vib_granted *granted = vib->kernel.granted;
	unsigned int tries = VIB_STUCK_TRIES;
	size_t stuck;

	if (!granted)
		return;
	vib->kernel.granted = NULL;
	cancel_delayed_work_sync(&granted->work);
	while (vib_granted_retry(granted) && tries--)
		msleep(20);
	stuck = (size_t)bitmap_weight(granted->stuck, granted->span) << PAGE_SHIFT;
	/* As with the pool: who has not unmapped may do it yet. */
	if (WARN_ON(gen_pool_avail(granted->places) + stuck !=
		    gen_pool_size(granted->places)))
		return;
	vib_granted_give(granted);
	vib_granted_put(granted);
}
