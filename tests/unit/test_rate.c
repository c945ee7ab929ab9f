// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests with a rate: how much they move, in what order, and what is held up by it. */
#include "rig_qp.h"

#include "engine/poller_parts.h"
#include "engine/qp.h"
#include "engine/send.h"
#include "engine/tokens.h"

#define M     1000000ull
#define G     1000000000ull
#define BYTE  1000000000ll /* in a bucket's tokens */
/* By how much the last item of a share may exceed it: a datagram or a request, with as
 * many SGEs at both ends as there may be.
 */
#define ITEM  (COST_REQUEST + COST_DELIVERY + 4096 + 2 * COST_SGE * MAX_SGE)
#define CROWD 100

static struct poller *poller_of(const struct duo *d)
{
	return &d->rig->engine->pollers[0];
}

/* ---- what things cost ---------------------------------------------------- */

/* Let time pass until the bucket of @g is full. */
static void fill_bucket(struct duo *d, struct guest *g)
{
	rig_wait(d->rig, 1000 * MS);
	bucket_fill(&g->vhca->bucket, rig_clock);
	assert_true(g->vhca->bucket.tokens == g->vhca->bucket.burst);
}

/* What is gone from the full bucket of @g. */
static int64_t cost(const struct guest *g)
{
	const struct bucket *b = &g->vhca->bucket;

	assert_true((b->burst - b->tokens) % BYTE == 0);
	return (b->burst - b->tokens) / BYTE;
}

static void each_request_has_its_price_and_the_peer_pays_nothing(void **state)
{
	static const struct {
		uint8_t opcode;
		uint32_t length, cost;
	} cases[] = {
		{ VIB_OP_RDMA_WRITE, 8, COST_REQUEST + COST_SGE + 8 },
		{ VIB_OP_RDMA_WRITE, 65536, COST_REQUEST + COST_SGE + 65536 },
		{ VIB_OP_RDMA_WRITE_IMM, 1000, COST_REQUEST + COST_SGE + 1000 },
		{ VIB_OP_SEND, 1000, COST_REQUEST + 2 * COST_SGE + 1000 },
		{ VIB_OP_RDMA_READ, 50000, COST_REQUEST + COST_SGE + 50000 },
		{ VIB_OP_FETCH_ADD, 8, COST_REQUEST + COST_SGE },
		{ VIB_OP_CMP_SWAP, 8, COST_REQUEST + COST_SGE },
		{ VIB_OP_ATOMIC_WRITE, 8, COST_REQUEST + COST_SGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, cases[i].opcode, cases[i].length);

		wr.addr += -wr.addr % 8; /* for atomics */
		if (cases[i].length == 65536)
			wr.addr = d->rb.iova;
		vhca_set_rate(d->ga->vhca, 1 * G);
		vhca_set_rate(d->gb->vhca, 1 * G);
		fill_bucket(d, d->ga);
		fill_bucket(d, d->gb);
		duo_recv(d, 2, 4096);
		post_send(&d->a, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
		assert_int_equal(cost(d->ga), cases[i].cost);
		assert_int_equal(cost(d->gb), 0);
		duo_free(d);
	}
}

static void datagram_to_a_group_is_paid_for_each_member(void **state)
{
	const struct plan plan = { .type = VIB_QPT_UD };
	struct vib_cmd_mcast cmd = { .mgid.raw = { 0xff, [15] = 1 }, .mlid = 0xc001 };
	struct duo *d = duo_new(VIB_QPT_UD);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 1000);
	struct pqp members[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		members[i] = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
		pqp_bring(&members[i], VIB_QPS_RTS);
		cmd.qpn = members[i].qpn;
		assert_int_equal(qp_attach_mcast(d->gb->vhca, &cmd, &free_for_all), 0);
	}
	wr.qpn = 0xffffff;
	wr.av = (struct vib_av){ .flags = VIB_AV_GRH, .dlid = 0xc001, .dgid = cmd.mgid };
	vhca_set_rate(d->ga->vhca, 1 * G);
	fill_bucket(d, d->ga);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_int_equal(cost(d->ga),
			 COST_REQUEST + COST_SGE + 5 * (COST_DELIVERY + 1000));
	duo_free(d);
}

static void asking_a_peer_again_and_flushing_cost_nothing(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 1000);
	struct qp *peer = pqp_inner(&d->b);

	(void)state;
	vhca_set_rate(d->ga->vhca, 1 * G);
	fill_bucket(d, d->ga);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_int_equal(cost(d->ga), COST_REQUEST); /* and not for looking */
	fill_bucket(d, d->ga);
	pthread_spin_lock(&peer->lock); /* as another poller might */
	rig_clock += 2 * MS;
	rig_passes(d->rig, 100);
	pthread_spin_unlock(&peer->lock);
	rig_run(d->rig);
	assert_int_equal(cost(d->ga), 0);
	for (int i = 0; i < 10; i++)
		post_send(&d->a, &wr);
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	for (int i = 0; i < 11; i++)
		take_cqe(&d->cqa, 1, VIB_WC_WR_FLUSH_ERR);
	assert_int_equal(cost(d->ga), 0);
	duo_free(d);
}

/* ---- how much is moved --------------------------------------------------- */

/* A guest that always has @type's requests of @length; what it moved so far. */
struct load {
	struct duo *d;
	struct wr wr;
	uint64_t bytes;
	uint64_t requests;
};

static struct load load_new(struct duo *d, uint8_t opcode, uint32_t length)
{
	struct load l = { .d = d, .wr = duo_wr(d, 1, opcode, length) };

	return l;
}

static uint64_t moved(const struct load *l)
{
	const struct sending *s = &pqp_inner(&l->d->a)->sending;

	return l->bytes + (s->active ? s->done : 0);
}

/* Post what there is room for, and have it done as far as it goes now. */
static void load_run(struct load *l)
{
	struct vib_cqe cqe;
	bool more = true;

	while (more) {
		while (vib_queue_may_produce(&l->d->a.sq) > 0)
			post_send(&l->d->a, &l->wr);
		rig_run(l->d->rig);
		for (more = false; ccq_poll(&l->d->cqa, &cqe); more = true) {
			assert_int_equal(cqe.status, VIB_WC_SUCCESS);
			l->bytes += l->wr.data ? l->wr.inline_len : l->wr.sge[0].length;
			l->requests++;
		}
	}
}

static void load_for(struct load *l, uint64_t ns, uint64_t step)
{
	for (uint64_t end = rig_clock + ns; rig_clock < end; load_run(l))
		rig_clock += step;
}

/* The bound that ARCHITECTURE.md promises, from an empty bucket on. */
static void assert_rate(uint64_t rate, uint64_t ns, uint64_t bytes, uint64_t most)
{
	struct bucket b;
	uint64_t allowed = rate / 8 * (ns / MS) / 1000;

	bucket_set(&b, rate, 0);
	assert_true(bytes <= allowed + (uint64_t)bucket_share(&b) + ITEM);
	assert_true(bytes + most >= allowed / 100 * 97);
}

static void guest_moves_what_its_rate_gives(void **state)
{
	static const struct {
		uint64_t rate, ns, step;
	} cases[] = {
		{ 1 * M, 20000 * MS, 10 * MS }, { 8 * M, 5000 * MS, MS },
		{ 200 * M, 1000 * MS, MS },     { 200 * M, 1000 * MS, 50 * MS },
		{ 200 * M, 200 * MS, 10 * US }, { 10 * G, 100 * MS, 100 * US },
		{ 100 * G, 20 * MS, MS },
	};
	static const uint8_t opcodes[] = { VIB_OP_RDMA_WRITE, VIB_OP_RDMA_READ };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int op = 0; op < 2; op++) {
			struct duo *d = duo_new(VIB_QPT_RC);
			struct load l = load_new(d, opcodes[op], 65536);

			vhca_set_rate(d->ga->vhca, cases[i].rate);
			load_for(&l, cases[i].ns, cases[i].step);
			/* What the last step gave is moved with the next one. */
			assert_rate(cases[i].rate, cases[i].ns, moved(&l),
				    65536 + cases[i].rate / 8 * cases[i].step / 1000 /
						    MS);
			duo_free(d);
		}
}

static void small_requests_are_bounded_by_their_price(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct load l = load_new(d, VIB_OP_RDMA_WRITE, 0);

	(void)state;
	l.wr.data = "8 bytes";
	l.wr.inline_len = 8;
	l.wr.count = 0;
	l.wr.flags |= VIB_SEND_INLINE;
	vhca_set_rate(d->ga->vhca, 8 * M);
	load_for(&l, 2000 * MS, MS);
	assert_rate(8 * M, 2000 * MS, l.requests * (COST_REQUEST + 8), 65536);
	duo_free(d);
}

static void guest_without_a_rate_is_not_held_up_beside_one_that_has(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct load l = load_new(d, VIB_OP_RDMA_WRITE, 65536);
	struct wr back = duo_wr(d, 7, VIB_OP_RDMA_WRITE, 65536);

	(void)state;
	back.sge[0] = sge_of(&d->rb, 0, 65536);
	back.addr = d->ra.iova;
	back.rkey = d->ra.key;
	vhca_set_rate(d->ga->vhca, 1 * M);
	load_run(&l);
	for (int i = 0; i < 1000; i++) { /* and no time passes */
		post_send(&d->b, &back);
		rig_run(d->rig);
		take_cqe(&d->cqb, 7, VIB_WC_SUCCESS);
	}
	assert_true(moved(&l) <= 8192 + ITEM);
	duo_free(d);
}

static void burst_after_idleness_is_bounded(void **state)
{
	static const uint64_t rates[] = { 1 * M, 200 * M, 10 * G };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct duo *d = duo_new(VIB_QPT_RC);
		struct load l = load_new(d, VIB_OP_RDMA_WRITE, 16384);
		struct bucket *b = &d->ga->vhca->bucket;
		uint64_t burst;

		vhca_set_rate(d->ga->vhca, rates[i]);
		rig_wait(d->rig, 3600000 * MS);
		burst = (uint64_t)(b->burst / BYTE);
		load_run(&l); /* no time passes */
		assert_true(moved(&l) <= burst + (uint64_t)bucket_share(b) + ITEM);
		assert_true(moved(&l) >= burst / 100 * 90);
		duo_free(d);
	}
}

static void rate_changes_while_there_is_work(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct load l = load_new(d, VIB_OP_RDMA_WRITE, 65536);
	static const uint64_t rates[] = { 8 * M, 800 * M, 8 * M, 1 * G };
	uint64_t before;

	(void)state;
	for (int i = 0; i < 4; i++) {
		before = moved(&l);
		vhca_set_rate(d->ga->vhca, rates[i]);
		load_for(&l, 2000 * MS, MS);
		assert_rate(rates[i], 2000 * MS, moved(&l) - before, 65536 * 4);
	}
	vhca_set_rate(d->ga->vhca, 1 * M);
	load_run(&l);
	before = moved(&l);
	vhca_set_rate(d->ga->vhca, 0);
	rig_run(d->rig); /* what is in the queue, at once */
	for (int i = 0; i < 16; i++)
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

/* ---- sleep and time ------------------------------------------------------ */

static void poller_has_nothing_to_do_until_there_are_tokens(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct load l = load_new(d, VIB_OP_RDMA_WRITE, 65536);
	uint64_t before, when;

	(void)state;
	vhca_set_rate(d->ga->vhca, 200 * M);
	rig_wait(d->rig, 1000 * MS);
	assert_true(tokens_next(poller_of(d)) == NEVER);
	load_run(&l);
	for (int i = 0; i < 20; i++) {
		when = tokens_next(poller_of(d));
		assert_true(when > rig_clock && when < rig_clock + 3 * MS);
		/* It may sleep: all are cold, or will be told. */
		assert_true(poller_cool_all(poller_of(d)));
		assert_int_equal(poller_of(d)->num_hot, 0);
		before = moved(&l);
		rig_clock = when - 1;
		load_run(&l);
		assert_true(moved(&l) == before);
		rig_clock = when;
		load_run(&l);
		assert_true(moved(&l) > before);
	}
	duo_free(d);
}

static void bells_of_a_guest_without_tokens_keep_nobody_awake(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 65536);

	(void)state;
	vhca_set_rate(d->ga->vhca, 1 * M);
	rig_cool(d->rig);
	assert_true(post_send(&d->a, &wr));
	rig_run(d->rig);
	for (int i = 0; i < 5; i++) {
		ring(&d->a); /* for nothing */
		rig_run(d->rig);
		assert_true(poller_cool_all(poller_of(d)));
		assert_int_equal(vib_doorbell_sleep(d->ga->page), 0);
		vib_doorbell_wake(d->ga->page);
	}
	rig_wait(d->rig, 1000 * MS);
	for (int i = 0; i < 10; i++)
		rig_wait(d->rig, 100 * MS);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

/* What was posted while its QP was in line is found without a bell, and one posted when
 * it has cooled rings.
 */
static void work_of_a_qp_in_line_and_after_is_not_forgotten(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8192);

	(void)state;
	vhca_set_rate(d->ga->vhca, 1 * M);
	rig_wait(d->rig, 1 * MS);
	for (int i = 0; i < 8; i++)
		post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_true(pqp_inner(&d->a)->in_line);
	assert_false(post_send(&d->a, &wr));
	for (int i = 0; i < 20; i++)
		rig_wait(d->rig, 100 * MS);
	for (int i = 0; i < 9; i++)
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_false(pqp_inner(&d->a)->in_line);
	rig_cool(d->rig);
	assert_true(post_send(&d->a, &wr));
	rig_wait(d->rig, 1000 * MS);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

/* ---- fairness within a guest --------------------------------------------- */

static void long_message_does_not_starve_a_short_one(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct region r = region_new(d->ga, 4 << 20);
	struct ccq cq = ccq_new(d->ga, 4, VIB_NO_OBJECT);
	struct pqp qp = pqp_new(d->ga, &plan, &cq, &cq);
	struct wr wr = { .id = 1,
			 .opcode = VIB_OP_RDMA_WRITE,
			 .count = 1,
			 .addr = r.iova },
		  small = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	wr.flags = VIB_SEND_SIGNALED;
	wr.rkey = r.key;
	wr.sge[0] = sge_of(&r, 0, 4 << 20);
	pqp_aim(&qp, &qp, false);
	pqp_bring(&qp, VIB_QPS_RTS);
	vhca_set_rate(d->ga->vhca, 8 * M); /* 4 s for the long one */
	post_send(&qp, &wr);
	rig_wait(d->rig, 100 * MS);
	for (int i = 0; i < 20; i++) {
		post_send(&d->a, &small);
		rig_run(d->rig);
		/* Behind one share of the other, which is 8192 bytes at 1e6 a second. */
		rig_wait(d->rig, 9 * MS);
		rig_wait(d->rig, 9 * MS);
		take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	}
	assert_no_cqe(&cq);
	assert_true(pqp_inner(&qp)->sending.done > 300000); /* in 460 ms */
	for (int i = 0; i < 100; i++)
		rig_wait(d->rig, 50 * MS);
	take_cqe(&cq, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

static void all_qps_of_a_guest_have_their_turn(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC, .order = 2, .sges = 1 };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct ccq cq = ccq_new(d->ga, 12, VIB_NO_OBJECT);
	static struct pqp qps[CROWD];
	static unsigned int served[CROWD];
	struct wr wr = duo_wr(d, 0, VIB_OP_RDMA_WRITE, 8000);
	unsigned int least = ~0u, most = 0;
	struct vib_cqe cqe;

	(void)state;
	memset(served, 0, sizeof(served));
	wr.addr = d->ra.iova;
	wr.rkey = d->ra.key;
	vhca_set_rate(d->ga->vhca, 80 * M);
	for (unsigned int i = 0; i < CROWD; i++) {
		qps[i] = pqp_new(d->ga, &plan, &cq, &cq);
		pqp_aim(&qps[i], &qps[i], false); /* to itself */
		pqp_bring(&qps[i], VIB_QPS_RTS);
		for (wr.id = i; vib_queue_may_produce(&qps[i].sq) > 0;)
			post_send(&qps[i], &wr);
	}
	for (unsigned int ms = 0; ms < 1000; ms++) { /* 10 MB */
		rig_wait(d->rig, MS);
		for (; ccq_poll(&cq, &cqe); served[cqe.wr_id]++) {
			wr.id = cqe.wr_id; /* there is always more */
			post_send(&qps[cqe.wr_id], &wr);
		}
	}
	for (unsigned int i = 0; i < CROWD; i++) {
		least = served[i] < least ? served[i] : least;
		most = served[i] > most ? served[i] : most;
	}
	assert_true(least >= 10); /* 1250 of 8000 bytes, and what they cost */
	assert_true(most <= least + 3);
	duo_free(d);
}

/* A QP that is polled and has work just when tokens come does not go before the line. */
static void newcomer_waits_behind_the_line(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct ccq cq = ccq_new(d->ga, 8, VIB_NO_OBJECT);
	struct pqp qp = pqp_new(d->ga, &plan, &cq, &cq);
	struct wr often = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 24000),
		  wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 65536);
	unsigned int newcomers = 0, of_line = 0;
	struct vib_cqe cqe;

	(void)state;
	wr.addr = d->ra.iova;
	wr.rkey = d->ra.key;
	pqp_aim(&qp, &qp, false);
	pqp_bring(&qp, VIB_QPS_RTS);
	vhca_set_rate(d->ga->vhca, 200 * M);
	for (unsigned int ms = 0; ms < 1000; ms++) { /* 25 MB */
		while (vib_queue_may_produce(&qp.sq) > 0)
			post_send(&qp, &wr);
		rig_clock += MS;
		while (poller_of(d)->now != rig_clock)
			rig_pass(d->rig);
		if (vib_queue_may_produce(&d->a.sq) > 0)
			post_send(&d->a, &often);
		rig_run(d->rig);
		for (; ccq_poll(&d->cqa, &cqe); newcomers++)
			;
		for (; ccq_poll(&cq, &cqe); of_line++)
			;
	}
	assert_true(of_line * 65536 >= 12000000);
	assert_true(newcomers * 24000 >= 10000000);
	duo_free(d);
}

/* Two have their turn, and the first takes more than its share. */
static void turn_that_came_to_nothing_comes_again(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct duo *d = duo_new(VIB_QPT_RC);
	struct bucket *b = &d->ga->vhca->bucket;
	struct ccq cq = ccq_new(d->ga, 8, VIB_NO_OBJECT);
	struct pqp qps[2];
	struct wr wr = duo_wr(d, 0, VIB_OP_RDMA_WRITE, 8);
	unsigned int served[2] = { 0 };
	struct vib_cqe cqe;

	(void)state;
	wr.addr = d->ra.iova;
	wr.rkey = d->ra.key;
	vhca_set_rate(d->ga->vhca, 8 * M);
	for (int i = 0; i < 2; i++) {
		qps[i] = pqp_new(d->ga, &plan, &cq, &cq);
		pqp_aim(&qps[i], &qps[i], false);
		pqp_bring(&qps[i], VIB_QPS_RTS);
	}
	for (int round = 0; round < 200; round++) {
		for (unsigned int i = 0; i < 2; i++)
			for (wr.id = i; vib_queue_may_produce(&qps[i].sq) > 0;)
				post_send(&qps[i], &wr);
		rig_run(d->rig);
		rig_clock = bucket_when(b);
		rig_clock +=
			(uint64_t)bucket_share(b) * 1000 + 1; /* two, the last owed */
		rig_run(d->rig);
		for (; ccq_poll(&cq, &cqe); served[cqe.wr_id]++)
			;
	}
	assert_true(served[0] >= 900 && served[1] >= 900);
	duo_free(d);
}

/* ---- peers that are waited for ------------------------------------------- */

/* min_rnr_timer 14 and timeout 10, as the rig sets them, in ns. */
#define RNR_NS     1280000ull
#define TIMEOUT_NS 4194304ull

/* Another QP of a, which owes so much that there are no tokens for some time. */
static void run_into_debt(struct duo *d, struct pqp *qp, struct ccq *cq)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct wr wr = duo_wr(d, 9, VIB_OP_RDMA_WRITE, 65536);

	*cq = ccq_new(d->ga, 4, VIB_NO_OBJECT);
	*qp = pqp_new(d->ga, &plan, cq, cq);
	pqp_aim(qp, qp, false);
	pqp_bring(qp, VIB_QPS_RTS);
	wr.addr = d->ra.iova;
	wr.rkey = d->ra.key;
	post_send(qp, &wr);
	rig_wait(d->rig, 10 * US);
	assert_false(bucket_gives(&d->ga->vhca->bucket));
}

static void time_in_line_is_not_the_peer_s(void **state)
{
	(void)state;
	for (int rnr = 0; rnr < 2; rnr++) {
		struct duo *d = duo_apart(VIB_QPT_RC);
		struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);
		uint64_t patience = rnr ? 2 * RNR_NS : 3 * TIMEOUT_NS;
		struct pqp qp;
		struct ccq cq;

		d->a.attr.rnr_retry = 2;
		pqp_bring(&d->a, VIB_QPS_RTS);
		if (rnr)
			pqp_bring(&d->b, VIB_QPS_RTS);
		rig_run(d->rig);
		post_send(&d->a, &wr);
		rig_run(d->rig); /* it was asked for the first time */
		vhca_set_rate(d->ga->vhca, 1 * M);
		run_into_debt(d, &qp, &cq);
		rig_wait(d->rig, 1 * MS); /* it would ask, and cannot */
		assert_true(pqp_inner(&d->a)->in_line);
		/* Two shares of the other, of 8256 bytes at 125000 a second. */
		rig_wait(d->rig, 70 * MS);
		ring(&d->a);               /* which changes nothing */
		rig_wait(d->rig, 60 * MS); /* too long for the peer */
		assert_true(pqp_inner(&d->a)->in_line);
		rig_wait(d->rig, 10 * MS);
		assert_false(pqp_inner(&d->a)->in_line);
		assert_no_cqe(&d->cqa);
		vhca_set_rate(d->ga->vhca, 0);
		rig_wait(d->rig, patience - 3 * MS);
		rig_wait(d->rig, 1 * MS);
		assert_no_cqe(&d->cqa);
		rig_wait(d->rig, 2 * MS);
		take_cqe(&d->cqa, 1,
			 rnr ? VIB_WC_RNR_RETRY_EXC_ERR : VIB_WC_RETRY_EXC_ERR);
		duo_free(d);
	}
}

static void peer_that_is_gone_is_found_out_though_tokens_are_always_short(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);
	struct wr more = duo_wr(d, 9, VIB_OP_RDMA_WRITE, 65536);
	struct vib_cqe cqe;
	struct pqp qp;
	struct ccq cq;
	unsigned int ms = 0;

	(void)state;
	more.addr = d->ra.iova;
	more.rkey = d->ra.key;
	pqp_bring(&d->a, VIB_QPS_RTS);
	vhca_set_rate(d->ga->vhca, 8 * M);
	run_into_debt(d, &qp, &cq);
	post_send(&d->a, &wr);
	for (bool gone = false; !gone; gone = ccq_poll(&d->cqa, &cqe)) {
		while (vib_queue_may_produce(&qp.sq) > 0)
			post_send(&qp, &more);
		rig_wait(d->rig, MS);
		while (ccq_poll(&cq, &cqe))
			assert_int_equal(cqe.status, VIB_WC_SUCCESS);
		assert_true(ms++ < 1000);
	}
	assert_int_equal(cqe.status, VIB_WC_RETRY_EXC_ERR);
	duo_free(d);
}

/* ---- ends ---------------------------------------------------------------- */

/* d->a waits for tokens with a message that was begun and 15 behind it. */
static struct duo *duo_in_line(void)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 65536);

	vhca_set_rate(d->ga->vhca, 1 * M);
	for (int i = 0; i < 16; i++)
		post_send(&d->a, &wr);
	rig_wait(d->rig, 1 * MS);
	assert_true(pqp_inner(&d->a)->in_line);
	assert_true(pqp_inner(&d->a)->sending.active);
	assert_no_cqe(&d->cqa);
	return d;
}

static void flushing_needs_no_tokens(void **state)
{
	struct duo *d = duo_in_line();
	struct wr wr = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 65536);

	(void)state;
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig); /* no time passes */
	for (int i = 0; i < 16; i++)
		take_cqe(&d->cqa, 1, VIB_WC_WR_FLUSH_ERR);
	assert_false(pqp_inner(&d->a)->in_line);
	assert_true(tokens_next(poller_of(d)) == NEVER);
	rig_cool(d->rig);
	assert_true(post_send(&d->a, &wr)); /* what comes later too */
	rig_run(d->rig);
	take_cqe(&d->cqa, 2, VIB_WC_WR_FLUSH_ERR);
	duo_free(d);
}

static void peer_s_denial_flushes_what_is_behind_it_without_tokens(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr bad = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8),
		  wr = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 65536);

	(void)state;
	bad.rkey ^= 1;
	vhca_set_rate(d->ga->vhca, 1 * M);
	post_send(&d->a, &bad);
	for (int i = 0; i < 15; i++)
		post_send(&d->a, &wr);
	rig_wait(d->rig, 10 * US);
	take_cqe(&d->cqa, 1, VIB_WC_REM_ACCESS_ERR);
	for (int i = 0; i < 15; i++)
		take_cqe(&d->cqa, 2, VIB_WC_WR_FLUSH_ERR);
	duo_free(d);
}

static void qp_in_line_is_destroyed(void **state)
{
	struct duo *d = duo_in_line();

	(void)state;
	pqp_end(&d->a);
	assert_true(tokens_next(poller_of(d)) == NEVER);
	assert_true(TAILQ_EMPTY(&poller_of(d)->short_of_tokens));
	rig_wait(d->rig, 1000 * MS);
	assert_no_cqe(&d->cqa);
	duo_free(d);
}

static void qp_in_line_is_reset_and_used_again(void **state)
{
	struct duo *d = duo_in_line();
	struct wr wr = duo_wr(d, 2, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	pqp_reset(&d->a);
	rig_wait(d->rig, 1000 * MS);
	assert_false(pqp_inner(&d->a)->in_line);
	assert_no_cqe(&d->cqa);
	pqp_bring(&d->a, VIB_QPS_RTS);
	post_send(&d->a, &wr);
	rig_wait(d->rig, 1000 * MS);
	take_cqe(&d->cqa, 2, VIB_WC_SUCCESS);
	/* Nothing of the wait then is left. */
	pqp_end(&d->b);
	wr.id = 3;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	rig_wait(d->rig, 3 * TIMEOUT_NS);
	take_cqe(&d->cqa, 3, VIB_WC_RETRY_EXC_ERR);
	duo_free(d);
}

static void qp_in_line_drains(void **state)
{
	struct duo *d = duo_in_line();
	struct vib_qp_attr attr;

	(void)state;
	d->a.attr.en_sqd_async_notify = 1;
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_SQD, VIB_QP_EN_SQD_ASYNC_NOTIFY), 0);
	rig_run(d->rig);
	assert_int_equal(qp_query(d->ga->vhca, d->a.qpn, &attr), 0);
	assert_int_equal(attr.sq_draining, 1);
	assert_no_async(d->ga);
	for (int i = 0; i < 10; i++)
		rig_wait(d->rig, 100 * MS);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS); /* what was begun */
	assert_no_cqe(&d->cqa);
	assert_async(d->ga, VIB_ASYNC_QP_SQ_DRAINED, d->a.qpn);
	duo_free(d);
}

static void guest_ends_with_qps_in_line(void **state)
{
	struct duo *d = duo_in_line();

	(void)state;
	guest_end(d->ga);
	assert_true(tokens_next(poller_of(d)) == NEVER);
	rig_wait(d->rig, 1000 * MS);
	duo_free(d);
}

int main(void)
{
#define test cmocka_unit_test
	const struct CMUnitTest tests[] = {
		test(each_request_has_its_price_and_the_peer_pays_nothing),
		test(datagram_to_a_group_is_paid_for_each_member),
		test(asking_a_peer_again_and_flushing_cost_nothing),
		test(guest_moves_what_its_rate_gives),
		test(small_requests_are_bounded_by_their_price),
		test(guest_without_a_rate_is_not_held_up_beside_one_that_has),
		test(burst_after_idleness_is_bounded),
		test(rate_changes_while_there_is_work),
		test(poller_has_nothing_to_do_until_there_are_tokens),
		test(bells_of_a_guest_without_tokens_keep_nobody_awake),
		test(work_of_a_qp_in_line_and_after_is_not_forgotten),
		test(long_message_does_not_starve_a_short_one),
		test(all_qps_of_a_guest_have_their_turn),
		test(newcomer_waits_behind_the_line),
		test(turn_that_came_to_nothing_comes_again),
		test(time_in_line_is_not_the_peer_s),
		test(peer_that_is_gone_is_found_out_though_tokens_are_always_short),
		test(flushing_needs_no_tokens),
		test(peer_s_denial_flushes_what_is_behind_it_without_tokens),
		test(qp_in_line_is_destroyed),
		test(qp_in_line_is_reset_and_used_again),
		test(qp_in_line_drains),
		test(guest_ends_with_qps_in_line),
	};

	alarm(120);
	return cmocka_run_group_tests(tests, rig_enter, rig_leave);
}
