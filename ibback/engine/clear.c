// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The end of all that a guest has: the steps of objects_parts.h, each once for
 * everything, so that a guest with many objects ends as fast as one with few.
 */
#include <stdlib.h>

#include "engine/objects_parts.h"
#include "engine/poller.h"

/* What was taken out. */
struct remains {
	LIST_HEAD(, qp) qps;
	struct mcast_members memberships;
	struct table_node *srqs, *cqs, *mws, *mrs, *eqs, *doorbells;
	const struct dma_map *dma;
	void (*unmap)(void *arg, const struct memory *memory);
	void (*unbind)(void *arg, uint32_t port);
	void *arg;
};

#define object(node, type) caa_container_of(node, struct type, node)

static void take_out(struct vhca *vhca, struct remains *r)
{
	struct qp *qp;

	while ((qp = LIST_FIRST(&vhca->qps))) {
		qp_take_out(qp, &r->memberships);
		LIST_INSERT_HEAD(&r->qps, qp, entry);
	}
	r->srqs = table_take_all(&vhca->srqs);
	for (struct table_node *node = r->srqs; node; node = node->next)
		srq_take_out(object(node, srq));
	r->cqs = table_take_all(&vhca->cqs);
	r->mws = table_take_all(&vhca->mws);
	r->mrs = table_take_all(&vhca->mrs);
	r->dma = dma_take_all(vhca);
	r->eqs = table_take_all(&vhca->eqs);
	r->doorbells = table_take_all(&vhca->doorbells);
	vhca_new_epoch(vhca);
}

static void out_of_hands(struct poller *poller, void *arg)
{
	struct remains *r = arg;
	struct table_node *node;
	struct qp *qp;

	LIST_FOREACH(qp, &r->qps, entry)
	qp_out_of_hands(poller, qp);
	for (node = r->cqs; node; node = node->next)
		cq_out_of_hands(poller, object(node, cq));
	for (node = r->eqs; node; node = node->next)
		eq_out_of_hands(poller, object(node, eq));
	for (node = r->doorbells; node; node = node->next)
		doorbell_out_of_hands(poller, object(node, doorbell));
}

static void unmap(const struct remains *r, const struct memory *memory)
{
	if (memory->at)
		r->unmap(r->arg, memory);
}

/* The next of a chain, whose first is about to be freed. */
static struct table_node *pop(struct table_node **chain)
{
	struct table_node *node = *chain;

	if (node)
		*chain = node->next;
	return node;
}

/* Users before what they use. */
static void free_all(struct vhca *vhca, struct remains *r)
{
	struct table_node *node;
	struct qp *qp;

	while ((qp = LIST_FIRST(&r->qps))) {
		LIST_REMOVE(qp, entry);
		unmap(r, &qp->sq_memory);
		unmap(r, &qp->rq_memory);
		qp_free(qp);
	}
	while ((node = pop(&r->srqs))) {
		unmap(r, &object(node, srq)->memory);
		srq_free(object(node, srq));
	}
	while ((node = pop(&r->cqs))) {
		unmap(r, &object(node, cq)->memory);
		cq_free(object(node, cq));
	}
	while ((node = pop(&r->mws)))
		mw_free(vhca, object(node, mw));
	while ((node = pop(&r->mrs))) {
		unmap(r, &object(node, mr)->memory);
		mr_free(vhca, object(node, mr));
	}
	for (uint32_t i = 0; i < r->dma->count; i++)
		unmap(r, &r->dma->regions[i].memory);
	while ((node = pop(&r->eqs))) {
		r->unbind(r->arg, object(node, eq)->port);
		unmap(r, &object(node, eq)->memory);
		eq_free(object(node, eq));
	}
	while ((node = pop(&r->doorbells))) {
		r->unbind(r->arg, object(node, doorbell)->port);
		unmap(r, &object(node, doorbell)->memory);
		doorbell_free(object(node, doorbell));
	}
}

void vhca_clear(struct vhca *vhca,
		void (*unmap_fn)(void *arg, const struct memory *memory),
		void (*unbind_fn)(void *arg, uint32_t port), void *arg)
{
	struct remains r = { .unmap = unmap_fn, .unbind = unbind_fn, .arg = arg };
	struct table_node *pds, *xrcds, *node;

	LIST_INIT(&r.qps);
	LIST_INIT(&r.memberships);
	take_out(vhca, &r);
	synchronize_rcu();
	mcast_free(&r.memberships);
	poller_call(vhca->poller, out_of_hands, &r);
	free_all(vhca, &r);
	pds = table_take_all(&vhca->pds);
	xrcds = table_take_all(&vhca->xrcds);
	synchronize_rcu(); /* of their tables' nodes, which readers may be on */
	while ((node = pop(&pds)))
		free(object(node, pd));
	while ((node = pop(&xrcds)))
		free(object(node, xrcd));
}
