// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests with a fault of their own: malformed, too long, memory not theirs. */
#include "outcome.h"

static void assert_own_fault(const struct wr *fault, enum vib_qp_type type,
			     uint8_t status, struct duo *d)
{
	if (type == VIB_QPT_RC) {
		const struct outcome o = { .sender = status };

		assert_rc_outcome(d, fault, &o);
	} else {
		assert_sqe_outcome(d, fault, status);
	}
	duo_free(d);
}

static const enum vib_qp_type types[] = { VIB_QPT_RC, VIB_QPT_UC, VIB_QPT_UD };

static void opcodes_that_a_type_lacks_are_malformed(void **state)
{
	(void)state;
	for (int t = 0; t < 3; t++)
		for (int opcode = 0; opcode < 256; opcode++) {
			bool ok = opcode == VIB_OP_SEND || opcode == VIB_OP_SEND_IMM;
			struct duo *d;
			struct wr wr;

			if (types[t] != VIB_QPT_UD)
				ok |= opcode <= VIB_OP_RDMA_WRITE_IMM ||
				      opcode == VIB_OP_LOCAL_INV ||
				      opcode == VIB_OP_BIND_MW;
			if (types[t] == VIB_QPT_RC)
				ok |= opcode <= VIB_OP_SEND_INV ||
				      opcode == VIB_OP_ATOMIC_WRITE;
			if (ok || (opcode > 40 && opcode < 250))
				continue;
			d = duo_new(types[t]);
			wr = duo_wr(d, 1, (uint8_t)opcode, 8);
			assert_own_fault(&wr, types[t], VIB_WC_LOC_QP_OP_ERR, d);
		}
}

static void more_elements_than_the_queue_has_are_malformed(void **state)
{
	(void)state;
	for (int t = 0; t < 3; t++) {
		struct duo *d = duo_new(types[t]);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

		for (int i = 0; i < 5; i++)
			wr.sge[i] = sge_of(&d->ra, 0, 8);
		wr.count = 5;
		assert_own_fault(&wr, types[t], VIB_WC_LOC_QP_OP_ERR, d);
		d = duo_new(types[t]);
		wr.count = 255;
		assert_own_fault(&wr, types[t], VIB_WC_LOC_QP_OP_ERR, d);
	}
}

static void more_inline_data_than_the_queue_has_are_malformed(void **state)
{
	static const uint32_t lengths[] = { 65, 1000, 1024, 0x7fffffff, 0xffffffff };
	const uint8_t data[1024] = { 0 };

	(void)state;
	for (int t = 0; t < 3; t++)
		for (int i = 0; i < 5; i++) {
			struct duo *d = duo_new(types[t]);
			struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

			wr.flags |= VIB_SEND_INLINE;
			wr.count = 0;
			wr.data = data;
			wr.inline_len = lengths[i];
			assert_own_fault(&wr, types[t], VIB_WC_LOC_QP_OP_ERR, d);
		}
}

static void operations_that_bring_data_are_not_inline(void **state)
{
	static const uint8_t opcodes[] = { VIB_OP_RDMA_READ, VIB_OP_CMP_SWAP,
					   VIB_OP_FETCH_ADD };
	const uint8_t data[8] = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, opcodes[i], 8);

		wr.flags |= VIB_SEND_INLINE;
		wr.count = 0;
		wr.data = data;
		wr.inline_len = 8;
		assert_own_fault(&wr, VIB_QPT_RC, VIB_WC_LOC_QP_OP_ERR, d);
	}
}

static void data_beyond_the_stride_are_malformed(void **state)
{
	/* 4 SGEs of an atomic end at 120, 72 bytes of an RC send at 96: both are in
	 * 128. An atomic's fifth would be in 136.
	 */
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC, .sges = 5, .inline_bytes = 8 };
	struct wr wr;

	(void)state;
	pqp_end(&d->a);
	d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
	duo_aim(d);
	duo_connect(d);
	assert_int_equal(d->a.sq.stride, 128);
	wr = duo_wr(d, 1, VIB_OP_FETCH_ADD, 8);
	wr.count = 5;
	assert_own_fault(&wr, VIB_QPT_RC, VIB_WC_LOC_QP_OP_ERR, d);
}

static void read_of_more_elements_than_max_sge_rd_is_malformed(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC, .sges = MAX_SGE };

	(void)state;
	for (uint32_t count = MAX_SGE_RD; count <= MAX_SGE_RD + 1; count++) {
		struct duo *d = duo_apart(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_READ, 8);

		pqp_end(&d->a);
		d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
		duo_aim(d);
		duo_connect(d);
		wr.count = count;
		for (uint32_t i = 0; i < count; i++)
			wr.sge[i] = sge_of(&d->ra, i * 100, 3);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1,
			 count > MAX_SGE_RD ? VIB_WC_LOC_QP_OP_ERR : VIB_WC_SUCCESS);
		duo_free(d);
	}
}

static void reads_and_atomics_need_resources_of_the_requester(void **state)
{
	(void)state;
	for (uint8_t opcode = VIB_OP_RDMA_READ; opcode <= VIB_OP_FETCH_ADD; opcode++) {
		struct duo *d = duo_apart(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, opcode, 8);

		d->a.attr.max_rd_atomic = 0;
		duo_connect(d);
		assert_own_fault(&wr, VIB_QPT_RC, VIB_WC_LOC_QP_OP_ERR, d);
	}
}

static void elements_that_name_no_memory_of_the_sender_are_denied(void **state)
{
	(void)state;
	for (int t = 0; t < 3; t++)
		for (int fault = 0; fault < 4; fault++) {
			struct duo *d = duo_new(types[t]);
			struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

			if (fault == 0)
				wr.sge[0].lkey ^= 1;
			else if (fault == 1)
				wr.sge[0] = sge_of(&d->ra, DUO_BYTES - 7, 8);
			else if (fault == 2)
				wr.sge[0].addr--;
			else
				wr.sge[0].lkey = d->rb.key;
			assert_own_fault(&wr, types[t], VIB_WC_LOC_PROT_ERR, d);
		}
}

static void data_come_only_to_memory_with_the_right_to_write(void **state)
{
	(void)state;
	for (uint8_t opcode = VIB_OP_RDMA_READ; opcode <= VIB_OP_FETCH_ADD; opcode++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct region r = region_at(d->ga, 0x1000, 64, VIB_ACCESS_REMOTE_READ);
		struct wr wr = duo_wr(d, 1, opcode, 8);

		wr.sge[0] = sge_of(&r, 0, 8);
		assert_own_fault(&wr, VIB_QPT_RC, VIB_WC_LOC_PROT_ERR, d);
	}
}

static void atomic_of_other_than_8_bytes_has_a_wrong_length(void **state)
{
	static const uint32_t lengths[] = { 0, 4, 7, 9, 16 };

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, VIB_OP_CMP_SWAP, lengths[i]);

		assert_own_fault(&wr, VIB_QPT_RC, VIB_WC_LOC_LEN_ERR, d);
	}
}

static void message_beyond_2_gib_is_too_long(void **state)
{
	(void)state;
	for (int t = 0; t < 2; t++) {
		const struct plan plan = { .type = types[t], .sges = 17 };
		struct duo *d = duo_apart(types[t]);
		struct region r = region_new(d->ga, 128u << 20);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 0);

		pqp_end(&d->a);
		d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
		duo_aim(d);
		duo_connect(d);
		for (int i = 0; i < 16; i++)
			wr.sge[i] = sge_of(&r, 0, 128u << 20);
		wr.sge[16] = sge_of(&r, 0, 1);
		wr.count = 17;
		assert_own_fault(&wr, types[t], VIB_WC_LOC_LEN_ERR, d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opcodes_that_a_type_lacks_are_malformed),
		cmocka_unit_test(more_elements_than_the_queue_has_are_malformed),
		cmocka_unit_test(more_inline_data_than_the_queue_has_are_malformed),
		cmocka_unit_test(operations_that_bring_data_are_not_inline),
		cmocka_unit_test(data_beyond_the_stride_are_malformed),
		cmocka_unit_test(read_of_more_elements_than_max_sge_rd_is_malformed),
		cmocka_unit_test(reads_and_atomics_need_resources_of_the_requester),
		cmocka_unit_test(elements_that_name_no_memory_of_the_sender_are_denied),
		cmocka_unit_test(data_come_only_to_memory_with_the_right_to_write),
		cmocka_unit_test(atomic_of_other_than_8_bytes_has_a_wrong_length),
		cmocka_unit_test(message_beyond_2_gib_is_too_long),
	};

	alarm(120);
	return cmocka_run_group_tests_name("the sender's own faults", tests, rig_enter,
					   rig_leave);
}
