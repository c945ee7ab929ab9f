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

static void a_lid_follows_from_the_guid(void **state)
{
	struct fabric_table table;
	struct fabric *f;
	struct vport a = with_guid(1), b = with_guid(2);
	uint16_t a_lid, b_lid;

	(void)state;
	fabric_table_init(&table);
	f = fabric_add(&table, "local");
	a.attr.port_guid = 0x02163e0000000001;
	b.attr.port_guid = 0x02163e0000000002;
	assert_int_equal(fabric_attach(f, &a), 0);
	assert_int_equal(fabric_attach(f, &b), 0);
	a_lid = a.lid;
	b_lid = b.lid;
	fabric_detach(&a);
	fabric_detach(&b);
	/* as after a restart that meets them in the other order */
	assert_int_equal(fabric_attach(f, &b), 0);
	assert_int_equal(fabric_attach(f, &a), 0);
	assert_int_equal(a.lid, a_lid);
	assert_int_equal(b.lid, b_lid);
	fabric_detach(&a);
	fabric_detach(&b);
	fabric_table_free(&table);
}

static void guids_that_meet_get_different_lids(void **state)
{
	enum { MEETING = 5 };
	const uint64_t span = LID_UNICAST_MAX - LID_SA;
	struct fabric_table table;
	struct fabric *f;
	struct vport v[MEETING];

	(void)state;
	fabric_table_init(&table);
	f = fabric_add(&table, "local");
	for (unsigned int i = 0; i < MEETING; i++) {
		v[i] = with_guid((uint8_t)(i + 1));
		v[i].attr.port_guid = span - 1 + i * span; /* all at the last LID */
		assert_int_equal(fabric_attach(f, &v[i]), 0);
		assert_true(v[i].lid > LID_SA && v[i].lid <= LID_UNICAST_MAX);
		for (unsigned int j = 0; j < i; j++)
			assert_int_not_equal(v[i].lid, v[j].lid);
	}
	assert_int_equal(v[0].lid, LID_UNICAST_MAX);
	for (unsigned int i = 0; i < MEETING; i++)
		fabric_detach(&v[i]);
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
		cmocka_unit_test(a_lid_follows_from_the_guid),
		cmocka_unit_test(guids_that_meet_get_different_lids),
		cmocka_unit_test(fabrics_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
