/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of the control ring, one request to one response. */
#ifndef XEN_IB_IBBACK_COMMAND_H
#define XEN_IB_IBBACK_COMMAND_H

#include <xen-ib/control.h>

struct guest;
struct vport;

/*
 * Execute @req, a private copy of a frontend's request, for @guest with port
 * @vport, and fill @rsp whole. Every field of @req may be anything.
 */
void command_execute(const struct vport *vport, const struct guest *guest,
		     const struct vib_control_request *req,
		     struct vib_control_response *rsp);

#endif
