/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connected guest, as the server has it: what it owns and what it asks. */
#ifndef XEN_IB_COMMON_LOCAL_GUEST_H
#define XEN_IB_COMMON_LOCAL_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "xenport/local/channels.h"
#include "xenport/local/grants.h"
#include "xenport/local/memstore.h"

/* What one guest may have. */
#define GUEST_NODES   1000u
#define GUEST_WATCHES 64u

struct guest {
	struct memstore_watcher watcher; /* sends what it is told to the guest */
	LIST_ENTRY(guest) entry;         /* the server's */
	struct memstore *store;
	struct channels *channels;
	int fd;
	uint16_t domid;
	bool broken; /* to be disconnected; its socket says so, too */
	unsigned int num_watches;
	struct grants grants;
	/* What it may write below, and nobody else of its kind read. */
	char directory[XENPORT_PATH_MAX];
	char vibs[XENPORT_PATH_MAX];
};

/* Takes over @fd, a connected non-blocking socket, unless it fails: NULL, ENOMEM. */
struct guest *guest_new(int fd, uint16_t domid, struct memstore *store,
			struct channels *channels);
/* Disconnects; what it had in store and channels has to be released before. */
void guest_free(struct guest *guest);

/* Make its directory, tell it its id, and fire @introduceDomain. */
void guest_introduce(struct guest *guest);

/* Take its nodes, watches and channels away and fire @releaseDomain. */
void guest_release(struct guest *guest);

/* Serve one request, if there is one. -1: the guest is done for. */
int guest_serve(struct guest *guest);

#endif
