/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The timer of a vib, one for all of it that has to wait: what xenstore asks for, the
 * guest's events, its MADs. Belongs to the control thread.
 */
#ifndef XEN_IB_IBBACK_VIB_TIMER_H
#define XEN_IB_IBBACK_VIB_TIMER_H

#include "control/vib.h"

/* Look what waits in @ms milliseconds, or when the timer is due if that is sooner. */
void vib_after(struct vib *vib, uint32_t ms);

/* Have vib_process() run again in @ms milliseconds. */
void vib_process_after(struct vib *vib, uint32_t ms);

#endif
