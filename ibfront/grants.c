// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Grants, and that there are some left for this domain's other devices.
 */

#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sysfs.h>

#include <xen/interface/grant_table.h>
#include <xen/page.h>

#include <asm/xen/hypercall.h>

#include "memory.h"
#include "vib.h"

/* What the other devices of this domain find free, whatever vibs ask for. */
#define VIB_GRANT_RESERVE 2048

/* Grants taken at a time, in one go with interrupts off. */
#define VIB_GRANT_CHUNK 2048u

/* So that two who look whether enough are left do not both find the same. */
static DEFINE_MUTEX(vib_grants_lock);

static atomic_long_t vib_grants_used = ATOMIC_LONG_INIT(0);
static atomic_long_t vib_grants_of_ram = ATOMIC_LONG_INIT(0); /* of these */

unsigned int vib_grants_count(void)
{
	return atomic_long_read(&vib_grants_used);
}

unsigned int vib_grants_count_ram(void)
{
	return atomic_long_read(&vib_grants_of_ram);
}

/* So many more, or fewer. */
static void vib_grants_account(const struct vib_memory *memory, long count)
{
	atomic_long_add(count, &vib_grants_used);
	if (memory->kind == VIB_MEMORY_RAM)
		atomic_long_add(count, &vib_grants_of_ram);
}

static int vib_grants_show(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%u\n", vib_grants_count());
}

static const struct kernel_param_ops vib_grants_ops = {
	.get = vib_grants_show,
};

module_param_cb(grants, &vib_grants_ops, NULL, 0444);
MODULE_PARM_DESC(grants, "Grants that vibs of this domain have in use (read only)");

static unsigned int vib_grants_per_frame(void)
{
	struct gnttab_get_version version = { .dom = DOMID_SELF };

	if (!HYPERVISOR_grant_table_op(GNTTABOP_get_version, &version, 1) &&
	    version.version == 2)
		return XEN_PAGE_SIZE / sizeof(union grant_entry_v2);
	return XEN_PAGE_SIZE / sizeof(struct grant_entry_v1);
}

/* Frames that a guest's disks and networks take, as README.md reckons. */
#define VIB_GRANT_FRAMES_OF_OTHERS 64

unsigned int vib_grants_frames(unsigned long pages)
{
	return VIB_GRANT_FRAMES_OF_OTHERS +
	       DIV_ROUND_UP(pages, vib_grants_per_frame());
}

/*
 * What would have sufficed: while some of @memory are granted, the reserve is there,
 * and only the rest is missing; else part of the reserve may be missing, too.
 */
static void vib_grants_exhausted(struct vib *vib, const struct vib_memory *memory)
{
	unsigned int per_frame = vib_grants_per_frame();
	unsigned int frames = gnttab_max_grant_frames();
	u32 missing = memory->count - memory->granted;

	if (!memory->granted)
		missing += VIB_GRANT_RESERVE;
	dev_err_ratelimited(&vib->xbdev->dev,
			    "no grants for %u pages: vibs have %u, %u are left to other devices; this domain's max_grant_frames is %u of %u grants, and had to be %u (as had Xen's gnttab_max_frames)\n",
			    memory->count,
			    vib_grants_count() - memory->granted,
			    VIB_GRANT_RESERVE, frames, per_frame,
			    frames + DIV_ROUND_UP(missing, per_frame));
}

/*
 * Take @count grants, if that leaves enough. What makes a connection or lasts as
 * long as a command is not asked: without it, nothing works or can be ended.
 */
static int vib_grants_take(enum vib_memory_kind kind, u32 count,
			   grant_ref_t *head)
{
	grant_ref_t reserve;
	int err;

	mutex_lock(&vib_grants_lock);
	err = gnttab_alloc_grant_references(count, head);
	if (!err && kind != VIB_MEMORY_CONNECTION && kind != VIB_MEMORY_LIST) {
		err = gnttab_alloc_grant_references(VIB_GRANT_RESERVE, &reserve);
		if (err)
			gnttab_free_grant_references(*head);
		else
			gnttab_free_grant_references(reserve);
	}
	mutex_unlock(&vib_grants_lock);
	return err;
}

int vib_grants_take_each(u32 count, grant_ref_t *refs)
{
	u32 taken = 0, end;
	grant_ref_t head;

	while (taken < count) {
		end = taken + min(count - taken, VIB_GRANT_CHUNK);
		if (vib_grants_take(VIB_MEMORY_POOL, end - taken, &head)) {
			while (taken)
				vib_grants_give(refs[--taken]);
			return -ENOSPC;
		}
		for (; taken < end; taken++) {
			refs[taken] = gnttab_claim_grant_reference(&head);
			atomic_long_inc(&vib_grants_used);
		}
	}
	return 0;
}

void vib_grants_give(grant_ref_t ref)
{
	gnttab_free_grant_reference(ref);
	atomic_long_dec(&vib_grants_used);
}

void vib_grants_leave_one(grant_ref_t ref, struct page *page)
{
	gnttab_end_foreign_access(ref, page);
	atomic_long_dec(&vib_grants_used);
}

int vib_grants_make(struct vib *vib, struct vib_memory *memory)
{
	domid_t domid = vib->xbdev->otherend_id;
	grant_ref_t head;
	u32 i, count;
	int ref;

	while (memory->granted < memory->count) {
		count = min(memory->count - memory->granted, VIB_GRANT_CHUNK);
		if (vib_grants_take(memory->kind, count, &head)) {
			if (memory->kind != VIB_MEMORY_POOL &&
			    memory->kind != VIB_MEMORY_RAM)
				vib_grants_exhausted(vib, memory);
			return -ENOSPC;
		}
		for (i = 0; i < count; i++) {
			ref = gnttab_claim_grant_reference(&head);
			memory->refs[memory->granted] = ref;
			gnttab_page_grant_foreign_access_ref_one(
				ref, domid, memory->pages[memory->granted],
				!memory->writable);
			memory->granted++;
		}
		vib_grants_account(memory, count);
		cond_resched();
	}
	return 0;
}

bool vib_grants_end(struct vib_memory *memory)
{
	while (memory->granted) {
		if (!gnttab_try_end_foreign_access(memory->refs[memory->granted - 1]))
			return false;
		memory->granted--;
		vib_grants_account(memory, -1);
		if (!(memory->granted % VIB_GRANT_CHUNK))
			cond_resched();
	}
	return true;
}

void vib_grants_leave(struct vib_memory *memory)
{
	struct page *page;

	if (memory->kind == VIB_MEMORY_RAM && memory->granted) {
		pr_warn("ibfront: the backend keeps %u pages of this domain mapped, whose grants are lost\n",
			memory->granted);
		vib_grants_account(memory, -(long)memory->granted);
		memory->granted = 0;
	}
	while (memory->granted) {
		page = memory->pages[memory->granted - 1];
		get_page(page);
		gnttab_end_foreign_access(memory->refs[memory->granted - 1], page);
		memory->granted--;
		vib_grants_account(memory, -1);
		if (!(memory->granted % VIB_GRANT_CHUNK))
			cond_resched();
	}
}
