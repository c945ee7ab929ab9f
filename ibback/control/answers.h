/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked at the administrator's socket. A request is
 *   {"command": "stats"}
 *   {"command": "fabrics"}
 *   {"command": "reclaim", "fabric": "NAME"}: claim connection management, if ib_cm let
 * go and its answer an object of that command's, or {"error": "..."}. Belongs to the
 * control thread.
 */
#ifndef XEN_IB_IBBACK_ANSWERS_H
#define XEN_IB_IBBACK_ANSWERS_H

#include <stddef.h>

#include "control/backend.h"
#include "control/fabric.h"
#include "control/wires.h"

/* Of what the answers are. */
struct admin_source {
	struct backend *const *backends;
	unsigned int count;
	struct fabric_table *fabrics;
	const struct wires *wires;
};

/* Of admin.h: answer a request about the struct admin_source @arg. */
char *admin_answer_request(void *arg, const char *line, size_t length);

#endif
