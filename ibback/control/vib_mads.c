// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/vib_mads.h"

#include "control/backend.h"
#include "control/mads.h"
#include "control/vib_timer.h"
#include "engine/vhca.h"

/* Any thread: its guest sent a MAD. */
static void on_mad(void *arg)
{
	struct vib *vib = arg;

	uv_async_send(&vib->backend->mads);
}

static bool process_mad(void *arg, const uint8_t in[VIB_MAD_BYTES],
			uint8_t out[VIB_MAD_BYTES])
{
	struct vib *vib = arg;
	struct mad_taker *taker = vib->backend->mad_taker;

	return taker->process(taker, vib, in, out);
}

static struct mcast_rule mcast_rule(void *arg, const struct vib_gid *mgid)
{
	struct vib *vib = arg;
	struct mad_taker *taker = vib->backend->mad_taker;

	return taker->mcast_rule(taker, vib, mgid);
}

void vib_begin_mads(struct vib *vib)
{
	struct guest *guest = &vib->conn.guest;

	if (!vib->backend->mad_taker)
		return;
	vib->mads_wait = false;
	mad_serve(guest->vhca, on_mad, vib);
	guest->process_mad = process_mad;
	guest->mcast_rule = mcast_rule;
	guest->gsi_arg = vib;
}

void vib_end_mads(struct vib *vib)
{
	struct mad_taker *taker = vib->backend->mad_taker;

	vib->mads_wait = false;
	/* When ibback ends, all connections do; nobody has to be told. */
	if (taker && !vib->backend->stopping)
		taker->gone(taker, vib);
}

/* Take one. false: there is none, or it has to wait. */
static bool serve_mad(struct vib *vib)
{
	struct mad_taker *taker = vib->backend->mad_taker;
	struct vhca *vhca = vib->conn.guest.vhca;
	struct mad_packet packet;
	uint32_t wait;

	if (!vib->connected || vib->mads_wait || !mad_is_waiting(vhca))
		return false;
	wait = throttle_take(&vib->mads, uv_now(vib->backend->loop));
	if (wait) {
		vib->mads_put_off++;
		vib->mads_wait = true;
		vib_after(vib, wait);
		return false;
	}
	mad_take(vhca, &packet);
	taker->take(taker, vib, &packet);
	return true;
}

bool vib_serve_mads(struct vib *vib)
{
	unsigned int n = 0;

	while (n < MADS_A_TURN && serve_mad(vib))
		n++;
	return n == MADS_A_TURN;
}
