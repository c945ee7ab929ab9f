/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. */
#ifndef TRAFFIC_OPTIONS_H
#define TRAFFIC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_MAX_SIZE  (1u << 20)
#define OPTIONS_MAX_DEPTH 64

struct options {
	const char *device;
	const char *host; /* NULL: this half is the server */
	const char *port;
	uint32_t size;
	uint32_t depth;
	unsigned int seconds;
	uint64_t seed;
	bool reconnect;
	bool events;
};

void options_parse(struct options *options, int argc, char **argv);

#endif
