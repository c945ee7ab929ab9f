// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QP0 and QP1: MADs of all classes, to the subnet's services and to the innocent, with
 * others' names in them; and groups that it was not asked into.
 */

#include <linux/delay.h>

#include "hostile.h"

enum {
	CLASS_SMP = 0x01,
	CLASS_SA = 0x03,
	CLASS_PERF = 0x04,
	CLASS_CM = 0x07,
	CLASS_DIRECTED = 0x81,
};

static const u8 classes[] = { CLASS_SMP, CLASS_SA, CLASS_PERF, 0x05, 0x06, CLASS_CM,
			      0x08, 0x09, 0x0a, 0x10, 0x21, 0x30, 0x32, 0x4f, 0x7f,
			      CLASS_DIRECTED, 0xff };
static const u8 methods[] = { 0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x12, 0x13, 0x14,
			      0x15, 0x7f, 0x81, 0x83, 0x86, 0x92, 0x94, 0x95, 0xff };

static u8 any_class(struct hostile *h)
{
	return classes[chance_below(&h->chance, ARRAY_SIZE(classes))];
}

static u8 any_method(struct hostile *h)
{
	return methods[chance_below(&h->chance, ARRAY_SIZE(methods))];
}

static struct mad_to garbage(struct hostile *h, enum world_qp which, u8 *mad, u32 n)
{
	struct mad_to to;

	chance_fill(&h->chance, mad, VIB_MAD_BYTES);
	if (!chance_one_in(&h->chance, 8))
		mad_head(mad, any_class(h), chance_below(&h->chance, 3), any_method(h),
			 chance_below(&h->chance, 64), chance64(&h->chance));
	to = mad_to_any(h, which);
	/* A longer one than there are fails, and the rest of them with it. */
	if (chance_one_in(&h->chance, 64))
		to.length = chance_odd(&h->chance);
	else if (chance_one_in(&h->chance, 4))
		to.length = chance_below(&h->chance, 257);
	return to;
}

/* Bytes of no sense behind a header of some, of any length, from anywhere to anywhere. */
void attack_gsi_garbage(struct hostile *h)
{
	mads_send(h, chance_one_in(&h->chance, 4) ? QP_SMI : QP_GSI, 32, garbage);
}

static struct mad_to smp(struct hostile *h, enum world_qp which, u8 *mad, u32 n)
{
	static const u16 attributes[] = { 0x02, 0x10, 0x11, 0x12, 0x14, 0x15, 0x16, 0x17,
					  0x18, 0x19, 0x1a, 0x1b, 0x20, 0x31, 0xff00 };

	chance_fill(&h->chance, mad + MAD_DATA, VIB_MAD_BYTES - MAD_DATA);
	mad_head(mad, n & 1 ? CLASS_DIRECTED : CLASS_SMP, 1,
		 chance_one_in(&h->chance, 2) ? 0x02 : any_method(h),
		 attributes[chance_below(&h->chance, ARRAY_SIZE(attributes))],
		 chance64(&h->chance));
	mad[6] = chance_below(&h->chance, 66); /* hop pointer and count */
	mad[7] = chance_one_in(&h->chance, 2) ? 0 : chance_below(&h->chance, 66);
	put32(mad + 20, chance_odd(&h->chance));
	return mad_to_any(h, which);
}

/* To manage the subnet: ports' own attributes set, by LID and by routes of many hops. */
void attack_gsi_smps(struct hostile *h)
{
	mads_send(h, QP_SMI, 32, smp);
}

/* Three in four to a victim, as it should be; the rest to anybody, and nearly so. */
static struct mad_to to_a_victim(struct hostile *h, enum world_qp which)
{
	struct mad_to to = mad_to(which, victim(h, victim_lid));

	return chance_one_in(&h->chance, 4) ? mad_to_any(h, which) : to;
}

static void put_cm_names(struct hostile *h, u8 *mad)
{
	bool forged = chance_one_in(&h->chance, 2);
	__be64 node = forged ? any_victim_guid(h) : h->node_guid;
	__be64 port = forged ? any_victim_guid(h) : h->port_guid;
	u8 *req = mad + MAD_DATA;

	/* Communication ids are counted up from random ones, or are small. */
	put32(req, chance_one_in(&h->chance, 2) ? chance_below(&h->chance, 64) :
						  chance32(&h->chance));
	if (mad[17] != 0x10) {
		put32(req + 4, chance_one_in(&h->chance, 2) ? chance_below(&h->chance, 64) :
							      chance32(&h->chance));
		memcpy(req + 28, &node, sizeof(node)); /* of a REP */
		if (mad[17] == 0x12 && chance_one_in(&h->chance, 2)) {
			put16(req + 10, 4); /* a REJ of who gave up */
			memcpy(req + 12, &node, sizeof(node));
		}
		return;
	}
	/* REQ: service of rdma_cm's TCP port space, CA GUID, path from here to there. */
	put64(req + 8, 0x0000000001060000 + chance_below(&h->chance, 65536));
	memcpy(req + 16, &node, sizeof(node));
	put16(req + 52, forged ? victim(h, victim_lid) : h->lid);
	put16(req + 54, victim(h, victim_lid));
	put_gid(req + 56, port);
	put_gid(req + 72, any_victim_guid(h));
	memset(req + 96, 0, 44); /* no alternate path */
}

static struct mad_to cm(struct hostile *h, enum world_qp which, u8 *mad, u32 n)
{
	chance_fill(&h->chance, mad + MAD_DATA, VIB_MAD_BYTES - MAD_DATA);
	mad_head(mad, CLASS_CM, 2, chance_one_in(&h->chance, 8) ? any_method(h) : 0x03,
		 0x10 + chance_below(&h->chance, 12), chance_below(&h->chance, 256));
	put_cm_names(h, mad);
	return to_a_victim(h, which);
}

/* Requests for connections, answers to those of others, and the ends of theirs. */
void attack_gsi_cm(struct hostile *h)
{
	mads_send(h, QP_GSI, 32, cm);
}

static struct mad_to claim(struct hostile *h, enum world_qp which, u8 *mad, u32 n)
{
	static const u8 said[] = { 0x81, 0x92, 0x94, 0x95, 0x06, 0x05, 0x86, 0x07 };

	/* Linux' TIDs: the agent's number, and a count. */
	mad_head(mad, CLASS_SA, 2, said[chance_below(&h->chance, ARRAY_SIZE(said))],
		 chance_one_in(&h->chance, 2) ? 0x35 : 0x38,
		 (u64)chance_below(&h->chance, 16) << 32 |
			 chance_below(&h->chance, 1024));
	mad[24] = 1; /* RMPP: version, DATA, active */
	mad[25] = chance_below(&h->chance, 5);
	mad[26] = chance_below(&h->chance, 8);
	put_gid(mad + MAD_SA_DATA + 8, any_victim_guid(h));
	put_gid(mad + MAD_SA_DATA + 24, h->port_guid);
	put16(mad + MAD_SA_DATA + 40, h->lid);
	return to_a_victim(h, which);
}

/* What only the SA says: answers with paths to itself, Reports, Traps. */
void attack_gsi_claims(struct hostile *h)
{
	mads_send(h, QP_GSI, 32, claim);
}

static struct mad_to counters(struct hostile *h, enum world_qp which, u8 *mad, u32 n)
{
	static const u16 attributes[] = { 0x01, 0x10, 0x12, 0x13, 0x14, 0x15, 0x1d };

	mad_head(mad, CLASS_PERF, 1, 1 + chance_below(&h->chance, 2),
		 attributes[chance_below(&h->chance, ARRAY_SIZE(attributes))], n);
	mad[MAD_SMP_DATA + 1] = chance_one_in(&h->chance, 4) ? chance32(&h->chance) :
							       VIB_PORT;
	put16(mad + MAD_SMP_DATA + 2, chance_odd(&h->chance));
	return mad_to(which, victim(h, victim_lid));
}

/* Counters of others, which it may read, and not clear. */
void attack_gsi_counters(struct hostile *h)
{
	mads_send(h, QP_GSI, 32, counters);
}

/* Those that cost the SA or the innocent most. */
static struct mad_to costly(struct hostile *h, enum world_qp which, u8 *mad, u32 n)
{
	if (n % 2) {
		mad_head(mad, CLASS_CM, 2, 0x03, 0x14, n);
		return mad_to(which, victim(h, victim_lid));
	}
	mad_head(mad, CLASS_SA, 2, 0x12, n % 4 ? 0x11 : 0x38, n);
	return mad_to(which, MAD_SA_LID);
}

/* As many as a queue holds, and again, while some of the last ones wait. */
void attack_gsi_flood(struct hostile *h)
{
	u32 n;

	for (n = 0; n < 16 && hostile_goes_on(h); n++)
		if (!mads_send(h, QP_GSI, 60, costly))
			return;
}

/* ---- what is said in groups of others -------------------------------------- */

#define IPOIB_QKEY	0x0b1b
#define EARS		8
#define EAR_BYTES	4096

static const u8 broadcast[16] = { 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff, [12] = 0xff, 0xff,
				  0xff, 0xff };

static void set_qkey(struct hostile *h, u32 qkey)
{
	struct vib_control_request request = { .operation = VIB_CMD_MODIFY_QP };
	struct vib_control_response response;

	request.u.modify_qp.qpn = h->world.qps[QP_UD].number;
	request.u.modify_qp.mask = VIB_QP_QKEY;
	request.u.modify_qp.attr.qkey = qkey;
	(void)command(h, &request, &response);
}

static void attach(struct hostile *h, u16 operation)
{
	struct vib_control_request request = { .operation = operation };
	struct vib_control_response response;

	request.u.mcast.qpn = h->world.qps[QP_UD].number;
	memcpy(&request.u.mcast.mgid, broadcast, sizeof(broadcast));
	request.u.mcast.mlid = 0xc000;
	(void)command(h, &request, &response);
}

static void listen(struct hostile *h)
{
	const struct world_mr_state *mr = &h->world.mrs[MR_ALL];
	struct vib_queue *rq = &h->world.qps[QP_UD].rq;
	struct vib_sge sge = { mr->iova, EAR_BYTES, mr->key };
	u32 i;

	memset(mr->area->va, 0, EARS * EAR_BYTES);
	for (i = 0; i < EARS; i++, sge.addr += EAR_BYTES) {
		vib_put_recv(vib_queue_next_slot(rq), i, 1, &sge);
		vib_queue_produce(rq);
	}
}

/* A GRH from a victim to the group. */
static bool was_heard(const u8 *grh)
{
	u8 gid[16];
	u32 i;

	for (i = 0; i < VICTIMS; i++) {
		put_gid(gid, cpu_to_be64(victim_guid[i]));
		if (victim_guid[i] && !memcmp(grh + 8, gid, sizeof(gid)) &&
		    !memcmp(grh + 24, broadcast, sizeof(broadcast)))
			return true;
	}
	return false;
}

/*
 * Attached to IPoIB's broadcast group, with the Q_Key that all know, and no member of
 * it: no attack joins that.
 */
void attack_gsi_eavesdrop(struct hostile *h)
{
	const u8 *ears = h->world.mrs[MR_ALL].area->va;
	u32 i;

	if (!qp_fresh(h, QP_UD))
		return;
	set_qkey(h, IPOIB_QKEY);
	attach(h, VIB_CMD_ATTACH_MCAST);
	listen(h);
	msleep(200);
	for (i = 0; i < EARS; i++)
		if (was_heard(ears + i * EAR_BYTES))
			tally(TALLY_HEARD);
	attach(h, VIB_CMD_DETACH_MCAST);
	set_qkey(h, 0x1234);
}
