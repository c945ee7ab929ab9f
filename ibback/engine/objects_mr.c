// SPDX-License-Identifier: GPL-2.0-or-later
/* Making, changing and destroying memory regions. */
#include <errno.h>
#include <stdlib.h>

#include "engine/objects_parts.h"
#include "device_limits.h"

#define ACCESS_ALL                                                                   \
	(VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ | \
	 VIB_ACCESS_REMOTE_ATOMIC | VIB_ACCESS_MW_BIND | VIB_ACCESS_ZERO_BASED)

bool quota_has_mr(const struct vhca *vhca)
{
	return vhca->mrs.count + vhca->mws.count < vhca->limits.max_mr;
}

static bool operands_ok(const struct vhca *vhca, const struct vib_cmd_reg_mr *cmd)
{
	uint64_t offset = cmd->iova % VIB_PAGE_SIZE;

	if (!table_get(&vhca->pds, cmd->pd, pd) || cmd->access & ~(uint32_t)ACCESS_ALL)
		return false;
	/* IBTA vol. 1 §10.6.3.1: who lets others write must be able to himself. */
	if (cmd->access & (VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_ATOMIC) &&
	    !(cmd->access & VIB_ACCESS_LOCAL_WRITE))
		return false;
	/* Then iova only says where in the first page it begins. */
	if (cmd->access & VIB_ACCESS_ZERO_BASED && cmd->iova >= VIB_PAGE_SIZE)
		return false;
	return cmd->length && cmd->length <= MAX_MR_SIZE &&
	       cmd->iova + cmd->length >= cmd->iova &&
	       (offset + cmd->length + VIB_PAGE_SIZE - 1) / VIB_PAGE_SIZE ==
		       cmd->pages.count;
}

int mr_check(const struct vhca *vhca, const struct vib_cmd_reg_mr *cmd)
{
	if (!operands_ok(vhca, cmd))
		return -EINVAL;
	return quota_has_mr(vhca) ? 0 : -ENOMEM;
}

static struct mr *mr_new(struct vhca *vhca, const struct vib_cmd_reg_mr *cmd,
			 const struct memory *memory)
{
	struct mr *mr = calloc(1, sizeof(*mr));
	struct pd *pd = table_get(&vhca->pds, cmd->pd, pd);

	if (!mr)
		return NULL;
	mr->pd = cmd->pd;
	mr->access = cmd->access;
	mr->iova = cmd->access & VIB_ACCESS_ZERO_BASED ? 0 : cmd->iova;
	mr->length = cmd->length;
	mr->memory = *memory;
	mr->at = memory->at + cmd->iova % VIB_PAGE_SIZE;
	pd->users++;
	return mr;
}

struct wire_mr *mr_wire(const struct vhca *vhca, uint32_t key)
{
	const struct mr *mr = table_get(&vhca->mrs, key, mr);

	return mr ? mr->wire : NULL;
}

struct memory mr_memory(const struct vhca *vhca, uint32_t key)
{
	const struct mr *mr = table_get(&vhca->mrs, key, mr);

	return mr ? mr->memory : (struct memory){ 0 };
}

static bool key_is_free(const struct vhca *vhca, uint32_t key)
{
	const struct mr *mr = table_get(&vhca->mrs, key, mr);

	return !mr && key >= MR_KEY_FIRST && key <= MR_KEY_LAST;
}

int mr_create_wired(struct vhca *vhca, const struct vib_cmd_reg_mr *cmd,
		    const struct memory *memory, struct wire_mr *wire, uint32_t key)
{
	struct mr *mr;

	if (!key_is_free(vhca, key))
		return -ENOSPC;
	mr = mr_new(vhca, cmd, memory);
	if (!mr)
		return -ENOMEM;
	mr->wire = wire;
	mr->writable = cmd->access & VIB_ACCESS_LOCAL_WRITE;
	table_add(&vhca->mrs, &mr->node, key);
	return 0;
}

int mr_create(struct vhca *vhca, const struct vib_cmd_reg_mr *cmd,
	      const struct memory *memory, uint32_t *key)
{
	struct mr *mr = mr_new(vhca, cmd, memory);

	if (!mr)
		return -ENOMEM;
	mr->writable = cmd->access & VIB_ACCESS_LOCAL_WRITE;
	/* A table is full at its quota, far below the keys there are. */
	table_add_next(&vhca->mrs, &mr->node, MR_KEY_FIRST, MR_KEY_LAST);
	*key = mr->node.number;
	return 0;
}

void mr_free(struct vhca *vhca, struct mr *mr)
{
	struct pd *pd = table_get(&vhca->pds, mr->pd, pd);

	pd->users--;
	free(mr);
}

/* ---- changing ---------------------------------------------------------- */

#define REREG_ALL (VIB_REREG_TRANSLATION | VIB_REREG_PD | VIB_REREG_ACCESS)

/* The command that would make of nothing what @cmd makes of @mr. */
static struct vib_cmd_reg_mr merge(const struct mr *mr,
				   const struct vib_cmd_rereg_mr *cmd)
{
	struct vib_cmd_reg_mr want = cmd->mr;

	if (!(cmd->mask & VIB_REREG_TRANSLATION)) {
		want.iova = mr->iova;
		want.length = mr->length;
		want.pages = (struct vib_pages){ .count = mr->memory.pages };
	}
	if (!(cmd->mask & VIB_REREG_PD))
		want.pd = mr->pd;
	if (!(cmd->mask & VIB_REREG_ACCESS))
		want.access = mr->access;
	return want;
}

int mr_rereg_check(const struct vhca *vhca, const struct vib_cmd_rereg_mr *cmd,
		   struct vib_cmd_reg_mr *want)
{
	const struct mr *mr = table_get(&vhca->mrs, cmd->key, mr);

	if (!mr || !cmd->mask || cmd->mask & ~(uint32_t)REREG_ALL)
		return -EINVAL;
	*want = merge(mr, cmd);
	if (!operands_ok(vhca, want) ||
	    (mr->access | want->access) & VIB_ACCESS_ZERO_BASED)
		return -EINVAL;
	/* Pages that were mapped to be read stay so. */
	if (!(cmd->mask & VIB_REREG_TRANSLATION) && !mr->writable &&
	    want->access & VIB_ACCESS_LOCAL_WRITE)
		return -EINVAL;
	return mr_is_bound(mr) ? -EBUSY : 0;
}

int mr_rereg_wired(struct vhca *vhca, uint32_t key, const struct vib_cmd_reg_mr *want,
		   const struct memory *memory, struct wire_mr *wire, uint32_t new_key,
		   struct memory *old)
{
	struct mr *mr = table_get(&vhca->mrs, key, mr);
	struct mr *new;

	if (new_key != key && !key_is_free(vhca, new_key))
		return -ENOSPC;
	new = mr_new(vhca, want, memory ? memory : &mr->memory);
	if (!new)
		return -ENOMEM;
	new->wire = wire;
	new->writable = memory ? want->access &VIB_ACCESS_LOCAL_WRITE : mr->writable;
	if (!mr_close(mr)) {
		mr_free(vhca, new);
		return -EBUSY;
	}
	if (new_key == key) {
		table_replace(&vhca->mrs, &mr->node, &new->node);
	} else {
		table_add(&vhca->mrs, &new->node, new_key);
		table_del(&vhca->mrs, &mr->node);
	}
	vhca_new_epoch(vhca);
	synchronize_rcu();
	*old = memory ? mr->memory : (struct memory){ 0 };
	mr_free(vhca, mr);
	return 0;
}

int mr_rereg(struct vhca *vhca, uint32_t key, const struct vib_cmd_reg_mr *want,
	     const struct memory *memory, struct memory *old)
{
	return mr_rereg_wired(vhca, key, want, memory, NULL, key, old);
}

int mr_destroy(struct vhca *vhca, uint32_t key, struct memory *memory)
{
	struct mr *mr = table_get(&vhca->mrs, key, mr);

	if (!mr)
		return -EINVAL;
	if (!mr_close(mr))
		return -EBUSY;
	table_del(&vhca->mrs, &mr->node);
	vhca_new_epoch(vhca);
	synchronize_rcu();
	*memory = mr->memory;
	mr_free(vhca, mr);
	return 0;
}
