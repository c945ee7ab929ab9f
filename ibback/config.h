/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ibback.conf: the fabrics this host has, and how the engine runs. INI syntax:
 *
 *     [fabric NAME]
 *     type = wire
 *     device = mlx5_0
 *     port = 1
 *     netdev = eth1
 *     max_hca_mem = 64
 *
 *     [engine]
 *     pollers = 2
 *     cpus = 2,3
 *     poll = adaptive
 *     spin = 100
 *
 * A fabric is local or, with a device, has a wire. "local" exists without being named.
 */
#ifndef XEN_IB_IBBACK_CONFIG_H
#define XEN_IB_IBBACK_CONFIG_H

#include <stdbool.h>

#include "control/fabric.h"
#include "engine/poller.h"

/* More threads than this would be a slip of the pen. */
#define MAX_POLLERS     64

/* As a socket's address has it, with its NUL. */
#define SOCKET_PATH_MAX 108

struct config {
	struct fabric_table *fabrics; /* the caller's; named ones are added */
	unsigned int pollers;
	unsigned int num_cpus; /* 0: pollers run anywhere; else one for each */
	int cpus[MAX_POLLERS];
	enum poll_mode poll;
	bool spin_given; /* else it is measured */
	unsigned int spin_us;
	char socket[SOCKET_PATH_MAX]; /* the administrator's; "none", or "": the default
				       */
};

/* What holds without a file. */
void config_defaults(struct config *config, struct fabric_table *fabrics);

/*
 * Read @path into @config. A missing file is an empty one unless @required. Returns
 * 0, or -1 after logging what is wrong, with file and line, and what would be right.
 */
int config_read(const char *path, bool required, struct config *config);

#endif
