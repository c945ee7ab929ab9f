// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Protection domains, thread domains, and parent domains, which join the two.
 */

#include <errno.h>
#include <stdlib.h>

#include "objects.h"
#include "private_cmd34.h"
#include "verbs.h"

struct ibv_pd *vib_alloc_pd(struct ibv_context *context)
{
	struct ib_uverbs_alloc_pd_resp resp;
	struct ibv_alloc_pd cmd;
	struct vib_pd *pd;
	int ret;

	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return NULL;
	ret = ibv_cmd_alloc_pd(context, &pd->ibv, &cmd, sizeof(cmd), &resp, sizeof(resp));
	if (ret) {
		free(pd);
		errno = ret;
		return NULL;
	}
	return &pd->ibv;
}

static bool used(int *users)
{
	return __atomic_load_n(users, __ATOMIC_ACQUIRE) != 0;
}

static void forget_parent_domain(struct vib_pd *pd)
{
	__atomic_fetch_sub(&pd->parent_of->users, 1, __ATOMIC_RELEASE);
	if (pd->td)
		__atomic_fetch_sub(&pd->td->users, 1, __ATOMIC_RELEASE);
}

int vib_dealloc_pd(struct ibv_pd *ibpd)
{
	struct vib_pd *pd = to_vib_pd(ibpd);
	int ret;

	if (used(&pd->users))
		return EBUSY;
	if (pd->parent_of) {
		forget_parent_domain(pd);
	} else {
		ret = ibv_cmd_dealloc_pd(ibpd);
		if (ret)
			return ret;
	}
	free(pd);
	return 0;
}

struct ibv_td *vib_alloc_td(struct ibv_context *context, struct ibv_td_init_attr *attr)
{
	struct vib_td *td;

	if (attr->comp_mask) {
		errno = EINVAL;
		return NULL;
	}
	td = calloc(1, sizeof(*td));
	if (!td)
		return NULL;
	td->ibv.context = context;
	return &td->ibv;
}

int vib_dealloc_td(struct ibv_td *ibtd)
{
	struct vib_td *td = to_vib_td(ibtd);

	if (used(&td->users))
		return EBUSY;
	free(td);
	return 0;
}

struct ibv_pd *vib_alloc_parent_domain(struct ibv_context *context,
				       struct ibv_parent_domain_init_attr *attr)
{
	struct vib_pd *pd;

	if (!attr->pd || to_vib_pd(attr->pd)->parent_of) {
		errno = EINVAL;
		return NULL;
	}
	if (attr->comp_mask & ~(uint32_t)(IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS |
					  IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	if (attr->comp_mask & IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS &&
	    (!attr->alloc || !attr->free)) {
		errno = EINVAL;
		return NULL;
	}
	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return NULL;

	pd->ibv.context = context;
	pd->ibv.handle = attr->pd->handle;
	pd->parent_of = to_vib_pd(attr->pd);
	__atomic_fetch_add(&pd->parent_of->users, 1, __ATOMIC_RELAXED);
	if (attr->td) {
		pd->td = to_vib_td(attr->td);
		__atomic_fetch_add(&pd->td->users, 1, __ATOMIC_RELAXED);
	}
	if (attr->comp_mask & IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS) {
		pd->alloc = attr->alloc;
		pd->free = attr->free;
	}
	if (attr->comp_mask & IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT)
		pd->pd_context = attr->pd_context;
	return &pd->ibv;
}

/* The handle is believed: whatever is made in a PD that is not there fails. */
struct ibv_pd *vib_import_pd(struct ibv_context *context, uint32_t pd_handle)
{
	struct vib_pd *pd;

	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return NULL;
	pd->ibv.context = context;
	pd->ibv.handle = pd_handle;
	return &pd->ibv;
}

void vib_unimport_pd(struct ibv_pd *ibpd)
{
	free(to_vib_pd(ibpd));
}
