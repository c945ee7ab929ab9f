// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast registration of a guest's kernel at an HCA: requests of one key that are posted
 * behind one another, of which a REG_MR waits for those before it. */
#include <errno.h>

#include "wire_fast_rig.h"

#include "engine/poller_parts.h"

/* Show page 1, hide it, and show it 64 bytes on, under another key. */
static void post_chain(struct pair *x)
{
	its_post(&x->q, quiet(reg(x, 1, pool_addr(1), 1, 64)));
	its_post(&x->q, quiet(local_inv(2, x->key)));
	its_post(&x->q, reg(x, 3, pool_addr(1) + 64, 1, 64));
}

/* ---- going on --------------------------------------------------------------- */

static void it_goes_on_by_itself(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	post_chain(&x);
	wire_run_without_hca(w);
	assert_int_equal(fake_hca_sends(x.q.qpn), 2);
	/* The HCA tells of the second, whatever its guest wants to hear of. */
	assert_true(poller_cool_all(&w->engine->pollers[0]));
	wire_run(w);
	its_take(&x.q, 3, VIB_WC_SUCCESS);
	its_nothing(&x.q);
	assert_int_equal(fake_hca.binds, 2);
	native_write(w, &x, pool_addr(1) + 64, x.key, IBV_WC_SUCCESS);
	native_close(&x.n);
}

/* Those that are posted behind it wait with it, and no others. */
static void another_key_does_not_wait(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	uint32_t first;

	open_shown(w, &x);
	first = x.key;
	x.key = number_of(alloc_mr(&x.q, 0));
	its_post(&x.q, local_inv(1, first));
	its_post(&x.q, reg(&x, 2, pool_addr(1), 1, 64));
	wire_run_without_hca(w);
	assert_int_equal(fake_hca_sends(x.q.qpn), 2);
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	native_close(&x.n);
}

/* ---- failing ---------------------------------------------------------------- */

static void what_waits_is_flushed_with_what_fails(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	post_chain(&x);
	fake_hca.send_status = IBV_WC_MW_BIND_ERR;
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_MW_BIND_ERR);
	its_take(&x.q, 2, VIB_WC_WR_FLUSH_ERR);
	its_take(&x.q, 3, VIB_WC_WR_FLUSH_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_ERR);
	native_close(&x.n);
}

static void or_when_its_guest_fails_the_qp(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	post_chain(&x);
	wire_run_without_hca(w);
	assert_true(poller_cool_all(&w->engine->pollers[0]));
	assert_int_equal(its_modify(&x.q, VIB_QPS_ERR, NULL, 0), 0);
	wire_run_without_hca(w);
	for (uint64_t id = 1; id <= 3; id++)
		its_take(&x.q, id, VIB_WC_WR_FLUSH_ERR);
	assert_int_equal(fake_hca.binds, 0);
	native_close(&x.n);
}

/* The HCA has done the first, and the second it has refused. */
static void or_when_the_hca_is_silent(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };

	open_pair(w, &x);
	post_chain(&x);
	fake_hca.post_send_error = ENOMEM;
	fake_hca.sends_before_error = 1;
	poller_pass(&w->engine->pollers[0]);
	fake_hca_run();
	assert_int_equal(fake_hca.binds, 1);
	end_silence(w, &x.q);
	its_take(&x.q, 1, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 2, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 3, VIB_WC_WR_FLUSH_ERR);
	assert_true(poller_cool_all(&w->engine->pollers[0]));
	native_close(&x.n);
}

/* One of UC, whose key is as it was. */
static void and_can_be_posted_anew(void **state)
{
	struct world *w = *state;
	struct vib_control_request again;
	struct pair x = { 0 };

	open_pair_of(w, &x, VIB_QPT_UC);
	post_chain(&x);
	fake_hca.send_status = IBV_WC_LOC_QP_OP_ERR;
	wire_run(w);
	its_take(&x.q, 1, VIB_WC_LOC_QP_OP_ERR);
	its_take(&x.q, 2, VIB_WC_WR_FLUSH_ERR);
	its_take(&x.q, 3, VIB_WC_WR_FLUSH_ERR);
	assert_int_equal(its_state(&x.q), VIB_QPS_SQE);
	again = its_change(&x.q, VIB_QPS_RTS, NULL, 0);
	again.u.modify_qp.mask = VIB_QP_STATE;
	assert_int_equal(execute(&w->a, again).status, 0);
	post_chain(&x);
	wire_run(w);
	its_take(&x.q, 3, VIB_WC_SUCCESS);
	native_write(w, &x, pool_addr(1) + 64, x.key, IBV_WC_SUCCESS);
	native_close(&x.n);
}

/* ---- what it is bound to ----------------------------------------------------- */

/* One page behind the pool, a region of its own. */
static void lend_another(struct peer *p)
{
	struct vib_control_request req = its_request(VIB_CMD_REG_DMA);

	req.u.reg_dma.addr = pool_addr(POOL_PAGES);
	req.u.reg_dma.pages = (struct vib_pages){ 1, page_of(p, DEEP_PAGE + POOL_PAGES) };
	(void)number_of(execute(p, req));
}

/* The HCA has not done the LOCAL_INV yet. */
static void a_region_ends_though_another_is_to_be_shown(void **state)
{
	struct world *w = *state;
	struct pair x = { 0 };
	unsigned int mrs;

	open_pair(w, &x);
	lend_another(&w->a);
	show(w, &x, pool_addr(1), 1, 64);
	mrs = fake_hca.mrs;
	its_post(&x.q, local_inv(1, x.key));
	its_post(&x.q, reg(&x, 2, pool_addr(POOL_PAGES), POOL_PAGES, 64));
	wire_run_without_hca(w);
	assert_int_equal(take_back(&x), 0);
	assert_int_equal(fake_hca.mrs, mrs - 1);
	assert_int_equal(fake_hca.mws, 0);
	native_close(&x.n);
}

/*
 * Its peer invalidates it before its own LOCAL_INV is done, and it has the same key when
 * it is shown again: that the HCA has.
 */
static void one_that_a_peer_has_ended_may_be_shown_anew(void **state)
{
	struct world *w = *state;
	struct vib_send_wqe again;
	struct pair x = { 0 };

	fake_hca.invalidates_free = true;
	open_shown(w, &x);
	its_recv_sge(&x.q, 5, (struct vib_sge){ pool_addr(5), 256, VIB_LOCAL_DMA_LKEY });
	again = reg(&x, 2, pool_addr(1), 1, 64);
	x.key = again.u.reg_mr.key = (x.key & ~0xffu) | ((x.key - 1) & 0xff);
	its_post(&x.q, local_inv(1, x.key));
	its_post(&x.q, again);
	wire_run_without_hca(w);
	native_do(w, &x,
		  (struct ibv_send_wr){ .opcode = IBV_WR_SEND_WITH_INV,
					.invalidate_rkey = x.key },
		  IBV_WC_SUCCESS);
	its_take(&x.q, 5, VIB_WC_SUCCESS);
	its_take(&x.q, 1, VIB_WC_SUCCESS);
	its_take(&x.q, 2, VIB_WC_SUCCESS);
	hide(w, &x);
	native_write(w, &x, pool_addr(1), x.key, IBV_WC_REM_ACCESS_ERR);
	native_close(&x.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fast_test(it_goes_on_by_itself),
		fast_test(another_key_does_not_wait),
		fast_test(what_waits_is_flushed_with_what_fails),
		fast_test(or_when_its_guest_fails_the_qp),
		fast_test(or_when_the_hca_is_silent),
		fast_test(and_can_be_posted_anew),
		fast_test(a_region_ends_though_another_is_to_be_shown),
		fast_test(one_that_a_peer_has_ended_may_be_shown_anew),
	};

	return cmocka_run_group_tests_name("wire: fast registration: chains", tests, NULL,
					   NULL);
}
