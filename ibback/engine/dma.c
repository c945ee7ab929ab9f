// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/dma.h"

#include <errno.h>
#include <string.h>

#include "engine/mr.h"
#include "engine/objects_parts.h"
#include "engine/vhca.h"
#include "engine/wire_fast.h"

void dma_init(struct dma *dma)
{
	dma->map = &dma->maps[0];
}

/* ---- changing ---------------------------------------------------------- */

static uint64_t bytes_of(const struct vib_cmd_reg_dma *cmd)
{
	return (uint64_t)cmd->pages.count * VIB_PAGE_SIZE;
}

/* How many regions of @map begin at @addr or below. */
static uint32_t count_to(const struct dma_map *map, uint64_t addr)
{
	uint32_t low = 0, high = map->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (map->regions[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The last of them, or NULL. */
static const struct dma_region *last_to(const struct dma_map *map, uint64_t addr)
{
	uint32_t count = count_to(map, addr);

	return count ? &map->regions[count - 1] : NULL;
}

static bool overlaps(const struct dma_map *map, uint64_t addr, uint64_t length)
{
	const struct dma_region *last = last_to(map, addr + length - 1);

	return last && last->addr + last->length > addr;
}

uint32_t dma_pages(const struct vhca *vhca)
{
	const struct dma_map *map = vhca->dma.map;
	uint32_t pages = 0;

	for (uint32_t i = 0; i < map->count; i++)
		pages += map->regions[i].memory.pages;
	return pages;
}

int dma_check(const struct vhca *vhca, const struct vib_cmd_reg_dma *cmd)
{
	if (!cmd->pages.count || cmd->pages.count > VIB_PAGES_MAX ||
	    cmd->addr % VIB_PAGE_SIZE || cmd->addr + bytes_of(cmd) <= cmd->addr)
		return -EINVAL;
	if (cmd->addr < VIB_GRANTED_BASE + VIB_GRANTED_BYTES &&
	    cmd->addr + bytes_of(cmd) > VIB_GRANTED_BASE)
		return -EINVAL;
	if (overlaps(vhca->dma.map, cmd->addr, bytes_of(cmd)))
		return -EEXIST;
	return vhca->dma.map->count < VIB_MAX_DMA_REGIONS ? 0 : -ENOMEM;
}

static const struct dma_region *find(const struct dma_map *map, uint32_t number)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (map->regions[i].number == number)
			return &map->regions[i];
	return NULL;
}

/* The one after that given last, so that a number comes back late. */
static uint32_t next_number(struct dma *dma)
{
	do {
		dma->last = dma->last < NUMBER_LAST ? dma->last + 1 : NUMBER_FIRST;
	} while (find(dma->map, dma->last));
	return dma->last;
}

/* The map that is not in force, for the next to be made in. */
static struct dma_map *spare(struct dma *dma)
{
	return dma->map == &dma->maps[0] ? &dma->maps[1] : &dma->maps[0];
}

/* Put @map in force. Its hints, which point into the other one, hold no more. */
static void enforce(struct vhca *vhca, struct dma_map *map)
{
	rcu_assign_pointer(vhca->dma.map, map);
	vhca_new_epoch(vhca);
}

int dma_create(struct vhca *vhca, const struct vib_cmd_reg_dma *cmd,
	       const struct memory *memory, uint32_t *number)
{
	return dma_create_wired(vhca, cmd, memory, NULL, 0, number);
}

struct wire_mr *dma_wire(const struct vhca *vhca, uint32_t number)
{
	const struct dma_region *region = find(vhca->dma.map, number);

	return region ? region->wire : NULL;
}

int dma_create_wired(struct vhca *vhca, const struct vib_cmd_reg_dma *cmd,
		     const struct memory *memory, struct wire_mr *wire, uint32_t lkey,
		     uint32_t *number)
{
	const struct dma_region region = {
		.addr = cmd->addr,
		.length = bytes_of(cmd),
		.number = next_number(&vhca->dma),
		.lkey = lkey,
		.wire = wire,
		.memory = *memory,
	};
	const struct dma_map *old = vhca->dma.map;
	struct dma_map *new = spare(&vhca->dma);
	uint32_t at = count_to(old, cmd->addr);

	memcpy(new->regions, old->regions, at * sizeof(region));
	new->regions[at] = region;
	memcpy(&new->regions[at + 1], &old->regions[at],
	       (old->count - at) * sizeof(region));
	new->count = old->count + 1;
	enforce(vhca, new);
	synchronize_rcu(); /* the old one is the next spare */
	*number = region.number;
	return 0;
}

int dma_destroy(struct vhca *vhca, uint32_t number, struct memory *memory)
{
	const struct dma_map *old = vhca->dma.map;
	const struct dma_region *region = find(old, number);
	struct dma_map *new = spare(&vhca->dma);
	struct wire_mr *wire;
	uint32_t at;

	if (!region)
		return -EINVAL;
	at = (uint32_t)(region - old->regions);
	memcpy(new->regions, old->regions, at * sizeof(*region));
	memcpy(&new->regions[at], region + 1, (old->count - at - 1) * sizeof(*region));
	new->count = old->count - 1;
	*memory = region->memory;
	wire = region->wire;
	enforce(vhca, new);
	synchronize_rcu();
	if (wire)
		wire_fast_region_ends(vhca, wire);
	return 0;
}

const struct dma_map *dma_take_all(struct vhca *vhca)
{
	const struct dma_map *old = vhca->dma.map;
	struct dma_map *none = spare(&vhca->dma);

	none->count = 0;
	enforce(vhca, none);
	return old;
}

/* ---- reaching ---------------------------------------------------------- */

static bool has(const struct dma_region *region, uint64_t addr, uint64_t length)
{
	uint64_t offset = addr - region->addr; /* huge if addr is below */

	return offset <= region->length && length <= region->length - offset;
}

/* The region of @map that has all of them, or NULL. */
static const struct dma_region *look_up(const struct dma_map *map, uint64_t addr,
					uint64_t length)
{
	const struct dma_region *last = last_to(map, addr);

	return last && has(last, addr, length) ? last : NULL;
}

/* By @hint, which is @hint->dma then. */
static void reach(const struct vhca *vhca, struct mr_hint *hint, uint64_t addr,
		  uint64_t length)
{
	/* Read before the map: what is found later is not older. */
	uint64_t epoch = __atomic_load_n(&vhca->mr_epoch, __ATOMIC_ACQUIRE);

	if (hint->epoch != epoch || hint->key != VIB_LOCAL_DMA_LKEY ||
	    !has(hint->dma, addr, length)) {
		hint->dma = look_up(rcu_dereference(vhca->dma.map), addr, length);
		hint->epoch = hint->dma ? epoch : 0;
		hint->key = VIB_LOCAL_DMA_LKEY;
	}
}

uint8_t *dma_reach(const struct vhca *vhca, struct mr_hint *hint, uint64_t addr,
		   uint64_t length)
{
	reach(vhca, hint, addr, length);
	return hint->dma ? hint->dma->memory.at + (addr - hint->dma->addr) : NULL;
}

struct wire_mr *dma_wire_at(const struct vhca *vhca, uint64_t addr, uint64_t length)
{
	struct mr_hint none = { 0 };

	reach(vhca, &none, addr, length);
	return none.dma ? none.dma->wire : NULL;
}

bool dma_lkey(const struct vhca *vhca, struct mr_hint *hint, uint64_t addr,
	      uint64_t length, uint32_t *lkey)
{
	reach(vhca, hint, addr, length);
	if (!hint->dma || !hint->dma->wire)
		return false;
	*lkey = hint->dma->lkey;
	return true;
}
