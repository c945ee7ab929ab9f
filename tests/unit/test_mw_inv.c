// SPDX-License-Identifier: GPL-2.0-or-later
/* The ends of a binding: LOCAL_INV, SEND_INV, its QP's end, its region's, its own. */
#include <stdlib.h>

#include "rig_mw.h"

static struct mr *region_of(const struct shown *s)
{
	return table_get(&s->d->gb->vhca->mrs, s->r.key, mr);
}

static struct shown bound_new(enum vib_mw_type type)
{
	struct shown s = shown_new(VIB_QPT_RC, type);

	window_bind(&s, 0, 4096, REMOTE_ALL);
	assert_int_equal(region_of(&s)->windows, 1);
	return s;
}

/* ---- LOCAL_INV --------------------------------------------------------- */

static void local_inv_ends_the_binding(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);
	struct wr wr = inv_wr(7, s.key);

	(void)state;
	assert_int_equal(window_do(&s, &wr).opcode, VIB_OP_LOCAL_INV);
	assert_int_equal(region_of(&s)->windows, 0);
	assert_denied(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
	duo_free(s.d);
}

static void window_that_was_invalidated_is_bound_again(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct wr wr = inv_wr(7, s.key);

		window_do(&s, &wr);
		window_bind(&s, 64, 64, REMOTE_ALL);
		assert_reached(&s, VIB_OP_RDMA_READ, s.key, s.r.iova + 64, 64);
	}
	assert_int_equal(region_of(&s)->windows, 1);
	duo_free(s.d);
}

static void window_that_is_not_bound_may_be_invalidated(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	struct wr wr = inv_wr(7, s.key);

	(void)state;
	window_do(&s, &wr);
	window_bind(&s, 0, 64, REMOTE_ALL);
	wr = inv_wr(7, s.key);
	window_do(&s, &wr);
	window_do(&s, &wr);
	duo_free(s.d);
}

static void assert_inv_fails(struct shown *s, uint32_t key)
{
	struct wr wr = inv_wr(7, key);

	post_send(&s->d->b, &wr);
	rig_run(s->d->rig);
	take_cqe(&s->d->cqb, 7, VIB_WC_MW_BIND_ERR);
	assert_int_equal(pqp_state(&s->d->b), VIB_QPS_ERR);
}

static void window_of_type_1_is_not_invalidated(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_1);

	(void)state;
	assert_inv_fails(&s, s.key);
	assert_int_equal(region_of(&s)->windows, 1);
	duo_free(s.d);
}

static void wrong_keys_invalidate_nothing(void **state)
{
	(void)state;
	for (uint32_t bit = 1; bit; bit <<= 1) {
		struct shown s = bound_new(VIB_MW_TYPE_2);

		assert_inv_fails(&s, s.key ^ bit);
		assert_int_equal(region_of(&s)->windows, 1);
		duo_free(s.d);
	}
}

static void region_s_key_is_not_invalidated(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);

	(void)state;
	assert_inv_fails(&s, s.r.key);
	duo_free(s.d);
}

/* A third QP of b's guest, in @pd, that needs no peer. */
static struct pqp third_new(struct duo *d, uint32_t pd)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	uint32_t kept = d->gb->pd;
	struct pqp qp;

	d->gb->pd = pd;
	qp = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	d->gb->pd = kept;
	pqp_aim(&qp, &d->a, true);
	pqp_bring(&qp, VIB_QPS_RTS);
	return qp;
}

static void window_that_another_qp_bound_is_not_invalidated(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);
	struct pqp third = third_new(s.d, s.d->gb->pd);
	struct wr wr = inv_wr(7, s.key);

	(void)state;
	post_send(&third, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 7, VIB_WC_MW_BIND_ERR);
	assert_int_equal(region_of(&s)->windows, 1);
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
	duo_free(s.d);
}

static void window_of_another_pd_is_not_invalidated(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	struct wr wr = inv_wr(7, s.key);
	struct pqp third;
	uint32_t pd;

	(void)state;
	assert_int_equal(pd_create(s.d->gb->vhca, &pd), 0);
	third = third_new(s.d, pd);
	post_send(&third, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 7, VIB_WC_MW_BIND_ERR);
	duo_free(s.d);
}

/* ---- SEND_INV ---------------------------------------------------------- */

static struct wr send_inv(const struct shown *s, uint32_t key, uint32_t length)
{
	struct wr wr = duo_wr(s->d, 1, VIB_OP_SEND_INV, length);

	wr.imm = key;
	return wr;
}

static void send_inv_ends_the_binding_and_says_so(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);
	struct wr wr = send_inv(&s, s.key, 64);
	struct vib_cqe cqe;

	(void)state;
	duo_recv(s.d, 11, 100);
	post_send(&s.d->a, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
	cqe = take_cqe(&s.d->cqb, 11, VIB_WC_SUCCESS);
	assert_int_equal(cqe.flags, VIB_CQE_RECV | VIB_CQE_WITH_INV);
	assert_int_equal(cqe.imm, s.key);
	assert_int_equal(cqe.opcode, VIB_OP_SEND_INV);
	assert_int_equal(cqe.byte_len, 64);
	assert_true(is_filled(s.d->rb.at, 64, 1));
	assert_int_equal(region_of(&s)->windows, 0);
	assert_denied(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
	duo_free(s.d);
}

static void inline_and_empty_send_inv_do_so_too(void **state)
{
	static const uint8_t data[64] = { 1, 2, 3 };

	(void)state;
	for (uint32_t length = 0; length <= 64; length += 64) {
		struct shown s = bound_new(VIB_MW_TYPE_2);
		struct wr wr = send_inv(&s, s.key, 0);

		wr.flags |= VIB_SEND_INLINE;
		wr.count = 0;
		wr.data = data;
		wr.inline_len = length;
		duo_recv(s.d, 11, 100);
		post_send(&s.d->a, &wr);
		rig_run(s.d->rig);
		take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
		assert_int_equal(take_cqe(&s.d->cqb, 11, VIB_WC_SUCCESS).imm, s.key);
		assert_memory_equal(s.d->rb.at, data, length);
		duo_free(s.d);
	}
}

static void send_inv_that_waits_for_a_receive_invalidates_when_it_comes(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);
	struct wr wr = send_inv(&s, s.key, 64);

	(void)state;
	post_send(&s.d->a, &wr);
	rig_run(s.d->rig);
	assert_int_equal(region_of(&s)->windows, 1);
	duo_recv(s.d, 11, 100);
	rig_wait(s.d->rig, 10 * MS);
	take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
	assert_int_equal(take_cqe(&s.d->cqb, 11, VIB_WC_SUCCESS).imm, s.key);
	assert_int_equal(region_of(&s)->windows, 0);
	duo_free(s.d);
}

static void send_inv_waits_for_one_who_is_at_the_window(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);
	struct mw *mw = table_get(&s.d->gb->vhca->mws, s.key >> MW_KEY_BITS, mw);
	struct wr wr = send_inv(&s, s.key, 64);

	(void)state;
	duo_recv(s.d, 11, 100);
	pthread_spin_lock(&mw->lock);
	post_send(&s.d->a, &wr);
	rig_passes(s.d->rig, 100);
	assert_no_cqe(&s.d->cqa);
	assert_no_cqe(&s.d->cqb);
	pthread_spin_unlock(&mw->lock);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
	assert_int_equal(take_cqe(&s.d->cqb, 11, VIB_WC_SUCCESS).imm, s.key);
	duo_free(s.d);
}

static void assert_send_inv_denied(struct shown *s, uint32_t key)
{
	const struct outcome o = { VIB_WC_REM_ACCESS_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_ACCESS_ERR, true };
	struct wr wr = send_inv(s, key, 8);

	duo_recv(s->d, 11, 100);
	assert_rc_outcome(s->d, &wr, &o);
}

static void send_inv_of_a_wrong_key_fails_both(void **state)
{
	struct shown s;

	(void)state;
	for (uint32_t bit = 1; bit; bit <<= 1) {
		s = bound_new(VIB_MW_TYPE_2);
		assert_send_inv_denied(&s, s.key ^ bit);
		assert_int_equal(region_of(&s)->windows, 1);
		duo_free(s.d);
	}
	s = bound_new(VIB_MW_TYPE_1);
	assert_send_inv_denied(&s, s.key);
	duo_free(s.d);
	s = bound_new(VIB_MW_TYPE_2);
	assert_send_inv_denied(&s, s.r.key);
	duo_free(s.d);
}

static void send_inv_to_another_qp_than_bound_it_fails_both(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	struct pqp third = third_new(s.d, s.d->gb->pd);
	struct wr wr = bind_wr(&s, 5, 0, 64, REMOTE_ALL);

	(void)state;
	post_send(&third, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 5, VIB_WC_SUCCESS);
	assert_send_inv_denied(&s, wr.bind.rkey);
	assert_int_equal(region_of(&s)->windows, 1);
	duo_free(s.d);
}

/* ---- ends -------------------------------------------------------------- */

static void binding_of_type_2_ends_with_its_qp(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);

	(void)state;
	pqp_end(&s.d->b);
	assert_int_equal(region_of(&s)->windows, 0);
	region_end(&s.r);
	duo_free(s.d);
}

static void binding_of_type_2_ends_with_a_reset(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);

	(void)state;
	pqp_reset(&s.d->b);
	assert_int_equal(region_of(&s)->windows, 0);
	pqp_bring(&s.d->b, VIB_QPS_RTS);
	/* And it is free to be bound. */
	window_bind(&s, 0, 64, REMOTE_ALL);
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
	duo_free(s.d);
}

static void binding_outlives_an_error_of_its_qp(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2);

	(void)state;
	assert_int_equal(pqp_modify(&s.d->b, VIB_QPS_ERR, 0), 0);
	assert_int_equal(region_of(&s)->windows, 1);
	duo_free(s.d);
}

static void binding_of_type_1_outlives_the_qp_that_made_it(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_1);
	struct memory m;

	(void)state;
	pqp_end(&s.d->b);
	assert_int_equal(region_of(&s)->windows, 1);
	assert_int_equal(mr_destroy(s.d->gb->vhca, s.r.key, &m), -EBUSY);
	duo_free(s.d);
}

static void region_is_busy_while_a_window_is_bound_to_it(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++) {
		struct shown s = bound_new(mw_types[t]);
		struct vhca *vhca = s.d->gb->vhca;
		const struct vib_cmd_rereg_mr cmd = { .key = s.r.key,
						      .mask = VIB_REREG_ACCESS,
						      .mr.access = LOCAL_ONLY };
		struct vib_cmd_reg_mr want = { 0 };
		struct memory m;

		assert_int_equal(mr_destroy(vhca, s.r.key, &m), -EBUSY);
		assert_int_equal(mr_rereg_check(vhca, &cmd, &want), -EBUSY);
		assert_int_equal(mr_rereg(vhca, s.r.key, &want, NULL, &m), -EBUSY);
		/* It is as it was. */
		assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
		assert_int_equal(mw_destroy(vhca, s.key), 0);
		assert_int_equal(mr_rereg_check(vhca, &cmd, &want), 0);
		assert_int_equal(mr_rereg(vhca, s.r.key, &want, NULL, &m), 0);
		region_end(&s.r);
		duo_free(s.d);
	}
}

static void window_that_is_bound_is_destroyed(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++) {
		struct shown s = bound_new(mw_types[t]);

		assert_int_equal(mw_destroy(s.d->gb->vhca, s.key), 0);
		assert_int_equal(region_of(&s)->windows, 0);
		assert_denied(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
		duo_free(s.d);
	}
}

/* As a dereg finds it that is just between its look and its end. */
static void bind_to_a_region_that_ends_waits_for_its_end(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	struct wr wr = bind_wr(&s, 5, 0, 64, REMOTE_ALL);

	(void)state;
	assert_true(mr_close(region_of(&s)));
	assert_false(mr_close(region_of(&s)));
	post_send(&s.d->b, &wr);
	rig_passes(s.d->rig, 100);
	assert_no_cqe(&s.d->cqb);
	region_of(&s)->windows = 0;
	region_end(&s.r);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 5, VIB_WC_MW_BIND_ERR);
	duo_free(s.d);
}

/* A poller that found the window before it ended must not bind it again. */
static void window_that_is_gone_is_not_bound(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	struct wr wr = bind_wr(&s, 5, 0, 64, REMOTE_ALL);

	(void)state;
	table_get(&s.d->gb->vhca->mws, s.key >> MW_KEY_BITS, mw)->gone = true;
	post_send(&s.d->b, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 5, VIB_WC_MW_BIND_ERR);
	assert_int_equal(region_of(&s)->windows, 0);
	duo_free(s.d);
}

static void guest_with_bound_windows_ends(void **state)
{
	struct shown s = bound_new(VIB_MW_TYPE_2), t = s;

	(void)state;
	t.key = window_new(s.d->gb, VIB_MW_TYPE_1);
	window_bind(&t, 0, 64, REMOTE_ALL);
	window_new(s.d->gb, VIB_MW_TYPE_1);
	guest_end(s.d->gb);
	s.d->gb = NULL;
	rig_free(s.d->rig);
	free(s.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_inv_ends_the_binding),
		cmocka_unit_test(window_that_was_invalidated_is_bound_again),
		cmocka_unit_test(window_that_is_not_bound_may_be_invalidated),
		cmocka_unit_test(window_of_type_1_is_not_invalidated),
		cmocka_unit_test(wrong_keys_invalidate_nothing),
		cmocka_unit_test(region_s_key_is_not_invalidated),
		cmocka_unit_test(window_that_another_qp_bound_is_not_invalidated),
		cmocka_unit_test(window_of_another_pd_is_not_invalidated),
		cmocka_unit_test(send_inv_ends_the_binding_and_says_so),
		cmocka_unit_test(inline_and_empty_send_inv_do_so_too),
		cmocka_unit_test(
			send_inv_that_waits_for_a_receive_invalidates_when_it_comes),
		cmocka_unit_test(send_inv_waits_for_one_who_is_at_the_window),
		cmocka_unit_test(send_inv_of_a_wrong_key_fails_both),
		cmocka_unit_test(send_inv_to_another_qp_than_bound_it_fails_both),
		cmocka_unit_test(binding_of_type_2_ends_with_its_qp),
		cmocka_unit_test(binding_of_type_2_ends_with_a_reset),
		cmocka_unit_test(binding_outlives_an_error_of_its_qp),
		cmocka_unit_test(binding_of_type_1_outlives_the_qp_that_made_it),
		cmocka_unit_test(region_is_busy_while_a_window_is_bound_to_it),
		cmocka_unit_test(window_that_is_bound_is_destroyed),
		cmocka_unit_test(bind_to_a_region_that_ends_waits_for_its_end),
		cmocka_unit_test(window_that_is_gone_is_not_bound),
		cmocka_unit_test(guest_with_bound_windows_ends),
	};

	alarm(120);
	return cmocka_run_group_tests_name("ends of memory windows' bindings", tests,
					   rig_enter, rig_leave);
}
