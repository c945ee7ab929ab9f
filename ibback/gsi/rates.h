/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rates and selectors of paths and groups (IBTA vol. 1 §15.2.5.16, table 207). Codes of
 * rates are not in the order of rates; those of MTUs and lifetimes are in theirs.
 */
#ifndef XEN_IB_IBBACK_GSI_RATES_H
#define XEN_IB_IBBACK_GSI_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include <infiniband/umad_sa.h>

#include <xen-ib/port.h>

#define MTU_MIN 1 /* 256 bytes */
#define MTU_MAX 5 /* 4096 */

/* A rate in 100 Mbit/s; 0: there is no such code. */
unsigned int rate_value(uint8_t code);

/* The code of a port's rate. */
uint8_t rate_of_port(const struct vib_port_attr *port);

/* The code of the largest rate below that of @code; 0: there is none. */
uint8_t rate_below(uint8_t code);

/* An MTU, rate or lifetime as it stands in a record: a selector and a value. */
static inline uint8_t selector_of(uint8_t field)
{
	return field >> UMAD_SA_SELECTOR_SHIFT;
}

static inline uint8_t value_of(uint8_t field)
{
	return field & UMAD_SA_RATE_MTU_PKT_LIFE_MASK;
}

static inline uint8_t exactly(uint8_t value)
{
	return UMAD_SA_SELECTOR_EXACTLY << UMAD_SA_SELECTOR_SHIFT | value;
}

/* True if @have is what a request selects; both are values that can be compared. */
bool selector_takes(uint8_t selector, unsigned int wanted, unsigned int have);

#endif
