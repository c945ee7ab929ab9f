/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SA that two guests (two_gsis.h) ask: the subnets of their fabrics, and MADs to it.
 */
#ifndef XEN_IB_TESTS_TWO_GSIS_SA_H
#define XEN_IB_TESTS_TWO_GSIS_SA_H

#include "two_gsis.h"

#include "gsi/mad.h"

#define SA_LID  1
/* In a MAD of the SA's: the component mask, and the record. */
#define SA_MASK 48
#define SA_DATA 56

/* For set_up_with(): who takes the guests' MADs are subnets. */
struct mad_taker *begin_subnets(struct world *w);

/* @mad is one of class version 2, all else zero, with a TID that no other has: returned.
 */
uint64_t new_mad(uint8_t mad[VIB_MAD_BYTES], uint8_t mgmt_class, uint8_t method,
		 uint16_t attribute);

/* Send @mad to the SA and have its answer in place of it, which is one without an error.
 */
void ask_sa(struct its_gsi *g, uint8_t mad[VIB_MAD_BYTES]);

/* What IPoIB does, or undoes, with its group of P_Key 0xffff. */
void join_broadcast(struct its_gsi *g, uint8_t method, uint8_t join_state);
extern const uint8_t broadcast[16];

#endif
