/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of the control ring, one request to one response. */
#ifndef XEN_IB_IBBACK_COMMAND_H
#define XEN_IB_IBBACK_COMMAND_H

#include "control/object_command.h"

struct vport;

/*
 * Execute command->req, a private copy of a frontend's request, for command->guest with
 * port @vport, and fill command->rsp whole. Every field of the request may be anything.
 * false: it goes on, and command->answered() is called when rsp is there.
 */
bool command_execute(struct command *command, struct vport *vport);

/*
 * Answer @req of @guest if it is a query about the device or its port @vport, which takes
 * no time and changes nothing: true. Else @rsp has no answer yet.
 */
bool command_query(const struct vib_control_request *req, const struct guest *guest,
		   const struct vport *vport, struct vib_control_response *rsp);

#endif
