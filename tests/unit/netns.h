/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own, so that nothing of the machine's is touched. */
#ifndef XEN_IB_TESTS_NETNS_H
#define XEN_IB_TESTS_NETNS_H

#include <stdbool.h>

#include <xen-ib/port.h>

/* Enter one, before there are threads; where there may be none, that is said loudly. */
void netns_enter(void);

/* Why there is none, or NULL. */
const char *netns_missing(void);

/* Run ip(8) with @arguments. */
bool netns_ip(const char *arguments);

/* Who made the address @gid of @device, or -1: it has no such address. */
int netns_maker(const char *device, const struct vib_gid *gid);
static inline bool netns_has(const char *device, const struct vib_gid *gid)
{
	return netns_maker(device, gid) >= 0;
}

/* Write to a file of /proc. */
bool netns_write(const char *path, const char *text);

#endif
