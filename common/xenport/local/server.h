/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guests of the local Xen port: who is connected, and what each asks. A
 * guest is a process that may be wrong or hostile: all it can have is bounded,
 * it reaches its own nodes alone, and one that breaks the protocol or does not
 * read what it is sent is disconnected. Nothing here waits for a guest.
 *
 * A guest's life is a domain's: its directory and @introduceDomain when it
 * connects; when it disconnects, its directory and its vibs' go, and
 * @releaseDomain is fired. Belongs to one thread.
 */
#ifndef XEN_IB_COMMON_LOCAL_SERVER_H
#define XEN_IB_COMMON_LOCAL_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "xenport/local/channels.h"
#include "xenport/local/grants.h"
#include "xenport/local/memstore.h"

struct server;

/* Serve at @path. @store and @channels stay the caller's and outlive the server.
 * NULL and errno.
 */
struct server *server_open(const char *path, struct memstore *store,
			   struct channels *channels);

/* Disconnect all, without word to watches. */
void server_close(struct server *server);

/* Readable while there is something to do. */
int server_fd(const struct server *server);

/* Do a bounded share of it. 0, or -1 and errno if nothing can be served any more. */
int server_run(struct server *server);

/* The memory of guest @domid, while it is connected; else NULL. It is changed by
 * server_run() alone: who has it in another thread keeps that from running.
 */
const struct grants *server_grants(const struct server *server, uint16_t domid);

#endif
