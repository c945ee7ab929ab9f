/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an agent and its senders have in common. */
#ifndef XEN_IB_IBBACK_WIRE_UMAD_PARTS_H
#define XEN_IB_IBBACK_WIRE_UMAD_PARTS_H

#include <pthread.h>
#include <sys/queue.h>

#include "wire/umad.h"

/*
 * What outlives the agent while a thread of a sender still runs: where its port is, and
 * how the loop is woken.
 */
struct umad_shared {
	pthread_mutex_t lock;
	unsigned int users;
	uv_async_t *wake; /* NULL: the agent is stopped */
	char device[64];
	uint8_t port;
};

/* One user more, and one less, with whom it ends. */
void umad_shared_hold(struct umad_shared *shared);
void umad_shared_drop(struct umad_shared *shared);
/* Have the agent look at its senders. */
void umad_shared_wake(struct umad_shared *shared);

/* libibumad's functions that open keep state: the file, or -1 and errno. */
int umad_open(const char *device, uint8_t port);

struct umad_agent {
	struct umad_shared *shared;
	const struct umad_events *events;
	void *arg;
	char fabric[32];
	int file;
	int id;         /* of the claim; -1: it has none */
	int sa_id;      /* of what asks the administrator; the same */
	int reports_id; /* of its Reports; the same */
	struct umad_subnet subnet;
	bool waits; /* for the claims, which one that is ending has still */
	bool lost;  /* the device is gone; its file has the claims until it is closed */
	bool stuck; /* on a table that there is no memory to read */
	uint16_t pkeys[UMAD_PKEYS];
	uv_poll_t poll;
	uv_async_t wake;
	unsigned int open_handles;
	uv_loop_t *loop;
	uv_work_t closing;
	LIST_ENTRY(umad_agent) entry; /* among those that are started, or ending */
	LIST_HEAD(, umad_sender) senders;
};

/* Of a sender, in its agent's list. The count since it was asked last. */
unsigned int umad_sender_unsent(struct umad_sender *sender);
void *umad_sender_owner(const struct umad_sender *sender);
struct umad_sender *umad_sender_next(struct umad_sender *sender);

#endif
