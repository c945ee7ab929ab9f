/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that follow from a seed, so that a run can be repeated. */
#ifndef VIB_HOSTILE_CHANCE_H
#define VIB_HOSTILE_CHANCE_H

#include <linux/types.h>

struct chance {
	u64 state;
};

void chance_begin(struct chance *c, u64 seed);
u64 chance64(struct chance *c);
/* Below @n, which is not 0. */
u32 chance_below(struct chance *c, u32 n);
/* true once in @n times. */
bool chance_one_in(struct chance *c, u32 n);
/* Where things break: ends of ranges, powers of two and their neighbours, anything. */
u64 chance_odd(struct chance *c);
void chance_fill(struct chance *c, void *at, u32 bytes);

static inline u32 chance32(struct chance *c)
{
	return chance64(c) >> 32;
}

#endif
