/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run of one half, over as many connections as it takes. */
#ifndef TRAFFIC_RUN_H
#define TRAFFIC_RUN_H

#include "exchange.h"
#include "link.h"
#include "options.h"
#include "tally.h"

struct run {
	struct options options;
	struct tally tally;
	struct device device;
	struct link link;
	uint64_t started;
	int tcp;
	int listener; /* the server's */
};

/* How a connection ended. */
enum outcome { RUN_BROKEN, RUN_ENDED };

/* Ends the run early; async-signal-safe. */
void run_stop(void);
bool run_stopped(void);
/* SECONDS have passed since the first connection. */
bool run_over(const struct run *run);

/* Waits for the device and its port: as long as the run goes on with --reconnect,
 * not at all without. */
bool run_await_port(struct run *run);
/* Waits for the other half's address. */
bool run_hear(struct run *run, struct hello *hello);
/* An event says that this connection will not recover. */
bool run_broken(struct run *run);
/* Sleeps for a moment, or until an event of the device or a descriptor comes. */
void run_pause(struct run *run, int fd);
/* Nothing completed: with --events sleep until something does. */
void run_idle(struct run *run, const int *fds, unsigned int number);
/* What a slot of either half takes. */
size_t run_stride(uint32_t size);

/* One connection from the beginning to its end. */
enum outcome client_connection(struct run *run);
enum outcome server_connection(struct run *run);

#endif
