/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ibback.conf: the fabrics this host has. INI syntax:
 *
 *     [fabric NAME]
 *     type = local
 *
 * The fabric "local" exists without being named.
 */
#ifndef XEN_IB_IBBACK_CONFIG_H
#define XEN_IB_IBBACK_CONFIG_H

#include "control/fabric.h"

/*
 * Read @path into @fabrics. A missing file is an empty one. Returns 0, or -1
 * after logging what is wrong, with file and line, and what would be right.
 */
int config_read(const char *path, struct fabric_table *fabrics);

#endif
