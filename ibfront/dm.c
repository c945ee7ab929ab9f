// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Device memory: zeroed pages of ours that a program has by a handle, maps, and
 * registers.
 *
 * They are not the pool's. Those are the kernel's again as soon as they are given
 * back, but a process keeps what it has mapped for as long as it likes, and its children
 * do. These are free when nobody has them any more: no object, no mapping, no backend.
 *
 * They are granted when they are allocated, for writing, and regions name the same
 * grants: registering pins nothing and takes no grants. Device memory outlives backends,
 * as it is nothing to them; its regions are lost with theirs, as all are.
 */

#include <linux/slab.h>

#define UVERBS_MODULE_NAME ibfront
#include <rdma/uverbs_named_ioctl.h>
#include <rdma/ib_user_ioctl_cmds.h>

#include "verbs.h"

/* MiB: the schema's bound, and what it says of a vib whose directory has no such node. */
#define VIB_DM_MAX	64u
#define VIB_DM_USUAL	1u

u32 vib_dm_quota(struct vib *vib)
{
	u32 mib = xenbus_read_unsigned(vib->xbdev->otherend, VIB_BE_MAX_DM,
				       VIB_DM_USUAL);

	return min(mib, VIB_DM_MAX) << (20 - PAGE_SHIFT);
}

/* Of all programs together. */
static int vib_dm_reserve(struct vib *vib, u32 pages, u32 quota)
{
	if (atomic_long_add_return(pages, &vib->dm_pages) <= quota)
		return 0;
	atomic_long_sub(pages, &vib->dm_pages);
	return -ENOMEM;
}

static int vib_dm_make(struct vib *vib, struct ib_ucontext *ibucontext,
		       u64 length, struct vib_dm *dm)
{
	struct vib_memory *memory;
	int err;

	memory = vib_memory_alloc(vib, VIB_MEMORY_QUEUE, length, true);
	if (IS_ERR(memory))
		return PTR_ERR(memory);
	err = vib_memory_charge(vib, memory, memory->count);
	if (err)
		goto err_memory;
	dm->entry = vib_umap_insert(ibucontext, memory->pages, memory->count,
				    false);
	if (IS_ERR(dm->entry)) {
		err = PTR_ERR(dm->entry);
		goto err_memory;
	}
	dm->memory = memory;
	return 0;

err_memory:
	vib_memory_end(vib, memory);
	return err;
}

struct ib_dm *vib_verb_alloc_dm(struct ib_device *ibdev,
				struct ib_ucontext *ibucontext,
				struct ib_dm_alloc_attr *attr,
				struct uverbs_attr_bundle *attrs)
{
	struct vib_ibdev *dev = to_vib_ibdev(ibdev);
	struct vib *vib = dev->vib;
	struct vib_dm *dm;
	u32 pages, quota;
	int err;

	spin_lock(&dev->lock);
	quota = dev->info.dm_pages;
	spin_unlock(&dev->lock);
	if (!quota)
		return ERR_PTR(-EOPNOTSUPP);
	/* It begins a page. */
	if (!attr->length || attr->length > (u64)quota << PAGE_SHIFT ||
	    attr->alignment > PAGE_SHIFT)
		return ERR_PTR(-EINVAL);
	dm = kzalloc(sizeof(*dm), GFP_KERNEL_ACCOUNT);
	if (!dm)
		return ERR_PTR(-ENOMEM);
	pages = PFN_UP(attr->length);
	err = vib_dm_reserve(vib, pages, quota);
	if (err)
		goto err_free;
	err = vib_dm_make(vib, ibucontext, attr->length, dm);
	if (err)
		goto err_reserved;
	return &dm->ibdm;

err_reserved:
	atomic_long_sub(pages, &vib->dm_pages);
err_free:
	kfree(dm);
	return ERR_PTR(err);
}

/* No region of it is left: ib_core counts them. */
int vib_verb_dealloc_dm(struct ib_dm *ibdm, struct uverbs_attr_bundle *attrs)
{
	struct vib *vib = to_vib(ibdm->device);
	struct vib_dm *dm = to_vib_dm(ibdm);

	atomic_long_sub(dm->memory->count, &vib->dm_pages);
	vib_umap_remove(dm->entry);
	vib_memory_end(vib, dm->memory);
	kfree(dm);
	return 0;
}

static int UVERBS_HANDLER(VIB_UMETHOD_QUERY_DM)(struct uverbs_attr_bundle *attrs)
{
	struct ib_dm *ibdm = uverbs_attr_get_obj(attrs,
						 VIB_UATTR_QUERY_DM_HANDLE);
	struct vib_uresp_query_dm resp = {};

	if (IS_ERR(ibdm))
		return PTR_ERR(ibdm);
	resp.length = ibdm->length;
	vib_umap_describe(to_vib_dm(ibdm)->entry, &resp.memory);
	return uverbs_copy_to_struct_or_zero(attrs, VIB_UATTR_QUERY_DM_RESP,
					     &resp, sizeof(resp));
}

DECLARE_UVERBS_NAMED_METHOD(VIB_UMETHOD_QUERY_DM,
			    UVERBS_ATTR_IDR(VIB_UATTR_QUERY_DM_HANDLE,
					    UVERBS_OBJECT_DM, UVERBS_ACCESS_READ,
					    UA_MANDATORY),
			    UVERBS_ATTR_PTR_OUT(VIB_UATTR_QUERY_DM_RESP,
						UVERBS_ATTR_STRUCT(struct vib_uresp_query_dm,
								   length),
						UA_MANDATORY));

ADD_UVERBS_METHODS(vib_dm_methods, UVERBS_OBJECT_DM,
		   &UVERBS_METHOD(VIB_UMETHOD_QUERY_DM));

const struct uapi_definition vib_dm_uapi[] = {
	UAPI_DEF_CHAIN_OBJ_TREE(UVERBS_OBJECT_DM, &vib_dm_methods),
	{},
};
