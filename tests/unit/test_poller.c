// SPDX-License-Identifier: GPL-2.0-or-later
/* Pollers: more QPs than are polled directly, and two pollers at the same QPs. */
#include "rig_qp.h"

#include <stdlib.h>

#define MIB  (1u << 20)
#define MANY (HOT_QPS + 16)

/* Connected pairs, more than are polled at a time. */
struct many {
	struct rig *rig;
	struct guest *ga, *gb;
	struct ccq ca[MANY], cb[MANY];
	struct pqp a[MANY], b[MANY];
	struct region ra, rb;
};

static struct many *many_new(unsigned int pollers, uint32_t bytes)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct many *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->rig = rig_new(pollers);
	m->ga = guest_new(m->rig);
	m->gb = guest_new(m->rig);
	m->ra = region_new(m->ga, bytes);
	m->rb = region_new(m->gb, bytes);
	fill(m->ra.at, bytes, 1);
	for (int i = 0; i < MANY; i++) {
		m->ca[i] = ccq_new(m->ga, 6, VIB_NO_OBJECT);
		m->cb[i] = ccq_new(m->gb, 6, VIB_NO_OBJECT);
		m->a[i] = pqp_new(m->ga, &plan, &m->ca[i], &m->ca[i]);
		m->b[i] = pqp_new(m->gb, &plan, &m->cb[i], &m->cb[i]);
		pqp_aim(&m->a[i], &m->b[i], true);
		pqp_aim(&m->b[i], &m->a[i], true);
		pqp_bring(&m->a[i], VIB_QPS_RTS);
		pqp_bring(&m->b[i], VIB_QPS_RTS);
	}
	rig_run(m->rig);
	rig_cool(m->rig);
	return m;
}

static void many_free(struct many *m)
{
	rig_free(m->rig);
	free(m);
}

static struct wr write_of(struct many *m, uint32_t length)
{
	struct wr wr = {
		.id = 1,
		.opcode = VIB_OP_RDMA_WRITE,
		.flags = VIB_SEND_SIGNALED,
		.count = 1,
		.sge = { sge_of(&m->ra, 0, length) },
		.addr = m->rb.iova,
		.rkey = m->rb.key,
	};

	return wr;
}

/* ---- more QPs than are hot --------------------------------------------- */

static void more_qps_than_are_hot_are_all_served(void **state)
{
	struct many *m = many_new(1, 4096);
	struct wr wr = write_of(m, 8);

	(void)state;
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < MANY; i++)
			for (int n = 0; n < 16; n++)
				post_send(&m->a[i], &wr);
		rig_run(m->rig);
		for (int i = 0; i < MANY; i++)
			for (int n = 0; n < 16; n++)
				take_cqe(&m->ca[i], 1, VIB_WC_SUCCESS);
		assert_true(m->rig->engine->pollers[0].num_hot <= HOT_QPS);
	}
	many_free(m);
}

static void long_messages_of_more_qps_than_are_hot_all_arrive(void **state)
{
	struct many *m = many_new(1, MIB);
	struct wr wr = write_of(m, MIB / 2);

	(void)state;
	for (int i = 0; i < MANY; i++)
		post_send(&m->a[i], &wr);
	rig_run(m->rig);
	for (int i = 0; i < MANY; i++)
		take_cqe(&m->ca[i], 1, VIB_WC_SUCCESS);
	many_free(m);
}

static void senders_of_more_qps_than_are_hot_that_wait_go_on(void **state)
{
	struct many *m = many_new(1, 4096);
	struct wr wr = write_of(m, 8);
	struct vib_sge none = { 0 };

	(void)state;
	wr.opcode = VIB_OP_RDMA_WRITE_IMM;
	for (int i = 0; i < MANY; i++)
		post_send(&m->a[i], &wr);
	rig_run(m->rig);
	for (int i = 0; i < MANY; i++)
		post_recv(&m->b[i], 2, &none, 1);
	rig_run(m->rig);
	for (int i = 0; i < MANY; i++) {
		take_cqe(&m->ca[i], 1, VIB_WC_SUCCESS);
		take_cqe(&m->cb[i], 2, VIB_WC_SUCCESS);
	}
	many_free(m);
}

static void qps_told_to_fail_together_are_all_flushed(void **state)
{
	struct many *m = many_new(1, MIB);
	struct wr wr = write_of(m, MIB);

	(void)state;
	for (int i = 0; i < MANY; i++)
		for (int n = 0; n < 3; n++)
			post_send(&m->a[i], &wr);
	rig_passes(m->rig, 2);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(pqp_modify(&m->a[i], VIB_QPS_ERR, 0), 0);
	rig_run(m->rig);
	for (int i = 0; i < MANY; i++) {
		for (int n = 0; n < 3; n++)
			take_cqe(&m->ca[i], 1, VIB_WC_WR_FLUSH_ERR);
		assert_no_cqe(&m->ca[i]);
	}
	many_free(m);
}

static void events_and_moderation_work_among_more_qps_than_are_hot(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct many *m = many_new(1, 4096);
	struct ceq eq = ceq_new(m->ga, 4, 5);
	struct ccq cq = ccq_new(m->ga, 8, eq.number);
	const struct vib_cmd_modify_cq cmd = { cq.number, 0, 100 };
	struct pqp qps[24];
	struct wr wr = write_of(m, 8);

	(void)state;
	assert_int_equal(cq_modify(m->ga->vhca, &cmd), 0);
	for (int i = 0; i < 24; i++) {
		qps[i] = pqp_new(m->ga, &plan, &cq, &cq);
		pqp_bring(&qps[i], VIB_QPS_INIT);
		assert_int_equal(pqp_modify(&qps[i], VIB_QPS_ERR, 0), 0);
	}
	rig_run(m->rig);
	rig_cool(m->rig);
	for (int round = 0; round < 3; round++) {
		struct vib_cqe cqe;

		assert_false(vib_cq_arm(&cq.queue, VIB_ARM_ANY));
		for (int i = 0; i < MANY; i++)
			post_send(&m->a[i], &wr);
		for (int i = 0; i < 24; i++)
			post_send(&qps[i], &wr);
		rig_run(m->rig);
		rig_wait(m->rig, 100 * US);
		assert_int_equal(ceq_poll(&eq), cq.number);
		for (int i = 0; i < 24; i++)
			assert_true(ccq_poll(&cq, &cqe));
		for (int i = 0; i < MANY; i++)
			take_cqe(&m->ca[i], 1, VIB_WC_SUCCESS);
	}
	many_free(m);
}

static void kicks_of_a_qp_and_of_its_queue_meet_in_a_pass(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct many *m = many_new(1, 4 * MIB);
	struct ceq eq = ceq_new(m->ga, 4, 5);
	struct ccq cq = ccq_new(m->ga, 8, eq.number);
	const struct vib_cmd_modify_cq cmd = { cq.number, 0, 100 };
	struct pqp waits = pqp_new(m->ga, &plan, &cq, &cq),
		   other = pqp_new(m->ga, &plan, &cq, &cq);
	struct pqp peer = pqp_new(m->gb, &plan, &m->cb[0], &m->cb[0]);
	struct vib_sge none = { 0 };
	struct wr wr = write_of(m, 0);

	(void)state;
	assert_int_equal(cq_modify(m->ga->vhca, &cmd), 0);
	pqp_aim(&waits, &peer, true);
	pqp_aim(&peer, &waits, true);
	pqp_bring(&waits, VIB_QPS_RTS);
	pqp_bring(&peer, VIB_QPS_RTS);
	pqp_bring(&other, VIB_QPS_INIT);
	assert_int_equal(pqp_modify(&other, VIB_QPS_ERR, 0), 0);
	wr.opcode = VIB_OP_SEND;
	post_send(&waits, &wr); /* finds no receive */
	rig_run(m->rig);
	rig_cool(m->rig);

	wr = write_of(m, 4 * MIB); /* so all places are taken */
	for (int i = 0; i < HOT_QPS; i++)
		post_send(&m->a[i], &wr);
	rig_passes(m->rig, 24); /* each takes some of the bells */
	assert_int_equal(m->rig->engine->pollers[0].num_hot, HOT_QPS);
	assert_false(vib_cq_arm(&cq.queue, VIB_ARM_ANY));
	assert_true(post_send(&other, &wr)); /* the queue's period begins */
	assert_true(post_recv(&peer, 2, &none, 1));
	rig_run(m->rig);
	rig_wait(m->rig, 100 * US);
	assert_int_equal(ceq_poll(&eq), cq.number);
	take_cqe(&cq, 1, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&cq, 1, VIB_WC_SUCCESS);
	many_free(m);
}

/* ---- two pollers ------------------------------------------------------- */

static void peers_of_two_pollers_exchange_messages_of_many_passes(void **state)
{
	struct many *m = many_new(2, MIB);
	struct wr there = write_of(m, MIB / 2), back = write_of(m, MIB / 2);

	(void)state;
	assert_ptr_not_equal(m->ga->vhca->poller, m->gb->vhca->poller);
	fill(m->rb.at + MIB / 2, MIB / 2, 4);
	back.sge[0] = sge_of(&m->rb, MIB / 2, MIB / 2);
	back.addr = m->ra.iova + MIB / 2;
	back.rkey = m->ra.key;
	for (int i = 0; i < 8; i++) {
		post_send(&m->a[i], &there);
		post_send(&m->b[i], &back);
	}
	rig_run(m->rig);
	for (int i = 0; i < 8; i++) {
		take_cqe(&m->ca[i], 1, VIB_WC_SUCCESS);
		take_cqe(&m->cb[i], 1, VIB_WC_SUCCESS);
	}
	assert_true(is_filled(m->rb.at, MIB / 2, 1));
	assert_true(is_filled(m->ra.at + MIB / 2, MIB / 2, 4));
	many_free(m);
}

static void receive_posted_at_one_poller_wakes_the_sender_of_the_other(void **state)
{
	struct many *m = many_new(2, 4096);
	struct wr wr = write_of(m, 8);
	struct vib_sge none = { 0 };

	(void)state;
	wr.opcode = VIB_OP_SEND;
	wr.count = 0;
	post_send(&m->a[0], &wr);
	rig_run(m->rig);
	rig_cool(m->rig);
	assert_true(post_recv(&m->b[0], 2, &none, 1));
	rig_run(m->rig);
	take_cqe(&m->ca[0], 1, VIB_WC_SUCCESS);
	take_cqe(&m->cb[0], 2, VIB_WC_SUCCESS);
	many_free(m);
}

static void peer_that_another_holds_is_waited_for(void **state)
{
	struct many *m = many_new(2, MIB);
	struct wr wr = write_of(m, MIB);
	struct qp *peer = pqp_inner(&m->b[0]);

	(void)state;
	pthread_spin_lock(&peer->lock);
	post_send(&m->a[0], &wr);
	rig_passes(m->rig, 50);
	assert_no_cqe(&m->ca[0]);
	assert_true(is_all(m->rb.at, MIB, 0));
	pthread_spin_unlock(&peer->lock);
	rig_passes(m->rig, 3);
	pthread_spin_lock(&peer->lock); /* in mid-message */
	rig_passes(m->rig, 5000);
	assert_no_cqe(&m->ca[0]);
	pthread_spin_unlock(&peer->lock);
	rig_run(m->rig);
	take_cqe(&m->ca[0], 1, VIB_WC_SUCCESS);
	assert_true(is_filled(m->rb.at, MIB, 1));
	many_free(m);
}

static void sender_that_another_holds_is_served_later(void **state)
{
	struct many *m = many_new(2, 4096);
	struct wr wr = write_of(m, 8);
	struct qp *qp = pqp_inner(&m->a[0]);

	(void)state;
	pthread_spin_lock(&qp->lock);
	assert_true(post_send(&m->a[0], &wr));
	rig_passes(m->rig, 6000); /* it does not cool */
	assert_no_cqe(&m->ca[0]);
	pthread_spin_unlock(&qp->lock);
	rig_run(m->rig);
	take_cqe(&m->ca[0], 1, VIB_WC_SUCCESS);
	many_free(m);
}

static void peers_held_while_more_qps_than_are_hot_send_are_reached(void **state)
{
	struct many *m = many_new(2, 4096);
	struct wr wr = write_of(m, 8);

	(void)state;
	for (int i = 0; i < MANY; i++) {
		pthread_spin_lock(&pqp_inner(&m->b[i])->lock);
		post_send(&m->a[i], &wr);
	}
	rig_passes(m->rig, 50);
	for (int i = 0; i < MANY; i++)
		pthread_spin_unlock(&pqp_inner(&m->b[i])->lock);
	rig_run(m->rig);
	for (int i = 0; i < MANY; i++)
		take_cqe(&m->ca[i], 1, VIB_WC_SUCCESS);
	many_free(m);
}

static void peer_of_another_poller_that_fails_is_flushed_by_its_own(void **state)
{
	struct many *m = many_new(2, 4096);
	struct wr wr = write_of(m, 8);
	struct vib_sge none = { 0 };

	(void)state;
	wr.rkey ^= 1;
	post_recv(&m->b[0], 2, &none, 1);
	rig_run(m->rig);
	rig_cool(m->rig);
	post_send(&m->a[0], &wr);
	poller_pass(m->ga->vhca->poller);
	poller_pass(m->ga->vhca->poller);
	take_cqe(&m->ca[0], 1, VIB_WC_REM_ACCESS_ERR);
	assert_no_cqe(&m->cb[0]);
	rig_run(m->rig);
	take_cqe(&m->cb[0], 2, VIB_WC_WR_FLUSH_ERR);
	many_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_qps_than_are_hot_are_all_served),
		cmocka_unit_test(long_messages_of_more_qps_than_are_hot_all_arrive),
		cmocka_unit_test(senders_of_more_qps_than_are_hot_that_wait_go_on),
		cmocka_unit_test(qps_told_to_fail_together_are_all_flushed),
		cmocka_unit_test(events_and_moderation_work_among_more_qps_than_are_hot),
		cmocka_unit_test(kicks_of_a_qp_and_of_its_queue_meet_in_a_pass),
		cmocka_unit_test(peers_of_two_pollers_exchange_messages_of_many_passes),
		cmocka_unit_test(
			receive_posted_at_one_poller_wakes_the_sender_of_the_other),
		cmocka_unit_test(peer_that_another_holds_is_waited_for),
		cmocka_unit_test(sender_that_another_holds_is_served_later),
		cmocka_unit_test(peers_held_while_more_qps_than_are_hot_send_are_reached),
		cmocka_unit_test(peer_of_another_poller_that_fails_is_flushed_by_its_own),
	};

	alarm(120);
	return cmocka_run_group_tests_name("pollers", tests, rig_enter, rig_leave);
}
