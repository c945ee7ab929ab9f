/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HCA's port of a wire, from when it is open to when it is lost: its events, and
 * guests that have what is theirs there. Owns the port (fabric->wire) and the handle that
 * polls it.
 */
#ifndef XEN_IB_IBBACK_CONTROL_WIRE_HCA_H
#define XEN_IB_IBBACK_CONTROL_WIRE_HCA_H

#include "wire/segments.h"

struct wire;
struct wire_port;

/*
 * On a worker: open the port that the fabric is configured with. NULL and errno: EPERM if
 * guests' memory would not be safe there, and @why; else that is "".
 */
struct wire_port *wire_hca_open(struct wire *w, char why[SEGMENTS_WHY_MAX]);

/* The fabric's is @port, which that has opened. -1 and errno: ENOMEM. */
int wire_hca_take(struct wire *w, struct wire_port *port);

/* Its HCA is gone, or fails; it is looked for again. No job runs. */
void wire_hca_lose(struct wire *w);

/* It is not used any more. Closed once no guest has anything there. */
void wire_hca_close(struct wire *w);

/* Guests that are connected have what they have elsewhere: they begin anew. Others waited
 * to know where they begin.
 */
void wire_hca_rewire(struct wire *w);

#endif
