/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QP0 and QP1 of a vHCA, the SMI and the GSI: what a guest sends by them goes to the
 * control thread, and what the control thread delivers comes into their receives. No QP
 * finds them by number, for they are in no table.
 *
 * Both ways are short queues. A guest that finds the one from it full waits until the
 * control thread has taken some: who floods waits for its own and nobody else does. A
 * packet that finds the one to it full is lost, as datagrams are; half of that is for
 * what answers its own MADs, however many others send to it.
 */
#ifndef XEN_IB_IBBACK_MAD_H
#define XEN_IB_IBBACK_MAD_H

#include <stdbool.h>

#include "engine/kick.h"
#include "engine/mad_queue.h"

struct qp;
struct vhca;

/* IBTA vol. 1 §10.2.5: the well-known Q_Key of the GSI. */
#define QKEY_GSI 0x80010000u

struct mads {
	/* Called with @arg by the poller: there is a packet to take. NULL: the vHCA has
	 * neither QP.
	 */
	void (*waiting)(void *arg);
	void *arg;
	struct qp *qps[2]; /* by number; RCU */
	struct mad_queue sent;
	struct mad_queue delivered;
	struct kick kick; /* there is something in it, for the poller */
};

void mads_init(struct mads *mads);

/* ---- the control thread ------------------------------------------------ */

/*
 * Have @vhca, which is new, have QP0 and QP1 if its guest wants them. @waiting is called
 * with @arg, by any thread, when there is a packet for mad_take().
 */
void mad_serve(struct vhca *vhca, void (*waiting)(void *arg), void *arg);

/* Is there a packet to take? */
bool mad_is_waiting(const struct vhca *vhca);

/* Take the next packet that the guest sent. false: there is none. */
bool mad_take(struct vhca *vhca, struct mad_packet *packet);

/*
 * Have @packet, which is for the port of @vhca and of a number that is 0 or 1, come into
 * a receive of that QP. It is lost if there is none, or too many wait for one, or the
 * P_Key is none of the port's.
 */
void mad_deliver(struct vhca *vhca, const struct mad_packet *packet);

#endif
