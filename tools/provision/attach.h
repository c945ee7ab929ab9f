/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving a domain a vib: all its nodes in one transaction. */
#ifndef XEN_IB_PROVISION_ATTACH_H
#define XEN_IB_PROVISION_ATTACH_H

#include "provision/guid.h"
#include "provision/store.h"

#define VIB_ANY_INDEX (-1)

struct vib_request {
	uint16_t domid;
	int index;         /* VIB_ANY_INDEX: the lowest free one */
	uint32_t reserved; /* with that: indices not to take, as a mask */
	const char *name;  /* the domain's, as GUIDs are to be made from it */
	const char *text;  /* as vibconf.h has it */
	const struct guid_host *host;
};

/* Write the vib's nodes and set *@vib. On failure nothing is written, and
 * errno is
 *   EINVAL  the text is not one
 *   ENOENT  the domain, or the backend's, does not exist
 *   EEXIST  the index is taken, or the port GUID is in use on the fabric
 *   EBUSY   the port GUID belongs to a dead domain's vib not yet removed
 *   ENOSPC  the domain has as many vibs as can be
 * or what xenstore said.
 */
int vib_attach(struct xenport *xp, const struct vib_request *request, struct vib_id *vib,
	       struct reason *why);

/* True if some backend serves, or is to serve, vib @index of @domid. */
bool vib_exists(struct xenport *xp, uint16_t domid, unsigned int index);

#endif
