/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the objects of a context share: mapping what the kernel answers, doorbell
 * pages, waking.
 */
#ifndef VIB_PROVIDER_CONTEXT_H
#define VIB_PROVIDER_CONTEXT_H

#include "objects.h"

/* -1 and errno. Nothing of a mapping is inherited by fork(2); of the latter all is. */
int vib_map(struct vib_context *ctx, const struct vib_umap *umap, int prot,
	    struct vib_mapping *mapping);
int vib_map_inherited(struct vib_context *ctx, const struct vib_umap *umap, int prot,
		      struct vib_mapping *mapping);
void vib_unmap(struct vib_mapping *mapping);

/*
 * Map a queue that the kernel answered, whose slots take at least @stride bytes. -1
 * and errno; EPROTO: it cannot be one.
 */
int vib_map_queue(struct vib_context *ctx, const struct vib_uqueue *uqueue,
		  uint32_t stride, struct vib_mapping *mapping, struct vib_queue *queue);

/* The doorbell page of a QP or an SRQ, which stays for as long as the context. NULL and
 * errno. */
struct vib_doorbell_page *vib_map_doorbell(struct vib_context *ctx,
					   const struct vib_umap *umap, uint32_t epoch);

/* Map the state page, from what the kernel answered for the context. -1 and errno. */
int vib_context_init(struct vib_context *ctx, const struct vib_uresp_alloc_context *resp);
void vib_context_exit(struct vib_context *ctx);

/* Wake what serves the context: VIB_UMETHOD_WAKE. */
void vib_wake(struct vib_context *ctx);

#endif
