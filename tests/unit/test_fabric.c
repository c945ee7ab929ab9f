// SPDX-License-Identifier: GPL-2.0-or-later
/* LIDs and the uniqueness of GIDs on a fabric. */
#include <errno.h>

#include "cm.h"
#include "control/fabric.h"
#include "control/vport.h"

static struct vport with_guid(uint8_t guid)
{
	struct vport v = { 0 };

	v.attr.num_gids = 1;
	v.attr.gids[0].raw[15] = guid;
	return v;
}

static void every_vport_has_its_own_lid(void **state)
{
	struct fabric_table table;
	struct fabric *f;
	struct vport a = with_guid(1), b = with_guid(2);

	(void)state;
	fabric_table_init(&table);
	f = fabric_add(&table, "local");
	assert_non_null(f);
	assert_int_equal(fabric_attach(f, &a), 0);
	assert_int_equal(fabric_attach(f, &b), 0);
	assert_true(a.lid > LID_SA && a.lid <= LID_UNICAST_MAX);
	assert_true(b.lid > LID_SA && b.lid <= LID_UNICAST_MAX);
	assert_int_not_equal(a.lid, b.lid);
	fabric_detach(&a);
	fabric_detach(&b);
	fabric_table_free(&table);
}

static void a_second_owner_of_a_gid_is_refused(void **state)
{
	struct fabric_table table;
	struct fabric *f;
	struct vport a = with_guid(1), b = with_guid(1), c = with_guid(3);

	(void)state;
	fabric_table_init(&table);
	f = fabric_add(&table, "local");
	assert_int_equal(fabric_attach(f, &a), 0);
	assert_int_equal(fabric_attach(f, &b), -1);
	assert_int_equal(errno, EEXIST);
	assert_null(b.fabric);

	/* also when the GID is the other's second */
	c.attr.num_gids = 2;
	c.attr.gids[1] = a.attr.gids[0];
	assert_int_equal(fabric_attach(f, &c), -1);

	fabric_detach(&a);
	assert_int_equal(fabric_attach(f, &b), 0);
	fabric_detach(&b);
	fabric_table_free(&table);
}

static void lids_wrap_and_skip_those_in_use(void **state)
{
	struct fabric_table table;
	struct fabric *f;
	struct vport stays = with_guid(1), moves = with_guid(2);
	uint16_t first;

	(void)state;
	fabric_table_init(&table);
	f = fabric_add(&table, "local");
	assert_int_equal(fabric_attach(f, &stays), 0);
	assert_int_equal(fabric_attach(f, &moves), 0);
	first = moves.lid;
	fabric_detach(&moves);
	assert_int_equal(fabric_attach(f, &moves), 0);
	assert_int_not_equal(moves.lid, first); /* not reused at once */
	fabric_detach(&moves);

	f->last_lid = LID_UNICAST_MAX;
	assert_int_equal(fabric_attach(f, &moves), 0);
	assert_int_not_equal(moves.lid, stays.lid);
	assert_int_not_equal(moves.lid, LID_SA);
	assert_int_not_equal(moves.lid, 0);
	fabric_detach(&moves);
	fabric_detach(&stays);
	fabric_table_free(&table);
}

static void fabrics_are_found_by_name(void **state)
{
	struct fabric_table table;
	struct fabric *f;

	(void)state;
	fabric_table_init(&table);
	f = fabric_add(&table, "storage");
	assert_ptr_equal(fabric_add(&table, "storage"), f);
	assert_ptr_equal(fabric_find(&table, "storage"), f);
	assert_null(fabric_find(&table, "stor"));
	assert_null(fabric_add(&table, "a-name-of-more-than-thirty-one-letters"));
	assert_int_equal(errno, ENAMETOOLONG);
	fabric_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vport_has_its_own_lid),
		cmocka_unit_test(a_second_owner_of_a_gid_is_refused),
		cmocka_unit_test(lids_wrap_and_skip_those_in_use),
		cmocka_unit_test(fabrics_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
