// SPDX-License-Identifier: GPL-2.0-or-later
/* Completion queues: overruns, wishes and events, moderation; and their EQs. */
#include <stdlib.h>

#include "rig_qp.h"

#define PORT 5

/* A duo whose completions raise events: a's of port 5. */
struct noisy {
	struct duo *d;
	struct ceq eq;
	struct ccq cq;
};

static struct noisy *noisy_new(uint32_t eq_order)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct noisy *n = calloc(1, sizeof(*n));
	struct duo *d;

	assert_non_null(n);
	n->d = d = duo_apart(VIB_QPT_RC);
	n->eq = ceq_new(d->ga, eq_order, PORT);
	n->cq = ccq_new(d->ga, 8, n->eq.number);
	pqp_end(&d->a);
	d->a = pqp_new(d->ga, &plan, &n->cq, &n->cq);
	duo_aim(d);
	duo_connect(d);
	return n;
}

static void noisy_free(struct noisy *n)
{
	duo_free(n->d);
	free(n);
}

/* One entry in a's CQ. */
static void complete_one(struct noisy *n)
{
	struct wr wr = duo_wr(n->d, 1, VIB_OP_RDMA_WRITE, 8);

	post_send(&n->d->a, &wr);
	rig_run(n->d->rig);
}

/* One receive, solicited or not. */
static void receive_one(struct noisy *n, bool solicited)
{
	struct duo *d = n->d;
	struct wr wr = duo_wr(d, 2, VIB_OP_SEND, 8);
	struct vib_sge sge = sge_of(&d->ra, 0, 8);

	wr.sge[0] = sge_of(&d->rb, 0, 8);
	if (solicited)
		wr.flags |= VIB_SEND_SOLICITED;
	post_recv(&d->a, 11, &sge, 1);
	post_send(&d->b, &wr);
	rig_run(d->rig);
}

static void drain(struct noisy *n)
{
	struct vib_cqe cqe;

	while (ccq_poll(&n->cq, &cqe))
		;
}

static void arm(struct noisy *n, enum vib_cq_arm wish)
{
	assert_false(vib_cq_arm(&n->cq.queue, wish));
}

#define assert_event(n) assert_int_equal(ceq_poll(&(n)->eq), (n)->cq.number)
#define assert_quiet(n) assert_int_equal(ceq_poll(&(n)->eq), VIB_NO_OBJECT)

/* ---- wishes ------------------------------------------------------------ */

static void queue_that_is_not_armed_raises_no_event(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	complete_one(n);
	receive_one(n, true);
	assert_quiet(n);
	noisy_free(n);
}

static void armed_for_any_the_next_entry_raises_one_event(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	for (int i = 0; i < 5; i++) {
		arm(n, VIB_ARM_ANY);
		assert_quiet(n);
		complete_one(n);
		assert_event(n);
		assert_int_equal(n->cq.queue.hdr->arm, VIB_ARM_NONE);
		complete_one(n);
		assert_quiet(n);
		drain(n);
	}
	noisy_free(n);
}

static void armed_for_solicited_only_such_an_entry_raises_one(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	arm(n, VIB_ARM_SOLICITED);
	complete_one(n);
	receive_one(n, false);
	assert_quiet(n);
	assert_int_equal(n->cq.queue.hdr->arm, VIB_ARM_SOLICITED);
	receive_one(n, true);
	assert_event(n);
	assert_quiet(n);
	noisy_free(n);
}

static void failure_counts_as_solicited(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	arm(n, VIB_ARM_SOLICITED);
	assert_int_equal(pqp_modify(&n->d->a, VIB_QPS_ERR, 0), 0);
	complete_one(n); /* flushed */
	assert_event(n);
	noisy_free(n);
}

static void solicited_entry_of_before_raises_nothing_later(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	receive_one(n, true);
	drain(n);
	arm(n, VIB_ARM_SOLICITED);
	complete_one(n);
	assert_quiet(n);
	noisy_free(n);
}

static void unknown_wish_counts_as_any(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	n->cq.queue.hdr->arm = 0xdeadbeef;
	complete_one(n);
	assert_event(n);
	noisy_free(n);
}

static void many_entries_of_a_pass_raise_one_event(void **state)
{
	struct noisy *n = noisy_new(4);
	struct wr wr = duo_wr(n->d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	arm(n, VIB_ARM_ANY);
	for (int i = 0; i < 16; i++)
		post_send(&n->d->a, &wr);
	rig_run(n->d->rig);
	assert_event(n);
	assert_quiet(n);
	noisy_free(n);
}

/* ---- event queues ------------------------------------------------------ */

static void frontend_is_notified_only_if_it_asked(void **state)
{
	struct noisy *n = noisy_new(4);
	unsigned int *notified = &n->d->rig->bells.notified;

	(void)state;
	arm(n, VIB_ARM_ANY);
	complete_one(n);
	assert_int_equal(*notified, 1); /* entry 0 */
	assert_int_equal(n->d->rig->bells.port, PORT);
	assert_event(n);
	drain(n);
	arm(n, VIB_ARM_ANY);
	complete_one(n);
	assert_int_equal(*notified, 1);
	assert_event(n);
	drain(n);
	assert_false(vib_queue_arm(&n->eq.queue));
	arm(n, VIB_ARM_ANY);
	complete_one(n);
	assert_int_equal(*notified, 2);
	noisy_free(n);
}

static void events_wait_for_room_and_each_queue_waits_once(void **state)
{
	struct noisy *n = noisy_new(1); /* two slots */

	(void)state;
	for (int i = 0; i < 6; i++) {
		arm(n, VIB_ARM_ANY);
		complete_one(n);
		drain(n);
	}
	assert_int_equal(n->eq.queue.hdr->cons, 0);
	assert_event(n);
	rig_run(n->d->rig);
	assert_event(n);
	rig_run(n->d->rig);
	assert_event(n); /* the other four became one */
	rig_run(n->d->rig);
	assert_quiet(n);
	arm(n, VIB_ARM_ANY);
	complete_one(n);
	assert_event(n);
	assert_quiet(n);
	assert_null(vhca_broken(n->d->ga->vhca));
	noisy_free(n);
}

static void queue_destroyed_while_its_event_waits_raises_none(void **state)
{
	struct noisy *n = noisy_new(1);
	struct memory m;

	(void)state;
	for (int i = 0; i < 3; i++) {
		arm(n, VIB_ARM_ANY);
		complete_one(n);
		drain(n);
	}
	pqp_end(&n->d->a);
	assert_int_equal(cq_destroy(n->d->ga->vhca, n->cq.number, &m), 0);
	free(m.at);
	assert_event(n);
	assert_event(n);
	rig_run(n->d->rig);
	assert_quiet(n);
	noisy_free(n);
}

static void event_queue_s_consumer_that_lies_loses_its_device(void **state)
{
	struct noisy *n = noisy_new(1);
	unsigned int raised = n->d->ga->raised;

	(void)state;
	n->eq.queue.hdr->cons = 0x1000;
	for (int i = 0; i < 4; i++) {
		arm(n, VIB_ARM_ANY);
		complete_one(n);
		drain(n);
	}
	assert_non_null(vhca_broken(n->d->ga->vhca));
	assert_true(n->d->ga->raised == raised + 1); /* once */
	assert_null(vhca_broken(n->d->gb->vhca));
	noisy_free(n);
}

/* ---- overruns ---------------------------------------------------------- */

static void consumer_that_lies_overruns_its_queue(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	for (int i = 0; i < 256; i++) /* fill what is known to be free */
		complete_one(n);
	assert_no_async(n->d->ga);
	n->cq.queue.hdr->cons = 0x80000000;
	complete_one(n);
	assert_async(n->d->ga, VIB_ASYNC_CQ_ERR, n->cq.number);
	assert_async(n->d->ga, VIB_ASYNC_QP_FATAL, n->d->a.qpn);
	assert_int_equal(pqp_state(&n->d->a), VIB_QPS_ERR);
	assert_null(vhca_broken(n->d->ga->vhca)); /* a process may have done it */
	n->cq.queue.hdr->cons = 256;
	complete_one(n);
	assert_no_async(n->d->ga);
	for (int i = 0; i < 256; i++)
		take_cqe(&n->cq, 1, VIB_WC_SUCCESS);
	assert_no_cqe(&n->cq);
	noisy_free(n);
}

/* Completion vectors: each CQ's events go to its own EQ, and by that one's channel. */
static void event_goes_to_the_queue_s_own_event_queue(void **state)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct noisy *n = noisy_new(4);
	struct duo *d = n->d;
	struct ceq eq = ceq_new(d->ga, 4, PORT + 1);
	struct ccq cq = ccq_new(d->ga, 8, eq.number);
	unsigned int notified;

	(void)state;
	pqp_end(&d->a);
	d->a = pqp_new(d->ga, &plan, &n->cq, &cq); /* receives complete in the other */
	pqp_end(&d->b);
	d->b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	duo_aim(d);
	duo_connect(d);
	arm(n, VIB_ARM_ANY);
	assert_false(vib_cq_arm(&cq.queue, VIB_ARM_ANY));
	notified = d->rig->bells.notified;
	receive_one(n, false);
	assert_int_equal(d->rig->bells.notified, notified + 1);
	assert_int_equal(d->rig->bells.port, PORT + 1);
	assert_int_equal(ceq_poll(&eq), cq.number);
	assert_quiet(n);
	complete_one(n);
	assert_int_equal(d->rig->bells.port, PORT);
	assert_event(n);
	assert_int_equal(ceq_poll(&eq), VIB_NO_OBJECT);
	noisy_free(n);
}

/* ---- moderation -------------------------------------------------------- */

static void moderate(struct noisy *n, uint16_t count, uint16_t period_us)
{
	const struct vib_cmd_modify_cq cmd = { n->cq.number, count, period_us };

	assert_int_equal(cq_modify(n->d->ga->vhca, &cmd), 0);
}

static void event_waits_for_count_entries(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	moderate(n, 3, 1000);
	arm(n, VIB_ARM_ANY);
	complete_one(n);
	complete_one(n);
	assert_quiet(n);
	assert_int_equal(n->cq.queue.hdr->arm, VIB_ARM_ANY);
	complete_one(n);
	assert_event(n);
	assert_quiet(n);
	noisy_free(n);
}

static void event_waits_no_longer_than_the_period(void **state)
{
	(void)state;
	for (uint16_t count = 0; count <= 3; count += 3) {
		struct noisy *n = noisy_new(4);

		moderate(n, count, 1000);
		arm(n, VIB_ARM_ANY);
		complete_one(n);
		rig_wait(n->d->rig, 1000 * US - 1);
		assert_quiet(n);
		complete_one(n); /* the first one counts */
		assert_quiet(n);
		rig_wait(n->d->rig, 1);
		assert_event(n);
		rig_wait(n->d->rig, 10 * MS);
		assert_quiet(n);
		noisy_free(n);
	}
}

static void without_a_period_nothing_waits(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	moderate(n, 100, 0);
	arm(n, VIB_ARM_ANY);
	complete_one(n);
	assert_event(n);
	noisy_free(n);
}

static void end_of_a_period_whose_event_went_raises_nothing(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	moderate(n, 2, 1000);
	arm(n, VIB_ARM_ANY);
	complete_one(n); /* the period begins */
	complete_one(n); /* and this one ends it */
	assert_event(n);
	drain(n);
	arm(n, VIB_ARM_ANY); /* for entries to come */
	rig_wait(n->d->rig, 10 * MS);
	assert_quiet(n);
	assert_int_equal(n->cq.queue.hdr->arm, VIB_ARM_ANY);
	noisy_free(n);
}

static void solicited_event_is_moderated_too(void **state)
{
	struct noisy *n = noisy_new(4);

	(void)state;
	moderate(n, 0, 1000);
	arm(n, VIB_ARM_SOLICITED);
	receive_one(n, true);
	assert_quiet(n);
	rig_wait(n->d->rig, 1000 * US);
	assert_event(n);
	noisy_free(n);
}

static void moderated_queue_destroyed_in_its_period_is_forgotten(void **state)
{
	struct noisy *n = noisy_new(4);
	struct memory m;

	(void)state;
	moderate(n, 0, 1000);
	arm(n, VIB_ARM_ANY);
	complete_one(n);
	pqp_end(&n->d->a);
	assert_int_equal(cq_destroy(n->d->ga->vhca, n->cq.number, &m), 0);
	free(m.at);
	rig_wait(n->d->rig, 10 * MS);
	assert_quiet(n);
	noisy_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_that_is_not_armed_raises_no_event),
		cmocka_unit_test(armed_for_any_the_next_entry_raises_one_event),
		cmocka_unit_test(armed_for_solicited_only_such_an_entry_raises_one),
		cmocka_unit_test(failure_counts_as_solicited),
		cmocka_unit_test(solicited_entry_of_before_raises_nothing_later),
		cmocka_unit_test(unknown_wish_counts_as_any),
		cmocka_unit_test(many_entries_of_a_pass_raise_one_event),
		cmocka_unit_test(frontend_is_notified_only_if_it_asked),
		cmocka_unit_test(events_wait_for_room_and_each_queue_waits_once),
		cmocka_unit_test(queue_destroyed_while_its_event_waits_raises_none),
		cmocka_unit_test(event_queue_s_consumer_that_lies_loses_its_device),
		cmocka_unit_test(consumer_that_lies_overruns_its_queue),
		cmocka_unit_test(event_goes_to_the_queue_s_own_event_queue),
		cmocka_unit_test(event_waits_for_count_entries),
		cmocka_unit_test(event_waits_no_longer_than_the_period),
		cmocka_unit_test(without_a_period_nothing_waits),
		cmocka_unit_test(end_of_a_period_whose_event_went_raises_nothing),
		cmocka_unit_test(solicited_event_is_moderated_too),
		cmocka_unit_test(moderated_queue_destroyed_in_its_period_is_forgotten),
	};

	alarm(120);
	return cmocka_run_group_tests_name("completion queues", tests, rig_enter,
					   rig_leave);
}
