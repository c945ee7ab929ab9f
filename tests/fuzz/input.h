/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a fuzzer's moves are made of, byte by byte; zeroes behind its end. */
#ifndef XEN_IB_TESTS_FUZZ_INPUT_H
#define XEN_IB_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *data;
	size_t size;
};

static inline uint8_t byte(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

#endif
