// SPDX-License-Identifier: GPL-2.0-or-later
/* Address handles. */
#include <errno.h>
#include <string.h>

#include "wire/parts.h"

int wire_av_fill(const struct wire_port *port, const struct vib_av *av,
		 const struct vib_gid *from, struct ibv_ah_attr *ah)
{
	int index;

	memset(ah, 0, sizeof(*ah));
	ah->port_num = port->number;
	ah->sl = av->sl & 0xf; /* drivers shift it among other bits */
	ah->static_rate = av->static_rate;
	ah->dlid = port->ethernet ? 0 : av->dlid;
	ah->is_global = !!(av->flags & VIB_AV_GRH);
	if (!ah->is_global)
		return port->ethernet ? -EINVAL : 0; /* RoCE has no LIDs */
	/* Nobody sends with another's GID: it is looked up by what the vport has. */
	index = wire_port_gid_index(port, from);
	if (index < 0 || index > UINT8_MAX)
		return -EINVAL;
	memcpy(ah->grh.dgid.raw, av->dgid.raw, sizeof(ah->grh.dgid.raw));
	ah->grh.sgid_index = (uint8_t)index;
	ah->grh.flow_label = av->flow_label;
	ah->grh.hop_limit = av->hop_limit ? av->hop_limit : WIRE_HOP_LIMIT;
	ah->grh.traffic_class = av->traffic_class;
	return 0;
}

void *wire_ah_new(struct wire_guest *g, const struct wire_ah_key *key)
{
	struct ibv_ah_attr attr;

	if (wire_av_fill(g->port, &key->av, &key->from, &attr) < 0)
		return NULL;
	/* There is our PD: the QP that asks is of it. */
	return ibv_create_ah(g->own_pd->pd, &attr);
}

void wire_ah_end(void *ah)
{
	(void)ibv_destroy_ah(ah);
}

void wire_ah_end_unused(struct wire_guest *g)
{
	void *ah;

	while ((ah = wire_ah_take_unused(&g->wire)))
		wire_ah_end(ah);
}
