// SPDX-License-Identifier: GPL-2.0-or-later
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t rig_clock;

uint64_t __wrap_clock_ns(void)
{
	return rig_clock;
}

int rig_enter(void **state)
{
	(void)state;
	rcu_register_thread();
	return 0;
}

int rig_leave(void **state)
{
	(void)state;
	rcu_unregister_thread();
	return 0;
}

/* ---- the engine -------------------------------------------------------- */

static int bells_notify(struct xenport *xp, uint32_t port)
{
	struct bells *b = (struct bells *)xp;

	b->notified++;
	b->port = port;
	return 0;
}

static struct xenport *bells_open_events(struct xenport *xp)
{
	return xp;
}

static void bells_close(struct xenport *xp)
{
	(void)xp;
}

static bool is_refused(const struct bells *b, const struct xenport_copy *part,
		       bool to_guest)
{
	const struct rig_grant *grant = &b->grants[part->ref % RIG_GRANTS];

	return part->ref >= RIG_GRANTS || !grant->page || (to_guest && grant->read_only);
}

/* As Xen does it: the parts in front of a bad one are copied, and those behind it. */
static int bells_copy(struct xenport *xp, uint16_t domid,
		      const struct xenport_copy *parts, size_t count, bool to_guest)
{
	struct bells *b = (struct bells *)xp;
	int rc = 0;

	if (!count)
		return 0;
	b->copies++;
	assert_int_equal(domid, RIG_DOMID);
	assert_in_range(count, 1, XENPORT_COPY_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct xenport_copy *part = &parts[i];
		uint8_t *page = b->grants[part->ref % RIG_GRANTS].page;

		assert_in_range(part->length, 1, VIB_PAGE_SIZE - part->offset);
		b->copied++;
		if (is_refused(b, part, to_guest)) {
			errno = EFAULT;
			rc = -1;
		} else if (to_guest) {
			memcpy(page + part->offset, part->local, part->length);
		} else {
			memcpy(part->local, page + part->offset, part->length);
		}
	}
	return rc;
}

static const struct xenport_ops bells_ops = {
	.copy = bells_copy,
	.open_events = bells_open_events,
	.close = bells_close,
	.notify = bells_notify,
};

struct rig *rig_new(unsigned int num_pollers)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->bells.xp.ops = &bells_ops;
	rig_clock = 1000 * MS;
	rig->engine = engine_new(num_pollers, POLL_ALWAYS);
	assert_non_null(rig->engine);
	assert_int_equal(engine_add_xen(rig->engine, &rig->bells.xp), 0);
	rig->engine->qps.last = 1000; /* each time the same */
	return rig;
}

void rig_free(struct rig *rig)
{
	while (rig->guests)
		guest_end(rig->guests);
	engine_free(rig->engine);
	free(rig);
}

bool rig_pass(struct rig *rig)
{
	bool worked = false;

	for (unsigned int i = 0; i < rig->engine->num_pollers; i++)
		worked |= poller_pass(&rig->engine->pollers[i]);
	return worked;
}

void rig_passes(struct rig *rig, unsigned int count)
{
	while (count--)
		rig_pass(rig);
}

void rig_run(struct rig *rig)
{
	unsigned int passes = 0, idle = 0;

	/* The clock is looked at in every 16th idle pass at least. */
	while (idle < 40) {
		idle = rig_pass(rig) ? 0 : idle + 1;
		assert_true(passes++ < 100000);
	}
}

void rig_wait(struct rig *rig, uint64_t ns)
{
	rig_clock += ns;
	rig_run(rig);
}

void rig_cool(struct rig *rig)
{
	for (unsigned int i = 0; i < rig->engine->num_pollers; i++)
		for (unsigned int n = 0; rig->engine->pollers[i].num_hot; n++) {
			rig_pass(rig);
			assert_true(n < 10000);
		}
}

/* ---- guests ------------------------------------------------------------ */

static void on_raised(void *arg)
{
	((struct guest *)arg)->raised++;
}

static void on_mad(void *arg)
{
	((struct guest *)arg)->mads++;
}

struct vib_rsp_counters counters_of(const struct guest *g)
{
	struct vib_rsp_counters sum;

	vhca_counters(g->vhca, &sum);
	return sum;
}

struct guest *guest_bare(struct rig *rig, const struct vhca_limits *limits)
{
	struct guest *g = calloc(1, sizeof(*g));
	uint16_t lid = 1;

	assert_non_null(g);
	for (struct guest *other = rig->guests; other; other = other->next)
		lid++;
	g->rig = rig;
	g->next_bell = (uint16_t)(lid * 3); /* so that no two guests' are the same */
	g->next = rig->guests;
	rig->guests = g;
	g->view.fabric = &rig->fabric;
	g->view.up = true;
	g->view.lid = lid;
	g->view.mtu = 4096;
	g->view.gids[0].raw[0] = 0xfe;
	g->view.gids[0].raw[1] = 0x80;
	g->view.gids[0].raw[15] = (uint8_t)lid;
	g->view.pkeys[0] = 0xffff;
	g->vhca = vhca_new(rig->engine, 0, limits, &g->view, on_raised, g);
	assert_non_null(g->vhca);
	mad_serve(g->vhca, on_mad, g);
	vhca_reach_grants(g->vhca, &rig->bells.xp, RIG_DOMID);
	return g;
}

struct guest *guest_new(struct rig *rig)
{
	static const struct vhca_limits limits = { 1024, 1024,    64,         1024,
						   16,   1 << 20, UINT32_MAX, 0 };
	struct guest *g = guest_bare(rig, &limits);
	struct memory page = memory_new(sizeof(struct vib_doorbell_page), 1);

	g->page = (struct vib_doorbell_page *)page.at;
	assert_int_equal(pd_create(g->vhca, &g->pd), 0);
	assert_int_equal(doorbell_create(g->vhca, &page, 7, &g->doorbell), 0);
	return g;
}

static void unmap(void *arg, const struct memory *memory)
{
	(void)arg;
	free(memory->at);
}

static void unbind(void *arg, uint32_t port)
{
	(void)arg;
	(void)port;
}

void guest_end(struct guest *g)
{
	struct guest **at = &g->rig->guests;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	vhca_clear(g->vhca, unmap, unbind, NULL);
	synchronize_rcu();
	vhca_free(g->vhca);
	free(g);
}

void guest_set_port(struct guest *g)
{
	assert_int_equal(vhca_set_port(g->vhca, &g->view), 0);
}

uint16_t take_async(struct guest *g, uint32_t *number)
{
	uint16_t type;

	return async_take(&g->vhca->async, &type, number) ? type : 0;
}

/* ---- memory ------------------------------------------------------------ */

struct memory memory_new(size_t bytes, uint32_t pages)
{
	struct memory m = { .pages = pages };
	void *at = NULL;

	assert_int_equal(posix_memalign(&at, VIB_PAGE_SIZE, bytes), 0);
	memset(at, 0, bytes);
	m.at = at;
	return m;
}

struct memory queue_memory(uint32_t order, uint32_t stride)
{
	return memory_new(vib_queue_bytes(order, stride), queue_pages(order, stride));
}

struct vib_cmd_reg_mr region_command(struct guest *g, uint64_t iova, uint64_t length,
				     uint32_t access)
{
	struct vib_cmd_reg_mr cmd = {
		.iova = iova,
		.length = length,
		.pd = g->pd,
		.access = access,
	};

	cmd.pages.count = (uint32_t)((iova % VIB_PAGE_SIZE + length + VIB_PAGE_SIZE - 1) /
				     VIB_PAGE_SIZE);
	return cmd;
}

struct region region_at(struct guest *g, uint64_t iova, uint64_t length, uint32_t access)
{
	struct vib_cmd_reg_mr cmd = region_command(g, iova, length, access);
	struct region r = { .guest = g, .iova = iova, .length = length };
	struct memory m = memory_new(iova % VIB_PAGE_SIZE + length, cmd.pages.count);

	assert_int_equal(mr_check(g->vhca, &cmd), 0);
	assert_int_equal(mr_create(g->vhca, &cmd, &m, &r.key), 0);
	r.at = m.at + iova % VIB_PAGE_SIZE;
	return r;
}

struct region region_new(struct guest *g, uint64_t length)
{
	return region_at(g, 0x7f0000000118, length, ALL_RIGHTS);
}

void region_end(struct region *r)
{
	struct memory m;

	assert_int_equal(mr_destroy(r->guest->vhca, r->key, &m), 0);
	free(m.at);
}

static uint8_t pattern(uint64_t i, unsigned int seed)
{
	return (uint8_t)((i + seed * 77) * 0x9e3779b1u >> 13);
}

void fill(uint8_t *at, uint64_t length, unsigned int seed)
{
	for (uint64_t i = 0; i < length; i++)
		at[i] = pattern(i, seed);
}

bool is_filled(const uint8_t *at, uint64_t length, unsigned int seed)
{
	for (uint64_t i = 0; i < length; i++)
		if (at[i] != pattern(i, seed))
			return false;
	return true;
}

bool is_all(const uint8_t *at, uint64_t length, uint8_t byte)
{
	for (uint64_t i = 0; i < length; i++)
		if (at[i] != byte)
			return false;
	return true;
}

struct vib_sge sge_of(const struct region *r, uint64_t offset, uint32_t length)
{
	return (struct vib_sge){ r->iova + offset, length, r->key };
}

/* ---- queues ------------------------------------------------------------ */

struct ccq ccq_new(struct guest *g, uint32_t order, uint32_t eq)
{
	struct vib_cmd_create_cq cmd = { .order = order, .eq = eq };
	struct memory m = queue_memory(order, sizeof(struct vib_cqe));
	struct ccq cq = { .guest = g };

	cmd.pages.count = m.pages;
	assert_int_equal(cq_check(g->vhca, &cmd), 0);
	assert_int_equal(cq_create(g->vhca, &cmd, &m, &cq.number), 0);
	vib_queue_init(&cq.queue, m.at, order, sizeof(struct vib_cqe));
	return cq;
}

bool ccq_poll(struct ccq *cq, struct vib_cqe *cqe)
{
	const struct vib_cqe *slot = vib_queue_peek(&cq->queue);
	const struct qp *qp;

	if (!slot)
		return false;
	*cqe = *slot;
	/* Every entry names its QP's bell, if it has one. */
	qp = engine_find_qp(cq->guest->rig->engine, cqe->qpn);
	if (qp && !(cqe->flags & VIB_CQE_XRC))
		assert_int_equal(cqe->db_index, qp->db_index);
	vib_queue_consume(&cq->queue);
	return true;
}

struct vib_cqe take_cqe_at(struct ccq *cq, uint64_t id, uint8_t status, const char *file,
			   int line)
{
	struct vib_cqe cqe;

	_assert_true(ccq_poll(cq, &cqe), "a completion", file, line);
	_assert_int_equal(cqe.status, status, file, line);
	_assert_int_equal(cqe.wr_id, id, file, line);
	return cqe;
}

struct ceq ceq_new(struct guest *g, uint32_t order, uint32_t port)
{
	struct memory m = queue_memory(order, sizeof(struct vib_comp_event));
	struct ceq eq = { .guest = g };

	assert_int_equal(eq_create(g->vhca, order, &m, port, &eq.number), 0);
	vib_queue_init(&eq.queue, m.at, order, sizeof(struct vib_comp_event));
	return eq;
}

uint32_t ceq_poll(struct ceq *eq)
{
	const struct vib_comp_event *slot = vib_queue_peek(&eq->queue);
	uint32_t cqn;

	if (!slot)
		return VIB_NO_OBJECT;
	cqn = slot->cqn;
	vib_queue_consume(&eq->queue);
	return cqn;
}

static struct psrq srq_make(struct guest *g, struct vib_cmd_create_srq cmd, uint32_t sges)
{
	struct psrq srq = { .guest = g };
	struct memory m;

	cmd.max_sge = sges;
	cmd.stride = vib_recv_stride(sges);
	m = queue_memory(cmd.order, cmd.stride);
	cmd.pages.count = m.pages;
	assert_int_equal(srq_check(g->vhca, &cmd), 0);
	assert_int_equal(srq_create(g->vhca, &cmd, &m, &srq.number), 0);
	vib_queue_init(&srq.queue, m.at, cmd.order, cmd.stride);
	return srq;
}

struct psrq psrq_new(struct guest *g, uint32_t pd, uint32_t order, uint32_t sges)
{
	return srq_make(g, (struct vib_cmd_create_srq){ .pd = pd, .order = order }, sges);
}

struct psrq psrq_with(struct guest *g, uint32_t pd, uint32_t order, uint32_t sges,
		      uint32_t flags)
{
	return srq_make(
		g,
		(struct vib_cmd_create_srq){ .pd = pd, .order = order, .flags = flags },
		sges);
}

struct psrq xsrq_new(struct guest *g, uint32_t pd, uint32_t xrcd, const struct ccq *cq,
		     uint32_t order)
{
	const struct vib_cmd_create_srq cmd = { .pd = pd,
						.order = order,
						.type = VIB_SRQT_XRC,
						.xrcd = xrcd,
						.cq = cq->number };

	return srq_make(g, cmd, 4);
}
