// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The memory of a queue: a process maps it, or this kernel does.
 */

#include <linux/log2.h>
#include <linux/vmalloc.h>

#include "verbs.h"

/* Its process has it charged, and may map it. */
static int vib_qmem_give(struct vib *vib, struct vib_ucontext *ctx,
			 struct vib_qmem *queue)
{
	struct vib_memory *memory = queue->memory;
	int err;

	err = vib_memory_charge(vib, memory, memory->count);
	if (err)
		return err;
	queue->entry = vib_umap_insert(&ctx->ibucontext, memory->pages,
				       memory->count, false);
	return PTR_ERR_OR_ZERO(queue->entry);
}

/* Its pages are anywhere; slots lie across them. */
static int vib_qmem_map(struct vib_qmem *queue)
{
	struct vib_memory *memory = queue->memory;

	queue->address = vmap(memory->pages, memory->count, VM_MAP, PAGE_KERNEL);
	return queue->address ? 0 : -ENOMEM;
}

/*
 * A queue for @entries at least, 0 for none, whose command is yet to be sent. Of a
 * process, or with @ctx NULL of the kernel.
 */
int vib_qmem_make(struct vib *vib, struct vib_ucontext *ctx, u32 entries,
		  u32 stride, struct vib_qmem *queue)
{
	int err;

	memset(queue, 0, sizeof(*queue));
	if (!entries)
		return 0;
	if (entries > 1u << VIB_QUEUE_MAX_ORDER || stride > VIB_WQE_MAX_STRIDE)
		return -EINVAL;
	queue->order = max_t(u32, order_base_2(entries), VIB_QUEUE_MIN_ORDER);
	queue->stride = stride;
	queue->memory = vib_memory_alloc(vib, VIB_MEMORY_QUEUE,
					 vib_queue_bytes(queue->order, stride),
					 true);
	if (IS_ERR(queue->memory)) {
		err = PTR_ERR(queue->memory);
		queue->memory = NULL;
		return err;
	}
	err = ctx ? vib_qmem_give(vib, ctx, queue) : vib_qmem_map(queue);
	if (err) {
		vib_memory_end(vib, queue->memory);
		queue->memory = NULL;
	}
	return err;
}

/* Other memory for a queue of the kernel's that lost what it had. */
int vib_qmem_remake(struct vib *vib, struct vib_qmem *queue)
{
	u32 stride = queue->stride;

	return vib_qmem_make(vib, NULL, stride ? 1 << queue->order : 0, stride,
			     queue);
}

/* The backend has let go of it, or is gone. It is known what it was. */
void vib_qmem_end(struct vib *vib, struct vib_qmem *queue)
{
	if (!queue->memory)
		return;
	if (queue->address)
		vunmap(queue->address);
	else
		vib_umap_remove(queue->entry);
	vib_memory_end(vib, queue->memory);
	queue->address = NULL;
	queue->memory = NULL;
}

void vib_qmem_describe(const struct vib_qmem *queue, struct vib_uqueue *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (!queue->memory)
		return;
	vib_umap_describe(queue->entry, &answer->memory);
	answer->order = queue->order;
	answer->stride = queue->stride;
}
