/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fabrics, as JSON for the administrator's socket. */
#ifndef XEN_IB_IBBACK_FABRIC_JSON_H
#define XEN_IB_IBBACK_FABRIC_JSON_H

#include <jansson.h>

struct admin_source;

/*
 * {"fabrics": [ ... ]} with members of each fabric that vibctl(8) lists, its vports among
 * them; NULL: no memory.
 */
json_t *fabrics_json(const struct admin_source *source);

#endif
