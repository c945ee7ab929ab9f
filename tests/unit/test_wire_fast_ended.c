// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast registration of a guest's kernel at an HCA: what is refused, what ends, and guests
 * here that reach it. */
#include <endian.h>
#include <errno.h>

#include "wire_fast_rig.h"

#include "engine/fast.h"
#include "engine/vhca.h"

/* ---- what is refused --------------------------------------------------------- */

static void pages_here_and_there_are_refused(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct vib_send_wqe wqe;

	open_pair(w, &x);
	wqe = reg(&x, 1, pool_addr(2), 2, 2 * PAGE);
	((uint64_t *)(list_of(&x) + 1))[1] = pool_addr(4);
	assert_refused(w, &x.q, wqe);
	assert_int_equal(fake_hca.binds, 0);
	native_close(&x.n);
}

static void memory_that_is_not_lent_is_refused(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	assert_refused(w, &x.q,
		       reg(&x, 1, pool_addr(POOL_PAGES - 1), POOL_PAGES - 1, PAGE + 1));
	native_close(&x.n);
}

static void a_key_that_is_shown_cannot_be_shown_again(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	assert_refused(w, &x.q, reg(&x, 1, pool_addr(1), 1, 64));
	assert_int_equal(fake_hca.binds, 1);
	native_close(&x.n);
}

static void another_qp_cannot_invalidate_it(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 }, y = { 0 };

	open_shown(w, &x);
	wire_rig_pd = x.q.pd;
	y.q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	join_native(&y, &y.q);
	assert_refused(w, &y.q, local_inv(1, x.key));
	native_write(w, &x, pool_addr(2) + 128, x.key, IBV_WC_SUCCESS);
	native_close(&x.n);
	native_close(&y.n);
}

/* One of UC goes on; the HCA, which would not survive it, is told of no LOCAL_INV. */
static void what_was_flushed_is_not_shown(void **state)
{
	struct world *w = *state;
	struct vib_control_request again;
	struct pair x = { 0 };
	uint8_t zeros[64] = { 0 };

	open_pair_of(w, &x, VIB_QPT_UC);
	its_send_inline(&x.q, (struct vib_send_wqe){ .opcode = VIB_OP_SEND, .wr_id = 1 },
			"abc", 4);
	its_post(&x.q, reg(&x, 2, pool_addr(1), 1, 64));
	fake_hca.send_status = IBV_WC_LOC_QP_OP_ERR;
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 2, VIB_WC_WR_FLUSH_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_SQE);
	again = its_change(&x.q, VIB_QPS_RTS, NULL, 0);
	again.u.modify_qp.mask = VIB_QP_STATE;
	assert_int_equal(execute(&w->a, again).status, 0);
	native_write(w, &x, pool_addr(1), x.key, IBV_WC_REM_ACCESS_ERR);
	assert_memory_equal(pool_at(&x, 1), zeros, 64);
	hide(w, &x);
	show(w, &x, pool_addr(1), 1, 64);
	assert_int_equal(fake_hca.binds, 1);
	native_close(&x.n);
}

/* ---- ends ---------------------------------------------------------------------- */

static void a_key_ends_while_it_is_shown(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	assert_int_equal(dereg(&x), 0);
	assert_int_equal(fake_hca.mws, 0);
	native_write(w, &x, pool_addr(2) + 128, x.key, IBV_WC_REM_ACCESS_ERR);
	native_close(&x.n);
}

/* The window before the QP: see fake_mw.h. */
static void with_a_qp_ends_what_it_shows(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	assert_int_equal(destroy_qp(&x.q), 0);
	assert_int_equal(fake_hca.mws, 0);
	assert_int_equal(dereg(&x), 0);
	native_close(&x.n);
}

static void with_a_qp_that_is_reset_too(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint8_t gid[16];

	open_shown(w, &x);
	assert_int_equal(its_modify(&x.q, VIB_QPS_RESET, NULL, 0), 0);
	assert_int_equal(fake_hca.mws, 0);
	memset(memory_of(&w->a, SQ_PAGE), 0, PAGE);
	vib_queue_init(&x.q.sq, memory_of(&w->a, SQ_PAGE), QUEUE_ORDER, x.q.sq.stride);
	its_gid(&w->a, gid);
	its_connect(&x.q, native_gid, x.n.qp->qp_num);
	assert_refused(w, &x.q, reg(&x, 1, pool_addr(1), 1, 64));
	assert_int_equal(dereg(&x), 0);
	native_close(&x.n);
}

static void what_it_has_hidden_stays(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	hide(w, &x);
	assert_int_equal(destroy_qp(&x.q), 0);
	assert_int_equal(fake_hca.mws, 1);
	native_close(&x.n);
	assert_int_equal(dereg(&x), 0);
}

/* The HCA has bound it, and said nothing, for it has refused what came behind. */
static void with_a_qp_whose_hca_is_silent_as_well(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 }, y = { 0 };

	open_pair(w, &x);
	its_post(&x.q, quiet(reg(&x, 1, pool_addr(1), 1, 64)));
	its_send_inline(&x.q, (struct vib_send_wqe){ .opcode = VIB_OP_SEND, .wr_id = 2 },
			"abc", 4);
	fake_hca.post_send_error = ENOMEM;
	fake_hca.sends_before_error = 1;
	poller_pass(&w->engine->pollers[0]);
	fake_hca_run();
	assert_int_equal(fake_hca.binds, 1);
	end_silence(w, &x.q);
	its_take(&x.q, 1, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 2, VIB_WC_LOC_QP_OP_ERR);
	/* Nobody else is told that it is free. */
	wire_rig_pd = x.q.pd;
	y.q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	join_native(&y, &y.q);
	assert_refused(w, &y.q, local_inv(3, x.key));
	assert_int_equal(destroy_qp(&x.q), 0);
	assert_int_equal(fake_hca.mws, 0);
	native_close(&x.n);
	native_close(&y.n);
}

static void with_a_region_ends_what_shows_it(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	unsigned int mrs;

	open_shown(w, &x);
	mrs = fake_hca.mrs;
	assert_int_equal(take_back(&x), 0);
	assert_int_equal(fake_hca.mrs, mrs - 1);
	assert_int_equal(fake_hca.mws, 0);
	native_write(w, &x, pool_addr(2) + 128, x.key, IBV_WC_REM_ACCESS_ERR);
	native_close(&x.n);
}

/* Its poller is just learning that a LOCAL_INV has failed, and it is bound. */
static void the_hca_is_not_asked_to_end_it_once_more(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct mw *mw;

	open_pair_of(w, &x, VIB_QPT_UC);
	show(w, &x, pool_addr(2), 2, 64);
	mw = table_get(&vhca_of(&w->a)->mws, x.key >> MW_KEY_BITS, mw);
	assert_int_equal(take_back(&x), 0);
	assert_false(mw->fast->wire.bound);
	mw->fast->wire.bound = true;
	hide(w, &x);
	assert_int_equal(its_state(&x.q), VIB_QPS_RTS);
	native_close(&x.n);
}

static void under_addresses_of_its_own_as_well(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	unsigned int mrs;

	open_pair(w, &x);
	mrs = fake_hca.mrs;
	show(w, &x, OWN_IOVA, 1, 64);
	assert_int_equal(take_back(&x), 0);
	assert_int_equal(fake_hca.mrs, mrs - 1);
	assert_int_equal(fake_hca.mws, 0);
	native_close(&x.n);
}

/* Asked for, and not made before its region, or its QP, ends. */
static void what_ends_while_it_waits(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	unsigned int mrs;

	open_pair(w, &x);
	mrs = fake_hca.mrs;
	its_post(&x.q, reg(&x, 1, OWN_IOVA, 1, 64));
	for (unsigned int i = 0; i < 5; i++)
		poller_pass(&w->engine->pollers[0]);
	assert_int_equal(take_back(&x), 0);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_MW_BIND_ERR);
	assert_int_equal(fake_hca.mrs, mrs - 1);
	assert_int_equal(fake_hca.binds, 0);
	native_close(&x.n);
}

static void a_guest_may_go_while_it_waits(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_shown(w, &x);
	its_post(&x.q, local_inv(1, x.key));
	its_post(&x.q, reg(&x, 2, OWN_IOVA, 1, 64));
	wire_run_without_hca(w);
	(void)fake_hca_run();
	for (unsigned int i = 0; i < 5; i++)
		poller_pass(&w->engine->pollers[0]);
	frontend_state(&w->a, "6");
	fake_settle(w->xen);
	assert_int_equal(fake_hca.mws, 0);
	native_close(&x.n);
}

/* Behind a job that ends windows; one that was asked for then has ended, too. */
static void or_while_that_waits_for_another_job(void **state)
{
	struct world *w = *state;
	const struct hca *hca = &vib_of(&w->a)->conn.guest.hca;
	struct pair x = { 0 }, y = { 0 };

	open_pair(w, &x);
	wire_rig_pd = x.q.pd;
	y.q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	join_native(&y, &y.q);
	ask(&w->a, its_change(&y.q, VIB_QPS_RESET, NULL, 0));
	its_post(&x.q, reg(&x, 1, OWN_IOVA, 1, 64));
	for (unsigned int i = 0; i < 5; i++)
		poller_pass(&w->engine->pollers[0]);
	fake_loop(w->xen);
	assert_true(hca->fast_runs);
	fake_hca.reg_mr_error = ENOMEM;
	frontend_state(&w->a, "6");
	fake_settle(w->xen);
	assert_int_equal(fake_hca.mws, 0);
	assert_int_equal(fake_hca.reg_mr_error, ENOMEM); /* nobody has met it */
	native_close(&x.n);
	native_close(&y.n);
}

/* ---- guests of this host --------------------------------------------------------- */

/* @q of a, and one of b, are each other's peer. */
static struct its_qp join_b(struct world *w, struct its_qp *q)
{
	struct its_qp b;
	uint8_t gid_a[16], gid_b[16];

	wire_rig_flags = 0;
	b = its_qp_new(&w->b, VIB_QPT_RC, CQ_PAGE);
	its_gid(&w->a, gid_a);
	its_gid(&w->b, gid_b);
	its_connect(q, gid_b, b.qpn);
	its_connect(&b, gid_a, q->qpn);
	return b;
}

static void b_writes(struct world *w, struct its_qp *b, uint64_t addr, uint32_t key,
		     uint8_t status)
{
	struct vib_send_wqe wqe = { .opcode = VIB_OP_RDMA_WRITE,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = 50 };

	wqe.u.rdma.remote_addr = addr;
	wqe.u.rdma.rkey = key;
	its_send(b, wqe, 0, 64);
	wire_run(w);
	its_take(b, 50, status);
}

static void guests_here_reach_it_by_memory(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct its_qp b;

	wire_rig_flags = VIB_QPF_KERNEL;
	x.q = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	x.region = lend(&w->a);
	x.key = number_of(alloc_mr(&x.q, 0));
	b = join_b(w, &x.q);
	show(w, &x, OWN_IOVA, 2, PAGE);
	assert_int_equal(fake_hca.binds, 0);
	memset(b.memory, 0x33, 64);
	b_writes(w, &b, OWN_IOVA + 640, x.key, VIB_WC_SUCCESS);
	assert_memory_equal(pool_at(&x, 2) + 640, b.memory, 64);
	hide(w, &x);
	b_writes(w, &b, OWN_IOVA + 640, x.key, VIB_WC_REM_ACCESS_ERR);
}

/* A QP on the wire shows it, and another of its PD has a guest here for a peer. */
static void of_another_qp_as_well(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	struct its_qp y, b;
	struct vib_send_wqe inv = { .opcode = VIB_OP_SEND_INV,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = 51 };

	open_shown(w, &x);
	wire_rig_pd = x.q.pd;
	y = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE_2);
	b = join_b(w, &y);
	memset(b.memory, 0x34, 64);
	b_writes(w, &b, pool_addr(2) + 128, x.key, VIB_WC_SUCCESS);
	assert_memory_equal(pool_at(&x, 2) + 128, b.memory, 64);
	/* But it is the HCA's, and not its peer's, to end that. */
	its_recv_sge(&y, 9, (struct vib_sge){ pool_addr(5), 64, VIB_LOCAL_DMA_LKEY });
	inv.imm = htole32(x.key);
	its_send(&b, inv, 0, 8);
	wire_run(w);
	its_take(&b, 51, VIB_WC_REM_ACCESS_ERR);
	native_write(w, &x, pool_addr(2) + 128, x.key, IBV_WC_SUCCESS);
	native_close(&x.n);
}

static int set_up_atomics(void **state)
{
	int rc;

	wire_rig_atomics = true;
	wire_rig_max_wr = 4; /* fewer than its queue has places */
	rc = set_up_windows(state);
	wire_rig_access = VIB_ACCESS_REMOTE_ATOMIC;
	return rc;
}

/* Which the HCA does, though its peer is here. */
static void what_is_done_here_waits_for_an_atomic(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe add = { .opcode = VIB_OP_FETCH_ADD,
				    .flags = VIB_SEND_SIGNALED,
				    .wr_id = 1 };
	struct its_qp a, b;
	uint32_t key;

	a = its_qp_new(&w->a, VIB_QPT_RC, CQ_PAGE);
	key = number_of(alloc_mr(&a, 0));
	b = join_b(w, &a);
	add.u.atomic.remote_addr = IOVA + 256;
	add.u.atomic.rkey = b.key;
	its_send(&a, add, 0, 8);
	for (uint64_t id = 2; id <= DEPTH; id++)
		its_post(&a, local_inv(id, key));
	wire_run_without_hca(w);
	its_nothing(&a);
	wire_run(w);
	for (uint64_t id = 1; id <= DEPTH; id++)
		its_take(&a, id, VIB_WC_SUCCESS);
	its_nothing(&a);
	assert_int_equal(fake_hca.atomics_done, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fast_test(pages_here_and_there_are_refused),
		fast_test(memory_that_is_not_lent_is_refused),
		fast_test(a_key_that_is_shown_cannot_be_shown_again),
		fast_test(another_qp_cannot_invalidate_it),
		fast_test(what_was_flushed_is_not_shown),
		fast_test(a_key_ends_while_it_is_shown),
		fast_test(with_a_qp_ends_what_it_shows),
		fast_test(with_a_qp_that_is_reset_too),
		fast_test(with_a_qp_whose_hca_is_silent_as_well),
		fast_test(what_it_has_hidden_stays),
		fast_test(with_a_region_ends_what_shows_it),
		fast_test(the_hca_is_not_asked_to_end_it_once_more),
		fast_test(under_addresses_of_its_own_as_well),
		fast_test(what_ends_while_it_waits),
		fast_test(a_guest_may_go_while_it_waits),
		fast_test(or_while_that_waits_for_another_job),
		fast_test(guests_here_reach_it_by_memory),
		fast_test(of_another_qp_as_well),
		cmocka_unit_test_setup_teardown(what_is_done_here_waits_for_an_atomic,
						set_up_atomics, wire_tear_down),
	};

	return cmocka_run_group_tests_name(
		"wire: fast registration: refused, ended, local", tests, NULL, NULL);
}
