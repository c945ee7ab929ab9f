/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's clock. */
#ifndef XEN_IB_IBBACK_CLOCK_H
#define XEN_IB_IBBACK_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t clock_ns(void);

#endif
