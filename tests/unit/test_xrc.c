// SPDX-License-Identifier: GPL-2.0-or-later
/* XRC: what requests do at the SRQ they name, and what becomes of those that err. */
#include "rig_xrc.h"

/* ---- what is right ----------------------------------------------------- */

static void sends_go_into_the_srq_they_name(void **state)
{
	static const uint8_t opcodes[] = { VIB_OP_SEND, VIB_OP_SEND_IMM };
	struct xrc x = xrc_new();
	struct vib_cqe cqe;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct wr wr = xrc_wr(&x, 1, opcodes[i], 100);

		wr.imm = 0x11223344;
		xrc_post(&x, 11, 200);
		xrc_send(&x, &wr);
		take_cqe(&x.d->cqa, 1, VIB_WC_SUCCESS);
		cqe = take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_SUCCESS);
		assert_int_equal(cqe.src_qpn, x.d->a.qpn);
		assert_int_equal(cqe.byte_len, 100);
		assert_int_equal(cqe.opcode, opcodes[i]);
		assert_int_equal(!!(cqe.flags & VIB_CQE_WITH_IMM), i);
		assert_int_equal(cqe.imm, i ? 0x11223344 : 0);
		assert_true(is_filled(x.d->rb.at, 100, 1));
		memset(x.d->rb.at, 0, 100);
	}
	assert_no_async(x.d->gb);
	duo_free(x.d);
}

static void inline_data_stand_behind_the_srq_s_number(void **state)
{
	struct xrc x = xrc_new();
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 0);

	(void)state;
	wr.flags |= VIB_SEND_INLINE;
	wr.count = 0;
	wr.data = x.d->ra.at;
	wr.inline_len = 64;
	xrc_post(&x, 11, 200);
	xrc_send(&x, &wr);
	take_cqe(&x.d->cqa, 1, VIB_WC_SUCCESS);
	take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_SUCCESS);
	assert_true(is_filled(x.d->rb.at, 64, 1));
	assert_true(is_all(x.d->rb.at + 64, 100, 0));
	duo_free(x.d);
}

static void one_target_serves_every_srq_of_its_domain(void **state)
{
	struct xrc x = xrc_new();
	struct ccq cq = ccq_new(x.d->gb, 4, VIB_NO_OBJECT);
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 10);
	struct region r;
	struct psrq srq;
	struct vib_sge sge;
	uint32_t pd;

	(void)state;
	assert_int_equal(pd_create(x.d->gb->vhca, &pd), 0);
	r = region_of(x.d->gb, pd, 100);
	srq = xsrq_new(x.d->gb, pd, x.xrcd, &cq, 4);
	sge = sge_of(&r, 0, 100);
	for (int i = 0; i < 20; i++) {
		xrc_post(&x, 11, 200);
		psrq_post(&srq, 12, &sge, 1);
		wr.srqn = x.srq.number;
		post_send(&x.d->a, &wr);
		wr.srqn = srq.number;
		xrc_send(&x, &wr);
		take_cqe(&x.d->cqa, 1, VIB_WC_SUCCESS);
		take_cqe(&x.d->cqa, 1, VIB_WC_SUCCESS);
		take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_SUCCESS);
		take_xrc(&x, &cq, &srq, 12, VIB_WC_SUCCESS);
	}
	assert_true(is_filled(r.at, 10, 1));
	duo_free(x.d);
}

/* Each operation on memory, of 8 bytes so that atomics are among them. */
static const uint8_t memory_opcodes[] = { VIB_OP_RDMA_WRITE, VIB_OP_RDMA_WRITE_IMM,
					  VIB_OP_RDMA_READ,  VIB_OP_CMP_SWAP,
					  VIB_OP_FETCH_ADD,  VIB_OP_ATOMIC_WRITE };

static void memory_is_reached_by_the_srq_s_pd(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(memory_opcodes); i++) {
		struct xrc x = xrc_new();
		struct wr wr = xrc_wr(&x, 1, memory_opcodes[i], 8);

		xrc_post(&x, 11, 0);
		wr.compare_add = 0;
		wr.swap = 5;
		xrc_send(&x, &wr);
		take_cqe(&x.d->cqa, 1, VIB_WC_SUCCESS);
		if (memory_opcodes[i] == VIB_OP_RDMA_WRITE_IMM)
			take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_SUCCESS);
		assert_no_cqe(&x.d->cqb);
		duo_free(x.d);
	}
}

static void memory_of_another_pd_is_denied(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(memory_opcodes); i++) {
		struct xrc x = xrc_new();
		struct wr wr = xrc_wr(&x, 1, memory_opcodes[i], 8);
		struct region r;
		uint32_t pd;

		assert_int_equal(pd_create(x.d->gb->vhca, &pd), 0);
		r = region_of(x.d->gb, pd, 100);
		wr.addr = r.iova;
		wr.rkey = r.key;
		xrc_send(&x, &wr);
		take_cqe(&x.d->cqa, 1, VIB_WC_REM_ACCESS_ERR);
		assert_async(x.d->gb, VIB_ASYNC_QP_ACCESS_ERR, x.d->b.qpn);
		assert_no_async(x.d->gb);
		assert_int_equal(pqp_state(&x.d->a), VIB_QPS_ERR);
		assert_int_equal(pqp_state(&x.d->b), VIB_QPS_ERR);
		assert_true(is_all(r.at, 100, 0));
		duo_free(x.d);
	}
}

/* ---- SRQs that are not to be named ------------------------------------- */

static void denied_as_invalid(struct xrc *x, uint8_t opcode, uint32_t srqn)
{
	struct wr wr = xrc_wr(x, 1, opcode, 8), next = xrc_wr(x, 2, opcode, 8);

	wr.srqn = srqn;
	post_send(&x->d->a, &wr);
	xrc_send(x, &next);
	take_cqe(&x->d->cqa, 1, VIB_WC_REM_INV_REQ_ERR);
	take_cqe(&x->d->cqa, 2, VIB_WC_WR_FLUSH_ERR);
	assert_no_cqe(&x->d->cqb);
	/* And no LAST_WQE_REACHED. */
	assert_async(x->d->gb, VIB_ASYNC_QP_REQ_ERR, x->d->b.qpn);
	assert_no_async(x->d->gb);
	assert_int_equal(pqp_state(&x->d->b), VIB_QPS_ERR);
	assert_true(is_all(x->d->rb.at, DUO_BYTES, 0));
}

static void unknown_srq_is_invalid_in_every_request(void **state)
{
	static const uint8_t opcodes[] = { VIB_OP_SEND,        VIB_OP_SEND_IMM,
					   VIB_OP_SEND_INV,    VIB_OP_RDMA_WRITE,
					   VIB_OP_RDMA_READ,   VIB_OP_RDMA_WRITE_IMM,
					   VIB_OP_CMP_SWAP,    VIB_OP_FETCH_ADD,
					   VIB_OP_ATOMIC_WRITE };

	(void)state;
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		struct xrc x = xrc_new();

		xrc_post(&x, 11, 200);
		denied_as_invalid(&x, opcodes[i], x.srq.number + 1);
		duo_free(x.d);
	}
}

static void srq_of_another_domain_is_invalid(void **state)
{
	struct xrc x = xrc_new();
	struct psrq srq;
	uint32_t xrcd;

	(void)state;
	assert_int_equal(xrcd_create(x.d->gb->vhca, &xrcd), 0);
	srq = xsrq_new(x.d->gb, x.d->gb->pd, xrcd, &x.d->cqb, 4);
	denied_as_invalid(&x, VIB_OP_SEND, srq.number);
	duo_free(x.d);
}

static void srq_of_no_domain_is_invalid(void **state)
{
	struct xrc x = xrc_new();
	struct psrq srq = psrq_new(x.d->gb, x.d->gb->pd, 4, 4);

	(void)state;
	denied_as_invalid(&x, VIB_OP_SEND, srq.number);
	duo_free(x.d);
}

/* Numbers are each vib's own: the sender's guest has one of this number. */
static void srq_is_one_of_the_target_s_vib(void **state)
{
	struct xrc x = xrc_new();
	struct psrq srq;
	uint32_t xrcd;

	(void)state;
	assert_int_equal(xrcd_create(x.d->ga->vhca, &xrcd), 0);
	do
		srq = xsrq_new(x.d->ga, x.d->ga->pd, xrcd, &x.d->cqa, 4);
	while (srq.number <= x.srq.number);
	denied_as_invalid(&x, VIB_OP_RDMA_WRITE, srq.number);
	duo_free(x.d);
}

static void srq_that_was_destroyed_is_invalid(void **state)
{
	struct xrc x = xrc_new();
	struct memory m;

	(void)state;
	assert_int_equal(srq_destroy(x.d->gb->vhca, x.srq.number, &m), 0);
	free(m.at);
	denied_as_invalid(&x, VIB_OP_SEND, x.srq.number);
	duo_free(x.d);
}

/* ---- receives that are not there, or cannot take it -------------------- */

static void sender_waits_for_a_receive(void **state)
{
	struct xrc x = xrc_new();
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 100);

	(void)state;
	xrc_send(&x, &wr);
	rig_wait(x.d->rig, 20 * MS);
	assert_no_cqe(&x.d->cqa);
	xrc_post(&x, 11, 200);
	rig_wait(x.d->rig, 1 * MS);
	take_cqe(&x.d->cqa, 1, VIB_WC_SUCCESS);
	take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_SUCCESS);
	duo_free(x.d);
}

static void sender_gives_up_without_a_receive(void **state)
{
	struct xrc x = xrc_apart();
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 100);

	(void)state;
	x.d->a.attr.rnr_retry = 2;
	duo_connect(x.d);
	xrc_send(&x, &wr);
	rig_wait(x.d->rig, 20 * MS);
	take_cqe(&x.d->cqa, 1, VIB_WC_RNR_RETRY_EXC_ERR);
	assert_int_equal(pqp_state(&x.d->a), VIB_QPS_ERR);
	assert_int_equal(pqp_state(&x.d->b), VIB_QPS_RTS);
	duo_free(x.d);
}

static void receive_that_is_too_short_fails_both(void **state)
{
	struct xrc x = xrc_new();
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 100);

	(void)state;
	xrc_post(&x, 11, 99);
	xrc_send(&x, &wr);
	take_cqe(&x.d->cqa, 1, VIB_WC_REM_INV_REQ_ERR);
	take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_LOC_LEN_ERR);
	assert_int_equal(pqp_state(&x.d->b), VIB_QPS_ERR);
	assert_no_async(x.d->gb);
	duo_free(x.d);
}

static void receive_of_another_pd_fails_both(void **state)
{
	struct xrc x = xrc_new();
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 100);
	struct vib_sge sge;
	struct region r;
	uint32_t pd;

	(void)state;
	assert_int_equal(pd_create(x.d->gb->vhca, &pd), 0);
	r = region_of(x.d->gb, pd, 200);
	sge = sge_of(&r, 0, 200);
	psrq_post(&x.srq, 11, &sge, 1);
	xrc_send(&x, &wr);
	take_cqe(&x.d->cqa, 1, VIB_WC_REM_OP_ERR);
	take_xrc(&x, &x.d->cqb, &x.srq, 11, VIB_WC_LOC_PROT_ERR);
	duo_free(x.d);
}

static void srq_that_runs_low_says_so(void **state)
{
	struct xrc x = xrc_new();
	struct vib_cmd_modify_srq cmd = { .srq = x.srq.number, .limit = 1 };
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 100);

	(void)state;
	xrc_post(&x, 11, 200);
	assert_int_equal(srq_modify(x.d->gb->vhca, &cmd), 0);
	assert_no_async(x.d->gb);
	xrc_send(&x, &wr);
	assert_async(x.d->gb, VIB_ASYNC_SRQ_LIMIT_REACHED, x.srq.number);
	duo_free(x.d);
}

static void cq_of_an_srq_that_overruns_fails_the_target(void **state)
{
	struct xrc x = xrc_new();
	struct ccq cq = ccq_new(x.d->gb, 1, VIB_NO_OBJECT);
	struct psrq srq = xsrq_new(x.d->gb, x.d->gb->pd, x.xrcd, &cq, 4);
	struct wr wr = xrc_wr(&x, 1, VIB_OP_SEND, 0);

	(void)state;
	wr.srqn = srq.number;
	for (uint64_t i = 0; i < 3; i++) {
		psrq_post(&srq, 11 + i, NULL, 0);
		xrc_send(&x, &wr);
	}
	assert_async(x.d->gb, VIB_ASYNC_CQ_ERR, cq.number);
	assert_async(x.d->gb, VIB_ASYNC_QP_FATAL, x.d->b.qpn);
	assert_int_equal(pqp_state(&x.d->b), VIB_QPS_ERR);
	duo_free(x.d);
}

/* ---- who is a peer ----------------------------------------------------- */

static void only_a_target_answers_an_initiator(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct xrc x = xrc_apart();
		const struct plan plan = { .type = VIB_QPT_RC };
		struct wr wr = xrc_wr(&x, 1, VIB_OP_RDMA_WRITE, 8);

		if (i)
			x.d->a = pqp_new(x.d->ga, &plan, &x.d->cqa, &x.d->cqa);
		else
			x.d->b = pqp_new(x.d->gb, &plan, &x.d->cqb, &x.d->cqb);
		duo_aim(x.d);
		duo_connect(x.d);
		xrc_send(&x, &wr);
		rig_wait(x.d->rig, 20 * MS);
		take_cqe(&x.d->cqa, 1, VIB_WC_RETRY_EXC_ERR);
		assert_true(is_all(x.d->rb.at, DUO_BYTES, 0));
		duo_free(x.d);
	}
}

static void target_has_the_last_word_on_operations(void **state)
{
	struct xrc x = xrc_apart();
	struct wr wr = xrc_wr(&x, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	x.d->b.attr.access_flags = 0;
	duo_connect(x.d);
	xrc_send(&x, &wr);
	take_cqe(&x.d->cqa, 1, VIB_WC_REM_INV_REQ_ERR);
	assert_async(x.d->gb, VIB_ASYNC_QP_REQ_ERR, x.d->b.qpn);
	duo_free(x.d);
}

static void first_message_establishes_a_target_in_rtr(void **state)
{
	struct xrc x = xrc_apart();
	struct wr wr = xrc_wr(&x, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	pqp_bring(&x.d->a, VIB_QPS_RTS);
	pqp_bring(&x.d->b, VIB_QPS_RTR);
	xrc_send(&x, &wr);
	take_cqe(&x.d->cqa, 1, VIB_WC_SUCCESS);
	assert_async(x.d->gb, VIB_ASYNC_QP_COMM_EST, x.d->b.qpn);
	assert_no_async(x.d->gb);
	duo_free(x.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_go_into_the_srq_they_name),
		cmocka_unit_test(inline_data_stand_behind_the_srq_s_number),
		cmocka_unit_test(one_target_serves_every_srq_of_its_domain),
		cmocka_unit_test(memory_is_reached_by_the_srq_s_pd),
		cmocka_unit_test(memory_of_another_pd_is_denied),
		cmocka_unit_test(unknown_srq_is_invalid_in_every_request),
		cmocka_unit_test(srq_of_another_domain_is_invalid),
		cmocka_unit_test(srq_of_no_domain_is_invalid),
		cmocka_unit_test(srq_is_one_of_the_target_s_vib),
		cmocka_unit_test(srq_that_was_destroyed_is_invalid),
		cmocka_unit_test(sender_waits_for_a_receive),
		cmocka_unit_test(sender_gives_up_without_a_receive),
		cmocka_unit_test(receive_that_is_too_short_fails_both),
		cmocka_unit_test(receive_of_another_pd_fails_both),
		cmocka_unit_test(srq_that_runs_low_says_so),
		cmocka_unit_test(cq_of_an_srq_that_overruns_fails_the_target),
		cmocka_unit_test(only_a_target_answers_an_initiator),
		cmocka_unit_test(target_has_the_last_word_on_operations),
		cmocka_unit_test(first_message_establishes_a_target_in_rtr),
	};

	return cmocka_run_group_tests(tests, rig_enter, rig_leave);
}
