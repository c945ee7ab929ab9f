// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Address vectors, and handles of them.
 */

#include <rdma/ib_addr.h>

#include "ah.h"
#include "verbs.h"

void vib_av_from(struct vib_av *av, const struct rdma_ah_attr *ah)
{
	const struct ib_global_route *grh = &ah->grh;

	*av = (struct vib_av){
		.dlid = rdma_ah_get_dlid(ah),
		.sl = rdma_ah_get_sl(ah),
		.static_rate = rdma_ah_get_static_rate(ah),
	};
	if (!(rdma_ah_get_ah_flags(ah) & IB_AH_GRH))
		return;
	av->flags = VIB_AV_GRH;
	memcpy(av->dgid.raw, grh->dgid.raw, sizeof(av->dgid.raw));
	av->flow_label = grh->flow_label;
	av->sgid_index = grh->sgid_index;
	av->hop_limit = grh->hop_limit;
	av->traffic_class = grh->traffic_class;
}

void vib_av_to(const struct vib_av *av, struct ib_device *ibdev, u8 port,
	       struct rdma_ah_attr *ah)
{
	union ib_gid dgid;

	memset(ah, 0, sizeof(*ah));
	ah->type = rdma_ah_find_type(ibdev, port);
	rdma_ah_set_port_num(ah, port);
	rdma_ah_set_dlid(ah, av->dlid);
	rdma_ah_set_sl(ah, av->sl);
	rdma_ah_set_static_rate(ah, av->static_rate);
	if (!(av->flags & VIB_AV_GRH))
		return;
	memcpy(dgid.raw, av->dgid.raw, sizeof(dgid.raw));
	rdma_ah_set_grh(ah, &dgid, av->flow_label, av->sgid_index, av->hop_limit,
			av->traffic_class);
}

/* Nothing that sleeps: it may be created anywhere. */
int vib_verb_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *init,
		       struct ib_udata *udata)
{
	vib_av_from(&to_vib_ah(ibah)->av, init->ah_attr);
	return 0;
}

int vib_verb_query_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr)
{
	vib_av_to(&to_vib_ah(ibah)->av, ibah->device, VIB_PORT, attr);
	return 0;
}

int vib_verb_destroy_ah(struct ib_ah *ibah, u32 flags)
{
	return 0;
}
