// SPDX-License-Identifier: GPL-2.0-or-later
/* The subnet administrator: asked everything, and to act for others. */

#include "hostile.h"

#define CLASS_SA	0x03

enum {
	GET = 0x01,
	SET = 0x02,
	GET_TABLE = 0x12,
	GET_MULTI = 0x14,
	DELETE = 0x15,
};

enum {
	INFORM_INFO = 0x03,
	GUID_INFO_RECORD = 0x30,
	SERVICE_RECORD = 0x31,
	MCMEMBER_RECORD = 0x38,
	MULTI_PATH_RECORD = 0x3a,
};

/* Which components count. */
#define MCM_IDS		(1 << 0 | 1 << 1 | 1 << 16)
#define MCM_CREATE	0x130c7
#define SERVICE_IDS	(1 << 0 | 1 << 1 | 1 << 2)

static void request(struct hostile *h, u8 *mad, u8 method, u16 attribute, u64 mask)
{
	mad_head(mad, CLASS_SA, 2, method, attribute, chance_below(&h->chance, 4096));
	put64(mad + MAD_SA_MASK, mask);
}

static struct mad_to query(struct hostile *h, enum world_qp which, u8 *mad, u32 n)
{
	static const u16 attributes[] = { 0x01, 0x02, 0x03, 0x11, 0x12, 0x13, 0x14, 0x15,
					  0x16, 0x17, 0x18, 0x19, 0x20, 0x30, 0x31, 0x33,
					  0x35, 0x36, 0x38, 0x39, 0x3a, 0x3b, 0xf3, 0xffff };
	static const u8 asks[] = { GET, GET_TABLE, GET_TABLE, GET_MULTI, 0x13, 0x7f };

	request(h, mad, asks[chance_below(&h->chance, ARRAY_SIZE(asks))],
		attributes[chance_below(&h->chance, ARRAY_SIZE(attributes))],
		chance_one_in(&h->chance, 3) ? 0 : chance_odd(&h->chance));
	if (chance_one_in(&h->chance, 2))
		chance_fill(&h->chance, mad + MAD_SA_DATA, VIB_MAD_BYTES - MAD_SA_DATA);
	put32(mad + 20, chance_odd(&h->chance)); /* the modifier */
	put_gid(mad + MAD_SA_DATA + 8, any_victim_guid(h));
	put_gid(mad + MAD_SA_DATA + 24, any_victim_guid(h));
	return mad_to(which, MAD_SA_LID);
}

/* Every attribute and method, with any components, about itself and others. */
void attack_gsi_sa_queries(struct hostile *h)
{
	mads_send(h, QP_GSI, 32, query);
}

static void put_mgid(struct hostile *h, u8 *at, bool broadcast)
{
	at[0] = 0xff;
	at[1] = 0x12;
	if (!broadcast) {
		put32(at + 12, chance_below(&h->chance, 1024));
		return;
	}
	put32(at + 2, 0x401bffff);
	put32(at + 12, 0xffffffff);
}

static struct mad_to for_others(struct hostile *h, enum world_qp which, u8 *mad, u32 n)
{
	u8 method = chance_one_in(&h->chance, 2) ? SET : DELETE;

	switch (chance_below(&h->chance, 3)) {
	case 0:
		request(h, mad, method, MCMEMBER_RECORD,
			chance_one_in(&h->chance, 2) ? MCM_IDS : MCM_CREATE);
		put_mgid(h, mad + MAD_SA_DATA, true);
		put_gid(mad + MAD_SA_DATA + 16, any_victim_guid(h));
		put16(mad + MAD_SA_DATA + 40, 0xffff);
		mad[MAD_SA_DATA + 48] = chance_below(&h->chance, 16);
		mad[MAD_SA_DATA + 49] = 0x80; /* ProxyJoin */
		break;
	case 1:
		request(h, mad, method, SERVICE_RECORD, SERVICE_IDS);
		put64(mad + MAD_SA_DATA, chance_below(&h->chance, 64));
		put_gid(mad + MAD_SA_DATA + 8, any_victim_guid(h));
		put16(mad + MAD_SA_DATA + 24, 0xffff);
		break;
	default:
		request(h, mad, method, GUID_INFO_RECORD, 0x17);
		put16(mad + MAD_SA_DATA, victim(h, victim_lid));
		put64(mad + MAD_SA_DATA + 16, chance64(&h->chance));
		break;
	}
	return mad_to(which, MAD_SA_LID);
}

/* Memberships, services and GUIDs of others: made, changed, and above all deleted. */
void attack_gsi_sa_others(struct hostile *h)
{
	mads_send(h, QP_GSI, 32, for_others);
}

static struct mad_to for_itself(struct hostile *h, enum world_qp which, u8 *mad, u32 n)
{
	switch (chance_below(&h->chance, 4)) {
	case 0:
		request(h, mad, SET, SERVICE_RECORD, SERVICE_IDS);
		put64(mad + MAD_SA_DATA, chance64(&h->chance));
		put_gid(mad + MAD_SA_DATA + 8, h->port_guid);
		put16(mad + MAD_SA_DATA + 24, 0xffff);
		break;
	case 1:
		request(h, mad, SET, INFORM_INFO, 0);
		put16(mad + MAD_SA_DATA + 16, 0xffff);
		mad[MAD_SA_DATA + 22] = 1;
		mad[MAD_SA_DATA + 23] = chance_below(&h->chance, 2);
		put16(mad + MAD_SA_DATA + 24, 0xffff);
		put16(mad + MAD_SA_DATA + 26,
		      chance_one_in(&h->chance, 2) ? 0xffff : 64 + n % 4);
		memset(mad + MAD_SA_DATA + 33, 0xff, 3);
		break;
	default:
		request(h, mad, chance_one_in(&h->chance, 4) ? DELETE : SET,
			MCMEMBER_RECORD, MCM_CREATE);
		put_mgid(h, mad + MAD_SA_DATA, false);
		put_gid(mad + MAD_SA_DATA + 16, h->port_guid);
		put16(mad + MAD_SA_DATA + 40, 0xffff);
		mad[MAD_SA_DATA + 48] = chance_below(&h->chance, 16);
		break;
	}
	return mad_to(which, MAD_SA_LID);
}

/* More groups, memberships, services and subscriptions of its own than it may have. */
void attack_gsi_sa_quotas(struct hostile *h)
{
	u32 n;

	for (n = 0; n < 8; n++)
		if (!mads_send(h, QP_GSI, 32, for_itself))
			return;
}

/* An RMPP header of no sense, or nearly: type, flags, status, segment, length or window. */
static void put_rmpp(struct hostile *h, u8 *mad)
{
	mad[24] = chance_one_in(&h->chance, 16) ? chance32(&h->chance) : 1;
	mad[25] = chance_below(&h->chance, 6);
	mad[26] = 1 | chance_below(&h->chance, 8);
	mad[27] = chance_one_in(&h->chance, 4) ? chance32(&h->chance) : 0;
	put32(mad + 28, chance_one_in(&h->chance, 2) ? chance_below(&h->chance, 12) :
						       (u32)chance_odd(&h->chance));
	put32(mad + 32, chance_odd(&h->chance));
}

/* A request of segments, or for a table; @rmpp: as if it were under way. */
static void ask_segments(struct hostile *h, struct world_qp_state *qp, bool table,
			 u64 tid, bool rmpp)
{
	struct mad_to to = mad_to(QP_GSI, MAD_SA_LID);
	u8 *mad = mad_new(h);

	request(h, mad, table ? GET_TABLE : GET_MULTI,
		table ? MCMEMBER_RECORD : MULTI_PATH_RECORD, 0);
	put64(mad + 8, tid);
	if (rmpp)
		put_rmpp(h, mad);
	mad_send(h, qp, mad, &to);
}

/* Requests of segments that never come, tables that are acknowledged without end. */
void attack_gsi_sa_rmpp(struct hostile *h)
{
	struct world_qp_state *qp = qp_fresh(h, QP_GSI);
	bool table;
	u64 tid;
	u32 n;

	for (n = 0; qp && n < 16; n++) {
		table = n & 1;
		tid = chance_below(&h->chance, 64);
		ask_segments(h, qp, table, tid, !table);
		ask_segments(h, qp, table, tid, true);
		mad_pause();
	}
}
