// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_mw.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "fake_verbs.h"

struct fake_mw {
	struct ibv_mw mw;
	uint32_t rkey;     /* as it is at the HCA */
	struct ibv_qp *qp; /* NULL: it is free */
	struct ibv_mr *mr; /* and as it was bound */
	uint64_t addr, length;
	int access;
	LIST_ENTRY(fake_mw) entry;
};

static LIST_HEAD(, fake_mw) mws = LIST_HEAD_INITIALIZER(mws);

static struct fake_mw *find(uint32_t rkey)
{
	struct fake_mw *m;

	LIST_FOREACH(m, &mws, entry)
	if (m->rkey == rkey)
		return m;
	return NULL;
}

struct ibv_mw *fake_alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type)
{
	struct fake_mw *m;
	int error = fake_hca.alloc_mw_error;

	fake_hca.alloc_mw_error = 0;
	if (!error && (type != IBV_MW_TYPE_2 || !fake_hca.windows))
		error = EINVAL;
	errno = error;
	if (error)
		return NULL;
	m = calloc(1, sizeof(*m));
	m->rkey = fake_next_key();
	m->mw = (struct ibv_mw){
		.context = pd->context, .pd = pd, .rkey = m->rkey, .type = type
	};
	LIST_INSERT_HEAD(&mws, m, entry);
	fake_hca.mws++;
	return &m->mw;
}

int fake_dealloc_mw(struct ibv_mw *mw)
{
	struct fake_mw *m = (struct fake_mw *)mw;

	LIST_REMOVE(m, entry);
	free(m);
	fake_hca.mws--;
	return 0;
}

enum ibv_wc_status fake_mw_bind(struct ibv_qp *qp, const struct ibv_send_wr *wr,
				uint32_t rkey)
{
	const struct ibv_mw_bind_info *info = &wr->bind_mw.bind_info;
	const unsigned int writes = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC;
	int needed = IBV_ACCESS_MW_BIND;
	struct fake_mw *m = find(rkey);

	if (info->mw_access_flags & writes)
		needed |= IBV_ACCESS_LOCAL_WRITE;
	if (!m || m->qp || m->mw.pd != qp->pd || info->mr->pd != qp->pd ||
	    (wr->bind_mw.rkey ^ rkey) >> 8 || !info->length ||
	    info->mw_access_flags & ~(writes | IBV_ACCESS_REMOTE_READ) ||
	    !fake_mr_at(info->mr, info->addr, info->length, needed))
		return IBV_WC_MW_BIND_ERR;
	m->rkey = wr->bind_mw.rkey;
	m->qp = qp;
	m->mr = info->mr;
	m->addr = info->addr;
	m->length = info->length;
	m->access = (int)info->mw_access_flags;
	fake_hca.binds++;
	return IBV_WC_SUCCESS;
}

bool fake_mw_invalidate(struct ibv_qp *qp, uint32_t rkey)
{
	struct fake_mw *m = find(rkey);

	if (!m)
		return false;
	if (!m->qp && fake_hca.invalidates_free)
		return true;
	if (!m->qp)
		abort();
	if (m->qp != qp)
		return false;
	m->qp = NULL;
	m->mr = NULL;
	return true;
}

uint8_t *fake_mw_reach(struct ibv_qp *qp, uint32_t rkey, uint64_t addr, uint64_t length,
		       int access)
{
	struct fake_mw *m = find(rkey);

	if (!m || m->qp != qp || (m->access & access) != access || addr < m->addr ||
	    addr + length > m->addr + m->length)
		return NULL;
	return fake_mr_at(m->mr, addr, length, 0);
}

bool fake_mw_is_over(const struct ibv_mr *mr)
{
	struct fake_mw *m;

	LIST_FOREACH(m, &mws, entry)
	if (m->qp && m->mr == mr)
		return true;
	return false;
}

bool fake_mw_is_of(const struct ibv_qp *qp)
{
	struct fake_mw *m;

	LIST_FOREACH(m, &mws, entry)
	if (m->qp == qp)
		return true;
	return false;
}

bool fake_mw_is_in(const struct ibv_pd *pd)
{
	struct fake_mw *m;

	LIST_FOREACH(m, &mws, entry)
	if (m->mw.pd == pd)
		return true;
	return false;
}
