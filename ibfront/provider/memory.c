// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Memory for the provider's own structures.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* Programs' allocators are told what for; we have nothing to tell. */
#define VIB_RESOURCE 0

void *vib_memory_alloc(struct ibv_pd *ibpd, size_t size, struct vib_memory *mem)
{
	struct vib_pd *pd = ibpd ? to_vib_pd(ibpd) : NULL;
	void *ptr = IBV_ALLOCATOR_USE_DEFAULT;

	/* Allocators that only count up stay aligned. */
	size = (size + VIB_LINE - 1) / VIB_LINE * VIB_LINE;
	if (pd && !pd->parent_of)
		pd = NULL;
	if (pd && pd->alloc)
		ptr = pd->alloc(&pd->ibv, pd->pd_context, size, VIB_LINE, VIB_RESOURCE);
	mem->theirs = ptr != IBV_ALLOCATOR_USE_DEFAULT;
	if (!mem->theirs)
		ptr = aligned_alloc(VIB_LINE, size);
	if (!ptr) {
		errno = ENOMEM;
		return NULL;
	}
	memset(ptr, 0, size);
	mem->pd = pd;
	if (pd)
		__atomic_fetch_add(&pd->users, 1, __ATOMIC_RELAXED);
	return ptr;
}

void vib_memory_free(void *ptr, const struct vib_memory *mem)
{
	struct vib_pd *pd = mem->pd;

	if (mem->theirs)
		pd->free(&pd->ibv, pd->pd_context, ptr, VIB_RESOURCE);
	else
		free(ptr);
	if (pd)
		__atomic_fetch_sub(&pd->users, 1, __ATOMIC_RELAXED);
}

bool vib_one_thread(struct ibv_pd *pd)
{
	return pd && to_vib_pd(pd)->td;
}
