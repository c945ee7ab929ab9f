/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole control thread with two guests in memory, connected, its jobs slice by
 * slice. Whatever a test does, nothing may be left, and nothing counted.
 */
#ifndef XEN_IB_TESTS_TWO_GUESTS_H
#define XEN_IB_TESTS_TWO_GUESTS_H

#include "cm.h"

#include <xen-ib/xenstore.h>

#include "control/backend.h"
#include "control/mads.h"
#include "engine/engine.h"
#include "engine/objects.h"
#include "fake_guest.h"

#define SLICES 3
#define PAGES  (SLICES * FAKE_SLICE) /* of a large MR */

/* The pages of a guest; its event channel for the connection is its domid. */
enum { CONTROL, RING, ASYNC, LIST, ROOT, DOORBELL, DATA = 16, ITS_PAGES = 64 };

struct peer {
	struct world *w;
	unsigned int domid;
	char be[64], fe[64];
	struct vib_control_sring *ring;
	uint32_t prod, cons; /* of requests and of responses */
	uint32_t pending;    /* ids */
};

struct world {
	uv_loop_t loop;
	struct fake_xen *xen;
	struct fabric_table fabrics;
	struct engine *engine; /* no poller of it runs */
	struct backend backend;
	bool stopped;
	/* Calls of the GSI, which answers each MAD that is asked with its complement. */
	struct mad_taker taker;
	struct taken {
		const struct vib *vib;
		struct mad_packet packet;
	} taken[256];
	unsigned int num_taken;
	unsigned int num_gone;
	/* Or a real one, and how it ends: see set_up_with(). */
	void *gsi;
	void (*end_gsi)(struct world *w);
	struct peer a, b;
};

/* ---- xenstore: nodes in a peer's directory -------------------------------- */

void put(const struct peer *p, const char *dir, const char *key, const char *value);
/* Of the backend's directory. */
const char *get(const struct peer *p, const char *key);
#define assert_state(p, state) assert_string_equal(get(p, "state"), state)

void frontend_state(const struct peer *p, const char *state);
/* What the toolstack writes. */
void plug(const struct peer *p, unsigned int guid);

/* ---- guests ------------------------------------------------------------ */

/* A domain with a vib. */
void make_peer(struct world *w, struct peer *p, unsigned int domid);
/* The handshake. */
void join(struct peer *p);

/* The grant of one of its pages, and the page. */
uint32_t page_of(const struct peer *p, uint32_t page);
void *memory_of(const struct peer *p, uint32_t page);

bool is_alive(const struct peer *p);
struct vib *vib_of(const struct peer *p);
struct vhca *vhca_of(const struct peer *p);
/* Pages of what it is having mapped. */
uint32_t mapped_so_far(const struct peer *p);

/* Pages of both guests that are mapped, but those of their connections. */
unsigned int mapped(struct world *w);

/* ---- commands and jobs ------------------------------------------------- */

/*
 * The engine's clock goes on, of which nothing else takes any: a guest whose commands
 * took long has to wait, and on a machine with much to do all of them do.
 */
void pass_time(uint64_t ns);

/* Put a request into the ring and tell the backend. */
void ask(struct peer *p, struct vib_control_request req);
bool is_answered(const struct peer *p);
struct vib_control_response take(struct peer *p);

/* Slices of whoever's turn it is. */
void step(struct world *w);
void steps(struct world *w, unsigned int count);
bool is_idle(struct world *w);

/* Ask, and have everything done that there is to do. */
struct vib_control_response execute(struct peer *p, struct vib_control_request req);
uint32_t number_of(struct vib_control_response rsp);
uint32_t pd_of(struct peer *p);

extern const struct vib_control_request query;
/* An MR of @count pages, which are those from DATA on, again and again if need be. */
struct vib_control_request reg_mr(struct peer *p, uint32_t pd, uint32_t count);
struct vib_control_request dereg_mr(uint32_t key);
/* Register it: its key. */
uint32_t register_mr(struct peer *p, uint32_t count);

int set_up(void **state);
/* With the GSI that @begin makes. */
int set_up_with(void **state, struct mad_taker *(*begin)(struct world *w));
int tear_down(void **state);
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
