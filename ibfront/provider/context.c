// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Mapping what the kernel answers.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "context.h"

int vib_map_inherited(struct vib_context *ctx, const struct vib_umap *umap, int prot,
		      struct vib_mapping *mapping)
{
	void *addr;

	addr = mmap(NULL, umap->length, prot, MAP_SHARED, ctx->verbs.context.cmd_fd,
		    (off_t)umap->offset);
	if (addr == MAP_FAILED)
		return -1;
	mapping->addr = addr;
	mapping->length = umap->length;
	return 0;
}

int vib_map(struct vib_context *ctx, const struct vib_umap *umap, int prot,
	    struct vib_mapping *mapping)
{
	if (vib_map_inherited(ctx, umap, prot, mapping) < 0)
		return -1;
	if (madvise(mapping->addr, mapping->length, MADV_DONTFORK) < 0) {
		vib_unmap(mapping);
		return -1;
	}
	return 0;
}

void vib_unmap(struct vib_mapping *mapping)
{
	if (mapping->addr)
		munmap(mapping->addr, mapping->length);
	mapping->addr = NULL;
}

int vib_map_queue(struct vib_context *ctx, const struct vib_uqueue *uqueue,
		  uint32_t stride, struct vib_mapping *mapping, struct vib_queue *queue)
{
	if (uqueue->order < VIB_QUEUE_MIN_ORDER || uqueue->order > VIB_QUEUE_MAX_ORDER ||
	    uqueue->stride < stride || uqueue->stride % VIB_LINE ||
	    uqueue->stride > VIB_WQE_MAX_STRIDE ||
	    uqueue->memory.length < vib_queue_bytes(uqueue->order, uqueue->stride)) {
		errno = EPROTO;
		return -1;
	}
	if (vib_map(ctx, &uqueue->memory, PROT_READ | PROT_WRITE, mapping) < 0)
		return -1;
	vib_queue_init(queue, mapping->addr, uqueue->order, uqueue->stride);
	return 0;
}

static struct vib_doorbell *add_doorbell(struct vib_context *ctx,
					 const struct vib_umap *umap, uint32_t epoch)
{
	struct vib_doorbell *doorbell;

	if (umap->length < sizeof(struct vib_doorbell_page)) {
		errno = EPROTO;
		return NULL;
	}
	doorbell = calloc(1, sizeof(*doorbell));
	if (!doorbell)
		return NULL;
	if (vib_map(ctx, umap, PROT_READ | PROT_WRITE, &doorbell->page) < 0) {
		free(doorbell);
		return NULL;
	}
	doorbell->offset = umap->offset;
	doorbell->epoch = epoch;
	doorbell->next = ctx->doorbells;
	ctx->doorbells = doorbell;
	return doorbell;
}

struct vib_doorbell_page *vib_map_doorbell(struct vib_context *ctx,
					   const struct vib_umap *umap, uint32_t epoch)
{
	struct vib_doorbell *doorbell;

	pthread_mutex_lock(&ctx->mutex);
	for (doorbell = ctx->doorbells; doorbell; doorbell = doorbell->next)
		if (doorbell->offset == umap->offset && doorbell->epoch == epoch)
			break;
	if (!doorbell)
		doorbell = add_doorbell(ctx, umap, epoch);
	pthread_mutex_unlock(&ctx->mutex);
	return doorbell ? doorbell->page.addr : NULL;
}

int vib_context_init(struct vib_context *ctx, const struct vib_uresp_alloc_context *resp)
{
	if (resp->state.length < sizeof(struct vib_ustate)) {
		errno = EPROTO;
		return -1;
	}
	if (vib_map(ctx, &resp->state, PROT_READ, &ctx->state_page) < 0)
		return -1;
	ctx->state = ctx->state_page.addr;
	ctx->max_inline = resp->max_inline;
	pthread_mutex_init(&ctx->mutex, NULL);
	return 0;
}

void vib_context_exit(struct vib_context *ctx)
{
	struct vib_doorbell *doorbell;

	while ((doorbell = ctx->doorbells)) {
		ctx->doorbells = doorbell->next;
		vib_unmap(&doorbell->page);
		free(doorbell);
	}
	vib_unmap(&ctx->state_page);
	pthread_mutex_destroy(&ctx->mutex);
}
