/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written and must be read again: each word follows from the pattern's
 * base and the word's place, so data that are old, moved or another's differ. */
#ifndef TRAFFIC_PATTERN_H
#define TRAFFIC_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* The base of one message: of a run, a slot (or any other stream) and a round. */
uint64_t pattern_base(uint64_t seed, uint32_t stream, uint64_t round);

void pattern_fill(void *to, size_t size, uint64_t base);
/* How many bytes differ. */
size_t pattern_compare(const void *with, size_t size, uint64_t base);

#endif
