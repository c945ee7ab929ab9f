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

/* ---- who is told ------------------------------------------------------- */

struct witness {
	struct fabric_observer observer;
	char name;
	bool refuses;
};

static char told[64];

static void tell(const struct fabric_observer *observer, char what)
{
	size_t n = strlen(told);

	assert_true(n + 2 < sizeof(told));
	told[n] = what;
	told[n + 1] = ((const struct witness *)observer)->name;
}

static int on_attached(struct fabric_observer *observer, struct vport *vport)
{
	(void)vport;
	tell(observer, '+');
	errno = ENOMEM;
	return ((struct witness *)observer)->refuses ? -1 : 0;
}

static void on_changed(struct fabric_observer *observer, struct vport *vport)
{
	(void)vport;
	tell(observer, '*');
}

static void on_detaching(struct fabric_observer *observer, struct vport *vport)
{
	(void)vport;
	tell(observer, '-');
	errno = EIO;
}

static struct witness witness(char name)
{
	return (struct witness){
		{ .attached = on_attached,
		  .changed = on_changed,
		  .detaching = on_detaching },
		.name = name,
	};
}

static void assert_told(const char *what)
{
	assert_string_equal(told, what);
	memset(told, 0, sizeof(told));
}

static void on_link_changed(struct vport *vport)
{
	told[strlen(told)] = vport_link_is_up(vport) ? '^' : 'v';
}

static void a_vport_comes_for_all_observers_or_for_none(void **state)
{
	struct witness a = witness('a'), b = witness('b'), c = witness('c');
	struct fabric_table table;
	struct fabric *f;
	struct vport v = with_guid(1);

	(void)state;
	fabric_table_init(&table);
	f = fabric_add(&table, "local");
	fabric_observe(f, &a.observer);
	fabric_observe(f, &b.observer);
	fabric_observe(f, &c.observer);
	a.refuses = true;
	assert_int_equal(fabric_attach(f, &v), -1);
	assert_int_equal(errno, ENOMEM);
	assert_told("+c+b+a-c-b");
	assert_null(v.fabric);
	a.refuses = false;
	assert_int_equal(fabric_attach(f, &v), 0);
	assert_told("+c+b+a");
	fabric_changed(&v);
	assert_told("*c*b*a");
	fabric_detach(&v);
	assert_told("-c-b-a");
	fabric_unobserve(&b.observer);
	assert_int_equal(fabric_attach(f, &v), 0);
	fabric_detach(&v);
	assert_told("+c+a-c-a");
	fabric_table_free(&table);
}

static void a_wire_is_down_until_it_is_up(void **state)
{
	struct witness a = witness('a');
	struct fabric_table table;
	struct fabric *f;
	struct vport follows = with_guid(1), up = with_guid(2), down = with_guid(3);

	(void)state;
	fabric_table_init(&table);
	f = fabric_add(&table, "ib0");
	assert_int_equal(f->kind, FABRIC_LOCAL);
	fabric_set_wire(f, "mlx5_0", 2);
	assert_int_equal(f->kind, FABRIC_WIRE);
	assert_string_equal(f->device, "mlx5_0");
	assert_int_equal(f->port, 2);
	fabric_observe(f, &a.observer);
	up.attr.link = VPORT_LINK_UP;
	down.attr.link = VPORT_LINK_DOWN;
	follows.link_changed = up.link_changed = down.link_changed = on_link_changed;
	assert_int_equal(fabric_attach(f, &follows), 0);
	assert_int_equal(fabric_attach(f, &up), 0);
	assert_int_equal(fabric_attach(f, &down), 0);
	assert_false(vport_link_is_up(&follows));
	assert_true(vport_link_is_up(&up));
	assert_told("+a+a+a");

	fabric_set_up(f, true);
	assert_told("*a^"); /* of the one that follows it */
	assert_true(vport_link_is_up(&follows));
	assert_false(vport_link_is_up(&down));
	fabric_set_up(f, true);
	assert_told("");
	fabric_set_up(f, false);
	assert_told("*av");
	fabric_detach(&follows);
	fabric_detach(&up);
	fabric_detach(&down);
	assert_told("-a-a-a");
	fabric_table_free(&table);
}

static void a_link_waits_for_addresses_and_a_refused_one_takes_any_down(void **state)
{
	struct witness a = witness('a');
	struct fabric_table table;
	struct fabric *f;
	struct vport v = with_guid(1);

	(void)state;
	fabric_table_init(&table);
	f = fabric_add(&table, "ib0");
	fabric_set_wire(f, "mlx5_0", 1);
	fabric_observe(f, &a.observer);
	v.link_changed = on_link_changed;
	assert_int_equal(fabric_attach(f, &v), 0);
	fabric_set_addresses(&v, VPORT_ADDRESSES_WAIT);
	fabric_set_up(f, true);
	assert_told("+a");
	assert_false(vport_link_is_up(&v));
	fabric_set_addresses(&v, VPORT_ADDRESSES_READY);
	assert_told("*a^");
	fabric_set_addresses(&v, VPORT_ADDRESSES_REFUSED);
	assert_told("*av");
	v.attr.link = VPORT_LINK_UP; /* it may not be held up with what is another's */
	assert_false(vport_link_is_up(&v));
	fabric_set_addresses(&v, VPORT_ADDRESSES_WAIT);
	assert_told("*a^");
	/* What is refused here says nothing of the next fabric. */
	fabric_set_addresses(&v, VPORT_ADDRESSES_REFUSED);
	fabric_detach(&v);
	assert_told("*av-a");
	assert_int_equal(fabric_attach(f, &v), 0);
	assert_true(vport_link_is_up(&v));
	fabric_detach(&v);
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
		cmocka_unit_test(a_vport_comes_for_all_observers_or_for_none),
		cmocka_unit_test(a_wire_is_down_until_it_is_up),
		cmocka_unit_test(
			a_link_waits_for_addresses_and_a_refused_one_takes_any_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
