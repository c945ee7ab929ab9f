/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The subnet of every fabric: what joins the GSI (gsi/), which knows of MADs
 * and ports, with vibs, whose vHCAs send and receive them, and with the event loop.
 * Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_SUBNETS_H
#define XEN_IB_IBBACK_SUBNETS_H

#include <uv.h>

#include "control/fabric.h"
#include "control/mads.h"
#include "control/subnet_wire.h"

struct engine;
struct subnets;

/*
 * Serve every fabric of @fabrics, which has all it will have, on @loop; multicast groups
 * are told to @engine. NULL and errno.
 */
struct subnets *subnets_start(struct fabric_table *fabrics, struct engine *engine,
			      uv_loop_t *loop);

/* Who takes MADs of vibs: for backend_take_mads(). */
struct mad_taker *subnets_taker(struct subnets *subnets);

/* The wire of @fabric, which has none until subnet_wire_up(). NULL: it is not served. */
struct subnet_wire *subnets_wire(const struct fabric *fabric);

/* No vport is attached any more. Its handle closes with the loop's next turn, and then
 * it is freed. NULL is harmless.
 */
void subnets_stop(struct subnets *subnets);

#endif
