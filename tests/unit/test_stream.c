// SPDX-License-Identifier: GPL-2.0-or-later
/* Copying past the caches: every alignment, and no byte too many. */
#include "rig_qp.h"

#include "engine/stream.h"

#define ROOM 512

static void any_alignment_and_length_is_copied_exactly(void **state)
{
	uint8_t from[ROOM], to[ROOM];

	(void)state;
	fill(from, sizeof(from), 1);
	for (size_t to_at = 0; to_at < 70; to_at++)
		for (size_t length = 0; length < ROOM - 140; length += 7) {
			size_t from_at = (to_at * 5 + length) % 70;

			memset(to, 0xee, sizeof(to));
			stream_copy(to + to_at, from + from_at, length);
			assert_memory_equal(to + to_at, from + from_at, length);
			assert_true(is_all(to, to_at, 0xee));
			assert_true(
				is_all(to + to_at + length, ROOM - to_at - length, 0xee));
		}
}

static void threshold_is_a_cache_and_not_a_page(void **state)
{
	(void)state;
	assert_in_range(stream_threshold(), 64 << 10, 4ull << 30);
}

static void large_message_arrives_whole(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, DUO_BYTES);

	(void)state;
	d->rig->engine->stream_bytes = DUO_BYTES;
	fill(d->ra.at, DUO_BYTES, 7);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_true(is_filled(d->rb.at, DUO_BYTES, 7));
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_alignment_and_length_is_copied_exactly),
		cmocka_unit_test(threshold_is_a_cache_and_not_a_page),
		cmocka_unit_test(large_message_arrives_whole),
	};

	return cmocka_run_group_tests(tests, rig_enter, rig_leave);
}
