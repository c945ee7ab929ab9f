// SPDX-License-Identifier: GPL-2.0-or-later
/* RC and UC: what arrives, where, and how it completes, when all goes well. */
#include "rig_qp.h"

/* a sends @wr into a receive of @room bytes at the start of rb; its completion. */
static struct vib_cqe one_message(struct duo *d, const struct wr *wr, uint32_t room)
{
	struct vib_cqe cqe;

	duo_recv(d, 900, room);
	post_send(&d->a, wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, wr->id, VIB_WC_SUCCESS);
	cqe = take_cqe(&d->cqb, 900, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqa);
	assert_no_cqe(&d->cqb);
	return cqe;
}

static void send_arrives_and_completes_on_both_sides_of(enum vib_qp_type type)
{
	static const uint32_t lengths[] = { 0, 1, 63, 64, 4096, 4097, DUO_BYTES };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct duo *d = duo_new(type);
		struct wr wr = duo_wr(d, 5, VIB_OP_SEND, lengths[i]);
		struct vib_cqe cqe = one_message(d, &wr, DUO_BYTES);

		assert_true(is_filled(d->rb.at, lengths[i], 1));
		assert_true(is_all(d->rb.at + lengths[i], DUO_BYTES - lengths[i], 0));
		assert_int_equal(cqe.byte_len, lengths[i]);
		assert_int_equal(cqe.opcode, VIB_OP_SEND);
		assert_int_equal(cqe.flags, VIB_CQE_RECV);
		assert_int_equal(cqe.qpn, d->b.qpn);
		assert_int_equal(cqe.src_qpn, d->a.qpn);
		assert_int_equal(cqe.wqe_index, 0);
		duo_free(d);
	}
}

static void send_arrives_and_completes_on_both_sides(void **state)
{
	(void)state;
	send_arrives_and_completes_on_both_sides_of(VIB_QPT_RC);
	send_arrives_and_completes_on_both_sides_of(VIB_QPT_UC);
}

static void sender_s_completion_names_its_request(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct vib_cqe cqe;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct wr wr = duo_wr(d, 70 + i, VIB_OP_RDMA_WRITE, 8);

		wr.flags = i == 1 ? 0 : VIB_SEND_SIGNALED;
		post_send(&d->a, &wr);
	}
	rig_run(d->rig);
	cqe = take_cqe(&d->cqa, 70, VIB_WC_SUCCESS);
	assert_int_equal(cqe.wqe_index, 0);
	assert_int_equal(cqe.qpn, d->a.qpn);
	assert_int_equal(cqe.opcode, VIB_OP_RDMA_WRITE);
	assert_int_equal(cqe.flags, 0);
	assert_int_equal(cqe.timestamp, rig_clock);
	cqe = take_cqe(&d->cqa, 72, VIB_WC_SUCCESS); /* 71 was unsignaled */
	assert_int_equal(cqe.wqe_index, 2);
	assert_no_cqe(&d->cqa);
	duo_free(d);
}

static void every_request_of_a_qp_that_signals_all_completes(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC, .flags = VIB_QPF_SIG_ALL };
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	pqp_end(&d->a);
	d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	duo_aim(d);
	duo_connect(d);
	wr.flags = 0;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

static void immediate_data_come_with_a_send_and_with_a_write(void **state)
{
	static const enum vib_qp_type types[] = { VIB_QPT_RC, VIB_QPT_UC };
	static const uint8_t opcodes[] = { VIB_OP_SEND_IMM, VIB_OP_RDMA_WRITE_IMM };

	(void)state;
	for (int t = 0; t < 2; t++)
		for (int o = 0; o < 2; o++) {
			struct duo *d = duo_new(types[t]);
			struct wr wr = duo_wr(d, 5, opcodes[o], 100);
			struct vib_cqe cqe;

			wr.imm = 0x12345678;
			cqe = one_message(d, &wr, 200);
			assert_true(is_filled(d->rb.at, 100, 1));
			assert_int_equal(cqe.imm, 0x12345678);
			assert_int_equal(cqe.opcode, opcodes[o]);
			assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_WITH_IMM);
			assert_int_equal(cqe.byte_len, 100);
			duo_free(d);
		}
}

static void write_with_immediate_leaves_the_receive_s_memory_alone(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 5, VIB_OP_RDMA_WRITE_IMM, 100);

	(void)state;
	wr.addr += 1000;
	one_message(d, &wr, 200);
	assert_true(is_all(d->rb.at, 1000, 0));
	assert_true(is_filled(d->rb.at + 1000, 100, 1));
	assert_true(is_all(d->rb.at + 1100, DUO_BYTES - 1100, 0));
	duo_free(d);
}

static void write_arrives_without_a_receive(void **state)
{
	static const enum vib_qp_type types[] = { VIB_QPT_RC, VIB_QPT_UC };

	(void)state;
	for (int t = 0; t < 2; t++) {
		struct duo *d = duo_new(types[t]);
		struct wr wr = duo_wr(d, 5, VIB_OP_RDMA_WRITE, 5000);

		wr.addr += 3;
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 5, VIB_WC_SUCCESS);
		assert_no_cqe(&d->cqb);
		assert_true(is_all(d->rb.at, 3, 0));
		assert_true(is_filled(d->rb.at + 3, 5000, 1));
		assert_true(is_all(d->rb.at + 5003, DUO_BYTES - 5003, 0));
		duo_free(d);
	}
}

static void read_brings_the_peer_s_bytes(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 5000, DUO_BYTES };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 5, VIB_OP_RDMA_READ, lengths[i]);
		struct vib_cqe cqe;

		fill(d->rb.at, DUO_BYTES, 2);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		cqe = take_cqe(&d->cqa, 5, VIB_WC_SUCCESS);
		assert_int_equal(cqe.byte_len, lengths[i]);
		assert_int_equal(cqe.opcode, VIB_OP_RDMA_READ);
		assert_true(is_filled(d->ra.at, lengths[i], 2));
		assert_true(is_filled(d->rb.at, DUO_BYTES, 2));
		assert_no_cqe(&d->cqb);
		duo_free(d);
	}
}

static void atomics_change_the_peer_s_word_and_bring_the_old_one(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	uint64_t *word = (uint64_t *)(d->rb.at + 8), old;
	struct wr wr = duo_wr(d, 1, VIB_OP_FETCH_ADD, 8);
	struct vib_cqe cqe;

	(void)state;
	*word = 0xffffffff00000005;
	wr.addr += 8;
	wr.compare_add = 0x100000001;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	cqe = take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_int_equal(cqe.byte_len, 8);
	assert_int_equal(cqe.opcode, VIB_OP_FETCH_ADD);
	memcpy(&old, d->ra.at, 8);
	assert_int_equal(old, 0xffffffff00000005);
	assert_int_equal(*word, 6);

	wr.opcode = VIB_OP_CMP_SWAP;
	wr.compare_add = 7; /* it is not */
	wr.swap = 99;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	memcpy(&old, d->ra.at, 8);
	assert_int_equal(old, 6);
	assert_int_equal(*word, 6);

	wr.compare_add = 6;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	memcpy(&old, d->ra.at, 8);
	assert_int_equal(old, 6);
	assert_int_equal(*word, 99);
	assert_int_equal(((uint64_t *)d->rb.at)[0], 0);
	assert_int_equal(((uint64_t *)d->rb.at)[2], 0);
	duo_free(d);
}

static void old_word_of_an_atomic_is_scattered_as_asked(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_FETCH_ADD, 8);
	uint64_t value = 0x1122334455667788;

	(void)state;
	memcpy(d->rb.at, &value, 8);
	wr.count = 2;
	wr.sge[0] = sge_of(&d->ra, 100, 3);
	wr.sge[1] = sge_of(&d->ra, 200, 5);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_memory_equal(d->ra.at + 100, &value, 3);
	assert_memory_equal(d->ra.at + 200, (uint8_t *)&value + 3, 5);
	duo_free(d);
}

static void uneven_pieces_are_gathered_and_scattered_in_order(void **state)
{
	static const uint32_t from[] = { 1, 700, 13, 287 }, to[] = { 500, 3, 497, 1 };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 5, VIB_OP_SEND, 0);
	struct vib_sge sges[4];
	uint8_t sent[1001], got[1001];
	uint32_t at = 0;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		wr.sge[i] = sge_of(&d->ra, 5000 - 1000 * i, from[i]);
		memcpy(sent + at, d->ra.at + 5000 - 1000 * i, from[i]);
		sges[i] = sge_of(&d->rb, 1000 * i, to[i]);
		at += from[i];
	}
	assert_int_equal(at, 1001);
	wr.count = 4;
	post_recv(&d->b, 6, sges, 4);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 5, VIB_WC_SUCCESS);
	assert_int_equal(take_cqe(&d->cqb, 6, VIB_WC_SUCCESS).byte_len, 1001);
	at = 0;
	for (uint32_t i = 0; i < 4; i++) {
		memcpy(got + at, d->rb.at + 1000 * i, to[i]);
		assert_true(is_all(d->rb.at + 1000 * i + to[i], 1000 - to[i], 0));
		at += to[i];
	}
	assert_memory_equal(sent, got, 1001);
	duo_free(d);
}

static void pieces_of_no_length_name_nothing(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 5, VIB_OP_SEND, 0);
	struct vib_sge sges[4] = { { 0x5555, 0, 0xdead },
				   sge_of(&d->rb, 0, 60),
				   { 0 },
				   sge_of(&d->rb, 60, 40) };

	(void)state;
	wr.count = 4;
	wr.sge[0] = sge_of(&d->ra, 0, 50);
	wr.sge[1] = wr.sge[2] = (struct vib_sge){ 0x5555, 0, 0xdead };
	wr.sge[3] = sge_of(&d->ra, 50, 50);
	post_recv(&d->b, 6, sges, 4);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 5, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 6, VIB_WC_SUCCESS);
	assert_true(is_filled(d->rb.at, 100, 1));
	duo_free(d);
}

static void inline_data_go_from_the_slot_to_where_they_belong(void **state)
{
	static const uint8_t opcodes[] = { VIB_OP_SEND, VIB_OP_SEND_IMM,
					   VIB_OP_RDMA_WRITE, VIB_OP_RDMA_WRITE_IMM };
	uint8_t data[64];

	(void)state;
	fill(data, sizeof(data), 9);
	for (size_t o = 0; o < 4; o++)
		for (uint32_t length = 0; length <= 64; length++) {
			struct duo *d = duo_new(VIB_QPT_RC);
			struct wr wr = duo_wr(d, 5, opcodes[o], 0);

			wr.flags |= VIB_SEND_INLINE;
			wr.count = 0;
			wr.data = data;
			wr.inline_len = length;
			duo_recv(d, 6, 64);
			post_send(&d->a, &wr);
			rig_run(d->rig);
			take_cqe(&d->cqa, 5, VIB_WC_SUCCESS);
			assert_true(is_filled(d->rb.at, length, 9));
			assert_true(is_all(d->rb.at + length, 100 - length, 0));
			duo_free(d);
		}
}

static void request_is_read_once_and_its_slot_given_back_before_it_completes(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 5, VIB_OP_SEND, 64);

	(void)state;
	post_send(&d->a, &wr); /* finds no receive */
	rig_run(d->rig);
	assert_no_cqe(&d->cqa);
	assert_int_equal(vib_queue_room(&d->a.sq), 16);
	memset(vib_slot_at(&d->a.sq, 0), 0xff, d->a.sq.stride);
	duo_recv(d, 6, 64);
	rig_run(d->rig);
	take_cqe(&d->cqa, 5, VIB_WC_SUCCESS);
	assert_true(is_filled(d->rb.at, 64, 1));
	duo_free(d);
}

static void messages_take_receives_in_order(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		struct vib_sge sge = sge_of(&d->rb, i * 100, 100);

		post_recv(&d->b, 50 + i, &sge, 1);
	}
	for (uint32_t i = 0; i < 10; i++) {
		struct wr wr =
			duo_wr(d, i, i % 2 ? VIB_OP_RDMA_WRITE_IMM : VIB_OP_SEND, 10 + i);

		wr.addr += 5000;
		wr.imm = i;
		post_send(&d->a, &wr);
	}
	rig_run(d->rig);
	for (uint32_t i = 0; i < 10; i++) {
		struct vib_cqe cqe = take_cqe(&d->cqb, 50 + i, VIB_WC_SUCCESS);

		take_cqe(&d->cqa, i, VIB_WC_SUCCESS);
		assert_int_equal(cqe.byte_len, 10 + i);
		assert_int_equal(cqe.wqe_index, i);
	}
	duo_free(d);
}

static void fenced_request_sees_what_was_read_before_it(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_READ, 64);

	(void)state;
	fill(d->rb.at, 64, 3);
	post_send(&d->a, &wr);
	wr = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 64);
	wr.flags |= VIB_SEND_FENCE;
	wr.addr += 1000;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	assert_true(is_filled(d->rb.at + 1000, 64, 3));
	duo_free(d);
}

static void qp_connected_to_itself_is_its_own_peer(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 300);
	struct vib_sge sge = sge_of(&d->ra, 1000, 300);

	(void)state;
	pqp_aim(&d->a, &d->a, true);
	pqp_bring(&d->a, VIB_QPS_RTS);
	post_recv(&d->a, 2, &sge, 1);
	post_send(&d->a, &wr);
	wr = duo_wr(d, 3, VIB_OP_RDMA_READ, 300);
	wr.sge[0] = sge_of(&d->ra, 2000, 300);
	wr.addr = d->ra.iova;
	wr.rkey = d->ra.key;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&d->cqa, 3, VIB_WC_SUCCESS);
	assert_true(is_filled(d->ra.at + 1000, 300, 1));
	assert_true(is_filled(d->ra.at + 2000, 300, 1));
	duo_free(d);
}

static void qps_of_one_guest_reach_each_other(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC };
	struct ccq cq = ccq_new(d->ga, 4, VIB_NO_OBJECT);
	struct pqp peer = pqp_new(d->ga, &plan, &cq, &cq);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 300);
	struct vib_sge sge = sge_of(&d->ra, 200, 300); /* they overlap */

	(void)state;
	pqp_aim(&d->a, &peer, false);
	pqp_aim(&peer, &d->a, false);
	pqp_bring(&d->a, VIB_QPS_RTS);
	pqp_bring(&peer, VIB_QPS_RTS);
	post_recv(&peer, 2, &sge, 1);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&cq, 2, VIB_WC_SUCCESS);
	assert_true(is_filled(d->ra.at + 200, 300, 1));
	duo_free(d);
}

static void peers_by_lid_reach_each_other(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 300);

	(void)state;
	pqp_aim(&d->a, &d->b, false);
	pqp_aim(&d->b, &d->a, false);
	duo_connect(d);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_true(is_filled(d->rb.at, 300, 1));
	duo_free(d);
}

static void peer_in_rtr_receives_and_says_once_that_it_does(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 300);

	(void)state;
	pqp_bring(&d->a, VIB_QPS_RTS);
	pqp_bring(&d->b, VIB_QPS_RTR);
	duo_recv(d, 6, 400);
	duo_recv(d, 7, 400);
	post_send(&d->a, &wr);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqb, 6, VIB_WC_SUCCESS);
	take_cqe(&d->cqb, 7, VIB_WC_SUCCESS);
	assert_async(d->gb, VIB_ASYNC_QP_COMM_EST, d->b.qpn);
	assert_no_async(d->gb);
	assert_no_async(d->ga);
	duo_free(d);
}

static void peer_in_rts_is_told_of_no_connection(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 300);

	(void)state;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_async(d->gb);
	assert_int_equal(d->gb->raised, 0);
	duo_free(d);
}

static void qp_that_was_reset_begins_again_with_slot_0(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);

	(void)state;
	for (int round = 0; round < 3; round++) {
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 300);

		for (int i = 0; i < 5; i++) {
			duo_recv(d, 6, 400);
			post_send(&d->a, &wr);
			rig_run(d->rig);
			take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
			assert_int_equal(take_cqe(&d->cqb, 6, VIB_WC_SUCCESS).wqe_index,
					 i);
		}
		pqp_reset(&d->a);
		pqp_reset(&d->b);
		rig_run(d->rig);
		duo_connect(d);
	}
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send_arrives_and_completes_on_both_sides),
		cmocka_unit_test(sender_s_completion_names_its_request),
		cmocka_unit_test(every_request_of_a_qp_that_signals_all_completes),
		cmocka_unit_test(immediate_data_come_with_a_send_and_with_a_write),
		cmocka_unit_test(write_with_immediate_leaves_the_receive_s_memory_alone),
		cmocka_unit_test(write_arrives_without_a_receive),
		cmocka_unit_test(read_brings_the_peer_s_bytes),
		cmocka_unit_test(atomics_change_the_peer_s_word_and_bring_the_old_one),
		cmocka_unit_test(old_word_of_an_atomic_is_scattered_as_asked),
		cmocka_unit_test(uneven_pieces_are_gathered_and_scattered_in_order),
		cmocka_unit_test(pieces_of_no_length_name_nothing),
		cmocka_unit_test(inline_data_go_from_the_slot_to_where_they_belong),
		cmocka_unit_test(
			request_is_read_once_and_its_slot_given_back_before_it_completes),
		cmocka_unit_test(messages_take_receives_in_order),
		cmocka_unit_test(fenced_request_sees_what_was_read_before_it),
		cmocka_unit_test(qp_connected_to_itself_is_its_own_peer),
		cmocka_unit_test(qps_of_one_guest_reach_each_other),
		cmocka_unit_test(peers_by_lid_reach_each_other),
		cmocka_unit_test(peer_in_rtr_receives_and_says_once_that_it_does),
		cmocka_unit_test(peer_in_rts_is_told_of_no_connection),
		cmocka_unit_test(qp_that_was_reset_begins_again_with_slot_0),
	};

	alarm(120);
	return cmocka_run_group_tests_name("messages of RC and UC", tests, rig_enter,
					   rig_leave);
}
