// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Genalloc, and before it runs that were taken before, in a list for each length: what
 * IPoIB maps is one page after the other, or in connected mode packets of up to 64 KiB,
 * and genalloc looks for each through all receives that lie in the pool.
 */

#include <linux/genalloc.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "places.h"

/* Of longer runs than 64 KiB anywhere in memory take none are spared. */
#define VIB_PLACES_LONGEST 17

/* Of all pages, so many are spared at most: a quarter. */
#define VIB_PLACES_SPARED 4

/* Ends a list. */
#define VIB_PLACES_NONE U32_MAX

struct vib_places {
	struct gen_pool *pool;
	u64 base;
	u32 most; /* pages spared */
	spinlock_t lock; /* of what follows */
	u32 spared; /* pages */
	u32 first[VIB_PLACES_LONGEST]; /* the run of each length, by its first page */
	u32 next[]; /* the run behind one that begins with this page */
};

struct vib_places *vib_places_new(u64 base, u32 count)
{
	struct vib_places *places;

	places = kvzalloc(struct_size(places, next, count), GFP_KERNEL);
	if (!places)
		return NULL;
	spin_lock_init(&places->lock);
	places->base = base;
	places->most = count / VIB_PLACES_SPARED;
	memset32(places->first, VIB_PLACES_NONE, VIB_PLACES_LONGEST);
	places->pool = gen_pool_create(PAGE_SHIFT, NUMA_NO_NODE);
	if (places->pool &&
	    !gen_pool_add(places->pool, base, (size_t)count << PAGE_SHIFT,
			  NUMA_NO_NODE))
		return places;
	if (places->pool)
		gen_pool_destroy(places->pool);
	kvfree(places);
	return NULL;
}

/* A spared run of @pages; 0: there is none. */
static u64 vib_places_unspare_locked(struct vib_places *places, u32 pages)
{
	u32 *first = &places->first[pages - 1];
	u64 addr;

	lockdep_assert_held(&places->lock);
	if (*first == VIB_PLACES_NONE)
		return 0;
	addr = places->base + ((u64)*first << PAGE_SHIFT);
	*first = places->next[*first];
	places->spared -= pages;
	return addr;
}

static u64 vib_places_unspare(struct vib_places *places, u32 pages)
{
	unsigned long flags;
	u64 addr;

	spin_lock_irqsave(&places->lock, flags);
	addr = vib_places_unspare_locked(places, pages);
	spin_unlock_irqrestore(&places->lock, flags);
	return addr;
}

/* False: enough is spared. */
static bool vib_places_spare(struct vib_places *places, u64 addr, u32 pages)
{
	u32 page = (addr - places->base) >> PAGE_SHIFT;
	unsigned long flags;
	bool room;

	spin_lock_irqsave(&places->lock, flags);
	room = places->spared + pages <= places->most;
	if (room) {
		places->next[page] = places->first[pages - 1];
		places->first[pages - 1] = page;
		places->spared += pages;
	}
	spin_unlock_irqrestore(&places->lock, flags);
	return room;
}

/*
 * Those that lie apart only because they are spared may be what is asked for. Who finds
 * the lock taken waits until they are where he looks.
 */
static void vib_places_unspare_all(struct vib_places *places)
{
	unsigned long flags;
	u32 pages;
	u64 addr;

	spin_lock_irqsave(&places->lock, flags);
	for (pages = 1; pages <= VIB_PLACES_LONGEST; pages++)
		while ((addr = vib_places_unspare_locked(places, pages)))
			gen_pool_free(places->pool, addr,
				      (size_t)pages << PAGE_SHIFT);
	spin_unlock_irqrestore(&places->lock, flags);
}

bool vib_places_free(struct vib_places *places)
{
	vib_places_unspare_all(places);
	if (gen_pool_avail(places->pool) != gen_pool_size(places->pool))
		return false;
	gen_pool_destroy(places->pool);
	kvfree(places);
	return true;
}

u64 vib_places_take(struct vib_places *places, u32 pages)
{
	size_t size = (size_t)pages << PAGE_SHIFT;
	u64 addr = 0;

	if (pages && pages <= VIB_PLACES_LONGEST)
		addr = vib_places_unspare(places, pages);
	if (!addr)
		addr = gen_pool_alloc(places->pool, size);
	if (!addr) {
		vib_places_unspare_all(places);
		addr = gen_pool_alloc(places->pool, size);
	}
	return addr;
}

u32 vib_places_left(const struct vib_places *places)
{
	return (gen_pool_avail(places->pool) >> PAGE_SHIFT) +
	       READ_ONCE(places->spared);
}

void vib_places_give(struct vib_places *places, u64 addr, u32 pages)
{
	if (pages > VIB_PLACES_LONGEST || !vib_places_spare(places, addr, pages))
		gen_pool_free(places->pool, addr, (size_t)pages << PAGE_SHIFT);
}
