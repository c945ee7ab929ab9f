// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ibv_post_send(): what stands in the slots, what is refused, and when the backend is
 * told.
 */
#include "provider_rig.h"

static const char data[256] = "0123456789abcdefghijklmnopqrstuvwxyz";

static struct ibv_send_wr request(enum ibv_wr_opcode opcode, struct ibv_sge *sges, int n)
{
	return (struct ibv_send_wr){
		.wr_id = 0x1122334455667788,
		.sg_list = sges,
		.num_sge = n,
		.opcode = opcode,
		.send_flags = IBV_SEND_SIGNALED | IBV_SEND_FENCE,
	};
}

static int post(struct vib_qp *qp, struct ibv_send_wr *wr)
{
	struct ibv_send_wr *bad = NULL;
	int ret = vib_post_send(&qp->verbs.qp, wr, &bad);

	if (ret)
		assert_ptr_equal(bad, wr);
	return ret;
}

/* Post it and look at the slot; gen 1 as the test's first. */
static const struct vib_send_wqe *posted(struct vib_qp *qp, struct ibv_send_wr *wr)
{
	struct vib_queue end = prig_end(&qp->sq.queue);
	const struct vib_send_wqe *slot;

	end.index = qp->sq.queue.index;
	assert_int_equal(post(qp, wr), 0);
	slot = vib_queue_peek(&end);
	assert_non_null(slot);
	assert_true(slot->wr_id == wr->wr_id);
	assert_int_equal(slot->opcode, wr->opcode);
	assert_int_equal(slot->reserved, 0);
	return slot;
}

static void each_opcode_has_its_operands_and_data(void **state)
{
	struct ibv_sge sges[] = { { 1, 2, 3 }, { 4, 5, 6 } };
	struct prig *r = *state;
	static const struct {
		enum ibv_wr_opcode opcode;
		uint32_t offset;
	} kinds[] = {
		{ IBV_WR_RDMA_WRITE, 40 },    { IBV_WR_RDMA_WRITE_WITH_IMM, 40 },
		{ IBV_WR_SEND, 24 },          { IBV_WR_SEND_WITH_IMM, 24 },
		{ IBV_WR_SEND_WITH_INV, 24 }, { IBV_WR_RDMA_READ, 40 },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct ibv_send_wr wr = request(kinds[i].opcode, sges, 2);
		const struct vib_send_wqe *slot;

		wr.imm_data = 0xa0b0c0d0;
		wr.wr.rdma.remote_addr = 0xaabbccddeeff;
		wr.wr.rdma.rkey = 0x4321;
		slot = posted(r->rc, &wr);
		assert_int_equal(slot->flags, VIB_SEND_SIGNALED | VIB_SEND_FENCE);
		assert_int_equal(slot->num_sge, 2);
		assert_int_equal(slot->inline_len, 0);
		assert_memory_equal((char *)slot + kinds[i].offset, sges, sizeof(sges));
		if (kinds[i].offset == 40) {
			assert_true(slot->u.rdma.remote_addr == 0xaabbccddeeff);
			assert_int_equal(slot->u.rdma.rkey, 0x4321);
		}
		if (kinds[i].opcode == IBV_WR_RDMA_WRITE_WITH_IMM ||
		    kinds[i].opcode == IBV_WR_SEND_WITH_IMM ||
		    kinds[i].opcode == IBV_WR_SEND_WITH_INV)
			assert_true(slot->imm == 0xa0b0c0d0);
		else
			assert_int_equal(slot->imm, 0);
	}
}

static void atomics_have_their_operands(void **state)
{
	struct ibv_sge sge = { 1, 8, 3 };
	struct prig *r = *state;

	for (int swap = 0; swap < 2; swap++) {
		struct ibv_send_wr wr = request(swap ? IBV_WR_ATOMIC_CMP_AND_SWP
						     : IBV_WR_ATOMIC_FETCH_AND_ADD,
						&sge, 1);
		const struct vib_send_wqe *slot;

		wr.wr.atomic.remote_addr = 0x1008;
		wr.wr.atomic.compare_add = 11;
		wr.wr.atomic.swap = 12;
		wr.wr.atomic.rkey = 13;
		slot = posted(r->rc, &wr);
		assert_true(slot->u.atomic.remote_addr == 0x1008);
		assert_true(slot->u.atomic.compare_add == 11);
		assert_true(slot->u.atomic.swap == (swap ? 12 : 0));
		assert_int_equal(slot->u.atomic.rkey, 13);
		assert_memory_equal((char *)slot + 56, &sge, sizeof(sge));
	}
}

static void datagram_carries_its_address(void **state)
{
	struct ibv_ah_attr attr = {
		.grh = { .flow_label = 5,
			 .sgid_index = 3,
			 .hop_limit = 6,
			 .traffic_class = 7 },
		.dlid = 8,
		.sl = 9,
		.is_global = 1,
		.port_num = 1,
	};
	struct ibv_sge sge = { 1, 2, 3 };
	struct ibv_send_wr wr = request(IBV_WR_SEND_WITH_IMM, &sge, 1);
	const struct vib_send_wqe *slot;
	struct prig *r = *state;
	struct ibv_ah *ah;

	memset(attr.grh.dgid.raw, 0xfe, 16);
	ah = vib_create_ah(r->pd, &attr);
	assert_non_null(ah);
	wr.imm_data = 77;
	wr.wr.ud.ah = ah;
	wr.wr.ud.remote_qpn = 0x123;
	wr.wr.ud.remote_qkey = 0x80000001;
	slot = posted(r->ud, &wr);
	assert_int_equal(slot->u.ud.remote_qpn, 0x123);
	assert_int_equal(slot->u.ud.qkey, 0x80000001);
	assert_memory_equal(slot->u.ud.av.dgid.raw, attr.grh.dgid.raw, 16);
	assert_int_equal(slot->u.ud.av.flow_label, 5);
	assert_int_equal(slot->u.ud.av.sgid_index, 3);
	assert_int_equal(slot->u.ud.av.hop_limit, 6);
	assert_int_equal(slot->u.ud.av.traffic_class, 7);
	assert_int_equal(slot->u.ud.av.dlid, 8);
	assert_int_equal(slot->u.ud.av.sl, 9);
	assert_int_equal(slot->u.ud.av.flags, VIB_AV_GRH);
	assert_int_equal(slot->imm, 77);
	assert_memory_equal((char *)slot + 64, &sge, sizeof(sge));
	assert_int_equal(vib_destroy_ah(ah), 0);
}

static void inline_data_are_gathered_into_the_slot(void **state)
{
	struct ibv_sge sges[] = { { (uintptr_t)data, 7, 0 },
				  { (uintptr_t)data + 7, 0, 0 },
				  { (uintptr_t)data + 7, 20, 0 } };
	struct ibv_send_wr wr = request(IBV_WR_RDMA_WRITE, sges, 3);
	const struct vib_send_wqe *slot;
	struct prig *r = *state;

	wr.send_flags |= IBV_SEND_INLINE;
	slot = posted(r->rc, &wr);
	assert_int_equal(slot->flags,
			 VIB_SEND_SIGNALED | VIB_SEND_FENCE | VIB_SEND_INLINE);
	assert_int_equal(slot->num_sge, 0);
	assert_int_equal(slot->inline_len, 27);
	assert_memory_equal((char *)slot + 40, data, 27);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct ibv_sge sges[RIG_SGES + 1] = { { (uintptr_t)data, 1, 0 } };
	struct ibv_send_wr wr = request(IBV_WR_SEND, sges, RIG_SGES + 1);
	struct prig *r = *state;

	assert_int_equal(post(r->rc, &wr), EINVAL);
	wr.num_sge = -1;
	assert_int_equal(post(r->rc, &wr), EINVAL);
	wr.num_sge = RIG_SGES;
	assert_int_equal(post(r->rc, &wr), 0);

	wr.num_sge = 2;
	wr.send_flags |= IBV_SEND_INLINE;
	sges[0].length = RIG_INLINE;
	sges[1] = (struct ibv_sge){ (uintptr_t)data, 1, 0 };
	assert_int_equal(post(r->rc, &wr), EINVAL);
	sges[0].length = RIG_INLINE - 1;
	assert_int_equal(post(r->rc, &wr), 0);
	sges[1].length = UINT32_MAX;
	assert_int_equal(post(r->rc, &wr), EINVAL);
	assert_int_equal(r->rc->sq.queue.index, 2);
}

static void what_the_type_does_not_have_is_refused(void **state)
{
	static const uint32_t have[] = { 0x83ff, 0x18f, 0x00c }; /* RC, UC, UD */
	struct ibv_ah_attr attr = { .port_num = 1, .dlid = 1 };
	struct prig *r = *state;
	struct vib_qp *qps[] = { r->rc, r->uc, r->ud };
	struct ibv_mw mw = { .rkey = 0x100, .type = IBV_MW_TYPE_2 };
	struct ibv_ah *ah = vib_create_ah(r->pd, &attr);

	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int opcode = 0; opcode < 40; opcode++) {
			struct ibv_send_wr wr =
				request((enum ibv_wr_opcode)opcode, NULL, 0);
			bool is = opcode < 16 && have[i] >> opcode & 1;

			if (opcode == IBV_WR_BIND_MW)
				wr.bind_mw.mw = &mw;
			if (i == 2)
				wr.wr.ud.ah = ah;
			qps[i]->sq.done = qps[i]->sq.queue.index;
			assert_int_equal(post(qps[i], &wr), is ? 0 : EINVAL);
		}
	vib_destroy_ah(ah);
}

static void flags_that_are_unknown_are_refused(void **state)
{
	struct ibv_send_wr wr = request(IBV_WR_SEND, NULL, 0);
	struct prig *r = *state;

	wr.send_flags = IBV_SEND_IP_CSUM;
	assert_int_equal(post(r->rc, &wr), EINVAL);
	wr = request(IBV_WR_RDMA_READ, NULL, 0);
	wr.send_flags = IBV_SEND_INLINE;
	assert_int_equal(post(r->rc, &wr), EINVAL);
}

static void only_states_that_send_take_requests(void **state)
{
	struct prig *r = *state;

	for (int s = IBV_QPS_RESET; s <= IBV_QPS_ERR; s++) {
		r->rc->verbs.qp.state = (enum ibv_qp_state)s;
		assert_int_equal(prig_post(r->rc, 1), s < IBV_QPS_RTS ? EINVAL : 0);
	}
}

static void full_queue_takes_none_and_names_the_first_that_failed(void **state)
{
	struct ibv_send_wr wr[RIG_DEPTH + 2], *bad = NULL;
	struct prig *r = *state;

	for (int i = 0; i < RIG_DEPTH + 2; i++) {
		wr[i] = request(IBV_WR_SEND, NULL, 0);
		wr[i].next = i < RIG_DEPTH + 1 ? &wr[i + 1] : NULL;
	}
	assert_int_equal(vib_post_send(&r->rc->verbs.qp, wr, &bad), ENOMEM);
	assert_ptr_equal(bad, &wr[RIG_DEPTH]);
	assert_int_equal(r->rc->sq.queue.index, RIG_DEPTH);
}

/* The backend's index may be far ahead: only completions that were polled count. */
static void room_is_what_completions_gave_back(void **state)
{
	struct prig *r = *state;
	struct ibv_wc wc;

	for (int i = 0; i < RIG_DEPTH; i++)
		assert_int_equal(prig_post(r->rc, 1), 0);
	vib_publish32(&r->rc->sq.queue.hdr->cons, RIG_DEPTH);
	assert_int_equal(prig_post(r->rc, 1), ENOMEM);
	prig_sent(r->cq, r->rc, 2, 1); /* 0 and 1 were not signaled */
	assert_int_equal(prig_post(r->rc, 1), ENOMEM);
	assert_int_equal(vib_poll_cq(&r->cq->verbs.cq, 1, &wc), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(prig_post(r->rc, 1), 0);
	assert_int_equal(prig_post(r->rc, 1), ENOMEM);
}

static void bell_rings_once_and_only_sleepers_are_woken(void **state)
{
	struct prig *r = *state;
	struct vib_doorbell_page *page = r->rc->doorbell;
	struct vib_queue end = prig_end(&r->rc->sq.queue);
	uint32_t leaf = r->rc->db_index / 64;

	assert_int_equal(prig_post(r->rc, 1), 0); /* a fresh queue asks for its first */
	assert_true(vib_doorbell_take_leaf(page, leaf) == 1ull << r->rc->db_index % 64);
	assert_true(vib_doorbell_take_summary(page, 0) == 1ull << leaf);
	assert_int_equal(prig_post(r->rc, 1), 0);
	assert_true(vib_doorbell_take_leaf(page, leaf) == 0);
	assert_int_equal(kernel.wakes, 0);

	end.index = 2;
	page->poller_sleeps = 1;
	assert_int_equal(vib_queue_arm(&end), 0);
	assert_int_equal(prig_post(r->rc, 1), 0);
	assert_int_equal(prig_post(r->rc, 1), 0);
	assert_int_equal(kernel.wakes, 1);
}

static void window_is_bound_under_its_next_key(void **state)
{
	struct prig *r = *state;
	struct verbs_mr mr = { .ibv_mr = { .lkey = 0x4400 } };
	struct ibv_mw *mw = vib_alloc_mw(r->pd, IBV_MW_TYPE_1);
	struct ibv_mw_bind bind = {
		.wr_id = 5,
		.send_flags = IBV_SEND_SIGNALED | IBV_SEND_INLINE,
		.bind_info = { .mr = &mr.ibv_mr,
			       .addr = 0x1000,
			       .length = 64,
			       .mw_access_flags =
				       IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ },
	};
	struct vib_queue end = prig_end(&r->rc->sq.queue);
	const struct vib_send_wqe *slot;
	uint32_t rkey;

	assert_non_null(mw);
	mw->rkey |= 0xff;
	rkey = mw->rkey;
	assert_int_equal(vib_bind_mw(&r->rc->verbs.qp, mw, &bind), 0);
	assert_int_equal(mw->rkey, rkey & ~0xffu);
	slot = vib_queue_peek(&end);
	assert_non_null(slot);
	assert_int_equal(slot->opcode, VIB_OP_BIND_MW);
	assert_int_equal(slot->flags, VIB_SEND_SIGNALED);
	assert_int_equal(slot->num_sge, 0);
	assert_true(slot->wr_id == 5 && slot->u.bind.addr == 0x1000 &&
		    slot->u.bind.length == 64);
	assert_int_equal(slot->u.bind.lkey, 0x4400);
	assert_int_equal(slot->u.bind.mw, rkey);
	assert_int_equal(slot->u.bind.rkey, mw->rkey);
	assert_int_equal(slot->u.bind.access, IBV_ACCESS_REMOTE_READ);

	bind.bind_info.length = 0;
	assert_int_equal(vib_bind_mw(&r->rc->verbs.qp, mw, &bind), 0);
	vib_queue_advance(&end);
	slot = vib_queue_peek(&end);
	assert_true(slot && slot->u.bind.length == 0 && slot->u.bind.lkey == 0);

	rkey = mw->rkey;
	bind.bind_info.mr = NULL;
	assert_int_equal(vib_bind_mw(&r->rc->verbs.qp, mw, &bind), EINVAL);
	bind.bind_info.mr = &mr.ibv_mr;
	bind.bind_info.length = 8;
	bind.bind_info.mw_access_flags = IBV_ACCESS_ZERO_BASED;
	assert_int_equal(vib_bind_mw(&r->rc->verbs.qp, mw, &bind), EINVAL);
	mr.mr_type = IBV_MR_TYPE_IMPORTED_MR;
	assert_int_equal(vib_bind_mw(&r->rc->verbs.qp, mw, &bind), ENOTSUP);
	assert_int_equal(mw->rkey, rkey);
	assert_int_equal(vib_dealloc_mw(mw), 0);
}

#define t(f) cmocka_unit_test_setup_teardown(f, prig_setup, prig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(each_opcode_has_its_operands_and_data),
		t(atomics_have_their_operands),
		t(datagram_carries_its_address),
		t(inline_data_are_gathered_into_the_slot),
		t(what_does_not_fit_is_refused),
		t(what_the_type_does_not_have_is_refused),
		t(flags_that_are_unknown_are_refused),
		t(only_states_that_send_take_requests),
		t(full_queue_takes_none_and_names_the_first_that_failed),
		t(room_is_what_completions_gave_back),
		t(bell_rings_once_and_only_sleepers_are_woken),
		t(window_is_bound_under_its_next_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
