/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory and the event channel shared with one frontend: control page,
 * control ring and async event queue. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_CONNECTION_H
#define XEN_IB_IBBACK_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <xen-ib/control.h>

#include "control/object_command.h"
#include "xenport/xenport.h"

struct vport;

/* What the frontend published; any values. */
struct connection_refs {
	uint32_t control;
	uint32_t ring;
	uint32_t async;
	uint32_t event_channel;
};

struct connection {
	struct guest guest; /* its vhca, complaints and jobs are set by the owner */
	uint32_t port;      /* local event channel */
	struct vib_control_page *page;
	struct vib_control_sring *sring;
	struct vib_control_back_ring ring;
	struct command command; /* the one that is executed */
	bool parked;            /* it goes on, and others wait, but queries do not */
	/* Copies of those; the ring bounds them, with what is being executed. */
	struct vib_control_request waiting[VIB_CONTROL_RING_SIZE];
	uint32_t first_waiting, num_waiting; /* the first one's index, modulo the size */
	void *async_page;
	struct vib_queue async;
	uint32_t async_pending; /* mask of 1 << enum vib_async_type, of the port */
	/* Set by the owner: a parked ring goes on, call connection_service(). */
	void (*resumed)(struct connection *c);
	void (*cleared)(struct connection *c);
};

/*
 * Map what @refs name and raise the alive byte. Returns 0, or -1 with the reason in
 * @why, which names the node, its value and what would do, and nothing left mapped or
 * bound.
 */
int connection_open(struct connection *c, struct xenport *xp, uint16_t domid,
		    const struct connection_refs *refs, char *why, size_t size);

/*
 * Answer nothing any more, destroy all that the guest made, and have its memory unmapped.
 * @cleared is called when none is mapped any more; false: none was.
 */
bool connection_clear(struct connection *c, void (*cleared)(struct connection *c));

/*
 * Unmap and unbind what it has itself; the kernel clears the alive byte and tells the
 * frontend. After connection_clear(), for that is the word that nothing is mapped.
 */
void connection_close(struct connection *c);

/*
 * Do the work that waits: answer requests for @vport, deliver pending events.
 * Returns 0 when all is done, or waits for what goes on, 1 when some is left that no
 * event will announce (the frontend produces faster than its share, or has no room for
 * events): call again soon. -1 with @cause when the frontend broke the protocol; the
 * connection is then only good for connection_clear().
 */
int connection_service(struct connection *c, struct vport *vport, const char **cause);

/* Note that async event @type of the port is due; connection_service() sends it.
 * Several of one type waiting for room become one.
 */
void connection_raise(struct connection *c, enum vib_async_type type);

#endif
