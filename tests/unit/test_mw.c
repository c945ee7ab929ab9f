// SPDX-License-Identifier: GPL-2.0-or-later
/* What peers reach through a memory window, and what not; windows' making and end. */
#include <stdlib.h>

#include "rig_mw.h"

/* ---- reaching ---------------------------------------------------------- */

static void peer_reaches_what_the_window_shows_and_no_more(void **state)
{
	/* From, length; in or out of bytes 1000 to 1999. */
	static const struct {
		uint64_t from;
		uint32_t length;
		bool in;
	} cases[] = {
		{ 1000, 1000, true },  { 1000, 1, true },    { 1999, 1, true },
		{ 999, 1, false },     { 2000, 1, false },   { 1999, 2, false },
		{ 1000, 1001, false }, { 999, 1001, false }, { 0, 8, false },
	};

	(void)state;
	for (size_t t = 0; t < 2; t++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			struct shown s = shown_new(VIB_QPT_RC, mw_types[t]);
			uint64_t addr = s.r.iova + cases[i].from;

			window_bind(&s, 1000, 1000, REMOTE_ALL);
			if (cases[i].in) {
				assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, addr,
					       cases[i].length);
				assert_true(is_filled(s.r.at + cases[i].from,
						      cases[i].length, 1));
			} else {
				assert_denied(&s, VIB_OP_RDMA_WRITE, s.key, addr,
					      cases[i].length);
				assert_true(is_all(s.r.at, DUO_BYTES, 0));
			}
			duo_free(s.d);
		}
}

static void addresses_that_wrap_reach_nothing(void **state)
{
	static const uint64_t addrs[] = { UINT64_MAX, UINT64_MAX - 7, 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);

		window_bind(&s, 0, DUO_BYTES, REMOTE_ALL);
		assert_denied(&s, VIB_OP_RDMA_WRITE, s.key, addrs[i], 64);
		duo_free(s.d);
	}
}

static void zero_based_window_counts_from_its_first_byte(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);

	(void)state;
	window_bind(&s, 1000, 1000, REMOTE_ALL | VIB_ACCESS_ZERO_BASED);
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, 0, 1000);
	assert_true(is_filled(s.r.at + 1000, 1000, 1));
	assert_true(is_all(s.r.at, 1000, 0));
	assert_true(is_all(s.r.at + 2000, DUO_BYTES - 2000, 0));
	assert_denied(&s, VIB_OP_RDMA_WRITE, s.key, 1, 1000);
	duo_free(s.d);
	s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	window_bind(&s, 1000, 1000, REMOTE_ALL | VIB_ACCESS_ZERO_BASED);
	assert_denied(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova + 1000, 8);
	duo_free(s.d);
}

/* The operation, and the right it needs. */
static const struct {
	uint8_t opcode;
	uint32_t access;
} operations[] = {
	{ VIB_OP_RDMA_WRITE, VIB_ACCESS_REMOTE_WRITE },
	{ VIB_OP_RDMA_WRITE_IMM, VIB_ACCESS_REMOTE_WRITE },
	{ VIB_OP_RDMA_READ, VIB_ACCESS_REMOTE_READ },
	{ VIB_OP_CMP_SWAP, VIB_ACCESS_REMOTE_ATOMIC },
	{ VIB_OP_FETCH_ADD, VIB_ACCESS_REMOTE_ATOMIC },
};

static void rights_are_the_window_s_alone(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++)
		for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
			struct shown s = shown_new(VIB_QPT_RC, mw_types[t]);

			window_bind(&s, 0, 4096, operations[i].access);
			duo_recv(s.d, 900, 100);
			assert_reached(&s, operations[i].opcode, s.key, s.r.iova, 8);
			duo_free(s.d);

			s = shown_new(VIB_QPT_RC, mw_types[t]);
			window_bind(&s, 0, 4096, REMOTE_ALL & ~operations[i].access);
			assert_denied(&s, operations[i].opcode, s.key, s.r.iova, 8);
			duo_free(s.d);
		}
}

static void window_without_rights_is_reached_by_nobody(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);

		window_bind(&s, 0, 4096, 0);
		assert_denied(&s, operations[i].opcode, s.key, s.r.iova, 8);
		duo_free(s.d);
	}
}

static void qp_s_own_rights_are_needed_too(void **state)
{
	const struct outcome o = { VIB_WC_REM_INV_REQ_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_REQ_ERR, true };
	struct shown s = { .d = duo_apart(VIB_QPT_RC) };
	struct wr wr;

	(void)state;
	s.d->b.attr.access_flags = VIB_ACCESS_REMOTE_READ;
	duo_connect(s.d);
	s.r = region_at(s.d->gb, 0x1000, 4096, LOCAL_ONLY | VIB_ACCESS_MW_BIND);
	s.key = window_new(s.d->gb, VIB_MW_TYPE_2);
	window_bind(&s, 0, 4096, REMOTE_ALL);
	assert_reached(&s, VIB_OP_RDMA_READ, s.key, s.r.iova, 8);
	wr = reach_wr(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
	duo_recv(s.d, 11, 100);
	assert_rc_outcome(s.d, &wr, &o);
	duo_free(s.d);
}

static void atomic_at_memory_that_is_not_aligned_is_invalid(void **state)
{
	const struct outcome o = { VIB_WC_REM_INV_REQ_ERR, VIB_WC_WR_FLUSH_ERR,
				   VIB_ASYNC_QP_REQ_ERR, true };
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	struct wr wr;

	(void)state;
	window_bind(&s, 4, 4096, REMOTE_ALL | VIB_ACCESS_ZERO_BASED);
	wr = reach_wr(&s, VIB_OP_FETCH_ADD, s.key, 8, 8);
	duo_recv(s.d, 11, 100);
	assert_rc_outcome(s.d, &wr, &o);
	assert_true(is_all(s.r.at, DUO_BYTES, 0));
	duo_free(s.d);
}

static void no_key_but_the_window_s_own_is_good(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++)
		for (uint32_t bit = 1; bit; bit <<= 1) {
			struct shown s = shown_new(VIB_QPT_RC, mw_types[t]);

			window_bind(&s, 0, 4096, REMOTE_ALL);
			assert_denied(&s, VIB_OP_RDMA_WRITE, s.key ^ bit, s.r.iova, 8);
			duo_free(s.d);
		}
}

static void window_that_is_not_bound_is_reached_by_nobody(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++) {
		struct shown s = shown_new(VIB_QPT_RC, mw_types[t]);

		assert_denied(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
		duo_free(s.d);
		s = shown_new(VIB_QPT_RC, mw_types[t]);
		assert_denied(&s, VIB_OP_RDMA_READ, s.key, 0, 8);
		duo_free(s.d);
	}
}

static void window_s_key_is_no_lkey(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);
	struct wr wr = duo_wr(s.d, 1, VIB_OP_SEND, 8);

	(void)state;
	window_bind(&s, 0, 4096, REMOTE_ALL);
	wr.sge[0] = (struct vib_sge){ s.r.iova, 8, s.key };
	post_send(&s.d->b, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 1, VIB_WC_LOC_PROT_ERR);
	duo_free(s.d);
	/* Nor a receive's. */
	s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);
	window_bind(&s, 0, 4096, REMOTE_ALL);
	wr = duo_wr(s.d, 1, VIB_OP_SEND, 8);
	post_recv(&s.d->b, 11, &(struct vib_sge){ s.r.iova, 8, s.key }, 1);
	post_send(&s.d->a, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqa, 1, VIB_WC_REM_OP_ERR);
	take_cqe(&s.d->cqb, 11, VIB_WC_LOC_PROT_ERR);
	duo_free(s.d);
}

static void another_guest_s_window_is_not_reached(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);
	struct wr wr;

	(void)state;
	window_bind(&s, 0, 4096, REMOTE_ALL);
	/* b asks a for what is b's. */
	wr = duo_wr(s.d, 5, VIB_OP_RDMA_WRITE, 8);
	wr.sge[0] = sge_of(&s.d->rb, 0, 8);
	wr.rkey = s.key;
	wr.addr = s.r.iova;
	post_send(&s.d->b, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 5, VIB_WC_REM_ACCESS_ERR);
	duo_free(s.d);
}

/* ---- who may reach ----------------------------------------------------- */

/* Two more QPs, connected: of b's guest, in @pd. */
struct others {
	struct pqp a, b;
};

static struct others others_new(struct duo *d, uint32_t pd)
{
	const struct plan plan = { .type = VIB_QPT_RC };
	struct others o = { .a = pqp_new(d->ga, &plan, &d->cqa, &d->cqa) };
	uint32_t kept = d->gb->pd;

	d->gb->pd = pd;
	o.b = pqp_new(d->gb, &plan, &d->cqb, &d->cqb);
	d->gb->pd = kept;
	pqp_aim(&o.a, &o.b, true);
	pqp_aim(&o.b, &o.a, true);
	pqp_bring(&o.a, VIB_QPS_RTS);
	pqp_bring(&o.b, VIB_QPS_RTS);
	return o;
}

static uint8_t reach_by(struct shown *s, struct others *o)
{
	struct wr wr = reach_wr(s, VIB_OP_RDMA_WRITE, s->key, s->r.iova, 8);
	struct vib_cqe cqe;

	post_send(&o->a, &wr);
	rig_run(s->d->rig);
	assert_true(ccq_poll(&s->d->cqa, &cqe));
	return cqe.status;
}

static void type_1_is_reached_by_any_qp_of_its_pd(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);
	struct others same = others_new(s.d, s.d->gb->pd), stranger;
	uint32_t pd;

	(void)state;
	assert_int_equal(pd_create(s.d->gb->vhca, &pd), 0);
	stranger = others_new(s.d, pd);
	window_bind(&s, 0, 4096, REMOTE_ALL);
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
	assert_int_equal(reach_by(&s, &same), VIB_WC_SUCCESS);
	assert_int_equal(reach_by(&s, &stranger), VIB_WC_REM_ACCESS_ERR);
	duo_free(s.d);
}

static void type_2_is_reached_by_the_qp_that_bound_it_alone(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	struct others same = others_new(s.d, s.d->gb->pd);

	(void)state;
	window_bind(&s, 0, 4096, REMOTE_ALL);
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
	assert_int_equal(reach_by(&s, &same), VIB_WC_REM_ACCESS_ERR);
	duo_free(s.d);
}

static void uc_peer_that_is_denied_writes_nothing(void **state)
{
	struct shown s = shown_new(VIB_QPT_UC, VIB_MW_TYPE_1);
	struct wr wr;

	(void)state;
	window_bind(&s, 0, 64, VIB_ACCESS_REMOTE_WRITE);
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 64);
	assert_true(is_filled(s.r.at, 64, 1));
	wr = reach_wr(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 65);
	post_send(&s.d->a, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
	assert_true(is_all(s.r.at + 64, 1, 0));
	assert_int_equal(pqp_state(&s.d->b), VIB_QPS_RTS);
	duo_free(s.d);
}

/* ---- another at work --------------------------------------------------- */

static struct mw *inner(const struct shown *s)
{
	return table_get(&s->d->gb->vhca->mws, s->key >> MW_KEY_BITS, mw);
}

static void access_waits_for_one_who_changes_the_window(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);
	struct wr wr;

	(void)state;
	window_bind(&s, 0, 64, REMOTE_ALL);
	pthread_spin_lock(&inner(&s)->lock);
	wr = reach_wr(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 64);
	post_send(&s.d->a, &wr);
	rig_passes(s.d->rig, 100);
	assert_no_cqe(&s.d->cqa);
	pthread_spin_unlock(&inner(&s)->lock);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
	duo_free(s.d);
}

static void change_waits_for_one_who_copies(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	struct wr wr;

	(void)state;
	window_bind(&s, 0, 64, REMOTE_ALL);
	pthread_spin_lock(&inner(&s)->lock);
	wr = inv_wr(7, s.key);
	post_send(&s.d->b, &wr);
	rig_passes(s.d->rig, 100);
	assert_no_cqe(&s.d->cqb);
	pthread_spin_unlock(&inner(&s)->lock);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 7, VIB_WC_SUCCESS);
	duo_free(s.d);
}

/* A lock that was kept would show in the next request, which would wait for ever. */
static void access_leaves_the_window_to_others_however_it_ends(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);
	struct wr wr;

	(void)state;
	window_bind(&s, 0, 4096, REMOTE_ALL);
	/* Not ready. */
	wr = reach_wr(&s, VIB_OP_RDMA_WRITE_IMM, s.key, s.r.iova, 64);
	post_send(&s.d->a, &wr);
	rig_run(s.d->rig);
	assert_int_equal(pthread_spin_trylock(&inner(&s)->lock), 0);
	pthread_spin_unlock(&inner(&s)->lock);
	duo_recv(s.d, 11, 100);
	rig_wait(s.d->rig, 10 * MS);
	take_cqe(&s.d->cqa, 1, VIB_WC_SUCCESS);
	take_cqe(&s.d->cqb, 11, VIB_WC_SUCCESS);
	/* Denied. */
	assert_denied(&s, VIB_OP_RDMA_READ, s.key, s.r.iova, 4097);
	assert_int_equal(pthread_spin_trylock(&inner(&s)->lock), 0);
	pthread_spin_unlock(&inner(&s)->lock);
	duo_free(s.d);
}

static void message_under_way_ends_with_the_window(void **state)
{
	const uint32_t mib = 1u << 20;
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);
	struct region src = region_at(s.d->ga, 0x10000, 2 * mib, ALL_RIGHTS);
	struct wr wr;

	(void)state;
	s.r = region_at(s.d->gb, 0x10000, 2 * mib, LOCAL_ONLY | VIB_ACCESS_MW_BIND);
	window_bind(&s, 0, 2 * mib, REMOTE_ALL);
	fill(src.at, 2 * mib, 3);
	wr = reach_wr(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 2 * mib);
	wr.sge[0] = sge_of(&src, 0, 2 * mib);
	post_send(&s.d->a, &wr);
	rig_pass(s.d->rig);
	assert_true(pqp_inner(&s.d->a)->sending.active);
	wr = inv_wr(7, s.key);
	post_send(&s.d->b, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 7, VIB_WC_SUCCESS);
	take_cqe(&s.d->cqa, 1, VIB_WC_REM_ACCESS_ERR);
	assert_true(is_all(s.r.at + 2 * mib - 64, 64, 0));
	duo_free(s.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peer_reaches_what_the_window_shows_and_no_more),
		cmocka_unit_test(addresses_that_wrap_reach_nothing),
		cmocka_unit_test(zero_based_window_counts_from_its_first_byte),
		cmocka_unit_test(rights_are_the_window_s_alone),
		cmocka_unit_test(window_without_rights_is_reached_by_nobody),
		cmocka_unit_test(qp_s_own_rights_are_needed_too),
		cmocka_unit_test(atomic_at_memory_that_is_not_aligned_is_invalid),
		cmocka_unit_test(no_key_but_the_window_s_own_is_good),
		cmocka_unit_test(window_that_is_not_bound_is_reached_by_nobody),
		cmocka_unit_test(window_s_key_is_no_lkey),
		cmocka_unit_test(another_guest_s_window_is_not_reached),
		cmocka_unit_test(type_1_is_reached_by_any_qp_of_its_pd),
		cmocka_unit_test(type_2_is_reached_by_the_qp_that_bound_it_alone),
		cmocka_unit_test(uc_peer_that_is_denied_writes_nothing),
		cmocka_unit_test(access_waits_for_one_who_changes_the_window),
		cmocka_unit_test(change_waits_for_one_who_copies),
		cmocka_unit_test(access_leaves_the_window_to_others_however_it_ends),
		cmocka_unit_test(message_under_way_ends_with_the_window),
	};

	alarm(120);
	return cmocka_run_group_tests_name("memory windows", tests, rig_enter, rig_leave);
}
