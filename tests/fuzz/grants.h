/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The world's Xen: its guests' memory and event channels behind a Xen port. */
#ifndef XEN_IB_TESTS_FUZZ_GRANTS_H
#define XEN_IB_TESTS_FUZZ_GRANTS_H

#include <stdint.h>

#include "world.h"

/* Guest i is domain GRANTS_DOMID + i. */
#define GRANTS_DOMID 1

/* The Xen port; made by the first call. */
struct xenport *grants_port(void);

/* The memory of all guests, one after the other. */
uint8_t (*grants_memory(void))[VIB_PAGE_SIZE];

/* How many mappings and bound event channels there are. */
unsigned int grants_mapped(void);
unsigned int grants_bound(void);

/* Events sent to a guest so far. */
unsigned int grants_notified(unsigned int guest, unsigned int port);
void grants_forget_events(void);

#endif
