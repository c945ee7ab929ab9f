// SPDX-License-Identifier: GPL-2.0-or-later
/* The provider: XRC domains, SRQs and QPs, and their requests and completions. */
#include <errno.h>
#include <stdlib.h>

#include "provider_rig.h"

#include "provider/verbs.h"

struct xrc {
	struct prig *r;
	struct ibv_xrcd *xrcd;
	struct vib_srq *srq; /* completes into r->rcq */
	struct vib_qp *ini;
};

static struct ibv_srq_init_attr_ex srq_attr(struct prig *r, struct ibv_xrcd *xrcd)
{
	return (struct ibv_srq_init_attr_ex){
		.attr = { .max_wr = 5, .max_sge = 2 },
		.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD |
			     IBV_SRQ_INIT_ATTR_XRCD | IBV_SRQ_INIT_ATTR_CQ,
		.srq_type = IBV_SRQT_XRC,
		.pd = r->pd,
		.xrcd = xrcd,
		.cq = &r->rcq->verbs.cq,
	};
}

static struct xrc xrc_new(struct prig *r)
{
	struct ibv_xrcd_init_attr attr = { .fd = -1 };
	struct ibv_srq_init_attr_ex srq;
	struct xrc x = { .r = r };

	x.xrcd = vib_open_xrcd(&r->ctx->verbs.context, &attr);
	assert_non_null(x.xrcd);
	srq = srq_attr(r, x.xrcd);
	x.srq = to_vib_srq(vib_create_srq_ex(&r->ctx->verbs.context, &srq));
	assert_non_null(x.srq);
	x.ini = prig_qp(r, IBV_QPT_XRC_SEND, r->cq, r->rcq, NULL, IBV_QP_EX_WITH_SEND);
	return x;
}

static void xrc_free(struct xrc *x)
{
	if (x->ini)
		assert_int_equal(vib_destroy_qp(&x->ini->verbs.qp), 0);
	if (x->srq)
		assert_int_equal(vib_destroy_srq(&x->srq->verbs.srq), 0);
	assert_int_equal(vib_close_xrcd(x->xrcd), 0);
}

/* ---- objects ------------------------------------------------------------- */

static void srq_tells_its_number(void **state)
{
	struct xrc x = xrc_new(*state);
	uint32_t num = 0;

	assert_int_equal(vib_get_srq_num(&x.srq->verbs.srq, &num), 0);
	assert_int_equal(num, x.srq->verbs.srq.handle); /* as the rig's kernel has it */
	assert_ptr_equal(kernel.srq_asked.xrcd, x.xrcd);
	assert_ptr_equal(kernel.srq_asked.cq, &x.r->rcq->verbs.cq);
	assert_int_equal(vib_get_srq_num(&x.r->srq->verbs.srq, &num), EOPNOTSUPP);
	xrc_free(&x);
}

static void srq_needs_all_of_it(void **state)
{
	static const uint32_t parts[] = { IBV_SRQ_INIT_ATTR_PD, IBV_SRQ_INIT_ATTR_XRCD,
					  IBV_SRQ_INIT_ATTR_CQ };
	struct xrc x = xrc_new(*state);

	for (int i = 0; i < 3; i++) {
		struct ibv_srq_init_attr_ex attr = srq_attr(x.r, x.xrcd);

		attr.comp_mask &= ~parts[i];
		errno = 0;
		assert_null(vib_create_srq_ex(&x.r->ctx->verbs.context, &attr));
		assert_int_equal(errno, EINVAL);
	}
	xrc_free(&x);
}

static void refusals_are_told(void **state)
{
	struct prig *r = *state;
	struct ibv_xrcd_init_attr xrcd_attr = { .fd = -1 };
	struct ibv_qp_open_attr open = { .qp_type = IBV_QPT_XRC_RECV };
	struct ibv_qp_init_attr_ex qp = { .qp_type = IBV_QPT_XRC_RECV };
	struct xrc x = xrc_new(r);
	struct ibv_srq_init_attr_ex srq = srq_attr(r, x.xrcd);

	kernel.fail = ENOSPC;
	assert_null(vib_open_xrcd(&r->ctx->verbs.context, &xrcd_attr));
	assert_int_equal(errno, ENOSPC);
	kernel.fail = ENOSPC;
	assert_null(vib_open_qp(&r->ctx->verbs.context, &open));
	assert_int_equal(errno, ENOSPC);
	kernel.fail = ENOSPC;
	assert_null(vib_create_srq_ex(&r->ctx->verbs.context, &srq));
	assert_int_equal(errno, ENOSPC);
	kernel.fail = EBUSY;
	assert_int_equal(vib_close_xrcd(x.xrcd), EBUSY);
	errno = 0;
	assert_null(vib_create_qp_ex(&r->ctx->verbs.context, &qp)); /* in no domain */
	assert_int_equal(errno, EINVAL);
	xrc_free(&x);
}

static void initiator_receives_nothing(void **state)
{
	struct xrc x = xrc_new(*state);

	assert_null(kernel.qp_asked.recv_cq);
	assert_null(kernel.qp_asked.srq);
	assert_int_equal(kernel.qp_asked.cap.max_recv_wr, 0);
	assert_null(x.ini->verbs.qp.recv_cq);
	assert_int_not_equal(prig_post_recv(x.ini, 1), 0);
	assert_int_equal(vib_modify_qp(&x.ini->verbs.qp,
				       &(struct ibv_qp_attr){ .qp_state = IBV_QPS_RESET },
				       IBV_QP_STATE),
			 0);
	xrc_free(&x);
}

static void target_has_no_queues(void **state)
{
	struct prig *r = *state;
	struct xrc x = xrc_new(r);
	struct ibv_qp_init_attr_ex attr = {
		.send_cq = &r->cq->verbs.cq,
		.recv_cq = &r->cq->verbs.cq,
		.cap = { .max_send_wr = 4, .max_recv_wr = 4 },
		.qp_type = IBV_QPT_XRC_RECV,
		.comp_mask = IBV_QP_INIT_ATTR_XRCD,
		.xrcd = x.xrcd,
	};
	struct ibv_qp_open_attr open = { .qp_type = IBV_QPT_XRC_RECV, .xrcd = x.xrcd };
	struct ibv_qp_attr reset = { .qp_state = IBV_QPS_RESET };
	struct ibv_qp *qp, *again;

	for (kernel.mask_place = 0; kernel.mask_place < 3; kernel.mask_place++) {
		qp = vib_create_qp_ex(&r->ctx->verbs.context, &attr);
		assert_non_null(qp);
		assert_true(!kernel.qp_asked.send_cq && !kernel.qp_asked.recv_cq);
		assert_int_equal(kernel.qp_asked.cap.max_send_wr, 0);
		qp->state = IBV_QPS_RTS;
		assert_int_not_equal(prig_post(to_vib_qp(qp), 1), 0);
		assert_int_not_equal(prig_post_recv(to_vib_qp(qp), 1), 0);
		assert_int_equal(vib_modify_qp(qp, &reset, IBV_QP_STATE), 0);
		open.qp_num = qp->qp_num;
		again = vib_open_qp(&r->ctx->verbs.context, &open);
		assert_non_null(again);
		assert_int_equal(vib_modify_qp(again, &reset, IBV_QP_STATE), 0);
		assert_int_equal(vib_destroy_qp(again), 0);
		assert_int_equal(vib_destroy_qp(qp), 0);
	}
	kernel.mask_place = 1;
	xrc_free(&x);
}

/* ---- requests ------------------------------------------------------------ */

static void requests_name_the_srq(void **state)
{
	struct xrc x = xrc_new(*state);
	struct vib_queue end = prig_end(&x.ini->sq.queue);
	const struct vib_send_wqe *slot;
	struct ibv_sge sge = { 8, 9, 7 };
	struct ibv_send_wr *bad, wr = { .sg_list = &sge, .num_sge = 1 };

	wr.qp_type.xrc.remote_srqn = 0xabcd;
	memset(vib_queue_next_slot(&end), 0xff, 64);
	wr.opcode = IBV_WR_SEND;
	assert_int_equal(vib_post_send(&x.ini->verbs.qp, &wr, &bad), 0);
	slot = vib_queue_peek(&end);
	assert_non_null(slot);
	assert_int_equal(slot->u.xrc.srqn, 0xabcd);
	for (int i = 0; i < 12; i++)
		assert_int_equal(slot->u.xrc.operands[i], 0);
	assert_memory_equal((const char *)slot + 40, &sge, sizeof(sge));
	vib_queue_advance(&end);

	wr.opcode = IBV_WR_RDMA_WRITE;
	wr.wr.rdma.remote_addr = 5;
	wr.wr.rdma.rkey = 6;
	assert_int_equal(vib_post_send(&x.ini->verbs.qp, &wr, &bad), 0);
	slot = vib_queue_peek(&end);
	assert_true(slot->u.rdma.remote_addr == 5 && slot->u.rdma.rkey == 6);
	assert_int_equal(slot->u.xrc.srqn, 0xabcd);
	assert_memory_equal((const char *)slot + 40, &sge, sizeof(sge));
	vib_queue_advance(&end);

	wr.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD;
	wr.wr.atomic.remote_addr = 5;
	wr.wr.atomic.rkey = 6;
	wr.wr.atomic.compare_add = 3;
	assert_int_equal(vib_post_send(&x.ini->verbs.qp, &wr, &bad), 0);
	slot = vib_queue_peek(&end);
	assert_true(slot->u.atomic.rkey == 6 && slot->u.atomic.compare_add == 3);
	assert_int_equal(slot->u.xrc.srqn, 0xabcd);
	assert_memory_equal((const char *)slot + 56, &sge, sizeof(sge));
	xrc_free(&x);
}

static void batches_name_the_srq(void **state)
{
	struct xrc x = xrc_new(*state);
	struct ibv_qp_ex *qp = &x.ini->verbs.qp_ex;
	struct vib_queue end = prig_end(&x.ini->sq.queue);
	const struct vib_send_wqe *slot[4];
	struct ibv_sge sge = { 8, 9, 7 };

	memset(vib_queue_next_slot(&end), 0xff, 64);
	ibv_wr_start(qp);
	ibv_wr_send_imm(qp, 11);
	ibv_wr_set_xrc_srqn(qp, 0x10);
	ibv_wr_set_sge(qp, 7, 8, 9);
	ibv_wr_rdma_write(qp, 1, 2);
	ibv_wr_set_sge(qp, 7, 8, 9);
	ibv_wr_set_xrc_srqn(qp, 0x20);
	ibv_wr_atomic_cmp_swp(qp, 1, 2, 3, 4);
	ibv_wr_set_xrc_srqn(qp, 0x30);
	ibv_wr_set_sge(qp, 7, 8, 9);
	ibv_wr_local_inv(qp, 5);
	ibv_wr_set_xrc_srqn(qp, 0x40);
	assert_int_equal(ibv_wr_complete(qp), 0);
	for (int i = 0; i < 4; i++) {
		slot[i] = vib_queue_peek(&end);
		assert_non_null(slot[i]);
		vib_queue_advance(&end);
		assert_int_equal(slot[i]->u.xrc.srqn, i < 3 ? 0x10 * (i + 1) : 0);
	}
	for (int i = 0; i < 12; i++)
		assert_int_equal(slot[0]->u.xrc.operands[i], 0);
	assert_memory_equal((const char *)slot[0] + 40, &sge, sizeof(sge));
	assert_memory_equal((const char *)slot[1] + 40, &sge, sizeof(sge));
	assert_memory_equal((const char *)slot[2] + 56, &sge, sizeof(sge));
	assert_true(slot[2]->u.atomic.compare_add == 3 && slot[2]->u.atomic.swap == 4);
	xrc_free(&x);
}

/* ---- completions --------------------------------------------------------- */

static void received(struct xrc *x, struct vib_cq *cq, uint32_t srqn, uint64_t wr_id)
{
	(void)x;
	prig_complete(cq, NULL,
		      (struct vib_cqe){ .qpn = 0x999, /* a target of another process */
					.wr_id = wr_id,
					.opcode = VIB_OP_SEND,
					.flags = VIB_CQE_RECV | VIB_CQE_XRC,
					.src_qpn = 0x77,
					.byte_len = 5,
					.srqn = srqn });
}

static void receives_of_an_srq_are_nobody_s(void **state)
{
	struct xrc x = xrc_new(*state);
	struct ibv_wc wc;

	received(&x, x.r->rcq, x.srq->verbs.srq_num, 5);
	assert_int_equal(vib_poll_cq(&x.r->rcq->verbs.cq, 1, &wc), 1);
	assert_true(wc.wr_id == 5 && wc.qp_num == 0x999 && wc.src_qp == 0x77);
	assert_true(wc.opcode == IBV_WC_RECV && wc.byte_len == 5 && wc.status == 0);
	xrc_free(&x);
}

/* One that lies takes no requests from anybody. */
static void xrc_entry_that_names_a_qp_gives_it_no_room(void **state)
{
	struct xrc x = xrc_new(*state);
	struct ibv_wc wc;

	assert_int_equal(prig_post_recv(x.r->rc, 1), 0);
	prig_complete(x.r->cq, x.r->rc,
		      (struct vib_cqe){ .flags = VIB_CQE_RECV | VIB_CQE_XRC });
	assert_int_equal(vib_poll_cq(&x.r->cq->verbs.cq, 1, &wc), 1);
	assert_int_equal(x.r->rc->rq.done, 0);
	xrc_free(&x);
}

static void srq_takes_its_completions_along(void **state)
{
	struct xrc x = xrc_new(*state);
	uint32_t srqn = x.srq->verbs.srq_num;
	struct ibv_wc wc[4];

	received(&x, x.r->rcq, srqn, 5);
	received(&x, x.r->rcq, srqn + 50, 6);
	received(&x, x.r->rcq, srqn, 7);
	assert_int_equal(vib_destroy_srq(&x.srq->verbs.srq), 0);
	x.srq = NULL;
	assert_int_equal(vib_poll_cq(&x.r->rcq->verbs.cq, 4, wc), 1);
	assert_int_equal(wc[0].wr_id, 6);
	xrc_free(&x);
}

static void initiator_completes_as_any_other(void **state)
{
	struct xrc x = xrc_new(*state);
	struct ibv_wc wc;

	assert_int_equal(prig_post(x.ini, 3), 0);
	prig_complete(x.r->cq, x.ini,
		      (struct vib_cqe){ .wr_id = 3, .opcode = VIB_OP_ATOMIC_WRITE });
	assert_int_equal(vib_poll_cq(&x.r->cq->verbs.cq, 1, &wc), 1);
	assert_int_equal(wc.opcode, 9); /* IBV_WC_ATOMIC_WRITE */
	assert_int_equal(x.ini->sq.done, 1);
	xrc_free(&x);
}

static void initiator_that_is_lost_is_flushed(void **state)
{
	struct xrc x = xrc_new(*state);
	struct ibv_wc wc;

	assert_int_equal(prig_post(x.ini, 3), 0);
	prig_lose(x.r);
	assert_int_equal(vib_poll_cq(&x.r->cq->verbs.cq, 1, &wc), 1);
	assert_true(wc.wr_id == 3 && wc.status == IBV_WC_WR_FLUSH_ERR);
	xrc_free(&x);
}

#define t(f) cmocka_unit_test_setup_teardown(f, prig_setup, prig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(srq_tells_its_number),
		t(srq_needs_all_of_it),
		t(refusals_are_told),
		t(initiator_receives_nothing),
		t(target_has_no_queues),
		t(requests_name_the_srq),
		t(batches_name_the_srq),
		t(receives_of_an_srq_are_nobody_s),
		t(xrc_entry_that_names_a_qp_gives_it_no_room),
		t(srq_takes_its_completions_along),
		t(initiator_completes_as_any_other),
		t(initiator_that_is_lost_is_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
