/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local Xen port's xenstore alone behind the Xen port's operations, with a
 * way to disturb transactions and to play the other side's part. It has no
 * grants and no event channels.
 */
#ifndef XEN_IB_TESTS_FAKE_STORE_H
#define XEN_IB_TESTS_FAKE_STORE_H

#include "xenport/xenport.h"

struct fake_store;

/* A store with Dom0 in it. xenport_close(fake_port()) frees all. */
struct fake_store *fake_store_new(void);
struct xenport *fake_port(struct fake_store *fake);

/* What libxl has written when it introduces a domain; fires @introduceDomain. A
 * NULL name is left for fake_name().
 */
void fake_introduce(struct fake_store *fake, uint16_t domid, const char *uuid,
		    const char *name);
void fake_name(struct fake_store *fake, uint16_t domid, const char *name);
/* The domain dies as under libxl: its directory goes, then @releaseDomain. */
void fake_release(struct fake_store *fake, uint16_t domid);
/* The same where something keeps its directory. */
void fake_release_keeping_directory(struct fake_store *fake, uint16_t domid);

/* Called after each write that took effect, to play the other side's part. */
void fake_on_write(struct fake_store *fake,
		   void (*on_write)(struct xenport *xp, const char *path));

/* Make the next @count transactions end with EAGAIN. */
void fake_disturb(struct fake_store *fake, unsigned int count);

/* The value at @path until it changes, or NULL; until the next call its permissions as
 * "n<owner>,r<reader>". */
const char *fake_value(struct fake_store *fake, const char *path);
const char *fake_perms(struct fake_store *fake, const char *path);
/* How many nodes there are, and how many watches. */
size_t fake_nodes(struct fake_store *fake);
size_t fake_watches(struct fake_store *fake);

#endif
