// SPDX-License-Identifier: GPL-2.0-or-later
/* Making and destroying memory windows, and keys of fast registration. */
#include <errno.h>
#include <stdlib.h>

#include "engine/fast.h"
#include "engine/objects_parts.h"
#include "device_limits.h"

static struct mw *mw_new(uint32_t pd)
{
	struct mw *mw = calloc(1, sizeof(*mw));

	if (!mw)
		return NULL;
	mw->pd = pd;
	pthread_spin_init(&mw->lock, PTHREAD_PROCESS_PRIVATE);
	return mw;
}

/* A poller can find it from now on: under @key, and with its number for good. */
static void add(struct vhca *vhca, struct mw *mw, uint32_t key)
{
	struct pd *pd = table_get(&vhca->pds, mw->pd, pd);

	mw->key = key;
	table_add(&vhca->mws, &mw->node, key >> MW_KEY_BITS);
	pd->users++;
}

static uint32_t next_key(struct vhca *vhca)
{
	uint32_t number;

	/* A table is full at its quota, far below the numbers there are. */
	table_next_number(&vhca->mws, MW_FIRST, MW_LAST, &number);
	return number << MW_KEY_BITS;
}

int mw_create(struct vhca *vhca, const struct vib_cmd_alloc_mw *cmd, uint32_t *key)
{
	struct mw *mw;

	if (!table_get(&vhca->pds, cmd->pd, pd) ||
	    (cmd->type != VIB_MW_TYPE_1 && cmd->type != VIB_MW_TYPE_2))
		return -EINVAL;
	if (!quota_has_mr(vhca))
		return -ENOMEM;
	mw = mw_new(cmd->pd);
	if (!mw)
		return -ENOMEM;
	mw->type = cmd->type;
	*key = next_key(vhca);
	add(vhca, mw, *key);
	return 0;
}

static bool number_is_free(const struct vhca *vhca, uint32_t key)
{
	return key >> MW_KEY_BITS <= MW_LAST &&
	       !table_find(&vhca->mws, key >> MW_KEY_BITS);
}

int fast_check(const struct vhca *vhca, const struct vib_cmd_alloc_mr *cmd)
{
	if (!table_get(&vhca->pds, cmd->pd, pd) || !cmd->max_pages ||
	    cmd->max_pages > MAX_FAST_PAGES)
		return -EINVAL;
	/* Those of an HCA are for that to give. */
	if (cmd->key &&
	    (vhca->wire || !key_is_window(cmd->key) || !number_is_free(vhca, cmd->key)))
		return -EEXIST;
	return quota_has_mr(vhca) ? 0 : -ENOMEM;
}

/* NULL: no memory. */
static struct mw *fast_mw_new(struct vhca *vhca, const struct vib_cmd_alloc_mr *cmd)
{
	struct mw *mw = mw_new(cmd->pd);

	if (!mw)
		return NULL;
	mw->fast = fast_new(vhca, cmd->max_pages);
	if (mw->fast)
		return mw;
	pthread_spin_destroy(&mw->lock);
	free(mw);
	return NULL;
}

int fast_create(struct vhca *vhca, const struct vib_cmd_alloc_mr *cmd, uint32_t *key)
{
	int rc = fast_check(vhca, cmd);
	struct mw *mw;

	if (rc < 0)
		return rc;
	mw = fast_mw_new(vhca, cmd);
	if (!mw)
		return -ENOMEM;
	*key = cmd->key ? cmd->key : next_key(vhca);
	add(vhca, mw, *key);
	return 0;
}

int fast_create_wired(struct vhca *vhca, const struct vib_cmd_alloc_mr *cmd,
		      struct wire_mw *wire, uint32_t *key)
{
	struct mw *mw;

	if (!(wire->key >> MW_KEY_BITS) || !number_is_free(vhca, wire->key))
		return -ENOSPC;
	mw = fast_mw_new(vhca, cmd);
	if (!mw)
		return -ENOMEM;
	*key = wire->key;
	wire_fast_begin(vhca, mw, wire);
	add(vhca, mw, *key);
	return 0;
}

void mw_free(struct vhca *vhca, struct mw *mw)
{
	struct pd *pd = table_get(&vhca->pds, mw->pd, pd);

	pd->users--;
	if (mw->fast)
		wire_fast_end(vhca, mw);
	pthread_spin_destroy(&mw->lock);
	free(mw->fast);
	free(mw);
}

/* End its binding, and have nobody bind it again who still finds it. */
static void take_out(struct mw *mw)
{
	struct qp *qp;

	pthread_spin_lock(&mw->lock);
	mw->gone = true;
	qp = mw->qp; /* and stays it, while the window is locked */
	if (qp)
		pthread_spin_lock(&qp->lock);
	if (mw->fast)
		wire_fast_key_ends(mw);
	else
		mw_unbind(mw);
	if (qp)
		pthread_spin_unlock(&qp->lock);
	pthread_spin_unlock(&mw->lock);
}

static int destroy(struct vhca *vhca, uint32_t key, bool fast)
{
	struct mw *mw = table_get(&vhca->mws, key >> MW_KEY_BITS, mw);

	if (!mw || !mw->fast == fast)
		return -EINVAL;
	table_del(&vhca->mws, &mw->node);
	take_out(mw);
	synchronize_rcu();
	mw_free(vhca, mw);
	return 0;
}

int mw_destroy(struct vhca *vhca, uint32_t key)
{
	return destroy(vhca, key, false);
}

int fast_destroy(struct vhca *vhca, uint32_t key)
{
	return destroy(vhca, key, true);
}
