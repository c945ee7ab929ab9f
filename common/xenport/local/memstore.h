/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A xenstore in memory: nodes, transactions, watches. Whoever may reach what is
 * its caller's business; permissions are kept and not looked at.
 *
 * Where a name is that of a function in xenport.h, its contract is there. A
 * relative path is one below /local/domain/0, except in a watch. EINVAL: what is
 * no path, or a value longer than XENPORT_VALUE_MAX. Not for several threads.
 */
#ifndef XEN_IB_COMMON_LOCAL_MEMSTORE_H
#define XEN_IB_COMMON_LOCAL_MEMSTORE_H

#include <sys/queue.h>

#include "xenport/local/tree.h"
#include "xenport/xenport.h"

struct memstore;

/* Whom watches tell; belongs to the caller and outlives its watches. fire() may
 * change nodes but neither add nor end watches.
 */
struct memstore_watcher {
	void (*fire)(struct memstore_watcher *watcher, const char *path,
		     const char *token);
};

/* An empty store. NULL: ENOMEM. */
struct memstore *memstore_new(void);
/* Frees all, and tells nobody. */
void memstore_free(struct memstore *store);

int memstore_read(struct memstore *store, xenport_tx tx, const char *path, char *buf,
		  size_t size);
int memstore_write(struct memstore *store, xenport_tx tx, const char *path,
		   const char *value);
int memstore_mkdir(struct memstore *store, xenport_tx tx, const char *path,
		   const struct xenport_perms *perms);
int memstore_rm(struct memstore *store, xenport_tx tx, const char *path);
int memstore_list(struct memstore *store, xenport_tx tx, const char *path, char ***names);

/* The node at @path with all below it, until the next change. NULL: ENOENT. */
const struct tree *memstore_find(struct memstore *store, xenport_tx tx, const char *path);

int memstore_tx_begin(struct memstore *store, xenport_tx *tx);
int memstore_tx_end(struct memstore *store, xenport_tx tx, bool commit);

/* @path is absolute or one like "@releaseDomain". A change above a watched node
 * fires only if it removed that node.
 */
int memstore_watch(struct memstore *store, struct memstore_watcher *watcher,
		   const char *path, const char *token);
int memstore_unwatch(struct memstore *store, struct memstore_watcher *watcher,
		     const char *path, const char *token);
/* End all its watches. */
void memstore_unwatch_all(struct memstore *store, struct memstore_watcher *watcher);

/* Fire the watches of @special, "@introduceDomain" or "@releaseDomain". */
void memstore_announce(struct memstore *store, const char *special);

#endif
