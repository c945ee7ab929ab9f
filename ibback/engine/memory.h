/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's pages, mapped here as one range. */
#ifndef XEN_IB_IBBACK_MEMORY_H
#define XEN_IB_IBBACK_MEMORY_H

#include <stdint.h>

struct memory {
	uint8_t *at; /* NULL: none */
	uint32_t pages;
};

#endif
