// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast registration of a guest's kernel, for a machine behind the wire. */
#include <endian.h>
#include <errno.h>

#include "wire_fast_rig.h"

#include "engine/poller_parts.h"

/* ---- keys ----------------------------------------------------------------- */

static void keys_are_the_hcas(void **state)
{
	struct world *w = *state;
	struct vib_control_response rsp =
		execute(&w->a, its_request(VIB_CMD_QUERY_DEVICE));
	struct pair x = { 0 };

	assert_true(rsp.u.device.cap_flags & VIB_CAP_FRWR);
	assert_int_not_equal(rsp.u.device.max_fast_reg_pages, 0);
	open_pair(w, &x);
	assert_int_equal(fake_hca.mws, 1);
	assert_in_range(x.key, 0x100, 0x10000);
	/* One of another backend is another HCA's, or was. */
	assert_int_equal(alloc_mr(&x.q, x.key + 0x100).status, -EEXIST);
	fake_hca.alloc_mw_error = ENOMEM;
	assert_int_equal(alloc_mr(&x.q, 0).status, -ENOMEM);
	assert_int_equal(fake_hca.mws, 1);
	assert_int_equal(dereg(&x), 0);
	assert_int_equal(fake_hca.mws, 0);
	assert_int_equal(dereg(&x), -EINVAL);
	native_close(&x.n);
}

/* ---- whether there are any ------------------------------------------------ */

static void expect_offer(void **state, bool offered)
{
	struct world *w = *state;
	struct vib_control_request req = its_request(VIB_CMD_ALLOC_MR);
	struct vib_control_response rsp;

	rsp = execute(&w->a, its_request(VIB_CMD_QUERY_DEVICE));
	assert_int_equal(!!(rsp.u.device.cap_flags & VIB_CAP_FRWR), offered);
	assert_int_equal(!!(rsp.u.device.cap_flags & VIB_CAP_FRWR_ROW), offered);
	assert_int_equal(rsp.u.device.max_fast_reg_pages > 0, offered);
	req.u.alloc_mr = (struct vib_cmd_alloc_mr){ pd_of(&w->a), 1, 0 };
	assert_int_equal(execute(&w->a, req).status, offered ? 0 : -EOPNOTSUPP);
}

static int set_up_rxe(void **state)
{
	return set_up_with_windows(state, FAKE_RXE, FABRIC_FRWR_AUTO);
}

static void rxe_would_have_guests_crash_the_host(void **state)
{
	expect_offer(state, false);
}

static int set_up_rxe_all_the_same(void **state)
{
	return set_up_with_windows(state, FAKE_RXE, FABRIC_FRWR_YES);
}

static void and_does_if_that_is_wanted(void **state)
{
	expect_offer(state, true);
}

static int set_up_no(void **state)
{
	return set_up_with_windows(state, 0, FABRIC_FRWR_NO);
}

static void nobody_has_any_if_that_is_wanted(void **state)
{
	expect_offer(state, false);
}

static int set_up_without(void **state)
{
	wire_rig_frwr = FABRIC_FRWR_YES;
	return wire_set_up(state);
}

static void nor_of_an_hca_without_windows(void **state)
{
	expect_offer(state, false);
}

static void keys_count_as_mrs(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	vhca_of(&w->a)->limits.max_mr =
		vhca_of(&w->a)->mrs.count + vhca_of(&w->a)->mws.count;
	assert_int_equal(alloc_mr(&x.q, 0).status, -ENOMEM);
	assert_int_equal(fake_hca.mws, 1);
	native_close(&x.n);
}

/* ---- what a peer reaches -------------------------------------------------- */

static void a_peer_reaches_what_is_shown(void **state)
{
	struct world *w = *state;
	unsigned int mrs;
	struct pair x = { 0 };

	open_pair(w, &x);
	mrs = fake_hca.mrs;
	show(w, &x, pool_addr(2) + 128, 2, PAGE);
	assert_int_equal(fake_hca.binds, 1);
	assert_int_equal(fake_hca.mrs, mrs); /* it is the region's */
	memset(x.n.memory, 0x5a, 64);
	native_write(w, &x, pool_addr(3) + 64, x.key, IBV_WC_SUCCESS);
	assert_memory_equal(pool_at(&x, 3) + 64, x.n.memory, 64);
	memset(pool_at(&x, 2) + 128, 0x77, 64);
	native_do(w, &x,
		  (struct ibv_send_wr){ .opcode = IBV_WR_RDMA_READ,
					.wr.rdma = { pool_addr(2) + 128, x.key } },
		  IBV_WC_SUCCESS);
	assert_memory_equal(pool_at(&x, 2) + 128, x.n.memory, 64);
	native_close(&x.n);
}

static int set_up_atomics(void **state)
{
	wire_rig_atomics = true;
	return set_up_windows(state);
}

static void with_atomics_if_there_are_some(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_send_wqe wqe;
	struct ibv_sge sge;
	struct ibv_send_wr add = { .wr_id = 7,
				   .opcode = IBV_WR_ATOMIC_FETCH_AND_ADD,
				   .sg_list = &sge,
				   .num_sge = 1 },
			   *bad;
	uint64_t value = 40;

	wire_rig_access = VIB_ACCESS_REMOTE_ATOMIC;
	open_pair(w, &x);
	wqe = reg(&x, 1, pool_addr(2), 2, 64);
	wqe.u.reg_mr.access |= VIB_ACCESS_REMOTE_ATOMIC;
	its_post(&x.q, wqe);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	memcpy(pool_at(&x, 2), &value, sizeof(value));
	sge = (struct ibv_sge){ (uintptr_t)x.n.memory, 8, x.n.mr->lkey };
	add.wr.atomic.remote_addr = pool_addr(2);
	add.wr.atomic.rkey = x.key;
	add.wr.atomic.compare_add = 2;
	assert_int_equal(ibv_post_send(x.n.qp, &add, &bad), 0);
	wire_run(w);
	native_take(&x.n, 7, IBV_WC_SUCCESS);
	memcpy(&value, pool_at(&x, 2), sizeof(value));
	assert_int_equal(value, 42);
	native_close(&x.n);
}

static void and_no_more_than_that(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	native_write(w, &x, pool_addr(2) + 128 + 1000 - 63, x.key, IBV_WC_REM_ACCESS_ERR);
	native_close(&x.n);
}

static void nor_what_is_hidden_again(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	hide(w, &x);
	native_write(w, &x, pool_addr(2) + 128, x.key, IBV_WC_REM_ACCESS_ERR);
	native_close(&x.n);
}

static void requests_in_a_chain_have_their_order(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint32_t first;

	open_shown(w, &x);
	first = x.key;
	its_post(&x.q, local_inv(1, x.key));
	its_post(&x.q, reg(&x, 2, pool_addr(1), 1, 64));
	its_post(&x.q, local_inv(3, x.key));
	its_post(&x.q, reg(&x, 4, pool_addr(1) + 64, 1, 64));
	wire_run(w);
	for (uint64_t id = 1; id <= 4; id++)
		its_take(&x.q, id, VIB_WC_SUCCESS);
	native_write(w, &x, pool_addr(1) + 64, x.key, IBV_WC_SUCCESS);
	native_write(w, &x, pool_addr(2) + 128, first, IBV_WC_REM_ACCESS_ERR);
	native_close(&x.n);
}

/* A message, and a bind behind it: so many of them the HCA has at once. */
static unsigned int at_the_hca_at_once(struct world *w)
{
	struct pair x = { 0 };
	unsigned int count;

	open_shown(w, &x);
	native_recv(&x.n, 1, 0, 4096);
	its_send_sge(&x.q,
		     (struct vib_send_wqe){ .opcode = VIB_OP_SEND,
					    .flags = VIB_SEND_SIGNALED,
					    .wr_id = 1 },
		     (struct vib_sge){ pool_addr(4), 100, VIB_LOCAL_DMA_LKEY });
	its_post(&x.q, local_inv(2, x.key));
	wire_run_without_hca(w);
	count = fake_hca_sends(x.q.qpn);
	/* The poller can sleep until it has done them. */
	assert_true(poller_cool_all(&w->engine->pollers[0]));
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	native_close(&x.n);
	return count;
}

static void nothing_waits_for_a_message(void **state)
{
	assert_int_equal(at_the_hca_at_once(*state), 2);
}

/* It would be done again with the message, which rxe does not survive. */
static void but_with_rxe(void **state)
{
	assert_int_equal(at_the_hca_at_once(*state), 1);
}

/* ---- addresses of its own -------------------------------------------------- */

static void addresses_may_be_others(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	unsigned int mrs;

	open_pair(w, &x);
	mrs = fake_hca.mrs;
	for (uint32_t i = 1; i <= 3; i++) {
		uint64_t iova = OWN_IOVA * i + 256;

		show(w, &x, iova, i, PAGE);
		assert_int_equal(fake_hca.mrs, mrs + 1);
		memset(x.n.memory, (int)(0x10 + i), 64);
		native_write(w, &x, iova + PAGE - 256, x.key, IBV_WC_SUCCESS);
		assert_memory_equal(pool_at(&x, i + 1), x.n.memory, 64);
		hide(w, &x);
	}
	assert_int_equal(dereg(&x), 0);
	assert_int_equal(fake_hca.mrs, mrs);
	native_close(&x.n);
}

static void others_go_on_while_one_waits_for_them(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	/* What is behind it in its queue waits, though its LOCAL_INV is not done yet. */
	its_post(&x.q, local_inv(1, x.key));
	its_post(&x.q, reg(&x, 2, OWN_IOVA, 1, 64));
	its_post(&x.q, local_inv(3, x.key));
	its_post(&x.q, reg(&x, 4, OWN_IOVA * 2, 1, 64));
	native_recv(&x.n, 9, 0, 64);
	its_send_inline(&x.q,
			(struct vib_send_wqe){ .opcode = VIB_OP_SEND,
					       .flags = VIB_SEND_SIGNALED,
					       .wr_id = 5 },
			"abc", 4);
	for (unsigned int i = 0; i < 20; i++)
		poller_pass(&w->engine->pollers[0]); /* no job is done */
	assert_false(fake_hca_run() && fake_hca_run());
	assert_int_equal(fake_hca.binds, 1);
	wire_run(w);
	for (uint64_t id = 1; id <= 5; id++)
		its_take(&x.q, id, VIB_WC_SUCCESS);
	native_take(&x.n, 9, IBV_WC_SUCCESS);
	native_write(w, &x, OWN_IOVA * 2, x.key, IBV_WC_SUCCESS);
	native_close(&x.n);
}

static void an_mr_that_cannot_be_fails_the_request(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	fake_hca.reg_mr_error = ENOMEM;
	assert_refused(w, &x.q, reg(&x, 1, OWN_IOVA, 1, 64));
	native_close(&x.n);
}

/* ---- invalidated by the peer ---------------------------------------------- */

static void send_with_inv(struct world *w, struct pair *x)
{
	struct vib_cqe cqe;

	its_recv_sge(&x->q, 5, (struct vib_sge){ pool_addr(5), 256, VIB_LOCAL_DMA_LKEY });
	native_do(w, x,
		  (struct ibv_send_wr){ .opcode = IBV_WR_SEND_WITH_INV,
					.invalidate_rkey = x->key },
		  IBV_WC_SUCCESS);
	cqe = its_take(&x->q, 5, VIB_WC_SUCCESS);
	assert_int_equal(cqe.opcode, VIB_OP_SEND_INV);
	assert_true(cqe.flags & VIB_CQE_WITH_INV);
	assert_int_equal(le32toh(cqe.imm), x->key);
}

static void a_peer_may_invalidate_it(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	send_with_inv(w, &x);
	/* The HCA, which would not survive another, hears of none. */
	hide(w, &x);
	show(w, &x, OWN_IOVA, 1, 64);
	send_with_inv(w, &x);
	show(w, &x, pool_addr(1), 1, 64);
	native_write(w, &x, pool_addr(1), x.key, IBV_WC_SUCCESS);
	native_close(&x.n);
}

static void which_rxe_says_in_another_way(void **state)
{
	a_peer_may_invalidate_it(state);
}

/* ---- as an lkey ------------------------------------------------------------- */

static void send_by_key(struct pair *x, uint64_t id, uint64_t addr, uint32_t length)
{
	native_recv(&x->n, id, 0, 4096);
	its_send_sge(&x->q,
		     (struct vib_send_wqe){ .opcode = VIB_OP_SEND,
					    .flags = VIB_SEND_SIGNALED,
					    .wr_id = id },
		     (struct vib_sge){ addr, length, x->key });
}

static void it_is_an_lkey_too(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	memset(pool_at(&x, 2) + 200, 0x41, 100);
	send_by_key(&x, 1, pool_addr(2) + 200, 100);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_memory_equal(x.n.memory, pool_at(&x, 2) + 200, 100);
	native_close(&x.n);
}

static void under_addresses_of_its_own(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct ibv_wc wc;

	open_pair(w, &x);
	show(w, &x, OWN_IOVA + 100, 2, PAGE);
	memset(pool_at(&x, 3), 0x42, 50);
	send_by_key(&x, 1, OWN_IOVA + PAGE, 50);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	wc = native_take(&x.n, 1, IBV_WC_SUCCESS);
	assert_int_equal(wc.byte_len, 50);
	assert_memory_equal(x.n.memory, pool_at(&x, 3), 50);
	send_by_key(&x, 2, OWN_IOVA + 100 + PAGE - 49, 50);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	native_close(&x.n);
}

static void of_receives_too(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	show(w, &x, OWN_IOVA, 2, PAGE);
	its_recv_sge(&x.q, 1, (struct vib_sge){ OWN_IOVA + 1000, 64, x.key });
	wire_run(w);
	memset(x.n.memory, 0x43, 64);
	native_do(w, &x, (struct ibv_send_wr){ .opcode = IBV_WR_SEND }, IBV_WC_SUCCESS);
	assert_int_equal(its_take(&x.q, 1, VIB_WC_SUCCESS).byte_len, 64);
	assert_memory_equal(pool_at(&x, 2) + 1000, x.n.memory, 64);
	/* What it shows no more it does not receive with. */
	hide(w, &x);
	its_recv_sge(&x.q, 2, (struct vib_sge){ OWN_IOVA + 1000, 64, x.key });
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_LOC_PROT_ERR);
	native_close(&x.n);
}

static void without_rights_of_peers_the_hca_hears_nothing(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_send_wqe wqe;

	open_pair(w, &x);
	wqe = reg(&x, 1, OWN_IOVA, 2, 64);
	wqe.u.reg_mr.access = VIB_ACCESS_LOCAL_WRITE;
	its_post(&x.q, wqe);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	send_by_key(&x, 2, OWN_IOVA, 64);
	wire_run(w);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	hide(w, &x);
	assert_int_equal(fake_hca.binds, 0);
	native_close(&x.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rxe_would_have_guests_crash_the_host,
						set_up_rxe, wire_tear_down),
		cmocka_unit_test_setup_teardown(and_does_if_that_is_wanted,
						set_up_rxe_all_the_same, wire_tear_down),
		cmocka_unit_test_setup_teardown(nobody_has_any_if_that_is_wanted,
						set_up_no, wire_tear_down),
		cmocka_unit_test_setup_teardown(nor_of_an_hca_without_windows,
						set_up_without, wire_tear_down),
		fast_test(keys_are_the_hcas),
		fast_test(keys_count_as_mrs),
		fast_test(a_peer_reaches_what_is_shown),
		cmocka_unit_test_setup_teardown(with_atomics_if_there_are_some,
						set_up_atomics, wire_tear_down),
		fast_test(and_no_more_than_that),
		fast_test(nor_what_is_hidden_again),
		fast_test(requests_in_a_chain_have_their_order),
		fast_test(nothing_waits_for_a_message),
		cmocka_unit_test_setup_teardown(but_with_rxe, set_up_rxe_all_the_same,
						wire_tear_down),
		fast_test(addresses_may_be_others),
		fast_test(others_go_on_while_one_waits_for_them),
		fast_test(an_mr_that_cannot_be_fails_the_request),
		fast_test(a_peer_may_invalidate_it),
		cmocka_unit_test_setup_teardown(which_rxe_says_in_another_way,
						set_up_rxe_all_the_same, wire_tear_down),
		fast_test(it_is_an_lkey_too),
		fast_test(under_addresses_of_its_own),
		fast_test(of_receives_too),
		fast_test(without_rights_of_peers_the_hca_hears_nothing),
	};

	return cmocka_run_group_tests_name("wire: fast registration", tests, NULL, NULL);
}
