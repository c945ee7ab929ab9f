// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Memory that the backend may map, from its making to its end.
 */

#include <linux/capability.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "memory.h"
#include "vib.h"

/* How often the backend is asked for what it keeps. */
#define VIB_KEPT_TIME (HZ / 5)

/* Pages pinned in one go, with interrupts off, or let go of without a rest. */
#define VIB_PIN_CHUNK 512u

/* How long after its answer a command's pages may be mapped: Linux may defer an unmapping. */
#define VIB_TAKE_BACK_TIME HZ

/* How long the end of a vib waits for it; the grant table's own list is slow. */
#define VIB_RELEASE_TIME (5 * HZ)

/* Without pages in it. */
static struct vib_memory *vib_memory_new(enum vib_memory_kind kind, u32 count,
					 bool writable)
{
	struct vib_memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL);

	if (!memory)
		return NULL;
	INIT_LIST_HEAD(&memory->kept);
	memory->kind = kind;
	memory->writable = writable;
	memory->pages = kvcalloc(count, sizeof(*memory->pages),
				 GFP_KERNEL_ACCOUNT);
	memory->refs = kvcalloc(count, sizeof(*memory->refs),
				GFP_KERNEL_ACCOUNT);
	if (memory->pages && memory->refs)
		return memory;
	kvfree(memory->pages);
	kvfree(memory->refs);
	kfree(memory);
	return NULL;
}

static void vib_memory_unpin(struct vib_memory *memory)
{
	u32 i, count;

	for (i = 0; i < memory->count; i += count) {
		count = min(memory->count - i, VIB_PIN_CHUNK);
		unpin_user_pages_dirty_lock(memory->pages + i, count,
					    memory->written);
		cond_resched();
	}
}

/* No page of it is granted any more. */
static void vib_memory_free(struct vib_memory *memory)
{
	u32 i;

	if (memory->mm) {
		atomic64_sub(memory->charged, &memory->mm->pinned_vm);
		mmdrop(memory->mm);
	}
	if (memory->kind == VIB_MEMORY_USER) {
		vib_memory_unpin(memory);
	} else if (memory->kind != VIB_MEMORY_RAM) {
		for (i = 0; i < memory->count; i++)
			__free_page(memory->pages[i]);
	}
	kvfree(memory->pages);
	kvfree(memory->refs);
	kfree(memory);
}

void vib_memory_end(struct vib *vib, struct vib_memory *memory)
{
	if (vib_grants_end(memory)) {
		vib_memory_free(memory);
		return;
	}
	spin_lock(&vib->kept_lock);
	list_add_tail(&memory->kept, &vib->kept_memory);
	spin_unlock(&vib->kept_lock);
	schedule_delayed_work(&vib->kept_work, VIB_KEPT_TIME);
}

void vib_memory_take_back(struct vib *vib, struct vib_memory *memory, int err)
{
	unsigned long end = jiffies + VIB_TAKE_BACK_TIME;
	u32 epoch = READ_ONCE(vib->epoch);

	while (!vib_grants_end(memory) && err != -EIO && READ_ONCE(vib->up) &&
	       READ_ONCE(vib->epoch) == epoch) {
		if (time_after(jiffies, end)) {
			vib_fail(vib, VIB_BROKEN, "keeps pages of a command");
			break;
		}
		msleep(20);
	}
	vib_memory_end(vib, memory);
}

struct vib_memory *vib_memory_alloc(struct vib *vib, enum vib_memory_kind kind,
				    size_t bytes, bool writable)
{
	size_t count = PFN_UP(bytes);
	struct vib_memory *memory;
	int err = -ENOMEM;

	BUILD_BUG_ON(PAGE_SIZE != VIB_PAGE_SIZE);

	if (count > VIB_PAGES_MAX)
		return ERR_PTR(-EINVAL);
	memory = vib_memory_new(kind, count, writable);
	if (!memory)
		return ERR_PTR(-ENOMEM);
	for (; memory->count < count; memory->count++) {
		memory->pages[memory->count] =
			alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!memory->pages[memory->count])
			goto err_memory;
	}
	err = vib_grants_make(vib, memory);
	if (err)
		goto err_memory;
	return memory;

err_memory:
	vib_memory_end(vib, memory);
	return ERR_PTR(err);
}

struct vib_memory *vib_memory_share(struct vib *vib, enum vib_memory_kind kind,
				    struct page **pages, u32 count,
				    bool writable)
{
	struct vib_memory *memory = vib_memory_new(kind, count, writable);
	int err;

	if (!memory)
		return ERR_PTR(-ENOMEM);
	for (; memory->count < count; memory->count++) {
		memory->pages[memory->count] = pages[memory->count];
		get_page(pages[memory->count]);
	}
	err = vib_grants_make(vib, memory);
	if (err) {
		vib_memory_end(vib, memory);
		return ERR_PTR(err);
	}
	return memory;
}

struct vib_memory *vib_memory_ram(struct vib *vib, unsigned long pfn, u32 count)
{
	struct vib_memory *memory = vib_memory_new(VIB_MEMORY_RAM, count, true);
	int err;

	if (!memory)
		return ERR_PTR(-ENOMEM);
	for (; memory->count < count; memory->count++)
		memory->pages[memory->count] = pfn_to_page(pfn + memory->count);
	err = vib_grants_make(vib, memory);
	if (err) {
		vib_memory_end(vib, memory);
		return ERR_PTR(err);
	}
	return memory;
}

/* The limit is the administrator's of this domain, so is the line in its log. */
static void vib_memory_too_much(struct vib *vib, u32 count, u64 needed)
{
	dev_notice_ratelimited(&vib->xbdev->dev,
			       "%s (%d) may not lock %u pages more: its ulimit -l is %lu KiB, and had to be %llu\n",
			       current->comm, task_tgid_nr(current), count,
			       rlimit(RLIMIT_MEMLOCK) >> 10,
			       needed << (PAGE_SHIFT - 10));
}

int vib_memory_charge(struct vib *vib, struct vib_memory *memory, u32 count)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct mm_struct *mm = current->mm;
	u64 pinned = atomic64_add_return(count, &mm->pinned_vm);

	if (pinned > limit && !capable(CAP_IPC_LOCK)) {
		atomic64_sub(count, &mm->pinned_vm);
		vib_memory_too_much(vib, count, pinned);
		return -ENOMEM;
	}
	mmgrab(mm);
	memory->mm = mm;
	memory->charged = count;
	return 0;
}

struct vib_memory *vib_memory_pin(struct vib *vib, u64 start, u64 length,
				  bool writable)
{
	u64 first = start & PAGE_MASK, last = start + length;
	unsigned int flags = writable ? FOLL_LONGTERM | FOLL_WRITE : VIB_FOLL_READ;
	struct vib_memory *memory;
	u64 count;
	int err;

	if (!length || last < start)
		return ERR_PTR(-EINVAL);
	if (!can_do_mlock())
		return ERR_PTR(-EPERM);
	count = PFN_UP(last) - PFN_DOWN(first);
	if (count > VIB_PAGES_MAX)
		return ERR_PTR(-EINVAL);

	memory = vib_memory_new(VIB_MEMORY_USER, count,
				writable || vib->info.device.cap_flags &
						    VIB_CAP_WRITABLE_GRANTS);
	if (!memory)
		return ERR_PTR(-ENOMEM);
	memory->written = writable;
	err = vib_memory_charge(vib, memory, count);
	if (err)
		goto err_memory;
	while (memory->count < count) {
		err = pin_user_pages_fast(first + ((u64)memory->count << PAGE_SHIFT),
					  min_t(u64, count - memory->count,
						VIB_PIN_CHUNK),
					  flags,
					  memory->pages + memory->count);
		if (err <= 0) {
			err = err ?: -EFAULT;
			goto err_memory;
		}
		memory->count += err;
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			goto err_memory;
		}
		cond_resched();
	}
	err = vib_grants_make(vib, memory);
	if (err)
		goto err_memory;
	return memory;

err_memory:
	vib_memory_end(vib, memory);
	return ERR_PTR(err);
}

void *vib_memory_page(const struct vib_memory *memory, u32 index)
{
	return page_address(memory->pages[index]);
}

/* ---- what the backend keeps ---------------------------------------------- */

/* Try each once. Returns whether some are left. */
static bool vib_memory_retry(struct vib *vib)
{
	struct vib_memory *memory, *next;
	bool left;

	spin_lock(&vib->kept_lock);
	list_splice_init(&vib->kept_memory, &vib->kept_tried);
	spin_unlock(&vib->kept_lock);

	/* Nobody else changes this list; its memories are counted. */
	list_for_each_entry_safe(memory, next, &vib->kept_tried, kept) {
		if (!vib_grants_end(memory))
			continue;
		spin_lock(&vib->kept_lock);
		list_del(&memory->kept);
		spin_unlock(&vib->kept_lock);
		vib_memory_free(memory);
	}

	spin_lock(&vib->kept_lock);
	list_splice_init(&vib->kept_tried, &vib->kept_memory);
	left = !list_empty(&vib->kept_memory);
	spin_unlock(&vib->kept_lock);
	return left;
}

static void vib_memory_work(struct work_struct *work)
{
	struct vib *vib = container_of(to_delayed_work(work), struct vib,
				       kept_work);

	if (vib_memory_retry(vib))
		schedule_delayed_work(&vib->kept_work, VIB_KEPT_TIME);
}

unsigned int vib_memory_kept(struct vib *vib, enum vib_memory_kind kind)
{
	struct vib_memory *memory;
	unsigned int kept = 0;

	spin_lock(&vib->kept_lock);
	list_for_each_entry(memory, &vib->kept_memory, kept)
		kept += memory->kind == kind;
	list_for_each_entry(memory, &vib->kept_tried, kept)
		kept += memory->kind == kind;
	spin_unlock(&vib->kept_lock);
	return kept;
}

void vib_memory_release(struct vib *vib)
{
	unsigned long end = jiffies + VIB_RELEASE_TIME;
	struct vib_memory *memory, *next;

	cancel_delayed_work_sync(&vib->kept_work);
	while (vib_memory_retry(vib) && time_before(jiffies, end))
		msleep(20);
	list_for_each_entry_safe(memory, next, &vib->kept_memory, kept) {
		vib_grants_leave(memory);
		vib_memory_free(memory);
	}
}

void vib_memory_init(struct vib *vib)
{
	spin_lock_init(&vib->kept_lock);
	INIT_LIST_HEAD(&vib->kept_memory);
	INIT_LIST_HEAD(&vib->kept_tried);
	INIT_DELAYED_WORK(&vib->kept_work, vib_memory_work);
}

/* ---- naming memory in a command ------------------------------------------ */

int vib_tree_make(struct vib *vib, const struct vib_memory *memory,
		  struct vib_tree *tree)
{
	return vib_tree_make_part(vib, memory, 0, memory->count, tree);
}

int vib_tree_make_part(struct vib *vib, const struct vib_memory *memory,
		       u32 first, u32 pages, struct vib_tree *tree)
{
	const grant_ref_t *refs = memory->refs + first;
	u32 leaves = DIV_ROUND_UP(pages, VIB_LIST_REFS);
	u32 i, count, root = leaves > 1;
	grant_ref_t *list;

	tree->pages.count = pages;
	tree->lists = NULL;
	if (pages == 1) {
		tree->pages.root = refs[0];
		return 0;
	}

	tree->lists = vib_memory_alloc(vib, VIB_MEMORY_LIST,
				       (size_t)(leaves + root) << PAGE_SHIFT,
				       false);
	if (IS_ERR(tree->lists))
		return PTR_ERR(tree->lists);
	for (i = 0; i < leaves; i++) {
		count = min(pages - i * VIB_LIST_REFS, VIB_LIST_REFS);
		memcpy(vib_memory_page(tree->lists, i),
		       refs + i * VIB_LIST_REFS, count * sizeof(*list));
	}
	if (root)
		memcpy(vib_memory_page(tree->lists, leaves), tree->lists->refs,
		       leaves * sizeof(*list));
	/* The root is the last page, the only one if one suffices. */
	tree->pages.root = tree->lists->refs[leaves + root - 1];
	return 0;
}

void vib_tree_end(struct vib *vib, struct vib_tree *tree, int err)
{
	if (tree->lists)
		vib_memory_take_back(vib, tree->lists, err);
	tree->lists = NULL;
}
