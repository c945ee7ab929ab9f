// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/minmax.h>
#include <linux/string.h>

#include "chance.h"

void chance_begin(struct chance *c, u64 seed)
{
	/* Never 0, and seeds that follow one another shall not look alike. */
	c->state = (seed + 1) * 0x9e3779b97f4a7c15ull | 1;
	chance64(c);
	chance64(c);
}

/* xorshift64*, Vigna 2014. */
u64 chance64(struct chance *c)
{
	c->state ^= c->state >> 12;
	c->state ^= c->state << 25;
	c->state ^= c->state >> 27;
	return c->state * 0x2545f4914f6cdd1dull;
}

u32 chance_below(struct chance *c, u32 n)
{
	return (u64)chance32(c) * n >> 32;
}

bool chance_one_in(struct chance *c, u32 n)
{
	return !chance_below(c, n);
}

u64 chance_odd(struct chance *c)
{
	static const u64 ends[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0xfff, 0x1000, 0x1001, 0x7fff,
		0x8000, 0xffff, 0x10000, 0xffffff, 0x1000000, 0x7fffffff,
		0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffff000,
		0xffffffffffffffff,
	};

	switch (chance_below(c, 4)) {
	case 0:
		return chance64(c);
	case 1:
		return chance_below(c, 64);
	case 2:
		return (1ull << chance_below(c, 64)) + chance_below(c, 3) - 1;
	default:
		return ends[chance_below(c, ARRAY_SIZE(ends))];
	}
}

void chance_fill(struct chance *c, void *at, u32 bytes)
{
	u64 value;
	u32 n;

	for (; bytes; at += n, bytes -= n) {
		n = min_t(u32, bytes, sizeof(value));
		value = chance64(c);
		memcpy(at, &value, n);
	}
}
