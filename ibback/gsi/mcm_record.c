// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/mcm_record.h"

#include <stddef.h>

#include "gsi/be.h"
#include "gsi/rates.h"

#define AT(field) offsetof(struct umad_sa_mcmember_record, field)

void mcm_record_get(struct mcm_record *r, const uint8_t *p)
{
	uint32_t sl_flow_hop = be32_at(p + AT(sl_flow_hop));

	*r = (struct mcm_record){
		.group = {
			.qkey = be32_at(p + AT(qkey)),
			.mlid = be16_at(p + AT(mlid)),
			.mtu = p[AT(mtu)],
			.tclass = p[AT(tclass)],
			.pkey = be16_at(p + AT(pkey)),
			.rate = p[AT(rate)],
			.life = p[AT(pkt_life)],
			.sl = (uint8_t)(sl_flow_hop >> 28),
			.flow_label = sl_flow_hop >> 8 & 0xfffff,
			.hop_limit = sl_flow_hop & 0xff,
			.scope = p[AT(scope_state)] >> 4,
		},
		.join_state = p[AT(scope_state)] & 0xf,
		.proxy_join = p[AT(proxy_join)] >> 7,
	};
	memcpy(&r->group.mgid, p + AT(mgid), sizeof(r->group.mgid));
	memcpy(&r->port_gid, p + AT(portgid), sizeof(r->port_gid));
}

void mcm_record_put(uint8_t *p, const struct mcm_record *r)
{
	const struct mcm_group *g = &r->group;

	memset(p, 0, MCM_RECORD_SIZE);
	memcpy(p + AT(mgid), &g->mgid, sizeof(g->mgid));
	memcpy(p + AT(portgid), &r->port_gid, sizeof(r->port_gid));
	put_be32(p + AT(qkey), g->qkey);
	put_be16(p + AT(mlid), g->mlid);
	p[AT(mtu)] = exactly(g->mtu);
	p[AT(tclass)] = g->tclass;
	put_be16(p + AT(pkey), g->pkey);
	p[AT(rate)] = exactly(g->rate);
	p[AT(pkt_life)] = exactly(g->life);
	put_be32(p + AT(sl_flow_hop),
		 (uint32_t)g->sl << 28 | (g->flow_label & 0xfffff) << 8 | g->hop_limit);
	p[AT(scope_state)] = (uint8_t)(g->scope << 4 | (r->join_state & 0xf));
	p[AT(proxy_join)] = r->proxy_join ? 0x80 : 0;
}
