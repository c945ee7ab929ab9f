/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running xl processes were told to create. xl tells nobody about
 * keys that it does not know, and drops them; but while it builds a domain, its
 * command line names the config. With "xl create -e" it is gone a second
 * later, and otherwise its working directory is then "/": so a pool keeps what
 * an early look found.
 */
#ifndef XEN_IB_PROVISION_XLPROC_H
#define XEN_IB_PROVISION_XLPROC_H

#include <sys/types.h>

#include "provision/xlconf.h"

struct xl_process {
	pid_t pid;
	uint64_t started_ms; /* as boottime_ms() */
	bool seen;           /* by the last scan */
	bool monitor;        /* it has created its domain, and waits for its end */
	struct xlconf conf;
};

/* Configs of the xl processes seen so far; begin with all zero. */
struct xl_pool {
	struct xl_process *processes;
	size_t count, room;
};

/* Look through @proc (/proc) for xl processes of user @owner that create or
 * restore a domain, and add those whose config can be read and names a domain.
 * Those that are gone since the last look are kept if @keep_gone.
 */
int xl_pool_scan(struct xl_pool *pool, const char *proc, uid_t owner, bool keep_gone);

/* The config that names @domain. With @since_ms, only that of a process that was
 * started then or later to create a domain: a monitor, which xl forks off when a
 * domain is made and which makes it anew on a reboot, does not count. NULL and
 * errno: ENOENT for none, ENOTUNIQ for several that differ in vibs.
 */
const struct xl_process *xl_pool_find(const struct xl_pool *pool, const char *domain,
				      uint64_t since_ms);

/* Forget what names @domain; NULL: everything. */
void xl_pool_forget(struct xl_pool *pool, const char *domain);

#endif
