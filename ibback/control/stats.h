/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is counted of vibs, as JSON for the administrator's socket. A request is
 *   {"command": "stats"}
 * and its answer
 *   {"vibs": [ ... ]}  or  {"error": "..."}
 * with members of each vib that vibctl(8) lists. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_STATS_H
#define XEN_IB_IBBACK_STATS_H

#include <stddef.h>

#include "control/backend.h"

/* Whose vibs they are. */
struct stats_source {
	struct backend *const *backends;
	unsigned int count;
};

/* Of admin.h: answer a request about the struct stats_source @arg. */
char *stats_answer(void *arg, const char *line, size_t length);

#endif
