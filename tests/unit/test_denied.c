// SPDX-License-Identifier: GPL-2.0-or-later
/* RC: requests that the peer denies, and receives that cannot take a message. */
#include "outcome.h"

static void keys_and_bounds_of_the_peer_s_memory_are_kept(void **state)
{
	const struct outcome o = { VIB_WC_REM_ACCESS_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_ACCESS_ERR, true };
	static const uint8_t opcodes[] = { VIB_OP_RDMA_WRITE, VIB_OP_RDMA_WRITE_IMM,
					   VIB_OP_RDMA_READ, VIB_OP_CMP_SWAP,
					   VIB_OP_FETCH_ADD };

	(void)state;
	for (int i = 0; i < 5; i++)
		for (int fault = 0; fault < 6; fault++) {
			struct duo *d = duo_new(VIB_QPT_RC);
			struct region bare = region_at(d->gb, 0x1000, 64, LOCAL_ONLY);
			struct wr wr = duo_wr(d, 1, opcodes[i], 8);

			duo_recv(d, 11, 100);
			if (fault == 0)
				wr.rkey ^= 1;
			else if (fault == 1)
				wr.addr += DUO_BYTES;
			else if (fault == 2)
				wr.addr -= 8;
			else if (fault == 3)
				wr.rkey = d->ra.key; /* one of a's own */
			else if (fault == 4)
				wr.addr = 0 - 8ull;
			else
				wr.addr = bare.iova, wr.rkey = bare.key;
			assert_rc_outcome(d, &wr, &o);
			assert_true(is_all(d->rb.at, DUO_BYTES, 0));
			assert_true(is_all(bare.at, 64, 0));
			duo_free(d);
		}
}

static void peer_s_region_of_another_pd_is_denied(void **state)
{
	const struct outcome o = { VIB_WC_REM_ACCESS_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_ACCESS_ERR, true };
	struct duo *d = duo_new(VIB_QPT_RC);
	uint32_t own = d->gb->pd;
	struct region r;
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	assert_int_equal(pd_create(d->gb->vhca, &d->gb->pd), 0);
	r = region_new(d->gb, 64);
	d->gb->pd = own;
	wr.addr = r.iova;
	wr.rkey = r.key;
	duo_recv(d, 11, 100);
	assert_rc_outcome(d, &wr, &o);
	duo_free(d);
}

static void operations_that_the_peer_s_qp_does_not_allow_are_invalid(void **state)
{
	const struct outcome o = { VIB_WC_REM_INV_REQ_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_REQ_ERR, true };
	static const uint32_t needs[] = {
		[VIB_OP_RDMA_WRITE] = VIB_ACCESS_REMOTE_WRITE,
		[VIB_OP_RDMA_WRITE_IMM] = VIB_ACCESS_REMOTE_WRITE,
		[VIB_OP_RDMA_READ] = VIB_ACCESS_REMOTE_READ,
		[VIB_OP_CMP_SWAP] = VIB_ACCESS_REMOTE_ATOMIC,
		[VIB_OP_FETCH_ADD] = VIB_ACCESS_REMOTE_ATOMIC,
	};

	(void)state;
	for (uint8_t opcode = 0; opcode <= VIB_OP_FETCH_ADD; opcode++) {
		struct duo *d;
		struct wr wr;

		if (!needs[opcode])
			continue;
		d = duo_apart(VIB_QPT_RC);
		d->b.attr.access_flags &= ~needs[opcode];
		duo_connect(d);
		duo_recv(d, 11, 100);
		wr = duo_wr(d, 1, opcode, 8);
		assert_rc_outcome(d, &wr, &o);
		assert_true(is_all(d->rb.at, DUO_BYTES, 0));
		duo_free(d);

		/* The others it allows. */
		d = duo_apart(VIB_QPT_RC);
		d->b.attr.access_flags = needs[opcode];
		duo_connect(d);
		duo_recv(d, 11, 100);
		wr = duo_wr(d, 1, opcode, 8);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		duo_free(d);
	}
}

static void reads_and_atomics_need_resources_of_the_responder(void **state)
{
	const struct outcome o = { VIB_WC_REM_INV_REQ_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_REQ_ERR, true };

	(void)state;
	for (uint8_t opcode = VIB_OP_RDMA_READ; opcode <= VIB_OP_FETCH_ADD; opcode++) {
		struct duo *d = duo_apart(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, opcode, 8);

		d->b.attr.max_dest_rd_atomic = 0;
		duo_connect(d);
		duo_recv(d, 11, 100);
		assert_rc_outcome(d, &wr, &o);
		duo_free(d);
	}
}

static void atomic_at_an_odd_address_is_invalid(void **state)
{
	const struct outcome o = { VIB_WC_REM_INV_REQ_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_REQ_ERR, true };

	(void)state;
	for (uint32_t offset = 1; offset < 8; offset++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, VIB_OP_FETCH_ADD, 8);

		wr.addr += offset;
		wr.compare_add = UINT64_MAX;
		duo_recv(d, 11, 100);
		assert_rc_outcome(d, &wr, &o);
		assert_true(is_all(d->rb.at, DUO_BYTES, 0));
		duo_free(d);
	}
}

static void message_longer_than_the_receive_fails_both(void **state)
{
	const struct outcome o = { VIB_WC_REM_INV_REQ_ERR, VIB_WC_LOC_LEN_ERR, 0, true };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 101);

	(void)state;
	duo_recv(d, 11, 100);
	assert_rc_outcome(d, &wr, &o);
	assert_true(is_all(d->rb.at, DUO_BYTES, 0));
	duo_free(d);
}

static void receive_that_names_no_memory_fails_both(void **state)
{
	const struct outcome o = { VIB_WC_REM_OP_ERR, VIB_WC_LOC_PROT_ERR, 0, true };

	(void)state;
	for (int fault = 0; fault < 4; fault++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct region r = region_at(d->gb, 0x1000, 64, VIB_ACCESS_REMOTE_READ);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);
		struct vib_sge sge[5] = { sge_of(&d->rb, 0, 100) };

		if (fault == 0)
			sge[0].lkey ^= 1;
		else if (fault == 1)
			sge[0].length = DUO_BYTES + 1;
		else if (fault == 2)
			sge[0] = sge_of(&r, 0, 64); /* not to be written */
		post_recv(&d->b, 11, sge, fault == 3 ? 5 : 1);
		assert_rc_outcome(d, &wr, &o);
		duo_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_bounds_of_the_peer_s_memory_are_kept),
		cmocka_unit_test(peer_s_region_of_another_pd_is_denied),
		cmocka_unit_test(
			operations_that_the_peer_s_qp_does_not_allow_are_invalid),
		cmocka_unit_test(reads_and_atomics_need_resources_of_the_responder),
		cmocka_unit_test(atomic_at_an_odd_address_is_invalid),
		cmocka_unit_test(message_longer_than_the_receive_fails_both),
		cmocka_unit_test(receive_that_names_no_memory_fails_both),
	};

	alarm(120);
	return cmocka_run_group_tests_name("requests that the peer denies", tests,
					   rig_enter, rig_leave);
}
