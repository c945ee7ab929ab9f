/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backend with its guests in one thread, for fuzzers: the engine's pollers
 * pass when told to, its clock moves when told to, and grants and event
 * channels are this file's. Misuse of the Xen port, and anything that a guest's
 * end leaves behind, aborts.
 *
 * A guest's page is mapped for the backend at another address than the guest's
 * own, between guard pages, and poisoned for AddressSanitizer while no grant of
 * it is mapped; one mapped read-only cannot be written.
 */
#ifndef XEN_IB_TESTS_FUZZ_WORLD_H
#define XEN_IB_TESTS_FUZZ_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "control/connection.h"
#include "control/vport.h"
#include "engine/vhca.h"

#define WORLD_GUESTS  3
#define WORLD_POLLERS 2
/* Of each guest; its grants are their numbers, from 1 on. */
#define WORLD_PAGES   56
/* Granted read-only: from this one on. */
#define WORLD_RO_PAGE 54
/* Event channels of each guest, from 0 on. */
#define WORLD_PORTS   64

/* A guest's pages with a purpose of their own. */
enum world_page {
	PAGE_CONTROL = 1,
	PAGE_RING = 2,
	PAGE_ASYNC = 3,
	PAGE_LIST = 4, /* of grants, while a command takes; the next one too */
	PAGE_FREE = 6, /* this one and those behind it are for objects */
};

struct world_guest {
	unsigned int index;
	bool connected;
	struct connection conn;
	struct vport vport;
	uint8_t (*pages)[VIB_PAGE_SIZE]; /* as the guest sees them */
};

extern struct world_guest world[WORLD_GUESTS];
extern struct engine *world_engine;
extern uint64_t world_now; /* ns: what the clock shows */

/* The beginning of an input: nobody is connected, memory is zero. */
void world_begin(void);

/* The end: guests that are connected go. Aborts if anything is left of them. */
void world_end(void);

void world_connect(struct world_guest *g);
void world_disconnect(struct world_guest *g);

/* Serve the control ring of @g. One that breaks the protocol is disconnected. */
void world_serve(struct world_guest *g);

/* Have each poller pass @times times, and let @ns go by with each. MADs go where their
 * LID says.
 */
void world_pass(unsigned int times, uint64_t ns);

/* Have the port of @g be up or down, as its toolstack could. */
void world_set_link(struct world_guest *g, bool up);

/* Give @g another rate, or none: one of four. */
void world_set_rate(struct world_guest *g, unsigned int choice);

/* How many events the backend sent on channel @port of @g. */
unsigned int world_notified(const struct world_guest *g, unsigned int port);

/* Something is not as it must be. */
#define EXPECT(what)                                           \
	do {                                                   \
		if (!(what))                                   \
			world_fail(__FILE__, __LINE__, #what); \
	} while (0)
_Noreturn void world_fail(const char *file, int line, const char *what);

#endif
