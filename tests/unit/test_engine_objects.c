// SPDX-License-Identifier: GPL-2.0-or-later
/* Objects: quotas, who uses what, operands out of bounds, other guests' numbers. */
#include <errno.h>
#include <stdlib.h>

#include "rig_qp.h"

static const struct vhca_limits two_of_each = { 2, 2, 2, 2, 2, 1000, 0, 0 };

/* A guest with quotas of two, a PD, and a page. */
static struct guest *small_guest(struct rig *rig)
{
	struct guest *g = guest_bare(rig, &two_of_each);
	struct memory page = memory_new(sizeof(struct vib_doorbell_page), 1);

	g->page = (struct vib_doorbell_page *)page.at;
	assert_int_equal(pd_create(g->vhca, &g->pd), 0);
	assert_int_equal(doorbell_create(g->vhca, &page, 7, &g->doorbell), 0);
	return g;
}

/* ---- quotas ------------------------------------------------------------ */

static void quotas_are_kept_and_given_back(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = small_guest(rig);
	const struct plan plan = { .type = VIB_QPT_RC };
	struct vib_cmd_create_cq cq_cmd = { .order = 2, .eq = VIB_NO_OBJECT };
	struct vib_cmd_create_srq srq_cmd;
	struct vib_cmd_create_qp qp_cmd;
	struct vib_cmd_reg_mr mr_cmd = region_command(g, 0, 64, LOCAL_ONLY);
	struct region r[2];
	struct psrq srq[2];
	struct ccq cq[2];
	struct pqp qp[2];
	uint32_t pd;
	struct memory m;

	(void)state;
	assert_int_equal(pd_create(g->vhca, &pd), 0);
	assert_int_equal(pd_create(g->vhca, &g->pd), -ENOMEM);
	for (int i = 0; i < 2; i++) {
		r[i] = region_new(g, 64);
		srq[i] = psrq_new(g, g->pd, 2, 1);
		cq[i] = ccq_new(g, 2, VIB_NO_OBJECT);
	}
	for (int i = 0; i < 2; i++)
		qp[i] = pqp_new(g, &plan, &cq[0], &cq[1]);
	cq_cmd.pages.count = queue_pages(2, 64);
	srq_cmd = (struct vib_cmd_create_srq){
		.pd = g->pd, .order = 2, .stride = 64, .max_sge = 1, .pages = { 1, 0 }
	};
	qp_cmd = qp_command(g, &plan, &cq[0], &cq[1]);
	assert_int_equal(mr_check(g->vhca, &mr_cmd), -ENOMEM);
	assert_int_equal(cq_check(g->vhca, &cq_cmd), -ENOMEM);
	assert_int_equal(srq_check(g->vhca, &srq_cmd), -ENOMEM);
	assert_int_equal(qp_check(g->vhca, &qp_cmd), -ENOMEM);

	region_end(&r[1]);
	assert_int_equal(mr_check(g->vhca, &mr_cmd), 0);
	pqp_end(&qp[0]);
	assert_int_equal(qp_check(g->vhca, &qp_cmd), 0);
	pqp_end(&qp[1]);
	assert_int_equal(srq_destroy(g->vhca, srq[0].number, &m), 0);
	free(m.at);
	assert_int_equal(srq_check(g->vhca, &srq_cmd), 0);
	assert_int_equal(cq_destroy(g->vhca, cq[0].number, &m), 0);
	free(m.at);
	assert_int_equal(cq_check(g->vhca, &cq_cmd), 0);
	assert_int_equal(pd_destroy(g->vhca, pd), 0);
	assert_int_equal(pd_create(g->vhca, &pd), 0);
	rig_free(rig);
}

static void doorbells_and_eqs_have_bounds_too(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct memory m;
	uint32_t number;

	(void)state;
	for (int i = 0; i < MAX_EQS; i++)
		ceq_new(g, 1, 5);
	m = queue_memory(1, 8);
	assert_int_equal(eq_create(g->vhca, 1, &m, 5, &number), -ENOMEM);
	free(m.at);
	for (int i = 1; i < MAX_DOORBELLS; i++) {
		m = memory_new(sizeof(struct vib_doorbell_page), 1);
		assert_int_equal(doorbell_create(g->vhca, &m, 7, &number), 0);
	}
	m = memory_new(sizeof(struct vib_doorbell_page), 1);
	assert_int_equal(doorbell_create(g->vhca, &m, 7, &number), -ENOMEM);
	free(m.at);
	rig_free(rig);
}

/* ---- in use ------------------------------------------------------------ */

static void what_is_in_use_is_not_destroyed(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct ceq eq = ceq_new(g, 2, 5);
	struct ccq cq = ccq_new(g, 4, eq.number), rcq = ccq_new(g, 4, VIB_NO_OBJECT);
	struct psrq srq = psrq_new(g, g->pd, 2, 1);
	const struct plan plan = { .type = VIB_QPT_RC, .srq = &srq };
	struct pqp qp = pqp_new(g, &plan, &cq, &rcq);
	struct vhca *v = g->vhca;
	struct memory m;
	uint32_t port;

	(void)state;
	assert_int_equal(eq_destroy(v, eq.number, &m, &port), -EBUSY);
	assert_int_equal(cq_destroy(v, cq.number, &m), -EBUSY);
	assert_int_equal(cq_destroy(v, rcq.number, &m), -EBUSY);
	assert_int_equal(srq_destroy(v, srq.number, &m), -EBUSY);
	assert_int_equal(doorbell_destroy(v, g->doorbell, &m, &port), -EBUSY);
	assert_int_equal(pd_destroy(v, g->pd), -EBUSY);
	pqp_end(&qp);
	assert_int_equal(pd_destroy(v, g->pd), -EBUSY); /* of the SRQ */
	assert_int_equal(srq_destroy(v, srq.number, &m), 0);
	free(m.at);
	assert_int_equal(pd_destroy(v, g->pd), 0);
	assert_int_equal(eq_destroy(v, eq.number, &m, &port), -EBUSY);
	assert_int_equal(cq_destroy(v, cq.number, &m), 0);
	free(m.at);
	assert_int_equal(cq_destroy(v, rcq.number, &m), 0);
	free(m.at);
	assert_int_equal(eq_destroy(v, eq.number, &m, &port), 0);
	assert_int_equal(port, 5);
	free(m.at);
	assert_int_equal(doorbell_destroy(v, g->doorbell, &m, &port), 0);
	assert_int_equal(port, 7);
	free(m.at);
	rig_free(rig);
}

static void pd_of_a_region_is_in_use(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct region r = region_new(g, 10);

	(void)state;
	assert_int_equal(pd_destroy(g->vhca, g->pd), -EBUSY);
	region_end(&r);
	assert_int_equal(pd_destroy(g->vhca, g->pd), 0);
	rig_free(rig);
}

static void bell_is_of_one_qp(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct ccq cq = ccq_new(g, 4, VIB_NO_OBJECT);
	const struct plan plan = { .type = VIB_QPT_RC };
	struct pqp qp = pqp_new(g, &plan, &cq, &cq);
	struct vib_cmd_create_qp cmd = qp_command(g, &plan, &cq, &cq);
	struct memory sq = queue_memory(cmd.sq.order, cmd.sq.stride);
	struct memory rq = queue_memory(cmd.rq.order, cmd.rq.stride);
	struct memory m;
	uint32_t number;

	(void)state;
	cmd.db_index = qp.bell;
	assert_int_equal(qp_create(g->vhca, &cmd, &sq, &rq, &number), -EEXIST);
	pqp_end(&qp);
	assert_int_equal(cq_destroy(g->vhca, cq.number, &m), 0); /* nothing is left */
	free(m.at);
	free(sq.at);
	free(rq.at);
	rig_free(rig);
}

/* ---- operands ---------------------------------------------------------- */

static void regions_out_of_bounds_are_refused(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct vib_cmd_reg_mr good = region_command(g, 0x10ff0, 0x2000, ALL_RIGHTS), bad;

	(void)state;
	assert_int_equal(mr_check(g->vhca, &good), 0);
#define REFUSED(change)                                             \
	do {                                                        \
		bad = good;                                         \
		change;                                             \
		assert_int_equal(mr_check(g->vhca, &bad), -EINVAL); \
	} while (0)
	REFUSED(bad.pd++);
	REFUSED(bad.access |= VIB_ACCESS_ZERO_BASED);
	REFUSED(bad.access |= 0x80000000);
	REFUSED(bad.access = VIB_ACCESS_REMOTE_WRITE);
	REFUSED(bad.access = VIB_ACCESS_REMOTE_ATOMIC | VIB_ACCESS_REMOTE_READ);
	REFUSED(bad.length = 0);
	REFUSED(bad.length = UINT64_MAX);
	REFUSED(bad.length = 0x2011);
	REFUSED(bad.length = 0x1010);
	REFUSED(bad.pages.count++);
	REFUSED(bad.pages.count--);
	REFUSED(bad.iova = 0 - 0x1010ull);
	REFUSED(bad.iova = UINT64_MAX);
	REFUSED(bad.length = (1ull << 47) + 0x1000; bad.pages.count = 0);
	REFUSED(bad.length = 1ull << 47; bad.pages.count = (uint32_t)((1ull << 35) + 1));
#undef REFUSED
	good = region_command(g, 0x1000, 0x1000, 0);
	assert_int_equal(mr_check(g->vhca, &good), 0);
	good = region_command(g, 0xffc, 0x1000, VIB_ACCESS_ZERO_BASED);
	assert_int_equal(mr_check(g->vhca, &good), 0);
	bad = region_command(g, 0x1ffc, 0x1000, VIB_ACCESS_ZERO_BASED);
	assert_int_equal(mr_check(g->vhca, &bad), -EINVAL);
	rig_free(rig);
}

static void queues_out_of_bounds_are_refused(void **state)
{
	static const uint32_t orders[] = { 0, VIB_QUEUE_MAX_ORDER + 1, 31, 32,
					   0xffffffff };
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct memory none = { 0 }, m = memory_new(4096, 1);
	struct vib_cmd_create_srq srq = { .pd = g->pd,
					  .order = 2,
					  .stride = 64,
					  .max_sge = 3,
					  .limit = 4,
					  .pages = { 1, 0 } },
				  bad;
	struct vib_cmd_create_cq cq;
	uint32_t number;

	(void)state;
	for (int i = 0; i < 5; i++) {
		for (uint32_t pages = 0; pages < 3; pages++) {
			cq = (struct vib_cmd_create_cq){ orders[i],
							 VIB_NO_OBJECT,
							 { pages, 0 } };
			assert_int_equal(cq_check(g->vhca, &cq), -EINVAL);
			bad = srq;
			bad.order = orders[i];
			bad.pages.count = pages;
			assert_int_equal(srq_check(g->vhca, &bad), -EINVAL);
		}
		assert_int_equal(eq_create(g->vhca, orders[i], &m, 5, &number), -EINVAL);
		assert_int_equal(eq_create(g->vhca, orders[i], &none, 5, &number),
				 -EINVAL);
	}
	assert_int_equal(eq_create(g->vhca, 9, &m, 5, &number), -EINVAL); /* 2 pages */
	free(m.at);
	cq = (struct vib_cmd_create_cq){ 2, 77, { 1, 0 } };
	assert_int_equal(cq_check(g->vhca, &cq), -EINVAL);
	cq = (struct vib_cmd_create_cq){ 6, VIB_NO_OBJECT, { 1, 0 } };
	assert_int_equal(cq_check(g->vhca, &cq), -EINVAL); /* 2 pages */
	cq.pages.count = 2;
	assert_int_equal(cq_check(g->vhca, &cq), 0);
	/* The largest, and a page for the header. */
	cq = (struct vib_cmd_create_cq){ 18, VIB_NO_OBJECT, { 4096 + 1, 0 } };
	assert_int_equal(cq_check(g->vhca, &cq), 0);

	assert_int_equal(srq_check(g->vhca, &srq), 0);
	bad = srq;
	bad.order = 16;
	bad.pages.count = 1024 + 1;
	assert_int_equal(srq_check(g->vhca, &bad), 0);
#define REFUSED(change)                                              \
	do {                                                         \
		bad = srq;                                           \
		change;                                              \
		assert_int_equal(srq_check(g->vhca, &bad), -EINVAL); \
	} while (0)
	REFUSED(bad.order = 17; bad.pages.count = 2048 + 1);
	REFUSED(bad.pd++);
	REFUSED(bad.stride = 0);
	REFUSED(bad.stride = 72);
	REFUSED(bad.stride = 1088);
	REFUSED(bad.max_sge = 4);
	REFUSED(bad.max_sge = MAX_SGE + 1; bad.stride = 1024; bad.pages.count = 2);
	REFUSED(bad.max_sge = 0x10000003);
	REFUSED(bad.limit = 5);
	REFUSED(bad.pages.count = 0);
	REFUSED(bad.pages.count = 2);
#undef REFUSED
	rig_free(rig);
}

static void qps_out_of_bounds_are_refused(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct ccq cq = ccq_new(g, 4, VIB_NO_OBJECT);
	struct psrq srq = psrq_new(g, g->pd, 2, 1);
	const struct plan plan = { .type = VIB_QPT_RC };
	struct vib_cmd_create_qp good = qp_command(g, &plan, &cq, &cq), bad;

	(void)state;
#define CHECKED(change, answer)                                    \
	do {                                                       \
		bad = good;                                        \
		change;                                            \
		assert_int_equal(qp_check(g->vhca, &bad), answer); \
	} while (0)
#define REFUSED(change) CHECKED(change, -EINVAL)
	CHECKED((void)0, 0);
	REFUSED(bad.type = VIB_QPT_SMI); /* not of the guest's kernel */
	REFUSED(bad.type = VIB_QPT_GSI);
	REFUSED(bad.type = 5);
	REFUSED(bad.type = 255);
	REFUSED(bad.flags = 4);
	CHECKED(bad.flags = VIB_QPF_SIG_ALL | VIB_QPF_KERNEL, 0);
	REFUSED(bad.pd++);
	REFUSED(bad.send_cq++);
	REFUSED(bad.recv_cq = VIB_NO_OBJECT);
	REFUSED(bad.doorbell++);
	REFUSED(bad.db_index = VIB_DB_QUEUES);
	CHECKED(bad.db_index = VIB_DB_QUEUES - 1, 0);
	REFUSED(bad.srq = srq.number); /* and a queue of its own */
	REFUSED(bad.rq.pages.count = 0; bad.srq = srq.number + 1);
	CHECKED(bad.rq.pages.count = 0; bad.srq = srq.number, 0);
	REFUSED(bad.rq.pages.count = 0; bad.srq = srq.number; bad.type = VIB_QPT_UC);
	CHECKED(bad.rq.pages.count = 0, 0);
	CHECKED(bad.sq.pages.count = 0, 0);
	REFUSED(bad.max_inline = 1025);
	REFUSED(bad.max_inline = 0xffffffff);
	REFUSED(bad.max_inline += 64);
	REFUSED(bad.sq.max_sge = MAX_SGE + 1);
	REFUSED(bad.sq.max_sge = 0x10000000);
	REFUSED(bad.sq.max_sge += 4);
	REFUSED(bad.sq.stride += 8);
	REFUSED(bad.sq.stride = 0);
	REFUSED(bad.sq.stride = 2048);
	REFUSED(bad.sq.order = 0);
	REFUSED(bad.sq.order = 17; bad.sq.pages.count = queue_pages(17, bad.sq.stride));
	REFUSED(bad.sq.pages.count++);
	REFUSED(bad.rq.max_sge = MAX_SGE + 1);
	REFUSED(bad.rq.max_sge = 0x10000000);
	REFUSED(bad.rq.stride = 64);
	REFUSED(bad.rq.stride = 2048);
	REFUSED(bad.rq.order = 0xffffffff);
	REFUSED(bad.rq.pages.count++);
#undef REFUSED
#undef CHECKED
	rig_free(rig);
}

static struct memory memory_of(const struct vib_work_queue *wq)
{
	return queue_memory(wq->order, wq->stride);
}

/* Make a QP that wishes for number @qpn: its own, or 0 and *@rc. */
static uint32_t wish(struct guest *g, struct ccq *cq, uint32_t qpn, int *rc)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct vib_cmd_create_qp cmd = qp_command(g, &plan, cq, cq);
	struct memory sq = memory_of(&cmd.sq), rq = memory_of(&cmd.rq);
	uint32_t got = 0;

	cmd.qpn = qpn;
	*rc = qp_create(g->vhca, &cmd, &sq, &rq, &got);
	assert_int_equal(qp_check(g->vhca, &cmd), qpn ? -EEXIST : 0);
	if (*rc < 0) {
		free(sq.at);
		free(rq.at);
	}
	return got;
}

static void qp_has_the_number_it_wishes_for(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	uint32_t next = d->b.qpn + 1, far = (d->b.qpn + 0x400000) % 0x800000 + 2;
	struct vib_qp_attr attr;
	int rc;

	(void)state;
	assert_int_equal(wish(d->ga, &d->cqa, next, &rc), next);
	assert_int_equal(wish(d->ga, &d->cqa, QPN_FIRST, &rc), QPN_FIRST);
	assert_int_equal(wish(d->ga, &d->cqa, QPN_LAST, &rc), QPN_LAST);
	assert_int_equal(wish(d->ga, &d->cqa, far, &rc), far);
	assert_int_equal(qp_query(d->ga->vhca, far, &attr), 0);
	/* Others get theirs in turn, as if there had been no wish. */
	assert_int_equal(wish(d->gb, &d->cqb, 0, &rc), next + 1);
	duo_free(d);
}

static void number_that_is_taken_or_none_is_refused(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	const uint32_t numbers[] = { d->a.qpn, d->b.qpn, 1, QPN_LAST + 1, 0xffffffff };
	struct memory sq, rq;
	int rc;

	(void)state;
	for (int i = 0; i < 5; i++) {
		wish(d->ga, &d->cqa, numbers[i], &rc);
		assert_int_equal(rc, -EEXIST);
	}
	assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
	assert_int_equal(qp_destroy(d->gb->vhca, d->b.qpn, &sq, &rq), 0);
	free(sq.at);
	free(rq.at);
	assert_int_equal(wish(d->ga, &d->cqa, d->b.qpn, &rc), d->b.qpn);
	duo_free(d);
}

static void first_number_is_another_at_each_start(void **state)
{
	uint32_t first = 0;
	unsigned int same = 0;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct engine *engine = engine_new(1, POLL_ALWAYS);

		assert_non_null(engine);
		assert_in_range(engine->qps.last, QPN_FIRST, QPN_LAST);
		same += engine->qps.last == first;
		first = engine->qps.last;
		engine_free(engine);
	}
	assert_true(same < 3);
}

static void modify_qp_is_checked_against_the_state_it_is_in(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct vib_cmd_modify_qp cmd = { .qpn = d->a.qpn, .mask = VIB_QP_STATE };
	struct vib_qp_attr attr;

	(void)state;
	cmd.attr.state = VIB_QPS_RTS;
	assert_int_equal(qp_change(d->ga->vhca, &cmd), -EINVAL);
	cmd.attr.state = 9;
	assert_int_equal(qp_change(d->ga->vhca, &cmd), -EINVAL);
	cmd.mask = VIB_QP_ALT_PATH | VIB_QP_STATE;
	cmd.attr.state = VIB_QPS_INIT;
	assert_int_equal(qp_change(d->ga->vhca, &cmd), -EOPNOTSUPP);
	cmd.mask = VIB_QP_STATE | VIB_QP_CUR_STATE;
	cmd.attr.state = VIB_QPS_ERR;
	cmd.attr.cur_state = VIB_QPS_RTS;
	assert_int_equal(qp_change(d->ga->vhca, &cmd), -EINVAL);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_RESET);
	cmd.attr.cur_state = VIB_QPS_RESET; /* true, but there is no such way */
	assert_int_equal(qp_change(d->ga->vhca, &cmd), -EINVAL);
	cmd.attr.state = VIB_QPS_RESET;
	assert_int_equal(qp_change(d->ga->vhca, &cmd), 0);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_RESET);

	pqp_reset(&d->a);
	pqp_bring(&d->a, VIB_QPS_RTS);
	assert_int_equal(qp_query(d->ga->vhca, d->a.qpn, &attr), 0);
	assert_int_equal(attr.cur_state, VIB_QPS_RTS);
	d->a.attr.state = d->a.attr.cur_state = VIB_QPS_RTS;
	d->a.attr.qkey = 0; /* not taken of RC */
	assert_memory_equal(&attr, &d->a.attr, sizeof(attr) - sizeof(attr.av));
	duo_free(d);
}

static void numbers_of_another_guest_name_nothing(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct psrq srq = psrq_new(d->gb, d->gb->pd, 2, 1);
	struct vhca *other = d->ga->vhca;
	const struct vib_cmd_modify_srq srq_cmd = { srq.number, 1 };
	struct vib_cmd_modify_qp modify = { .qpn = d->b.qpn, .mask = VIB_QP_STATE };
	struct vib_qp_attr attr;
	struct memory m, m2;
	uint32_t n;

	(void)state;
	modify.attr.state = VIB_QPS_ERR;
	assert_int_equal(qp_change(other, &modify), -EINVAL);
	assert_int_equal(qp_query(other, d->b.qpn, &attr), -EINVAL);
	assert_int_equal(qp_destroy(other, d->b.qpn, &m, &m2), -EINVAL);
	assert_int_equal(mr_destroy(other, d->rb.key, &m), -EINVAL);
	assert_int_equal(srq_destroy(other, srq.number, &m), -EINVAL);
	assert_int_equal(srq_modify(other, &srq_cmd), -EINVAL);
	assert_int_equal(srq_query(other, srq.number, &n), -EINVAL);
	assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
	duo_free(d);
}

static void numbers_that_nobody_has_name_nothing(void **state)
{
	static const uint32_t numbers[] = { 0, 0x12345, 0x7fffffff, VIB_NO_OBJECT };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct vhca *v = d->ga->vhca;
	struct vib_qp_attr attr;
	struct memory m, m2;
	uint32_t n;

	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct vib_cmd_modify_cq cq_cmd = { numbers[i], 1, 1 };
		uint32_t no = numbers[i];

		assert_int_equal(pd_destroy(v, no), -EINVAL);
		assert_int_equal(doorbell_destroy(v, no, &m, &n), -EINVAL);
		assert_int_equal(eq_destroy(v, no, &m, &n), -EINVAL);
		assert_int_equal(cq_destroy(v, no, &m), -EINVAL);
		assert_int_equal(cq_modify(v, &cq_cmd), -EINVAL);
		assert_int_equal(srq_destroy(v, no, &m), -EINVAL);
		assert_int_equal(srq_query(v, no, &n), -EINVAL);
		assert_int_equal(qp_destroy(v, no, &m, &m2), -EINVAL);
		assert_int_equal(qp_query(v, no, &attr), -EINVAL);
	}
	assert_int_equal(mr_destroy(v, 0, &m), -EINVAL);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotas_are_kept_and_given_back),
		cmocka_unit_test(doorbells_and_eqs_have_bounds_too),
		cmocka_unit_test(what_is_in_use_is_not_destroyed),
		cmocka_unit_test(pd_of_a_region_is_in_use),
		cmocka_unit_test(bell_is_of_one_qp),
		cmocka_unit_test(regions_out_of_bounds_are_refused),
		cmocka_unit_test(queues_out_of_bounds_are_refused),
		cmocka_unit_test(qps_out_of_bounds_are_refused),
		cmocka_unit_test(qp_has_the_number_it_wishes_for),
		cmocka_unit_test(number_that_is_taken_or_none_is_refused),
		cmocka_unit_test(first_number_is_another_at_each_start),
		cmocka_unit_test(modify_qp_is_checked_against_the_state_it_is_in),
		cmocka_unit_test(numbers_of_another_guest_name_nothing),
		cmocka_unit_test(numbers_that_nobody_has_name_nothing),
	};

	alarm(120);
	return cmocka_run_group_tests_name("objects", tests, rig_enter, rig_leave);
}
