// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Pages that processes map. Each mapping holds its pages by reference, so that
 * neither the end of an object, nor of the backend, nor of this device has to
 * take them from anybody.
 */

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "verbs.h"

struct vib_umap_entry {
	struct rdma_user_mmap_entry rdma;
	bool readonly;
	u32 count;
	struct page *pages[];
};

/* Let @ibucontext's process map the pages. Or an ERR_PTR. */
struct vib_umap_entry *vib_umap_insert(struct ib_ucontext *ibucontext,
				       struct page **pages, u32 count,
				       bool readonly)
{
	struct vib_umap_entry *entry;
	int err;
	u32 i;

	entry = kvzalloc(struct_size(entry, pages, count), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	entry->readonly = readonly;
	entry->count = count;
	for (i = 0; i < count; i++) {
		entry->pages[i] = pages[i];
		get_page(pages[i]);
	}
	err = rdma_user_mmap_entry_insert(ibucontext, &entry->rdma,
					  (size_t)count << PAGE_SHIFT);
	if (err) {
		vib_verb_mmap_free(&entry->rdma);
		return ERR_PTR(err);
	}
	return entry;
}

/* It cannot be mapped again; what is mapped stays. */
void vib_umap_remove(struct vib_umap_entry *entry)
{
	rdma_user_mmap_entry_remove(&entry->rdma);
}

void vib_verb_mmap_free(struct rdma_user_mmap_entry *rdma)
{
	struct vib_umap_entry *entry =
		container_of(rdma, struct vib_umap_entry, rdma);
	u32 i;

	for (i = 0; i < entry->count; i++)
		put_page(entry->pages[i]);
	kvfree(entry);
}

void vib_umap_describe(const struct vib_umap_entry *entry, struct vib_umap *umap)
{
	*umap = (struct vib_umap){
		.offset = rdma_user_mmap_get_offset(&entry->rdma),
		.length = entry->count << PAGE_SHIFT,
	};
}

int vib_verb_mmap(struct ib_ucontext *ibucontext, struct vm_area_struct *vma)
{
	struct rdma_user_mmap_entry *rdma;
	struct vib_umap_entry *entry;
	unsigned long left;
	int err = 0;

	rdma = rdma_user_mmap_entry_get(ibucontext, vma);
	if (!rdma)
		return -EINVAL;
	entry = container_of(rdma, struct vib_umap_entry, rdma);
	if (entry->readonly) {
		if (vma->vm_flags & VM_WRITE)
			err = -EPERM;
		vib_vma_never_writable(vma);
	}
	left = entry->count;
	if (!err)
		err = vm_insert_pages(vma, vma->vm_start, entry->pages, &left);
	rdma_user_mmap_entry_put(rdma);
	return err;
}

/* ---- queues -------------------------------------------------------------- */

/* A queue for @entries at least, 0 for none, whose command is yet to be sent. */
int vib_uqueue_make(struct vib *vib, struct vib_ucontext *ctx, u32 entries,
		    u32 stride, struct vib_uqueue_memory *queue)
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
	err = vib_memory_charge(vib, queue->memory, queue->memory->count);
	if (err)
		goto err_memory;
	queue->entry = vib_umap_insert(&ctx->ibucontext, queue->memory->pages,
				       queue->memory->count, false);
	if (IS_ERR(queue->entry)) {
		err = PTR_ERR(queue->entry);
		goto err_memory;
	}
	return 0;

err_memory:
	vib_memory_end(vib, queue->memory);
	queue->memory = NULL;
	return err;
}

/* The backend has let go of it, or is gone. */
void vib_uqueue_end(struct vib *vib, struct vib_uqueue_memory *queue)
{
	if (!queue->memory)
		return;
	vib_umap_remove(queue->entry);
	vib_memory_end(vib, queue->memory);
	queue->memory = NULL;
}

void vib_uqueue_describe(const struct vib_uqueue_memory *queue,
			 struct vib_uqueue *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (!queue->memory)
		return;
	vib_umap_describe(queue->entry, &answer->memory);
	answer->order = queue->order;
	answer->stride = queue->stride;
}
