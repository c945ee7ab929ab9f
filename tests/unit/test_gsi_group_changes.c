// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What subscribers are told of groups that come and go, however many and however often:
 * port 0 is told, the others make and end groups.
 */
#include "gsi_inform_world.h"

#include "gsi/limits.h"

struct gsi_world w;

enum { LISTENER, GUEST, OTHER };
enum { CREATED = 66, DESTROYED = 67 };

/* A group that there is no room for. */
#define NEVER 100000

/* What the listener was told, in this order. */
static struct {
	struct vib_gid mgid;
	uint16_t trap;
} told[WORLD_OUT];
static unsigned int num_told;

static void note(const struct mad_packet *report)
{
	const uint8_t *notice = report->mad + SA_DATA_AT;

	assert_true(num_told < WORLD_OUT);
	memcpy(&told[num_told].mgid, notice + NOTICE_GID, 16);
	told[num_told++].trap = be16_at(notice + NOTICE_TRAP);
}

/* The listener answers what it is told. Returns the status of a request's answer. */
static uint16_t take_all(void)
{
	uint16_t status = 0;

	while (world_waiting(&w)) {
		struct delivery d = *world_take(&w);

		if (mad_method(d.packet.mad) == REPORT) {
			struct mad_packet answer = respond_to(&d.packet, d.to);

			assert_int_equal(d.to, LISTENER);
			note(&d.packet);
			world_send(&w, d.to, &answer);
		} else {
			status = mad_status(d.packet.mad);
		}
	}
	return status;
}

static uint16_t make(unsigned int from, struct vib_gid mgid)
{
	change_group(from, SET, mgid);
	return take_all();
}

static uint16_t leave(unsigned int from, struct vib_gid mgid)
{
	change_group(from, DELETE, mgid);
	return take_all();
}

static struct vib_gid numbered(unsigned int i)
{
	struct vib_gid mgid = { .raw = { 0xff, 0x15 } };

	put_be32(mgid.raw + 12, i);
	return mgid;
}

static void make_some(unsigned int from, unsigned int first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(make(from, numbered(first + i)), 0);
}

/* A second passes. Returns how much the listener was told at its end. */
static unsigned int told_in_a_second(void)
{
	unsigned int before = num_told;

	world_pass(&w, SECOND - 1);
	take_all();
	assert_int_equal(num_told, before);
	world_pass(&w, 1);
	take_all();
	return num_told - before;
}

/* What it was told of a group last; 0: nothing. */
static uint16_t last_of(struct vib_gid mgid)
{
	for (unsigned int i = num_told; i-- > 0;)
		if (memcmp(&told[i].mgid, &mgid, sizeof(mgid)) == 0)
			return told[i].trap;
	return 0;
}

static int begin(void **state)
{
	num_told = 0;
	assert_int_equal(world_of_3(state), 0);
	subscribe(LISTENER, CREATED);
	subscribe(LISTENER, DESTROYED);
	return 0;
}

static void what_is_little_is_told_at_once(void **state)
{
	(void)state;
	make_some(GUEST, 0, MAX_GROUP_CHANGES / 2);
	for (unsigned int i = 0; i < MAX_GROUP_CHANGES / 2; i++)
		assert_int_equal(leave(GUEST, numbered(i)), 0);
	assert_int_equal(num_told, MAX_GROUP_CHANGES);
	for (unsigned int i = 0; i < MAX_GROUP_CHANGES / 2; i++) {
		assert_int_equal(told[i].trap, CREATED);
		assert_int_equal(told[MAX_GROUP_CHANGES / 2 + i].trap, DESTROYED);
	}
	assert_int_equal(told_in_a_second(), 0);
	make_some(GUEST, 0, MAX_GROUP_CHANGES);
	assert_int_equal(num_told, 2 * MAX_GROUP_CHANGES);
}

/* Of each that was made and is gone, as who asked meanwhile has seen it. */
static void loop_has_all_its_groups_told_a_few_a_second(void **state)
{
	unsigned int made = 0, most;

	(void)state;
	for (unsigned int i = 0; i < 4 * MAX_MEMBERSHIPS; i++)
		if (make(GUEST, numbered(made)) == 0)
			assert_int_equal(leave(GUEST, numbered(made++)), 0);
	assert_int_equal(num_told, MAX_GROUP_CHANGES);
	/* When so many wait it makes no more. */
	most = MAX_MEMBERSHIPS + MAX_GROUP_CHANGES;
	assert_in_range(made, MAX_GROUPS, most);
	assert_int_equal(make(GUEST, numbered(NEVER)), SA_ERROR(NO_RESOURCES));
	assert_int_equal(told_in_a_second(), MAX_GROUP_CHANGES);
	assert_int_equal(make(GUEST, numbered(made)), 0);
	assert_int_equal(leave(GUEST, numbered(made++)), 0);
	for (unsigned int i = 0; i < most / MAX_GROUP_CHANGES; i++)
		assert_true(told_in_a_second() <= MAX_GROUP_CHANGES);
	for (unsigned int i = 0; i < made; i++)
		assert_int_equal(last_of(numbered(i)), DESTROYED);
	assert_int_equal(last_of(numbered(NEVER)), 0);
	assert_int_equal(told_in_a_second(), 0);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static void group_that_is_made_and_left_in_a_loop_is_told_as_it_is(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1001; i++) {
		assert_int_equal(make(GUEST, numbered(1)), 0);
		assert_int_equal(leave(GUEST, numbered(1)), 0);
	}
	assert_int_equal(make(GUEST, numbered(1)), 0);
	assert_int_equal(num_told, MAX_GROUP_CHANGES);
	assert_int_equal(last_of(numbered(1)), DESTROYED);
	assert_int_equal(told_in_a_second(), 1);
	assert_int_equal(last_of(numbered(1)), CREATED);
	assert_int_equal(told_in_a_second(), 0);
}

/* All that a guest may have at once has room. */
static void many_groups_are_told_in_their_order(void **state)
{
	(void)state;
	make_some(GUEST, 0, MAX_GROUPS);
	for (unsigned int i = MAX_GROUP_CHANGES; i < MAX_GROUPS; i += MAX_GROUP_CHANGES)
		assert_int_equal(told_in_a_second(), MAX_GROUP_CHANGES);
	assert_int_equal(told_in_a_second(), 0);
	for (unsigned int i = 0; i < MAX_GROUPS; i++) {
		struct vib_gid mgid = numbered(i);

		assert_int_equal(told[i].trap, CREATED);
		assert_memory_equal(&told[i].mgid, &mgid, sizeof(mgid));
	}
}

static void who_has_much_to_tell_holds_up_no_other(void **state)
{
	(void)state;
	make_some(GUEST, 0, 3 * MAX_GROUP_CHANGES);
	assert_int_equal(last_of(numbered(2 * MAX_GROUP_CHANGES)), 0);
	make_some(OTHER, 1000, 1);
	assert_int_equal(last_of(numbered(1000)), CREATED);
	assert_int_equal(told_in_a_second(), MAX_GROUP_CHANGES);
}

/* Not who made the groups that another ends. */
static void who_changes_a_group_has_it_told(void **state)
{
	(void)state;
	make_some(GUEST, 0, 2 * MAX_GROUP_CHANGES);
	make_some(OTHER, 0, 2 * MAX_GROUP_CHANGES); /* it joins */
	for (unsigned int i = 0; i < 2 * MAX_GROUP_CHANGES; i++)
		assert_int_equal(leave(GUEST, numbered(i)), 0);
	told_in_a_second();
	told_in_a_second();
	assert_int_equal(num_told, 2 * MAX_GROUP_CHANGES);
	for (unsigned int i = 0; i < 2 * MAX_GROUP_CHANGES; i++)
		assert_int_equal(leave(OTHER, numbered(i)), 0);
	assert_int_equal(num_told, 3 * MAX_GROUP_CHANGES);
	make_some(GUEST, 1000, 1);
	assert_int_equal(last_of(numbered(1000)), CREATED);
	assert_int_equal(last_of(numbered(MAX_GROUP_CHANGES)), CREATED);
	told_in_a_second();
	assert_int_equal(last_of(numbered(2 * MAX_GROUP_CHANGES - 1)), DESTROYED);
}

static void group_that_another_made_meanwhile_is_there(void **state)
{
	(void)state;
	make_some(GUEST, 0, MAX_GROUP_CHANGES);
	assert_int_equal(leave(GUEST, numbered(0)), 0);
	make_some(OTHER, 0, 1);
	assert_int_equal(last_of(numbered(0)), CREATED);
	assert_int_equal(told_in_a_second(), 1);
	assert_int_equal(last_of(numbered(0)), CREATED);
}

/* Who is in both partitions hears last of the group that there is. */
static void group_that_changes_its_partition_is_there(void **state)
{
	(void)state;
	world_set_pkeys(&w, LISTENER, 0xffff, 0x8001);
	take_all(); /* of IPoIB's group there */
	world_set_pkeys(&w, GUEST, 0xffff, 0x8001);
	make_some(GUEST, 100, MAX_GROUP_CHANGES);
	assert_int_equal(make(GUEST, numbered(1)), 0);
	assert_int_equal(leave(GUEST, numbered(1)), 0);
	world_set_pkeys(&w, GUEST, 0x8001, 0xffff);
	assert_int_equal(make(GUEST, numbered(1)), 0);
	assert_int_equal(leave(GUEST, numbered(1)), 0);
	world_set_pkeys(&w, GUEST, 0xffff, 0x8001);
	assert_int_equal(make(GUEST, numbered(1)), 0);
	assert_int_equal(last_of(numbered(1)), 0);
	assert_int_equal(told_in_a_second(), 3);
	/* Of 0x8001, where there is none, and then of 0xffff, as often as it changed. */
	assert_int_equal(told[num_told - 3].trap, DESTROYED);
	assert_int_equal(told[num_told - 2].trap, CREATED);
	assert_int_equal(last_of(numbered(1)), CREATED);
}

/* And that was told before the end of the one that it was. */
static void group_that_another_made_in_another_partition_is_there(void **state)
{
	(void)state;
	world_set_pkeys(&w, LISTENER, 0xffff, 0x8001);
	take_all();
	world_set_pkeys(&w, OTHER, 0x8001, 0xffff);
	make_some(GUEST, 0, MAX_GROUP_CHANGES);
	assert_int_equal(leave(GUEST, numbered(0)), 0);
	make_some(OTHER, 0, 1);
	assert_int_equal(last_of(numbered(0)), CREATED);
	assert_int_equal(told_in_a_second(), 2);
	assert_int_equal(told[num_told - 2].trap, DESTROYED);
	assert_int_equal(last_of(numbered(0)), CREATED);
}

static void port_that_goes_has_the_rest_told(void **state)
{
	(void)state;
	make_some(GUEST, 0, 3 * MAX_GROUP_CHANGES);
	world_remove(&w, GUEST);
	take_all();
	assert_int_equal(num_told, MAX_GROUP_CHANGES);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(told_in_a_second(), MAX_GROUP_CHANGES);
	for (unsigned int i = 0; i < 3 * MAX_GROUP_CHANGES; i++)
		assert_int_equal(last_of(numbered(i)), DESTROYED);
	assert_int_equal(told_in_a_second(), 0);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

/* Its own SA tells of its groups. */
static void nothing_of_it_is_told_on_an_infiniband_wire(void **state)
{
	struct mad_packet packet;

	(void)state;
	make_some(GUEST, 0, 3 * MAX_GROUP_CHANGES);
	world_set_infiniband(&w, GSI_ADDRESSING_SHARED);
	take_all();
	num_told = 0;
	packet = inform(LISTENER, true, DESTROYED);
	packet.dlid = w.wire.sm_lid;
	assert_int_equal(world_status(&w, LISTENER, &packet), 0);
	assert_int_equal(told_in_a_second(), 0);
}

#define TEST(name) world_test(name, begin, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_little_is_told_at_once),
		TEST(loop_has_all_its_groups_told_a_few_a_second),
		TEST(group_that_is_made_and_left_in_a_loop_is_told_as_it_is),
		TEST(many_groups_are_told_in_their_order),
		TEST(who_has_much_to_tell_holds_up_no_other),
		TEST(who_changes_a_group_has_it_told),
		TEST(group_that_another_made_meanwhile_is_there),
		TEST(group_that_changes_its_partition_is_there),
		TEST(group_that_another_made_in_another_partition_is_there),
		TEST(port_that_goes_has_the_rest_told),
		TEST(nothing_of_it_is_told_on_an_infiniband_wire),
	};

	return cmocka_run_group_tests_name("gsi_group_changes", tests, NULL, NULL);
}
