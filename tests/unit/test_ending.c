// SPDX-License-Identifier: GPL-2.0-or-later
/* The end of QPs and of guests, whatever they are at. A sanitizer looks on: the
 * memory of what has ended is gone.
 */
#include <stdlib.h>

#include "rig_qp.h"

#define MIB (1u << 20)

static void hot_qp_is_destroyed(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_true(pqp_inner(&d->a)->hot);
	post_send(&d->a, &wr);
	pqp_end(&d->a);
	assert_int_equal(d->rig->engine->pollers[0].num_hot, 1); /* b's */
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&d->cqa);
	duo_free(d);
}

static void qp_that_waits_is_destroyed(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	rig_cool(d->rig);
	pqp_end(&d->a);
	duo_recv(d, 11, 100); /* rings for it */
	rig_wait(d->rig, 1000 * MS);
	assert_no_cqe(&d->cqa);
	assert_no_cqe(&d->cqb);
	duo_free(d);
}

static void qp_that_was_kicked_and_rang_is_destroyed(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);

	(void)state;
	rig_cool(d->rig);
	assert_true(post_send(&d->a, &wr));
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_ERR, 0), 0);
	pqp_end(&d->a);
	rig_run(d->rig);
	assert_no_cqe(&d->cqa);
	duo_free(d);
}

static void events_of_what_was_destroyed_do_not_come(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	pqp_bring(&d->a, VIB_QPS_RTS);
	pqp_bring(&d->b, VIB_QPS_RTR);
	post_send(&d->a, &wr);
	rig_run(d->rig);
	pqp_end(&d->b);
	assert_no_async(d->gb);
	duo_free(d);
}

static void region_destroyed_in_mid_message_is_touched_no_more(void **state)
{
	(void)state;
	for (int opcode = VIB_OP_RDMA_WRITE; opcode <= VIB_OP_RDMA_READ; opcode++)
		for (int peer_s = 0; peer_s < 2; peer_s++) {
			struct duo *d = duo_new(VIB_QPT_RC);
			struct region ra = region_new(d->ga, MIB);
			struct region rb = region_new(d->gb, MIB);
			struct wr wr = duo_wr(d, 1, (uint8_t)opcode, 0);
			struct vib_sge sge = sge_of(&rb, 0, MIB);
			struct vib_cqe cqe;

			wr.sge[0] = sge_of(&ra, 0, MIB);
			wr.addr = rb.iova;
			wr.rkey = rb.key;
			post_recv(&d->b, 11, &sge, 1);
			post_send(&d->a, &wr);
			rig_passes(d->rig, 3);
			region_end(peer_s ? &rb : &ra);
			rig_run(d->rig);
			assert_true(ccq_poll(&d->cqa, &cqe));
			assert_int_not_equal(cqe.status, VIB_WC_SUCCESS);
			duo_free(d);
		}
}

/* A guest with everything, connected to @other by RC in both directions. */
static void fill_guest(struct guest *g, struct guest *other)
{
	static const enum vib_qp_type types[] = { VIB_QPT_RC, VIB_QPT_UC };
	struct ceq eq = ceq_new(g, 1, 5), other_eq = ceq_new(other, 1, 5);
	struct region r = region_new(g, MIB), other_r = region_new(other, MIB);
	struct ccq *cq = calloc(2, sizeof(*cq));
	struct psrq srq;

	assert_non_null(cq);
	cq[0] = ccq_new(g, 4, eq.number);
	cq[1] = ccq_new(other, 4, other_eq.number);
	srq = psrq_new(other, other->pd, 4, 1);
	for (int i = 0; i < 8; i++) {
		const struct plan plan = { .type = types[i % 2] };
		struct plan peer_plan = plan;
		struct pqp a = pqp_new(g, &plan, &cq[0], &cq[0]), b;
		struct vib_sge sge = sge_of(&other_r, 0, MIB);
		struct wr wr = {
			.opcode = i % 4 < 2 ? VIB_OP_SEND : VIB_OP_RDMA_WRITE_IMM,
			.flags = VIB_SEND_SIGNALED,
			.count = 1,
			.sge = { sge_of(&r, 0, MIB) },
			.addr = other_r.iova,
			.rkey = other_r.key,
		};

		if (i % 2 == 0 && i >= 4)
			peer_plan.srq = &srq;
		b = pqp_new(other, &peer_plan, &cq[1], &cq[1]);
		pqp_aim(&a, &b, true);
		pqp_aim(&b, &a, true);
		pqp_bring(&a, VIB_QPS_RTS);
		pqp_bring(&b, VIB_QPS_RTS);
		if (peer_plan.srq)
			psrq_post(&srq, 11, &sge, 1);
		else if (i != 6)
			post_recv(&b, 11, &sge, 1);
		post_send(&a, &wr);
		post_send(&a, &wr);
		sge = sge_of(&r, 0, MIB);
		wr.sge[0] = sge_of(&other_r, 0, MIB);
		post_recv(&a, 12, &sge, 1);
		wr.opcode = VIB_OP_SEND;
		post_send(&b, &wr);
	}
	vib_cq_arm(&cq[0].queue, VIB_ARM_ANY);
	vib_cq_arm(&cq[1].queue, VIB_ARM_ANY);
	free(cq);
}

static void guest_ends_while_everybody_is_in_mid_message(void **state)
{
	(void)state;
	for (uint32_t pollers = 1; pollers <= 2; pollers++)
		for (unsigned int passes = 0; passes < 24; passes++) {
			struct rig *rig = rig_new(pollers);
			struct guest *a = guest_new(rig), *b = guest_new(rig);

			fill_guest(a, b);
			fill_guest(b, a);
			rig_passes(rig, passes);
			guest_end(passes % 2 ? a : b);
			rig_run(rig);
			rig_wait(rig, 1000 * MS);
			rig_free(rig);
		}
}

static void what_remains_of_a_dead_peer_is_flushed_or_fails(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct region ra = region_new(d->ga, MIB), rb = region_new(d->gb, MIB);
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 0);
	struct vib_sge sge = sge_of(&rb, 0, MIB);

	(void)state;
	wr.sge[0] = sge_of(&ra, 0, MIB);
	post_recv(&d->b, 11, &sge, 1);
	post_send(&d->a, &wr);
	rig_passes(d->rig, 3);
	guest_end(d->ga);
	rig_wait(d->rig, 1000 * MS);
	assert_no_cqe(&d->cqb);
	assert_int_equal(pqp_state(&d->b), VIB_QPS_RTS);
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	take_cqe(&d->cqb, 11, VIB_WC_WR_FLUSH_ERR);
	duo_free(d);
}

static void number_of_a_dead_qp_is_not_given_again_soon(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC };
	uint32_t dead = d->a.qpn;

	(void)state;
	pqp_end(&d->a);
	for (int i = 0; i < 1000; i++) {
		struct pqp qp = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);

		assert_int_not_equal(qp.qpn, dead);
		assert_in_range(qp.qpn, 2, 0xfffffe);
		pqp_end(&qp);
	}
	duo_free(d);
}

static void engine_ends_with_several_guests_that_never_ran(void **state)
{
	struct rig *rig = rig_new(2);

	(void)state;
	for (int i = 0; i < 5; i++)
		guest_new(rig);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hot_qp_is_destroyed),
		cmocka_unit_test(qp_that_waits_is_destroyed),
		cmocka_unit_test(qp_that_was_kicked_and_rang_is_destroyed),
		cmocka_unit_test(events_of_what_was_destroyed_do_not_come),
		cmocka_unit_test(region_destroyed_in_mid_message_is_touched_no_more),
		cmocka_unit_test(guest_ends_while_everybody_is_in_mid_message),
		cmocka_unit_test(what_remains_of_a_dead_peer_is_flushed_or_fails),
		cmocka_unit_test(number_of_a_dead_qp_is_not_given_again_soon),
		cmocka_unit_test(engine_ends_with_several_guests_that_never_ran),
	};

	alarm(120);
	return cmocka_run_group_tests_name("endings", tests, rig_enter, rig_leave);
}
