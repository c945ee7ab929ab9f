// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Receive requests of QPs and SRQs.
 */
#include "provider_rig.h"

static void request_stands_in_its_slot(void **state)
{
	struct ibv_sge sges[] = { { 1, 2, 3 }, { 4, 5, 6 } };
	struct ibv_recv_wr *bad, wr = { .wr_id = 9, .sg_list = sges, .num_sge = 2 };
	struct prig *r = *state;
	struct vib_queue ends[] = { prig_end(&r->rc->rq.queue),
				    prig_end(&r->srq->queue) };

	assert_int_equal(vib_post_recv(&r->rc->verbs.qp, &wr, &bad), 0);
	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), 0);
	for (int i = 0; i < 2; i++) {
		const struct vib_recv_wqe *slot = vib_queue_peek(&ends[i]);

		assert_non_null(slot);
		assert_true(slot->wr_id == 9 && slot->num_sge == 2);
		assert_memory_equal(slot + 1, sges, sizeof(sges));
	}
	assert_true(r->rc->doorbell->summary[0] != 0);
}

static void too_many_elements_are_refused(void **state)
{
	struct ibv_sge sges[RIG_SGES + 1] = { 0 };
	struct ibv_recv_wr wr[2] = { { .num_sge = 1, .sg_list = sges, .next = &wr[1] },
				     { .num_sge = RIG_SGES + 1, .sg_list = sges } };
	struct ibv_recv_wr *bad = NULL;
	struct prig *r = *state;

	assert_int_equal(vib_post_recv(&r->rc->verbs.qp, wr, &bad), EINVAL);
	assert_ptr_equal(bad, &wr[1]);
	assert_int_equal(r->rc->rq.queue.index, 1);
	bad = NULL;
	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, wr, &bad), EINVAL);
	assert_ptr_equal(bad, &wr[1]);
	assert_int_equal(r->srq->queue.index, 1);
}

static void state_and_srq_decide(void **state)
{
	struct prig *r = *state;

	for (int s = IBV_QPS_RESET; s <= IBV_QPS_ERR; s++) {
		r->rc->verbs.qp.state = (enum ibv_qp_state)s;
		assert_int_equal(prig_post_recv(r->rc, 1),
				 s == IBV_QPS_RESET ? EINVAL : 0);
	}
	assert_int_equal(prig_post_recv(r->on_srq, 1), EINVAL);
}

static void full_queue_takes_none_until_completions_are_polled(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc;

	for (int i = 0; i < RIG_DEPTH; i++)
		assert_int_equal(prig_post_recv(r->rc, 1), 0);
	assert_int_equal(prig_post_recv(r->rc, 1), ENOMEM);
	vib_publish32(&r->rc->rq.queue.hdr->cons, RIG_DEPTH);
	assert_int_equal(prig_post_recv(r->rc, 1), ENOMEM);
	prig_complete(r->cq, r->rc, (struct vib_cqe){ .flags = VIB_CQE_RECV });
	assert_int_equal(vib_poll_cq(&r->cq->verbs.cq, 1, &wc), 1);
	assert_int_equal(prig_post_recv(r->rc, 1), 0);
	assert_int_equal(prig_post_recv(r->rc, 1), ENOMEM);
}

static void srq_has_the_room_that_its_header_says(void **state)
{
	struct ibv_recv_wr *bad, wr = { .wr_id = 1 };
	struct prig *r = *state;

	for (int i = 0; i < RIG_DEPTH; i++)
		assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), 0);
	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), ENOMEM);
	vib_publish32(&r->srq->queue.hdr->cons, 2);
	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), 0);
	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), 0);
	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), ENOMEM);
	vib_publish32(&r->srq->queue.hdr->cons, 0x80000000); /* which cannot be */
	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), ENOMEM);
}

/* As many as were asked for, even if the queue has more slots. */
static void capacity_is_what_the_kernel_answered(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_init_attr attr = {
		.send_cq = &r->cq->verbs.cq,
		.recv_cq = &r->cq->verbs.cq,
		.cap = { .max_send_wr = 5, .max_recv_wr = 3, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_UD,
	};
	struct ibv_qp *qp = vib_create_qp(r->pd, &attr);

	assert_non_null(qp);
	qp->state = IBV_QPS_INIT;
	for (int i = 0; i < 3; i++)
		assert_int_equal(prig_post_recv(to_vib_qp(qp), 1), 0);
	assert_int_equal(prig_post_recv(to_vib_qp(qp), 1), ENOMEM);
	assert_int_equal(vib_destroy_qp(qp), 0);
}

static void queue_that_is_not_there_takes_nothing(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_init_attr attr = {
		.send_cq = &r->cq->verbs.cq,
		.recv_cq = &r->cq->verbs.cq,
		.qp_type = IBV_QPT_RC,
	};
	struct ibv_qp *qp = vib_create_qp(r->pd, &attr);

	assert_non_null(qp);
	qp->state = IBV_QPS_RTS;
	assert_int_equal(prig_post_recv(to_vib_qp(qp), 1), ENOMEM);
	assert_int_equal(prig_post(to_vib_qp(qp), 1), ENOMEM);
	qp->state = IBV_QPS_RESET;
	assert_int_equal(
		vib_modify_qp(qp, &(struct ibv_qp_attr){ .qp_state = 0 }, IBV_QP_STATE),
		0);
	assert_int_equal(vib_destroy_qp(qp), 0);
}

#define t(f) cmocka_unit_test_setup_teardown(f, prig_setup, prig_teardown)

/* Where an HCA has receives of it; a sleeping poller is woken. */
static void an_srq_rings_where_it_is_asked_to(void **state)
{
	struct prig *r = *state;
	struct vib_doorbell_page *page = r->srq->doorbell;
	struct ibv_recv_wr wr = { .wr_id = 7 }, *bad;
	struct vib_queue end = prig_end(&r->srq->queue);
	uint32_t leaf = r->srq->db_index / 64;

	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), 0);
	assert_true(vib_doorbell_take_leaf(page, leaf) ==
		    1ull << r->srq->db_index % 64); /* for its first */
	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), 0);
	assert_true(vib_doorbell_take_leaf(page, leaf) == 0);
	assert_int_equal(kernel.wakes, 0);
	end.index = 2;
	page->poller_sleeps = 1;
	assert_int_equal(vib_queue_arm(&end), 0);
	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), 0);
	assert_int_equal(kernel.wakes, 1);
	page->poller_sleeps = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(request_stands_in_its_slot),
		t(too_many_elements_are_refused),
		t(state_and_srq_decide),
		t(full_queue_takes_none_until_completions_are_polled),
		t(srq_has_the_room_that_its_header_says),
		t(an_srq_rings_where_it_is_asked_to),
		t(capacity_is_what_the_kernel_answered),
		t(queue_that_is_not_there_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
