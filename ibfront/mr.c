// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Protection domains, memory regions and memory windows.
 */

#include <linux/slab.h>

#include "fast.h"
#include "verbs.h"

int vib_verb_alloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	struct vib_control_request request = { .operation = VIB_CMD_ALLOC_PD };
	struct vib *vib = to_vib(ibpd->device);
	struct vib_pd *pd = to_vib_pd(ibpd);

	atomic_set(&pd->windows, 0);
	pd->kernel = !udata;
	if (pd->kernel)
		return READ_ONCE(vib->serving) ? 0 : -EIO;
	pd->epoch = READ_ONCE(vib->epoch);
	return vib_object_create(vib, pd->epoch, &request, &pd->number);
}

int vib_verb_dealloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	struct vib_pd *pd = to_vib_pd(ibpd);

	if (pd->kernel)
		return 0;
	vib_object_destroy(to_vib(ibpd->device), pd->epoch, VIB_CMD_DEALLOC_PD,
			   pd->number);
	return 0;
}

/* ---- memory regions ------------------------------------------------------ */

#define VIB_MR_ACCESS (IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | \
		       IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC | \
		       IB_ACCESS_MW_BIND)

/* Returns the ABI's mask, or -EOPNOTSUPP. */
static int vib_mr_access(int access)
{
	BUILD_BUG_ON(VIB_MR_ACCESS !=
		     (VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |
		      VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC |
		      VIB_ACCESS_MW_BIND));

	/* Hints, which may be ignored. */
	access &= ~(IB_ACCESS_OPTIONAL | IB_ACCESS_HUGETLB);
	if (access & ~VIB_MR_ACCESS)
		return -EOPNOTSUPP;
	return access;
}

static bool vib_mr_writable(int access)
{
	return access & VIB_ACCESS_LOCAL_WRITE;
}

static void vib_mr_take_keys(struct vib_mr *mr, const struct vib_rsp_reg_mr *keys)
{
	mr->ibmr.lkey = keys->lkey;
	mr->ibmr.rkey = keys->rkey;
}

/* As @cmd says, but for its pages: those of @tree, which ends. */
static int vib_mr_register(struct vib *vib, struct vib_mr *mr,
			   const struct vib_cmd_reg_mr *cmd,
			   struct vib_tree *tree)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_REG_MR,
		.u.reg_mr = *cmd,
	};
	struct vib_control_response response;
	int err;

	request.u.reg_mr.pages = tree->pages;
	err = vib_object_command(vib, mr->epoch, &request, &response);
	vib_tree_end(vib, tree, err);
	if (err)
		return err;
	vib_mr_take_keys(mr, &response.u.reg_mr);
	return 0;
}

static int vib_mr_register_user(struct vib *vib, struct vib_mr *mr, u32 pd,
				u64 iova)
{
	const struct vib_cmd_reg_mr cmd = {
		.iova = iova,
		.length = mr->length,
		.pd = pd,
		.access = mr->access,
	};
	struct vib_tree tree;
	int err;

	err = vib_tree_make(vib, mr->memory, &tree);
	return err ?: vib_mr_register(vib, mr, &cmd, &tree);
}

/* Of @length bytes, for who may do as @access of Linux' says. */
static struct vib_mr *vib_mr_new(struct ib_pd *ibpd, u64 length, int access)
{
	struct vib_mr *mr;

	access = vib_mr_access(access);
	if (access < 0)
		return ERR_PTR(access);
	mr = kzalloc(sizeof(*mr), GFP_KERNEL_ACCOUNT);
	if (!mr)
		return ERR_PTR(-ENOMEM);
	mr->epoch = to_vib_pd(ibpd)->epoch;
	mr->length = length;
	mr->access = access;
	return mr;
}

struct ib_mr *vib_verb_reg_user_mr(struct ib_pd *ibpd, u64 start, u64 length,
				   u64 virt_addr, int access,
				   struct ib_udata *udata)
{
	struct vib *vib = to_vib(ibpd->device);
	struct vib_mr *mr = vib_mr_new(ibpd, length, access);
	int err;

	if (IS_ERR(mr))
		return ERR_CAST(mr);
	mr->start = start;
	mr->memory = vib_memory_pin(vib, start, length, vib_mr_writable(mr->access));
	if (IS_ERR(mr->memory)) {
		err = PTR_ERR(mr->memory);
		goto err_free;
	}
	err = vib_mr_register_user(vib, mr, to_vib_pd(ibpd)->number, virt_addr);
	if (err)
		goto err_memory;
	return &mr->ibmr;

err_memory:
	vib_memory_end(vib, mr->memory);
err_free:
	kfree(mr);
	return ERR_PTR(err);
}

/*
 * @length bytes of @dm from @offset on, which users name from 0 on. One that does not
 * begin a page is for backends that know of zero-based regions, and for no HCA. One of
 * no bytes is of a byte that nobody has a right to: no backend makes one of none.
 */
static int vib_mr_register_dm(struct vib *vib, struct vib_mr *mr, u32 pd,
			      const struct vib_dm *dm, u64 offset)
{
	struct vib_cmd_reg_mr cmd = {
		.iova = mr->length ? offset_in_page(offset) : 0,
		.length = mr->length ?: 1,
		.pd = pd,
		.access = mr->length ? mr->access : 0,
	};
	u32 first = mr->length ? PFN_DOWN(offset) : 0;
	struct vib_tree tree;
	int err;

	if (cmd.iova)
		cmd.access |= VIB_ACCESS_ZERO_BASED;
	err = vib_tree_make_part(vib, dm->memory, first,
				 PFN_UP(cmd.iova + cmd.length), &tree);
	return err ?: vib_mr_register(vib, mr, &cmd, &tree);
}

/* ib_core has checked that it is within @ibdm. */
struct ib_mr *vib_verb_reg_dm_mr(struct ib_pd *ibpd, struct ib_dm *ibdm,
				 struct ib_dm_mr_attr *attr,
				 struct uverbs_attr_bundle *attrs)
{
	struct vib_mr *mr = vib_mr_new(ibpd, attr->length,
				       attr->access_flags & ~IB_ZERO_BASED);
	int err;

	BUILD_BUG_ON((int)IB_ZERO_BASED != VIB_ACCESS_ZERO_BASED);

	if (IS_ERR(mr))
		return ERR_CAST(mr);
	mr->ibmr.length = attr->length;
	err = vib_mr_register_dm(to_vib(ibpd->device), mr, to_vib_pd(ibpd)->number,
				 to_vib_dm(ibdm), attr->offset);
	if (err) {
		kfree(mr);
		return ERR_PTR(err);
	}
	return &mr->ibmr;
}

/* Other pages, or the same with another right to write them. */
static int vib_mr_retranslate(struct vib *vib, struct vib_mr *mr,
			      struct vib_cmd_rereg_mr *cmd, u64 start)
{
	struct vib_control_request request = { .operation = VIB_CMD_REREG_MR };
	struct vib_control_response response;
	struct vib_memory *memory;
	struct vib_tree tree;
	u32 access;
	int err;

	access = cmd->mask & VIB_REREG_ACCESS ? cmd->mr.access : mr->access;
	memory = vib_memory_pin(vib, start, cmd->mr.length,
				vib_mr_writable(access));
	if (IS_ERR(memory))
		return PTR_ERR(memory);
	err = vib_tree_make(vib, memory, &tree);
	if (err)
		goto err_memory;
	cmd->mask |= VIB_REREG_TRANSLATION;
	cmd->mr.pages = tree.pages;
	request.u.rereg_mr = *cmd;
	err = vib_object_command(vib, mr->epoch, &request, &response);
	vib_tree_end(vib, &tree, err);
	if (err)
		goto err_memory;
	vib_mr_take_keys(mr, &response.u.reg_mr);
	vib_memory_end(vib, mr->memory);
	mr->memory = memory;
	mr->start = start;
	mr->length = cmd->mr.length;
	return 0;

err_memory:
	vib_memory_end(vib, memory);
	return err;
}

static int vib_mr_reaccess(struct vib *vib, struct vib_mr *mr,
			   const struct vib_cmd_rereg_mr *cmd)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_REREG_MR,
		.u.rereg_mr = *cmd,
	};
	struct vib_control_response response;
	int err;

	err = vib_object_command(vib, mr->epoch, &request, &response);
	if (!err)
		vib_mr_take_keys(mr, &response.u.reg_mr);
	return err;
}

/* NULL, and it may have other keys; or an ERR_PTR, and it is as it was. */
struct ib_mr *vib_verb_rereg_user_mr(struct ib_mr *ibmr, int flags, u64 start,
				     u64 length, u64 virt_addr, int access,
				     struct ib_pd *ibpd, struct ib_udata *udata)
{
	struct vib *vib = to_vib(ibmr->device);
	struct vib_mr *mr = to_vib_mr(ibmr);
	struct vib_cmd_rereg_mr cmd = {
		.key = ibmr->lkey,
		.mask = flags,
	};
	bool again = flags & IB_MR_REREG_TRANS;
	int err;

	BUILD_BUG_ON((int)IB_MR_REREG_TRANS != VIB_REREG_TRANSLATION ||
		     (int)IB_MR_REREG_PD != VIB_REREG_PD ||
		     (int)IB_MR_REREG_ACCESS != VIB_REREG_ACCESS);

	if (!flags) /* ib_core takes away a PD that is the same */
		return NULL;
	if (flags & IB_MR_REREG_PD) {
		if (to_vib_pd(ibpd)->epoch != mr->epoch)
			return ERR_PTR(-EIO);
		cmd.mr.pd = to_vib_pd(ibpd)->number;
	}
	if (flags & IB_MR_REREG_ACCESS) {
		access = vib_mr_access(access);
		if (access < 0)
			return ERR_PTR(access);
		cmd.mr.access = access;
		/* What was pinned for reading is pinned and granted anew. */
		if (vib_mr_writable(access) && !mr->memory->written)
			again = true;
	}
	if (flags & IB_MR_REREG_TRANS) {
		cmd.mr.iova = virt_addr;
		cmd.mr.length = length;
	} else if (again) {
		/* Only who registered it has that memory at that address. */
		if (current->mm != mr->memory->mm)
			return ERR_PTR(-EINVAL);
		start = mr->start;
		cmd.mr.iova = ibmr->iova;
		cmd.mr.length = mr->length;
	}
	err = again ? vib_mr_retranslate(vib, mr, &cmd, start) :
		      vib_mr_reaccess(vib, mr, &cmd);
	if (err)
		return ERR_PTR(err);
	if (flags & IB_MR_REREG_ACCESS)
		mr->access = cmd.mr.access;
	return NULL;
}

int vib_verb_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata)
{
	struct vib *vib = to_vib(ibmr->device);
	struct vib_mr *mr = to_vib_mr(ibmr);
	struct vib_control_request request = {
		.operation = VIB_CMD_DEREG_MR,
		.u.object.number = ibmr->lkey,
	};
	struct vib_control_response response;
	int err;

	if (mr->fast) {
		vib_fast_dereg(to_vib_fast(ibmr));
		return 0;
	}
	err = vib_object_command(vib, mr->epoch, &request, &response);
	if (err == -EBUSY && atomic_read(&to_vib_pd(ibmr->pd)->windows))
		return err; /* one is bound to it */
	if (err && err != -EIO)
		vib_object_refused(vib);
	if (mr->memory)
		vib_memory_end(vib, mr->memory);
	kfree(mr);
	return 0;
}

/* ---- memory windows ------------------------------------------------------ */

int vib_verb_alloc_mw(struct ib_mw *ibmw, struct ib_udata *udata)
{
	struct vib_pd *pd = to_vib_pd(ibmw->pd);
	struct vib_control_request request = {
		.operation = VIB_CMD_ALLOC_MW,
		.u.alloc_mw = { .pd = pd->number, .type = ibmw->type },
	};
	struct vib_mw *mw = to_vib_mw(ibmw);
	int err;

	BUILD_BUG_ON((int)IB_MW_TYPE_1 != VIB_MW_TYPE_1 ||
		     (int)IB_MW_TYPE_2 != VIB_MW_TYPE_2);

	mw->epoch = pd->epoch;
	err = vib_object_create(to_vib(ibmw->device), mw->epoch, &request,
				&ibmw->rkey);
	if (!err)
		atomic_inc(&pd->windows);
	return err;
}

int vib_verb_dealloc_mw(struct ib_mw *ibmw)
{
	vib_object_destroy(to_vib(ibmw->device), to_vib_mw(ibmw)->epoch,
			   VIB_CMD_DEALLOC_MW, ibmw->rkey);
	atomic_dec(&to_vib_pd(ibmw->pd)->windows);
	return 0;
}
