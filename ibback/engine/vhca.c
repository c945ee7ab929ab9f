// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/vhca.h"

#include <stdlib.h>
#include <sys/random.h>

#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/mr.h"
#include "engine/mw.h"
#include "engine/qp.h"
#include "engine/wire.h"
#include "xenport/xenport.h"

/* Buckets: a few objects each. */
#define OBJ_BUCKETS    64
#define MR_BUCKETS_MIN 64
#define MR_BUCKETS_MAX 65536
#define MRS_A_BUCKET   4

/* MRs are looked up for every message: as many buckets as the quota asks for. */
static unsigned int mr_buckets(const struct vhca_limits *limits)
{
	unsigned int buckets = MR_BUCKETS_MIN;

	while (buckets < MR_BUCKETS_MAX && buckets * MRS_A_BUCKET < limits->max_mr)
		buckets *= 2;
	return buckets;
}

static struct port_view *view_new(struct engine *engine, const struct port_view *from)
{
	struct port_view *view = malloc(sizeof(*view));

	if (!view)
		return NULL;
	*view = *from;
	view->id = engine_serial(engine);
	return view;
}

void vhca_free(struct vhca *vhca)
{
	table_fini(&vhca->mrs);
	table_fini(&vhca->mws);
	table_fini(&vhca->pds);
	table_fini(&vhca->xrcds);
	table_fini(&vhca->doorbells);
	table_fini(&vhca->eqs);
	table_fini(&vhca->cqs);
	table_fini(&vhca->srqs);
	async_list_fini(&vhca->async);
	free(vhca->view);
	free(vhca);
}

/* Keys of an earlier guest, or a guessed one, name nothing. */
static bool choose_first_keys(struct vhca *vhca)
{
	uint32_t random[2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	vhca->mrs.last = MR_KEY_FIRST + random[0] % (MR_KEY_LAST - MR_KEY_FIRST + 1);
	vhca->mws.last = MW_FIRST + random[1] % (MW_LAST - MW_FIRST + 1);
	return true;
}

struct vhca *vhca_new(struct engine *engine, unsigned int xen,
		      const struct vhca_limits *limits, const struct port_view *view,
		      void (*raised)(void *arg), void *arg)
{
	struct vhca *vhca = calloc(1, sizeof(*vhca));

	if (!vhca)
		return NULL;
	vhca->engine = engine;
	vhca->poller = engine_choose_poller(engine);
	vhca->events = vhca->poller->events[xen];
	vhca->mr_epoch = engine_serial(engine);
	vhca->qp_table = &engine->qps;
	vhca->limits = *limits;
	vhca->view = view_new(engine, view);
	dma_init(&vhca->dma);
	mads_init(&vhca->mads);
	LIST_INIT(&vhca->qps);
	TAILQ_INIT(&vhca->doorbells_polled);
	TAILQ_INIT(&vhca->in_line);
	bucket_set(&vhca->bucket, limits->rate, clock_ns());
	async_list_init(&vhca->async, raised, arg);
	if (vhca->view &&
	    table_init_growing(&vhca->mrs, mr_buckets(limits), MR_BUCKETS_MAX) == 0 &&
	    table_init_growing(&vhca->mws, mr_buckets(limits), MR_BUCKETS_MAX) == 0 &&
	    table_init(&vhca->pds, OBJ_BUCKETS) == 0 &&
	    table_init(&vhca->xrcds, OBJ_BUCKETS) == 0 &&
	    table_init(&vhca->doorbells, OBJ_BUCKETS) == 0 &&
	    table_init(&vhca->eqs, OBJ_BUCKETS) == 0 &&
	    table_init(&vhca->cqs, OBJ_BUCKETS) == 0 &&
	    table_init(&vhca->srqs, OBJ_BUCKETS) == 0 && choose_first_keys(vhca))
		return vhca;
	vhca_free(vhca);
	return NULL;
}

static void tell_wire(struct vhca *vhca, const struct port_view *was,
		      const struct port_view *now)
{
	struct qp *qp;

	LIST_FOREACH(qp, &vhca->qps, entry)
	if (qp->wire)
		wire_identity(qp, was, now);
}

int vhca_set_port(struct vhca *vhca, const struct port_view *view)
{
	struct port_view *new = view_new(vhca->engine, view), *old = vhca->view;

	if (!new)
		return -1;
	rcu_assign_pointer(vhca->view, new);
	synchronize_rcu();
	tell_wire(vhca, old, new);
	free(old);
	return 0;
}

static void set_rate(struct poller *poller, void *arg)
{
	struct vhca *vhca = arg;

	bucket_set(&vhca->bucket, vhca->limits.rate, poller->now);
}

void vhca_set_rate(struct vhca *vhca, uint64_t rate)
{
	if (vhca->limits.rate == rate)
		return;
	vhca->limits.rate = rate;
	poller_call(vhca->poller, set_rate, vhca);
}

void vhca_set_quotas(struct vhca *vhca, const struct vhca_limits *limits)
{
	uint64_t rate = vhca->limits.rate;

	vhca->limits = *limits;
	vhca->limits.rate = rate;
	table_grow(&vhca->mrs, mr_buckets(limits));
	table_grow(&vhca->mws, mr_buckets(limits));
}

void vhca_reach_grants(struct vhca *vhca, struct xenport *xen, uint16_t domid)
{
	if (!xenport_can_copy(xen))
		return;
	vhca->xen = xen;
	vhca->domid = domid;
}

void vhca_set_wire(struct vhca *vhca, struct vhca_wire *wire)
{
	vhca->wire = wire;
	wire->raised = vhca->async.raised;
	wire->raised_arg = vhca->async.arg;
	vhca->qp_table = wire->qps;
}

struct qp *vhca_find_qp(const struct vhca *vhca, uint32_t qpn)
{
	return table_get(vhca->qp_table, qpn, qp);
}

void vhca_new_epoch(struct vhca *vhca)
{
	__atomic_store_n(&vhca->mr_epoch, engine_serial(vhca->engine), __ATOMIC_RELEASE);
}

void vhca_break(struct vhca *vhca, const char *cause)
{
	const char *none = NULL;

	if (__atomic_compare_exchange_n(&vhca->broken, &none, cause, false,
					__ATOMIC_RELEASE, __ATOMIC_RELAXED))
		vhca->async.raised(vhca->async.arg);
}
