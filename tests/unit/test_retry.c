// SPDX-License-Identifier: GPL-2.0-or-later
/* RC: peers that are not ready or not there, and how long a sender tries. */
#include "rig_qp.h"

/* min_rnr_timer 14 and timeout 10, as the rig sets them, in ns. */
#define RNR_NS     1280000ull
#define TIMEOUT_NS 4194304ull

/* ---- not ready --------------------------------------------------------- */

static void sender_waits_rnr_retry_times_for_a_receive(void **state)
{
	(void)state;
	for (uint8_t retry = 0; retry < 7; retry++) {
		struct duo *d = duo_apart(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

		d->a.attr.rnr_retry = retry;
		duo_connect(d);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		if (retry) {
			assert_no_cqe(&d->cqa);
			rig_wait(d->rig, retry * RNR_NS - 1);
			assert_no_cqe(&d->cqa);
			rig_wait(d->rig, 1);
		}
		take_cqe(&d->cqa, 1, VIB_WC_RNR_RETRY_EXC_ERR);
		assert_int_equal(pqp_state(&d->a), VIB_QPS_ERR);
		assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
		assert_no_async(d->ga);
		assert_no_async(d->gb);
		duo_free(d);
	}
}

static void rnr_retry_7_waits_for_ever(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE_IMM, 8);

	(void)state;
	post_send(&d->a, &wr);
	for (int i = 0; i < 100; i++) {
		rig_wait(d->rig, 1000000 * MS);
		assert_no_cqe(&d->cqa);
	}
	duo_recv(d, 11, 8);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

static void posted_receive_rings_for_the_sender_that_waits(void **state)
{
	static const uint8_t opcodes[] = { VIB_OP_SEND, VIB_OP_RDMA_WRITE_IMM };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, opcodes[i], 8);
		struct vib_sge sge = sge_of(&d->rb, 0, 8);

		post_send(&d->a, &wr);
		rig_run(d->rig);
		rig_cool(d->rig);
		assert_true(post_recv(&d->b, 11, &sge, 1));
		rig_run(d->rig); /* no time has passed */
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
		/* Nobody waits any more. */
		assert_false(post_recv(&d->b, 12, &sge, 1));
		duo_free(d);
	}
}

static void receives_that_nobody_waits_for_do_not_ring(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct vib_sge sge = sge_of(&d->rb, 0, 8);

	(void)state;
	post_recv(&d->b, 10, &sge, 1); /* entry 0 does */
	rig_run(d->rig);
	rig_cool(d->rig);
	for (int i = 0; i < 10; i++)
		assert_false(post_recv(&d->b, 11, &sge, 1));
	duo_free(d);
}

static void each_message_has_all_its_trials(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	d->a.attr.rnr_retry = 1;
	duo_connect(d);
	for (int i = 0; i < 5; i++) {
		post_send(&d->a, &wr);
		rig_wait(d->rig, RNR_NS * 3 / 4);
		rig_wait(d->rig, RNR_NS / 8);
		duo_recv(d, 11, 8);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	}
	duo_free(d);
}

static void receive_in_a_shared_queue_is_found_soon(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct psrq srq = psrq_new(d->gb, d->gb->pd, 4, 4);
	const struct plan plan = { .type = VIB_QPT_RC, .srq = &srq };
	struct vib_sge sge = sge_of(&d->rb, 0, 8);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_aim(d);
	duo_connect(d);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	psrq_post(&srq, 11, &sge, 1);
	rig_run(d->rig);
	assert_no_cqe(&d->cqa); /* they do not ring */
	rig_wait(d->rig, 100 * US);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
	duo_free(d);
}

static void peer_without_any_receive_queue_is_never_ready(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC, .no_rq = true };
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_aim(d);
	d->a.attr.rnr_retry = 2;
	duo_connect(d);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	rig_wait(d->rig, 2 * RNR_NS - 1);
	assert_no_cqe(&d->cqa);
	rig_wait(d->rig, 1);
	take_cqe(&d->cqa, 1, VIB_WC_RNR_RETRY_EXC_ERR);
	duo_free(d);
}

/* ---- not there --------------------------------------------------------- */

static void assert_no_answer(struct duo *d, const struct wr *wr)
{
	struct vib_sge none = { 0 };

	post_recv(&d->a, 21, &none, 1);
	post_send(&d->a, wr);
	rig_run(d->rig);
	/* The rig's retry_cnt is 2. */
	rig_wait(d->rig, 3 * TIMEOUT_NS - 1);
	assert_no_cqe(&d->cqa);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_RTS);
	rig_wait(d->rig, 1);
	take_cqe(&d->cqa, wr->id, VIB_WC_RETRY_EXC_ERR);
	take_cqe(&d->cqa, 21, VIB_WC_WR_FLUSH_ERR);
	assert_int_equal(pqp_state(&d->a), VIB_QPS_ERR);
	assert_no_async(d->ga);
	assert_no_async(d->gb);
	assert_no_cqe(&d->cqb);
	assert_true(is_all(d->rb.at, DUO_BYTES, 0));
}

static void no_such_qp_gives_no_answer(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	duo_connect(d);
	pqp_end(&d->b);
	assert_no_answer(d, &wr);
	duo_free(d);
}

static void peer_that_does_not_receive_yet_gives_no_answer(void **state)
{
	(void)state;
	for (int init = 0; init < 2; init++) {
		struct duo *d = duo_apart(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

		pqp_bring(&d->a, VIB_QPS_RTS);
		if (init)
			pqp_bring(&d->b, VIB_QPS_INIT);
		duo_recv(d, 11, 100);
		assert_no_answer(d, &wr);
		duo_free(d);
	}
}

static void peer_in_err_gives_no_answer(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_ERR, 0), 0);
	assert_no_answer(d, &wr);
	duo_free(d);
}

enum misfit {
	OTHER_PARTITION,
	BOTH_LIMITED,
	NO_PKEY,
	OTHER_FABRIC,
	LINK_DOWN,
	PEER_LINK_DOWN,
	WRONG_ADDRESS,
	PEER_S_WRONG_ADDRESS,
	PEER_OF_ANOTHER,
	WRONG_LID,
	NUM_MISFITS,
};

static void fit_badly(struct duo *d, enum misfit misfit)
{
	static const int fabric;

	switch (misfit) {
	case OTHER_PARTITION:
		d->gb->view.pkeys[0] = 0x8001;
		break;
	case BOTH_LIMITED:
		d->ga->view.pkeys[0] = d->gb->view.pkeys[0] = 0x7fff;
		break;
	case NO_PKEY:
		d->a.attr.pkey_index = d->b.attr.pkey_index = 5;
		break;
	case OTHER_FABRIC:
		d->gb->view.fabric = &fabric;
		break;
	case LINK_DOWN:
		d->ga->view.up = false;
		break;
	case PEER_LINK_DOWN:
		d->gb->view.up = false;
		break;
	case WRONG_ADDRESS:
		d->a.attr.av.dgid.raw[15] ^= 0x40;
		break;
	case PEER_S_WRONG_ADDRESS:
		d->b.attr.av.dgid.raw[15] ^= 0x40;
		break;
	case PEER_OF_ANOTHER:
		d->b.attr.dest_qpn++;
		break;
	case WRONG_LID:
		d->a.attr.av.flags = 0;
		d->a.attr.av.dlid = 77;
		break;
	case NUM_MISFITS:
		break;
	}
	guest_set_port(d->ga);
	guest_set_port(d->gb);
}

static void peer_that_does_not_fit_gives_no_answer(void **state)
{
	(void)state;
	for (int misfit = 0; misfit < NUM_MISFITS; misfit++) {
		struct duo *d = duo_apart(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

		fit_badly(d, misfit);
		duo_connect(d);
		assert_no_answer(d, &wr);
		duo_free(d);
	}
}

static void peer_that_fitted_once_is_looked_at_again_when_its_port_changes(void **state)
{
	static const enum misfit changes[] = { OTHER_PARTITION, OTHER_FABRIC, LINK_DOWN,
					       PEER_LINK_DOWN };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 0);

		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		fit_badly(d, changes[i]);
		wr = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 8);
		assert_no_answer(d, &wr);
		duo_free(d);
	}
}

static void
peer_that_fitted_once_is_looked_at_again_when_it_is_connected_anew(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 0);

	(void)state;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	pqp_reset(&d->b);
	d->b.attr.dest_qpn++;
	pqp_bring(&d->b, VIB_QPS_RTS);
	wr = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 8);
	assert_no_answer(d, &wr);
	duo_free(d);
}

static void one_full_member_is_enough(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	d->gb->view.pkeys[0] = 0x7fff;
	guest_set_port(d->gb);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

static void peer_that_comes_in_time_is_found(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	pqp_bring(&d->a, VIB_QPS_RTS);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	rig_wait(d->rig, 3 * TIMEOUT_NS - 2 * MS);
	pqp_bring(&d->b, VIB_QPS_RTR);
	rig_wait(d->rig, 1 * MS);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_true(is_filled(d->rb.at, 8, 1));
	duo_free(d);
}

static void timeout_0_waits_for_ever(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	d->a.attr.timeout = 0;
	pqp_bring(&d->a, VIB_QPS_RTS);
	post_send(&d->a, &wr);
	for (int i = 0; i < 100; i++) {
		rig_wait(d->rig, 1000000 * MS);
		assert_no_cqe(&d->cqa);
	}
	pqp_bring(&d->b, VIB_QPS_RTR);
	rig_wait(d->rig, 1 * MS);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

static void sender_that_waits_is_cool_and_goes_on_by_itself(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	pqp_end(&d->b);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	rig_cool(d->rig);
	rig_wait(d->rig, 3 * TIMEOUT_NS);
	take_cqe(&d->cqa, 1, VIB_WC_RETRY_EXC_ERR);
	duo_free(d);
}

static void sender_that_waits_can_be_told_to_fail(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	post_send(&d->a, &wr);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	rig_cool(d->rig);
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_WR_FLUSH_ERR);
	take_cqe(&d->cqa, 1, VIB_WC_WR_FLUSH_ERR);
	/* The peer's receive is there for nobody. */
	duo_recv(d, 11, 8);
	rig_wait(d->rig, 1000 * MS);
	assert_no_cqe(&d->cqb);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_waits_rnr_retry_times_for_a_receive),
		cmocka_unit_test(rnr_retry_7_waits_for_ever),
		cmocka_unit_test(posted_receive_rings_for_the_sender_that_waits),
		cmocka_unit_test(receives_that_nobody_waits_for_do_not_ring),
		cmocka_unit_test(each_message_has_all_its_trials),
		cmocka_unit_test(receive_in_a_shared_queue_is_found_soon),
		cmocka_unit_test(peer_without_any_receive_queue_is_never_ready),
		cmocka_unit_test(no_such_qp_gives_no_answer),
		cmocka_unit_test(peer_that_does_not_receive_yet_gives_no_answer),
		cmocka_unit_test(peer_in_err_gives_no_answer),
		cmocka_unit_test(peer_that_does_not_fit_gives_no_answer),
		cmocka_unit_test(
			peer_that_fitted_once_is_looked_at_again_when_its_port_changes),
		cmocka_unit_test(
			peer_that_fitted_once_is_looked_at_again_when_it_is_connected_anew),
		cmocka_unit_test(one_full_member_is_enough),
		cmocka_unit_test(peer_that_comes_in_time_is_found),
		cmocka_unit_test(timeout_0_waits_for_ever),
		cmocka_unit_test(sender_that_waits_is_cool_and_goes_on_by_itself),
		cmocka_unit_test(sender_that_waits_can_be_told_to_fail),
	};

	alarm(120);
	return cmocka_run_group_tests_name("trials of RC", tests, rig_enter, rig_leave);
}
