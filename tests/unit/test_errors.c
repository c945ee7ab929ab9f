// SPDX-License-Identifier: GPL-2.0-or-later
/* QPs that fail or are told to: what is flushed, what is raised, what goes on. */
#include "outcome.h"

#define MIB (1u << 20)

/* Half of a long message from a to b's receive 11 is done, and none of it complete. */
static struct duo *duo_in_midst(const struct psrq *srq_of_b, struct duo *d)
{
	struct region ra, rb;
	struct wr wr = { .id = 1, .opcode = VIB_OP_SEND, .flags = VIB_SEND_SIGNALED };
	struct vib_sge sge;

	(void)srq_of_b;
	ra = region_new(d->ga, MIB);
	fill(ra.at, MIB, 1);
	rb = region_new(d->gb, MIB);
	wr.count = 1;
	wr.sge[0] = sge_of(&ra, 0, MIB);
	sge = sge_of(&rb, 0, MIB);
	if (srq_of_b)
		psrq_post((struct psrq *)srq_of_b, 11, &sge, 1);
	else
		post_recv(&d->b, 11, &sge, 1);
	post_send(&d->a, &wr);
	rig_passes(d->rig, 3);
	assert_no_cqe(&d->cqa);
	assert_no_cqe(&d->cqb);
	assert_true(pqp_inner(&d->a)->sending.done > 0);
	return d;
}

static void everything_posted_is_flushed_in_order(void **state)
{
	static const enum vib_qp_type types[] = { VIB_QPT_RC, VIB_QPT_UC, VIB_QPT_UD };
	struct vib_sge none = { 0 };

	(void)state;
	for (int t = 0; t < 3; t++) {
		struct duo *d = duo_new(types[t]);
		struct wr wr = duo_wr(d, 0, VIB_OP_SEND, 8);

		for (uint32_t i = 0; i < 16; i++)
			post_recv(&d->a, 100 + i, &none, 1);
		assert_int_equal(pqp_modify(&d->a, VIB_QPS_ERR, 0), 0);
		for (uint32_t i = 0; i < 16; i++) {
			wr.id = i;
			wr.flags = 0;
			post_send(&d->a, &wr);
		}
		rig_run(d->rig);
		for (uint32_t i = 0; i < 16; i++) {
			struct vib_cqe cqe = take_cqe(&d->cqa, i, VIB_WC_WR_FLUSH_ERR);

			assert_int_equal(cqe.wqe_index, i);
			assert_int_equal(cqe.flags, 0);
			assert_int_equal(cqe.qpn, d->a.qpn);
		}
		for (uint32_t i = 0; i < 16; i++) {
			struct vib_cqe cqe =
				take_cqe(&d->cqa, 100 + i, VIB_WC_WR_FLUSH_ERR);

			assert_int_equal(cqe.wqe_index, i);
			assert_int_equal(cqe.flags, VIB_CQE_RECV);
		}
		assert_no_cqe(&d->cqa);
		assert_no_async(d->ga);
		assert_flushes_what_comes(d, &d->a, &d->cqa, true);
		duo_free(d);
	}
}

static void malformed_requests_are_flushed_like_others(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, 200, 8);

	(void)state;
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_ERR, 0), 0);
	post_send(&d->a, &wr);
	wr = duo_wr(d, 2, VIB_OP_SEND, 8);
	wr.count = 200;
	post_send(&d->a, &wr);
	post_recv(&d->a, 3, wr.sge, 77);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&d->cqa, 2, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&d->cqa, 3, VIB_WC_WR_FLUSH_ERR);
	duo_free(d);
}

static void request_posted_to_a_qp_that_failed_before_it_began_is_flushed(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);

	(void)state;
	pqp_bring(&d->a, VIB_QPS_INIT);
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	assert_flushes_what_comes(d, &d->a, &d->cqa, true);
	duo_free(d);
}

static void sender_told_to_fail_in_mid_message_flushes_it_alone(void **state)
{
	struct duo *d = duo_in_midst(NULL, duo_new(VIB_QPT_RC));

	(void)state;
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_WR_FLUSH_ERR);
	assert_no_cqe(&d->cqb);
	assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
	/* The receive is the peer's still. */
	duo_recv(d, 12, 8);
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	take_cqe(&d->cqb, 11, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&d->cqb, 12, VIB_WC_WR_FLUSH_ERR);
	duo_free(d);
}

static void receiver_told_to_fail_in_mid_message_flushes_its_receives(void **state)
{
	struct duo *d = duo_in_midst(NULL, duo_new(VIB_QPT_RC));

	(void)state;
	duo_recv(d, 12, 8);
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	take_cqe(&d->cqb, 11, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&d->cqb, 12, VIB_WC_WR_FLUSH_ERR);
	assert_no_cqe(&d->cqb);
	rig_wait(d->rig, 1000 * MS);
	take_cqe(&d->cqa, 1, VIB_WC_RETRY_EXC_ERR);
	duo_free(d);
}

static void receiver_that_was_reset_in_mid_message_gets_it_anew(void **state)
{
	struct duo *d = duo_in_midst(NULL, duo_new(VIB_QPT_RC));
	struct region rb = region_new(d->gb, MIB);
	struct vib_sge sge = sge_of(&rb, 0, MIB);

	(void)state;
	pqp_reset(&d->b);
	rig_run(d->rig);
	assert_no_cqe(&d->cqa);
	post_recv(&d->b, 12, &sge, 1);
	pqp_bring(&d->b, VIB_QPS_RTS);
	rig_wait(d->rig, 2 * MS);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_int_equal(take_cqe(&d->cqb, 12, VIB_WC_SUCCESS).byte_len, MIB);
	assert_true(is_filled(rb.at, MIB, 1)); /* from its first byte on */
	assert_no_cqe(&d->cqb);
	duo_free(d);
}

static void
sender_that_was_reset_in_mid_message_begins_with_the_held_receive(void **state)
{
	struct duo *d = duo_in_midst(NULL, duo_new(VIB_QPT_RC));
	struct wr wr = duo_wr(d, 2, VIB_OP_SEND, 100);

	(void)state;
	pqp_reset(&d->a);
	rig_run(d->rig);
	pqp_bring(&d->a, VIB_QPS_RTS);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	assert_int_equal(take_cqe(&d->cqb, 11, VIB_WC_SUCCESS).byte_len, 100);
	duo_free(d);
}

static void region_that_dies_in_mid_message_fails_its_side(void **state)
{
	(void)state;
	for (int peer_s = 0; peer_s < 2; peer_s++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct region ra = region_new(d->ga, MIB), rb = region_new(d->gb, MIB);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 0);
		struct vib_sge sge = sge_of(&rb, 0, MIB);

		wr.sge[0] = sge_of(&ra, 0, MIB);
		post_recv(&d->b, 11, &sge, 1);
		post_send(&d->a, &wr);
		rig_passes(d->rig, 3);
		assert_no_cqe(&d->cqa);
		region_end(peer_s ? &rb : &ra);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, peer_s ? VIB_WC_REM_OP_ERR : VIB_WC_LOC_PROT_ERR);
		if (peer_s)
			take_cqe(&d->cqb, 11, VIB_WC_LOC_PROT_ERR);
		assert_no_cqe(&d->cqb);
		assert_int_equal(pqp_state(&d->b), peer_s ? VIB_QPS_ERR : VIB_QPS_RTS);
		duo_free(d);
	}
}

static void peer_destroyed_in_mid_message_gives_no_answer(void **state)
{
	struct duo *d = duo_in_midst(NULL, duo_new(VIB_QPT_RC));

	(void)state;
	pqp_end(&d->b);
	rig_run(d->rig);
	assert_no_cqe(&d->cqa);
	rig_wait(d->rig, 1000 * MS);
	take_cqe(&d->cqa, 1, VIB_WC_RETRY_EXC_ERR);
	assert_no_cqe(&d->cqb);
	duo_free(d);
}

static void last_wqe_is_told_after_the_receive_in_hand_has_completed(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct psrq srq = psrq_new(d->gb, d->gb->pd, 4, 4);
	const struct plan plan = { .type = VIB_QPT_RC, .srq = &srq };

	(void)state;
	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_aim(d);
	duo_connect(d);
	duo_in_midst(&srq, d);
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_ERR, 0), 0);
	for (int i = 0; i < 5; i++) {
		uint32_t number;

		if (take_async(d->gb, &number) == VIB_ASYNC_QP_LAST_WQE_REACHED) {
			assert_int_equal(number, d->b.qpn);
			take_cqe(&d->cqb, 11, VIB_WC_WR_FLUSH_ERR);
			assert_no_async(d->gb);
			duo_free(d);
			return;
		}
		rig_pass(d->rig);
	}
	fail_msg("LAST_WQE_REACHED did not come");
}

static void qp_on_a_shared_queue_leaves_what_it_did_not_take(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct psrq srq = psrq_new(d->gb, d->gb->pd, 4, 4);
	const struct plan plan = { .type = VIB_QPT_RC, .srq = &srq };
	struct vib_sge sge = sge_of(&d->rb, 0, 8);

	(void)state;
	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_aim(d);
	duo_connect(d);
	psrq_post(&srq, 11, &sge, 1);
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	assert_async(d->gb, VIB_ASYNC_QP_LAST_WQE_REACHED, d->b.qpn);
	assert_no_async(d->gb);
	assert_no_cqe(&d->cqb);
	assert_int_equal(vib_queue_room(&srq.queue), 15);
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_ERR, 0), 0); /* it is already */
	rig_run(d->rig);
	assert_no_async(d->gb);
	duo_free(d);
}

static void every_event_of_a_qp_comes(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct psrq srq = psrq_new(d->gb, d->gb->pd, 4, 4);
	const struct plan plan = { .type = VIB_QPT_RC, .srq = &srq };
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_aim(d);
	pqp_bring(&d->a, VIB_QPS_RTS);
	pqp_bring(&d->b, VIB_QPS_RTR);
	wr.rkey ^= 1;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_async(d->gb, VIB_ASYNC_QP_ACCESS_ERR, d->b.qpn);
	assert_async(d->gb, VIB_ASYNC_QP_COMM_EST, d->b.qpn);
	assert_async(d->gb, VIB_ASYNC_QP_LAST_WQE_REACHED, d->b.qpn);
	assert_no_async(d->gb);
	duo_free(d);
}

/* ---- completions that are lost ----------------------------------------- */

static void send_queue_s_overrun_is_fatal_to_the_qp(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC };
	struct ccq small = ccq_new(d->ga, 1, VIB_NO_OBJECT);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);
	uint16_t first, second;
	uint32_t n1, n2;

	(void)state;
	pqp_end(&d->a);
	d->a = pqp_new(d->ga, &plan, &small, &d->cqa);
	duo_aim(d);
	duo_connect(d);
	for (int i = 0; i < 5; i++)
		post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_ERR);
	first = take_async(d->ga, &n1);
	second = take_async(d->ga, &n2);
	assert_true(first == VIB_ASYNC_CQ_ERR ? n1 == small.number : n1 == d->a.qpn);
	assert_true(second == VIB_ASYNC_CQ_ERR ? n2 == small.number : n2 == d->a.qpn);
	assert_int_equal(first + second, VIB_ASYNC_CQ_ERR + VIB_ASYNC_QP_FATAL);
	assert_no_async(d->ga);
	take_cqe(&small, 1, VIB_WC_SUCCESS);
	take_cqe(&small, 1, VIB_WC_SUCCESS);
	/* It takes no more, though there is room. */
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_no_cqe(&small);
	assert_int_equal(vib_queue_room(&d->a.sq), 16);
	assert_no_async(d->ga);
	duo_free(d);
}

static void receive_queue_s_overrun_is_fatal_to_the_receiver_alone(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC };
	struct ccq small = ccq_new(d->gb, 1, VIB_NO_OBJECT);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &small);
	duo_aim(d);
	duo_connect(d);
	for (int i = 0; i < 3; i++) {
		duo_recv(d, 11, 8);
		post_send(&d->a, &wr);
	}
	rig_run(d->rig);
	for (int i = 0; i < 3; i++) /* they have arrived */
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_RTS);
	assert_int_equal(pqp_state(&d->b), VIB_QPS_ERR);
	assert_async(d->gb, VIB_ASYNC_CQ_ERR, small.number);
	assert_async(d->gb, VIB_ASYNC_QP_FATAL, d->b.qpn);
	assert_no_async(d->gb);
	assert_no_async(d->ga);
	duo_free(d);
}

static void every_qp_of_a_queue_that_overran_fails_at_its_next_entry(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC };
	struct pqp a2 = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	struct pqp b2 = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	pqp_aim(&a2, &b2, true);
	pqp_aim(&b2, &a2, true);
	pqp_bring(&a2, VIB_QPS_RTS);
	pqp_bring(&b2, VIB_QPS_RTS);
	for (int i = 0; i < 17; i++) {
		for (int n = 0; n < 16; n++)
			post_send(&d->a, &wr);
		rig_run(d->rig);
	}
	assert_async(d->ga, VIB_ASYNC_CQ_ERR, d->cqa.number);
	assert_async(d->ga, VIB_ASYNC_QP_FATAL, d->a.qpn);
	assert_no_async(d->ga);
	assert_int_equal(pqp_state(&a2), VIB_QPS_RTS);
	wr.flags = 0;
	post_send(&a2, &wr); /* has no entry */
	rig_run(d->rig);
	assert_int_equal(pqp_state(&a2), VIB_QPS_RTS);
	wr.flags = VIB_SEND_SIGNALED;
	post_send(&a2, &wr);
	rig_run(d->rig);
	assert_int_equal(pqp_state(&a2), VIB_QPS_ERR);
	assert_async(d->ga, VIB_ASYNC_QP_FATAL, a2.qpn);
	assert_no_async(d->ga);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_posted_is_flushed_in_order),
		cmocka_unit_test(malformed_requests_are_flushed_like_others),
		cmocka_unit_test(
			request_posted_to_a_qp_that_failed_before_it_began_is_flushed),
		cmocka_unit_test(sender_told_to_fail_in_mid_message_flushes_it_alone),
		cmocka_unit_test(
			receiver_told_to_fail_in_mid_message_flushes_its_receives),
		cmocka_unit_test(receiver_that_was_reset_in_mid_message_gets_it_anew),
		cmocka_unit_test(
			sender_that_was_reset_in_mid_message_begins_with_the_held_receive),
		cmocka_unit_test(region_that_dies_in_mid_message_fails_its_side),
		cmocka_unit_test(peer_destroyed_in_mid_message_gives_no_answer),
		cmocka_unit_test(
			last_wqe_is_told_after_the_receive_in_hand_has_completed),
		cmocka_unit_test(qp_on_a_shared_queue_leaves_what_it_did_not_take),
		cmocka_unit_test(every_event_of_a_qp_comes),
		cmocka_unit_test(send_queue_s_overrun_is_fatal_to_the_qp),
		cmocka_unit_test(receive_queue_s_overrun_is_fatal_to_the_receiver_alone),
		cmocka_unit_test(
			every_qp_of_a_queue_that_overran_fails_at_its_next_entry),
	};

	alarm(120);
	return cmocka_run_group_tests_name("QPs that fail", tests, rig_enter, rig_leave);
}
