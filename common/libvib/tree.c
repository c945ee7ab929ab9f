// SPDX-License-Identifier: GPL-2.0-or-later
/* The tree of grants that names pages in a command: struct vib_pages. */
#include "libvib/memory.h"

static uint32_t lists_for(uint32_t count)
{
	return (count + VIB_LIST_REFS - 1) / VIB_LIST_REFS;
}

size_t libvib_tree_lists(uint32_t count)
{
	if (count == 1)
		return 0;
	if (count <= VIB_LIST_REFS)
		return 1;
	return lists_for(count) + 1;
}

uint32_t libvib_tree_fill(uint32_t *lists, uint32_t lists_ref, uint32_t first_ref,
			  uint32_t count)
{
	uint32_t leaves = lists_for(count);

	if (count == 1)
		return first_ref;
	for (uint32_t i = 0; i < count; i++)
		lists[i] = first_ref + i;
	if (leaves == 1)
		return lists_ref;
	/* The last page is the root: the lists before it are then in order. */
	for (uint32_t i = 0; i < leaves; i++)
		lists[leaves * VIB_LIST_REFS + i] = lists_ref + i;
	return lists_ref + leaves;
}
