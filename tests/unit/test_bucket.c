// SPDX-License-Identifier: GPL-2.0-or-later
/* The token bucket: it counts exactly, and nothing overflows. */
#include "cm.h"

#include "engine/bucket.h"

#define MS    1000000ull
#define S     (1000 * MS)
#define BYTE  1000000000ll
#define M     1000000ull
#define G     1000000000ull
#define START 5000000000ull

static struct bucket bucket_of(uint64_t rate)
{
	struct bucket b;

	bucket_set(&b, rate, START);
	return b;
}

static void it_fills_at_the_rate_whatever_the_steps(void **state)
{
	static const uint64_t steps[] = { 1, 3, 7, 999, 1000, 77777, MS };

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct bucket b = bucket_of(8 * M);
		uint64_t now = START;

		while (now < START + 10 * steps[i]) {
			now += steps[i];
			bucket_fill(&b, now);
		}
		/* 1e6 bytes a second */
		assert_true(b.tokens == (int64_t)((now - START) * 1000000));
	}
}

static void rate_that_is_no_whole_number_of_bytes_gives_no_less(void **state)
{
	(void)state;
	assert_true(bucket_of(1000001).rate == 125001);
	assert_true(bucket_of(1000000).rate == 125000);
	assert_true(bucket_of(1).rate == 1); /* and not: no limit */
}

static void it_holds_the_burst_and_no_more(void **state)
{
	static const struct {
		uint64_t rate, bytes;
	} cases[] = {
		{ 1 * M, 16384 }, /* two shares */
		{ 8 * M, 50000 },     { 200 * M, 1250000 },
		{ 10 * G, 62500000 }, { 1000 * G, 6250000000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bucket b = bucket_of(cases[i].rate);

		bucket_fill(&b, START + 20 * S);
		assert_true(b.tokens == (int64_t)cases[i].bytes * BYTE);
		bucket_fill(&b, START + 40 * S);
		assert_true(b.tokens == (int64_t)cases[i].bytes * BYTE);
	}
}

static void clock_that_goes_far_ahead_or_back_does_no_harm(void **state)
{
	static const uint64_t rates[] = { 1 * M, 1000 * G };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bucket b = bucket_of(rates[i]);

		bucket_take(&b, 300000);
		bucket_fill(&b, UINT64_MAX);
		assert_true(b.tokens == b.burst);
		assert_true(b.tokens > 0);
		bucket_take(&b, 1);
		bucket_fill(&b, START);
		assert_true(b.tokens == b.burst - BYTE);
	}
}

static void when_it_gives_again_is_exact(void **state)
{
	static const int64_t owed[] = { 0, 1, 511, 8192, 270000 };
	static const uint64_t rates[] = { 1 * M, 3 * M, 200 * M, 100 * G, 1000 * G };

	(void)state;
	for (size_t r = 0; r < 5; r++)
		for (size_t i = 0; i < 5; i++) {
			struct bucket b = bucket_of(rates[r]), early;
			uint64_t when;

			bucket_take(&b, owed[i]);
			assert_false(bucket_gives(&b));
			when = bucket_when(&b);
			early = b;
			bucket_fill(&early, when - 1);
			assert_false(bucket_gives(&early));
			bucket_fill(&b, when);
			assert_true(bucket_gives(&b));
			assert_true(bucket_when(&b) == when);
		}
}

static void shares_are_a_millisecond_s_within_bounds(void **state)
{
	struct bucket b = bucket_of(1 * M);

	(void)state;
	assert_int_equal(bucket_share(&b), 8192);
	b = bucket_of(200 * M);
	assert_int_equal(bucket_share(&b), 25000);
	b = bucket_of(1000 * G);
	assert_int_equal(bucket_share(&b), 262144);
}

static void shares_are_counted_up(void **state)
{
	struct bucket b = bucket_of(200 * M);

	(void)state;
	assert_int_equal(bucket_shares(&b), 0);
	bucket_fill(&b, START + 1);
	assert_int_equal(bucket_shares(&b), 1);
	bucket_fill(&b, START + MS);
	assert_int_equal(bucket_shares(&b), 1);
	bucket_fill(&b, START + MS + 1);
	assert_int_equal(bucket_shares(&b), 2);
	bucket_take(&b, 30000);
	assert_int_equal(bucket_shares(&b), 0);
}

static void without_a_rate_it_always_gives(void **state)
{
	struct bucket b = bucket_of(0);

	(void)state;
	bucket_take(&b, 1 << 30);
	bucket_fill(&b, START + S);
	assert_true(bucket_gives(&b));
	assert_true(bucket_when(&b) <= START);
	assert_true(bucket_shares(&b) > 1 << 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_fills_at_the_rate_whatever_the_steps),
		cmocka_unit_test(rate_that_is_no_whole_number_of_bytes_gives_no_less),
		cmocka_unit_test(it_holds_the_burst_and_no_more),
		cmocka_unit_test(clock_that_goes_far_ahead_or_back_does_no_harm),
		cmocka_unit_test(when_it_gives_again_is_exact),
		cmocka_unit_test(shares_are_a_millisecond_s_within_bounds),
		cmocka_unit_test(shares_are_counted_up),
		cmocka_unit_test(without_a_rate_it_always_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
