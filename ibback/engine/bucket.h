/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A token bucket: what a vHCA with a rate may cost, in bytes as send.h counts them. It
 * fills at the rate, up to a burst. Who finds anything in it takes a whole share, so it
 * may owe some of that. Only the vHCA's poller touches it.
 */
#ifndef XEN_IB_IBBACK_BUCKET_H
#define XEN_IB_IBBACK_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* The burst: what comes in so long, as with a vif; but at least two shares. */
#define BUCKET_BURST_NS    50000000ull
/* A share: what comes in so long, within bounds: one that 64 SGEs, which a request has
 * at both ends, do not use up; and what others have to wait for.
 */
#define BUCKET_SHARE_NS    1000000ull
#define BUCKET_SHARE_LEAST 8192
#define BUCKET_SHARE_MOST  (256 << 10)

struct bucket {
	uint64_t rate;  /* bytes a second; 0: no limit, and the rest means nothing */
	int64_t tokens; /* 1e-9 bytes, so that rate times ns is exact; below 0: owed */
	int64_t burst;  /* the most there may be */
	uint64_t filled_at; /* ns, CLOCK_MONOTONIC */
};

/* Another rate, in bits a second, from @now on; 0: none. The bucket is empty. */
void bucket_set(struct bucket *bucket, uint64_t rate, uint64_t now);

/* Put in what came in up to @now. */
void bucket_fill(struct bucket *bucket, uint64_t now);

/* Take @bytes, or owe them. */
void bucket_take(struct bucket *bucket, int64_t bytes);

/* May anything be taken? */
static inline bool bucket_gives(const struct bucket *bucket)
{
	return !bucket->rate || bucket->tokens > 0;
}

/* When that will be so, if nothing is taken. */
uint64_t bucket_when(const struct bucket *bucket);

/* Bytes of one share. */
int64_t bucket_share(const struct bucket *bucket);

/* How many shares there are, the last of them owed in part. */
int64_t bucket_shares(const struct bucket *bucket);

#endif
