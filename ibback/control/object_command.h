/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of the control ring that make, change and destroy objects. */
#ifndef XEN_IB_IBBACK_OBJECT_COMMAND_H
#define XEN_IB_IBBACK_OBJECT_COMMAND_H

#include <xen-ib/control.h>

#include "control/pages.h"

/*
 * Execute @req, a private copy of a frontend's request, for @guest, and fill
 * rsp->u, which is zero. Returns the response's status: 0 or a negative errno,
 * -EOPNOTSUPP for a command that is none of these.
 */
int object_command(const struct guest *guest, const struct vib_control_request *req,
		   struct vib_control_response *rsp);

/* The guest has gone: destroy all it has. */
void object_clear(const struct guest *guest);

#endif
