// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/vib_timer.h"

#include "control/backend.h"
#include "control/vib_serve.h"

static void on_timer(uv_timer_t *timer)
{
	struct vib *vib = timer->data;

	if (vib->connected && vib->masked)
		vib_event(vib);
	if (vib->mads_wait) {
		vib->mads_wait = false;
		uv_async_send(&vib->backend->mads);
	}
	if (vib->process_due) {
		vib->dirty = true;
		backend_process(vib->backend); /* which may free the vib */
	}
}

void vib_after(struct vib *vib, uint32_t ms)
{
	uv_update_time(vib->backend->loop); /* or it counts from before what took long */
	if (!uv_is_active((uv_handle_t *)&vib->timer) ||
	    uv_timer_get_due_in(&vib->timer) > ms)
		uv_timer_start(&vib->timer, on_timer, ms, 0);
}

void vib_process_after(struct vib *vib, uint32_t ms)
{
	vib->process_due = true;
	vib_after(vib, ms);
}
