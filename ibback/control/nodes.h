/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend's own nodes in xenstore. Writing a path creates it and its
 * parents, so a directory that the toolstack removes a moment before would
 * come back: what is written here is written only if the device still exists.
 */
#ifndef XEN_IB_IBBACK_NODES_H
#define XEN_IB_IBBACK_NODES_H

#include <stddef.h>

#include "schema/schema.h"
#include "xenport/xenport.h"

struct node_value {
	const char *key;
	const char *value; /* NULL removes the node */
};

/* Make "@dir/@key". Returns 0, or -1 and ENAMETOOLONG. */
int node_path(char path[XENPORT_PATH_MAX], const char *dir, const char *key);

/* As xenport_read(). */
int node_read(struct xenport *xp, const char *dir, const char *key, char *buf,
	      size_t size);

/*
 * Read node @key under @dir into @buf, or its default, and check it against the
 * schema. Returns 0, or -1 with key, value and what is allowed in @why.
 */
int node_read_valid(struct xenport *xp, const char *dir, enum schema_side side,
		    const char *key, char buf[XENPORT_VALUE_MAX], char *why, size_t size);

/*
 * Write @count values below @dir, all or none. Returns 0, or -1 and errno:
 * ENOENT if @dir has no state node any more, EAGAIN if others kept writing.
 */
int node_update(struct xenport *xp, const char *dir, const struct node_value *values,
		size_t count);

#endif
