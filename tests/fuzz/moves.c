// SPDX-License-Identifier: GPL-2.0-or-later
#include "moves.h"

#include <stdlib.h>
#include <string.h>

/* ---- raw memory -------------------------------------------------------- */

/* The queue that a move is about, as the guest has it; its QP or NULL in @t. */
static struct vib_queue *pick_queue(struct driver *d, const struct move *m,
				    struct thing **t)
{
	static const struct {
		enum kind kind;
		unsigned int queue;
	} all[] = {
		{ QP, Q_SEND },   { QP, Q_RECV },   { SRQ, Q_RECV },
		{ CQ, Q_EVENTS }, { EQ, Q_EVENTS },
	};
	unsigned int i = m->op % (sizeof(all) / sizeof(all[0]));

	*t = driver_pick(d, all[i].kind, m->pick[PICK_THING]);
	return *t && driver_slot(d, &(*t)->queue[all[i].queue], 0)
		       ? &(*t)->queue[all[i].queue]
		       : NULL;
}

static void write_header(struct driver *d, const struct move *m)
{
	struct thing *t;
	struct vib_queue *q = pick_queue(d, m, &t);
	uint32_t value;

	if (!q)
		return;
	value = m->arg[1] & 1 ? m->value[0] : q->index + (uint32_t)(int8_t)m->arg[2];
	switch (m->arg[0] % 4) {
	case 0:
		vib_write32(&q->hdr->notify, value);
		break;
	case 1:
		vib_write32(&q->hdr->arm, m->value[0] % 4);
		break;
	case 2:
		vib_write32(&q->hdr->cons, value);
		break;
	default:
		q->index = value; /* the next request comes somewhere else */
		break;
	}
}

static void write_slot(struct driver *d, const struct move *m)
{
	struct thing *t;
	struct vib_queue *q = pick_queue(d, m, &t);
	uint8_t *slot;

	if (!q || m->op % 5 > 2) /* work queues' alone */
		return;
	slot = driver_slot(d, q, q->index + (uint32_t)(int8_t)m->arg[0]);
	for (unsigned int i = 0; slot && i < 2; i++)
		memcpy(slot + m->at[i] * 4u % q->stride, &m->value[i], 4);
	if (m->arg[1] & 1)
		driver_ring(d, t);
}

static void write_page(struct driver *d, const struct move *m)
{
	uint8_t *page = d->guest->pages[m->pick[0] % WORLD_PAGES];
	uint32_t offset = (m->arg[0] | (uint32_t)m->arg[1] << 8) * 4 % VIB_PAGE_SIZE;

	for (unsigned int i = 0; i <= m->repeat % 8u; i++)
		memcpy(page + (offset + 4 * i) % VIB_PAGE_SIZE, &m->value[i & 1], 4);
}

/* Any bells, or one that a QP has. */
static void ring(struct driver *d, const struct move *m)
{
	const struct thing *qp = driver_pick(d, QP, m->pick[PICK_THING]);
	const struct thing *db = driver_pick(d, DOORBELL, m->pick[PICK_DOORBELL]);
	struct vib_doorbell_page *page;

	if (m->arg[0] & 1) {
		if (qp)
			driver_ring(d, qp);
		return;
	}
	if (!db)
		return;
	page = (struct vib_doorbell_page *)d->guest->pages[db->page];
	page->summary[m->arg[1] % VIB_DB_SUMMARY_WORDS] |= (uint64_t)m->value[0] << 16;
	page->leaf[m->arg[2] % VIB_DB_LEAF_WORDS] |= m->value[1] * 0x100000001ull;
}

/* Requests that are whatever lies in the ring. */
static void push_requests(struct driver *d, const struct move *m)
{
	struct vib_control_sring *sring =
		(struct vib_control_sring *)d->guest->pages[PAGE_RING];

	if (d->guest->connected) {
		if (m->arg[2] % 4 == 1)
			vib_write32(&d->guest->conn.async.hdr->cons, m->value[0]);
		sring->req_prod =
			m->arg[0] & 1 ? m->value[0]
				      : d->guest->conn.ring.req_cons + m->arg[1] % 18u;
		sring->rsp_event = m->value[1];
	}
	(void)driver_serve(d);
}

/* ---- moves ------------------------------------------------------------- */

/* Take all there is of a CQ or an EQ. */
static void consume(struct driver *d, const struct move *m)
{
	struct thing *t = driver_pick(d, m->op & 1 ? EQ : CQ, m->pick[PICK_THING]);
	struct vib_queue *q = t ? &t->queue[Q_EVENTS] : NULL;

	if (!q || !driver_slot(d, q, 0))
		return;
	for (unsigned int i = 0;
	     i < vib_queue_depth(q) && driver_slot(d, q, q->index) && vib_queue_peek(q);
	     i++)
		vib_queue_advance(q);
	vib_queue_release(q);
	if (m->arg[0] & 1)
		vib_write32(&q->hdr->arm, m->arg[0] >> 1 & 3);
}

static void pass(const struct move *m)
{
	/* Up to four seconds: what waits for time gets it. */
	uint64_t ns = m->arg[1] < 0x80 ? m->arg[1] : 1ull << m->arg[1] % 33;

	world_pass(1 + m->arg[0] % 32u, ns);
}

static void command(struct driver *d, struct move *m, const struct rules *rules)
{
	struct vib_control_response rsp;

	for (unsigned int i = 0; i <= m->repeat % 32u; i++) {
		if (!(rules->commands >> m->op % 64 & 1))
			return;
		if (driver_make(d, m, &rsp) < 0)
			return;
		m->pick[PICK_THING]++;
	}
}

static void play(struct move *m, const struct rules *rules)
{
	struct driver *d = &drivers[rules->first_guest + m->who % rules->num_guests];

	switch (m->what % rules->kinds) {
	case MOVE_COMMAND:
		m->op = m->op < 0xf0    ? 1 + m->op % VIB_CMD_QUERY_COUNTERS
			: m->op == 0xf0 ? VIB_CMD_ALLOC_MR
			: m->op == 0xf1 ? VIB_CMD_MODIFY_PORT
					: m->op;
		command(d, m, rules);
		break;
	case MOVE_BRING_UP:
		driver_bring_up(d, m, VIB_QPS_RTS - (m->repeat & 0x80 ? 1 : 0));
		break;
	case MOVE_SEND:
		for (unsigned int i = 0; i <= m->repeat % 8u; i++)
			driver_send(d, m);
		break;
	case MOVE_RECEIVE:
		for (unsigned int i = 0; i <= m->repeat % 8u; i++)
			driver_receive(d, m);
		break;
	case MOVE_HEADER:
		write_header(d, m);
		break;
	case MOVE_SLOT:
		write_slot(d, m);
		break;
	case MOVE_BELL:
		ring(d, m);
		break;
	case MOVE_PASS:
		pass(m);
		break;
	case MOVE_POLL:
		consume(d, m);
		break;
	case MOVE_WRITE:
		write_page(d, m);
		break;
	case MOVE_RING:
		push_requests(d, m);
		break;
	case MOVE_LINK:
		world_set_link(d->guest, m->arg[0] & 1);
		world_set_rate(d->guest, m->arg[0] >> 1);
		(void)driver_serve(d);
		break;
	default: /* MOVE_RECONNECT */
		world_disconnect(d->guest);
		driver_begin(d);
		break;
	}
}

void moves_play(const uint8_t *data, size_t size, const struct rules *rules)
{
	struct move m;

	for (; size >= sizeof(m); data += sizeof(m), size -= sizeof(m)) {
		memcpy(&m, data, sizeof(m));
		play(&m, rules);
		if (rules->after)
			rules->after();
	}
}

/* ---- mutations that keep moves whole ----------------------------------- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
				 size_t b_size, uint8_t *out, size_t max_size,
				 unsigned int seed);

static unsigned int draw(unsigned int *seed, size_t n)
{
	*seed = *seed * 1103515245 + 12345;
	return n ? (unsigned int)((*seed >> 8) % n) : 0;
}

/* A likely move: most of it zero, which stands for the first and the plain. */
static struct move draw_move(unsigned int *seed)
{
	struct move m = {
		.what = (uint8_t)draw(seed, MOVE_KINDS),
		.who = (uint8_t)draw(seed, 2),
		/* The last are for what came later: see play(). */
		.op = (uint8_t)(draw(seed, 16) ? draw(seed, 64) : 0xf0 + draw(seed, 4)),
		.repeat = (uint8_t)(draw(seed, 4) ? 0 : draw(seed, 256)),
	};

	m.at[AT_OTHERS] = draw(seed, 8) == 0;
	m.at[AT_WINDOW] = (uint8_t)draw(seed, 8);
	for (unsigned int i = 0; i < 8; i++) {
		m.pick[i] = (uint8_t)draw(seed, draw(seed, 2) ? 3 : 256);
		m.arg[i] = (uint8_t)draw(seed, draw(seed, 2) ? 8 : 256);
	}
	return m;
}

static void insert(struct move *moves, size_t n, size_t at, struct move m)
{
	memmove(&moves[at + 1], &moves[at], (n - at) * sizeof(m));
	moves[at] = m;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	struct move *moves = (struct move *)data, m;
	size_t n = size / sizeof(m), most = max_size / sizeof(m);
	unsigned int what = draw(&seed, 10), at = draw(&seed, n);

	if (!most)
		return LLVMFuzzerMutate(data, size, max_size);
	if (n == 0 || (what <= 2 && n < most)) {
		m = n && what == 0 ? moves[at] : draw_move(&seed);
		insert(moves, n, draw(&seed, n + 1), m);
		return (n + 1) * sizeof(m);
	}
	switch (what) {
	case 3:
		memmove(&moves[at], &moves[at + 1], (n - at - 1) * sizeof(m));
		return (n - 1) * sizeof(m);
	case 4: {
		unsigned int other = draw(&seed, n);

		m = moves[at];
		moves[at] = moves[other];
		moves[other] = m;
		break;
	}
	case 5:
	case 6:
		((uint8_t *)&moves[at])[draw(&seed, 20)] =
			(uint8_t)draw(&seed, draw(&seed, 2) ? 8 : 256);
		break;
	case 7:
		moves[at].at[draw(&seed, 2)] = (uint8_t)draw(&seed, 33);
		LLVMFuzzerMutate((uint8_t *)moves[at].value, 8, 8);
		break;
	default:
		LLVMFuzzerMutate((uint8_t *)&moves[at], sizeof(m), sizeof(m));
		break;
	}
	return n * sizeof(m);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
				 size_t b_size, uint8_t *out, size_t max_size,
				 unsigned int seed)
{
	const size_t one = sizeof(struct move);
	size_t head = draw(&seed, a_size / one + 1) * one;
	size_t from = draw(&seed, b_size / one + 1) * one;
	size_t tail = b_size / one * one - from;

	if (head > max_size)
		head = max_size / one * one;
	if (tail > max_size - head)
		tail = (max_size - head) / one * one;
	memcpy(out, a, head);
	memcpy(out + head, b + from, tail);
	return head + tail;
}
