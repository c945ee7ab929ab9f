/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vibd does, without its event loop: it knows the living domains, gives
 * each its vibs once, and removes those of dead ones. Nothing here waits: what
 * is not ready is looked at again by keeper_step().
 */
#ifndef XEN_IB_VIBD_KEEPER_H
#define XEN_IB_VIBD_KEEPER_H

#include "provision/detach.h"
#include "provision/guid.h"
#include "provision/source.h"

/* A domain that vibd knows. */
struct keeper_domain {
	uint16_t domid;
	bool pending; /* it has not been given its vibs */
	uint64_t deadline_ms;
	char uuid[UUID_STR_LEN]; /* "" until it is known */
};

/* A vib whose domain is dead and whose backend may still close it. */
struct keeper_removal {
	struct vib_id vib;
	uint64_t deadline_ms;
};

struct keeper {
	struct xenport *xp;
	struct dirs dirs;
	struct guid_host host;
	struct xl_pool pool;
	struct keeper_domain *domains;
	size_t domain_count;
	struct keeper_removal *removals;
	size_t removal_count;
};

enum {
	/* A name may be written later than the domain is introduced. */
	KEEPER_NAME_MS = 30000,
	/* Longer than VIB_CLOSE_MS: a GUID may have to become free. */
	KEEPER_PLACE_MS = 60000,
	/* A record outlives its domain by this: a reboot takes less. */
	KEEPER_RECORD_MS = 300000,
};

/* Begin; the port stays the caller's, the folders' names too. */
void keeper_init(struct keeper *k, struct xenport *xp, const struct dirs *dirs);
void keeper_free(struct keeper *k);

/* @introduceDomain: first of all, look at the running xl; then at the domains. */
void keeper_introduced(struct keeper *k);

/* @releaseDomain: forget dead domains and begin to remove their vibs. */
void keeper_released(struct keeper *k);

/* Go on with what was not ready. Returns true while there is such a thing. */
bool keeper_step(struct keeper *k);

/* Now and then: remove vibs of dead domains that were missed, and old records. */
void keeper_sweep(struct keeper *k);

/* ---- parts, for one another -------------------------------------------- */

enum placed { PLACED, PLACE_LATER };

/* Give the domain its vibs (place.c). With @last, do not put anything off. */
enum placed place_domain(struct keeper *k, const struct keeper_domain *domain,
			 const char *name, bool last);

/* Begin to remove the vibs of dead domains (removals.c). */
void removals_collect(struct keeper *k);
/* Finish those that have closed, or have had their time. */
void removals_step(struct keeper *k);

/* Note in a dead domain's record that it is gone (records.c). */
void records_domain_gone(struct keeper *k, const char *uuid);
/* Drop the records of domains gone too long. */
void records_sweep(struct keeper *k);

#endif
