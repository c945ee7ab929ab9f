/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Component masks (IBTA vol. 1 §15.2.3, §15.2.5): bit n of a mask says that component
 * n of a record counts. A record's components are a table of places in it.
 */
#ifndef XEN_IB_IBBACK_GSI_COMPONENTS_H
#define XEN_IB_IBBACK_GSI_COMPONENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct component {
	uint16_t bit;   /* of the record; bit 0 is the highest of byte 0 */
	uint16_t width; /* in bits; 0: reserved, or not looked at */
};

/* True if all components of @mask are in @have as in @wanted. */
bool components_match(const struct component *components, size_t count, uint64_t mask,
		      const uint8_t *wanted, const uint8_t *have);

#endif
