/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses of an answer (IBTA vol. 1 §13.5.4). */
#ifndef XEN_IB_IBBACK_GSI_REPLY_H
#define XEN_IB_IBBACK_GSI_REPLY_H

#include "gsi/state.h"

/*
 * Begin @reply to @request, which was sent to @lid: back to where it came from, with
 * a GRH if it had one, with @pkey, and a zero MAD of full length.
 */
void reply_begin(struct mad_packet *reply, const struct mad_packet *request, uint16_t lid,
		 uint16_t pkey);

#endif
