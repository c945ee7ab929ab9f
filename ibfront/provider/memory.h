/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Memory for the provider's own structures, which programs may bring along with a
 * parent domain.
 */
#ifndef VIB_PROVIDER_MEMORY_H
#define VIB_PROVIDER_MEMORY_H

#include "objects.h"

/* @size zeroed bytes that begin a cache line; counts as a user of @pd. NULL and errno. */
void *vib_memory_alloc(struct ibv_pd *pd, size_t size, struct vib_memory *mem);
/* @mem may stand in @ptr. */
void vib_memory_free(void *ptr, const struct vib_memory *mem);

/* Has the program promised, by a thread domain, that one thread at a time uses it? */
bool vib_one_thread(struct ibv_pd *pd);

#endif
