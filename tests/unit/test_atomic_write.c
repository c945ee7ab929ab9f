// SPDX-License-Identifier: GPL-2.0-or-later
/* ATOMIC_WRITE: eight bytes at once, or none. */
#include "outcome.h"

static const uint64_t value = 0x1122334455667788;

static struct wr atomic_write(const struct duo *d, bool is_inline)
{
	struct wr wr = duo_wr(d, 1, VIB_OP_ATOMIC_WRITE, 8);

	if (is_inline) {
		wr.flags |= VIB_SEND_INLINE;
		wr.count = 0;
		wr.data = &value;
		wr.inline_len = 8;
	} else {
		memcpy(d->ra.at, &value, 8);
	}
	return wr;
}

static void stores_inline_data_and_gathered_ones(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = atomic_write(d, i == 1);
		struct vib_cqe cqe;

		if (i == 2) { /* in two pieces */
			wr.count = 2;
			wr.sge[0] = sge_of(&d->ra, 0, 3);
			wr.sge[1] = sge_of(&d->ra, 3, 5);
		}
		wr.addr += 16;
		post_send(&d->a, &wr);
		rig_run(d->rig);
		cqe = take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		assert_int_equal(cqe.opcode, VIB_OP_ATOMIC_WRITE);
		assert_memory_equal(d->rb.at + 16, &value, 8);
		assert_true(is_all(d->rb.at, 16, 0));
		assert_true(is_all(d->rb.at + 24, 100, 0));
		assert_no_cqe(&d->cqb);
		duo_free(d);
	}
}

static void address_that_is_not_aligned_is_invalid(void **state)
{
	const struct outcome o = { VIB_WC_REM_INV_REQ_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_REQ_ERR, true };

	(void)state;
	for (unsigned int i = 1; i < 8; i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = atomic_write(d, true);

		duo_recv(d, 11, 100);
		wr.addr += i;
		assert_rc_outcome(d, &wr, &o);
		assert_true(is_all(d->rb.at, DUO_BYTES, 0));
		duo_free(d);
	}
}

static void qp_that_does_not_allow_it_denies_it(void **state)
{
	const struct outcome o = { VIB_WC_REM_INV_REQ_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_REQ_ERR, true };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct duo *d = duo_apart(VIB_QPT_RC);
		struct wr wr = atomic_write(d, true);

		if (i)
			d->b.attr.max_dest_rd_atomic = 0;
		else
			d->b.attr.access_flags &= ~(uint32_t)VIB_ACCESS_REMOTE_WRITE;
		duo_connect(d);
		duo_recv(d, 11, 100);
		assert_rc_outcome(d, &wr, &o);
		assert_true(is_all(d->rb.at, DUO_BYTES, 0));
		duo_free(d);
	}
}

static void memory_that_does_not_allow_it_denies_it(void **state)
{
	const struct outcome o = { VIB_WC_REM_ACCESS_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_ACCESS_ERR, true };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		/* The right to execute atomics is another. */
		struct region r = region_at(d->gb, 0x1000, 64,
					    ALL_RIGHTS & ~VIB_ACCESS_REMOTE_WRITE);
		struct wr wr = atomic_write(d, true);

		duo_recv(d, 11, 100);
		if (i == 0)
			wr.addr = r.iova, wr.rkey = r.key;
		else if (i == 1)
			wr.rkey ^= 1;
		else
			wr.addr += DUO_BYTES;
		assert_rc_outcome(d, &wr, &o);
		assert_true(is_all(r.at, 64, 0));
		duo_free(d);
	}
}

static void right_to_execute_atomics_is_not_needed(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct region r =
		region_at(d->gb, 0x1000, 64, LOCAL_ONLY | VIB_ACCESS_REMOTE_WRITE);
	struct wr wr = atomic_write(d, true);

	(void)state;
	d->b.attr.access_flags = VIB_ACCESS_REMOTE_WRITE;
	duo_connect(d);
	wr.addr = r.iova, wr.rkey = r.key;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_memory_equal(r.at, &value, 8);
	duo_free(d);
}

static void other_lengths_are_errors_of_the_sender(void **state)
{
	static const uint32_t lengths[] = { 0, 4, 7, 9, 16 };

	(void)state;
	for (int i = 0; i < 10; i++) {
		const struct outcome o = { .sender = VIB_WC_LOC_LEN_ERR };
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = atomic_write(d, false);

		if (i < 5) {
			wr.sge[0].length = lengths[i];
		} else {
			wr.flags |= VIB_SEND_INLINE;
			wr.count = 0;
			wr.data = d->ra.at;
			wr.inline_len = lengths[i - 5];
		}
		duo_recv(d, 11, 100);
		assert_rc_outcome(d, &wr, &o);
		assert_true(is_all(d->rb.at, DUO_BYTES, 0));
		duo_free(d);
	}
}

static void qp_without_resources_has_no_such_request(void **state)
{
	const struct outcome o = { .sender = VIB_WC_LOC_QP_OP_ERR };
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = atomic_write(d, true);

	(void)state;
	d->a.attr.max_rd_atomic = 0;
	duo_connect(d);
	duo_recv(d, 11, 100);
	assert_rc_outcome(d, &wr, &o);
	duo_free(d);
}

static void uc_and_ud_have_no_such_request(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct duo *d = duo_new(i ? VIB_QPT_UC : VIB_QPT_UD);
		struct wr wr = atomic_write(d, true);

		assert_sqe_outcome(d, &wr, VIB_WC_LOC_QP_OP_ERR);
		assert_true(is_all(d->rb.at, DUO_BYTES, 0));
		duo_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stores_inline_data_and_gathered_ones),
		cmocka_unit_test(address_that_is_not_aligned_is_invalid),
		cmocka_unit_test(qp_that_does_not_allow_it_denies_it),
		cmocka_unit_test(memory_that_does_not_allow_it_denies_it),
		cmocka_unit_test(right_to_execute_atomics_is_not_needed),
		cmocka_unit_test(other_lengths_are_errors_of_the_sender),
		cmocka_unit_test(qp_without_resources_has_no_such_request),
		cmocka_unit_test(uc_and_ud_have_no_such_request),
	};

	return cmocka_run_group_tests(tests, rig_enter, rig_leave);
}
