/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef XEN_IB_TESTS_ADDRESS_SPACE_H
#define XEN_IB_TESTS_ADDRESS_SPACE_H

#include <stdio.h>

#include "cm.h"

/* Pages of address space that this process has. */
static inline unsigned long address_space(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	return pages;
}

#endif
