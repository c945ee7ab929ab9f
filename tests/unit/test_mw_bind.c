// SPDX-License-Identifier: GPL-2.0-or-later
/* BIND_MW: what it may bind, and what it refuses; windows' numbers and quota. */
#include <stdlib.h>

#include "rig_mw.h"

/* ---- binding ----------------------------------------------------------- */

static void bind_completes_and_gives_the_window_its_new_key(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++) {
		struct shown s = shown_new(VIB_QPT_RC, mw_types[t]);
		struct wr wr = bind_wr(&s, 5, 0, 4096, REMOTE_ALL);
		struct vib_cqe cqe = window_do(&s, &wr);

		assert_int_equal(cqe.opcode, VIB_OP_BIND_MW);
		assert_int_equal(cqe.byte_len, 0);
		assert_int_equal(cqe.flags, 0);
		assert_reached(&s, VIB_OP_RDMA_WRITE, wr.bind.rkey, s.r.iova, 64);
		assert_denied(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 64);
		duo_free(s.d);
	}
}

static void requests_behind_a_bind_meet_what_it_bound(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);

	(void)state;
	/* In one batch; a's and b's are served by one poller, a's first, which waits. */
	for (uint32_t i = 0; i < 8; i++) {
		struct wr bind = bind_wr(&s, 10 + i, i * 100, 100, REMOTE_ALL);
		struct wr tell = duo_wr(s.d, 20 + i, VIB_OP_SEND, 8);
		struct vib_sge into = sge_of(&s.d->ra, 0, 8);

		post_recv(&s.d->a, 30 + i, &into, 1);
		tell.sge[0] = sge_of(&s.d->rb, 0, 8);
		post_send(&s.d->b, &bind);
		post_send(&s.d->b, &tell);
		rig_run(s.d->rig);
		take_cqe(&s.d->cqa, 30 + i, VIB_WC_SUCCESS);
		s.key = bind.bind.rkey;
		assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova + i * 100, 100);
		take_cqe(&s.d->cqb, 10 + i, VIB_WC_SUCCESS);
		take_cqe(&s.d->cqb, 20 + i, VIB_WC_SUCCESS);
	}
	duo_free(s.d);
}

static void type_1_is_bound_anew_and_shows_the_old_no_more(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);
	uint32_t old;

	(void)state;
	window_bind(&s, 0, 4096, REMOTE_ALL);
	old = s.key;
	window_bind(&s, 8192, 64, VIB_ACCESS_REMOTE_WRITE);
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova + 8192, 64);
	assert_denied(&s, VIB_OP_RDMA_WRITE, old, s.r.iova, 64);
	duo_free(s.d);
}

static void type_1_of_no_length_is_unbound(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);
	struct wr wr;

	(void)state;
	window_bind(&s, 0, 4096, REMOTE_ALL);
	wr = bind_wr(&s, 5, 0, 0, 0);
	wr.bind.lkey = 0xdead; /* is not looked at, nor is what it would be */
	wr.bind.addr = 3;
	window_do(&s, &wr);
	assert_int_equal(table_get(&s.d->gb->vhca->mrs, s.r.key, mr)->windows, 0);
	assert_denied(&s, VIB_OP_RDMA_WRITE, wr.bind.rkey, s.r.iova, 64);
	duo_free(s.d);
}

static void any_key_of_the_window_names_it(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);

	(void)state;
	for (uint32_t low = 0; low < 256; low += 51) {
		struct wr wr = bind_wr(&s, 5, 0, 64, REMOTE_ALL);

		wr.bind.mw = (s.key & ~0xffu) | low;
		wr.bind.rkey = (s.key & ~0xffu) | (255 - low);
		window_do(&s, &wr);
		s.key = wr.bind.rkey;
		assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 64);
	}
	/* The same key once more will do. */
	window_do(&s, &(struct wr){ .id = 6,
				    .opcode = VIB_OP_BIND_MW,
				    .flags = VIB_SEND_SIGNALED,
				    .bind = { .mw = s.key,
					      .rkey = s.key,
					      .lkey = s.r.key,
					      .access = REMOTE_ALL,
					      .addr = s.r.iova,
					      .length = 8 } });
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, 8);
	duo_free(s.d);
}

static void window_may_show_all_of_a_region_to_its_last_byte(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2);

	(void)state;
	window_bind(&s, 0, DUO_BYTES, REMOTE_ALL);
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova, DUO_BYTES);
	assert_true(is_filled(s.r.at, DUO_BYTES, 1));
	duo_free(s.d);
}

static void windows_of_one_region_may_overlap(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_2), t = s;

	(void)state;
	t.key = window_new(s.d->gb, VIB_MW_TYPE_1);
	window_bind(&s, 0, 100, REMOTE_ALL);
	window_bind(&t, 50, 100, VIB_ACCESS_REMOTE_READ);
	assert_int_equal(table_get(&s.d->gb->vhca->mrs, s.r.key, mr)->windows, 2);
	assert_reached(&s, VIB_OP_RDMA_WRITE, s.key, s.r.iova + 60, 8);
	assert_reached(&t, VIB_OP_RDMA_READ, t.key, s.r.iova + 60, 8);
	duo_free(s.d);
}

static void read_only_region_s_window_may_be_read(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);

	(void)state;
	s.r = region_at(s.d->gb, 0x1000, 64, VIB_ACCESS_MW_BIND);
	window_bind(&s, 0, 64, VIB_ACCESS_REMOTE_READ);
	assert_reached(&s, VIB_OP_RDMA_READ, s.key, s.r.iova, 64);
	duo_free(s.d);
}

static void bind_needs_no_peer(void **state)
{
	struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);

	(void)state;
	pqp_end(&s.d->a);
	window_bind(&s, 0, 64, REMOTE_ALL);
	duo_free(s.d);
}

/* ---- refusals ---------------------------------------------------------- */

/* The bind fails as it must, and neither window nor region are any different. */
static void assert_refused(struct shown *s, const struct wr *wr)
{
	struct mw *mw = table_get(&s->d->gb->vhca->mws, s->key >> MW_KEY_BITS, mw);
	struct mr *mr = table_get(&s->d->gb->vhca->mrs, s->r.key, mr);
	uint32_t windows = mr->windows;
	struct mr *was = mw->mr;

	post_send(&s->d->b, wr);
	rig_run(s->d->rig);
	take_cqe(&s->d->cqb, wr->id, VIB_WC_MW_BIND_ERR);
	assert_int_equal(pqp_state(&s->d->b), VIB_QPS_ERR);
	assert_int_equal(mw->key, s->key);
	assert_ptr_equal(mw->mr, was);
	assert_int_equal(mr->windows, windows);
	duo_free(s->d);
}

#define REFUSED(type, change)                                       \
	do {                                                        \
		struct shown s = shown_new(VIB_QPT_RC, type);       \
		struct wr wr = bind_wr(&s, 5, 0, 4096, REMOTE_ALL); \
                                                                    \
		change;                                             \
		assert_refused(&s, &wr);                            \
	} while (0)
#define BOTH_REFUSED(change)                    \
	do {                                    \
		REFUSED(VIB_MW_TYPE_1, change); \
		REFUSED(VIB_MW_TYPE_2, change); \
	} while (0)

static void key_that_names_no_window_is_refused(void **state)
{
	(void)state;
	BOTH_REFUSED(wr.bind.mw += 0x100);
	BOTH_REFUSED(wr.bind.mw = 0);
	BOTH_REFUSED(wr.bind.mw = 0xffffffff);
	BOTH_REFUSED(wr.bind.mw = s.r.key);
}

static void new_key_of_another_number_is_refused(void **state)
{
	(void)state;
	for (uint32_t bit = 0x100; bit; bit <<= 1)
		BOTH_REFUSED(wr.bind.rkey ^= bit);
	BOTH_REFUSED(wr.bind.rkey = s.r.key);
}

static void key_that_names_no_region_is_refused(void **state)
{
	(void)state;
	BOTH_REFUSED(wr.bind.lkey++);
	BOTH_REFUSED(wr.bind.lkey = 0);
	BOTH_REFUSED(wr.bind.lkey = s.key);
	BOTH_REFUSED(wr.bind.lkey = s.d->ra.key); /* another guest's */
}

static void region_without_mw_bind_is_refused(void **state)
{
	(void)state;
	BOTH_REFUSED(wr.bind.lkey = s.d->rb.key; wr.bind.addr = s.d->rb.iova);
}

static void range_beyond_the_region_is_refused(void **state)
{
	(void)state;
	BOTH_REFUSED(wr.bind.addr = s.r.iova - 1);
	BOTH_REFUSED(wr.bind.addr = s.r.iova + DUO_BYTES; wr.bind.length = 1);
	BOTH_REFUSED(wr.bind.length = DUO_BYTES + 1);
	BOTH_REFUSED(wr.bind.addr++; wr.bind.length = DUO_BYTES);
	BOTH_REFUSED(wr.bind.length = UINT64_MAX);
	BOTH_REFUSED(wr.bind.length = 0 - wr.bind.addr);
	BOTH_REFUSED(wr.bind.addr = 0);
	BOTH_REFUSED(wr.bind.addr = UINT64_MAX);
}

static void rights_to_write_where_the_region_has_none_are_refused(void **state)
{
	static const uint32_t rights[] = { VIB_ACCESS_REMOTE_WRITE,
					   VIB_ACCESS_REMOTE_ATOMIC,
					   VIB_ACCESS_REMOTE_READ |
						   VIB_ACCESS_REMOTE_ATOMIC };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		BOTH_REFUSED(s.r = region_at(s.d->gb, 0x1000, 4096,
					     VIB_ACCESS_MW_BIND | VIB_ACCESS_REMOTE_READ);
			     wr.bind.lkey = s.r.key; wr.bind.addr = s.r.iova;
			     wr.bind.access = rights[i]);
}

static void rights_that_windows_do_not_have_are_refused(void **state)
{
	(void)state;
	BOTH_REFUSED(wr.bind.access |= VIB_ACCESS_LOCAL_WRITE);
	BOTH_REFUSED(wr.bind.access |= VIB_ACCESS_MW_BIND);
	BOTH_REFUSED(wr.bind.access |= 0x40);
	BOTH_REFUSED(wr.bind.access |= 0x80000000);
}

static void zero_based_type_1_is_refused(void **state)
{
	(void)state;
	REFUSED(VIB_MW_TYPE_1, wr.bind.access |= VIB_ACCESS_ZERO_BASED);
}

static void type_2_that_is_bound_is_refused(void **state)
{
	(void)state;
	REFUSED(VIB_MW_TYPE_2, window_bind(&s, 0, 64, REMOTE_ALL);
		wr.bind.rkey = s.key + 1);
}

static void type_2_of_no_length_is_refused(void **state)
{
	(void)state;
	REFUSED(VIB_MW_TYPE_2, wr.bind.length = 0);
	REFUSED(VIB_MW_TYPE_2, window_bind(&s, 0, 64, REMOTE_ALL); wr.bind.length = 0);
}

static void window_of_another_pd_is_refused(void **state)
{
	(void)state;
	BOTH_REFUSED(uint32_t kept = s.d->gb->pd;
		     assert_int_equal(pd_create(s.d->gb->vhca, &s.d->gb->pd), 0);
		     s.key = window_new(s.d->gb, VIB_MW_TYPE_1); s.d->gb->pd = kept;
		     wr.bind.mw = s.key; wr.bind.rkey = s.key + 1);
}

static void region_of_another_pd_is_refused(void **state)
{
	(void)state;
	BOTH_REFUSED(
		uint32_t kept = s.d->gb->pd;
		assert_int_equal(pd_create(s.d->gb->vhca, &s.d->gb->pd), 0);
		s.r = region_at(s.d->gb, 0x1000, 4096, LOCAL_ONLY | VIB_ACCESS_MW_BIND);
		s.d->gb->pd = kept; wr.bind.lkey = s.r.key; wr.bind.addr = s.r.iova);
}

static void another_guest_s_window_is_refused(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++) {
		struct shown s = shown_new(VIB_QPT_RC, mw_types[t]);
		struct wr wr = bind_wr(&s, 5, 0, 64, REMOTE_ALL);

		wr.bind.lkey = s.d->ra.key;
		wr.bind.addr = s.d->ra.iova;
		post_send(&s.d->a, &wr);
		rig_run(s.d->rig);
		take_cqe(&s.d->cqa, 5, VIB_WC_MW_BIND_ERR);
		duo_free(s.d);
	}
}

static void refusal_of_uc_fails_its_send_queue(void **state)
{
	struct shown s = shown_new(VIB_QPT_UC, VIB_MW_TYPE_1);
	struct wr wr = bind_wr(&s, 5, 0, 64, REMOTE_ALL);

	(void)state;
	wr.bind.lkey++;
	post_send(&s.d->b, &wr);
	rig_run(s.d->rig);
	take_cqe(&s.d->cqb, 5, VIB_WC_MW_BIND_ERR);
	assert_int_equal(pqp_state(&s.d->b), VIB_QPS_SQE);
	duo_free(s.d);
}

static void data_of_a_bind_are_malformed(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct shown s = shown_new(VIB_QPT_RC, VIB_MW_TYPE_1);
		struct wr wr =
			i & 1 ? inv_wr(5, s.key) : bind_wr(&s, 5, 0, 64, REMOTE_ALL);

		if (i & 2)
			wr.flags |= VIB_SEND_INLINE;
		else
			wr.count = 1;
		post_send(&s.d->b, &wr);
		rig_run(s.d->rig);
		take_cqe(&s.d->cqb, 5, VIB_WC_LOC_QP_OP_ERR);
		duo_free(s.d);
	}
}

/* ---- numbers and quota ------------------------------------------------- */

static void windows_and_regions_never_have_the_same_key(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);

	(void)state;
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t key = window_new(g, VIB_MW_TYPE_1);
		struct region r = region_at(g, 0x1000, 16, ALL_RIGHTS);

		assert_true(key >= 0x80000000 && key < 0xffffff00);
		assert_int_equal(key & 0xff, 0);
		assert_in_range(r.key, 1, 0x7fffffff);
		region_end(&r);
		assert_int_equal(mw_destroy(g->vhca, key), 0);
	}
	/* At the edges too. */
	g->vhca->mrs.last = MR_KEY_LAST - 1;
	g->vhca->mws.last = MW_LAST - 1;
	assert_int_equal(region_new(g, 8).key, MR_KEY_LAST);
	assert_int_equal(region_new(g, 8).key, MR_KEY_FIRST);
	assert_int_equal(window_new(g, VIB_MW_TYPE_1), 0xfffffe00);
	assert_int_equal(window_new(g, VIB_MW_TYPE_1), 0x80000000);
	rig_free(rig);
}

static void window_s_number_comes_back_late(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	uint32_t dead = window_new(g, VIB_MW_TYPE_2);

	(void)state;
	assert_int_equal(mw_destroy(g->vhca, dead), 0);
	for (int i = 0; i < 1000; i++) {
		uint32_t key = window_new(g, VIB_MW_TYPE_2);

		assert_int_not_equal(key >> 8, dead >> 8);
		assert_int_equal(mw_destroy(g->vhca, dead), -EINVAL);
		/* Any key of it is its number. */
		assert_int_equal(mw_destroy(g->vhca, key ^ 0x5a), 0);
	}
	rig_free(rig);
}

static void windows_and_regions_share_a_quota(void **state)
{
	static const struct vhca_limits limits = { 4, 4, 4, 3, 4, 100, 0, 0 };
	struct rig *rig = rig_new(1);
	struct guest *g = guest_bare(rig, &limits);
	struct vib_cmd_alloc_mw cmd = { .type = VIB_MW_TYPE_1 };
	struct vib_cmd_reg_mr reg;
	struct region r;
	uint32_t key[2];

	(void)state;
	assert_int_equal(pd_create(g->vhca, &g->pd), 0);
	cmd.pd = g->pd;
	reg = region_command(g, 0x1000, 64, ALL_RIGHTS);
	r = region_at(g, 0x1000, 64, ALL_RIGHTS);
	for (int i = 0; i < 2; i++)
		assert_int_equal(mw_create(g->vhca, &cmd, &key[i]), 0);
	assert_int_equal(mw_create(g->vhca, &cmd, &key[0]), -ENOMEM);
	assert_int_equal(mr_check(g->vhca, &reg), -ENOMEM);
	assert_int_equal(mw_destroy(g->vhca, key[1]), 0);
	assert_int_equal(mr_check(g->vhca, &reg), 0);
	region_end(&r);
	assert_int_equal(mw_create(g->vhca, &cmd, &key[1]), 0);
	rig_free(rig);
}

static void windows_out_of_bounds_are_refused(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	static const uint32_t types[] = { 0, 3, 0x80000001 };
	uint32_t key;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(mw_create(g->vhca,
					   &(struct vib_cmd_alloc_mw){ g->pd, types[i] },
					   &key),
				 -EINVAL);
	assert_int_equal(mw_create(g->vhca,
				   &(struct vib_cmd_alloc_mw){ g->pd + 9, VIB_MW_TYPE_1 },
				   &key),
			 -EINVAL);
	key = region_new(g, 8).key;
	assert_int_equal(mw_destroy(g->vhca, key), -EINVAL);
	assert_int_equal(mw_destroy(g->vhca, 0), -EINVAL);
	assert_int_equal(mw_destroy(g->vhca, VIB_NO_OBJECT), -EINVAL);
	rig_free(rig);
}

static void pd_is_busy_while_it_has_windows(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	uint32_t kept = g->pd, key;

	(void)state;
	assert_int_equal(pd_create(g->vhca, &g->pd), 0);
	key = window_new(g, VIB_MW_TYPE_2);
	assert_int_equal(pd_destroy(g->vhca, g->pd), -EBUSY);
	assert_int_equal(mw_destroy(g->vhca, key), 0);
	assert_int_equal(pd_destroy(g->vhca, g->pd), 0);
	g->pd = kept;
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bind_completes_and_gives_the_window_its_new_key),
		cmocka_unit_test(requests_behind_a_bind_meet_what_it_bound),
		cmocka_unit_test(type_1_is_bound_anew_and_shows_the_old_no_more),
		cmocka_unit_test(type_1_of_no_length_is_unbound),
		cmocka_unit_test(any_key_of_the_window_names_it),
		cmocka_unit_test(window_may_show_all_of_a_region_to_its_last_byte),
		cmocka_unit_test(windows_of_one_region_may_overlap),
		cmocka_unit_test(read_only_region_s_window_may_be_read),
		cmocka_unit_test(bind_needs_no_peer),
		cmocka_unit_test(key_that_names_no_window_is_refused),
		cmocka_unit_test(new_key_of_another_number_is_refused),
		cmocka_unit_test(key_that_names_no_region_is_refused),
		cmocka_unit_test(region_without_mw_bind_is_refused),
		cmocka_unit_test(range_beyond_the_region_is_refused),
		cmocka_unit_test(rights_to_write_where_the_region_has_none_are_refused),
		cmocka_unit_test(rights_that_windows_do_not_have_are_refused),
		cmocka_unit_test(zero_based_type_1_is_refused),
		cmocka_unit_test(type_2_that_is_bound_is_refused),
		cmocka_unit_test(type_2_of_no_length_is_refused),
		cmocka_unit_test(window_of_another_pd_is_refused),
		cmocka_unit_test(region_of_another_pd_is_refused),
		cmocka_unit_test(another_guest_s_window_is_refused),
		cmocka_unit_test(refusal_of_uc_fails_its_send_queue),
		cmocka_unit_test(data_of_a_bind_are_malformed),
		cmocka_unit_test(windows_and_regions_never_have_the_same_key),
		cmocka_unit_test(window_s_number_comes_back_late),
		cmocka_unit_test(windows_and_regions_share_a_quota),
		cmocka_unit_test(windows_out_of_bounds_are_refused),
		cmocka_unit_test(pd_is_busy_while_it_has_windows),
	};

	alarm(120);
	return cmocka_run_group_tests_name("binding memory windows", tests, rig_enter,
					   rig_leave);
}
