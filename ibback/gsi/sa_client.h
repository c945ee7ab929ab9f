/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What asks the subnet's administrator on InfiniBand: a request goes out with a TID of
 * ours, is sent again while nobody answers, and its answer comes back to who asked.
 */
#ifndef XEN_IB_IBBACK_GSI_SA_CLIENT_H
#define XEN_IB_IBBACK_GSI_SA_CLIENT_H

#include "gsi/state.h"

struct sa_query;

/*
 * The answer: @length bytes, a MAD or of a table all records behind one header; at least
 * UMAD_LEN_SA_DATA and its header. NULL: nobody answered. The query has ended.
 */
typedef void sa_answered(void *arg, const uint8_t *mad, size_t length);

/* Header of a request: class, method, attribute and component mask; the rest zero. */
void sa_request_begin(uint8_t mad[VIB_MAD_BYTES], uint8_t method, uint16_t attribute,
		      uint64_t mask);

/* Ask by @mad, which is copied. NULL: there is no memory. */
struct sa_query *sa_ask(struct gsi *gsi, const uint8_t mad[VIB_MAD_BYTES],
			sa_answered *answered, void *arg);

/* The same by a single try, of what the SA would do twice if it was asked twice. */
struct sa_query *sa_ask_once(struct gsi *gsi, const uint8_t mad[VIB_MAD_BYTES],
			     sa_answered *answered, void *arg);

/* Its answer is not wanted any more. NULL is harmless. */
void sa_query_cancel(struct sa_query *query);

/* An answer. false: nobody asked so. */
bool sa_client_receive(struct gsi *gsi, const uint8_t *mad, size_t length);

#endif
