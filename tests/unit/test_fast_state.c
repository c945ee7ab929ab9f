// SPDX-License-Identifier: GPL-2.0-or-later
/* Fast registration: when a key is valid, whose it is, and who ends that. */
#include <errno.h>
#include <stdlib.h>

#include "engine/fast.h"
#include "rig_fast.h"

/* ---- free, valid, free ------------------------------------------------- */

static void key_that_is_free_shows_nothing(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct wr wr = fast_wr(&f, VIB_OP_RDMA_READ, 0, 8);

	(void)state;
	assert_fast_denied(&f, &wr);
	fast_rig_free(&f);
}

static void local_inv_frees_it(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = local_inv_wr(f.key);

	(void)state;
	assert_int_equal(fast_do(&f, &wr, VIB_WC_SUCCESS).opcode, VIB_OP_LOCAL_INV);
	wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 8);
	assert_fast_denied(&f, &wr);
	assert_true(is_all(pool_at(&f, 0), PAGE, 0));
	fast_rig_free(&f);
}

/* All keys of its upper 24 bits, in turn, each with other pages. */
static void it_is_registered_again_and_again(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		const uint64_t page = pool_page(i % 8);
		struct wr wr = reg_wr(&f, &page, 1, i, PAGE - i);

		fast_show(&f, &wr);
		memset(pool_at(&f, i % 8), 0, PAGE);
		assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, PAGE - i);
		assert_memory_equal(pool_at(&f, i % 8) + i, f.d->ra.at, PAGE - i);
		wr = local_inv_wr(f.key);
		fast_do(&f, &wr, VIB_WC_SUCCESS);
	}
	fast_rig_free(&f);
}

static void key_of_before_is_denied(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = local_inv_wr(f.key);
	uint32_t before = f.key;

	(void)state;
	fast_do(&f, &wr, VIB_WC_SUCCESS);
	fast_show_row(&f, 2, 0, 2 * PAGE);
	wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 8);
	wr.rkey = before;
	assert_fast_denied(&f, &wr);
	fast_rig_free(&f);
}

/* A peer may have freed it, whose guest has not seen that yet (siw, rxe the same). */
static void key_that_is_free_may_be_invalidated(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = local_inv_wr(f.key);

	(void)state;
	fast_do(&f, &wr, VIB_WC_SUCCESS);
	fast_do(&f, &wr, VIB_WC_SUCCESS);
	fast_rig_free(&f);
}

static void wrong_keys_invalidate_nothing(void **state)
{
	(void)state;
	for (uint32_t bit = 1; bit; bit <<= 1) {
		struct fast_rig f = shown_new();
		struct wr wr = local_inv_wr(f.key ^ bit);

		assert_b_fails(&f, &wr);
		assert_true(mw_of(&f)->fast->valid);
		fast_rig_free(&f);
	}
}

static void valid_key_is_not_registered(void **state)
{
	struct fast_rig f = shown_new();
	const uint64_t page = pool_page(5);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

	(void)state;
	assert_b_fails(&f, &wr);
	/* It shows what it did. */
	assert_int_equal(mw_of(&f)->key, f.key);
	assert_int_equal(mw_of(&f)->fast->length, 2 * PAGE);
	assert_int_equal(mw_of(&f)->fast->page[0], pool_page(0));
	fast_rig_free(&f);
}

/* ---- SEND_INV ---------------------------------------------------------- */

static struct wr send_inv(const struct fast_rig *f, uint32_t key)
{
	struct wr wr = duo_wr(f->d, 1, VIB_OP_SEND_INV, 64);

	wr.imm = key;
	return wr;
}

static void peer_frees_it_and_the_receive_says_so(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = send_inv(&f, f.key);
	struct vib_cqe cqe;

	(void)state;
	duo_recv(f.d, 11, 100);
	post_send(&f.d->a, &wr);
	rig_run(f.d->rig);
	take_cqe(&f.d->cqa, 1, VIB_WC_SUCCESS);
	cqe = take_cqe(&f.d->cqb, 11, VIB_WC_SUCCESS);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_WITH_INV);
	assert_int_equal(cqe.imm, f.key);
	fast_show_row(&f, 1, 0, PAGE);
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, PAGE);
	fast_rig_free(&f);
}

static void peer_frees_no_other_key(void **state)
{
	(void)state;
	for (uint32_t bit = 1; bit; bit <<= 1) {
		struct fast_rig f = shown_new();
		struct wr wr = send_inv(&f, f.key ^ bit);

		assert_fast_denied(&f, &wr);
		assert_true(mw_of(&f)->fast->valid);
		fast_rig_free(&f);
	}
}

/* ---- whose ------------------------------------------------------------- */

/* A third QP of b's guest, in a PD of its own or of b's, that needs no peer. */
static struct pqp third_new(struct fast_rig *f, bool other_pd, uint8_t flags)
{
	const struct plan plan = { .type = VIB_QPT_RC, .flags = flags };
	struct duo *d = f->d;
	uint32_t kept = d->gb->pd;
	struct pqp qp;

	if (other_pd)
		assert_int_equal(pd_create(d->gb->vhca, &d->gb->pd), 0);
	qp = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	d->gb->pd = kept;
	pqp_aim(&qp, &d->a, true);
	pqp_bring(&qp, VIB_QPS_RTS);
	return qp;
}

static void assert_third_fails(struct fast_rig *f, struct pqp *third, const struct wr *wr)
{
	post_send(third, wr);
	rig_run(f->d->rig);
	take_cqe(&f->d->cqb, wr->id, VIB_WC_MW_BIND_ERR);
	assert_int_equal(pqp_state(third), VIB_QPS_ERR);
}

/* As an MR's, and not as a window's of type 2. */
static void qps_of_its_pd_share_it(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct pqp third = third_new(&f, false, VIB_QPF_KERNEL);
	const uint64_t page = pool_page(5);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

	(void)state;
	post_send(&third, &wr);
	rig_run(f.d->rig);
	take_cqe(&f.d->cqb, 900, VIB_WC_SUCCESS);
	f.key = wr.reg.key;
	f.last = wr.reg;
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, PAGE);
	pqp_end(&third);
	assert_fast_reached(&f, VIB_OP_RDMA_WRITE, 0, PAGE);
	wr = local_inv_wr(f.key);
	fast_do(&f, &wr, VIB_WC_SUCCESS);
	fast_rig_free(&f);
}

static void qps_of_another_pd_neither_register_nor_free_it(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint64_t page = pool_page(5);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);
	struct pqp third;

	(void)state;
	third = third_new(&f, true, VIB_QPF_KERNEL);
	assert_third_fails(&f, &third, &wr);
	fast_show(&f, &wr);
	third = third_new(&f, true, VIB_QPF_KERNEL);
	wr = local_inv_wr(f.key);
	assert_third_fails(&f, &third, &wr);
	assert_true(mw_of(&f)->fast->valid);
	fast_rig_free(&f);
}

static void peers_of_another_pd_are_denied(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct duo *d = f.d;
	const struct vib_cmd_alloc_mr cmd = { .max_pages = 1 };
	struct vib_cmd_alloc_mr other = cmd;
	struct wr wr;
	uint32_t pd;

	(void)state;
	/* A key of another PD, made valid by a QP of that. */
	assert_int_equal(pd_create(d->gb->vhca, &pd), 0);
	other.pd = pd;
	assert_int_equal(fast_create(d->gb->vhca, &other, &f.key), 0);
	{
		const uint64_t page = pool_page(5);
		uint32_t kept = d->gb->pd;
		struct pqp third;

		d->gb->pd = pd;
		third = third_new(&f, false, VIB_QPF_KERNEL);
		d->gb->pd = kept;
		wr = reg_wr(&f, &page, 1, 0, PAGE);
		post_send(&third, &wr);
		rig_run(d->rig);
		take_cqe(&d->cqb, 900, VIB_WC_SUCCESS);
		f.key = wr.reg.key;
		f.last = wr.reg;
	}
	wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 8);
	assert_fast_denied(&f, &wr);
	assert_true(is_all(pool_at(&f, 5), PAGE, 0));
	fast_rig_free(&f);
}

static void programs_register_nothing(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	struct pqp third = third_new(&f, false, 0);
	const uint64_t page = pool_page(5);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

	(void)state;
	assert_third_fails(&f, &third, &wr);
	assert_false(mw_of(&f)->fast->valid);
	fast_rig_free(&f);
}

static void it_is_no_window_and_no_window_is_it(void **state)
{
	static const enum vib_mw_type types[] = { VIB_MW_TYPE_1, VIB_MW_TYPE_2 };
	struct fast_rig f = shown_new();
	struct vhca *vhca = f.d->gb->vhca;
	struct wr wr = { .id = 5,
			 .opcode = VIB_OP_BIND_MW,
			 .flags = VIB_SEND_SIGNALED,
			 .bind = { .mw = f.key, .rkey = f.key } };

	(void)state;
	assert_int_equal(mw_destroy(vhca, f.key), -EINVAL);
	assert_b_fails(&f, &wr); /* that would unbind */
	assert_true(mw_of(&f)->fast->valid);
	fast_rig_free(&f);
	for (int i = 0; i < 2; i++) {
		struct vib_cmd_alloc_mw cmd = { .type = types[i] };
		const uint64_t page = pool_page(5);

		f = fast_rig_new(VIB_QPT_RC);
		vhca = f.d->gb->vhca;
		cmd.pd = f.d->gb->pd;
		assert_int_equal(mw_create(vhca, &cmd, &f.key), 0);
		assert_int_equal(fast_destroy(vhca, f.key), -EINVAL);
		wr = reg_wr(&f, &page, 1, 0, PAGE);
		assert_b_fails(&f, &wr);
		fast_rig_free(&f);
	}
}

/* ---- others at work on it ---------------------------------------------- */

static void requests_wait_for_one_who_is_at_it(void **state)
{
	struct fast_rig f = fast_rig_new(VIB_QPT_RC);
	const uint64_t page = pool_page(0);
	struct wr wr = reg_wr(&f, &page, 1, 0, PAGE);

	(void)state;
	pthread_spin_lock(&mw_of(&f)->lock);
	post_send(&f.d->b, &wr);
	rig_passes(f.d->rig, 100);
	assert_no_cqe(&f.d->cqb);
	pthread_spin_unlock(&mw_of(&f)->lock);
	rig_run(f.d->rig);
	take_cqe(&f.d->cqb, 900, VIB_WC_SUCCESS);
	f.key = wr.reg.key;
	f.last = wr.reg;

	pthread_spin_lock(&mw_of(&f)->lock);
	wr = fast_wr(&f, VIB_OP_RDMA_WRITE, 0, 8);
	post_send(&f.d->a, &wr);
	wr = local_inv_wr(f.key);
	post_send(&f.d->b, &wr);
	rig_passes(f.d->rig, 100);
	assert_no_cqe(&f.d->cqa);
	assert_no_cqe(&f.d->cqb);
	/* Its own requests do not wait. */
	pthread_spin_unlock(&mw_of(&f)->lock);
	fast_rig_free(&f);
}

static void own_requests_use_it_while_a_peer_does(void **state)
{
	struct fast_rig f = shown_new();
	struct wr wr = { .id = 3,
			 .opcode = VIB_OP_SEND,
			 .flags = VIB_SEND_SIGNALED,
			 .count = 1,
			 .sge = { { f.last.iova, 64, f.key } } };
	struct vib_sge to = sge_of(&f.d->ra, 0, 64);

	(void)state;
	post_recv(&f.d->a, 21, &to, 1);
	pthread_spin_lock(&mw_of(&f)->lock);
	post_send(&f.d->b, &wr);
	rig_passes(f.d->rig, 10);
	take_cqe(&f.d->cqb, 3, VIB_WC_SUCCESS);
	pthread_spin_unlock(&mw_of(&f)->lock);
	fast_rig_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_that_is_free_shows_nothing),
		cmocka_unit_test(local_inv_frees_it),
		cmocka_unit_test(it_is_registered_again_and_again),
		cmocka_unit_test(key_of_before_is_denied),
		cmocka_unit_test(key_that_is_free_may_be_invalidated),
		cmocka_unit_test(wrong_keys_invalidate_nothing),
		cmocka_unit_test(valid_key_is_not_registered),
		cmocka_unit_test(peer_frees_it_and_the_receive_says_so),
		cmocka_unit_test(peer_frees_no_other_key),
		cmocka_unit_test(qps_of_its_pd_share_it),
		cmocka_unit_test(qps_of_another_pd_neither_register_nor_free_it),
		cmocka_unit_test(peers_of_another_pd_are_denied),
		cmocka_unit_test(programs_register_nothing),
		cmocka_unit_test(it_is_no_window_and_no_window_is_it),
		cmocka_unit_test(requests_wait_for_one_who_is_at_it),
		cmocka_unit_test(own_requests_use_it_while_a_peer_does),
	};

	alarm(120);
	return cmocka_run_group_tests_name("states of fast registration", tests,
					   rig_enter, rig_leave);
}
