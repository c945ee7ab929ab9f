// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/vib_hca.h"

#include "control/backend.h"
#include "engine/vhca.h"

static bool is_local(void *arg, const struct vib_av *av)
{
	const struct vib *vib = arg;

	return fabric_is_at(vib->vport.fabric, av);
}

static bool gid_of_lid(void *arg, uint16_t lid, struct vib_gid *gid)
{
	const struct fabric *fabric = ((const struct vib *)arg)->vport.fabric;

	if (fabric_gid_at(fabric, lid, gid))
		return true;
	return fabric->gid_of_lid && fabric->gid_of_lid(fabric->gid_of_lid_arg, lid, gid);
}

/* What the administrator wants, of what the HCA can. */
static bool offers_frwr(const struct fabric *fabric)
{
	if (!wire_has_windows(fabric->wire) || fabric->frwr == FABRIC_FRWR_NO)
		return false;
	return fabric->frwr == FABRIC_FRWR_YES || !wire_is_rxe(fabric->wire);
}

int vib_open_hca(struct vib *vib)
{
	struct guest *guest = &vib->conn.guest;
	const struct fabric *fabric = vib->vport.fabric;
	struct wire_port *wire = fabric->wire;

	if (!wire || !vib->backend->hca_jobs) {
		vhca_reach_grants(guest->vhca, vib->backend->xp, vib->domid);
		return 0;
	}
	if (hca_open(guest, wire, (uint64_t)fabric->max_hca_mem << 20,
		     vib->backend->hca_jobs) < 0)
		return -1;
	guest->hca.frwr = offers_frwr(fabric);
	guest->hca.is_local = is_local;
	guest->hca.gid_of_lid = gid_of_lid;
	guest->hca.arg = vib;
	return 0;
}
