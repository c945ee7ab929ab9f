/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who takes the MADs of guests: the GSI, as a table of operations, all of the control
 * thread. Where there is none, vibs have neither QP0 nor QP1 nor VIB_CAP_MAD.
 */
#ifndef XEN_IB_IBBACK_MADS_H
#define XEN_IB_IBBACK_MADS_H

#include "engine/mad_packet.h"
#include "engine/mcast.h"

struct vib;

struct mad_taker {
	/* The guest of @vib sent @packet. What comes of it is for mad_deliver(). */
	void (*take)(struct mad_taker *taker, struct vib *vib,
		     const struct mad_packet *packet);
	/* What the port of @vib answers to @in: true, and @out, which is zero. */
	bool (*process)(struct mad_taker *taker, struct vib *vib,
			const uint8_t in[VIB_MAD_BYTES], uint8_t out[VIB_MAD_BYTES]);
	/* What the SA says of group @mgid and the port of @vib. */
	struct mcast_rule (*mcast_rule)(struct mad_taker *taker, struct vib *vib,
					const struct vib_gid *mgid);
	/* The guest of @vib is no longer connected: what it had at the SA ends. */
	void (*gone)(struct mad_taker *taker, struct vib *vib);
};

/* MADs of one vib in one turn of the loop: others have theirs, however many it sends. */
#define MADS_A_TURN     8
/*
 * And in a window of time, beyond what any connection manager or tool sends: those that
 * they are for have processors, too.
 */
#define MADS_PER_WINDOW 2000
#define MAD_WINDOW_MS   100

#endif
