// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two guests with QPs of every type in RTS, and whatever they can write into
 * their work queues, headers and bells. The engine must touch nothing but what
 * an MR with the right to be written, a queue or a bell has; complete requests
 * in order with statuses that the local path has; and come to rest.
 */
#include <string.h>

#include "engine/engine.h"
#include "engine/objects.h"
#include "engine/poller_parts.h"
#include "moves.h"
#include "setup.h"

#define GUESTS 2

static void set_up(void)
{
	setup_forget_holes();
	for (unsigned int i = 0; i < GUESTS; i++)
		setup_guest(&drivers[i], &world[i], 0x1234);
	for (unsigned int i = 0; i < GUESTS; i++) {
		setup_bring_up(&drivers[i], 1 - i);
		setup_bind_windows(&drivers[i]);
		setup_register(&drivers[i]);
		setup_holes(&drivers[i]);
	}
}

/* ---- completions ------------------------------------------------------- */

#define BIT(status) (1u << (status))
#define SEND_ANY                                                                     \
	(BIT(VIB_WC_SUCCESS) | BIT(VIB_WC_LOC_LEN_ERR) | BIT(VIB_WC_LOC_QP_OP_ERR) | \
	 BIT(VIB_WC_LOC_PROT_ERR) | BIT(VIB_WC_WR_FLUSH_ERR))
#define SEND_RC                                                     \
	(BIT(VIB_WC_REM_INV_REQ_ERR) | BIT(VIB_WC_REM_ACCESS_ERR) | \
	 BIT(VIB_WC_REM_OP_ERR) | BIT(VIB_WC_RETRY_EXC_ERR) |       \
	 BIT(VIB_WC_RNR_RETRY_EXC_ERR))
#define RECV_ANY \
	(BIT(VIB_WC_SUCCESS) | BIT(VIB_WC_LOC_PROT_ERR) | BIT(VIB_WC_WR_FLUSH_ERR))

/* How far each CQ and each QP's queues had come when last looked at. */
static struct {
	uint32_t cq[2];
	struct {
		uint32_t next[2]; /* the least index that may complete now */
	} qp[SETUP_QPS];
} seen[GUESTS];

static unsigned int statuses(uint8_t type, bool recv)
{
	bool rc = type == VIB_QPT_RC || type == VIB_QPT_XRC_INI;

	if (!recv)
		return SEND_ANY | (rc ? SEND_RC : 0) |
		       (vib_qp_type_is_datagram(type) ? 0 : BIT(VIB_WC_MW_BIND_ERR));
	return RECV_ANY | (vib_qp_type_is_datagram(type) ? 0 : BIT(VIB_WC_LOC_LEN_ERR));
}

/* Requests of a queue complete in order, and after they were taken from it. */
static void check_index(unsigned int guest, unsigned int slot, bool recv,
			const struct qp *qp, const struct vib_cqe *cqe)
{
	const struct vib_queue *q = recv ? &qp->rq : &qp->sq;
	uint32_t *next = &seen[guest].qp[slot].next[recv];
	const struct srq *srq = qp->srq;

	/* By the same move, after a pass: a reset waits for the poller, if it has an SRQ.
	 */
	if (qp->attr.state == VIB_QPS_RESET)
		return;
	if (cqe->flags & VIB_CQE_XRC)
		srq = table_get(&qp->vhca->srqs, cqe->srqn, srq);
	if (recv && srq) {
		EXPECT(srq->queue.index - 1 - cqe->wqe_index < 1u << 16);
		return;
	}
	EXPECT(cqe->wqe_index - *next < 1u << 16);
	EXPECT(q->index - 1 - cqe->wqe_index < 1u << 16);
	*next = cqe->wqe_index + 1;
}

static void check_cqe(unsigned int guest, const struct vib_cqe *cqe)
{
	static const uint8_t zero[sizeof(cqe->reserved3)];
	bool recv = cqe->flags & VIB_CQE_RECV;
	const struct qp *qp = driver_qp(&drivers[guest], cqe->qpn);

	EXPECT(!cqe->reserved && !cqe->reserved2 && !cqe->dlid_path_bits &&
	       memcmp(cqe->reserved3, zero, sizeof(zero)) == 0);
	EXPECT(cqe->flags & VIB_CQE_XRC ? recv : !cqe->srqn);
	EXPECT(cqe->status <= VIB_WC_GENERAL_ERR);
	if (!qp) /* ended meanwhile */
		return;
	EXPECT(!(cqe->flags & VIB_CQE_XRC) == !(recv && qp->type == VIB_QPT_XRC_TGT));
	EXPECT(cqe->flags & VIB_CQE_XRC || qp->db_index == cqe->db_index);
	EXPECT(statuses(qp->type, recv) & BIT(cqe->status));
	for (unsigned int i = 0; i < drivers[guest].count[QP]; i++)
		if (drivers[guest].things[QP][i].number == cqe->qpn)
			check_index(guest, drivers[guest].things[QP][i].db_index / 67,
				    recv, qp, cqe);
	if (cqe->status)
		return;
	EXPECT(cqe->opcode <= VIB_OP_SEND_INV || cqe->opcode == VIB_OP_ATOMIC_WRITE ||
	       (cqe->opcode == VIB_OP_LSO && !recv) ||
	       (cqe->opcode == VIB_OP_REG_MR && !recv && qp->kernel));
	EXPECT(!(cqe->flags & VIB_CQE_IP_CSUM_OK) || (recv && qp->type == VIB_QPT_UD));
	EXPECT(!(cqe->flags & VIB_CQE_WITH_INV) ==
	       !(recv && cqe->opcode == VIB_OP_SEND_INV));
	if (recv && qp_is_for_mads(qp))
		EXPECT(cqe->byte_len == 40 + VIB_MAD_BYTES && cqe->src_qpn == cqe->qpn);
	else if (recv)
		EXPECT(qp->type == VIB_QPT_UD
			       ? cqe->byte_len >= 40 && cqe->byte_len <= 40 + 4096
			       : cqe->opcode == VIB_OP_SEND ||
					 cqe->opcode == VIB_OP_SEND_IMM ||
					 cqe->opcode == VIB_OP_SEND_INV ||
					 cqe->opcode == VIB_OP_RDMA_WRITE_IMM);
}

/* What is new in a CQ, as much of it as is still there. */
static void check_cq(unsigned int guest, unsigned int i)
{
	const struct thing *t = &drivers[guest].things[CQ][i];
	const struct cq *cq =
		table_get(&world[guest].conn.guest.vhca->cqs, t->number, cq);
	uint32_t *next = &seen[guest].cq[i], depth = vib_queue_depth(&t->queue[Q_EVENTS]);

	EXPECT(cq->queue.index - *next <= depth); /* no more room than that in a pass */
	for (; *next != cq->queue.index; ++*next)
		check_cqe(guest, (const struct vib_cqe *)driver_slot(
					 &drivers[guest], &t->queue[Q_EVENTS], *next));
}

/* A QP that is reset begins again. */
static void note_resets(unsigned int guest)
{
	struct driver *d = &drivers[guest];

	for (unsigned int i = 0; i < d->count[QP]; i++) {
		const struct qp *qp = driver_qp(d, d->things[QP][i].number);

		if (qp->attr.state == VIB_QPS_RESET)
			memset(&seen[guest].qp[d->things[QP][i].db_index / 67], 0,
			       sizeof(seen[0].qp[0]));
	}
}

static void check(void)
{
	for (unsigned int guest = 0; guest < GUESTS; guest++) {
		if (!world[guest].connected)
			continue;
		for (unsigned int i = 0; i < drivers[guest].count[CQ]; i++)
			check_cq(guest, i);
		note_resets(guest);
	}
}

/* ---- rest -------------------------------------------------------------- */

/*
 * Nobody asks for anything any more: given time, what waits for it ends, and
 * pollers could sleep. Requests that wait for ever do so asleep.
 */
static void come_to_rest(void)
{
	for (unsigned int i = 0; i < 256; i++) {
		bool rest = true;

		world_pass(16, 300000);
		for (unsigned int p = 0; p < WORLD_POLLERS; p++)
			rest &= poller_cool_all(&world_engine->pollers[p]);
		check();
		if (rest)
			return;
	}
	EXPECT(!"the pollers come to rest");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rules rules = {
		.num_guests = GUESTS,
		.kinds = MOVE_WRITE,
		/* Nothing new, so that it is known what may be written. */
		.commands = 1ull << VIB_CMD_MODIFY_QP | 1ull << VIB_CMD_QUERY_QP |
			    1ull << VIB_CMD_DESTROY_QP | 1ull << VIB_CMD_DEREG_MR |
			    1ull << VIB_CMD_MODIFY_CQ | 1ull << VIB_CMD_MODIFY_SRQ |
			    1ull << VIB_CMD_ALLOC_MW | 1ull << VIB_CMD_DEALLOC_MW |
			    1ull << VIB_CMD_ATTACH_MCAST | 1ull << VIB_CMD_DETACH_MCAST |
			    1ull << VIB_CMD_DEREG_DMA | 1ull << VIB_CMD_QUERY_COUNTERS |
			    1ull << VIB_CMD_ALLOC_MR,
		.after = check,
	};

	world_begin();
	memset(seen, 0, sizeof(seen));
	set_up();
	check(); /* before a reset makes indices begin anew */
	moves_play(data, size, &rules);
	come_to_rest();
	setup_check_holes();
	world_end();
	return 0;
}
