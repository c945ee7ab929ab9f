// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/vib_serve.h"

#include <errno.h>
#include <string.h>

#include <urcu/compiler.h>

#include "control/backend.h"
#include "control/vib_log.h"
#include "control/vib_nodes.h"
#include "control/vib_timer.h"
#include "engine/clock.h"
#include "engine/vhca.h"

/* When work is left that no event announces. */
#define SERVICE_AGAIN_MS 10

static void serve(struct vib *vib)
{
	uint64_t start = clock_ns();
	const char *cause;
	uint32_t spent;
	int left;

	vib->masked = true;
	left = connection_service(&vib->conn, &vib->vport, &cause);
	if (left < 0) {
		vib_disconnect(vib);
		vib_refuse(vib, cause);
		vib_process_after(vib, 0);
		return;
	}
	/* Whose commands take long waits as long again, so that others have the half. */
	spent = (uint32_t)((clock_ns() - start) / 1000000);
	if (left > 0 || spent > 0) {
		vib_after(vib, left > 0 && spent < SERVICE_AGAIN_MS ? SERVICE_AGAIN_MS
								    : spent);
		return;
	}
	vib->masked = false;
	if (xenport_unmask(vib->backend->xp, vib->conn.port) < 0)
		vib_log(vib, LOG_LEVEL_ERR, "cannot unmask event channel: %s",
			strerror(errno));
}

void vib_event(struct vib *vib)
{
	uint32_t wait = throttle_take(&vib->events, uv_now(vib->backend->loop));

	if (wait) {
		vib->events_put_off++;
		vib->masked = true;
		vib_after(vib, wait);
		return;
	}
	serve(vib);
}

/* No event of the guest's, and nobody has more of these than his turn at the jobs. */
void vib_resumed(struct connection *conn)
{
	struct vib *vib = caa_container_of(conn, struct vib, conn);

	/* One that is served by the timer goes on then. */
	if (!vib->masked)
		serve(vib);
}

void vib_raise(void *arg)
{
	struct vib *vib = arg;

	__atomic_store_n(&vib->raised, true, __ATOMIC_RELEASE);
	uv_async_send(&vib->backend->raised);
}

/* Counted each time, said once of a vib: a guest can cause as many as it likes. */
static void say_drops(struct vib *vib)
{
	const struct vhca *vhca = vib->conn.guest.vhca;

	for (enum drop why = 1; why < DROPS; why++) {
		if (vib->drops_said & 1u << why || !drop_counted(vhca, why))
			continue;
		vib->drops_said |= 1u << why;
		vib_log(vib, LOG_LEVEL_WARN, "dropped: %s; no more is said of such",
			drop_text(why));
	}
}

void vib_raised(struct vib *vib)
{
	if (!__atomic_exchange_n(&vib->raised, false, __ATOMIC_ACQUIRE))
		return;
	if (vib->connected) {
		hca_serve(&vib->conn.guest);
		say_drops(vib);
	}
	/* One that is served by the timer finds them then. */
	if (vib->connected && !vib->masked)
		vib_event(vib);
}
