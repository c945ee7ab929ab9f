// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/mr.h"

#include "engine/vhca.h"

uint8_t *mr_reach(const struct vhca *vhca, uint32_t key, uint32_t pd, uint64_t addr,
		  uint64_t length, uint32_t access)
{
	const struct mr *mr = table_get(&vhca->mrs, key, mr);
	uint64_t offset;

	if (!mr)
		return NULL;
	offset = addr - mr->iova; /* huge if addr is below */
	if (mr->pd != pd || (mr->access & access) != access || offset > mr->length ||
	    length > mr->length - offset)
		return NULL;
	return mr->at + offset;
}
