// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Pages that processes map. Each mapping holds its pages by reference, so that
 * neither the end of an object, nor of the backend, nor of this device has to
 * take them from anybody.
 */

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
