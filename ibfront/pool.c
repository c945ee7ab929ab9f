// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The pool's pages, from the first backend that is lent them on.
 */

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "granted.h"
#include "places.h"
#include "pool.h"
#include "ram.h"
#include "verbs.h"

/* MiB, of which the page tree of one region bounds the number. */
#define VIB_POOL_MAX (VIB_PAGES_MAX >> (20 - PAGE_SHIFT))

/* Less is of no use: half of it has ib_mad, for receives with a page each. */
#define VIB_POOL_MIN_PAGES (8 * (SZ_1M >> PAGE_SHIFT))

/* Where the administrator wants such users, and the parameter names no size. */
#define VIB_POOL_USUAL_PAGES (64 * (SZ_1M >> PAGE_SHIFT))

static unsigned int vib_pool_mib = 64;
module_param_named(pool, vib_pool_mib, uint, 0444);
MODULE_PARM_DESC(pool, "MiB of memory for the DMA of the kernel's users of a vib whose prereg= does not say, 0: no such users (default 64)");

static void vib_pool_free(struct vib_pool *pool)
{
	u32 i;

	/* Who has not unmapped may do it yet. */
	if (pool->places && WARN_ON(!vib_places_free(pool->places)))
		return;
	if (pool->address)
		vunmap(pool->address);
	/* What a backend keeps has them by reference. */
	for (i = 0; i < pool->count; i++)
		put_page(pool->pages[i]);
	kvfree(pool->originals);
	kvfree(pool->pages);
	kfree(pool);
}

static int vib_pool_fill(struct vib_pool *pool, u32 count)
{
	for (; pool->count < count; pool->count++) {
		pool->pages[pool->count] = alloc_page(GFP_KERNEL | __GFP_ZERO |
						      __GFP_NORETRY |
						      __GFP_NOWARN);
		if (!pool->pages[pool->count])
			return -ENOMEM;
	}
	pool->address = vmap(pool->pages, count, VM_MAP, PAGE_KERNEL);
	if (pool->address)
		pool->places = vib_places_new(VIB_DMA_BASE, count);
	return pool->places ? 0 : -ENOMEM;
}

static struct vib_pool *vib_pool_new(u32 count)
{
	struct vib_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);

	if (!pool)
		return NULL;
	pool->pages = kvcalloc(count, sizeof(*pool->pages), GFP_KERNEL);
	pool->originals = kvcalloc(count, sizeof(*pool->originals), GFP_KERNEL);
	if (pool->pages && pool->originals && !vib_pool_fill(pool, count))
		return pool;
	vib_pool_free(pool);
	return NULL;
}

int vib_dma_lend(struct vib *vib, u64 addr, const struct vib_memory *memory,
		 u32 *number)
{
	struct vib_control_request request = { .operation = VIB_CMD_REG_DMA };
	struct vib_tree tree;
	int err;

	err = vib_tree_make(vib, memory, &tree);
	if (err)
		return err;
	request.u.reg_dma = (struct vib_cmd_reg_dma){
		.addr = addr,
		.pages = tree.pages,
	};
	err = vib_object_create(vib, READ_ONCE(vib->epoch), &request, number);
	vib_tree_end(vib, &tree, err);
	return err;
}

int vib_pool_lend(struct vib *vib)
{
	struct vib_pool *pool = vib->kernel.pool;
	struct vib_memory *memory;
	int err;

	memory = vib_memory_share(vib, VIB_MEMORY_POOL, pool->pages,
				  pool->count, true);
	if (IS_ERR(memory))
		return PTR_ERR(memory);
	err = vib_dma_lend(vib, VIB_DMA_BASE, memory, &pool->number);
	if (err)
		vib_memory_end(vib, memory);
	else
		pool->lent = memory;
	return err;
}

static u32 vib_pool_parameter(void)
{
	return min_t(u32, vib_pool_mib, VIB_POOL_MAX) << (20 - PAGE_SHIFT);
}

/*
 * Pages that a pool is to have: as the administrator has it in the backend's
 * directory, else as the parameter; and never most of the memory there is. *@all: all
 * memory is to be lent, and these if it cannot.
 */
static u32 vib_pool_wanted(struct vib *vib, bool *all)
{
	u32 wanted = vib_pool_parameter();
	char *text, *end;
	u64 bytes;

	*all = false;
	text = xenbus_read(XBT_NIL, vib->xbdev->otherend, VIB_BE_PREREG, NULL);
	if (IS_ERR(text))
		return min_t(u64, wanted, totalram_pages() / 2);
	bytes = memparse(text, &end);
	*all = !strcmp(text, "all");
	if (*all)
		wanted = wanted ?: VIB_POOL_USUAL_PAGES;
	else if (end == text || *end)
		dev_warn(&vib->xbdev->dev, "prereg=%s is no size\n", text);
	else
		wanted = min_t(u64, bytes >> PAGE_SHIFT, VIB_PAGES_MAX);
	kfree(text);
	return min_t(u64, wanted, totalram_pages() / 2);
}

/* As many pages as are wanted, or half of them, and so on. */
static int vib_pool_try(struct vib *vib, u32 wanted)
{
	int err = -ENOMEM;
	u32 count;

	for (count = wanted; count >= VIB_POOL_MIN_PAGES; count /= 2) {
		vib->kernel.pool = vib_pool_new(count);
		if (!vib->kernel.pool)
			continue;
		err = vib_pool_lend(vib);
		if (!err)
			return 0;
		vib_pool_free(vib->kernel.pool);
		vib->kernel.pool = NULL;
		/* Of grants or memory, here or there, less may do. */
		if (err != -ENOSPC && err != -ENOMEM)
			break;
	}
	return err;
}

int vib_pool_open(struct vib *vib)
{
	struct device *dev = &vib->xbdev->dev;
	u32 wanted;
	bool all;
	int err;

	/* An ib_device that was registered without it does without it. */
	if (vib->ibdev || !(vib->info.device.cap_flags & VIB_CAP_LOCAL_DMA_LKEY))
		return 0;
	wanted = vib_pool_wanted(vib, &all);
	if (!wanted)
		return 0;
	if (all)
		vib_ram_open(vib);
	if (vib->kernel.ram)
		wanted = VIB_POOL_MIN_PAGES;
	err = vib_pool_try(vib, wanted);
	if (vib->kernel.pool)
		vib_granted_open(vib);
	else
		vib_ram_close(vib);
	if (!READ_ONCE(vib->up))
		return -EIO;
	if (err)
		dev_err(dev, "no pool for DMA (%d): IPoIB and others of this kernel cannot use the device\n",
			err);
	else if (vib->kernel.pool->count != wanted)
		dev_warn(dev, "the pool for DMA has %u MiB instead of %u, as grants, memory or the backend's quota are short\n",
			 vib->kernel.pool->count >> (20 - PAGE_SHIFT),
			 wanted >> (20 - PAGE_SHIFT));
	return 0;
}

void vib_pool_withdraw(struct vib *vib)
{
	struct vib_pool *pool = vib->kernel.pool;

	if (!pool || !pool->lent)
		return;
	vib_memory_end(vib, pool->lent);
	pool->lent = NULL;
}

void vib_pool_close(struct vib *vib)
{
	struct vib_pool *pool = vib->kernel.pool;

	if (!pool)
		return;
	cancel_delayed_work_sync(&vib->kernel.report);
	vib_kernel_lock(vib);
	if (pool->lent)
		vib_object_destroy(vib, READ_ONCE(vib->epoch),
				   VIB_CMD_DEREG_DMA, pool->number);
	vib_pool_withdraw(vib);
	vib_ram_close(vib);
	vib_granted_close(vib);
	vib->kernel.pool = NULL;
	vib_kernel_unlock(vib);
	vib_pool_free(pool);
}

/*
 * A quarter, and of a small pool up to three, is for parts of pages, and for slabs', which
 * cannot be granted: of IPoIB's connected mode and ib_mad these are 8 MiB.
 */
bool vib_pool_is_low(const struct vib_pool *pool)
{
	u32 kept = min_t(u32, pool->count / 4 * 3, 8 * (SZ_1M >> PAGE_SHIFT));

	return vib_places_left(pool->places) < max_t(u32, pool->count / 4, kept);
}

u64 vib_pool_take(struct vib_pool *pool, u32 pages)
{
	u64 addr = vib_places_take(pool->places, pages);

	if (!addr)
		atomic64_inc(&pool->full);
	return addr;
}

void vib_pool_give(struct vib_pool *pool, u64 addr, u32 pages)
{
	vib_places_give(pool->places, addr, pages);
}
