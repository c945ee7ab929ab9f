// SPDX-License-Identifier: GPL-2.0-or-later
/* XRC: making and ending its objects, also under messages that need several passes. */
#include <errno.h>

#include "rig_xrc.h"

/* More than a share of a pass. */
#define LONG (1u << 20)

/* ---- operands ---------------------------------------------------------- */

static void domains_are_bounded_and_end_when_empty(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	uint32_t xrcd, more;
	int n = 0;

	(void)state;
	assert_int_equal(xrcd_create(d->ga->vhca, &xrcd), 0);
	while (xrcd_create(d->ga->vhca, &more) == 0)
		n++;
	assert_int_equal(n, 15);
	assert_int_equal(xrcd_destroy(d->ga->vhca, xrcd), 0);
	assert_int_equal(xrcd_destroy(d->ga->vhca, xrcd), -EINVAL);
	assert_int_equal(xrcd_create(d->ga->vhca, &xrcd), 0);
	duo_free(d);
}

static void what_is_used_does_not_end(void **state)
{
	struct xrc x = xrc_apart();
	struct vhca *vhca = x.d->gb->vhca;
	struct ccq cq = ccq_new(x.d->gb, 4, VIB_NO_OBJECT);
	struct psrq srq = xsrq_new(x.d->gb, x.d->gb->pd, x.xrcd, &cq, 4);
	struct memory m;

	(void)state;
	assert_int_equal(cq_destroy(vhca, cq.number, &m), -EBUSY);
	assert_int_equal(xrcd_destroy(vhca, x.xrcd), -EBUSY);
	assert_int_equal(srq_destroy(vhca, srq.number, &m), 0);
	free(m.at);
	assert_int_equal(cq_destroy(vhca, cq.number, &m), 0);
	free(m.at);
	assert_int_equal(srq_destroy(vhca, x.srq.number, &m), 0);
	free(m.at);
	assert_int_equal(xrcd_destroy(vhca, x.xrcd), -EBUSY);
	pqp_end(&x.d->b);
	assert_int_equal(xrcd_destroy(vhca, x.xrcd), 0);
	duo_free(x.d);
}

static void srq_needs_a_domain_and_a_cq(void **state)
{
	struct xrc x = xrc_apart();
	struct vhca *vhca = x.d->gb->vhca;
	const struct vib_cmd_create_srq good = { .pd = x.d->gb->pd,
						 .order = 4,
						 .stride = 64,
						 .max_sge = 1,
						 .type = VIB_SRQT_XRC,
						 .xrcd = x.xrcd,
						 .cq = x.d->cqb.number,
						 .pages.count = queue_pages(4, 64) };
	struct vib_cmd_create_srq cmd = good;

	(void)state;
	assert_int_equal(srq_check(vhca, &cmd), 0);
	cmd.xrcd++;
	assert_int_equal(srq_check(vhca, &cmd), -EINVAL);
	cmd = good, cmd.cq += 100;
	assert_int_equal(srq_check(vhca, &cmd), -EINVAL);
	cmd = good, cmd.type = 2;
	assert_int_equal(srq_check(vhca, &cmd), -EINVAL);
	cmd = good, cmd.type = VIB_SRQT_BASIC, cmd.xrcd = cmd.cq = 12345;
	assert_int_equal(srq_check(vhca, &cmd), 0);
	duo_free(x.d);
}

static void qps_are_made_of_what_they_have(void **state)
{
	struct xrc x = xrc_apart();
	struct guest *g = x.d->gb;
	const struct plan ini = { .type = VIB_QPT_XRC_INI, .no_rq = true };
	const struct plan tgt = {
		.type = VIB_QPT_XRC_TGT, .no_sq = true, .no_rq = true, .xrcd = x.xrcd
	};
	const struct plan rc = { .type = VIB_QPT_RC, .srq = &x.srq };
	struct vib_cmd_create_qp cmd = qp_command(g, &ini, &x.d->cqb, &x.d->cqb);

	(void)state;
	cmd.recv_cq = VIB_NO_OBJECT;
	assert_int_equal(qp_check(g->vhca, &cmd), 0);
	cmd.srq = x.srq.number;
	assert_int_equal(qp_check(g->vhca, &cmd), -EINVAL);
	cmd.srq = VIB_NO_OBJECT;
	cmd.rq = cmd.sq;
	assert_int_equal(qp_check(g->vhca, &cmd), -EINVAL);
	cmd.rq.pages.count = 0;
	cmd.send_cq = VIB_NO_OBJECT;
	assert_int_equal(qp_check(g->vhca, &cmd), -EINVAL);

	cmd = qp_command(g, &tgt, &x.d->cqb, &x.d->cqb);
	cmd.pd = cmd.send_cq = cmd.recv_cq = cmd.doorbell = VIB_NO_OBJECT;
	assert_int_equal(qp_check(g->vhca, &cmd), 0);
	cmd.sq.pages.count = 1;
	assert_int_equal(qp_check(g->vhca, &cmd), -EINVAL);
	cmd.sq.pages.count = 0, cmd.rq.pages.count = 1;
	assert_int_equal(qp_check(g->vhca, &cmd), -EINVAL);
	cmd.rq.pages.count = 0, cmd.srq = x.srq.number;
	assert_int_equal(qp_check(g->vhca, &cmd), -EINVAL);
	cmd.srq = VIB_NO_OBJECT, cmd.xrcd++;
	assert_int_equal(qp_check(g->vhca, &cmd), -EINVAL);

	/* An SRQ of XRC is for no other QP. */
	cmd = qp_command(g, &rc, &x.d->cqb, &x.d->cqb);
	assert_int_equal(qp_check(g->vhca, &cmd), -EINVAL);
	for (uint8_t type = 5; type < 20; type++) {
		cmd = qp_command(g, &ini, &x.d->cqb, &x.d->cqb);
		cmd.type = type;
		cmd.xrcd = x.xrcd + 100;
		if (type != VIB_QPT_XRC_INI)
			assert_int_equal(qp_check(g->vhca, &cmd), -EINVAL);
	}
	duo_free(x.d);
}

/* ---- under a long message ---------------------------------------------- */

/* A SEND that has begun, and holds receive 11. */
static struct xrc halfway(struct region *from, struct region *to)
{
	struct xrc x = xrc_new();
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 0);
	struct vib_sge sge;

	*from = region_new(x.d->ga, LONG);
	*to = region_new(x.d->gb, LONG);
	fill(from->at, LONG, 3);
	sge = sge_of(to, 0, LONG);
	psrq_post(&x.srq, 11, &sge, 1);
	wr.sge[0] = sge_of(from, 0, LONG);
	post_send(&x.d->a, &wr);
	rig_passes(x.d->rig, 2);
	assert_no_cqe(&x.d->cqa);
	assert_true(pqp_inner(&x.d->b)->receiving.claim);
	return x;
}

static void long_message_goes_on_in_its_srq(void **state)
{
	struct region from, to;
	struct xrc x = halfway(&from, &to);

	(void)state;
	rig_run(x.d->rig);
	take_cqe(&x.d->cqa, 1, VIB_WC_SUCCESS);
	take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_SUCCESS);
	assert_true(is_filled(to.at, LONG, 3));
	duo_free(x.d);
}

static void srq_may_end_under_a_message(void **state)
{
	struct region from, to;
	struct xrc x = halfway(&from, &to);
	struct memory m;

	(void)state;
	assert_int_equal(srq_destroy(x.d->gb->vhca, x.srq.number, &m), 0);
	free(m.at);
	rig_run(x.d->rig);
	take_cqe(&x.d->cqa, 1, VIB_WC_REM_INV_REQ_ERR);
	assert_no_cqe(&x.d->cqb);
	assert_async(x.d->gb, VIB_ASYNC_QP_REQ_ERR, x.d->b.qpn);
	assert_no_async(x.d->gb);
	assert_false(pqp_inner(&x.d->b)->receiving.claim);
	duo_free(x.d);
}

static void target_in_err_flushes_what_it_holds(void **state)
{
	struct region from, to;
	struct xrc x = halfway(&from, &to);

	(void)state;
	assert_int_equal(pqp_modify(&x.d->b, VIB_QPS_ERR, 0), 0);
	rig_run(x.d->rig);
	take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_WR_FLUSH_ERR);
	assert_no_cqe(&x.d->cqb);
	assert_no_async(x.d->gb);
	duo_free(x.d);
}

/* Its sender began anew, and now sends into another SRQ. */
static void receive_of_a_forgotten_message_is_flushed(void **state)
{
	struct region from, to;
	struct xrc x = halfway(&from, &to);
	struct psrq other = xsrq_new(x.d->gb, x.d->gb->pd, x.xrcd, &x.d->cqb, 4);
	struct wr wr = xrc_wr(&x, 2, VIB_OP_SEND, 0);

	(void)state;
	pqp_reset(&x.d->a);
	pqp_bring(&x.d->a, VIB_QPS_RTS);
	psrq_post(&other, 12, NULL, 0);
	wr.srqn = other.number;
	xrc_send(&x, &wr);
	take_cqe(&x.d->cqa, 2, VIB_WC_SUCCESS);
	take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_WR_FLUSH_ERR);
	take_xrc(&x, &x.d->cqb, &other, 12, VIB_WC_SUCCESS);
	duo_free(x.d);
}

static void receive_of_a_forgotten_message_takes_the_next(void **state)
{
	struct region from, to;
	struct xrc x = halfway(&from, &to);
	struct wr wr = xrc_wr(&x, 2, VIB_OP_SEND, 100);

	(void)state;
	pqp_reset(&x.d->a);
	pqp_bring(&x.d->a, VIB_QPS_RTS);
	xrc_send(&x, &wr);
	take_cqe(&x.d->cqa, 2, VIB_WC_SUCCESS);
	take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_SUCCESS);
	duo_free(x.d);
}

static void guest_may_end_under_a_message(void **state)
{
	struct region from, to;
	struct xrc x = halfway(&from, &to);

	(void)state;
	guest_end(x.d->gb);
	rig_run(x.d->rig);
	rig_wait(x.d->rig, 20 * MS);
	take_cqe(&x.d->cqa, 1, VIB_WC_RETRY_EXC_ERR);
	duo_free(x.d);
}

/* More at once than a poller polls, and they have no bell to come back by. */
static void many_targets_have_their_turn(void **state)
{
	enum { MANY = 200 };
	struct xrc x = xrc_apart();
	struct pqp target[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		target[i] = xrc_target(x.d->gb, x.xrcd, &x.d->cqb);
		pqp_aim(&target[i], &x.d->a, true);
		pqp_bring(&target[i], VIB_QPS_RTS);
		target[i].attr.en_sqd_async_notify = 1;
		assert_int_equal(
			pqp_modify(&target[i], VIB_QPS_SQD, VIB_QP_EN_SQD_ASYNC_NOTIFY),
			0);
	}
	for (int i = 0; i < 20; i++)
		rig_wait(x.d->rig, 1 * MS);
	for (int i = 0; i < MANY; i++) {
		uint32_t number;

		assert_int_equal(take_async(x.d->gb, &number), VIB_ASYNC_QP_SQ_DRAINED);
	}
	assert_no_async(x.d->gb);
	duo_free(x.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_are_bounded_and_end_when_empty),
		cmocka_unit_test(what_is_used_does_not_end),
		cmocka_unit_test(srq_needs_a_domain_and_a_cq),
		cmocka_unit_test(qps_are_made_of_what_they_have),
		cmocka_unit_test(long_message_goes_on_in_its_srq),
		cmocka_unit_test(srq_may_end_under_a_message),
		cmocka_unit_test(target_in_err_flushes_what_it_holds),
		cmocka_unit_test(receive_of_a_forgotten_message_is_flushed),
		cmocka_unit_test(receive_of_a_forgotten_message_takes_the_next),
		cmocka_unit_test(guest_may_end_under_a_message),
		cmocka_unit_test(many_targets_have_their_turn),
	};

	return cmocka_run_group_tests(tests, rig_enter, rig_leave);
}
