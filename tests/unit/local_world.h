/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A local Xen port and guests of it in one process. The test is the server: its
 * guests' calls, which wait for an answer, run in a thread while the test serves
 * them.
 */
#ifndef XEN_IB_TESTS_LOCAL_WORLD_H
#define XEN_IB_TESTS_LOCAL_WORLD_H

#include "xenport/localguest.h"
#include "xenport/xenport.h"

#define WORLD_EVENTS 512

struct world {
	struct xenport *xp;
	/* What the port's watches told, and when no more was left to tell. */
	size_t num_events;
	struct {
		char path[XENPORT_PATH_MAX], token[32];
	} events[WORLD_EVENTS];
};

/* cmocka's set-up and tear-down; the state is a struct world. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* Where the port serves. */
const char *world_socket(void);

/* Serve until nothing is left to do. */
void world_settle(struct world *w);

/* How many watch events with @path and @token there were; NULL is any. */
size_t world_count(const struct world *w, const char *path, const char *token);
void world_forget(struct world *w);

/* The functions of localguest.h, served meanwhile. */
struct localguest *guest_open(struct world *w);
int guest_read(struct world *w, struct localguest *g, const char *path, char *buf,
	       size_t size);
int guest_write(struct world *w, struct localguest *g,
		const struct localguest_node *nodes, size_t count);
/* One node. */
int guest_put(struct world *w, struct localguest *g, const char *path, const char *value);
int guest_watch(struct world *w, struct localguest *g, const char *path);
void *guest_alloc(struct world *w, struct localguest *g, size_t count,
		  uint32_t *first_ref);
void guest_free_pages(struct world *w, struct localguest *g, void *pages, size_t count);
int guest_channel(struct world *w, struct localguest *g,
		  struct localguest_channel *channel);
void guest_channel_close(struct world *w, struct localguest *g,
			 struct localguest_channel *channel);

#endif
