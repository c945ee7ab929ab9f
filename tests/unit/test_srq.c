// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared receive queues: who takes from them, whose memory, when they run low. */
#include <errno.h>

#include "rig_qp.h"

/* a1 → b1 and a2 → b2, where both b take from one queue. */
struct shared {
	struct duo *d;
	struct psrq srq;
	struct pqp a2, b2;
};

static struct shared shared_new(void)
{
	struct shared s = { .d = duo_apart(VIB_QPT_RC) };
	struct duo *d = s.d;
	const struct plan alone = { .type = VIB_QPT_RC };
	struct plan plan = { .type = VIB_QPT_RC };

	s.srq = psrq_new(d->gb, d->gb->pd, 4, 2);
	plan.srq = &s.srq;
	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	s.b2 = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	s.a2 = pqp_new(d->ga, &alone, &d->cqa, &d->cqa);
	duo_aim(d);
	pqp_aim(&s.a2, &s.b2, true);
	pqp_aim(&s.b2, &s.a2, true);
	pqp_bring(&s.a2, VIB_QPS_RTS);
	pqp_bring(&s.b2, VIB_QPS_RTS);
	duo_connect(d);
	return s;
}

static void post(struct shared *s, uint64_t id)
{
	struct vib_sge sge = sge_of(&s->d->rb, id * 100, 100);

	psrq_post(&s->srq, id, &sge, 1);
}

static void send_by(struct shared *s, struct pqp *qp)
{
	struct wr wr = duo_wr(s->d, 1, VIB_OP_SEND, 50);

	post_send(qp, &wr);
	rig_run(s->d->rig);
}

static uint32_t limit_of(const struct shared *s)
{
	uint32_t limit;

	assert_int_equal(srq_query(s->d->gb->vhca, s->srq.number, &limit), 0);
	return limit;
}

static int set_limit(const struct shared *s, uint32_t limit)
{
	const struct vib_cmd_modify_srq cmd = { s->srq.number, limit };

	return srq_modify(s->d->gb->vhca, &cmd);
}

static void receives_go_to_whoever_has_a_message(void **state)
{
	struct shared s = shared_new();

	(void)state;
	for (uint64_t i = 0; i < 6; i++)
		post(&s, i);
	for (uint64_t i = 0; i < 6; i++) {
		struct vib_cqe cqe;

		send_by(&s, i % 3 ? &s.d->a : &s.a2);
		take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
		cqe = take_cqe(&s.d->cqb, i, VIB_WC_SUCCESS);
		assert_int_equal(cqe.qpn, i % 3 ? s.d->b.qpn : s.b2.qpn);
		assert_int_equal(cqe.wqe_index, i);
		assert_true(is_filled(s.d->rb.at + i * 100, 50, 1));
	}
	assert_int_equal(vib_queue_room(&s.srq.queue), 16);
	duo_free(s.d);
}

static void queue_goes_round(void **state)
{
	struct shared s = shared_new();

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		post(&s, i);
		send_by(&s, i % 2 ? &s.d->a : &s.a2);
		take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
		take_cqe(&s.d->cqb, i, VIB_WC_SUCCESS);
	}
	duo_free(s.d);
}

static void both_wait_when_it_is_empty(void **state)
{
	struct shared s = shared_new();

	(void)state;
	send_by(&s, &s.d->a);
	send_by(&s, &s.a2);
	assert_no_cqe(&s.d->cqa);
	post(&s, 1);
	rig_wait(s.d->rig, 1 * MS);
	take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&s.d->cqa);
	post(&s, 2);
	rig_wait(s.d->rig, 1 * MS);
	take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(s.d);
}

static void memory_is_of_the_queue_s_pd(void **state)
{
	(void)state;
	for (int own = 0; own < 2; own++) {
		struct duo *d = duo_apart(VIB_QPT_RC);
		struct plan plan = { .type = VIB_QPT_RC };
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 50);
		struct region r;
		struct vib_sge sge;
		struct psrq srq;
		uint32_t pd;

		assert_int_equal(pd_create(d->gb->vhca, &pd), 0);
		srq = psrq_new(d->gb, pd, 4, 2);
		plan.srq = &srq;
		pqp_end(&d->b);
		d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
		duo_aim(d);
		duo_connect(d);
		if (own)
			d->gb->pd = pd;
		r = region_new(d->gb, 100);
		sge = sge_of(&r, 0, 100);
		psrq_post(&srq, 9, &sge, 1);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, own ? VIB_WC_SUCCESS : VIB_WC_REM_OP_ERR);
		take_cqe(&d->cqb, 9, own ? VIB_WC_SUCCESS : VIB_WC_LOC_PROT_ERR);
		duo_free(d);
	}
}

static void faulty_receive_fails_the_qp_that_took_it_alone(void **state)
{
	struct shared s = shared_new();
	struct vib_sge sges[3] = { { 0 } };

	(void)state;
	psrq_post(&s.srq, 1, sges, 3); /* max_sge is 2 */
	post(&s, 2);
	send_by(&s, &s.d->a);
	take_cqe(&s.d->cqa, 1, VIB_WC_REM_OP_ERR);
	take_cqe(&s.d->cqb, 1, VIB_WC_LOC_PROT_ERR);
	assert_int_equal(pqp_state(&s.d->b), VIB_QPS_ERR);
	assert_async(s.d->gb, VIB_ASYNC_QP_LAST_WQE_REACHED, s.d->b.qpn);
	send_by(&s, &s.a2);
	take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&s.d->cqb, 2, VIB_WC_SUCCESS);
	assert_no_async(s.d->gb);
	duo_free(s.d);
}

static void limit_is_told_once_when_fewer_are_left(void **state)
{
	struct shared s = shared_new();

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		post(&s, i);
	assert_int_equal(set_limit(&s, 8), 0);
	for (int left = 9; left >= 8; left--) {
		send_by(&s, &s.d->a);
		assert_no_async(s.d->gb);
		assert_int_equal(limit_of(&s), 8);
	}
	send_by(&s, &s.a2);
	assert_async(s.d->gb, VIB_ASYNC_SRQ_LIMIT_REACHED, s.srq.number);
	assert_int_equal(limit_of(&s), 0);
	send_by(&s, &s.a2);
	assert_no_async(s.d->gb);
	assert_int_equal(set_limit(&s, 6), 0); /* 6 are left */
	assert_no_async(s.d->gb);
	send_by(&s, &s.d->a);
	assert_async(s.d->gb, VIB_ASYNC_SRQ_LIMIT_REACHED, s.srq.number);
	duo_free(s.d);
}

static void limit_above_what_is_there_is_told_at_once(void **state)
{
	struct shared s = shared_new();

	(void)state;
	post(&s, 1);
	assert_int_equal(set_limit(&s, 2), 0);
	assert_async(s.d->gb, VIB_ASYNC_SRQ_LIMIT_REACHED, s.srq.number);
	assert_int_equal(limit_of(&s), 0);
	assert_int_equal(set_limit(&s, 0), 0);
	assert_no_async(s.d->gb);
	assert_int_equal(set_limit(&s, 16), 0);
	assert_async(s.d->gb, VIB_ASYNC_SRQ_LIMIT_REACHED, s.srq.number);
	assert_int_equal(set_limit(&s, 17), -EINVAL);
	assert_no_async(s.d->gb);
	duo_free(s.d);
}

/* A QP of UD that takes from a queue, and keeps receive 8 for the next datagram. */
struct keeping {
	struct duo *d;
	struct psrq srq;
};

static struct keeping keeping_new(void)
{
	struct keeping k = { .d = duo_apart(VIB_QPT_UD) };
	struct duo *d = k.d;
	struct plan plan = { .type = VIB_QPT_UD, .srq = &k.srq };
	struct vib_sge small = sge_of(&d->rb, 0, 50), large = sge_of(&d->rb, 0, 100);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 50);

	k.srq = psrq_new(d->gb, d->gb->pd, 4, 2);
	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_connect(d);
	wr.qpn = d->b.qpn;
	psrq_post(&k.srq, 7, &large, 1);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqb, 7, VIB_WC_SUCCESS);
	psrq_post(&k.srq, 8, &small, 1);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_no_cqe(&d->cqb);
	psrq_post(&k.srq, 9, &large, 1);
	return k;
}

/* What it has kept is flushed, the rest is the queue's. */
static void expect_flushed(struct keeping *k)
{
	take_cqe(&k->d->cqb, 8, VIB_WC_WR_FLUSH_ERR);
	rig_run(k->d->rig);
	assert_no_cqe(&k->d->cqb);
	duo_free(k->d);
}

static void datagrams_take_from_a_shared_queue_too(void **state)
{
	struct keeping k = keeping_new();

	(void)state;
	assert_int_equal(pqp_modify(&k.d->b, VIB_QPS_ERR, 0), 0);
	rig_run(k.d->rig);
	expect_flushed(&k);
}

/* Before the answer: a kernel has its place again when it clears its CQ. */
static void what_a_reset_qp_has_kept_is_flushed(void **state)
{
	struct keeping k = keeping_new();

	(void)state;
	pqp_reset(&k.d->b);
	expect_flushed(&k);
}

static void what_an_ended_qp_has_kept_is_flushed(void **state)
{
	struct keeping k = keeping_new();

	(void)state;
	pqp_end(&k.d->b);
	expect_flushed(&k);
}

/* One of its own is the QP's own affair, whose queue begins anew. */
static void what_a_reset_qp_has_kept_of_its_own_is_not(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UD);
	struct vib_sge small = sge_of(&d->rb, 0, 50);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 50);

	(void)state;
	wr.qpn = d->b.qpn;
	post_recv(&d->b, 8, &small, 1);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	pqp_reset(&d->b);
	rig_run(d->rig);
	assert_no_cqe(&d->cqb);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receives_go_to_whoever_has_a_message),
		cmocka_unit_test(queue_goes_round),
		cmocka_unit_test(both_wait_when_it_is_empty),
		cmocka_unit_test(memory_is_of_the_queue_s_pd),
		cmocka_unit_test(faulty_receive_fails_the_qp_that_took_it_alone),
		cmocka_unit_test(limit_is_told_once_when_fewer_are_left),
		cmocka_unit_test(limit_above_what_is_there_is_told_at_once),
		cmocka_unit_test(datagrams_take_from_a_shared_queue_too),
		cmocka_unit_test(what_a_reset_qp_has_kept_is_flushed),
		cmocka_unit_test(what_an_ended_qp_has_kept_is_flushed),
		cmocka_unit_test(what_a_reset_qp_has_kept_of_its_own_is_not),
	};

	alarm(120);
	return cmocka_run_group_tests_name("shared receive queues", tests, rig_enter,
					   rig_leave);
}
