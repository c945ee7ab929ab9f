/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vib: one xenbus device, from the toolstack's nodes to a connected
 * frontend and back. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_VIB_H
#define XEN_IB_IBBACK_VIB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <urcu/compiler.h>
#include <uv.h>

#include "control/complaints.h"
#include "control/connection.h"
#include "control/throttle.h"
#include "control/vport.h"
#include "xenport/xenport.h"

struct backend;

struct vib {
	struct backend *backend;
	uint16_t domid;
	uint32_t index;
	char dir[XENPORT_PATH_MAX];      /* our directory */
	char frontend[XENPORT_PATH_MAX]; /* the guest's, empty until it is known */
	char token[32];                  /* of the watch on the guest's state */

	bool dirty;       /* in need of vib_process() */
	bool attrs_dirty; /* the toolstack changed an attribute */
	bool broken;      /* not to be offered again */
	bool offered;
	bool connected;
	bool unmapping;   /* no longer connected, but conn is not closed yet */
	bool settled;     /* a state behind the first stands, or stood, in xenstore */
	bool domain_gone; /* the guest no longer exists */
	bool process_due; /* vib_process() is to run when the timer does */
	unsigned int failures; /* to connect, in a row */
	uint64_t session;

	struct vport vport;
	struct connection conn;
	struct complaints complaints;

	struct throttle offers;  /* handshakes a guest can cause */
	struct throttle events;  /* events */
	struct throttle changes; /* changes in xenstore */
	struct throttle mads;    /* and MADs */
	bool masked;             /* our port waits, masked, for the timer */
	bool mads_wait;          /* for the timer, too */
	bool raised;             /* the engine has events for it; atomic */
	uint32_t gsi_drops_said; /* mask of 1 << enum gsi_drop: of these was said */
	uint32_t drops_said;     /* the same, of enum drop */
	uint64_t events_put_off; /* how often its events had to wait for their share */
	uint64_t mads_put_off;   /* the same of its MADs */
	uv_timer_t timer;
	LIST_ENTRY(vib) entry; /* of the backend's */
};

static inline struct vib *vport_vib(struct vport *vport)
{
	return caa_container_of(vport, struct vib, vport);
}

/* Make the vib of backend directory @dir. NULL and errno on failure. */
struct vib *vib_new(struct backend *backend, uint16_t domid, uint32_t index,
		    const char *dir);

/* Its directory is gone: disconnect and, when nothing is mapped any more, free it, which
 * may be at once. A device that is made there meanwhile has it live on.
 */
void vib_forget(struct vib *vib);

/* Bring the vib to where xenstore says it should be, now or when its share allows. */
void vib_process(struct vib *vib);

/*
 * Take back what its guest was offered, and its connection if it has one: at once for the
 * guest and everybody else; but its memory, of which there may be much, is unmapped by a
 * job, and vib->unmapping until then.
 */
void vib_disconnect(struct vib *vib);

/* What its fabric is joined by has come or gone, or is known not to be there: a guest
 * that is connected begins anew, one that waited begins.
 */
void vib_rewire(struct vib *vib);

/* The daemon ends: disconnect, tell the frontend to wait for a backend, unless Xen is
 * lost, and free the vib, now or when nothing is mapped any more.
 */
void vib_withdraw(struct vib *vib);

#endif
