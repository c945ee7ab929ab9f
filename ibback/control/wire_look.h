/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking at the HCA of a wire: whether it is there, how its port is, which P_Keys and
 * GIDs it has. That may sleep, so it is a job; what comes of it is told to all who want
 * to know. An HCA that comes, or goes without a word, is found by looking again and
 * again.
 */
#ifndef XEN_IB_IBBACK_CONTROL_WIRE_LOOK_H
#define XEN_IB_IBBACK_CONTROL_WIRE_LOOK_H

#include <stdbool.h>

struct wire;

/* @w is served from now on; nothing is looked at yet. */
void wire_look_init(struct wire *w);

/* Look now, or again when the job that runs has ended. */
void wire_look(struct wire *w);

/* The port's HCA has said that it is not as it was, P_Keys included; if @reregister its
 * subnet's manager wants all registered anew.
 */
void wire_look_changed(struct wire *w, bool reregister);

/* Its HCA is gone, as was said in the log: look for it in a while. */
void wire_look_lost(struct wire *w);

/* No job runs, and none will. @w is freed with the loop's next turn. */
void wire_look_end(struct wire *w);

#endif
