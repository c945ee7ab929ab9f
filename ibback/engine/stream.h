/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copying what no cache will hold, past the caches. */
#ifndef XEN_IB_IBBACK_STREAM_H
#define XEN_IB_IBBACK_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Bytes from which a message is larger than the last cache of this machine. */
uint64_t stream_threshold(void);

/* memcpy(), but what is written goes to memory and not into the caches. Where the
 * processor has no such stores it is memmove().
 */
void stream_copy(uint8_t *to, const uint8_t *from, size_t length);

#endif
