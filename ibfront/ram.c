// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * All memory, from the first backend that is lent it on. Its grants outlive backends:
 * the next one is told the same.
 */

#include <linux/atomic.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <xen/balloon.h>
#include <xen/xen.h>
#include <xen/xenbus.h>

#include "memory.h"
#include "pool.h"
#include "ram.h"
#include "verbs.h"

/* Where there is no memory, none is looked for in so many pages. */
#define VIB_RAM_STEP 512ul

/* More video memory than that is none. */
#define VIB_RAM_VIDEO_KIB (256u << 10)

/* ---- ballooning ---------------------------------------------------------- */

/*
 * A page that left the domain and came back is another one to Xen, but has the same
 * address here. Before one can come back, the toolstack has set a target twice: the
 * first of them is seen here before the balloon driver learns of the second. Each counts, as
 * two in a row are told of with the value of the second. Who sets a target in sysfs does
 * without xenstore: that is seen by looking at the number of pages, if it takes long enough.
 */
static atomic_t vib_ram_targets = ATOMIC_INIT(0);
static bool vib_ram_told;
static bool vib_ram_watched;

/* How often it is looked at. */
#define VIB_RAM_LOOK_TIME HZ

/* Called once when the watch is set, too. */
static void vib_ram_target_changed(struct xenbus_watch *watch, const char *path,
				   const char *token)
{
	if (vib_ram_told)
		atomic_inc(&vib_ram_targets);
	vib_ram_told = true;
}

static struct xenbus_watch vib_ram_watch = {
	.node = "memory/target",
	.callback = vib_ram_target_changed,
};

void vib_ram_init(void)
{
	vib_ram_watched = !register_xenbus_watch(&vib_ram_watch);
}

void vib_ram_exit(void)
{
	if (vib_ram_watched)
		unregister_xenbus_watch(&vib_ram_watch);
}

/* Pages that the domain has. */
static unsigned long vib_ram_populated(void)
{
	return IS_ENABLED(CONFIG_XEN_BALLOON) ?
		       READ_ONCE(balloon_stats.current_pages) : 0;
}

/* The balloon driver of an HVM guest takes what its video memory is for its own. */
static unsigned long vib_ram_video(void)
{
	unsigned int kib = xenbus_read_unsigned("memory", "videoram", 0);

	/* "-1" is none. */
	return kib > VIB_RAM_VIDEO_KIB ? 0 : kib >> (PAGE_SHIFT - 10);
}

/* All memory that it may have the domain has, and is to keep. */
static bool vib_ram_is_whole(void)
{
	if (!IS_ENABLED(CONFIG_XEN_BALLOON))
		return true;
	return READ_ONCE(balloon_stats.balloon_low) +
			       READ_ONCE(balloon_stats.balloon_high) <=
		       vib_ram_video() &&
	       READ_ONCE(balloon_stats.target_pages) >=
		       READ_ONCE(balloon_stats.current_pages);
}

static bool vib_ram_has_moved(const struct vib_ram *ram)
{
	return atomic_read(&vib_ram_targets) != ram->targets ||
	       vib_ram_populated() != ram->populated;
}

/* Has it, ever since? Any context. */
static bool vib_ram_is_stale(struct vib_ram *ram)
{
	if (READ_ONCE(ram->moved))
		return true;
	if (likely(!vib_ram_has_moved(ram)))
		return false;
	if (!xchg(&ram->moved, true))
		dev_warn(&ram->vib->xbdev->dev,
			 "this domain is ballooned: DMA goes through a pool from now on\n");
	return true;
}

static void vib_ram_look(struct work_struct *work)
{
	struct vib_ram *ram = container_of(to_delayed_work(work),
					   struct vib_ram, look);

	if (!vib_ram_is_stale(ram))
		schedule_delayed_work(&ram->look, VIB_RAM_LOOK_TIME);
}

/* ---- which memory there is ----------------------------------------------- */

static int vib_ram_add(struct vib_ram *ram, unsigned long pfn)
{
	struct vib_ram_range *last = NULL;

	if (ram->num)
		last = &ram->ranges[ram->num - 1];
	if (!last || last->pfn + last->count != pfn ||
	    last->count == VIB_PAGES_MAX) {
		if (ram->num == VIB_RAM_RANGES)
			return -E2BIG;
		last = &ram->ranges[ram->num++];
		last->pfn = pfn;
	}
	last->count++;
	ram->pages++;
	return 0;
}

static int vib_ram_find_node(struct vib_ram *ram, int nid)
{
	unsigned long pfn = node_start_pfn(nid), end = node_end_pfn(nid);
	struct page *page;
	int err = 0;

	for (; pfn < end && !err; pfn++) {
		if (!(pfn % VIB_RAM_STEP))
			cond_resched();
		page = pfn_to_online_page(pfn);
		if (!page)
			pfn |= VIB_RAM_STEP - 1;
		/* Nodes may overlap; a page in the balloon is none to Xen. */
		else if (page_to_nid(page) == nid && !PageOffline(page) &&
			 page_is_ram(pfn))
			err = vib_ram_add(ram, pfn);
	}
	return err;
}

static struct vib_ram *vib_ram_find(void)
{
	struct vib_ram *ram = kvzalloc(sizeof(*ram), GFP_KERNEL);
	int nid, err = 0;

	if (!ram)
		return ERR_PTR(-ENOMEM);
	/* Before looking: what moves meanwhile is found out. */
	ram->targets = atomic_read(&vib_ram_targets);
	ram->populated = vib_ram_populated();
	for_each_online_node(nid) {
		err = vib_ram_find_node(ram, nid);
		if (err)
			break;
	}
	if (!err && !vib_ram_has_moved(ram))
		return ram;
	kvfree(ram);
	return ERR_PTR(err ?: -EAGAIN);
}

/* ---- lending ------------------------------------------------------------- */

static int vib_ram_grant(struct vib *vib, struct vib_ram *ram)
{
	struct vib_memory *memory;
	unsigned int i;

	for (i = 0; i < ram->num; i++) {
		memory = vib_memory_ram(vib, ram->ranges[i].pfn,
					ram->ranges[i].count);
		if (IS_ERR(memory))
			return PTR_ERR(memory);
		ram->ranges[i].memory = memory;
	}
	return 0;
}

static int vib_ram_lend(struct vib *vib)
{
	struct vib_ram *ram = vib->kernel.ram;
	struct vib_ram_range *range;
	int err;

	for (range = ram->ranges; range < ram->ranges + ram->num; range++) {
		if (range->lent)
			continue;
		err = vib_dma_lend(vib, VIB_RAM_BASE + PFN_PHYS(range->pfn),
				   range->memory, &range->number);
		if (err)
			return err;
		range->lent = true;
	}
	return 0;
}

int vib_ram_lend_again(struct vib *vib)
{
	struct vib_ram *ram = vib->kernel.ram;
	int err;

	/* The grants of pages that have left are of nothing. */
	err = vib->ibdev && vib_ram_is_stale(ram) ? -ESTALE : vib_ram_lend(vib);
	if (err && vib->ibdev && READ_ONCE(vib->up))
		ram->spent = true;
	return err;
}

void vib_ram_withdraw(struct vib *vib)
{
	struct vib_ram *ram = vib->kernel.ram;
	unsigned int i;

	for (i = 0; ram && i < ram->num; i++)
		ram->ranges[i].lent = false;
}

void vib_ram_close(struct vib *vib)
{
	struct vib_ram *ram = vib->kernel.ram;
	struct vib_ram_range *range;

	if (!ram)
		return;
	cancel_delayed_work_sync(&ram->look);
	for (range = ram->ranges; range < ram->ranges + ram->num; range++) {
		if (range->lent)
			vib_object_destroy(vib, READ_ONCE(vib->epoch),
					   VIB_CMD_DEREG_DMA, range->number);
		if (range->memory)
			vib_memory_end(vib, range->memory);
	}
	vib->kernel.ram = NULL;
	kvfree(ram);
}

static int vib_ram_try(struct vib *vib, struct vib_ram *ram)
{
	int err = vib_ram_grant(vib, ram);

	if (err == -ENOSPC) {
		dev_warn(&vib->xbdev->dev,
			 "prereg=all takes %lu grants: max_grant_frames is %u and had to be %u (as had Xen's gnttab_max_frames)\n",
			 ram->pages, gnttab_max_grant_frames(),
			 vib_grants_frames(ram->pages));
		return err;
	}
	if (err)
		return err;
	err = vib_ram_lend(vib);
	/* Its log says which of its settings had to be what. */
	if (err && READ_ONCE(vib->up))
		dev_warn(&vib->xbdev->dev,
			 "prereg=all: the backend cannot map %lu MiB (%d); it takes a max_mem above that, and what its log says\n",
			 ram->pages >> (20 - PAGE_SHIFT), err);
	return err;
}

/* Why not at all, or NULL. */
static const char *vib_ram_unfit(void)
{
	if (xen_pv_domain())
		return "is not for PV guests";
	if (!vib_ram_watched)
		return "needs xenstore's memory/target";
	if (!vib_ram_is_whole())
		return "needs memory = maxmem, and this domain is ballooned";
	return NULL;
}

void vib_ram_open(struct vib *vib)
{
	struct device *dev = &vib->xbdev->dev;
	const char *why = vib_ram_unfit();
	struct vib_ram *ram;
	int err;

	if (why) {
		dev_warn(dev, "prereg=all %s: a pool is used instead\n", why);
		return;
	}
	ram = vib_ram_find();
	if (IS_ERR(ram)) {
		dev_warn(dev, "prereg=all: this domain's memory cannot be named (%ld): a pool is used instead\n",
			 PTR_ERR(ram));
		return;
	}
	ram->vib = vib;
	INIT_DELAYED_WORK(&ram->look, vib_ram_look);
	schedule_delayed_work(&ram->look, VIB_RAM_LOOK_TIME);
	vib->kernel.ram = ram;
	err = vib_ram_try(vib, ram);
	if (err) {
		vib_ram_close(vib);
		if (READ_ONCE(vib->up))
			dev_warn(dev, "not all memory is lent (%d): a pool is used instead\n",
				 err);
		return;
	}
	dev_info(dev, "all of this domain's memory, %lu MiB, is lent for DMA\n",
		 ram->pages >> (20 - PAGE_SHIFT));
}

/* ---- mapping ------------------------------------------------------------- */

static bool vib_ram_covers(const struct vib_ram *ram, phys_addr_t phys, size_t size)
{
	const struct vib_ram_range *range;

	for (range = ram->ranges; range < ram->ranges + ram->num; range++) {
		u64 offset = phys - PFN_PHYS(range->pfn); /* huge if it is below */
		u64 bytes = PFN_PHYS((u64)range->count);

		if (offset < bytes)
			return size <= bytes - offset;
	}
	return false;
}

u64 vib_ram_map(struct vib *vib, phys_addr_t phys, size_t size)
{
	struct vib_ram *ram = vib->kernel.ram;

	if (!ram || vib_ram_is_stale(ram))
		return 0;
	return vib_ram_covers(ram, phys, size) ? VIB_RAM_BASE + phys : 0;
}
