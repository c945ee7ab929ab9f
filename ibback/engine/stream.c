// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stream.h"

#include <string.h>
#include <unistd.h>

#include <xen-ib/types.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Where the system does not say: as large as servers' caches are. */
#define DEFAULT_THRESHOLD (32ull << 20)

uint64_t stream_threshold(void)
{
	long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);

	return cache > 0 ? (uint64_t)cache : DEFAULT_THRESHOLD;
}

#ifdef __SSE2__

/* A line, from anywhere to an aligned place. */
static void stream_line(uint8_t *to, const uint8_t *from)
{
	for (size_t i = 0; i < VIB_LINE; i += sizeof(__m128i))
		_mm_stream_si128((__m128i *)(to + i),
				 _mm_loadu_si128((const __m128i *)(from + i)));
}

void stream_copy(uint8_t *to, const uint8_t *from, size_t length)
{
	size_t head = -(uintptr_t)to % VIB_LINE;

	if (length < head + VIB_LINE) {
		memmove(to, from, length);
		return;
	}
	memmove(to, from, head);
	for (to += head, from += head, length -= head; length >= VIB_LINE;
	     to += VIB_LINE, from += VIB_LINE, length -= VIB_LINE)
		stream_line(to, from);
	_mm_sfence(); /* such stores are ordered by nothing else */
	memmove(to, from, length);
}

#else

void stream_copy(uint8_t *to, const uint8_t *from, size_t length)
{
	memmove(to, from, length);
}

#endif
