// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/mw.h"

#include <xen-ib/queue.h>

#include "engine/fast.h"
#include "engine/mr.h"
#include "engine/qp.h"
#include "engine/sg.h"
#include "engine/vhca.h"
#include "engine/wire_fast.h"

#define WRITES (VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_ATOMIC)
#define RIGHTS (WRITES | VIB_ACCESS_REMOTE_READ)

struct mw *mw_take(const struct vhca *vhca, uint32_t key, enum mw_result *result)
{
	struct mw *mw;

	*result = MW_DENIED;
	mw = table_get(&vhca->mws, key >> MW_KEY_BITS, mw);
	if (!mw)
		return NULL;
	if (pthread_spin_trylock(&mw->lock) != 0) {
		*result = MW_BUSY;
		return NULL;
	}
	if (!mw->gone)
		return mw;
	pthread_spin_unlock(&mw->lock);
	return NULL;
}

void mw_release(struct mw *mw)
{
	if (mw->fast && mw->fast->in_use)
		fast_leave(mw->fast);
	pthread_spin_unlock(&mw->lock);
}

/* ---- binding ----------------------------------------------------------- */

void mw_unbind(struct mw *mw)
{
	if (!mw->mr)
		return;
	if (mw->qp)
		LIST_REMOVE(mw, entry);
	mr_put_window(mw->mr);
	mw->mr = NULL;
	mw->qp = NULL;
}

/* IBTA vol. 1 §10.6.7.2.2: what has to be right whatever the MR is. */
static bool may_bind(const struct mw *mw, const struct qp *qp,
		     const struct vib_send_wqe *wqe)
{
	uint32_t access = wqe->u.bind.access;

	if (mw->fast || mw->pd != qp->pd || (wqe->u.bind.rkey ^ mw->key) >> MW_KEY_BITS)
		return false;
	if (mw->type == VIB_MW_TYPE_2)
		return !mw->mr && wqe->u.bind.length &&
		       !(access & ~(uint32_t)(RIGHTS | VIB_ACCESS_ZERO_BASED));
	return !wqe->u.bind.length || !(access & ~(uint32_t)RIGHTS);
}

/* The same of the MR. */
static bool fits(const struct mr *mr, const struct qp *qp, const struct vib_send_wqe *wqe)
{
	uint64_t offset = wqe->u.bind.addr - mr->iova; /* huge if it is below */

	return mr->pd == qp->pd && mr->access & VIB_ACCESS_MW_BIND &&
	       (!(wqe->u.bind.access & WRITES) || mr->access & VIB_ACCESS_LOCAL_WRITE) &&
	       offset <= mr->length && wqe->u.bind.length <= mr->length - offset;
}

static void show(struct mw *mw, struct mr *mr, const struct vib_send_wqe *wqe)
{
	uint64_t addr = wqe->u.bind.addr;

	mw->mr = mr;
	mw->access = wqe->u.bind.access & RIGHTS;
	mw->start = wqe->u.bind.access & VIB_ACCESS_ZERO_BASED ? 0 : addr;
	mw->length = wqe->u.bind.length;
	mw->at = mr->at + (addr - mr->iova);
}

/* The window is locked. */
static enum mw_result bind(struct mw *mw, struct qp *qp, const struct vib_send_wqe *wqe)
{
	struct mr *mr = NULL;

	if (!may_bind(mw, qp, wqe))
		return MW_DENIED;
	if (wqe->u.bind.length) {
		mr = table_get(&qp->vhca->mrs, wqe->u.bind.lkey, mr);
		if (!mr || !fits(mr, qp, wqe))
			return MW_DENIED;
		/* One that is closed ends, or another is about to be in its place. */
		if (!mr_take_window(mr))
			return MW_BUSY;
	}
	mw_unbind(mw);
	mw->key = wqe->u.bind.rkey;
	if (!mr)
		return MW_OK;
	show(mw, mr, wqe);
	if (mw->type == VIB_MW_TYPE_2) {
		mw->qp = qp;
		LIST_INSERT_HEAD(&qp->windows, mw, entry);
	}
	return MW_OK;
}

enum mw_result mw_bind(struct qp *qp, const struct vib_send_wqe *wqe)
{
	enum mw_result result;
	struct mw *mw = mw_take(qp->vhca, wqe->u.bind.mw, &result);

	if (!mw)
		return result;
	result = bind(mw, qp, wqe);
	mw_release(mw);
	return result;
}

/* Can a request of @qp's peer, or its own, end what @mw shows? */
static bool may_end(const struct mw *mw, const struct qp *qp)
{
	/* What is bound at an HCA ends there. */
	if (mw->fast)
		return !wire_fast_is_bound(&mw->fast->wire);
	return mw->type == VIB_MW_TYPE_2 && (!mw->mr || mw->qp == qp);
}

enum mw_result mw_invalidate(struct qp *qp, uint32_t key)
{
	enum mw_result result;
	struct mw *mw = mw_take(qp->vhca, key, &result);

	if (!mw)
		return result;
	result = MW_DENIED;
	if (mw->pd == qp->pd && mw->key == key && may_end(mw, qp)) {
		if (mw->fast)
			fast_free(mw->fast);
		else
			mw_unbind(mw);
		result = MW_OK;
	}
	mw_release(mw);
	return result;
}

void mw_unbind_all(struct qp *qp)
{
	struct mw *mw;

	while ((mw = LIST_FIRST(&qp->windows))) {
		pthread_spin_lock(&mw->lock);
		if (mw->fast)
			wire_fast_qp_ends(mw);
		else
			mw_unbind(mw);
		pthread_spin_unlock(&mw->lock);
	}
}

/* ---- what peers reach -------------------------------------------------- */

static bool reaches(const struct mw *mw, const struct qp *qp, uint32_t key, uint64_t addr,
		    uint64_t length, uint32_t access)
{
	uint64_t offset = addr - mw->start; /* huge if addr is below */
	bool ours = mw->type == VIB_MW_TYPE_2 ? mw->qp == qp : mw->pd == qp->pd;

	return mw->mr && ours && mw->key == key && (mw->access & access) == access &&
	       offset <= mw->length && length <= mw->length - offset;
}

/* What is reached is in *@part then. */
static bool enter(struct mw *mw, const struct qp *qp, uint32_t key, uint64_t addr,
		  uint64_t length, uint32_t access, struct sg_part *part)
{
	if (mw->fast)
		return mw->pd == qp->pd &&
		       fast_enter(mw->fast, key, addr, length, access, part);
	if (!reaches(mw, qp, key, addr, length, access))
		return false;
	sg_part_at(part, mw->at + (addr - mw->start), length);
	return true;
}

enum mw_result mw_reach(const struct qp *qp, uint32_t key, uint64_t addr, uint64_t length,
			uint32_t access, struct mw **window, struct sg_part *part)
{
	enum mw_result result;
	struct mw *mw = mw_take(qp->vhca, key, &result);

	if (!mw)
		return result;
	if (!enter(mw, qp, key, addr, length, access, part)) {
		mw_release(mw);
		return MW_DENIED;
	}
	*window = mw;
	return MW_OK;
}
