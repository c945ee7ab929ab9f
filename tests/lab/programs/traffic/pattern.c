// SPDX-License-Identifier: GPL-2.0-or-later
#include "pattern.h"

#include <string.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* splitmix64's finalizer. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t pattern_base(uint64_t seed, uint32_t stream, uint64_t round)
{
	return mix(mix(mix(seed) + stream) + round);
}

/* Only an addition a word: the rate should be the device's, not that of this. */
void pattern_fill(void *to, size_t size, uint64_t base)
{
	const size_t words = size / sizeof(uint64_t);
	const uint64_t tail = base + words * GOLDEN;
	uint64_t *word = to;

	for (size_t i = 0; i < words; i++)
		word[i] = base + i * GOLDEN;
	memcpy(word + words, &tail, size % sizeof(uint64_t));
}

static size_t differing(const uint8_t *with, size_t size, uint64_t base)
{
	size_t wrong = 0;

	for (size_t i = 0; i < size; i++) {
		const uint64_t word = base + i / 8 * GOLDEN;

		wrong += with[i] != (uint8_t)(word >> i % 8 * 8);
	}
	return wrong;
}

size_t pattern_compare(const void *with, size_t size, uint64_t base)
{
	const size_t words = size / sizeof(uint64_t);
	const uint64_t tail = base + words * GOLDEN;
	const uint64_t *word = with;
	uint64_t difference = 0;

	for (size_t i = 0; i < words; i++)
		difference |= word[i] ^ (base + i * GOLDEN);
	if (!difference && !memcmp(word + words, &tail, size % sizeof(uint64_t)))
		return 0;
	return differing(with, size, base);
}
