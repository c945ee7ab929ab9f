/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things are in xenstore: paths of a vib, and what the toolstack wrote
 * about domains. Functions return -1 and errno on failure unless said
 * differently; ENOENT means that there is no such node.
 */
#ifndef XEN_IB_PROVISION_STORE_H
#define XEN_IB_PROVISION_STORE_H

#include <limits.h>
#include <uuid/uuid.h>

#include "xenport/xenport.h"

/* DOMID_FIRST_RESERVED of xen/xen.h, less one. */
#define DOMID_MAX        32751
/* The largest index of a vib in its domain, and how many a domain may have. */
#define VIB_INDEX_MAX    31
#define VIBS_MAX         (VIB_INDEX_MAX + 1)
#define DOMAIN_NAME_SIZE 128

/* Why something was refused, for people. */
struct reason {
	char text[640];
};

/* Set @why, set errno to @error, return -1. */
int refuse(struct reason *why, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One vib: its two directories follow from this. */
struct vib_id {
	uint16_t backend;
	uint16_t frontend;
	unsigned int index;
};

struct vib_path {
	char text[XENPORT_PATH_MAX];
};

/* A node of the vib's directory, or with @key "" the directory. */
struct vib_path vib_backend_path(const struct vib_id *vib, const char *key);
struct vib_path vib_frontend_path(const struct vib_id *vib, const char *key);
/* backend/vib/<frontend-id>, device/vib, and name or vm of a domain. */
struct vib_path vib_backend_parent(const struct vib_id *vib);
struct vib_path vib_frontend_parent(uint16_t domid);
struct vib_path domain_path(uint16_t domid, const char *key);

/*
 * Run @body in a transaction, again and again until nobody disturbed it, so that all it
 * wrote is there or nothing. Returns what it returned; -1: nothing was written, and errno
 * is its own or that of the transaction (EAGAIN: it was always disturbed).
 */
int store_transact(struct xenport *xp,
		   int (*body)(struct xenport *xp, xenport_tx tx, void *arg), void *arg);

bool store_has(struct xenport *xp, xenport_tx tx, const char *path);

/* Read a number of at most @max. EINVAL: the node holds something else. */
int store_read_uint(struct xenport *xp, xenport_tx tx, const char *path, uint64_t max,
		    uint64_t *value);

/* The numeric children of @path up to @max, ascending. Returns their number and
 * sets *@numbers, which the caller frees; a missing path has none.
 */
int store_list_numbers(struct xenport *xp, xenport_tx tx, const char *path,
		       unsigned int max, unsigned int **numbers);

/* All vibs of the host, by backend directory: a guest cannot touch those.
 * Returns their number and sets *@vibs, which the caller frees.
 */
int store_list_vibs(struct xenport *xp, xenport_tx tx, struct vib_id **vibs);

int store_domain_name(struct xenport *xp, xenport_tx tx, uint16_t domid,
		      char name[DOMAIN_NAME_SIZE]);
int store_domain_uuid(struct xenport *xp, uint16_t domid, char uuid[UUID_STR_LEN]);

/* Domain 0 always exists, whatever the port thinks. */
bool store_domain_lives(struct xenport *xp, uint16_t domid);

/* Resolve a domain's name or number; only living domains count. */
int store_find_domain(struct xenport *xp, xenport_tx tx, const char *text,
		      uint16_t *domid, struct reason *why);

/* CLOCK_BOOTTIME, the clock of processes' start times. */
uint64_t boottime_ms(void);

#endif
