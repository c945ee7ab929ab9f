/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control thread's whole: every vib under this domain's backend/vib, the
 * fabrics they attach to, and the event loop that drives them.
 */
#ifndef XEN_IB_IBBACK_BACKEND_H
#define XEN_IB_IBBACK_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "control/fabric.h"
#include "control/vib.h"
#include "xenport/xenport.h"

struct engine;
struct jobs;
struct mad_taker;

struct backend {
	uv_loop_t *loop;
	struct xenport *xp;
	struct fabric_table *fabrics;
	struct engine *engine;
	struct jobs *jobs;
	struct jobs *hca_jobs;       /* NULL: guests have no HCA */
	struct mad_taker *mad_taker; /* NULL: nobody takes MADs */
	unsigned int xen;            /* the engine's number of xp */
	const char *label;           /* of log lines about its guests: "", or "local " */
	uint64_t mapped;             /* pages of all of them */
	uint16_t domid;              /* our own */
	char root[48];               /* /local/domain/<domid>/backend/vib */
	LIST_HEAD(, vib) vibs;
	struct vib **by_port; /* event channel to vib */
	size_t num_ports;
	uv_poll_t store_poll;
	uv_poll_t event_poll;
	uv_timer_t pulse;
	uv_async_t raised; /* a vHCA has asynchronous events */
	uv_async_t mads;   /* or MADs that its guest sent */
	bool failed;       /* Xen is lost: the daemon ends */
	bool stopping;
};

/*
 * Start serving backend/vib over @xp on @loop, with @engine, whose number for
 * @xp is @xen, and @jobs, which run by @loop. Everything passed stays the caller's and
 * must outlive the backend. Log lines about its guests begin with @label, kept and not
 * copied. Returns 0, or -1 after logging why.
 */
int backend_start(struct backend *backend, uv_loop_t *loop, struct xenport *xp,
		  struct fabric_table *fabrics, struct engine *engine, unsigned int xen,
		  struct jobs *jobs, const char *label);

/* Have @jobs, which run by the same loop, do what waits for an HCA. Before it runs. */
void backend_use_hcas(struct backend *backend, struct jobs *jobs);

/* Have @taker, which outlives the backend, take MADs. Before the loop runs. */
void backend_take_mads(struct backend *backend, struct mad_taker *taker);

/*
 * Disconnect every vib and stop. What guests have mapped is unmapped by the loop, all of
 * them at the same time; it then has nothing of ours left, and ends.
 */
void backend_stop(struct backend *backend);

/* Look at every vib that is marked dirty; frees those whose directory is gone. */
void backend_process(struct backend *backend);

/* Route events of @port to @vib, or to nobody with NULL. -1 and errno: ENOMEM. */
int backend_route_port(struct backend *backend, uint32_t port, struct vib *vib);

#endif
