// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/mr.h"

#include "engine/vhca.h"

static const struct mr *find(const struct vhca *vhca, struct mr_hint *hint, uint32_t key)
{
	/* Read before the table: what is found later is not older. */
	uint64_t epoch = __atomic_load_n(&vhca->mr_epoch, __ATOMIC_ACQUIRE);

	if (hint->epoch != epoch || hint->key != key) {
		hint->mr = table_get(&vhca->mrs, key, mr);
		hint->epoch = hint->mr ? epoch : 0;
		hint->key = key;
	}
	return hint->mr;
}

uint8_t *mr_reach(const struct vhca *vhca, struct mr_hint *hint, uint32_t key,
		  uint32_t pd, uint64_t addr, uint64_t length, uint32_t access)
{
	const struct mr *mr = find(vhca, hint, key);
	uint64_t offset;

	if (!mr)
		return NULL;
	offset = addr - mr->iova; /* huge if addr is below */
	if (mr->pd != pd || (mr->access & access) != access || offset > mr->length ||
	    length > mr->length - offset)
		return NULL;
	return mr->at + offset;
}
