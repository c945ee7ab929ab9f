// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile guest beside two that mind their own business, on the same pollers.
 * It may do what it likes: whatever the two send one another arrives whole, in
 * order and once, succeeds before long, and nothing else comes to them.
 */
#include <string.h>

#include "moves.h"
#include "setup.h"

#define GOOD       2
#define HOSTILE    2

/* Requests under way at a time, and of each a place of its own in the MRs. */
#define WINDOW     4
#define SLOTS      8
#define SLOT_BYTES 256
#define RECV_BYTES 320 /* a GRH too */
#define AHEAD      2   /* receives that wait at each queue: bait for strays */
#define RECVS      4
#define UNTOUCHED  0xee
#define MR_SHARED  0
#define MR_RECV    1

/* After this many passes a request is late, however busy others are. */
#define LATE       1000

/* What came is this request of this sender's. */
struct request {
	uint32_t seq;
	unsigned int from;
	enum setup_qp qp;
	uint8_t opcode;
	uint32_t bytes;
	unsigned int missing; /* completions */
};

/* Sequence numbers in the order in which they are to complete. */
struct fifo {
	uint32_t head, tail;
	uint32_t seq[SLOTS];
};

static struct {
	struct request requests[SLOTS];
	uint32_t next_seq;
	unsigned int missing; /* completions, of all */
	struct fifo fifo[GOOD][SETUP_QPS][2];
	uint32_t recv_posted[GOOD][SETUP_QPS]; /* by QP; an SRQ by the one that uses it */
	unsigned int events[GOOD];
} good;

/* ---- data -------------------------------------------------------------- */

static uint8_t *shared(unsigned int guest, uint32_t seq)
{
	return driver_memory(&drivers[guest], &drivers[guest].things[MR][MR_SHARED],
			     seq % SLOTS * SLOT_BYTES);
}

static uint64_t recv_offset(enum setup_qp qp, uint32_t index)
{
	return ((uint64_t)qp * RECVS + index % RECVS) * RECV_BYTES;
}

/* The bytes that @guest has at the place of request @seq before it is posted. */
static const uint8_t *pattern(uint32_t seq, unsigned int guest)
{
	static uint8_t bytes[256 + SLOT_BYTES];

	if (!bytes[1])
		for (unsigned int i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)(i * 7);
	return &bytes[(uint8_t)(seq * 31 + guest * 101)];
}

static void fill(uint32_t seq, unsigned int guest)
{
	memcpy(shared(guest, seq), pattern(seq, guest), SLOT_BYTES);
}

/* @at has what @guest had at the beginning of request @seq. */
static void check_data(const uint8_t *at, uint32_t seq, unsigned int guest,
		       uint32_t bytes)
{
	EXPECT(memcmp(at, pattern(seq, guest), bytes) == 0);
}

static void check_untouched(const uint8_t *at, uint32_t bytes)
{
	EXPECT(at[0] == UNTOUCHED && memcmp(at, at + 1, bytes - 1) == 0);
}

static uint64_t word(uint32_t seq, unsigned int guest)
{
	uint64_t value;

	memcpy(&value, pattern(seq, guest), sizeof(value));
	return value;
}

/* ---- posting ----------------------------------------------------------- */

static void push(struct fifo *f, uint32_t seq)
{
	f->seq[f->tail++ % SLOTS] = seq;
	good.missing++;
}

/* Where @qp of @d takes its receives. */
static struct thing *recv_thing(struct driver *d, enum setup_qp qp)
{
	switch (qp) {
	case SETUP_RC_SRQ:
		return &d->things[SRQ][SETUP_SRQ];
	case SETUP_XRC_TGT:
		return &d->things[SRQ][SETUP_SRQ_XRC];
	default:
		return &d->things[QP][qp];
	}
}

/* Who receives what @qp sends. */
static enum setup_qp receiver(enum setup_qp qp)
{
	return qp == SETUP_XRC_INI ? SETUP_XRC_TGT : qp;
}

static void post_recv(unsigned int guest, enum setup_qp qp)
{
	struct driver *d = &drivers[guest];
	const struct thing *mr = &d->things[MR][MR_RECV];
	struct thing *t = recv_thing(d, qp);
	struct vib_queue *q = &t->queue[Q_RECV];
	uint32_t index = good.recv_posted[guest][qp]++;
	struct vib_recv_wqe *wqe = (struct vib_recv_wqe *)driver_slot(d, q, q->index);
	const struct vib_sge sge = {
		.addr = mr->iova + recv_offset(qp, index),
		.length = RECV_BYTES,
		.lkey = mr->number,
	};

	memset(driver_memory(d, mr, recv_offset(qp, index)), UNTOUCHED, RECV_BYTES);
	wqe->wr_id = index;
	wqe->num_sge = 1;
	memcpy(wqe + 1, &sge, sizeof(sge));
	if (qp == SETUP_RC_SRQ || qp == SETUP_XRC_TGT)
		vib_queue_produce(q);
	else
		driver_produce(d, t, q, false);
}

static bool is_atomic(uint8_t opcode)
{
	return opcode == VIB_OP_CMP_SWAP || opcode == VIB_OP_FETCH_ADD;
}

/* Eight bytes, no more and no fewer. */
static bool takes_8(uint8_t opcode)
{
	return is_atomic(opcode) || opcode == VIB_OP_ATOMIC_WRITE;
}

static bool takes_receive(uint8_t opcode)
{
	return opcode == VIB_OP_SEND || opcode == VIB_OP_SEND_IMM ||
	       opcode == VIB_OP_RDMA_WRITE_IMM;
}

static void fill_operands(const struct request *r, const struct thing *qp,
			  struct vib_send_wqe *wqe)
{
	const struct driver *to = &drivers[1 - r->from];

	if (qp->type == VIB_QPT_UD) {
		wqe->u.ud.remote_qpn = to->things[QP][r->qp].number;
		wqe->u.ud.qkey = to->qkey;
		wqe->u.ud.av.dlid = to->guest->vport.lid;
		return;
	}
	wqe->u.atomic.remote_addr =
		to->things[MR][MR_SHARED].iova + r->seq % SLOTS * SLOT_BYTES;
	wqe->u.atomic.rkey = to->things[MR][MR_SHARED].number;
	if (qp->type == VIB_QPT_XRC_INI)
		wqe->u.xrc.srqn = to->things[SRQ][SETUP_SRQ_XRC].number;
	if (is_atomic(r->opcode)) {
		wqe->u.atomic.compare_add = word(r->seq, 1 - r->from);
		wqe->u.atomic.swap = 0x0123456789abcdef;
	}
}

static void post_send(const struct request *r)
{
	struct driver *d = &drivers[r->from];
	struct thing *qp = &d->things[QP][r->qp];
	struct vib_queue *q = &qp->queue[Q_SEND];
	const struct thing *mr = &d->things[MR][MR_SHARED];
	uint8_t *slot = driver_slot(d, q, q->index);
	struct vib_send_wqe *wqe = (struct vib_send_wqe *)slot;
	uint32_t offset = vib_send_data_offset(r->opcode, (uint8_t)qp->type);
	bool may_inline = takes_receive(r->opcode) || r->opcode == VIB_OP_RDMA_WRITE;

	memset(slot + 4, 0, q->stride - 4);
	wqe->opcode = r->opcode;
	wqe->flags = VIB_SEND_SIGNALED;
	wqe->wr_id = r->seq;
	wqe->imm = r->seq;
	fill_operands(r, qp, wqe);
	if (may_inline && r->bytes <= 64) {
		wqe->flags |= VIB_SEND_INLINE;
		wqe->inline_len = r->bytes;
		memcpy(slot + offset, shared(r->from, r->seq), r->bytes);
	} else {
		const struct vib_sge sge = {
			.addr = mr->iova + r->seq % SLOTS * SLOT_BYTES,
			.length = r->bytes,
			.lkey = mr->number,
		};

		wqe->num_sge = 1;
		memcpy(slot + offset, &sge, sizeof(sge));
	}
	driver_produce(d, qp, q, false);
}

/* One request, of each kind in turn. */
static void post(void)
{
	static const struct {
		uint8_t qp, opcode;
	} kinds[] = {
		{ SETUP_RC, VIB_OP_SEND },
		{ SETUP_UD, VIB_OP_SEND },
		{ SETUP_RC, VIB_OP_RDMA_WRITE },
		{ SETUP_UC, VIB_OP_SEND_IMM },
		{ SETUP_RC, VIB_OP_RDMA_READ },
		{ SETUP_RC_SRQ, VIB_OP_SEND },
		{ SETUP_RC, VIB_OP_CMP_SWAP },
		{ SETUP_UC, VIB_OP_RDMA_WRITE },
		{ SETUP_RC_SRQ, VIB_OP_RDMA_WRITE_IMM },
		{ SETUP_UD, VIB_OP_SEND_IMM },
		{ SETUP_RC_SRQ, VIB_OP_FETCH_ADD },
		{ SETUP_XRC_INI, VIB_OP_SEND },
		{ SETUP_RC, VIB_OP_ATOMIC_WRITE },
		{ SETUP_XRC_INI, VIB_OP_RDMA_WRITE_IMM },
	};
	uint32_t seq = good.next_seq++;
	unsigned int kind = seq % (sizeof(kinds) / sizeof(kinds[0]));
	struct request *r = &good.requests[seq % SLOTS];

	*r = (struct request){
		.seq = seq,
		.from = seq / 3 & 1,
		.qp = kinds[kind].qp,
		.opcode = kinds[kind].opcode,
		.bytes = takes_8(kinds[kind].opcode) ? 8 : 1 + seq * 37 % SLOT_BYTES,
	};
	fill(seq, 0);
	fill(seq, 1);
	push(&good.fifo[r->from][r->qp][Q_SEND], seq);
	r->missing = 1;
	if (takes_receive(r->opcode)) {
		push(&good.fifo[1 - r->from][receiver(r->qp)][Q_RECV], seq);
		r->missing++;
	}
	post_send(r);
}

/* ---- completing -------------------------------------------------------- */

/* What is to be where when the send request has completed. */
static void check_sent(const struct request *r, const struct vib_cqe *cqe)
{
	unsigned int to = 1 - r->from;
	uint64_t value;

	EXPECT(cqe->wr_id == r->seq);
	switch (r->opcode) {
	case VIB_OP_RDMA_WRITE:
	case VIB_OP_RDMA_WRITE_IMM:
	case VIB_OP_ATOMIC_WRITE:
		check_data(shared(to, r->seq), r->seq, r->from, r->bytes);
		return;
	case VIB_OP_RDMA_READ:
		EXPECT(cqe->byte_len == r->bytes);
		check_data(shared(r->from, r->seq), r->seq, to, r->bytes);
		return;
	case VIB_OP_CMP_SWAP:
	case VIB_OP_FETCH_ADD:
		EXPECT(cqe->byte_len == 8);
		check_data(shared(r->from, r->seq), r->seq, to, 8);
		memcpy(&value, shared(to, r->seq), sizeof(value));
		EXPECT(value == (r->opcode == VIB_OP_CMP_SWAP ? 0x0123456789abcdef
							      : 2 * word(r->seq, to)));
		return;
	default:
		return;
	}
}

static void check_received(const struct request *r, unsigned int guest,
			   const struct vib_cqe *cqe)
{
	struct driver *d = &drivers[guest];
	enum setup_qp qp = receiver(r->qp);
	const uint8_t *at = driver_memory(d, &d->things[MR][MR_RECV],
					  recv_offset(qp, (uint32_t)cqe->wr_id));
	bool ud = r->qp == SETUP_UD, imm = r->opcode != VIB_OP_SEND;
	uint32_t grh = ud ? 40 : 0, bytes = grh + r->bytes;

	EXPECT(cqe->wr_id == good.recv_posted[guest][qp] - AHEAD);
	EXPECT(cqe->byte_len == bytes);
	EXPECT(cqe->src_qpn == drivers[r->from].things[QP][r->qp].number);
	EXPECT(!(cqe->flags & VIB_CQE_WITH_IMM) == !imm);
	EXPECT(!imm || cqe->imm == r->seq);
	if (r->opcode == VIB_OP_RDMA_WRITE_IMM)
		bytes = 0;
	else
		check_data(at + grh, r->seq, r->from, r->bytes);
	check_untouched(at + bytes, RECV_BYTES - bytes);
	post_recv(guest, qp);
}

static void take(unsigned int guest, const struct vib_cqe *cqe)
{
	unsigned int recv = cqe->flags & VIB_CQE_RECV, qp = 0;
	struct request *r;
	struct fifo *f;

	while (drivers[guest].things[QP][qp].number != cqe->qpn)
		EXPECT(++qp < SETUP_QPS);
	f = &good.fifo[guest][qp][recv];
	EXPECT(f->head != f->tail); /* nothing that nobody asked for */
	r = &good.requests[f->seq[f->head++ % SLOTS] % SLOTS];
	EXPECT(cqe->status == VIB_WC_SUCCESS && cqe->opcode == r->opcode);
	if (recv)
		check_received(r, guest, cqe);
	else
		check_sent(r, cqe);
	r->missing--;
	good.missing--;
}

/* An event came for the CQ, one, and its channel was notified. */
static void check_event(unsigned int guest, const struct thing *cq)
{
	struct driver *d = &drivers[guest];
	struct vib_queue *q = &d->things[EQ][0].queue[Q_EVENTS];
	const struct vib_comp_event *event = vib_queue_peek(q);

	EXPECT(event && event->cqn == cq->number);
	vib_queue_consume(q);
	EXPECT(!vib_queue_arm(q));
	EXPECT(world_notified(d->guest, SETUP_EQ_PORT) == ++good.events[guest]);
}

static void poll_cq(unsigned int guest, unsigned int i)
{
	const struct thing *cq = &drivers[guest].things[CQ][i];
	struct vib_queue *q = &drivers[guest].things[CQ][i].queue[Q_EVENTS];
	const struct vib_cqe *cqe = vib_queue_peek(q);

	if (cqe && i == SETUP_CQ_EVENTS)
		check_event(guest, cq);
	for (; cqe; cqe = vib_queue_peek(q)) {
		take(guest, cqe);
		vib_queue_consume(q);
	}
	if (i == SETUP_CQ_EVENTS)
		EXPECT(!vib_cq_arm(q, VIB_ARM_ANY));
}

static void poll_all(void)
{
	for (unsigned int guest = 0; guest < GOOD; guest++)
		for (unsigned int i = 0; i < SETUP_CQS; i++)
			poll_cq(guest, i);
}

/* ---- both -------------------------------------------------------------- */

static void wait_for(unsigned int missing)
{
	for (unsigned int i = 0; good.missing > missing; i++) {
		EXPECT(i < LATE);
		world_pass(1, 100);
		poll_all();
	}
}

/* After each move of the hostile guest the others do some of their work. */
static void go_on(void)
{
	wait_for(WINDOW);
	/* The place is free when what used it is done. */
	while (good.requests[good.next_seq % SLOTS].missing)
		wait_for(good.missing - 1);
	post();
	world_pass(1, 100);
	poll_all();
}

/* A Q_Key that an input cannot contain. */
static uint32_t secret(const uint8_t *data, size_t size)
{
	uint32_t hash = 2166136261;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 16777619;
	return hash & 0x7fffffff;
}

static void set_up(uint32_t qkey)
{
	memset(&good, 0, sizeof(good));
	setup_forget_holes();
	setup_guest(&drivers[0], &world[0], qkey);
	setup_guest(&drivers[1], &world[1], qkey);
	setup_guest(&drivers[HOSTILE], &world[HOSTILE], 0x1234);
	for (unsigned int guest = 0; guest < GOOD; guest++) {
		setup_bring_up(&drivers[guest], 1 - guest);
		setup_holes(&drivers[guest]);
		for (unsigned int i = 0; i < AHEAD; i++) {
			post_recv(guest, SETUP_RC);
			post_recv(guest, SETUP_RC_SRQ);
			post_recv(guest, SETUP_UC);
			post_recv(guest, SETUP_UD);
			post_recv(guest, SETUP_XRC_TGT);
		}
	}
	setup_bring_up(&drivers[HOSTILE], 0);
	poll_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rules rules = {
		.first_guest = HOSTILE,
		.num_guests = 1,
		.kinds = MOVE_KINDS,
		.commands = UINT64_MAX,
		.after = go_on,
	};

	world_begin();
	set_up(secret(data, size));
	moves_play(data, size, &rules);
	wait_for(0);
	world_disconnect(&world[HOSTILE]);
	drivers[HOSTILE].count[QP] = 0;
	go_on();
	wait_for(0);
	setup_check_holes();
	for (unsigned int guest = 0; guest < GOOD; guest++) {
		EXPECT(driver_serve(&drivers[guest]));
		EXPECT(world[guest].conn.async.index == 0); /* no async events */
	}
	world_end();
	return 0;
}
