/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's side of the local Xen port: what a domain has of Xen, for a
 * process that is a front end without being a domain. Xenstore, memory that
 * can be granted, and event channels, over the unix socket of
 * xenport_open_local(). When the process ends, however it ends, the server
 * treats it as a domain that died.
 *
 * A guest belongs to one thread at a time, but its descriptors and granted memory
 * may be used by any. Functions wait for the server's answer, unless said
 * differently. They return 0 or a count on success and -1 with errno otherwise:
 * ECONNRESET when the server is gone, ENOSPC when a guest may not have more.
 */
#ifndef XEN_IB_COMMON_LOCALGUEST_H
#define XEN_IB_COMMON_LOCALGUEST_H

#include <stddef.h>
#include <stdint.h>

struct localguest;

/* Connect to the server at @socket. NULL and errno on failure; EPROTO: the server
 * is of another version.
 */
struct localguest *localguest_open(const char *socket);

/* Disconnect: the server forgets the guest. Its memory is unmapped here. */
void localguest_close(struct localguest *g);

/* The domain id the server gave, from 1. */
uint16_t localguest_domid(const struct localguest *g);

/* ---- xenstore ---------------------------------------------------------- */

struct localguest_node {
	const char *path;
	const char *value; /* NULL removes the node and all below it */
};

/* Read @path, which is one that localguest_write() may change or the top of those,
 * as a string of less than @size bytes; as xenport_read().
 */
int localguest_read(struct localguest *g, const char *path, char *buf, size_t size);

/* Write or remove @count nodes, all at once: nobody sees some of them only.
 * EACCES: one is neither below /local/domain/<own id>/ nor below
 * /local/domain/0/backend/vib/<own id>/. E2BIG: more than 64 nodes, or 16 KiB of
 * paths and values. After any error none is written.
 */
int localguest_write(struct localguest *g, const struct localguest_node *nodes,
		     size_t count);

/* Be told of changes at @path, as in localguest_read(), and below it. Fires once at
 * once. A guest that leaves hundreds of changes untaken is disconnected.
 */
int localguest_watch(struct localguest *g, const char *path);

/* Polls readable while changes may wait, or when the server is gone. */
int localguest_fd(const struct localguest *g);

/* Take one change without waiting: 1 and the changed path, cut to @size, or 0. */
int localguest_next_watch(struct localguest *g, char *path, size_t size);

/* ---- memory ------------------------------------------------------------ */

/* @count zeroed pages of 4096 bytes, contiguous here, granted to the server:
 * their references are *@first_ref and those that follow. NULL and errno.
 */
void *localguest_alloc(struct localguest *g, size_t count, uint32_t *first_ref);

/* End their grants and unmap them; what the server has mapped stays its. */
void localguest_free(struct localguest *g, void *pages, size_t count);

/* ---- event channels ---------------------------------------------------- */

/* An event channel for the backend to bind; both eventfds are non-blocking. */
struct localguest_channel {
	uint32_t port; /* what the backend is told */
	int wait_fd;   /* eventfd: readable when the backend has sent an event */
	int send_fd;   /* eventfd: a write sends one to the backend */
};

int localguest_channel_open(struct localguest *g, struct localguest_channel *channel);
/* Both descriptors are closed, and the backend's end becomes unusable. */
void localguest_channel_close(struct localguest *g, struct localguest_channel *channel);

#endif
