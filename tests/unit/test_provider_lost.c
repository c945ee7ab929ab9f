// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects that are lost: who polls completes what nobody executes any more.
 */
#include "provider_rig.h"

static int poll(struct vib_cq *cq, int n, struct ibv_wc *wc)
{
	return vib_poll_cq(&cq->verbs.cq, n, wc);
}

static void assert_flushed(const struct ibv_wc *wc, const struct vib_qp *qp,
			   enum ibv_wc_opcode opcode, uint64_t wr_id)
{
	assert_int_equal(wc->status, IBV_WC_WR_FLUSH_ERR);
	assert_int_equal(wc->qp_num, qp->verbs.qp.qp_num);
	assert_int_equal(wc->opcode, opcode);
	assert_true(wc->wr_id == wr_id);
}

static void nothing_is_flushed_while_the_backend_is_there(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc;

	assert_int_equal(prig_post(r->rc, 1), 0);
	assert_int_equal(prig_post_recv(r->rc, 2), 0);
	assert_int_equal(poll(r->cq, 1, &wc), 0);
	assert_int_equal(vib_req_notify_cq(&r->cq->verbs.cq, 0), 0);
	assert_int_equal(kernel.wakes, 0);
}

static void outstanding_requests_are_flushed_in_order(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc[16];

	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(prig_post(r->rc, 10 + i), 0);
		assert_int_equal(prig_post_recv(r->rc, 20 + i), 0);
	}
	assert_int_equal(prig_post(r->ud, 30), 0);
	prig_lose(r);
	assert_int_equal(poll(r->cq, 2, wc), 2);
	assert_int_equal(poll(r->cq, 14, wc + 2), 5);
	for (unsigned int i = 0; i < 3; i++) {
		assert_flushed(&wc[i], r->rc, IBV_WC_SEND, 10 + i);
		assert_flushed(&wc[3 + i], r->rc, IBV_WC_RECV, 20 + i);
	}
	assert_flushed(&wc[6], r->ud, IBV_WC_SEND, 30);
	assert_int_equal(poll(r->cq, 16, wc), 0);
}

static void real_completions_come_first_and_are_not_flushed(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc[8];

	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(prig_post(r->rc, i), 0);
	prig_sent(r->cq, r->rc, 1, 1); /* and 0, which was not signaled */
	prig_lose(r);
	assert_int_equal(poll(r->cq, 8, wc), 3);
	assert_int_equal(wc[0].status, IBV_WC_SUCCESS);
	assert_flushed(&wc[1], r->rc, IBV_WC_SEND, 2);
	assert_flushed(&wc[2], r->rc, IBV_WC_SEND, 3);
}

static void each_cq_has_its_side(void **state)
{
	struct ibv_poll_cq_attr attr = { 0 };
	struct prig *r = *state;
	struct ibv_cq_ex *cq = &r->rcq->verbs.cq_ex;
	struct ibv_wc wc[4];

	assert_int_equal(prig_post(r->split, 1), 0);
	assert_int_equal(prig_post_recv(r->split, 2), 0);
	assert_int_equal(prig_post_recv(r->split, 3), 0);
	prig_lose(r);
	assert_int_equal(ibv_start_poll(cq, &attr), 0);
	assert_true(cq->wr_id == 2 && cq->status == IBV_WC_WR_FLUSH_ERR);
	assert_int_equal(ibv_wc_read_opcode(cq), IBV_WC_RECV);
	assert_int_equal(ibv_wc_read_qp_num(cq), r->split->verbs.qp.qp_num);
	assert_int_equal(ibv_next_poll(cq), 0);
	assert_true(cq->wr_id == 3);
	assert_int_equal(ibv_next_poll(cq), ENOENT);
	ibv_end_poll(cq);
	assert_int_equal(ibv_start_poll(cq, &attr), ENOENT);
	assert_int_equal(poll(r->cq, 4, wc), 1);
	assert_flushed(&wc[0], r->split, IBV_WC_SEND, 1);
}

static void what_is_posted_afterwards_is_flushed_and_wakes(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc[4];

	prig_lose(r);
	assert_int_equal(poll(r->cq, 4, wc), 0);
	for (int round = 0; round < 3 * RIG_DEPTH; round++) {
		kernel.wakes = 0;
		assert_int_equal(prig_post(r->rc, 5), 0);
		assert_int_equal(kernel.wakes, 1);
		assert_int_equal(prig_post_recv(r->rc, 6), 0);
		assert_int_equal(kernel.wakes, 2);
		assert_int_equal(poll(r->cq, 4, wc), 2);
		assert_flushed(&wc[0], r->rc, IBV_WC_SEND, 5);
		assert_flushed(&wc[1], r->rc, IBV_WC_RECV, 6);
	}
	/* Room is there again, and no more than before. */
	for (int i = 0; i < RIG_DEPTH; i++)
		assert_int_equal(prig_post(r->rc, 7), 0);
	assert_int_equal(prig_post(r->rc, 7), ENOMEM);
}

static void arming_wakes_if_there_is_something_to_flush(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc;

	assert_int_equal(prig_post_recv(r->split, 1), 0);
	prig_lose(r);
	assert_int_equal(vib_req_notify_cq(&r->cq->verbs.cq, 0), 0);
	assert_int_equal(kernel.wakes, 0);
	assert_int_equal(vib_req_notify_cq(&r->rcq->verbs.cq, 1), 0);
	assert_int_equal(kernel.wakes, 1);
	assert_int_equal(poll(r->rcq, 1, &wc), 1);
	assert_int_equal(vib_req_notify_cq(&r->rcq->verbs.cq, 0), 0);
	assert_int_equal(kernel.wakes, 1);
}

static void requests_of_an_srq_are_not_the_qps(void **state)
{
	struct ibv_recv_wr *bad, wr = { .wr_id = 1 };
	struct prig *r = *state;
	struct ibv_wc wc[4];

	assert_int_equal(vib_post_srq_recv(&r->srq->verbs.srq, &wr, &bad), 0);
	assert_int_equal(prig_post(r->on_srq, 2), 0);
	prig_lose(r);
	assert_int_equal(poll(r->cq, 4, wc), 1);
	assert_flushed(&wc[0], r->on_srq, IBV_WC_SEND, 2);
}

static void reset_qp_has_nothing_to_flush(void **state)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	struct prig *r = *state;
	struct ibv_wc wc[4];

	assert_int_equal(prig_post(r->rc, 1), 0);
	assert_int_equal(prig_post(r->ud, 2), 0);
	prig_lose(r);
	assert_int_equal(vib_modify_qp(&r->rc->verbs.qp, &attr, IBV_QP_STATE), 0);
	assert_int_equal(vib_destroy_qp(&r->ud->verbs.qp), 0);
	r->ud = NULL;
	assert_int_equal(poll(r->cq, 4, wc), 0);
}

static void aborted_batches_are_not_flushed(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_ex *qp = &r->rc->verbs.qp_ex;
	struct ibv_wc wc[4];

	ibv_wr_start(qp);
	ibv_wr_send(qp);
	ibv_wr_abort(qp);
	prig_lose(r);
	assert_int_equal(poll(r->cq, 4, wc), 0);
	ibv_wr_start(qp);
	qp->wr_id = 3;
	ibv_wr_send(qp);
	assert_int_equal(poll(r->cq, 4, wc), 0); /* not complete: and no deadlock */
	assert_int_equal(ibv_wr_complete(qp), 0);
	assert_int_equal(kernel.wakes, 1);
	assert_int_equal(poll(r->cq, 4, wc), 1);
	assert_flushed(&wc[0], r->rc, IBV_WC_SEND, 3);
}

/* Whose completions keep coming, though its epoch is over. */
static void ghost_of_a_backend_cannot_keep_the_poller(void **state)
{
	struct prig *r = *state;
	uint32_t depth = vib_queue_depth(&r->cq->queue);
	struct ibv_wc wc;

	for (uint32_t i = 0; i < depth; i++)
		*vib_slot_at(&r->cq->queue, i) = 1; /* of a QP 0 that is not there */
	assert_int_equal(poll(r->cq, 1, &wc), 0);
	assert_int_equal(r->cq->queue.index, depth);
	assert_int_equal(prig_post(r->rc, 1), 0);
	prig_lose(r);
	assert_int_equal(poll(r->cq, 1, &wc), 1);
	assert_flushed(&wc, r->rc, IBV_WC_SEND, 1);
}

#define t(f) cmocka_unit_test_setup_teardown(f, prig_setup, prig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(nothing_is_flushed_while_the_backend_is_there),
		t(outstanding_requests_are_flushed_in_order),
		t(real_completions_come_first_and_are_not_flushed),
		t(each_cq_has_its_side),
		t(what_is_posted_afterwards_is_flushed_and_wakes),
		t(arming_wakes_if_there_is_something_to_flush),
		t(requests_of_an_srq_are_not_the_qps),
		t(reset_qp_has_nothing_to_flush),
		t(aborted_batches_are_not_flushed),
		t(ghost_of_a_backend_cannot_keep_the_poller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
