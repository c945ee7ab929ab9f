// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ibv_wr_*(): a batch becomes visible whole, or not at all.
 */
#include "provider_rig.h"

static const char data[256] = "0123456789abcdefghijklmnopqrstuvwxyz";

static struct ibv_qp_ex *ex(struct vib_qp *qp)
{
	return &qp->verbs.qp_ex;
}

/* What libibverbs' releases look at: v36 to v43, v44, v45 and later. */
static void qp_is_an_extended_one_for_every_release(void **state)
{
	struct ibv_qp_init_attr attr = { .qp_type = IBV_QPT_RC };
	struct prig *r = *state;
	struct ibv_qp *plain;
	struct vib_qp *qp;

	attr.send_cq = attr.recv_cq = &r->cq->verbs.cq;
	attr.cap.max_send_wr = 1;
	for (int place = 0; place < 3; place++) {
		kernel.mask_place = place;
		qp = prig_qp(r, IBV_QPT_RC, r->cq, r->cq, NULL, IBV_QP_EX_WITH_SEND);
		assert_int_equal(*(uint32_t *)((char *)qp + 344 + 8 * place), 1 << 1);
		/* What stands before it is wr_atomic_write, then wr_flush. */
		assert_true(!place || *(uint64_t *)((char *)qp + 344));
		assert_true(place < 2 || !*(uint64_t *)((char *)qp + 344 + 8));
		assert_int_equal(vib_destroy_qp(&qp->verbs.qp), 0);

		plain = vib_create_qp(r->pd, &attr);
		assert_non_null(plain);
		for (int i = 0; i < 4; i++)
			assert_int_equal(*(uint32_t *)((char *)plain + 344 + 8 * i), 0);
		assert_int_equal(vib_destroy_qp(plain), 0);
	}
}

static void atomic_write_needs_a_library_that_knows_it(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_init_attr_ex attr = {
		.send_cq = &r->cq->verbs.cq,
		.recv_cq = &r->cq->verbs.cq,
		.cap = { .max_send_wr = 2, .max_send_sge = 1, .max_inline_data = 24 },
		.qp_type = IBV_QPT_RC,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = r->pd,
		.send_ops_flags = IBV_QP_EX_WITH_ATOMIC_WRITE,
	};
	struct ibv_qp *qp;

	kernel.mask_place = 0;
	errno = 0;
	assert_null(vib_create_qp_ex(&r->ctx->verbs.context, &attr));
	assert_int_equal(errno, EOPNOTSUPP);
	kernel.mask_place = 2;
	qp = vib_create_qp_ex(&r->ctx->verbs.context, &attr);
	assert_non_null(qp);
	assert_int_equal(vib_destroy_qp(qp), 0);
}

static void atomic_write_has_its_data_with_it(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_ex *qp = ex(r->rc);
	const struct vib_send_wqe *slot = vib_queue_next_slot(&r->rc->sq.queue);
	uint64_t value = 0x1122334455667788;

	ibv_wr_start(qp);
	qp->wr_id = 5;
	qp->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_atomic_write(qp, 7, 0x1000, &value);
	assert_int_equal(ibv_wr_complete(qp), 0);
	assert_int_equal(slot->opcode, VIB_OP_ATOMIC_WRITE);
	assert_int_equal(slot->flags, VIB_SEND_SIGNALED | VIB_SEND_INLINE);
	assert_true(slot->u.rdma.rkey == 7 && slot->u.rdma.remote_addr == 0x1000);
	assert_true(slot->inline_len == 8 && slot->num_sge == 0 && slot->wr_id == 5);
	assert_memory_equal((const char *)slot + 40, &value, 8);
}

static void batch_is_seen_when_it_is_complete(void **state)
{
	struct ibv_sge sges[] = { { 1, 2, 3 }, { 4, 5, 6 } };
	struct prig *r = *state;
	struct ibv_qp_ex *qp = ex(r->rc);
	struct vib_queue end = prig_end(&r->rc->sq.queue);
	const struct vib_send_wqe *slot;

	ibv_wr_start(qp);
	qp->wr_id = 1;
	qp->wr_flags = IBV_SEND_SIGNALED | IBV_SEND_INLINE; /* set_inline says what is */
	ibv_wr_rdma_write_imm(qp, 0x77, 0x1000, 0x99);
	ibv_wr_set_sge_list(qp, 2, sges);
	qp->wr_id = 2;
	qp->wr_flags = IBV_SEND_SOLICITED;
	ibv_wr_send(qp);
	ibv_wr_set_inline_data(qp, (void *)data, 30);
	qp->wr_id = 3;
	ibv_wr_send_inv(qp, 0x4567);
	assert_null(vib_queue_peek(&end));
	assert_int_equal(ibv_wr_complete(qp), 0);

	slot = vib_queue_peek(&end);
	assert_non_null(slot);
	assert_true(slot->wr_id == 1 && slot->opcode == VIB_OP_RDMA_WRITE_IMM);
	assert_int_equal(slot->flags, VIB_SEND_SIGNALED);
	assert_true(slot->u.rdma.remote_addr == 0x1000 && slot->u.rdma.rkey == 0x77);
	assert_int_equal(slot->imm, 0x99);
	assert_true(slot->num_sge == 2 && slot->inline_len == 0);
	assert_memory_equal((char *)slot + 40, sges, sizeof(sges));
	vib_queue_advance(&end);
	slot = vib_queue_peek(&end);
	assert_non_null(slot);
	assert_true(slot->wr_id == 2 && slot->opcode == VIB_OP_SEND);
	assert_int_equal(slot->flags, VIB_SEND_SOLICITED | VIB_SEND_INLINE);
	assert_true(slot->num_sge == 0 && slot->inline_len == 30);
	assert_memory_equal((char *)slot + 24, data, 30);
	vib_queue_advance(&end);
	slot = vib_queue_peek(&end);
	assert_non_null(slot);
	assert_true(slot->wr_id == 3 && slot->opcode == VIB_OP_SEND_INV);
	assert_true(slot->imm == 0x4567 && slot->num_sge == 0 && slot->inline_len == 0);
	vib_queue_advance(&end);
	assert_null(vib_queue_peek(&end));
}

static void each_operation_has_its_operands(void **state)
{
	struct ibv_data_buf bufs[] = { { (void *)data, 10 }, { (void *)(data + 10), 5 } };
	struct prig *r = *state;
	struct ibv_qp_ex *qp = ex(r->rc);
	struct vib_queue end = prig_end(&r->rc->sq.queue);
	const struct vib_send_wqe *slot[7];
	struct ibv_mw mw = { .rkey = 0x500, .type = IBV_MW_TYPE_2 };
	struct ibv_mr mr = { .lkey = 0x600 };
	struct ibv_mw_bind_info bind = { .mr = &mr,
					 .addr = 1,
					 .length = 2,
					 .mw_access_flags = IBV_ACCESS_REMOTE_WRITE };

	ibv_wr_start(qp);
	ibv_wr_atomic_cmp_swp(qp, 1, 2, 3, 4);
	ibv_wr_set_sge(qp, 7, 8, 9);
	ibv_wr_atomic_fetch_add(qp, 5, 6, 7);
	ibv_wr_rdma_read(qp, 8, 9);
	ibv_wr_local_inv(qp, 10);
	ibv_wr_bind_mw(qp, &mw, 0x501, &bind);
	ibv_wr_send_imm(qp, 11);
	ibv_wr_set_inline_data_list(qp, 2, bufs);
	ibv_wr_rdma_write(qp, 12, 13);
	assert_int_equal(ibv_wr_complete(qp), 0);
	for (int i = 0; i < 7; i++) {
		slot[i] = vib_queue_peek(&end);
		assert_non_null(slot[i]);
		vib_queue_advance(&end);
	}
	assert_true(slot[0]->opcode == VIB_OP_CMP_SWAP && slot[0]->u.atomic.rkey == 1 &&
		    slot[0]->u.atomic.remote_addr == 2 &&
		    slot[0]->u.atomic.compare_add == 3 && slot[0]->u.atomic.swap == 4);
	assert_memory_equal((char *)slot[0] + 56, (&(struct ibv_sge){ 8, 9, 7 }), 16);
	assert_true(slot[1]->opcode == VIB_OP_FETCH_ADD && slot[1]->u.atomic.rkey == 5 &&
		    slot[1]->u.atomic.remote_addr == 6 &&
		    slot[1]->u.atomic.compare_add == 7);
	assert_true(slot[2]->opcode == VIB_OP_RDMA_READ && slot[2]->u.rdma.rkey == 8 &&
		    slot[2]->u.rdma.remote_addr == 9);
	assert_true(slot[3]->opcode == VIB_OP_LOCAL_INV && slot[3]->imm == 10);
	assert_true(slot[4]->opcode == VIB_OP_BIND_MW && slot[4]->u.bind.mw == 0x500 &&
		    slot[4]->u.bind.rkey == 0x501 && slot[4]->u.bind.lkey == 0x600 &&
		    slot[4]->u.bind.access == IBV_ACCESS_REMOTE_WRITE);
	assert_int_equal(mw.rkey, 0x500);
	assert_true(slot[5]->opcode == VIB_OP_SEND_IMM && slot[5]->imm == 11 &&
		    slot[5]->inline_len == 15);
	assert_memory_equal((char *)slot[5] + 24, data, 15);
	assert_true(slot[6]->opcode == VIB_OP_RDMA_WRITE && slot[6]->num_sge == 0);
}

static void datagram_has_its_address(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_ex *qp = ex(r->ud);
	struct vib_queue end = prig_end(&r->ud->sq.queue);
	struct vib_ah ah = { .av = { .dlid = 3, .sl = 4 } };
	const struct vib_send_wqe *slot;

	assert_null(qp->wr_rdma_write);
	ibv_wr_start(qp);
	ibv_wr_send(qp);
	ibv_wr_set_ud_addr(qp, &ah.ibv, 5, 6);
	ibv_wr_set_sge(qp, 7, 8, 9);
	assert_int_equal(ibv_wr_complete(qp), 0);
	slot = vib_queue_peek(&end);
	assert_non_null(slot);
	assert_true(slot->u.ud.remote_qpn == 5 && slot->u.ud.qkey == 6 &&
		    slot->u.ud.av.dlid == 3 && slot->u.ud.av.sl == 4);
	assert_memory_equal((char *)slot + 64, (&(struct ibv_sge){ 8, 9, 7 }), 16);
}

static void aborted_batch_leaves_nothing(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_ex *qp = ex(r->rc);
	struct vib_queue end = prig_end(&r->rc->sq.queue);

	ibv_wr_start(qp);
	for (int i = 0; i < 3; i++)
		ibv_wr_send(qp);
	ibv_wr_abort(qp);
	assert_null(vib_queue_peek(&end));
	assert_int_equal(r->rc->sq.posted, 0);

	ibv_wr_start(qp);
	qp->wr_id = 42;
	ibv_wr_send(qp);
	assert_int_equal(ibv_wr_complete(qp), 0);
	assert_true(((const struct vib_send_wqe *)vib_queue_peek(&end))->wr_id == 42);
	vib_queue_advance(&end);
	assert_null(vib_queue_peek(&end));
}

static void spoil_batch(struct ibv_qp_ex *qp, int how)
{
	struct ibv_sge sges[RIG_SGES + 1] = { 0 };
	struct ibv_mw mw = { .type = IBV_MW_TYPE_2 };
	struct ibv_mw_bind_info bind = { .length = 1 };
	struct ibv_data_buf bufs[] = { { (void *)data, RIG_INLINE },
				       { (void *)data, 1 } };

	switch (how) {
	case 0:
		ibv_wr_send(qp);
		ibv_wr_set_sge_list(qp, RIG_SGES + 1, sges);
		break;
	case 1:
		ibv_wr_send(qp);
		ibv_wr_set_inline_data(qp, (void *)data, RIG_INLINE + 1);
		break;
	case 2:
		ibv_wr_send(qp);
		ibv_wr_set_inline_data_list(qp, 2, bufs);
		break;
	case 3:
		ibv_wr_rdma_read(qp, 1, 2);
		ibv_wr_set_inline_data(qp, (void *)data, 1);
		break;
	case 4:
		ibv_wr_bind_mw(qp, &mw, 0, &bind);
		break;
	}
}

static void batch_with_an_error_leaves_nothing(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_ex *qp = ex(r->rc);
	struct vib_queue end = prig_end(&r->rc->sq.queue);

	for (int how = 0; how < 5; how++) {
		ibv_wr_start(qp);
		ibv_wr_send(qp);
		spoil_batch(qp, how);
		ibv_wr_send(qp);
		ibv_wr_set_sge(qp, 1, 2, 3);
		assert_int_equal(ibv_wr_complete(qp), EINVAL);
		assert_null(vib_queue_peek(&end));
		assert_int_equal(r->rc->sq.queue.index, 0);
	}
	assert_int_equal(kernel.wakes, 0);
	assert_true(r->rc->doorbell->summary[0] == 0);
}

static void batch_that_has_no_room_leaves_nothing(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_ex *qp = ex(r->rc);

	ibv_wr_start(qp);
	for (int i = 0; i < RIG_DEPTH + 1; i++)
		ibv_wr_send(qp);
	assert_int_equal(ibv_wr_complete(qp), ENOMEM);
	assert_int_equal(r->rc->sq.queue.index, 0);
	ibv_wr_start(qp);
	for (int i = 0; i < RIG_DEPTH; i++)
		ibv_wr_send(qp);
	assert_int_equal(ibv_wr_complete(qp), 0);
	assert_int_equal(r->rc->sq.queue.index, RIG_DEPTH);
}

static void states_that_do_not_send_are_told_at_the_end(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_ex *qp = ex(r->rc);

	r->rc->verbs.qp.state = IBV_QPS_RTR;
	ibv_wr_start(qp);
	ibv_wr_send(qp);
	ibv_wr_set_sge(qp, 1, 2, 3);
	assert_int_equal(ibv_wr_complete(qp), EINVAL);
	assert_int_equal(r->rc->sq.queue.index, 0);
}

static void empty_batch_rings_nothing(void **state)
{
	struct prig *r = *state;

	ibv_wr_start(ex(r->rc));
	assert_int_equal(ibv_wr_complete(ex(r->rc)), 0);
	assert_true(r->rc->doorbell->summary[0] == 0);
}

static void operations_that_are_lacking_are_not_supported(void **state)
{
	static const uint64_t ops[] = { IBV_QP_EX_WITH_TSO, 1 << 11, 1 << 13,
					IBV_QP_EX_WITH_RDMA_READ };
	struct prig *r = *state;

	for (int i = 0; i < 4; i++) {
		struct ibv_qp_init_attr_ex attr = {
			.qp_type = i == 3 ? IBV_QPT_UC : IBV_QPT_RC,
			.comp_mask =
				IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
			.pd = r->pd,
			.send_ops_flags = ops[i],
		};

		errno = 0;
		assert_null(vib_create_qp_ex(&r->ctx->verbs.context, &attr));
		assert_int_equal(errno, EOPNOTSUPP);
	}
}

#define t(f) cmocka_unit_test_setup_teardown(f, prig_setup, prig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(qp_is_an_extended_one_for_every_release),
		t(atomic_write_needs_a_library_that_knows_it),
		t(atomic_write_has_its_data_with_it),
		t(batch_is_seen_when_it_is_complete),
		t(each_operation_has_its_operands),
		t(datagram_has_its_address),
		t(aborted_batch_leaves_nothing),
		t(batch_with_an_error_leaves_nothing),
		t(batch_that_has_no_room_leaves_nothing),
		t(states_that_do_not_send_are_told_at_the_end),
		t(empty_batch_rings_nothing),
		t(operations_that_are_lacking_are_not_supported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
