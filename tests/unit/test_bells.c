// SPDX-License-Identifier: GPL-2.0-or-later
/* Bells: which queues ring, when, and which pages are looked at. */
#include <stdlib.h>

#include "rig_qp.h"

static void hot_queue_needs_no_bell_and_a_cool_one_rings_once(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	for (int i = 0; i < 3; i++) {
		rig_cool(d->rig);
		assert_true(post_send(&d->a, &wr));
		assert_false(post_send(&d->a, &wr));
		rig_run(d->rig);
		assert_false(post_send(&d->a, &wr));
		rig_run(d->rig);
		for (int n = 0; n < 3; n++)
			take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	}
	duo_free(d);
}

static void bells_that_nobody_has_are_ignored(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

	(void)state;
	memset(d->ga->page->leaf, 0xff, sizeof(d->ga->page->leaf));
	memset(d->ga->page->summary, 0xff, sizeof(d->ga->page->summary));
	rig_run(d->rig);
	assert_true(is_all((uint8_t *)d->ga->page->leaf, sizeof(d->ga->page->leaf), 0));
	post_send(&d->a, &wr);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(d);
}

static void bells_at_either_end_of_a_page_are_heard(void **state)
{
	static const uint16_t bells[] = { 63, 64, 4095, 4096, VIB_DB_QUEUES - 1 };
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC };

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);

		pqp_end(&d->a);
		d->ga->next_bell = bells[i];
		d->a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
		pqp_aim(&d->a, &d->b, true);
		pqp_reset(&d->b);
		pqp_aim(&d->b, &d->a, true);
		duo_connect(d);
		rig_cool(d->rig);
		assert_true(post_send(&d->a, &wr));
		rig_run(d->rig);
		take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	}
	duo_free(d);
}

static void bells_of_many_pages_are_all_heard(void **state)
{
	struct duo *d = duo_apart(VIB_QPT_RC);
	const struct plan plan = { .type = VIB_QPT_RC };
	struct wr wr = duo_wr(d, 1, VIB_OP_SEND, 8);
	struct pqp qps[30];

	(void)state;
	for (int i = 0; i < 30; i++) {
		struct memory page = memory_new(sizeof(struct vib_doorbell_page), 1);

		d->ga->page = (struct vib_doorbell_page *)page.at;
		assert_int_equal(doorbell_create(d->ga->vhca, &page, 7, &d->ga->doorbell),
				 0);
		qps[i] = pqp_new(d->ga, &plan, &d->cqa, &d->cqa);
		pqp_bring(&qps[i], VIB_QPS_INIT);
		assert_int_equal(pqp_modify(&qps[i], VIB_QPS_ERR, 0), 0);
		rig_run(d->rig);
		rig_cool(d->rig);
		wr.id = (uint64_t)i;
		assert_true(post_send(&qps[i], &wr)); /* on the newest page */
		rig_run(d->rig);
		take_cqe(&d->cqa, i, VIB_WC_WR_FLUSH_ERR);
		rig_cool(d->rig);
	}
	/* And the first ones still are. */
	for (int i = 0; i < 30; i++) {
		struct memory sq, rq;

		assert_int_equal(qp_destroy(d->ga->vhca, qps[i].qpn, &sq, &rq), 0);
		free(sq.at);
		free(rq.at);
	}
	duo_free(d);
}

static void receives_posted_to_a_qp_in_err_ring_when_it_is_cool(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct vib_sge none = { 0 };

	(void)state;
	assert_int_equal(pqp_modify(&d->b, VIB_QPS_ERR, 0), 0);
	rig_run(d->rig);
	for (uint64_t i = 0; i < 40; i++) {
		if (i % 4 == 0) {
			rig_cool(d->rig);
			assert_true(post_recv(&d->b, i, &none, 1));
		} else {
			post_recv(&d->b, i, &none, 1);
		}
		rig_run(d->rig);
		take_cqe(&d->cqb, i, VIB_WC_WR_FLUSH_ERR);
	}
	duo_free(d);
}

static void qp_in_reset_keeps_its_hands_off_the_queues(void **state)
{
	struct duo *d = duo_new(VIB_QPT_RC);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 8);
	uint32_t bytes = (uint32_t)vib_queue_bytes(d->a.sq.order, d->a.sq.stride);

	(void)state;
	post_send(&d->a, &wr);
	rig_run(d->rig);
	assert_int_equal(pqp_modify(&d->a, VIB_QPS_RESET, 0), 0);
	memset(d->a.sq.hdr, 0x55, bytes);
	ring(&d->a);
	rig_run(d->rig);
	rig_cool(d->rig);
	assert_true(is_all((uint8_t *)d->a.sq.hdr, bytes, 0x55));
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hot_queue_needs_no_bell_and_a_cool_one_rings_once),
		cmocka_unit_test(bells_that_nobody_has_are_ignored),
		cmocka_unit_test(bells_at_either_end_of_a_page_are_heard),
		cmocka_unit_test(bells_of_many_pages_are_all_heard),
		cmocka_unit_test(receives_posted_to_a_qp_in_err_ring_when_it_is_cool),
		cmocka_unit_test(qp_in_reset_keeps_its_hands_off_the_queues),
	};

	alarm(120);
	return cmocka_run_group_tests_name("bells", tests, rig_enter, rig_leave);
}
