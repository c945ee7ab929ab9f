// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xen-ib/xenstore.h>

/* A transaction that others keep disturbing is given up after so many tries. */
#define TRIES_MAX 64

int node_path(char path[XENPORT_PATH_MAX], const char *dir, const char *key)
{
	int len = snprintf(path, XENPORT_PATH_MAX, "%s/%s", dir, key);

	if (len < 0 || len >= XENPORT_PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static int read_in(struct xenport *xp, xenport_tx tx, const char *dir, const char *key,
		   char *buf, size_t size)
{
	char path[XENPORT_PATH_MAX];

	if (node_path(path, dir, key) < 0)
		return -1;
	return xenport_read(xp, tx, path, buf, size);
}

int node_read(struct xenport *xp, const char *dir, const char *key, char *buf,
	      size_t size)
{
	return read_in(xp, XENPORT_NO_TRANSACTION, dir, key, buf, size);
}

/* Why there is nothing to check. */
static const char *unread(int error)
{
	switch (error) {
	case ENOENT:
		return "it is missing";
	case EMSGSIZE:
		return "it is too long";
	case EILSEQ:
		return "there is a NUL in it";
	default:
		return strerror(error);
	}
}

int node_read_valid(struct xenport *xp, const char *dir, enum schema_side side,
		    const char *key, char buf[XENPORT_VALUE_MAX], char *why, size_t size)
{
	const struct schema_node *node = schema_find(side, key);
	char want[256];

	if (node_read(xp, dir, key, buf, XENPORT_VALUE_MAX) >= 0)
		return schema_check(side, key, buf, why, size);
	if (errno == ENOENT && node->def) {
		snprintf(buf, XENPORT_VALUE_MAX, "%s", node->def);
		return 0;
	}
	schema_want(node, want, sizeof(want));
	snprintf(why, size, "%s: %s; want %s", key, unread(errno), want);
	return -1;
}

static int write_all(struct xenport *xp, xenport_tx tx, const char *dir,
		     const struct node_value *values, size_t count)
{
	char path[XENPORT_PATH_MAX], state[XENPORT_VALUE_MAX];

	if (read_in(xp, tx, dir, VIB_BE_STATE, state, sizeof(state)) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (node_path(path, dir, values[i].key) < 0)
			return -1;
		if ((values[i].value ? xenport_write(xp, tx, path, values[i].value)
				     : xenport_rm(xp, tx, path)) < 0)
			return -1;
	}
	return 0;
}

int node_update(struct xenport *xp, const char *dir, const struct node_value *values,
		size_t count)
{
	for (int try = 0; try < TRIES_MAX; try++) {
		xenport_tx tx;

		if (xenport_tx_begin(xp, &tx) < 0)
			return -1;
		if (write_all(xp, tx, dir, values, count) < 0) {
			int saved = errno;

			xenport_tx_end(xp, tx, false);
			errno = saved;
			return -1;
		}
		if (xenport_tx_end(xp, tx, true) == 0)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
	errno = EAGAIN;
	return -1;
}
