/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changing a vib that is attached: all of the nodes in one transaction. */
#ifndef XEN_IB_PROVISION_CHANGE_H
#define XEN_IB_PROVISION_CHANGE_H

#include "provision/store.h"
#include "vibconf/vibconf.h"

/*
 * Write @changes, of vibconf_parse_changes(), into the nodes of @vib; what it has already
 * is not written again. Returns how many nodes have changed. On failure none has, and
 * errno is
 *   ENOENT  there is no such vib
 *   ESHUTDOWN  it is being closed, or its backend has refused it
 *   EINVAL  a node that stays is not what the schema allows
 *   EEXIST  another vib of the fabric has one of the GIDs
 * or what xenstore said.
 */
int vib_change(struct xenport *xp, const struct vib_id *vib,
	       const struct vibconf *changes, struct reason *why);

#endif
