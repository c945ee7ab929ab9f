// SPDX-License-Identifier: GPL-2.0-or-later
/* RC over time: rings that wrap, messages of several passes, other QPs meanwhile. */
#include "rig_qp.h"

#define MIB (1u << 20)

static void rings_go_round_many_times(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	uint32_t sent = 0, done = 0, got = 0;

	(void)state;
	/* 16 slots each, 256 in the CQs. */
	while (done < 2000) {
		uint32_t burst = 1 + sent * 7 % 16;

		for (uint32_t i = 0; i < burst; i++, sent++) {
			struct wr wr = duo_wr(d, sent, VIB_OP_SEND, 0);

			wr.flags |= VIB_SEND_INLINE;
			wr.count = 0;
			wr.data = &sent;
			wr.inline_len = sizeof(sent);
			duo_recv(d, sent, 4);
			post_send(&d->a, &wr);
		}
		rig_run(d->rig);
		for (; done < sent; done++, got++) {
			assert_int_equal(
				take_cqe(&d->cqa, done, VIB_WC_SUCCESS).wqe_index, done);
			assert_int_equal(take_cqe(&d->cqb, got, VIB_WC_SUCCESS).wqe_index,
					 got);
		}
		assert_int_equal(*(uint32_t *)d->rb.at, sent - 1);
	}
	duo_free(d);
}

/* A duo whose regions have @bytes. */
static struct duo *wide_duo(uint32_t bytes)
{
	struct duo *d = duo_new(VIB_QPT_RC);

	d->ra = region_new(d->ga, bytes);
	d->rb = region_new(d->gb, bytes);
	fill(d->ra.at, bytes, 1);
	return d;
}

static void message_of_several_passes_arrives_whole(void **state)
{
	static const uint8_t opcodes[] = { VIB_OP_SEND, VIB_OP_RDMA_WRITE,
					   VIB_OP_RDMA_WRITE_IMM, VIB_OP_RDMA_READ };

	(void)state;
	for (size_t o = 0; o < 4; o++) {
		struct duo *d = wide_duo(MIB + 77);
		struct wr wr = duo_wr(d, 1, opcodes[o], MIB + 77);
		unsigned int passes = 0;
		struct vib_cqe cqe;

		if (opcodes[o] == VIB_OP_RDMA_READ) {
			fill(d->ra.at, MIB + 77, 5);
			fill(d->rb.at, MIB + 77, 1);
		}
		duo_recv(d, 2, MIB + 77);
		post_send(&d->a, &wr);
		while (!ccq_poll(&d->cqa, &cqe)) {
			assert_no_cqe(&d->cqb);
			rig_pass(d->rig);
			assert_true(passes++ < 50);
		}
		assert_true(passes > 4);
		assert_int_equal(cqe.status, VIB_WC_SUCCESS);
		assert_true(is_filled(d->rb.at, MIB + 77, 1));
		assert_true(is_filled(d->ra.at, MIB + 77, 1));
		if (opcodes[o] == VIB_OP_SEND || opcodes[o] == VIB_OP_RDMA_WRITE_IMM)
			assert_int_equal(take_cqe(&d->cqb, 2, VIB_WC_SUCCESS).byte_len,
					 MIB + 77);
		assert_no_cqe(&d->cqb);
		duo_free(d);
	}
}

static void long_message_of_many_pieces_is_continued_within_one(void **state)
{
	struct duo *d = wide_duo(MIB);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 0);
	struct vib_sge sges[3] = { sge_of(&d->rb, 0, 300000), sge_of(&d->rb, 300000, 1),
				   sge_of(&d->rb, 300001, MIB - 300001) };

	(void)state;
	wr.count = 4;
	wr.sge[0] = sge_of(&d->ra, 0, 131071);
	wr.sge[1] = sge_of(&d->ra, 131071, 2);
	wr.sge[2] = sge_of(&d->ra, 131073, 400000);
	wr.sge[3] = sge_of(&d->ra, 531073, MIB - 531073);
	post_recv(&d->b, 2, sges, 3);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 2, VIB_WC_SUCCESS);
	assert_true(is_filled(d->rb.at, MIB, 1));
	duo_free(d);
}

static void short_messages_pass_by_a_long_one_of_another_qp(void **state)
{
	struct duo *d = wide_duo(4 * MIB);
	const struct plan plan = { .type = VIB_QPT_RC };
	struct ccq ca = ccq_new(d->ga, 8, VIB_NO_OBJECT);
	struct ccq cb = ccq_new(d->gb, 8, VIB_NO_OBJECT);
	struct pqp a = pqp_new(d->ga, &plan, &ca, &ca),
		   b = pqp_new(d->gb, &plan, &cb, &cb);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 4 * MIB);
	unsigned int passed = 0;
	struct vib_cqe cqe;

	(void)state;
	pqp_aim(&a, &b, true);
	pqp_aim(&b, &a, true);
	pqp_bring(&a, VIB_QPS_RTS);
	pqp_bring(&b, VIB_QPS_RTS);
	rig_run(d->rig);
	post_send(&d->a, &wr);
	while (!ccq_poll(&d->cqa, &cqe)) {
		wr = duo_wr(d, 50 + passed, VIB_OP_RDMA_WRITE, 0);
		post_send(&a, &wr);
		rig_pass(d->rig);
		rig_pass(d->rig);
		take_cqe(&ca, 50 + passed, VIB_WC_SUCCESS);
		passed++;
	}
	assert_true(passed >= 4);
	duo_free(d);
}

static void many_requests_of_one_qp_do_not_hold_up_another(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC, .order = 9 };
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct ccq ca = ccq_new(d->ga, 10, VIB_NO_OBJECT);
	struct ccq cb = ccq_new(d->gb, 10, VIB_NO_OBJECT);
	struct pqp a = pqp_new(d->ga, &plan, &ca, &ca),
		   b = pqp_new(d->gb, &plan, &cb, &cb);
	struct vib_cqe cqe;
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 0);
	unsigned int before = 0;

	(void)state;
	pqp_aim(&a, &b, true);
	pqp_aim(&b, &a, true);
	pqp_bring(&a, VIB_QPS_RTS);
	pqp_bring(&b, VIB_QPS_RTS);
	duo_connect(d);
	for (int i = 0; i < 512; i++)
		post_send(&a, &wr);
	post_send(&d->a, &wr);
	while (!ccq_poll(&d->cqa, &cqe))
		rig_pass(d->rig);
	while (ccq_poll(&ca, &cqe))
		before++;
	assert_true(before < 200);
	rig_run(d->rig);
	while (ccq_poll(&ca, &cqe))
		before++;
	assert_int_equal(before, 512);
	duo_free(d);
}

static void next_message_waits_for_the_long_one_before_it(void **state)
{
	struct duo *d = wide_duo(MIB);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, MIB);
	uint64_t word = 0x1111;

	(void)state;
	post_send(&d->a, &wr);
	wr = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 0);
	wr.flags |= VIB_SEND_INLINE;
	wr.count = 0;
	wr.data = &word;
	wr.inline_len = 8;
	wr.addr += MIB - 8; /* where the long one has its last bytes */
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	assert_memory_equal(d->rb.at + MIB - 8, &word, 8);
	duo_free(d);
}

static void both_directions_at_once(void **state)
{
	struct duo *d = wide_duo(MIB);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, MIB / 2);

	(void)state;
	fill(d->rb.at + MIB / 2, MIB / 2, 4);
	post_send(&d->a, &wr);
	wr = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 0);
	wr.sge[0] = sge_of(&d->rb, MIB / 2, MIB / 2);
	wr.addr = d->ra.iova + MIB / 2;
	wr.rkey = d->ra.key;
	post_send(&d->b, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 2, VIB_WC_SUCCESS);
	assert_true(is_filled(d->rb.at, MIB / 2, 1));
	assert_true(is_filled(d->ra.at + MIB / 2, MIB / 2, 4));
	duo_free(d);
}

static void sqd_ends_what_was_begun_and_begins_nothing(void **state)
{
	struct duo *d = wide_duo(MIB);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, MIB);
	struct vib_qp_attr attr;

	(void)state;
	post_send(&d->a, &wr);
	wr.id = 2;
	post_send(&d->a, &wr);
	rig_passes(d->rig, 3);
	d->a.attr.en_sqd_async_notify = 1;
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_SQD, VIB_QP_EN_SQD_ASYNC_NOTIFY), 0);
	assert_int_equal(qp_query(d->ga->vhca, d->a.qpn, &attr), 0);
	assert_int_equal(attr.sq_draining, 1);
	assert_no_async(d->ga);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqa);
	assert_async(d->ga, VIB_ASYNC_QP_SQ_DRAINED, d->a.qpn);
	assert_int_equal(qp_query(d->ga->vhca, d->a.qpn, &attr), 0);
	assert_int_equal(attr.sq_draining, 0);
	rig_cool(d->rig);
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_RTS, 0), 0);
	rig_run(d->rig);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	assert_no_async(d->ga);
	duo_free(d);
}

static void sq_drained_comes_once_and_only_if_it_is_wanted(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);

	(void)state;
	d->a.attr.en_sqd_async_notify = 1;
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_SQD, VIB_QP_EN_SQD_ASYNC_NOTIFY), 0);
	rig_run(d->rig);
	assert_async(d->ga, VIB_ASYNC_QP_SQ_DRAINED, d->a.qpn);
	/* An attribute changes, not the state. */
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_SQD, VIB_QP_RNR_RETRY), 0);
	rig_run(d->rig);
	assert_no_async(d->ga);
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_SQD, 0), 0);
	rig_run(d->rig);
	assert_no_async(d->gb);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rings_go_round_many_times),
		cmocka_unit_test(message_of_several_passes_arrives_whole),
		cmocka_unit_test(long_message_of_many_pieces_is_continued_within_one),
		cmocka_unit_test(short_messages_pass_by_a_long_one_of_another_qp),
		cmocka_unit_test(many_requests_of_one_qp_do_not_hold_up_another),
		cmocka_unit_test(next_message_waits_for_the_long_one_before_it),
		cmocka_unit_test(both_directions_at_once),
		cmocka_unit_test(sqd_ends_what_was_begun_and_begins_nothing),
		cmocka_unit_test(sq_drained_comes_once_and_only_if_it_is_wanted),
	};

	alarm(120);
	return cmocka_run_group_tests_name("RC over time", tests, rig_enter, rig_leave);
}
