// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/components.h"

#include <string.h>

static bool bit_differs(const uint8_t *a, const uint8_t *b, unsigned int bit)
{
	return ((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8)) & 1;
}

static bool component_matches(const struct component *c, const uint8_t *a,
			      const uint8_t *b)
{
	if (c->bit % 8 == 0 && c->width % 8 == 0)
		return memcmp(a + c->bit / 8, b + c->bit / 8, c->width / 8) == 0;
	for (unsigned int i = 0; i < c->width; i++)
		if (bit_differs(a, b, c->bit + i))
			return false;
	return true;
}

bool components_match(const struct component *components, size_t count, uint64_t mask,
		      const uint8_t *wanted, const uint8_t *have)
{
	for (size_t i = 0; i < count; i++)
		if (mask >> i & 1 && !component_matches(&components[i], wanted, have))
			return false;
	return true;
}
