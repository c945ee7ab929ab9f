// SPDX-License-Identifier: GPL-2.0-or-later
/* The way from a guest's key and address to memory, and what it refuses. */
#include "rig.h"

#include "engine/sg.h"

struct bench {
	struct rig *rig;
	struct guest *g;
	struct region r;
};

#define IOVA   0x7f0000000118ull
#define LENGTH 10000ull

static struct bench bench_new(uint32_t access)
{
	struct bench b = { .rig = rig_new(1) };

	b.g = guest_new(b.rig);
	b.r = region_at(b.g, IOVA, LENGTH, access);
	return b;
}

static uint8_t *reach(const struct bench *b, uint64_t addr, uint64_t length)
{
	return mr_reach(b->g->vhca, &(struct mr_hint){ 0 }, b->r.key, b->g->pd, addr,
			length, 0);
}

static void every_byte_of_a_region_is_where_it_was_mapped(void **state)
{
	struct bench b = bench_new(ALL_RIGHTS);

	(void)state;
	for (uint64_t i = 0; i < LENGTH; i += 7)
		assert_ptr_equal(reach(&b, IOVA + i, 1), b.r.at + i);
	assert_ptr_equal(reach(&b, IOVA, LENGTH), b.r.at);
	rig_free(b.rig);
}

static void nothing_beyond_a_region_is_reached(void **state)
{
	struct bench b = bench_new(ALL_RIGHTS);
	uint64_t end = IOVA + LENGTH;

	(void)state;
	assert_non_null(reach(&b, end - 1, 1));
	assert_null(reach(&b, end - 1, 2));
	assert_null(reach(&b, end, 1));
	assert_null(reach(&b, end + 1, 1));
	assert_null(reach(&b, IOVA, LENGTH + 1));
	assert_null(reach(&b, IOVA - 1, 1));
	assert_null(reach(&b, IOVA - 1, 2));
	assert_null(reach(&b, IOVA - 1, LENGTH + 1));
	assert_null(reach(&b, 0, 1));
	assert_null(reach(&b, UINT64_MAX, 1));
	rig_free(b.rig);
}

static void lengths_that_wrap_reach_nothing(void **state)
{
	struct bench b = bench_new(ALL_RIGHTS);

	(void)state;
	assert_null(reach(&b, IOVA, UINT64_MAX));
	assert_null(reach(&b, IOVA + 1, UINT64_MAX));
	assert_null(reach(&b, IOVA + 1, 0 - (IOVA + 1)));
	assert_null(reach(&b, IOVA + LENGTH, UINT64_MAX));
	assert_null(reach(&b, IOVA - 1, UINT64_MAX));
	assert_null(reach(&b, IOVA + 10, 0 - 10ull));
	rig_free(b.rig);
}

static void region_at_either_end_of_the_address_space_has_its_bytes_alone(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	uint64_t high = 0 - 4097ull;
	struct region low_r = region_at(g, 0, 4096, ALL_RIGHTS);
	struct region high_r = region_at(g, high, 4096, ALL_RIGHTS);

	(void)state;
	assert_ptr_equal(
		mr_reach(g->vhca, &(struct mr_hint){ 0 }, low_r.key, g->pd, 0, 4096, 0),
		low_r.at);
	assert_null(mr_reach(g->vhca, &(struct mr_hint){ 0 }, low_r.key, g->pd,
			     UINT64_MAX, 1, 0));
	assert_null(mr_reach(g->vhca, &(struct mr_hint){ 0 }, low_r.key, g->pd,
			     UINT64_MAX, 2, 0));
	assert_ptr_equal(mr_reach(g->vhca, &(struct mr_hint){ 0 }, high_r.key, g->pd,
				  high, 4096, 0),
			 high_r.at);
	assert_ptr_equal(mr_reach(g->vhca, &(struct mr_hint){ 0 }, high_r.key, g->pd,
				  high + 4095, 1, 0),
			 high_r.at + 4095);
	assert_null(mr_reach(g->vhca, &(struct mr_hint){ 0 }, high_r.key, g->pd,
			     high + 4095, 2, 0));
	assert_null(mr_reach(g->vhca, &(struct mr_hint){ 0 }, high_r.key, g->pd,
			     UINT64_MAX, 1, 0));
	assert_null(
		mr_reach(g->vhca, &(struct mr_hint){ 0 }, high_r.key, g->pd, 0, 1, 0));
	rig_free(rig);
}

static void zero_based_region_begins_within_a_page_and_at_address_0(void **state)
{
	struct bench b = { .rig = rig_new(1) };

	(void)state;
	b.g = guest_new(b.rig);
	b.r = region_at(b.g, 4, 5000, ALL_RIGHTS | VIB_ACCESS_ZERO_BASED);
	assert_ptr_equal(reach(&b, 0, 5000), b.r.at);
	assert_ptr_equal(reach(&b, 4999, 1), b.r.at + 4999);
	assert_null(reach(&b, 4999, 2));
	assert_null(reach(&b, 5000, 1));
	assert_null(reach(&b, UINT64_MAX, 1));
	rig_free(b.rig);
}

static void another_pd_s_region_is_not_reached(void **state)
{
	struct bench b = bench_new(ALL_RIGHTS);
	uint32_t other;

	(void)state;
	assert_int_equal(pd_create(b.g->vhca, &other), 0);
	assert_non_null(mr_reach(b.g->vhca, &(struct mr_hint){ 0 }, b.r.key, b.g->pd,
				 IOVA, 1, 0));
	assert_null(
		mr_reach(b.g->vhca, &(struct mr_hint){ 0 }, b.r.key, other, IOVA, 1, 0));
	rig_free(b.rig);
}

static void rights_that_a_region_lacks_are_not_had(void **state)
{
	(void)state;
	for (uint32_t has = 0; has <= ALL_RIGHTS; has++) {
		struct bench b;

		if (has & (VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_ATOMIC) &&
		    !(has & VIB_ACCESS_LOCAL_WRITE))
			continue;
		b = bench_new(has);
		for (uint32_t wants = 0; wants <= ALL_RIGHTS; wants++)
			assert_int_equal(mr_reach(b.g->vhca, &(struct mr_hint){ 0 },
						  b.r.key, b.g->pd, IOVA, 1,
						  wants) != NULL,
					 (wants & ~has) == 0);
		rig_free(b.rig);
	}
}

static void another_guest_s_key_names_nothing(void **state)
{
	struct bench b = bench_new(ALL_RIGHTS);
	struct guest *other = guest_new(b.rig);

	(void)state;
	assert_int_equal(other->pd, b.g->pd); /* their numbers are the same */
	assert_null(mr_reach(other->vhca, &(struct mr_hint){ 0 }, b.r.key, other->pd,
			     IOVA, 1, 0));
	rig_free(b.rig);
}

static void dead_key_names_nothing_and_does_not_come_back_soon(void **state)
{
	struct bench b = bench_new(ALL_RIGHTS);
	uint32_t dead = b.r.key;

	(void)state;
	region_end(&b.r);
	for (int i = 0; i < 3000; i++) {
		struct region r;

		assert_null(mr_reach(b.g->vhca, &(struct mr_hint){ 0 }, dead, b.g->pd,
				     IOVA, 1, 0));
		r = region_at(b.g, IOVA, 16, ALL_RIGHTS);
		assert_int_not_equal(r.key, dead);
		region_end(&r);
	}
	rig_free(b.rig);
}

static void keys_that_nobody_has_name_nothing(void **state)
{
	struct bench b = bench_new(ALL_RIGHTS);

	(void)state;
	for (uint32_t bit = 1; bit; bit <<= 1)
		assert_null(mr_reach(b.g->vhca, &(struct mr_hint){ 0 }, b.r.key ^ bit,
				     b.g->pd, IOVA, 1, 0));
	assert_null(mr_reach(b.g->vhca, &(struct mr_hint){ 0 }, 0, b.g->pd, IOVA, 1, 0));
	assert_null(mr_reach(b.g->vhca, &(struct mr_hint){ 0 }, VIB_NO_OBJECT, b.g->pd,
			     IOVA, 1, 0));
	rig_free(b.rig);
}

static void keys_of_two_guests_do_not_follow_from_each_other(void **state)
{
	/* Random beginnings: that three are alike is beyond chance. */
	struct rig *rig = rig_new(1);
	uint32_t keys[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		keys[i] = region_new(guest_new(rig), 1).key;
	assert_false(keys[0] == keys[1] && keys[1] == keys[2]);
	rig_free(rig);
}

static void element_of_no_length_needs_no_key(void **state)
{
	struct bench b = bench_new(ALL_RIGHTS);
	const struct vib_sge none[2] = { { 5, 0, 0xdead }, { 0, 0, 0 } };
	const struct vib_sge bad[2] = { { 5, 0, 0xdead }, { 5, 1, 0xdead } };
	struct mr_hint hint = { 0 };
	const struct sg_owner owner = { b.g->vhca, &hint, b.g->pd, false };
	struct sg sg;

	(void)state;
	assert_int_equal(sg_resolve(&sg, &owner, none, 2, 0), 0);
	assert_int_equal(sg.bytes, 0);
	assert_int_equal(sg.count, 0);
	assert_int_equal(sg_resolve(&sg, &owner, bad, 2, 0), -1);
	rig_free(b.rig);
}

static void list_is_resolved_only_if_all_of_it_is(void **state)
{
	struct bench b = bench_new(LOCAL_ONLY);
	struct mr_hint hint = { 0 };
	const struct sg_owner owner = { b.g->vhca, &hint, b.g->pd, false };
	struct vib_sge sges[MAX_SGE];
	struct sg sg;

	(void)state;
	for (uint32_t i = 0; i < MAX_SGE; i++)
		sges[i] = sge_of(&b.r, i * 100, i + 1);
	assert_int_equal(sg_resolve(&sg, &owner, sges, MAX_SGE, VIB_ACCESS_LOCAL_WRITE),
			 0);
	assert_int_equal(sg.count, MAX_SGE);
	assert_int_equal(sg.bytes, MAX_SGE * (MAX_SGE + 1) / 2);
	for (uint32_t i = 0; i < MAX_SGE; i++) {
		assert_ptr_equal(sg.part[i].at, b.r.at + i * 100);
		assert_int_equal(sg.part[i].length, i + 1);
	}
	for (uint32_t i = 0; i < MAX_SGE; i++) {
		struct vib_sge good = sges[i];

		sges[i] = sge_of(&b.r, LENGTH - i, i + 1);
		assert_int_equal(sg_resolve(&sg, &owner, sges, MAX_SGE, 0), -1);
		sges[i] = good;
	}
	rig_free(b.rig);
}

/* A hint names an MR for as long as none has ended, and never another guest's. */
static void a_hint_does_not_outlive_its_mr(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig), *other = guest_new(rig);
	struct region r = region_at(g, 0x1000, 64, ALL_RIGHTS);
	struct region stays = region_at(g, 0x9000, 64, ALL_RIGHTS);
	struct mr_hint hint = { 0 }, kept = { 0 };

	(void)state;
	assert_ptr_equal(mr_reach(g->vhca, &hint, r.key, g->pd, 0x1000, 8, 0), r.at);
	assert_ptr_equal(mr_reach(g->vhca, &hint, r.key, g->pd, 0x1008, 8, 0), r.at + 8);
	assert_ptr_equal(mr_reach(g->vhca, &kept, stays.key, g->pd, 0x9000, 8, 0),
			 stays.at);
	assert_null(mr_reach(other->vhca, &hint, r.key, other->pd, 0x1000, 8, 0));
	assert_ptr_equal(mr_reach(g->vhca, &hint, r.key, g->pd, 0x1000, 8, 0), r.at);
	region_end(&r);
	assert_null(mr_reach(g->vhca, &hint, r.key, g->pd, 0x1000, 8, 0));
	assert_ptr_equal(mr_reach(g->vhca, &kept, stays.key, g->pd, 0x9000, 8, 0),
			 stays.at);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hint_does_not_outlive_its_mr),
		cmocka_unit_test(every_byte_of_a_region_is_where_it_was_mapped),
		cmocka_unit_test(nothing_beyond_a_region_is_reached),
		cmocka_unit_test(lengths_that_wrap_reach_nothing),
		cmocka_unit_test(
			region_at_either_end_of_the_address_space_has_its_bytes_alone),
		cmocka_unit_test(zero_based_region_begins_within_a_page_and_at_address_0),
		cmocka_unit_test(another_pd_s_region_is_not_reached),
		cmocka_unit_test(rights_that_a_region_lacks_are_not_had),
		cmocka_unit_test(another_guest_s_key_names_nothing),
		cmocka_unit_test(dead_key_names_nothing_and_does_not_come_back_soon),
		cmocka_unit_test(keys_that_nobody_has_name_nothing),
		cmocka_unit_test(keys_of_two_guests_do_not_follow_from_each_other),
		cmocka_unit_test(element_of_no_length_needs_no_key),
		cmocka_unit_test(list_is_resolved_only_if_all_of_it_is),
	};

	alarm(120);
	return cmocka_run_group_tests_name("memory regions", tests, rig_enter, rig_leave);
}
