/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's side of a vib in xenstore. The guest writes it as it likes and
 * when it likes: each value is read once, and checked.
 */
#ifndef XEN_IB_IBBACK_FRONTEND_H
#define XEN_IB_IBBACK_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/connection.h"
#include "xenport/xenport.h"

/*
 * Find the guest's directory of vib @index of @domid, as the backend directory
 * @backend names it, and return it in @dir. -1, with the reason in @why, if it is not
 * that guest's own directory of this device, whatever else it may be.
 */
int frontend_find(struct xenport *xp, const char *backend, uint16_t domid, uint32_t index,
		  char dir[XENPORT_PATH_MAX], char *why, size_t size);

/* True if what the guest published under @dir answers @session. */
bool frontend_answers(struct xenport *xp, const char *dir, uint64_t session);

/* Read what the guest shares. Returns 0, or -1 with the reason in @why. */
int frontend_read_refs(struct xenport *xp, const char *dir, struct connection_refs *refs,
		       char *why, size_t size);

#endif
