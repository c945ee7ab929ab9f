// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A real ibback with two pollers, whose guests send to each other both ways at
 * once, while a third makes and destroys what it can.
 */
#include <pthread.h>
#include <stdio.h>

#include "cm.h"
#include "pair.h"

#define MESSAGES 4000
#define WINDOW   8
#define SLOT     256
#define BYTES    (2 * WINDOW * SLOT)
#define QKEY     0x1234

static int start(void **state)
{
	(void)state;
	return daemon_start(&ibback, "[engine]\npollers = 2\n") ? 0 : -1;
}

/* One side's stream: sends from the first half of its memory, receives in the other. */
struct stream {
	struct side *side;
	const struct libvib_end *peer;
	bool ud;
	uint32_t sent, received, completed;
	const char *wrong;
};

static void fill(struct stream *s, uint32_t seq)
{
	uint32_t *at = (uint32_t *)(s->side->memory + seq % WINDOW * SLOT);

	for (unsigned int i = 0; i < SLOT / 4; i++)
		at[i] = seq * 2654435761u + i;
}

/* The sequence number in what came, or -1 if it is not whole. */
static int64_t check(const struct stream *s, uint32_t slot)
{
	const uint8_t *at = s->side->memory + (WINDOW + slot) * SLOT + (s->ud ? 40 : 0);
	uint32_t first, word, n = (s->ud ? SLOT - 40 : SLOT) / 4;

	memcpy(&first, at, 4);
	for (uint32_t i = 0; i < n; i++) {
		memcpy(&word, at + 4ul * i, 4);
		if (word != first + i)
			return -1;
	}
	return first;
}

static void post_one(struct stream *s)
{
	struct vib_send_wqe wqe = {
		.opcode = VIB_OP_SEND,
		.flags = VIB_SEND_SIGNALED,
		.wr_id = s->sent,
	};

	if (s->ud) {
		wqe.u.ud.remote_qpn = s->peer->qpn;
		wqe.u.ud.qkey = QKEY;
		wqe.u.ud.av.dlid = s->peer->lid;
	}
	fill(s, s->sent);
	side_send(s->side, &wqe, s->sent % WINDOW * SLOT, s->ud ? SLOT - 40 : SLOT);
	s->sent++;
}

static void take(struct stream *s, const struct vib_cqe *cqe)
{
	if (cqe->status) {
		s->wrong = "a request failed";
	} else if (!(cqe->flags & VIB_CQE_RECV)) {
		if (cqe->wr_id != s->completed++)
			s->wrong = "completions out of order";
	} else {
		int64_t first = check(s, (uint32_t)cqe->wr_id);

		if (first < 0)
			s->wrong = "a message is not whole";
		else if (!s->ud && (uint32_t)first != s->received * 2654435761u)
			s->wrong = "messages out of order";
		s->received++;
		side_recv(s->side, cqe->wr_id, (WINDOW + cqe->wr_id) * SLOT, SLOT);
	}
}

static void take_all(struct stream *s)
{
	struct vib_cqe cqe;

	while (!s->wrong && libvib_poll_cq(s->side->cq, &cqe, 1) > 0)
		take(s, &cqe);
}

static void *run(void *arg)
{
	struct stream *s = arg;

	while (!s->wrong &&
	       (s->completed < MESSAGES || (!s->ud && s->received < MESSAGES))) {
		while (s->sent < MESSAGES && s->sent - s->completed < WINDOW)
			post_one(s);
		take_all(s);
	}
	return NULL;
}

/* Everything but the streams: keys, queues and QPs that come and go. */
struct churn {
	struct side *side;
	bool stop; /* atomic */
	unsigned int rounds;
	int err;
};

static void *churn(void *arg)
{
	struct churn *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED) && !c->err) {
		struct libvib_mr *mr = NULL;

		side_make_qp(c->side, VIB_QPT_UD);
		c->err |= libvib_qp_start_ud(c->side->qp, QKEY, 0);
		c->err |= libvib_reg_mr(c->side->pd, c->side->memory, 4096,
					(uintptr_t)c->side->memory, 0, &mr);
		if (mr)
			c->err |= libvib_dereg_mr(mr);
		c->err |= libvib_destroy_qp(c->side->qp);
		c->side->qp = NULL;
		c->rounds++;
	}
	return NULL;
}

static void both_ways(bool ud)
{
	struct side a, b, other;
	struct stream to_b = { .side = &a, .peer = &b.end, .ud = ud };
	struct stream to_a = { .side = &b, .peer = &a.end, .ud = ud };
	struct churn c = { .side = &other };
	pthread_t ta, tb, tc;

	side_open(&a, ibback.socket, BYTES);
	side_open(&b, ibback.socket, BYTES); /* the other poller's */
	side_open(&other, ibback.socket, 4096);
	if (ud) {
		side_make_qp(&a, VIB_QPT_UD);
		side_make_qp(&b, VIB_QPT_UD);
		assert_int_equal(libvib_qp_end(a.qp, &a.end), 0);
		assert_int_equal(libvib_qp_end(b.qp, &b.end), 0);
		assert_int_equal(libvib_qp_start_ud(a.qp, QKEY, 0), 0);
		assert_int_equal(libvib_qp_start_ud(b.qp, QKEY, 0), 0);
	} else {
		pair_connect(&a, &b, VIB_QPT_RC);
	}
	for (uint32_t i = 0; i < WINDOW; i++) {
		side_recv(&a, i, (WINDOW + i) * SLOT, SLOT);
		side_recv(&b, i, (WINDOW + i) * SLOT, SLOT);
	}
	pthread_create(&tc, NULL, churn, &c);
	pthread_create(&ta, NULL, run, &to_b);
	pthread_create(&tb, NULL, run, &to_a);
	pthread_join(ta, NULL);
	pthread_join(tb, NULL);
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	pthread_join(tc, NULL);
	take_all(&to_a); /* what came to the one that was done first */
	take_all(&to_b);
	if (to_a.wrong || to_b.wrong)
		fail_msg("%s", to_a.wrong ? to_a.wrong : to_b.wrong);
	assert_int_equal(c.err, 0);
	assert_true(c.rounds > 0);
	if (ud) { /* dropped where no receive was posted, and nowhere else */
		assert_true(to_a.received > 0);
		assert_true(to_b.received > 0);
	}
	side_close(&other);
	side_close(&b);
	side_close(&a);
}

static void rc_streams_of_two_pollers_cross_and_arrive_whole(void **state)
{
	(void)state;
	both_ways(false);
}

static void ud_streams_of_two_pollers_cross_and_arrive(void **state)
{
	(void)state;
	both_ways(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rc_streams_of_two_pollers_cross_and_arrive_whole),
		cmocka_unit_test(ud_streams_of_two_pollers_cross_and_arrive),
	};

	return cmocka_run_group_tests(tests, start, ibback_stop);
}
