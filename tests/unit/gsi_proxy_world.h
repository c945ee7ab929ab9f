/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A world of the GSI whose wire is InfiniBand: the test is its SA. */
#ifndef XEN_IB_TESTS_GSI_PROXY_WORLD_H
#define XEN_IB_TESTS_GSI_PROXY_WORLD_H

#include "gsi_world.h"

/* The test's. */
extern struct gsi_world w;

/* The next request to the SA, of that kind. */
const uint8_t *asked(uint8_t method, uint16_t attribute);
void asked_nothing(void);

/* The ComponentMask of that request. */
uint64_t mask_of(const uint8_t *mad);

/* It is asked what it has, and has nothing. */
void table_is_empty(void);
/* The SA has what @mad asks it to have. */
void confirm(const uint8_t *mad);
/* All of those that are asked for until nothing is. */
void confirm_all(void);

/* A world with @ports vports, whose alias GUIDs the SA has as far as there is room. */
void begin(unsigned int ports);

#endif
