// SPDX-License-Identifier: GPL-2.0-or-later
/* Granted memory, and which allocation an address lies in. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "libvib/internal.h"

struct region {
	uintptr_t addr;
	size_t pages;
	uint32_t first_ref;
};

/* Regions do not overlap, so one that overlaps another is the same. */
static int by_address(const void *a, const void *b)
{
	const struct region *x = a, *y = b;

	if (x->addr + x->pages * VIB_PAGE_SIZE <= y->addr)
		return -1;
	return y->addr + y->pages * VIB_PAGE_SIZE <= x->addr;
}

/* The allocation that the page at @addr belongs to, or NULL. */
static struct region *find(struct libvib *lv, uintptr_t addr)
{
	const struct region page = { .addr = addr & ~(uintptr_t)(VIB_PAGE_SIZE - 1),
				     .pages = 1 };
	void *node = tfind(&page, &lv->regions, by_address);

	return node ? *(struct region **)node : NULL;
}

static void *alloc_locked(struct libvib *lv, size_t pages)
{
	struct region *region = malloc(sizeof(*region));
	void *addr;

	if (!region)
		return NULL;
	addr = lv_take_pages(lv, pages, &region->first_ref);
	if (!addr) {
		free(region);
		return NULL;
	}
	region->addr = (uintptr_t)addr;
	region->pages = pages;
	if (!tsearch(region, &lv->regions, by_address)) {
		lv_give_pages(lv, addr, pages);
		free(region);
		errno = ENOMEM;
		return NULL;
	}
	return addr;
}

void *libvib_alloc(struct libvib *lv, size_t bytes)
{
	void *addr;

	if (bytes == 0 || bytes > (size_t)VIB_PAGES_MAX * VIB_PAGE_SIZE) {
		errno = EINVAL;
		return NULL;
	}
	pthread_mutex_lock(&lv->lock);
	addr = alloc_locked(lv, (bytes + VIB_PAGE_SIZE - 1) / VIB_PAGE_SIZE);
	pthread_mutex_unlock(&lv->lock);
	return addr;
}

void libvib_free(struct libvib *lv, void *addr)
{
	struct region *region;

	if (!addr)
		return;
	pthread_mutex_lock(&lv->lock);
	region = find(lv, (uintptr_t)addr);
	if (region) {
		tdelete(region, &lv->regions, by_address);
		lv_give_pages(lv, addr, region->pages);
		free(region);
	}
	pthread_mutex_unlock(&lv->lock);
}

/* Their memory ends with the guest. */
void lv_forget_regions(struct libvib *lv)
{
	tdestroy(lv->regions, free);
	lv->regions = NULL;
}

/* The pages of a range: their number and first reference. */
static int find_range(struct libvib *lv, uintptr_t addr, size_t length, uint32_t *count,
		      uint32_t *first_ref)
{
	size_t offset = addr % VIB_PAGE_SIZE, first, pages;
	const struct region *region;

	if (length == 0 || length > SIZE_MAX - 2 * VIB_PAGE_SIZE)
		return -EINVAL;
	region = find(lv, addr);
	if (!region)
		return -EINVAL;
	first = (addr - region->addr) / VIB_PAGE_SIZE;
	pages = (offset + length + VIB_PAGE_SIZE - 1) / VIB_PAGE_SIZE;
	if (pages > region->pages - first)
		return -EINVAL;
	*count = (uint32_t)pages;
	*first_ref = region->first_ref + (uint32_t)first;
	return 0;
}

int libvib_pages_begin(struct libvib *lv, const void *addr, size_t length,
		       struct libvib_pages *pages)
{
	uint32_t count, first_ref, lists_ref = 0;
	size_t lists;
	int err;

	*pages = (struct libvib_pages){ .lists = NULL };
	pthread_mutex_lock(&lv->lock);
	err = find_range(lv, (uintptr_t)addr, length, &count, &first_ref);
	if (err)
		goto out;
	lists = libvib_tree_lists(count);
	if (lists) {
		pages->lists = lv_take_pages(lv, lists, &lists_ref);
		if (!pages->lists) {
			err = -errno;
			goto out;
		}
	}
	pages->tree.count = count;
	pages->tree.root = libvib_tree_fill(pages->lists, lists_ref, first_ref, count);
out:
	pthread_mutex_unlock(&lv->lock);
	return err;
}

void libvib_pages_end(struct libvib *lv, struct libvib_pages *pages)
{
	if (!pages->lists)
		return;
	pthread_mutex_lock(&lv->lock);
	lv_give_pages(lv, pages->lists, libvib_tree_lists(pages->tree.count));
	pthread_mutex_unlock(&lv->lock);
	pages->lists = NULL;
}
