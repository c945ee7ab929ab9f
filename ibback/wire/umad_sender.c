// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "wire/umad_packet.h"
#include "wire/umad_parts.h"

/* Where it goes out, and what. */
struct letter {
	struct mad_packet packet;
	uint8_t gid_index;
	uint16_t pkey_index;
	bool by_lid;
};

struct umad_sender {
	LIST_ENTRY(umad_sender) entry;
	struct umad_agent *agent; /* of the control thread alone */
	struct umad_shared *shared;
	void *owner;

	pthread_mutex_t lock; /* of the rest but the file */
	bool runs;            /* it has a thread, */
	bool freed;           /* which is to free it */
	unsigned int unsent;
	unsigned int first, count; /* of @letters, which is a ring */
	struct letter letters[UMAD_QUEUE];

	int file; /* of its thread; -1: none. Its agent's number there: */
	int id;
};

struct umad_sender *umad_sender_new(struct umad_agent *agent, void *owner)
{
	struct umad_sender *sender = calloc(1, sizeof(*sender));

	if (!sender)
		return NULL;
	sender->agent = agent;
	sender->shared = agent->shared;
	sender->owner = owner;
	sender->file = -1;
	pthread_mutex_init(&sender->lock, NULL);
	umad_shared_hold(sender->shared);
	LIST_INSERT_HEAD(&agent->senders, sender, entry);
	return sender;
}

unsigned int umad_sender_unsent(struct umad_sender *sender)
{
	unsigned int unsent;

	pthread_mutex_lock(&sender->lock);
	unsent = sender->unsent;
	sender->unsent = 0;
	pthread_mutex_unlock(&sender->lock);
	return unsent;
}

void *umad_sender_owner(const struct umad_sender *sender)
{
	return sender->owner;
}

struct umad_sender *umad_sender_next(struct umad_sender *sender)
{
	return LIST_NEXT(sender, entry);
}

/* ---- its thread ------------------------------------------------------------ */

static void close_file(struct umad_sender *sender)
{
	if (sender->file >= 0)
		umad_close_port(sender->file);
	sender->file = -1;
}

static void destroy(struct umad_sender *sender)
{
	close_file(sender);
	umad_shared_drop(sender->shared);
	pthread_mutex_destroy(&sender->lock);
	free(sender);
}

/* An agent of no class only sends. */
static bool open_file(struct umad_sender *sender)
{
	if (sender->file >= 0)
		return true;
	sender->file = umad_open(sender->shared->device, sender->shared->port);
	if (sender->file < 0)
		return false;
	sender->id = umad_register(sender->file, 0, 0, 0, NULL);
	if (sender->id < 0)
		close_file(sender);
	return sender->file >= 0;
}

static bool send_letter(struct umad_sender *sender, const struct letter *letter)
{
	struct umad_buffer out;

	if (!open_file(sender))
		return false;
	umad_packet_put(&out, &letter->packet, letter->gid_index, letter->pkey_index,
			letter->by_lid);
	errno = 0;
	/* Who sends it wants no answer of the kernel's, and repeats it if need be. */
	if (umad_send(sender->file, sender->id, &out, VIB_MAD_BYTES, 0, 0) == 0)
		return true;
	if (errno == EIO || errno == ENODEV)
		close_file(sender); /* of a device that was; one of that name may be */
	return false;
}

/*
 * The next one; false: there is none, and the thread ends. What waits when the sender is
 * freed goes out still, for a guest's last words may be among it, until one does not: no
 * more than one dead address is waited for. @sent: the last one has gone.
 */
static bool next_letter(struct umad_sender *sender, struct letter *letter, bool sent,
			bool *freed)
{
	bool found;

	pthread_mutex_lock(&sender->lock);
	*freed = sender->freed;
	found = sender->count && (sent || !sender->freed);
	if (found) {
		*letter = sender->letters[sender->first];
		sender->first = (sender->first + 1) % UMAD_QUEUE;
		sender->count--;
	} else {
		sender->runs = false;
	}
	pthread_mutex_unlock(&sender->lock);
	return found;
}

static void count_unsent(struct umad_sender *sender)
{
	pthread_mutex_lock(&sender->lock);
	sender->unsent++;
	pthread_mutex_unlock(&sender->lock);
	umad_shared_wake(sender->shared);
}

static void *run(void *arg)
{
	struct umad_sender *sender = arg;
	struct letter letter;
	bool sent = true, freed;

	while (next_letter(sender, &letter, sent, &freed)) {
		sent = send_letter(sender, &letter);
		if (!sent)
			count_unsent(sender);
	}
	if (freed)
		destroy(sender);
	return NULL;
}

/* The sender is locked. 0 or an errno. */
static int start_thread(struct umad_sender *sender)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, run, sender);
	pthread_attr_destroy(&attr);
	sender->runs = !err;
	return err;
}

/* ---- the control thread ---------------------------------------------------- */

/* Indices of a port's tables that name what @packet says: false if it has not both. */
static bool address(const struct umad_agent *agent, const struct mad_packet *packet,
		    struct letter *letter)
{
	int gid_index = agent->events->gid_index(agent->arg, &packet->sgid);
	unsigned int i = 0;

	/* The kernel's interface has a byte for it. */
	if (gid_index < 0 || gid_index > UINT8_MAX || !(packet->pkey & 0x7fff))
		return false;
	while (i < UMAD_PKEYS && agent->pkeys[i] != packet->pkey)
		i++;
	letter->packet = *packet;
	letter->by_lid = agent->subnet.infiniband;
	letter->gid_index = (uint8_t)gid_index;
	letter->pkey_index = (uint16_t)i;
	return i < UMAD_PKEYS;
}

/* Only this thread puts letters in: what has room has it still when one is there. */
static bool is_full(struct umad_sender *sender)
{
	bool full;

	pthread_mutex_lock(&sender->lock);
	full = sender->count == UMAD_QUEUE;
	pthread_mutex_unlock(&sender->lock);
	return full;
}

static int queue(struct umad_sender *sender, const struct letter *letter)
{
	int err = 0;

	sender->letters[(sender->first + sender->count) % UMAD_QUEUE] = *letter;
	sender->count++;
	if (!sender->runs)
		err = start_thread(sender);
	if (err)
		sender->count--;
	return err;
}

int umad_sender_send(struct umad_sender *sender, const struct mad_packet *packet)
{
	struct letter letter;
	int err;

	/* First, as addresses are asked of the kernel. */
	if (is_full(sender)) {
		errno = ENOBUFS;
		return -1;
	}
	if (!address(sender->agent, packet, &letter)) {
		errno = ENOENT;
		return -1;
	}
	pthread_mutex_lock(&sender->lock);
	err = queue(sender, &letter);
	pthread_mutex_unlock(&sender->lock);
	if (!err)
		return 0;
	errno = err;
	return -1;
}

void umad_sender_free(struct umad_sender *sender)
{
	bool runs;

	if (!sender)
		return;
	LIST_REMOVE(sender, entry);
	pthread_mutex_lock(&sender->lock);
	sender->freed = true;
	/* A file is closed by a thread: the kernel may have it wait. */
	if (!sender->runs && sender->file >= 0)
		(void)start_thread(sender);
	runs = sender->runs;
	pthread_mutex_unlock(&sender->lock);
	if (!runs)
		destroy(sender);
}
