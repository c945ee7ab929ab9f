/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests in memory for the backend: the fake store with grants and event
 * channels behind the same Xen port, and a frontend that can be as good or as
 * bad as a test wants. A grant reference is the number of a page; an event
 * channel of the guest is bound to the local port of the same number.
 */
#ifndef XEN_IB_TESTS_FAKE_GUEST_H
#define XEN_IB_TESTS_FAKE_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>
#include <xen-ib/control.h>

#include "../by_step.h"
#include "fake_store.h"

#define FAKE_PAGES 256
#define FAKE_PORTS 64
#define FAKE_SLICE 4 /* of the port: pages mapped at once */

/* A store, a Xen port over it and a loop; fake_xen_free() frees all. */
struct fake_xen *fake_xen_new(uv_loop_t *loop);
struct xenport *fake_xen_port(struct fake_xen *xen);
struct fake_store *fake_xen_store(struct fake_xen *xen);
void fake_xen_free(struct fake_xen *xen);

/* The memory of grant @ref, and how often it is mapped. */
void *fake_page(struct fake_xen *xen, uint32_t ref);
unsigned int fake_mappings(struct fake_xen *xen);
unsigned int fake_bound_ports(struct fake_xen *xen);
/* From now on mapping fails. */
void fake_refuse_maps(struct fake_xen *xen, bool refuse);
/* Page @ref cannot be mapped; 0: all can. */
void fake_bad_page(struct fake_xen *xen, uint32_t ref);

/* Send an event to the backend on @port; true from fake_notified() once it sent one. */
void fake_event(struct fake_xen *xen, uint32_t port);
bool fake_notified(struct fake_xen *xen, uint32_t port);

/* The backend's jobs. */
struct by_step *fake_jobs(struct fake_xen *xen);

/* Let the loop do what there is to do now, waiting for no timer and doing no job. */
void fake_loop(struct fake_xen *xen);
/* The same, and all jobs. */
void fake_settle(struct fake_xen *xen);

#endif
