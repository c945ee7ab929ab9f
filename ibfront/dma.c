// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * DMA as the kernel's users of the ib_device know it: a mapping is the memory itself,
 * where all is lent (ram.c), else a copy in the pool, made and taken back as swiotlb
 * does, or, where that is full, whole pages that are granted (granted.c). All of it may
 * be called anywhere.
 *
 * A mapping has the offset in its page that its memory has. Where the memory of a
 * list lies end to end, so do its mappings, which ib_map_mr_sg() asks for: a list is
 * mapped in one way as a whole.
 *
 * In a domain with backends of its own, as Dom0, a page may be another domain's: it goes
 * through the pool, whatever else is lent, and so does a list that has one.
 */

#include <linux/dma-map-ops.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "compat.h"
#include "fast.h"
#include "granted.h"
#include "pool.h"
#include "ram.h"
#include "vib.h"

/* One mapping, for who asks: few of these fill the pool. */
#define VIB_DMA_MAX_MAPPING SZ_1M

/* What failed is told so much later, once. */
#define VIB_REPORT_TIME HZ

static struct vib_pool *vib_dma_pool(struct device *dev)
{
	struct vib *vib = dev_get_drvdata(dev);

	return vib->kernel.pool;
}

/* In @size bytes from @offset on of the memory that @page begins. */
static bool vib_dma_has_foreign(struct page *page, unsigned long offset, size_t size)
{
	unsigned long pfn = page_to_pfn(page) + (offset >> PAGE_SHIFT);
	unsigned long end = pfn + PFN_UP(offset_in_page(offset) + size);

	for (; pfn < end; pfn++)
		if (vib_page_is_foreign(pfn_to_page(pfn)))
			return true;
	return false;
}

static u64 vib_dma_map_ram(struct device *dev, struct page *page,
			   unsigned long offset, size_t size)
{
	struct vib *vib = dev_get_drvdata(dev);

	if (!vib->kernel.ram || vib_dma_has_foreign(page, offset, size))
		return 0;
	return vib_ram_map(vib, page_to_phys(page) + offset, size);
}

static u32 vib_dma_page(dma_addr_t addr)
{
	return (addr - VIB_DMA_BASE) >> PAGE_SHIFT;
}

/* Nothing takes a page as well. */
static u32 vib_dma_pages(u64 addr, size_t size)
{
	return max_t(u32, PFN_UP(offset_in_page(addr) + size), 1);
}

/* What a mapping, or a part of it, is of; NULL: of itself, it is coherent. */
static void *vib_dma_original(const struct vib_pool *pool, dma_addr_t addr)
{
	u8 *page = pool->originals[vib_dma_page(addr)].page;

	return page ? page + offset_in_page(addr) : NULL;
}

static void vib_dma_copy_in(struct vib_pool *pool, dma_addr_t addr, size_t size)
{
	void *original = vib_dma_original(pool, addr);

	if (original)
		memcpy(vib_pool_address(pool, addr), original, size);
}

static void vib_dma_copy_out(struct vib_pool *pool, dma_addr_t addr, size_t size)
{
	void *original = vib_dma_original(pool, addr);

	if (original)
		memcpy(original, vib_pool_address(pool, addr), size);
}

/*
 * @place, of as many pages as that takes, carries @original. Unless that is only to be read,
 * it is copied all the same: of what a device does not write, the original is to stay.
 */
static dma_addr_t vib_dma_place(struct vib_pool *pool, u64 place, void *original,
				size_t size, enum dma_data_direction dir,
				unsigned long attrs)
{
	dma_addr_t addr = place + offset_in_page(original);
	u8 *page = (u8 *)original - offset_in_page(original);
	u32 first = vib_dma_page(place), i;

	for (i = 0; i < vib_dma_pages(addr, size); i++)
		pool->originals[first + i] = (struct vib_original){
			.page = page + i * PAGE_SIZE,
			.read_only = dir == DMA_TO_DEVICE,
		};
	if (dir != DMA_TO_DEVICE && !(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		vib_dma_copy_in(pool, addr, size);
	return addr;
}

static bool vib_dma_is_pools(const struct vib_pool *pool, u64 addr, u32 size)
{
	u64 from = addr - VIB_DMA_BASE, end = (u64)pool->count << PAGE_SHIFT;

	return from < end && size <= end - from;
}

static bool vib_dma_is_read_only(const struct vib_pool *pool, u64 addr)
{
	return pool->originals[vib_dma_page(addr)].read_only;
}

void vib_dma_copy_now(struct vib *vib, u64 addr, u32 size)
{
	struct vib_pool *pool = vib->kernel.pool;

	if (vib_dma_is_pools(pool, addr, size) && vib_dma_is_read_only(pool, addr))
		vib_dma_copy_in(pool, addr, size);
}

bool vib_dma_lands(struct vib *vib, u64 addr, u32 size)
{
	struct vib_pool *pool = vib->kernel.pool;

	return vib_dma_is_pools(pool, addr, size) && !vib_dma_is_read_only(pool, addr) &&
	       vib_dma_original(pool, addr);
}

void vib_dma_land(struct vib *vib, u64 addr, u32 size)
{
	if (vib_dma_lands(vib, addr, size))
		vib_dma_copy_out(vib->kernel.pool, addr, size);
}

/* There is neither room nor grants: who asks may try again later. */
static void vib_dma_fail(struct device *dev)
{
	struct vib *vib = dev_get_drvdata(dev);

	atomic64_inc(&vib->kernel.dma_failed);
	schedule_delayed_work(&vib->kernel.report, VIB_REPORT_TIME);
}

/* The toolstack sees it there; at most so often. */
static void vib_dma_report(struct work_struct *work)
{
	struct vib *vib = container_of(to_delayed_work(work), struct vib,
				       kernel.report);
	const char *dir = vib->xbdev->nodename;

	/* A directory that the toolstack has removed is not to come back. */
	if (READ_ONCE(vib->up) && xenbus_exists(XBT_NIL, dir, "state"))
		xenbus_printf(XBT_NIL, dir, VIB_FE_DMA_FAILURES, "%lld",
			      atomic64_read(&vib->kernel.dma_failed));
}

static bool vib_dma_is_whole(unsigned long offset, size_t size)
{
	return size && !((offset | size) & ~PAGE_MASK);
}

/* @size bytes from @offset on of the memory that @page begins, granted; 0: they are not. */
static u64 vib_dma_grant(struct device *dev, struct page *page, unsigned long offset,
			 size_t size, enum dma_data_direction dir)
{
	struct vib *vib = dev_get_drvdata(dev);
	u32 count = size >> PAGE_SHIFT;
	u64 addr;

	if (!vib->kernel.granted || !vib_dma_is_whole(offset, size))
		return 0;
	page = pfn_to_page(page_to_pfn(page) + (offset >> PAGE_SHIFT));
	if (!vib_granted_hold(page, count))
		return 0;
	addr = vib_granted_take(vib, count);
	if (addr)
		vib_granted_show(vib, addr, page, count, dir == DMA_TO_DEVICE);
	else
		vib_granted_drop(page, count);
	return addr;
}

static dma_addr_t vib_dma_map_page(struct device *dev, struct page *page,
				   unsigned long offset, size_t size,
				   enum dma_data_direction dir,
				   unsigned long attrs)
{
	struct vib_pool *pool = vib_dma_pool(dev);
	u8 *original = (u8 *)page_address(page) + offset;
	u64 place;

	BUILD_BUG_ON(IS_ENABLED(CONFIG_HIGHMEM));

	place = vib_dma_map_ram(dev, page, offset, size);
	if (!place && vib_pool_is_low(pool))
		place = vib_dma_grant(dev, page, offset, size, dir);
	if (place)
		return place;
	place = vib_pool_take(pool, vib_dma_pages((uintptr_t)original, size));
	if (place)
		return vib_dma_place(pool, place, original, size, dir, attrs);
	/* A pool that is not low may have no place as large. */
	place = vib_dma_grant(dev, page, offset, size, dir);
	if (place)
		return place;
	vib_dma_fail(dev);
	return DMA_MAPPING_ERROR;
}

static void vib_dma_unmap_page(struct device *dev, dma_addr_t addr, size_t size,
			       enum dma_data_direction dir, unsigned long attrs)
{
	struct vib_pool *pool = vib_dma_pool(dev);

	if (vib_ram_has(addr))
		return;
	if (vib_granted_has(addr)) {
		vib_granted_unmap(dev_get_drvdata(dev), addr, PFN_UP(size));
		return;
	}
	if (dir != DMA_TO_DEVICE && !(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		vib_dma_copy_out(pool, addr, size);
	vib_pool_give(pool, addr - offset_in_page(addr),
		      vib_dma_pages(addr, size));
}

/* All of the list, or false; with @row only if its pages follow one another. */
static bool vib_dma_map_sg_ram(struct device *dev, struct scatterlist *list, int nents,
			       bool row)
{
	struct scatterlist *sg;
	u64 addr, end = 0;
	int i;

	for_each_sg(list, sg, nents, i) {
		addr = vib_dma_map_ram(dev, sg_page(sg), sg->offset, sg->length);
		if (!addr || (row && i && addr != end))
			return false;
		end = addr + sg->length;
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = sg->length;
	}
	return true;
}

/* The first @count entries are held no more. */
static void vib_dma_drop_sg(struct scatterlist *list, int count)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(list, sg, count, i)
		vib_granted_drop(sg_page(sg), sg->length >> PAGE_SHIFT);
}

static bool vib_dma_hold_sg(struct scatterlist *list, int nents)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(list, sg, nents, i) {
		if (vib_dma_is_whole(sg->offset, sg->length) && !sg->offset &&
		    vib_granted_hold(sg_page(sg), sg->length >> PAGE_SHIFT))
			continue;
		vib_dma_drop_sg(list, i);
		return false;
	}
	return true;
}

/* All of the list, of @pages whole pages, end to end; or false. */
static bool vib_dma_grant_sg(struct device *dev, struct scatterlist *list, int nents,
			     u32 pages, enum dma_data_direction dir)
{
	struct vib *vib = dev_get_drvdata(dev);
	struct scatterlist *sg;
	u64 addr;
	int i;

	if (!vib->kernel.granted || !vib_dma_hold_sg(list, nents))
		return false;
	addr = vib_granted_take(vib, pages);
	if (!addr) {
		vib_dma_drop_sg(list, nents);
		return false;
	}
	for_each_sg(list, sg, nents, i) {
		vib_granted_show(vib, addr, sg_page(sg), sg->length >> PAGE_SHIFT,
				 dir == DMA_TO_DEVICE);
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = sg->length;
		addr += sg->length;
	}
	return true;
}

static int vib_dma_map_sg(struct device *dev, struct scatterlist *list, int nents,
			  enum dma_data_direction dir, unsigned long attrs)
{
	bool row = vib_fast_wants_row(dev_get_drvdata(dev));
	struct vib_pool *pool = vib_dma_pool(dev);
	struct scatterlist *sg;
	u32 pages = 0;
	u64 place;
	int i;

	if (!nents)
		return -EINVAL;
	if (vib_dma_map_sg_ram(dev, list, nents, row))
		return nents;
	for_each_sg(list, sg, nents, i)
		pages += vib_dma_pages(sg->offset, sg->length);
	if (vib_pool_is_low(pool) && vib_dma_grant_sg(dev, list, nents, pages, dir))
		return nents;
	place = vib_pool_take(pool, pages);
	if (!place) {
		/* Who registers nothing has no use for a row. */
		if (row && vib_dma_map_sg_ram(dev, list, nents, false))
			return nents;
		if (vib_dma_grant_sg(dev, list, nents, pages, dir))
			return nents;
		vib_dma_fail(dev);
		return -ENOMEM;
	}
	for_each_sg(list, sg, nents, i) {
		sg_dma_address(sg) = vib_dma_place(pool, place, sg_virt(sg),
						   sg->length, dir, attrs);
		sg_dma_len(sg) = sg->length;
		place += (u64)vib_dma_pages(sg->offset, sg->length) << PAGE_SHIFT;
	}
	return nents;
}

static void vib_dma_unmap_sg(struct device *dev, struct scatterlist *list,
			     int nents, enum dma_data_direction dir,
			     unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	/* Before anybody else may have the memory. */
	vib_fast_unmap(dev_get_drvdata(dev), list, nents);
	for_each_sg(list, sg, nents, i)
		vib_dma_unmap_page(dev, sg_dma_address(sg), sg_dma_len(sg), dir,
				   attrs);
}

/* Not the memory itself. */
static bool vib_dma_is_copy(dma_addr_t addr)
{
	return !vib_ram_has(addr) && !vib_granted_has(addr);
}

static void vib_dma_sync_for_cpu(struct device *dev, dma_addr_t addr, size_t size,
				 enum dma_data_direction dir)
{
	if (vib_dma_is_copy(addr) && dir != DMA_TO_DEVICE)
		vib_dma_copy_out(vib_dma_pool(dev), addr, size);
}

static void vib_dma_sync_for_device(struct device *dev, dma_addr_t addr,
				    size_t size, enum dma_data_direction dir)
{
	if (vib_dma_is_copy(addr) && dir != DMA_FROM_DEVICE)
		vib_dma_copy_in(vib_dma_pool(dev), addr, size);
}

static void vib_dma_sync_sg_for_cpu(struct device *dev, struct scatterlist *list,
				    int nents, enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(list, sg, nents, i)
		vib_dma_sync_for_cpu(dev, sg_dma_address(sg), sg_dma_len(sg), dir);
}

static void vib_dma_sync_sg_for_device(struct device *dev,
				       struct scatterlist *list, int nents,
				       enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(list, sg, nents, i)
		vib_dma_sync_for_device(dev, sg_dma_address(sg), sg_dma_len(sg),
					dir);
}

/* Pages like any others; NULL: such are not lent. */
static void *vib_dma_alloc_ram(struct device *dev, size_t size, dma_addr_t *addr,
			       gfp_t gfp)
{
	struct vib *vib = dev_get_drvdata(dev);
	struct page *page;

	if (!vib->kernel.ram)
		return NULL;
	page = alloc_pages(gfp | __GFP_ZERO | __GFP_NOWARN, get_order(size));
	if (!page)
		return NULL;
	*addr = vib_dma_map_ram(dev, page, 0, size);
	if (*addr)
		return page_address(page);
	__free_pages(page, get_order(size));
	return NULL;
}

/* Pages that are granted, the last resort. */
static void *vib_dma_alloc_granted(struct device *dev, u32 pages, dma_addr_t *addr,
				   gfp_t gfp)
{
	size_t size = (size_t)pages << PAGE_SHIFT;
	struct page *page;

	/* Each has to have a reference. */
	page = alloc_pages(gfp | __GFP_ZERO | __GFP_NOWARN | __GFP_COMP,
			   get_order(size));
	if (page) {
		*addr = vib_dma_grant(dev, page, 0, size, DMA_BIDIRECTIONAL);
		if (*addr)
			return page_address(page);
		__free_pages(page, get_order(size));
	}
	vib_dma_fail(dev);
	return NULL;
}

/* Else memory of the pool itself. */
static void *vib_dma_alloc(struct device *dev, size_t size, dma_addr_t *addr,
			   gfp_t gfp, unsigned long attrs)
{
	struct vib_pool *pool = vib_dma_pool(dev);
	void *address = vib_dma_alloc_ram(dev, size, addr, gfp);
	u32 pages = PFN_UP(size), first;
	u64 place;

	if (address)
		return address;
	place = vib_pool_take(pool, pages);
	if (!place)
		return vib_dma_alloc_granted(dev, pages, addr, gfp);
	first = vib_dma_page(place);
	memset(&pool->originals[first], 0, pages * sizeof(*pool->originals));
	memset(vib_pool_address(pool, place), 0, (size_t)pages << PAGE_SHIFT);
	*addr = place;
	return vib_pool_address(pool, place);
}

static void vib_dma_free(struct device *dev, size_t size, void *address,
			 dma_addr_t addr, unsigned long attrs)
{
	if (vib_dma_is_copy(addr)) {
		vib_pool_give(vib_dma_pool(dev), addr, PFN_UP(size));
		return;
	}
	if (vib_granted_has(addr))
		vib_granted_unmap(dev_get_drvdata(dev), addr, PFN_UP(size));
	free_pages((unsigned long)address, get_order(size));
}

/* They follow one another in memory, which those of the pool do not. */
static struct page *vib_dma_alloc_pages(struct device *dev, size_t size,
					dma_addr_t *addr,
					enum dma_data_direction dir, gfp_t gfp)
{
	struct page *page = alloc_pages(gfp, get_order(size));

	if (!page)
		return NULL;
	*addr = vib_dma_map_page(dev, page, 0, size, dir, 0);
	if (*addr == DMA_MAPPING_ERROR) {
		__free_pages(page, get_order(size));
		return NULL;
	}
	return page;
}

static void vib_dma_free_pages(struct device *dev, size_t size, struct page *page,
			       dma_addr_t addr, enum dma_data_direction dir)
{
	vib_dma_unmap_page(dev, addr, size, dir, DMA_ATTR_SKIP_CPU_SYNC);
	__free_pages(page, get_order(size));
}

static int vib_dma_supported(struct device *dev, u64 mask)
{
	return mask == DMA_BIT_MASK(64);
}

static u64 vib_dma_required_mask(struct device *dev)
{
	return DMA_BIT_MASK(64);
}

static size_t vib_dma_max_mapping(struct device *dev)
{
	return VIB_DMA_MAX_MAPPING;
}

static const struct dma_map_ops vib_dma_ops = {
	.alloc = vib_dma_alloc,
	.free = vib_dma_free,
	.VIB_ALLOC_PAGES = vib_dma_alloc_pages,
	.free_pages = vib_dma_free_pages,
	.map_page = vib_dma_map_page,
	.unmap_page = vib_dma_unmap_page,
	.map_sg = vib_dma_map_sg,
	.unmap_sg = vib_dma_unmap_sg,
	.sync_single_for_cpu = vib_dma_sync_for_cpu,
	.sync_single_for_device = vib_dma_sync_for_device,
	.sync_sg_for_cpu = vib_dma_sync_sg_for_cpu,
	.sync_sg_for_device = vib_dma_sync_sg_for_device,
	.dma_supported = vib_dma_supported,
	.get_required_mask = vib_dma_required_mask,
	.max_mapping_size = vib_dma_max_mapping,
};

void vib_dma_init(struct vib *vib)
{
	INIT_DELAYED_WORK(&vib->kernel.report, vib_dma_report);
}

/* A xenbus device has nothing of what DMA needs. */
void vib_dma_open(struct vib *vib)
{
	struct device *dev = &vib->xbdev->dev;

	vib->dma_mask = DMA_BIT_MASK(64);
	dev->dma_mask = &vib->dma_mask;
	dev->coherent_dma_mask = DMA_BIT_MASK(64);
	dev->dma_parms = &vib->dma_parms;
	dma_set_max_seg_size(dev, VIB_DMA_MAX_MAPPING);
	dma_set_seg_boundary(dev, ULONG_MAX);
	set_dma_ops(dev, &vib_dma_ops);
}

void vib_dma_close(struct vib *vib)
{
	struct device *dev = &vib->xbdev->dev;

	set_dma_ops(dev, NULL);
	dev->dma_parms = NULL;
	dev->coherent_dma_mask = 0;
	dev->dma_mask = NULL;
}
