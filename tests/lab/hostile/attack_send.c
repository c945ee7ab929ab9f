// SPDX-License-Identifier: GPL-2.0-or-later
/* Send queues: requests that are wrong, of others, or change. */

#include <linux/delay.h>

#include "hostile.h"

static const u8 opcodes[] = {
	VIB_OP_RDMA_WRITE, VIB_OP_RDMA_WRITE_IMM, VIB_OP_SEND, VIB_OP_SEND_IMM,
	VIB_OP_RDMA_READ, VIB_OP_CMP_SWAP, VIB_OP_FETCH_ADD, VIB_OP_LOCAL_INV,
	VIB_OP_BIND_MW, VIB_OP_SEND_INV, VIB_OP_LSO, 14, VIB_OP_ATOMIC_WRITE,
	VIB_OP_REG_MR, 33, 0xff,
};

static u8 any_opcode(struct hostile *h)
{
	return opcodes[chance_below(&h->chance, ARRAY_SIZE(opcodes))];
}

static struct world_qp_state *any_sender(struct hostile *h)
{
	enum world_qp which = chance_below(&h->chance, WORLD_QPS - 1);

	return qp_ready(h, which < QP_XRC_TGT ? which : which + 1);
}

static const struct world_mr_state *any_mr(struct hostile *h)
{
	return &h->world.mrs[chance_below(&h->chance, WORLD_MRS)];
}

/* A key: right, of somebody else, or nearly right. */
static u32 any_key(struct hostile *h)
{
	switch (chance_below(&h->chance, 6)) {
	case 0:
		return chance_odd(&h->chance);
	case 1:
		return victim(h, victim_rkey);
	case 2:
		return h->world.mws[chance_below(&h->chance, WORLD_MWS)];
	case 3:
		return any_mr(h)->key + 1;
	default:
		return any_mr(h)->key;
	}
}

static u64 any_address(struct hostile *h)
{
	const struct world_mr_state *mr = any_mr(h);

	switch (chance_below(&h->chance, 4)) {
	case 0:
		return chance_odd(&h->chance);
	case 1:
		return mr->iova + mr->length - chance_below(&h->chance, 64);
	case 2:
		return victim_address(h);
	default:
		return mr->iova + chance_below(&h->chance, 64);
	}
}

static u32 any_length(struct hostile *h)
{
	return chance_one_in(&h->chance, 2) ? chance_below(&h->chance, 4096) :
					      chance_odd(&h->chance);
}

static void put_sges(struct hostile *h, struct world_qp_state *qp,
		     struct vib_send_wqe *slot)
{
	u32 at = vib_send_data_offset(slot->opcode, qp->type);
	struct vib_sge sge;

	for (; at + sizeof(sge) <= qp->sq.stride; at += sizeof(sge)) {
		sge = (struct vib_sge){ any_address(h), any_length(h), any_key(h) };
		memcpy((u8 *)slot + at, &sge, sizeof(sge));
	}
}

/* Where it goes: the operands of all opcodes overlap. */
static void put_operands(struct hostile *h, struct world_qp_state *qp,
			 struct vib_send_wqe *slot)
{
	struct vib_av av = { .dlid = h->lid };

	if (vib_qp_type_is_datagram(qp->type)) {
		if (chance_one_in(&h->chance, 2))
			chance_fill(&h->chance, &av, sizeof(av));
		vib_put_ud(slot, chance_one_in(&h->chance, 2) ? qp->number :
								victim(h, victim_qpn),
			   0x1234, &av, chance_odd(&h->chance));
		slot->u.ud.mss = chance_odd(&h->chance);
		return;
	}
	vib_put_atomic(slot, any_address(h), any_key(h), chance64(&h->chance),
		       chance64(&h->chance));
	if (qp->type == VIB_QPT_XRC_INI)
		vib_put_xrc(slot, chance_one_in(&h->chance, 2) ?
					  h->world.xrc_srq :
					  (u32)chance_odd(&h->chance));
}

static void put_crafted(struct hostile *h, struct world_qp_state *qp, u8 opcode)
{
	struct vib_send_wqe *slot = vib_queue_next_slot(&qp->sq);

	vib_put_send(slot, opcode, chance_below(&h->chance, 32), chance64(&h->chance),
		     (__force __be32)any_key(h));
	vib_put_amount(slot, chance_one_in(&h->chance, 4) ? chance_odd(&h->chance) :
							    chance_below(&h->chance, 5),
		       any_length(h));
	put_operands(h, qp, slot);
	put_sges(h, qp, slot);
	qp_publish(h, qp);
}

void attack_send_random(struct hostile *h)
{
	struct world_qp_state *qp = any_sender(h);
	u32 n = 1 + chance_below(&h->chance, 16);

	if (!qp)
		return;
	while (n--) {
		chance_fill(&h->chance, vib_queue_next_slot(&qp->sq), qp->sq.stride);
		vib_write32((u32 *)vib_queue_next_slot(&qp->sq), 0);
		qp_publish(h, qp);
	}
	usleep_range(500, 1000);
}

void attack_send_crafted(struct hostile *h)
{
	struct world_qp_state *qp;
	u32 n;

	for (n = 0; n < ARRAY_SIZE(opcodes) && hostile_goes_on(h); n++) {
		qp = any_sender(h); /* each may be the end of it */
		if (!qp)
			return;
		put_crafted(h, qp, n & 1 ? opcodes[n] : any_opcode(h));
		if (chance_one_in(&h->chance, 4))
			put_crafted(h, qp, any_opcode(h));
		usleep_range(200, 500);
	}
}

/* All right but for lengths near 2^31 and 2^32, and their sums. */
void attack_send_lengths(struct hostile *h)
{
	static const u32 lengths[] = { 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff,
				       0xfffff000, 0x40000000, 0, 1 };
	const struct world_mr_state *mr;
	struct vib_send_wqe *slot;
	struct world_qp_state *qp;
	struct vib_sge sge;
	u32 n, i;

	for (n = 0; n < 8 && hostile_goes_on(h); n++) {
		qp = any_sender(h);
		if (!qp)
			return;
		mr = &h->world.mrs[chance_one_in(&h->chance, 2) ? MR_ALL : MR_HIGH];
		slot = vib_queue_next_slot(&qp->sq);
		vib_put_send(slot, any_opcode(h), 0, n, 0);
		vib_put_amount(slot, 4, 0);
		put_operands(h, qp, slot);
		if (!vib_qp_type_is_datagram(qp->type))
			vib_put_rdma(slot, mr->iova + chance_below(&h->chance, 2) *
						   (mr->length - 1), mr->key);
		for (i = 0; i < 4; i++) {
			sge = (struct vib_sge){
				mr->iova,
				lengths[chance_below(&h->chance, ARRAY_SIZE(lengths))],
				mr->key,
			};
			if (vib_send_data_offset(slot->opcode, qp->type) +
				    (i + 1) * sizeof(sge) <= qp->sq.stride)
				memcpy((u8 *)vib_send_data(slot, slot->opcode, qp->type) +
					       i * sizeof(sge), &sge, sizeof(sge));
		}
		qp_publish(h, qp);
		usleep_range(200, 500);
	}
}

/* The pair's own memory, by all that a peer of it would know. */
void attack_send_to_victim(struct hostile *h)
{
	static const u8 remote[] = { VIB_OP_RDMA_WRITE, VIB_OP_RDMA_WRITE_IMM,
				     VIB_OP_RDMA_READ, VIB_OP_SEND, VIB_OP_SEND_INV,
				     VIB_OP_CMP_SWAP, VIB_OP_FETCH_ADD,
				     VIB_OP_ATOMIC_WRITE };
	static const enum world_qp from[] = { QP_RC_VICTIM, QP_UC_VICTIM, QP_RC_A,
					      QP_RC_SRQ, QP_UC, QP_XRC_INI };
	const struct world_mr_state *mr = &h->world.mrs[MR_ALL];
	struct vib_sge sge = { mr->iova, 8, mr->key };
	struct vib_send_wqe *slot;
	struct world_qp_state *qp;
	u8 opcode;
	u32 n;

	for (n = 0; n < ARRAY_SIZE(remote) && hostile_goes_on(h); n++) {
		qp = qp_ready(h, from[chance_below(&h->chance, ARRAY_SIZE(from))]);
		if (!qp)
			return;
		opcode = remote[n];
		slot = vib_queue_next_slot(&qp->sq);
		vib_put_send(slot, opcode, VIB_SEND_SOLICITED, n,
			     (__force __be32)victim(h, victim_rkey));
		vib_put_amount(slot, 1, 0);
		vib_put_atomic(slot, victim_address(h), victim(h, victim_rkey), 0, ~0ull);
		memcpy(vib_send_data(slot, opcode, qp->type), &sge, sizeof(sge));
		qp_publish(h, qp);
		usleep_range(200, 500);
	}
}

static void put_datagram(struct hostile *h, struct world_qp_state *qp,
			 const struct vib_av *av, u32 qpn, u32 length)
{
	const struct world_mr_state *mr = &h->world.mrs[MR_ALL];
	struct vib_sge sge = { mr->iova, length, mr->key };
	struct vib_send_wqe *slot = vib_queue_next_slot(&qp->sq);

	vib_put_send(slot, VIB_OP_SEND, 0, 0, 0);
	vib_put_amount(slot, 1, 0);
	vib_put_ud(slot, qpn, 0x1234, av, 0);
	memcpy(vib_send_data(slot, VIB_OP_SEND, VIB_QPT_UD), &sge, sizeof(sge));
	qp_publish(h, qp);
}

/* To the pair's QPs, which are no UD, to ports and QPs that are none, to itself. */
void attack_send_datagrams(struct hostile *h)
{
	struct world_qp_state *qp = qp_ready(h, chance_one_in(&h->chance, 2) ? QP_UD :
									       QP_UD_SRQ);
	struct vib_av av;
	u32 n;

	for (n = 0; qp && n < 32; n++) {
		av = (struct vib_av){ .dlid = victim(h, victim_lid) };
		if (chance_one_in(&h->chance, 4))
			chance_fill(&h->chance, &av, sizeof(av));
		put_datagram(h, qp, &av,
			     chance_one_in(&h->chance, 2) ? victim(h, victim_qpn) :
			     chance_one_in(&h->chance, 2) ? qp->number :
							    (u32)chance_odd(&h->chance),
			     chance_below(&h->chance, 4200));
	}
	usleep_range(500, 1000);
}

/* A group of all its UD QPs, flooded. */
void attack_send_multicast(struct hostile *h)
{
	struct vib_control_request request = { .operation = VIB_CMD_ATTACH_MCAST };
	struct vib_av av = { .dlid = 0xc001, .flags = VIB_AV_GRH };
	struct world_qp_state *qp = qp_ready(h, QP_UD);
	u32 n;

	if (!qp)
		return;
	memset(av.dgid.raw, 0xff, 2);
	request.u.mcast.mgid = av.dgid;
	request.u.mcast.mlid = 0xc001;
	request.u.mcast.qpn = qp->number;
	command_send(h, &request);
	request.u.mcast.qpn = h->world.qps[QP_UD_SRQ].number;
	command_send(h, &request);
	if (!ring_quiet(h))
		return;
	for (n = 0; n < 48; n++) {
		if (chance_one_in(&h->chance, 8))
			chance_fill(&h->chance, av.dgid.raw + 12, 4);
		put_datagram(h, qp, &av, 0xffffff, 2048);
	}
	usleep_range(500, 1000);
}

void attack_send_rewritten(struct hostile *h)
{
	struct world_qp_state *qp = any_sender(h);
	u32 n;

	if (!qp)
		return;
	flip_begin(h, vib_slot_at(&qp->sq, 0), qp->sq.stride << qp->sq.order);
	for (n = 0; n < 32; n++)
		put_crafted(h, qp, any_opcode(h));
	usleep_range(2000, 3000);
}

/* Slots that say that they are valid, of this round, of others, of none. */
void attack_send_generations(struct hostile *h)
{
	struct world_qp_state *qp = any_sender(h);
	u32 i;

	if (!qp)
		return;
	for (i = 0; i < vib_queue_depth(&qp->sq); i++)
		vib_write32(vib_slot_at(&qp->sq, i),
			    chance_one_in(&h->chance, 2) ?
				    vib_slot_gen(qp->sq.index, qp->sq.order) +
					    chance_below(&h->chance, 3) - 1 :
				    (u32)chance_odd(&h->chance));
	qp_ring(h, qp);
	usleep_range(500, 1000);
}

void attack_send_header(struct hostile *h)
{
	struct world_qp_state *qp = any_sender(h);
	u32 n;

	if (!qp)
		return;
	flip_begin(h, qp->sq.hdr, sizeof(*qp->sq.hdr));
	for (n = 0; n < 16; n++) {
		vib_write32(&qp->sq.hdr->notify, (u32)chance_odd(&h->chance));
		vib_write32(&qp->sq.hdr->arm, (u32)chance_odd(&h->chance));
		vib_write32(&qp->sq.hdr->cons, (u32)chance_odd(&h->chance));
		put_crafted(h, qp, VIB_OP_RDMA_WRITE);
	}
	usleep_range(500, 1000);
}

/* As much honest work as the queues hold: the largest share there is to have. */
void attack_send_flood(struct hostile *h)
{
	static const enum world_qp from[] = { QP_RC_A, QP_RC_B, QP_RC_SRQ, QP_UC };
	const struct world_mr_state *mr = &h->world.mrs[MR_ALL];
	struct vib_sge sge = { mr->iova, mr->length / 2, mr->key };
	struct vib_send_wqe *slot;
	struct world_qp_state *qp;
	u32 n, i;

	for (i = 0; i < ARRAY_SIZE(from); i++) {
		qp = qp_ready(h, from[i]);
		if (!qp)
			return;
		for (n = 0; n < 16; n++) {
			slot = vib_queue_next_slot(&qp->sq);
			vib_put_send(slot, VIB_OP_RDMA_WRITE, 0, n, 0);
			vib_put_amount(slot, 1, 0);
			vib_put_rdma(slot, mr->iova + mr->length / 2, mr->key);
			memcpy(vib_send_data(slot, VIB_OP_RDMA_WRITE, qp->type), &sge,
			       sizeof(sge));
			qp_publish(h, qp);
		}
	}
}

/* Windows over anything, bound and invalidated while they are written through. */
void attack_send_windows(struct hostile *h)
{
	struct world_qp_state *qp = any_sender(h);
	struct vib_send_wqe *slot;
	const struct world_mr_state *mr;
	u32 n, mw, key;

	for (n = 0; qp && n < 32; n++) {
		mr = any_mr(h);
		mw = h->world.mws[chance_below(&h->chance, WORLD_MWS)];
		key = chance_one_in(&h->chance, 4) ? any_key(h) :
						     (mw & ~0xffu) | (chance32(&h->chance) & 3);
		slot = vib_queue_next_slot(&qp->sq);
		switch (chance_below(&h->chance, 4)) {
		case 0:
			vib_put_send(slot, VIB_OP_LOCAL_INV, 0, n, (__force __be32)key);
			vib_put_amount(slot, 0, 0);
			break;
		case 1:
			vib_put_send(slot, VIB_OP_RDMA_WRITE, 0, n, 0);
			vib_put_amount(slot, 1, 0);
			vib_put_rdma(slot, any_address(h), key);
			put_sges(h, qp, slot);
			break;
		default:
			vib_put_send(slot, VIB_OP_BIND_MW, 0, n, 0);
			vib_put_amount(slot, 0, 0);
			slot->u.bind.addr = chance_one_in(&h->chance, 4) ? any_address(h) :
									   mr->iova;
			slot->u.bind.length = chance_one_in(&h->chance, 4) ?
						      chance_odd(&h->chance) : mr->length;
			slot->u.bind.lkey = chance_one_in(&h->chance, 4) ? any_key(h) :
									   mr->key;
			slot->u.bind.mw = mw;
			slot->u.bind.rkey = key;
			slot->u.bind.access = chance_one_in(&h->chance, 4) ?
						      (u32)chance_odd(&h->chance) :
						      VIB_ACCESS_REMOTE_WRITE;
			break;
		}
		qp_publish(h, qp);
		if (chance_one_in(&h->chance, 4))
			qp = any_sender(h);
	}
	usleep_range(500, 1000);
}
