// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Device memory: the kernel's pages under a handle, mapped for as long as the program
 * has it, or has imported it. Its children have the mapping, too: all see the same.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dm.h"
#include "private_cmd34.h"
#include "verbs.h"

/* What offsets and lengths of copies are multiples of, as with HCAs' own memory. */
#define DM_WORD 4

struct vib_dm {
	struct verbs_dm verbs;
	struct vib_mapping memory;
	uint64_t length;
};

static struct vib_dm *to_vib_dm(struct ibv_dm *dm)
{
	return (struct vib_dm *)dm;
}

/* 0, or as mlx5 answers. */
static int check_copy(const struct vib_dm *dm, uint64_t offset, size_t length)
{
	if (offset > dm->length || length > dm->length - offset)
		return EFAULT;
	return offset % DM_WORD || length % DM_WORD ? EINVAL : 0;
}

static int copy_to_dm(struct ibv_dm *ibdm, uint64_t offset, const void *from,
		      size_t length)
{
	struct vib_dm *dm = to_vib_dm(ibdm);
	int ret = check_copy(dm, offset, length);

	if (!ret)
		memcpy((char *)dm->memory.addr + offset, from, length);
	return ret;
}

static int copy_from_dm(void *to, struct ibv_dm *ibdm, uint64_t offset, size_t length)
{
	struct vib_dm *dm = to_vib_dm(ibdm);
	int ret = check_copy(dm, offset, length);

	if (!ret)
		memcpy(to, (const char *)dm->memory.addr + offset, length);
	return ret;
}

/* Map what the kernel has under the handle. -1 and errno. */
static int map_dm(struct vib_dm *dm)
{
	struct vib_context *ctx = to_vib_context(dm->verbs.dm.context);
	struct vib_uresp_query_dm resp = {};

	if (vib_query_dm(ctx, dm->verbs.handle, &resp) < 0)
		return -1;
	if (resp.length > resp.memory.length) {
		errno = EPROTO;
		return -1;
	}
	if (vib_map_inherited(ctx, &resp.memory, PROT_READ | PROT_WRITE, &dm->memory) < 0)
		return -1;
	dm->length = resp.length;
	dm->verbs.dm.memcpy_to_dm = copy_to_dm;
	dm->verbs.dm.memcpy_from_dm = copy_from_dm;
	return 0;
}

struct ibv_dm *vib_alloc_dm(struct ibv_context *context, struct ibv_alloc_dm_attr *attr)
{
	struct vib_dm *dm;
	int ret;

	if (attr->comp_mask) {
		errno = EINVAL;
		return NULL;
	}
	dm = calloc(1, sizeof(*dm));
	if (!dm)
		return NULL;
	ret = ibv_cmd_alloc_dm(context, attr, &dm->verbs, NULL);
	if (!ret && map_dm(dm) < 0) {
		ret = errno;
		ibv_cmd_free_dm(&dm->verbs);
	}
	if (ret) {
		free(dm);
		errno = ret;
		return NULL;
	}
	return &dm->verbs.dm;
}

static void forget(struct vib_dm *dm)
{
	vib_unmap(&dm->memory);
	free(dm);
}

/* EBUSY: it has a region yet. */
int vib_free_dm(struct ibv_dm *ibdm)
{
	struct vib_dm *dm = to_vib_dm(ibdm);
	int ret;

	ret = ibv_cmd_free_dm(&dm->verbs);
	if (ret)
		return ret;
	forget(dm);
	return 0;
}

struct ibv_mr *vib_reg_dm_mr(struct ibv_pd *pd, struct ibv_dm *dm, uint64_t dm_offset,
			     size_t length, unsigned int access)
{
	struct verbs_mr *mr;
	int ret;

	mr = calloc(1, sizeof(*mr));
	if (!mr)
		return NULL;
	ret = ibv_cmd_reg_dm_mr(pd, &to_vib_dm(dm)->verbs, dm_offset, length, access, mr,
				NULL);
	if (ret) {
		free(mr);
		errno = ret;
		return NULL;
	}
	mr->access = (int)access;
	return &mr->ibv_mr;
}

struct ibv_dm *vib_import_dm(struct ibv_context *context, uint32_t dm_handle)
{
	struct vib_dm *dm;
	int ret;

	dm = calloc(1, sizeof(*dm));
	if (!dm)
		return NULL;
	dm->verbs.dm.context = context;
	dm->verbs.dm.comp_mask = IBV_DM_MASK_HANDLE;
	dm->verbs.dm.handle = dm->verbs.handle = dm_handle;
	if (map_dm(dm) < 0) {
		ret = errno;
		free(dm);
		errno = ret;
		return NULL;
	}
	return &dm->verbs.dm;
}

void vib_unimport_dm(struct ibv_dm *ibdm)
{
	forget(to_vib_dm(ibdm));
}
