/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two vports on the fabric "wire0" and an HCA of the test's, "hca0": one that comes, goes
 * and says what it likes. There is a fabric "local" besides.
 */
#ifndef XEN_IB_TESTS_WIRES_WORLD_H
#define XEN_IB_TESTS_WIRES_WORLD_H

#include "cm.h"

#include "control/fabric.h"
#include "control/subnets.h"
#include "control/vib.h"
#include "control/wires.h"
#include "loop.h"
#include "wire/port.h"

/* What the job's thread reads of the HCA is atomic, once wires have started. */
#define get(x)    __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define set(x, v) __atomic_store_n(&(x), (v), __ATOMIC_SEQ_CST)

#define PORT_LID  0x77

extern struct its_hca {
	bool present, active, ethernet;
	bool has_gids;      /* of vports */
	bool fails;         /* when it is asked */
	bool bounces;       /* it would write to copies */
	bool going;         /* the next event: it goes */
	bool asks_anew;     /* or its subnet's manager wants all registered anew */
	uint16_t lid, pkey; /* 0: P_Keys cannot be read */
	char netdev[16];
	unsigned int users; /* guests at it */
	/* Counts: ports that are open, and how often P_Keys were read. */
	unsigned int opened, pkeys_read;
} hca;
extern const struct vib_gid port_gid;

/* Its port, and who hears of it. */
extern struct wire_port {
	const struct wire_port_events *events;
	void *arg;
	int fd;
} hca_port;
/* It has an event. */
void event(void);

/* What the subnet was told last; device NULL: it has no wire. */
extern struct subnet_port told;
/* What an InfiniBand subnet's administrator says of vports. */
extern enum gsi_addressed says;
/* How often it was to register all anew. */
extern unsigned int reregistered;

extern uv_loop_t loop;
extern struct fabric_table table;
extern struct fabric *fabric;
extern struct wires *wires;
extern struct vib a, b;
/* Counts of links that changed, and of vibs that were to begin anew. */
extern unsigned int changes, rewired;
/* Of the devices that were used; or NULL. */
extern const char *record;

int wires_set_up(void **state);
int wires_tear_down(void **state);

/* The wires begin. */
void start(void);
/* Many turns of the loop. */
void settle(void);
bool is_up(const struct vib *vib);
struct wire_view view(void);

#endif
