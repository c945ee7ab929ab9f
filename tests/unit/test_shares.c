// SPDX-License-Identifier: GPL-2.0-or-later
/* What one QP or one guest may take of a pass, and what is left of it after. */
#include "rig_qp.h"

#include "engine/qp.h"

/* ---- send queues that are stopped ---------------------------------------- */

static void what_was_posted_behind_a_failure_is_flushed_though_sqe_was_left(void **state)
{
	const struct plan plan = { .type = VIB_QPT_UD, .order = 8, .sges = 1 };
	struct duo *d = duo_new(VIB_QPT_UD);
	struct ccq cq = ccq_new(d->ga, 9, VIB_NO_OBJECT);
	struct pqp qp = pqp_new(d->ga, &plan, &cq, &cq);
	struct wr good = duo_wr(d, 0, VIB_OP_SEND, 8), bad = good;

	(void)state;
	pqp_bring(&qp, VIB_QPS_RTS);
	bad.opcode = VIB_OP_RDMA_READ; /* nothing for UD */
	post_send(&qp, &bad);
	for (good.id = 1; good.id <= 200; good.id++)
		post_send(&qp, &good);
	for (int i = 0; i < 16 && pqp_state(&qp) != VIB_QPS_SQE; i++)
		rig_pass(d->rig);
	assert_int_equal(pqp_modify(&qp, VIB_QPS_RTS, 0), 0);
	good.id = 201;
	post_send(&qp, &good); /* after it: this one is executed */
	rig_run(d->rig);
	take_cqe(&cq, 0, VIB_WC_LOC_QP_OP_ERR);
	for (unsigned int i = 1; i <= 200; i++)
		take_cqe(&cq, i, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&cq, 201, VIB_WC_SUCCESS);
	duo_free(d);
}

static void sq_drained_is_raised_only_when_asked_for_this_time(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);

	(void)state;
	d->a.attr.en_sqd_async_notify = 1;
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_SQD, VIB_QP_EN_SQD_ASYNC_NOTIFY), 0);
	rig_run(d->rig);
	assert_async(d->ga, VIB_ASYNC_QP_SQ_DRAINED, d->a.qpn);
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_RTS, 0), 0);
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_SQD, 0), 0);
	rig_run(d->rig);
	assert_no_async(d->ga);
	duo_free(d);
}

static void qp_without_a_send_queue_drains_too(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC, .no_sq = true };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct pqp qp = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	struct vib_qp_attr attr;

	(void)state;
	pqp_aim(&qp, &d->b, false);
	pqp_bring(&qp, VIB_QPS_RTS);
	assert_int_equal(pqp_modify(&qp, VIB_QPS_SQD, 0), 0);
	rig_run(d->rig);
	assert_int_equal(qp_query(d->ga->vhca, qp.qpn, &attr), 0);
	assert_int_equal(attr.sq_draining, 0);
	duo_free(d);
}

/* ---- receivers that another poller has ------------------------------------ */

static void datagram_waits_for_a_receiver_that_is_held(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);
	struct qp *to = pqp_inner(&d->b);

	(void)state;
	wr.qpn = d->b.qpn;
	wr.qkey = d->b.attr.qkey;
	wr.av = (struct vib_av){ .dlid = d->gb->view.lid };
	duo_recv(d, 2, 64);
	post_send(&d->a, &wr);
	pthread_spin_lock(&to->lock);
	rig_passes(d->rig, 8);
	assert_no_cqe(&d->cqa);
	pthread_spin_unlock(&to->lock);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 2, VIB_WC_SUCCESS);
	duo_free(d);
}

/* ---- guests beside each other ---------------------------------------------- */

#define CROWD 300

/* One guest has work for all its QPs, always; the other posts one request. */
static void guest_with_many_busy_qps_does_not_hold_up_another(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC, .order = 2, .sges = 1 };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct guest *greedy = guest_new(d->rig);
	struct region r = region_new(greedy, 65536);
	struct ccq cq = ccq_new(greedy, 12, VIB_NO_OBJECT);
	static struct pqp qps[CROWD];
	struct wr wr = { .opcode = VIB_OP_RDMA_WRITE, .count = 1, .addr = r.iova };
	struct wr mine = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	wr.rkey = r.key;
	wr.sge[0] = sge_of(&r, 0, 65536);
	for (int i = 0; i < CROWD; i++) {
		qps[i] = pqp_new(greedy, &plan, &cq, &cq);
		pqp_aim(&qps[i], &qps[i], false); /* to itself */
		pqp_bring(&qps[i], VIB_QPS_RTS);
	}
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < CROWD; i++)
			post_send(&qps[i], &wr);
	rig_passes(d->rig, 8);
	assert_int_equal(d->rig->engine->pollers[0].num_hot, HOT_QPS);
	assert_true(post_send(&d->a, &mine));
	/* One look for bells later it is hot, in spite of all, and then served. */
	rig_passes(d->rig, 9);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

/* All QPs of a guest have their turn, however many are busy all the time. */
static void no_qp_of_a_busy_guest_starves(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC, .order = 2, .sges = 1 };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct ccq cq = ccq_new(d->ga, 12, VIB_NO_OBJECT);
	static struct pqp qps[CROWD];
	static unsigned int served[CROWD];
	struct wr wr = duo_wr(d, 0, VIB_OP_RDMA_WRITE, 65536);
	struct vib_cqe cqe;

	(void)state;
	memset(served, 0, sizeof(served));
	wr.addr = d->ra.iova;
	wr.rkey = d->ra.key;
	for (unsigned int i = 0; i < CROWD; i++) {
		qps[i] = pqp_new(d->ga, &plan, &cq, &cq);
		pqp_aim(&qps[i], &qps[i], false); /* to itself */
		pqp_bring(&qps[i], VIB_QPS_RTS);
		for (wr.id = i; vib_queue_may_produce(&qps[i].sq) > 0;)
			post_send(&qps[i], &wr);
	}
	for (unsigned int pass = 0; pass < 400; pass++) {
		rig_pass(d->rig);
		for (; ccq_poll(&cq, &cqe); served[cqe.wr_id]++) {
			wr.id = cqe.wr_id; /* there is always more */
			post_send(&qps[cqe.wr_id], &wr);
		}
	}
	for (unsigned int i = 0; i < CROWD; i++)
		assert_true(served[i] > 0);
	duo_free(d);
}

static void hot_qps_of_a_guest_share_its_bytes_evenly(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC, .order = 2, .sges = 1 };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct ccq cq = ccq_new(d->ga, 12, VIB_NO_OBJECT);
	struct pqp qps[8];
	unsigned int served[8] = { 0 }, least = ~0u, most = 0;
	struct wr wr = duo_wr(d, 0, VIB_OP_RDMA_WRITE, 65536);
	struct vib_cqe cqe;

	(void)state;
	wr.addr = d->ra.iova;
	wr.rkey = d->ra.key;
	for (unsigned int i = 0; i < 8; i++) {
		qps[i] = pqp_new(d->ga, &plan, &cq, &cq);
		pqp_aim(&qps[i], &qps[i], false);
		pqp_bring(&qps[i], VIB_QPS_RTS);
		for (wr.id = i; vib_queue_may_produce(&qps[i].sq) > 0;)
			post_send(&qps[i], &wr);
	}
	for (unsigned int pass = 0; pass < 200; pass++) {
		rig_pass(d->rig);
		for (; ccq_poll(&cq, &cqe); served[cqe.wr_id]++) {
			wr.id = cqe.wr_id;
			post_send(&qps[cqe.wr_id], &wr);
		}
	}
	for (unsigned int i = 0; i < 8; i++) {
		least = served[i] < least ? served[i] : least;
		most = served[i] > most ? served[i] : most;
	}
	assert_true(least > 0);
	assert_true(most <= 2 * least);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_was_posted_behind_a_failure_is_flushed_though_sqe_was_left),
		cmocka_unit_test(sq_drained_is_raised_only_when_asked_for_this_time),
		cmocka_unit_test(qp_without_a_send_queue_drains_too),
		cmocka_unit_test(datagram_waits_for_a_receiver_that_is_held),
		cmocka_unit_test(guest_with_many_busy_qps_does_not_hold_up_another),
		cmocka_unit_test(no_qp_of_a_busy_guest_starves),
		cmocka_unit_test(hot_qps_of_a_guest_share_its_bytes_evenly),
	};

	return cmocka_run_group_tests(tests, rig_enter, rig_leave);
}
