// SPDX-License-Identifier: GPL-2.0-or-later
/* MADs: written into memory of MR_ALL, and sent by QP0 or QP1. */

#include <linux/delay.h>

#include "hostile.h"

/* The last of its pages; as many as the send queues of both hold, and more. */
#define MADS		256
#define QKEY_GSI	0x80010000

void put16(u8 *at, u16 value)
{
	__be16 v = cpu_to_be16(value);

	memcpy(at, &v, sizeof(v));
}

void put32(u8 *at, u32 value)
{
	__be32 v = cpu_to_be32(value);

	memcpy(at, &v, sizeof(v));
}

void put64(u8 *at, u64 value)
{
	__be64 v = cpu_to_be64(value);

	memcpy(at, &v, sizeof(v));
}

void put_gid(u8 *at, __be64 guid)
{
	put64(at, 0xfe80000000000000);
	memcpy(at + 8, &guid, sizeof(guid));
}

__be64 any_victim_guid(struct hostile *h)
{
	u64 guid = victim_guid[chance_below(&h->chance, VICTIMS)] ?: victim_guid[0];

	return guid ? cpu_to_be64(guid) : h->port_guid;
}

u8 *mad_new(struct hostile *h)
{
	const struct area *area = h->world.mrs[MR_ALL].area;
	u8 *mad = area->va + area->count * PAGE_SIZE -
		  (1 + h->mads++ % MADS) * VIB_MAD_BYTES;

	memset(mad, 0, VIB_MAD_BYTES);
	return mad;
}

void mad_head(u8 *mad, u8 class, u8 version, u8 method, u16 attribute, u64 tid)
{
	mad[0] = 1;
	mad[1] = class;
	mad[2] = version;
	mad[3] = method;
	put64(mad + 8, tid);
	put16(mad + 16, attribute);
}

struct mad_to mad_to(enum world_qp which, u16 dlid)
{
	return (struct mad_to){
		.av = { .dlid = dlid },
		.qpn = which == QP_GSI,
		.qkey = which == QP_GSI ? QKEY_GSI : 0,
		.length = VIB_MAD_BYTES,
	};
}

static u16 any_lid(struct hostile *h)
{
	switch (chance_below(&h->chance, 6)) {
	case 0:
		return MAD_SA_LID;
	case 1:
		return h->lid;
	case 2:
		return 0xffff;
	case 3:
		return chance_odd(&h->chance);
	default:
		return victim(h, victim_lid);
	}
}

static void any_grh(struct hostile *h, struct vib_av *av)
{
	/* The SA's GID, a victim's, or any. */
	if (chance_one_in(&h->chance, 3))
		put_gid(av->dgid.raw, cpu_to_be64(0x0200000000000002));
	else if (chance_one_in(&h->chance, 2))
		put_gid(av->dgid.raw, any_victim_guid(h));
	else
		chance_fill(&h->chance, &av->dgid, sizeof(av->dgid));
	av->flags = VIB_AV_GRH;
	av->sgid_index = chance_one_in(&h->chance, 4) ? chance_odd(&h->chance) : 0;
	av->hop_limit = chance32(&h->chance);
	av->traffic_class = chance32(&h->chance);
	av->flow_label = chance32(&h->chance);
}

struct mad_to mad_to_any(struct hostile *h, enum world_qp which)
{
	struct mad_to to = mad_to(which, any_lid(h));

	if (chance_one_in(&h->chance, 3))
		any_grh(h, &to.av);
	if (chance_one_in(&h->chance, 8))
		to.pkey_index = chance_odd(&h->chance);
	if (chance_one_in(&h->chance, 8))
		to.qkey = chance_odd(&h->chance);
	if (chance_one_in(&h->chance, 8))
		to.qpn = chance_one_in(&h->chance, 2) ? victim(h, victim_qpn) :
							(u32)chance_odd(&h->chance);
	return to;
}

void mad_send(struct hostile *h, struct world_qp_state *qp, const u8 *mad,
	      const struct mad_to *to)
{
	const struct world_mr_state *mr = &h->world.mrs[MR_ALL];
	struct vib_sge sge = { mr->iova + (mad - (const u8 *)mr->area->va), to->length,
			       mr->key };
	struct vib_send_wqe *slot = vib_queue_next_slot(&qp->sq);

	vib_put_send(slot, VIB_OP_SEND, 0, 0, 0);
	vib_put_amount(slot, 1, 0);
	vib_put_ud(slot, to->qpn, to->qkey, &to->av, to->pkey_index);
	memcpy(vib_send_data(slot, VIB_OP_SEND, qp->type), &sge, sizeof(sge));
	qp_publish(h, qp);
}

void mad_pause(void)
{
	usleep_range(500, 1000);
}

bool mads_send(struct hostile *h, enum world_qp which, u32 count,
	       struct mad_to (*make)(struct hostile *h, enum world_qp which, u8 *mad,
				     u32 n))
{
	struct world_qp_state *qp = qp_fresh(h, which);
	struct mad_to to;
	u8 *mad;
	u32 n;

	if (!qp)
		return false;
	for (n = 0; n < count; n++) {
		mad = mad_new(h);
		to = make(h, which, mad, n);
		mad_send(h, qp, mad, &to);
	}
	mad_pause();
	return true;
}
