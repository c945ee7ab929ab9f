/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a domain's vibs come from: vibd(8) has the order. */
#ifndef XEN_IB_PROVISION_SOURCE_H
#define XEN_IB_PROVISION_SOURCE_H

#include "provision/xlproc.h"

/* The folders and files that matter; each can be moved by the named variable. */
struct dirs {
	const char *records;    /* XEN_IB_RECORDS_DIR, /run/xen-ib/domains */
	const char *conf;       /* XEN_IB_CONF_DIR, /etc/xen-ib/domains */
	const char *xl;         /* XEN_IB_XL_DIR, /etc/xen */
	const char *proc;       /* XEN_IB_PROC_DIR, /proc */
	const char *machine_id; /* XEN_IB_MACHINE_ID, /etc/machine-id */
	const char *socket;     /* XEN_IB_SOCKET, /run/xen-ib/ibback.sock: ibback's */
	const char *modules;    /* XEN_IB_MODULES_DIR, /sys/module: the kernel's */
};

void dirs_from_environment(struct dirs *dirs);

/* How finding ended. */
enum found {
	FOUND_NOTHING, /* no source knows the domain */
	FOUND_NO_VIBS, /* one does, and it has no vibs */
	FOUND_VIBS,    /* the record has been filled */
};

/* Find what vibs the domain @record->name is to have. @old is its record from
 * before a reboot, or NULL. Fills @record->vibs with texts and sources, and
 * @where with what to call the source. A source that is there but cannot be
 * used is named through @complain, and the next one is asked.
 */
enum found source_find(const struct dirs *dirs, const struct xl_pool *pool,
		       const struct record *old, struct record *record,
		       struct reason *where, void (*complain)(const char *line));

#endif
