/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vibd remembers of a domain: which vibs it has, where their texts came
 * from, and why one was refused. A JSON file for each domain, by UUID, so that
 * a reboot (another domid, the same UUID) finds it. The folder is on a tmpfs:
 * it lives as long as the host's boot, as boottime_ms() does.
 */
#ifndef XEN_IB_PROVISION_RECORD_H
#define XEN_IB_PROVISION_RECORD_H

#include "provision/store.h"
#include "vibconf/vibconf.h"

/* One more than any legal text, so that one too long still shows as such. */
#define VIB_TEXT_SIZE (VIBCONF_TEXT_MAX + 1)

/* Where a vib's text came from. */
enum vib_source {
	VIB_FROM_RECORD, /* of the domain's life before a reboot */
	VIB_FROM_CONF,   /* /etc/xen-ib/domains/NAME.conf */
	VIB_FROM_XL,     /* a running xl's config */
	VIB_FROM_CFG,    /* /etc/xen/NAME.cfg */
	VIB_FROM_ATTACH, /* vibctl attach */
	VIB_FROM_SET,    /* any of these, and then vibctl set */
	VIB_SOURCES,
};

const char *vib_source_name(enum vib_source source);

struct record_vib {
	unsigned int index;
	enum vib_source source;
	char text[VIB_TEXT_SIZE];
	char error[sizeof(((struct reason *)0)->text)]; /* "": not refused */
};

struct record {
	char uuid[UUID_STR_LEN];
	char name[DOMAIN_NAME_SIZE];
	uint16_t domid;
	uint64_t made_ms; /* boottime_ms() when the texts were found */
	uint64_t gone_ms; /* when the domain was seen to be gone, or 0 */
	size_t count;
	struct record_vib vibs[VIBS_MAX];
};

/* Hold the records of @dir (made if need be) against other writers, until the
 * returned descriptor is closed. -1 and errno on failure.
 */
int records_lock(const char *dir);

/* Read the record of @uuid. -1 and errno: ENOENT, or EINVAL for one that is
 * not a record.
 */
int record_load(const char *dir, const char *uuid, struct record *record);

/* Write it, whole or not at all. */
int record_save(const char *dir, const struct record *record);

/* Remove it; none is success. */
int record_drop(const char *dir, const char *uuid);

/* The UUIDs of all records. Returns their number and sets *@uuids, which the
 * caller frees.
 */
int records_list(const char *dir, char (**uuids)[UUID_STR_LEN]);

/* Begin a record made now, with no vibs. */
void record_init(struct record *record, const char *uuid, const char *name,
		 uint16_t domid);

/* The entry of vib @index, or NULL. */
struct record_vib *record_find(struct record *record, unsigned int index);

/* Add an entry, or replace that of the same index. -1: ENOSPC. */
int record_put(struct record *record, unsigned int index, enum vib_source source,
	       const char *text, const char *error);

/* Take the entry of @index out. Returns true if there was one. */
bool record_take(struct record *record, unsigned int index);

#endif
