// SPDX-License-Identifier: GPL-2.0-or-later
/* Making and destroying memory windows. */
#include <errno.h>
#include <stdlib.h>

#include "engine/objects_parts.h"

int mw_create(struct vhca *vhca, const struct vib_cmd_alloc_mw *cmd, uint32_t *key)
{
	struct pd *pd = table_get(&vhca->pds, cmd->pd, pd);
	struct mw *mw;

	if (!pd || (cmd->type != VIB_MW_TYPE_1 && cmd->type != VIB_MW_TYPE_2))
		return -EINVAL;
	if (!quota_has_mr(vhca))
		return -ENOMEM;
	mw = calloc(1, sizeof(*mw));
	if (!mw)
		return -ENOMEM;
	mw->type = cmd->type;
	mw->pd = cmd->pd;
	pthread_spin_init(&mw->lock, PTHREAD_PROCESS_PRIVATE);
	/* Before a poller can find it. */
	table_next_number(&vhca->mws, MW_FIRST, MW_LAST, &mw->node.number);
	mw->key = mw->node.number << MW_KEY_BITS;
	table_add(&vhca->mws, &mw->node, mw->node.number);
	pd->users++;
	*key = mw->key;
	return 0;
}

void mw_free(struct vhca *vhca, struct mw *mw)
{
	struct pd *pd = table_get(&vhca->pds, mw->pd, pd);

	pd->users--;
	pthread_spin_destroy(&mw->lock);
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
	mw_unbind(mw);
	if (qp)
		pthread_spin_unlock(&qp->lock);
	pthread_spin_unlock(&mw->lock);
}

int mw_destroy(struct vhca *vhca, uint32_t key)
{
	struct mw *mw =
		key_is_window(key) ? table_get(&vhca->mws, key >> MW_KEY_BITS, mw) : NULL;

	if (!mw)
		return -EINVAL;
	table_del(&vhca->mws, &mw->node);
	take_out(mw);
	synchronize_rcu();
	mw_free(vhca, mw);
	return 0;
}
