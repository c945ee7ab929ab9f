/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a datagram's way: a receive of UD, SMI or GSI QPs. */
#ifndef XEN_IB_IBBACK_DATAGRAM_PUT_H
#define XEN_IB_IBBACK_DATAGRAM_PUT_H

#include <stdbool.h>

#include "engine/receive.h"

struct grh;
struct poller;
struct qp;
struct sg;

/*
 * Put @data, behind @grh, into a receive of @qp, which is locked and takes them. @how is
 * what the receive completes with, but for its byte_len. A receive that is too small
 * stays for the next datagram. What comes is counted, and what finds no receive. false:
 * there is none at all.
 */
bool datagram_put(struct poller *poller, struct qp *qp, const struct grh *grh,
		  const struct sg *data, const struct received *how);

#endif
