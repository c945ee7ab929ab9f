// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Genalloc, and before it a stack of single pages: what IPoIB maps is one page after the
 * other, and genalloc looks for each through all receives that lie in the pool.
 */

#include <linux/genalloc.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "places.h"

#define VIB_PLACES_SPARE 512

struct vib_places {
	struct gen_pool *pool;
	spinlock_t lock; /* of what follows */
	u32 spare;
	u64 spares[VIB_PLACES_SPARE];
};

struct vib_places *vib_places_new(u64 base, u32 count)
{
	struct vib_places *places = kzalloc(sizeof(*places), GFP_KERNEL);

	if (!places)
		return NULL;
	spin_lock_init(&places->lock);
	places->pool = gen_pool_create(PAGE_SHIFT, NUMA_NO_NODE);
	if (places->pool &&
	    !gen_pool_add(places->pool, base, (size_t)count << PAGE_SHIFT,
			  NUMA_NO_NODE))
		return places;
	if (places->pool)
		gen_pool_destroy(places->pool);
	kfree(places);
	return NULL;
}

static u64 vib_places_pop(struct vib_places *places)
{
	unsigned long flags;
	u64 addr;

	spin_lock_irqsave(&places->lock, flags);
	addr = places->spare ? places->spares[--places->spare] : 0;
	spin_unlock_irqrestore(&places->lock, flags);
	return addr;
}

static bool vib_places_push(struct vib_places *places, u64 addr)
{
	unsigned long flags;
	bool room;

	spin_lock_irqsave(&places->lock, flags);
	room = places->spare < VIB_PLACES_SPARE;
	if (room)
		places->spares[places->spare++] = addr;
	spin_unlock_irqrestore(&places->lock, flags);
	return room;
}

/* Those that lie apart only because they are spared may be what is asked for. */
static bool vib_places_unspare(struct vib_places *places)
{
	bool any = false;
	u64 addr;

	while ((addr = vib_places_pop(places))) {
		gen_pool_free(places->pool, addr, PAGE_SIZE);
		any = true;
	}
	return any;
}

bool vib_places_free(struct vib_places *places)
{
	vib_places_unspare(places);
	if (gen_pool_avail(places->pool) != gen_pool_size(places->pool))
		return false;
	gen_pool_destroy(places->pool);
	kfree(places);
	return true;
}

u64 vib_places_take(struct vib_places *places, u32 pages)
{
	size_t size = (size_t)pages << PAGE_SHIFT;
	u64 addr = pages == 1 ? vib_places_pop(places) : 0;

	if (!addr)
		addr = gen_pool_alloc(places->pool, size);
	if (!addr && pages > 1 && vib_places_unspare(places))
		addr = gen_pool_alloc(places->pool, size);
	return addr;
}

u32 vib_places_left(const struct vib_places *places)
{
	return (gen_pool_avail(places->pool) >> PAGE_SHIFT) + READ_ONCE(places->spare);
}

void vib_places_give(struct vib_places *places, u64 addr, u32 pages)
{
	if (pages != 1 || !vib_places_push(places, addr))
		gen_pool_free(places->pool, addr, (size_t)pages << PAGE_SHIFT);
}
