// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Polling: what programs get of each completion, in the old way and in the extended;
 * QPs that are gone or reset; a queue that another replaces; and a backend that lies.
 */
#include "provider_rig.h"

#include <limits.h>

static int poll(struct vib_cq *cq, int n, struct ibv_wc *wc)
{
	return vib_poll_cq(&cq->verbs.cq, n, wc);
}

static const struct {
	uint8_t flags, opcode;
	enum ibv_wc_opcode wc_opcode;
	unsigned int wc_flags;
} kinds[] = {
	{ 0, VIB_OP_SEND, IBV_WC_SEND, 0 },
	{ 0, VIB_OP_SEND_IMM, IBV_WC_SEND, 0 },
	{ 0, VIB_OP_SEND_INV, IBV_WC_SEND, 0 },
	{ 0, VIB_OP_RDMA_WRITE, IBV_WC_RDMA_WRITE, 0 },
	{ 0, VIB_OP_RDMA_WRITE_IMM, IBV_WC_RDMA_WRITE, 0 },
	{ 0, VIB_OP_RDMA_READ, IBV_WC_RDMA_READ, 0 },
	{ 0, VIB_OP_CMP_SWAP, IBV_WC_COMP_SWAP, 0 },
	{ 0, VIB_OP_FETCH_ADD, IBV_WC_FETCH_ADD, 0 },
	{ 0, VIB_OP_LOCAL_INV, IBV_WC_LOCAL_INV, 0 },
	{ 0, VIB_OP_BIND_MW, IBV_WC_BIND_MW, 0 },
	{ 0, 200, IBV_WC_SEND, 0 },
	{ VIB_CQE_RECV, VIB_OP_SEND, IBV_WC_RECV, 0 },
	{ VIB_CQE_RECV | VIB_CQE_GRH, VIB_OP_SEND, IBV_WC_RECV, IBV_WC_GRH },
	{ VIB_CQE_RECV | VIB_CQE_WITH_IMM, VIB_OP_SEND_IMM, IBV_WC_RECV,
	  IBV_WC_WITH_IMM },
	{ VIB_CQE_RECV | VIB_CQE_WITH_INV, VIB_OP_SEND_INV, IBV_WC_RECV,
	  IBV_WC_WITH_INV },
	{ VIB_CQE_RECV | VIB_CQE_WITH_IMM, VIB_OP_RDMA_WRITE_IMM,
	  IBV_WC_RECV_RDMA_WITH_IMM, IBV_WC_WITH_IMM },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static struct vib_cqe completion(size_t kind)
{
	return (struct vib_cqe){
		.wr_id = 0x1234567812345678 + kind,
		.byte_len = 1000,
		.imm = 0xdeadbeef,
		.src_qpn = 0x555,
		.opcode = kinds[kind].opcode,
		.flags = kinds[kind].flags,
		.sl = 3,
		.slid = 0x101,
		.pkey_index = 2,
		.dlid_path_bits = 1,
		.timestamp = 123456789000 + kind,
	};
}

static void each_kind_is_told_in_the_old_way(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc;

	for (size_t i = 0; i < KINDS; i++) {
		prig_complete(r->cq, r->rc, completion(i));
		assert_int_equal(poll(r->cq, 1, &wc), 1);
		assert_true(wc.wr_id == 0x1234567812345678 + i);
		assert_int_equal(wc.status, IBV_WC_SUCCESS);
		assert_int_equal(wc.opcode, kinds[i].wc_opcode);
		assert_int_equal(wc.wc_flags, kinds[i].wc_flags);
		assert_int_equal(wc.vendor_err, 0);
		assert_int_equal(wc.byte_len, 1000);
		assert_true(wc.imm_data == 0xdeadbeef);
		assert_int_equal(wc.qp_num, r->rc->verbs.qp.qp_num);
		assert_int_equal(wc.src_qp, 0x555);
		assert_int_equal(wc.pkey_index, 2);
		assert_int_equal(wc.slid, 0x101);
		assert_int_equal(wc.sl, 3);
		assert_int_equal(wc.dlid_path_bits, 1);
	}
	assert_int_equal(poll(r->cq, 1, &wc), 0);
}

static void each_kind_is_told_in_the_extended_way(void **state)
{
	struct ibv_poll_cq_attr attr = { 0 };
	struct prig *r = *state;
	struct ibv_cq_ex *cq = &r->rcq->verbs.cq_ex;

	assert_int_equal(ibv_start_poll(cq, &attr), ENOENT);
	for (size_t i = 0; i < KINDS; i++)
		prig_complete(r->rcq, r->split, completion(i));
	assert_int_equal(ibv_start_poll(cq, &attr), 0);
	for (size_t i = 0; i < KINDS; i++) {
		assert_true(cq->wr_id == 0x1234567812345678 + i);
		assert_int_equal(cq->status, IBV_WC_SUCCESS);
		assert_int_equal(ibv_wc_read_opcode(cq), kinds[i].wc_opcode);
		assert_int_equal(ibv_wc_read_wc_flags(cq), kinds[i].wc_flags);
		assert_int_equal(ibv_wc_read_vendor_err(cq), 0);
		assert_int_equal(ibv_wc_read_byte_len(cq), 1000);
		assert_true(ibv_wc_read_imm_data(cq) == 0xdeadbeef);
		assert_int_equal(ibv_wc_read_qp_num(cq), r->split->verbs.qp.qp_num);
		assert_int_equal(ibv_wc_read_src_qp(cq), 0x555);
		assert_int_equal(ibv_wc_read_slid(cq), 0x101);
		assert_int_equal(ibv_wc_read_sl(cq), 3);
		assert_int_equal(ibv_wc_read_dlid_path_bits(cq), 1);
		assert_true(ibv_wc_read_completion_ts(cq) == 123456789000 + i);
		assert_int_equal(r->rcq->queue.hdr->cons, 0); /* not before the end */
		assert_int_equal(ibv_next_poll(cq), i + 1 < KINDS ? 0 : ENOENT);
	}
	ibv_end_poll(cq);
	assert_int_equal(r->rcq->queue.hdr->cons, KINDS);
	attr.comp_mask = 1;
	assert_int_equal(ibv_start_poll(cq, &attr), EINVAL);
	attr.comp_mask = 0;
	assert_int_equal(ibv_start_poll(cq, &attr), ENOENT); /* the lock is free */
}

static void errors_are_told_as_they_are(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc;

	for (unsigned int status = 1; status < 256; status += status < 22 ? 1 : 117) {
		prig_complete(r->cq, r->rc, (struct vib_cqe){ .status = (__u8)status });
		assert_int_equal(poll(r->cq, 1, &wc), 1);
		assert_int_equal(wc.status, status <= 21 ? status : IBV_WC_GENERAL_ERR);
	}
}

static void only_as_many_as_asked_are_taken_and_given_back(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc[4 * RIG_DEPTH];

	for (int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < 4 * RIG_DEPTH; i++)
			prig_sent(r->cq, r->rc, UINT_MAX, i);
		assert_int_equal(poll(r->cq, 0, wc), 0);
		assert_int_equal(poll(r->cq, 3, wc), 3);
		assert_true(wc[2].wr_id == 2);
		assert_int_equal(r->cq->queue.hdr->cons,
				 4u * RIG_DEPTH * (unsigned int)round + 3);
		assert_int_equal(poll(r->cq, 4 * RIG_DEPTH, wc), 4 * RIG_DEPTH - 3);
		assert_true(wc[0].wr_id == 3);
		assert_int_equal(poll(r->cq, 4 * RIG_DEPTH, wc), 0);
	}
}

static void arming_asks_for_what_is_wanted(void **state)
{
	struct prig *r = *state;

	assert_int_equal(vib_req_notify_cq(&r->cq->verbs.cq, 1), 0);
	assert_int_equal(r->cq->queue.hdr->arm, VIB_ARM_SOLICITED);
	assert_int_equal(vib_req_notify_cq(&r->cq->verbs.cq, 0), 0);
	assert_int_equal(r->cq->queue.hdr->arm, VIB_ARM_ANY);
	assert_int_equal(vib_req_notify_cq(&r->cq->verbs.cq, 1), 0);
	assert_int_equal(r->cq->queue.hdr->arm, VIB_ARM_ANY);
	assert_int_equal(kernel.wakes, 0);
}

/* ---- QPs that are reset or gone ---------------------------------------- */

static void completions_of_a_destroyed_qp_are_passed_over(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc[8];

	prig_sent(r->cq, r->uc, 0, 1);
	prig_sent(r->cq, r->rc, 0, 2);
	prig_sent(r->cq, r->uc, 0, 3);
	prig_sent(r->cq, r->ud, 0, 4);
	prig_sent(r->cq, r->uc, 0, 5);
	assert_int_equal(vib_destroy_qp(&r->uc->verbs.qp), 0);
	r->uc = NULL;
	assert_int_equal(poll(r->cq, 8, wc), 2);
	assert_true(wc[0].wr_id == 2 && wc[1].wr_id == 4);
	assert_int_equal(r->cq->queue.hdr->cons, 5);
}

static void qp_that_was_polled_last_is_forgotten(void **state)
{
	struct prig *r = *state;
	struct vib_cqe late = { .qpn = r->uc->verbs.qp.qp_num,
				.db_index = (__u16)r->uc->db_index };
	struct ibv_wc wc;

	prig_sent(r->cq, r->uc, 0, 1);
	assert_int_equal(poll(r->cq, 1, &wc), 1);
	assert_int_equal(vib_destroy_qp(&r->uc->verbs.qp), 0);
	r->uc = NULL;
	prig_complete(r->cq, NULL, late);
	assert_int_equal(poll(r->cq, 1, &wc), 0);
}

/* Which is found by what was left in its place. */
static void new_qp_of_an_old_number_gets_no_old_completions(void **state)
{
	struct prig *r = *state;
	uint32_t qpn = r->uc->verbs.qp.qp_num, db_index = r->uc->db_index;
	struct ibv_wc wc;

	prig_sent(r->cq, r->uc, 0, 1);
	assert_int_equal(vib_destroy_qp(&r->uc->verbs.qp), 0);
	vib_cq_del_qp(r->cq, r->rc);
	r->uc = NULL;
	r->rc->verbs.qp.qp_num = qpn;
	r->rc->db_index = db_index;
	assert_int_equal(vib_cq_add_qp(r->cq, r->rc), 0);
	assert_int_equal(poll(r->cq, 1, &wc), 0);
	prig_sent(r->cq, r->rc, 0, 2);
	assert_int_equal(poll(r->cq, 1, &wc), 1);
}

static void reset_begins_anew_and_purges(void **state)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	struct prig *r = *state;
	struct vib_qp *qp = r->split;
	struct ibv_wc wc[4];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(prig_post(qp, 1), 0);
		assert_int_equal(prig_post_recv(qp, 1), 0);
	}
	vib_publish32(&qp->sq.queue.hdr->cons, 3);
	vib_write32(&qp->rq.queue.hdr->notify, 3);
	prig_sent(r->cq, qp, 0, 1);
	prig_complete(r->rcq, qp, (struct vib_cqe){ .flags = VIB_CQE_RECV });
	assert_int_equal(poll(r->cq, 4, wc) + poll(r->rcq, 4, wc), 2);
	assert_int_equal(qp->sq.done + qp->rq.done, 2);
	prig_sent(r->cq, qp, 1, 1);
	prig_sent(r->cq, r->rc, 0, 2);
	prig_complete(r->rcq, qp, (struct vib_cqe){ .flags = VIB_CQE_RECV });
	assert_int_equal(vib_modify_qp(&qp->verbs.qp, &attr, IBV_QP_STATE), 0);

	assert_int_equal(poll(r->rcq, 4, wc), 0);
	assert_int_equal(poll(r->cq, 4, wc), 1);
	assert_true(wc[0].wr_id == 2);
	assert_int_equal(qp->sq.queue.index | qp->sq.posted | qp->sq.done, 0);
	assert_int_equal(qp->rq.queue.index | qp->rq.posted | qp->rq.done, 0);
	for (struct vib_wq *wq = &qp->sq; wq; wq = wq == &qp->sq ? &qp->rq : NULL)
		for (size_t i = 0; i < wq->memory.length; i++)
			assert_int_equal(((char *)wq->memory.addr)[i], 0);

	/* The same numbers, and new completions. */
	assert_int_equal(prig_post(qp, 5), 0);
	prig_sent(r->cq, qp, 0, 5);
	assert_int_equal(poll(r->cq, 4, wc), 1);
	assert_true(wc[0].wr_id == 5);
	assert_int_equal(qp->sq.done, 1);
}

static void mark_of_an_old_generation_hides_nothing(void **state)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	struct prig *r = *state;
	struct ibv_wc wc[4 * RIG_DEPTH];

	for (int i = 0; i < 4 * RIG_DEPTH; i++)
		prig_sent(r->cq, r->rc, 0, 1);
	assert_int_equal(vib_modify_qp(&r->rc->verbs.qp, &attr, IBV_QP_STATE), 0);
	assert_int_equal(poll(r->cq, 4 * RIG_DEPTH, wc), 0);
	/* A backend that leaves what it does not know. */
	for (int i = 0; i < 4 * RIG_DEPTH; i++)
		prig_complete(r->cq, r->rc, (struct vib_cqe){ .reserved2 = 1 });
	assert_int_equal(poll(r->cq, 4 * RIG_DEPTH, wc), 4 * RIG_DEPTH);
}

static void failing_commands_change_nothing(void **state)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	struct prig *r = *state;
	struct ibv_wc wc;

	assert_int_equal(prig_post(r->rc, 1), 0);
	prig_sent(r->cq, r->rc, 0, 1);
	kernel.fail = EIO;
	assert_int_equal(vib_modify_qp(&r->rc->verbs.qp, &attr, IBV_QP_STATE), EIO);
	kernel.fail = EBUSY;
	assert_int_equal(vib_destroy_qp(&r->rc->verbs.qp), EBUSY);
	assert_int_equal(r->rc->sq.queue.index, 1);
	assert_int_equal(poll(r->cq, 1, &wc), 1);
}

/* ---- resizing ---------------------------------------------------------- */

static void entries_of_the_old_queue_come_first(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc[2 * RIG_DEPTH];
	int mappings = prig_mappings();

	for (unsigned int i = 0; i < 5; i++)
		prig_sent(r->cq, r->rc, UINT_MAX, i);
	assert_int_equal(poll(r->cq, 2, wc), 2);
	kernel.resize_index = 5;
	assert_int_equal(vib_resize_cq(&r->cq->verbs.cq, 16), 0);
	assert_int_equal(r->cq->verbs.cq.cqe, 16);
	assert_int_equal(prig_mappings(), mappings);
	prig_sent(r->cq, r->rc, UINT_MAX, 5);
	assert_int_equal(poll(r->cq, 1, wc), 1);
	assert_true(wc[0].wr_id == 2);

	/* And once more, before all was taken. */
	kernel.resize_index = 1;
	assert_int_equal(vib_resize_cq(&r->cq->verbs.cq, 8), 0);
	prig_sent(r->cq, r->rc, UINT_MAX, 6);
	assert_int_equal(poll(r->cq, 2 * RIG_DEPTH, wc), 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(wc[i].wr_id == 3 + i);
	assert_int_equal(r->cq->queue.hdr->cons, 1);
}

static void resize_stops_where_the_kernel_says_and_no_later(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc[8];

	for (unsigned int i = 0; i < 3; i++)
		prig_sent(r->cq, r->rc, UINT_MAX, i);
	kernel.resize_index = 2;
	assert_int_equal(vib_resize_cq(&r->cq->verbs.cq, 8), 0);
	assert_int_equal(poll(r->cq, 8, wc), 2);
	prig_sent(r->cq, r->rc, UINT_MAX, 7);
	kernel.resize_index = 0xf0000000; /* which cannot be */
	assert_int_equal(vib_resize_cq(&r->cq->verbs.cq, 8), 0);
	assert_int_equal(poll(r->cq, 8, wc), 1);
}

static void what_waits_from_before_a_resize_is_purged_too(void **state)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	struct prig *r = *state;
	struct ibv_wc wc[8];

	prig_sent(r->cq, r->rc, 0, 1);
	prig_sent(r->cq, r->ud, 0, 2);
	kernel.resize_index = 2;
	assert_int_equal(vib_resize_cq(&r->cq->verbs.cq, 8), 0);
	assert_int_equal(vib_modify_qp(&r->rc->verbs.qp, &attr, IBV_QP_STATE), 0);
	assert_int_equal(poll(r->cq, 8, wc), 1);
	assert_true(wc[0].wr_id == 2);
}

static void resize_that_fails_changes_nothing(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc[4];

	prig_sent(r->cq, r->rc, 0, 1);
	kernel.fail = EINVAL;
	assert_int_equal(vib_resize_cq(&r->cq->verbs.cq, 2), EINVAL);
	assert_int_equal(vib_resize_cq(&r->cq->verbs.cq, 0), EINVAL);
	prig_sent(r->cq, r->rc, 0, 2);
	assert_int_equal(poll(r->cq, 4, wc), 2);
}

/* ---- a backend that lies ----------------------------------------------- */

static void completion_of_nobody_is_passed_over(void **state)
{
	struct prig *r = *state;
	uint32_t qpn = r->rc->verbs.qp.qp_num;
	__u16 index = (__u16)r->rc->db_index;
	struct ibv_wc wc[8];

	prig_complete(r->cq, NULL, (struct vib_cqe){ .qpn = qpn + 1, .db_index = index });
	prig_complete(r->cq, NULL, (struct vib_cqe){ .qpn = qpn, .db_index = 0xffff });
	prig_complete(r->cq, NULL, (struct vib_cqe){ .qpn = qpn, .db_index = 16383 });
	prig_complete(r->cq, NULL, (struct vib_cqe){ .qpn = 0, .db_index = 0 });
	prig_sent(r->cq, r->rc, 0, 1);
	prig_complete(r->cq, NULL, (struct vib_cqe){ .qpn = qpn, .db_index = 1 });
	assert_int_equal(poll(r->cq, 8, wc), 1);
	assert_int_equal(r->cq->queue.hdr->cons, 6);
	/* It is not a QP of that CQ. */
	prig_sent(r->rcq, r->rc, 0, 1);
	assert_int_equal(poll(r->rcq, 8, wc), 0);
}

static void index_that_is_not_outstanding_frees_nothing(void **state)
{
	static const uint32_t lies[] = { 3, 4, 0x7fffffff, 0x80000000, 0xffffffff };
	struct prig *r = *state;
	struct ibv_wc wc;

	for (int i = 0; i < 3; i++)
		assert_int_equal(prig_post(r->rc, 1), 0);
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		prig_sent(r->cq, r->rc, lies[i], 1);
		assert_int_equal(poll(r->cq, 1, &wc), 1);
		assert_int_equal(r->rc->sq.done, 0);
	}
	prig_sent(r->cq, r->rc, 1, 1);
	assert_int_equal(poll(r->cq, 1, &wc), 1);
	prig_sent(r->cq, r->rc, 0, 1);
	assert_int_equal(poll(r->cq, 1, &wc), 1);
	assert_int_equal(r->rc->sq.done, 2);
}

static void side_of_another_cq_is_not_touched(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc;

	assert_int_equal(prig_post(r->split, 1), 0);
	assert_int_equal(prig_post_recv(r->split, 1), 0);
	prig_sent(r->rcq, r->split, 0, 1);
	assert_int_equal(poll(r->rcq, 1, &wc), 1);
	prig_complete(r->cq, r->split, (struct vib_cqe){ .flags = VIB_CQE_RECV });
	assert_int_equal(poll(r->cq, 1, &wc), 1);
	assert_int_equal(r->split->sq.done | r->split->rq.done, 0);
	/* An SRQ's indices are not the QP's. */
	prig_complete(r->cq, r->on_srq, (struct vib_cqe){ .flags = VIB_CQE_RECV });
	assert_int_equal(poll(r->cq, 1, &wc), 1);
	assert_int_equal(r->on_srq->rq.done, 0);
}

static void two_qps_may_have_one_index(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc[2];

	vib_cq_del_qp(r->cq, r->ud);
	r->ud->db_index = r->rc->db_index;
	assert_int_equal(vib_cq_add_qp(r->cq, r->ud), 0);
	assert_int_equal(prig_post(r->rc, 1) | prig_post(r->ud, 2), 0);
	prig_sent(r->cq, r->rc, 0, 1);
	prig_sent(r->cq, r->ud, 0, 2);
	assert_int_equal(poll(r->cq, 2, wc), 2);
	assert_int_equal(r->rc->sq.done, 1);
	assert_int_equal(r->ud->sq.done, 1);
	assert_int_equal(wc[0].qp_num, r->rc->verbs.qp.qp_num);
	assert_int_equal(wc[1].qp_num, r->ud->verbs.qp.qp_num);
	assert_int_equal(vib_destroy_qp(&r->rc->verbs.qp), 0);
	r->rc = NULL;
	prig_sent(r->cq, r->ud, 0, 2);
	assert_int_equal(poll(r->cq, 2, wc), 1);
}

#define t(f) cmocka_unit_test_setup_teardown(f, prig_setup, prig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(each_kind_is_told_in_the_old_way),
		t(each_kind_is_told_in_the_extended_way),
		t(errors_are_told_as_they_are),
		t(only_as_many_as_asked_are_taken_and_given_back),
		t(arming_asks_for_what_is_wanted),
		t(completions_of_a_destroyed_qp_are_passed_over),
		t(qp_that_was_polled_last_is_forgotten),
		t(new_qp_of_an_old_number_gets_no_old_completions),
		t(reset_begins_anew_and_purges),
		t(mark_of_an_old_generation_hides_nothing),
		t(failing_commands_change_nothing),
		t(entries_of_the_old_queue_come_first),
		t(resize_stops_where_the_kernel_says_and_no_later),
		t(what_waits_from_before_a_resize_is_purged_too),
		t(resize_that_fails_changes_nothing),
		t(completion_of_nobody_is_passed_over),
		t(index_that_is_not_outstanding_frees_nothing),
		t(side_of_another_cq_is_not_touched),
		t(two_qps_may_have_one_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
