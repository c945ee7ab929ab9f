// SPDX-License-Identifier: GPL-2.0-or-later
/* UC: what the peer cannot take is lost, and the sender does not notice. */
#include "rig_qp.h"

/* a's message is lost, the next arrives. */
static void assert_lost(struct duo *d, const struct wr *wr)
{
	struct wr next = duo_wr(d, 2, VIB_OP_SEND, 8);

	post_send(&d->a, wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, wr->id, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqb);
	assert_true(is_all(d->rb.at, DUO_BYTES, 0));
	assert_int_equal(pqp_state(&d->a), VIB_QPS_RTS);
	assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
	assert_no_async(d->ga);
	assert_no_async(d->gb);

	duo_recv(d, 11, 100);
	post_send(&d->a, &next);
	rig_run(d->rig);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 11, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqb);
}

static void message_without_a_receive_is_lost(void **state)
{
	static const uint8_t opcodes[] = { VIB_OP_SEND, VIB_OP_SEND_IMM };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct duo *d = duo_new(VIB_QPT_UC);
		struct wr wr = duo_wr(d, 1, opcodes[i], 8);

		assert_lost(d, &wr);
		duo_free(d);
	}
}

static void write_that_the_peer_denies_is_lost(void **state)
{
	(void)state;
	for (uint8_t opcode = VIB_OP_RDMA_WRITE; opcode <= VIB_OP_RDMA_WRITE_IMM;
	     opcode++)
		for (int fault = 0; fault < 3; fault++) {
			struct duo *d = duo_apart(VIB_QPT_UC);
			struct wr wr = duo_wr(d, 1, opcode, 8);

			if (fault == 0)
				d->b.attr.access_flags = 0;
			else if (fault == 1)
				wr.rkey ^= 1;
			else
				wr.addr += DUO_BYTES - 7;
			duo_connect(d);
			assert_lost(d, &wr);
			duo_free(d);
		}
}

static void message_to_nobody_is_lost(void **state)
{
	static const uint8_t opcodes[] = { VIB_OP_SEND, VIB_OP_RDMA_WRITE,
					   VIB_OP_RDMA_WRITE_IMM };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct duo *d = duo_apart(VIB_QPT_UC);
		struct wr wr = duo_wr(d, 1, opcodes[i], 8);

		pqp_bring(&d->a, VIB_QPS_RTS);
		pqp_bring(&d->b, VIB_QPS_INIT);
		duo_recv(d, 11, 100);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		pqp_end(&d->b);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		assert_no_cqe(&d->cqb);
		assert_true(is_all(d->rb.at, DUO_BYTES, 0));
		duo_free(d);
	}
}

static void fault_of_the_sender_s_own_is_one_without_a_peer_too(void **state)
{
	static const enum vib_qp_type types[] = { VIB_QPT_RC, VIB_QPT_UC };

	(void)state;
	for (int t = 0; t < 2; t++) {
		struct duo *d = duo_apart(types[t]);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

		pqp_bring(&d->a, VIB_QPS_RTS);
		wr.sge[0].lkey ^= 1;
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_LOC_PROT_ERR);
		duo_free(d);
	}
}

static void receive_that_cannot_take_it_fails_the_receiver_alone(void **state)
{
	(void)state;
	for (int fault = 0; fault < 2; fault++) {
		struct duo *d = duo_new(VIB_QPT_UC);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 101);
		struct vib_sge sge = sge_of(&d->rb, 0, 100);

		if (fault)
			sge.lkey ^= 1;
		post_recv(&d->b, 11, &sge, 1);
		duo_recv(d, 12, 200);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		assert_int_equal(pqp_state(&d->a), VIB_QPS_RTS);
		take_cqe(&d->cqb, 11, fault ? VIB_WC_LOC_PROT_ERR : VIB_WC_LOC_LEN_ERR);
		take_cqe(&d->cqb, 12, VIB_WC_WR_FLUSH_ERR);
		assert_int_equal(pqp_state(&d->b), VIB_QPS_ERR);
		assert_no_async(d->gb);
		duo_free(d);
	}
}

/* b's receive is held by a message that ends in its midst: it serves the next. */
static void receive_of_a_message_given_up_serves_the_next(void **state)
{
	struct duo *d = duo_new(VIB_QPT_UC);
	struct region ra = region_new(d->ga, 1 << 20), rb = region_new(d->gb, 1 << 20);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE_IMM, 0);

	(void)state;
	wr.sge[0] = sge_of(&ra, 0, 1 << 20);
	wr.addr = rb.iova;
	wr.rkey = rb.key;
	duo_recv(d, 11, 100);
	post_send(&d->a, &wr);
	rig_passes(d->rig, 3);
	assert_no_cqe(&d->cqa); /* in its midst */
	region_end(&rb);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqb);
	wr = duo_wr(d, 2, VIB_OP_SEND, 50);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	assert_int_equal(take_cqe(&d->cqb, 11, VIB_WC_SUCCESS).byte_len, 50);
	assert_true(is_filled(d->rb.at, 50, 1));
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_without_a_receive_is_lost),
		cmocka_unit_test(write_that_the_peer_denies_is_lost),
		cmocka_unit_test(message_to_nobody_is_lost),
		cmocka_unit_test(fault_of_the_sender_s_own_is_one_without_a_peer_too),
		cmocka_unit_test(receive_that_cannot_take_it_fails_the_receiver_alone),
		cmocka_unit_test(receive_of_a_message_given_up_serves_the_next),
	};

	alarm(120);
	return cmocka_run_group_tests_name("messages of UC that are lost", tests,
					   rig_enter, rig_leave);
}
