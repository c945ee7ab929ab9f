/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MADs on the wire, by libibumad: an agent receives what comes to QP1 of an HCA's port in
 * the class of communication management, in the event loop. Nobody but one may have that
 * class, and if the kernel's ib_cm is loaded first, it does; then all else goes on, and
 * umad_reclaim() asks for it again once ib_cm is gone.
 *
 * What goes out goes by senders. On RoCE the kernel looks for the receiver's Ethernet
 * address when it is given a MAD, for as long as a second if nobody answers, and with
 * the file locked. So a sender has a file of its own, and a thread while there is
 * something to send: one that names dead addresses waits for itself alone, and the
 * event loop waits for nobody.
 *
 * On InfiniBand an agent also asks the subnet's administrator, in the event loop, as
 * nothing waits there for addresses; the kernel puts tables together. One that is too
 * long to be read is dropped.
 *
 * Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_WIRE_UMAD_H
#define XEN_IB_IBBACK_WIRE_UMAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "engine/mad_packet.h"

struct umad_agent;
struct umad_sender;

/* MADs that wait in a sender; further ones are lost, and come again if they matter. */
#define UMAD_QUEUE 64

/* P_Keys of a port that are used. */
#define UMAD_PKEYS 128

/* What is called back, in the event loop, with the agent's @arg. */
struct umad_events {
	/*
	 * A MAD came in, as it is: nothing of it is checked. The P_Key is 0
	 * and the DGID zero if the port has no such. May not stop the agent.
	 */
	void (*received)(void *arg, const struct mad_packet *packet);
	/* @length bytes, an answer or a Report of class SubnAdm from the subnet's
	 * administrator; a table's all behind one header. The same.
	 */
	void (*sa_received)(void *arg, const uint8_t *mad, size_t length);
	/* @count MADs of a sender's @owner were not sent, to say it at most once a turn.
	 */
	void (*unsent)(void *arg, void *owner, unsigned int count);
	/* It has communication management, which an agent that was stopped had still. */
	void (*claimed)(void *arg);
	/* The device is gone: nothing more comes. The agent is to be stopped. */
	void (*gone)(void *arg);
	/* The index of @gid in the port's table, for RoCE v2; -1: it is not there. */
	int (*gid_index)(void *arg, const struct vib_gid *gid);
	/* The GID there; false: none. */
	bool (*gid_at)(void *arg, unsigned int index, struct vib_gid *gid);
};

/* Where an InfiniBand port's administrator is; all zero on RoCE. */
struct umad_subnet {
	bool infiniband;
	uint16_t sm_lid;
	uint8_t sm_sl;
};

/*
 * Open port @port of @device, and claim communication management. @fabric is what log
 * lines call it; @events and @arg are kept. NULL and errno if the port cannot be opened
 * (ENODEV, EOPNOTSUPP: the kernel's ib_umad is not loaded);
 * without the claim, which a log line explains, there is an agent that has none. One that
 * was stopped just now has it until the kernel has closed its file; then claimed() is
 * called.
 */
struct umad_agent *umad_agent_start(uv_loop_t *loop, const char *fabric,
				    const char *device, uint8_t port,
				    const struct umad_subnet *subnet,
				    const struct umad_events *events, void *arg);

/* Its administrator is elsewhere now; the kind of the port stays. */
void umad_agent_set_subnet(struct umad_agent *agent, const struct umad_subnet *subnet);

/*
 * Send @mad, of class SubnAdm, to the administrator: a request, whose TID's upper half
 * the kernel writes over, or what answers a Report. -1 and errno: ENODEV without one.
 */
int umad_agent_ask(struct umad_agent *agent, const uint8_t mad[VIB_MAD_BYTES]);

/* Does it have communication management? Nothing is received or sent without it. */
bool umad_agent_has_cm(const struct umad_agent *agent);

/*
 * Claim again what it does not have, the subnet's Reports too: ib_cm is unloaded. -1 and
 * errno: EBUSY if another has communication management, as one that was stopped just now
 * may, after which claimed() is called; ENODEV if the device is gone. A log line says
 * what else is another's.
 */
int umad_reclaim(struct umad_agent *agent);

/*
 * The P_Keys of a port, zero where there is none. -1 and errno; then there are none. Any
 * thread's, for it may sleep: the kernel asks the HCA.
 */
int umad_read_pkeys(const char *device, uint8_t port, uint16_t pkeys[UMAD_PKEYS]);

/* The agent's port has those, by their indices: none until this is called. */
void umad_agent_set_pkeys(struct umad_agent *agent, const uint16_t pkeys[UMAD_PKEYS]);

/*
 * Its senders are freed. Its handles close with the loop's next turns; then its file does
 * on a thread of the loop's, which goes on until that is done, as the kernel may have it
 * wait. NULL is harmless.
 */
void umad_agent_stop(struct umad_agent *agent);

/* NULL and errno (ENOMEM). */
struct umad_sender *umad_sender_new(struct umad_agent *agent, void *owner);

/*
 * Send @packet, of class CM and with a GRH, and on InfiniBand to its LID, some time. -1
 * and errno: ENOENT if the port has not its SGID or its P_Key, ENOBUFS if too many wait,
 * ENOMEM, EAGAIN if there is no thread for it.
 */
int umad_sender_send(struct umad_sender *sender, const struct mad_packet *packet);

/* What waits goes out still, until one of it does not; its owner is not called back.
 * Waits for nothing. NULL is harmless.
 */
void umad_sender_free(struct umad_sender *sender);

#endif
