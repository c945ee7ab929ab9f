/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is counted of vibs, as JSON for the administrator's socket. */
#ifndef XEN_IB_IBBACK_STATS_H
#define XEN_IB_IBBACK_STATS_H

#include <jansson.h>

struct admin_source;

/* {"vibs": [ ... ]} with members of each vib that vibctl(8) lists; NULL: no memory. */
json_t *stats_json(const struct admin_source *source);

#endif
