// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/bucket.h"

#define TOKENS_PER_BYTE 1000000000ll
#define NS_PER_S        1000000000ull

int64_t bucket_share(const struct bucket *bucket)
{
	uint64_t bytes = bucket->rate / (NS_PER_S / BUCKET_SHARE_NS);

	if (bytes < BUCKET_SHARE_LEAST)
		return BUCKET_SHARE_LEAST;
	return bytes < BUCKET_SHARE_MOST ? (int64_t)bytes : BUCKET_SHARE_MOST;
}

int64_t bucket_shares(const struct bucket *bucket)
{
	int64_t share = bucket_share(bucket) * TOKENS_PER_BYTE;

	if (!bucket->rate)
		return INT64_MAX;
	return bucket->tokens > 0 ? (bucket->tokens - 1) / share + 1 : 0;
}

void bucket_set(struct bucket *bucket, uint64_t rate, uint64_t now)
{
	int64_t least;

	bucket->rate = rate / 8 + (rate % 8 != 0);
	bucket->tokens = 0;
	bucket->filled_at = now;
	/* The largest rate of the schema gives 6.25e18, of 9.2e18 there is room for. */
	bucket->burst = (int64_t)(bucket->rate * BUCKET_BURST_NS);
	least = 2 * bucket_share(bucket) * TOKENS_PER_BYTE;
	if (bucket->burst < least)
		bucket->burst = least;
}

void bucket_fill(struct bucket *bucket, uint64_t now)
{
	uint64_t missing, ns;

	/* The control thread's clock, which bucket_set() had, may be ahead. */
	if (!bucket->rate || now <= bucket->filled_at)
		return;
	missing = (uint64_t)(bucket->burst - bucket->tokens);
	ns = now - bucket->filled_at;
	bucket->filled_at = now;
	if (ns > missing / bucket->rate) /* so that it cannot overflow */
		bucket->tokens = bucket->burst;
	else
		bucket->tokens += (int64_t)(ns * bucket->rate);
}

void bucket_take(struct bucket *bucket, int64_t bytes)
{
	bucket->tokens -= bytes * TOKENS_PER_BYTE;
}

uint64_t bucket_when(const struct bucket *bucket)
{
	if (bucket_gives(bucket))
		return bucket->filled_at;
	return bucket->filled_at + (uint64_t)-bucket->tokens / bucket->rate + 1;
}
