/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pollers see of a vport: its addresses, P_Keys and link, as they were at
 * one moment. Never changed; the control thread puts a new one in its place.
 */
#ifndef XEN_IB_IBBACK_PORT_VIEW_H
#define XEN_IB_IBBACK_PORT_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <xen-ib/port.h>
#include <xen-ib/queue.h>

struct port_view {
	uint64_t id;        /* no other view ever has it */
	const void *fabric; /* vports with the same one reach each other */
	bool up;
	bool cut; /* its administrator took the link down: a peer, too, reaches nothing */
	uint16_t lid;
	uint32_t mtu;                      /* bytes */
	struct vib_gid gids[VIB_MAX_GIDS]; /* zero where there is none */
	uint16_t pkeys[VIB_MAX_PKEYS];     /* the same */
};

/* IBTA vol. 1 §4.1.1: a multicast GID begins with 0xff. */
static inline bool gid_is_multicast(const struct vib_gid *gid)
{
	return gid->raw[0] == 0xff;
}

static inline bool gid_is_zero(const struct vib_gid *gid)
{
	static const struct vib_gid zero;

	return memcmp(gid, &zero, sizeof(zero)) == 0;
}

/* True if @av, used on the same fabric, names the port of @view. */
static inline bool port_view_is_at(const struct port_view *view, const struct vib_av *av)
{
	if (!(av->flags & VIB_AV_GRH))
		return av->dlid == view->lid;
	if (gid_is_zero(&av->dgid))
		return false;
	for (unsigned int i = 0; i < VIB_MAX_GIDS; i++)
		if (memcmp(&view->gids[i], &av->dgid, sizeof(av->dgid)) == 0)
			return true;
	return false;
}

/* IBTA vol. 1 §10.9.1.2: the same key, and not both limited members. */
static inline bool pkeys_match(uint16_t a, uint16_t b)
{
	return (a & 0x7fff) && (a & 0x7fff) == (b & 0x7fff) && ((a | b) & 0x8000);
}

#endif
