// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * GIDs as addresses and groups of a network device, with the real kernel: in a network
 * namespace of this process's own, where a veth pair is the device. Nothing of the
 * machine's network is touched. Where there may be no such namespace all is skipped.
 */
#include "cm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/worker.h"
#include "loop.h"
#include "netns.h"
#include "tempdir.h"
#include "wire/addresses.h"
#include "wire/groups6.h"
#include "wire/leftovers.h"
#include "wire/rtnl.h"

static uv_loop_t loop;
static uv_timer_t keeper; /* keeps the loop */
static struct worker worker;
static struct netdev *netdev;
static struct addresses *addresses;
static struct groups6 *groups;

/* What is told of an owner. */
struct owner {
	unsigned int told;
	enum address_state state;
	char why[256];
};

static struct owner a, b;
static unsigned int rooms; /* that were told of */

/* ---- the namespace ----------------------------------------------------- */

static void ip(const char *arguments)
{
	if (!netns_ip(arguments))
		fail_msg("ip %s", arguments);
}

/* ---- what is there ----------------------------------------------------- */

static struct vib_gid gid_of(uint8_t number)
{
	struct vib_gid gid = { .raw = { 0xfe, 0x80, [8] = 0x02, 0x16, 0x3e } };

	gid.raw[15] = number;
	return gid;
}

static int maker(const struct vib_gid *gid)
{
	return netns_maker("vib0", gid);
}

static void hex(const uint8_t raw[16], char text[33])
{
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", raw[i]);
}

/* Its flags, of which the kernel shows eight. */
static unsigned int flags_of(const struct vib_gid *gid)
{
	char line[128], address[33], wanted[33];
	unsigned int flags = 0, f;
	FILE *file = fopen("/proc/self/net/if_inet6", "r");

	assert_non_null(file);
	hex(gid->raw, wanted);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%32s %*x %*x %*x %x", address, &f) == 2 &&
		    strcmp(address, wanted) == 0)
			flags = f;
	fclose(file);
	return flags;
}

/* The users of group @mgid at the device; NULL: how many groups with our prefix. */
static unsigned int members(const struct vib_gid *mgid)
{
	char line[128], device[32], address[33], wanted[33];
	unsigned int users, n = 0;
	FILE *file = fopen("/proc/self/net/igmp6", "r");

	assert_non_null(file);
	if (mgid)
		hex(mgid->raw, wanted);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*d %31s %32s %u", device, address, &users) != 3 ||
		    strcmp(device, "vib0") != 0)
			continue;
		if (mgid && strcmp(address, wanted) == 0)
			n = users;
		if (!mgid)
			n += strncmp(address, "ff12401b", 8) == 0;
	}
	fclose(file);
	return n;
}

static struct vib_gid mgid_of(unsigned int number)
{
	struct vib_gid gid = { .raw = { 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff } };

	gid.raw[14] = (uint8_t)(number >> 8);
	gid.raw[15] = (uint8_t)number;
	return gid;
}

/* ---- the loop ---------------------------------------------------------- */

/* Nothing is left to do, but for what waits for its time. */
static void settle(void)
{
	for (int i = 0; i < 150; i++) /* longer than a device's pause */
		loop_turn(&loop);
}

static void told(void *arg, void *owner, enum address_state state, const char *why)
{
	struct owner *o = owner;

	assert_ptr_equal(arg, &loop);
	o->told++;
	o->state = state;
	snprintf(o->why, sizeof(o->why), "%s", why);
}

static void on_room(void *arg)
{
	assert_ptr_equal(arg, &rooms);
	rooms++;
}

static void on_keeper(uv_timer_t *timer)
{
	(void)timer;
}

static void start_here(void)
{
	uv_loop_init(&loop);
	uv_timer_init(&loop, &keeper);
	uv_timer_start(&keeper, on_keeper, 1000000, 1000000);
	worker_init(&worker, &loop);
	netdev = netdev_start(&loop, &worker.jobs, "vib0");
	assert_non_null(netdev);
	addresses = addresses_new(netdev, told, &loop);
	groups = groups6_new(netdev, on_room, &rooms);
	assert_true(addresses && groups);
	netdev_touch(netdev);
}

static void stop_here(void)
{
	uv_close((uv_handle_t *)&keeper, NULL);
	uv_run(&loop, UV_RUN_DEFAULT); /* until no job runs */
	netdev_stop(netdev);
	uv_run(&loop, UV_RUN_DEFAULT);
	addresses_free(addresses);
	groups6_free(groups);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static int set_up(void **state)
{
	(void)state;
	if (netns_missing())
		return 0;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	rooms = 0;
	ip("link add vib0 type veth peer name vib1");
	ip("link set vib1 up");
	ip("link set vib0 up");
	start_here();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (netns_missing())
		return 0;
	stop_here();
	return system("ip link del vib0 2>/dev/null") < 0;
}

static void need_namespace(void)
{
	if (netns_missing())
		skip();
}

static void want(struct owner *owner, uint8_t number)
{
	struct vib_gid gids[2] = { gid_of(number) };

	assert_int_equal(addresses_set(addresses, owner, gids, 2), 1);
}

/* ---- addresses --------------------------------------------------------- */

#define TENTATIVE  0x40
#define DEPRECATED 0x20
#define PERMANENT  0x80
#define NODAD      0x02

static void a_gid_is_an_address_that_can_be_used_at_once(void **state)
{
	struct vib_gid gid = gid_of(1);

	(void)state;
	need_namespace();
	want(&a, 1);
	assert_int_equal(a.told, 0); /* not from within */
	wait_until(&loop, a.told);
	assert_int_equal(a.state, ADDRESSES_READY);
	assert_string_equal(a.why, "");
	assert_int_equal(maker(&gid), RTNL_PROTO_IBBACK);
	/* for good, and nothing that this host would choose by itself */
	assert_int_equal(flags_of(&gid), PERMANENT | DEPRECATED | NODAD);
	/* The same again is nothing new. */
	assert_int_equal(addresses_set(addresses, &a, &gid, 1), 0);
	settle();
	assert_int_equal(a.told, 1);
}

static void who_goes_takes_its_own_away(void **state)
{
	struct vib_gid one = gid_of(1), two = gid_of(2), three = gid_of(3);

	(void)state;
	need_namespace();
	want(&a, 1);
	want(&b, 2);
	wait_until(&loop, a.told && b.told);
	addresses_forget(addresses, &a);
	wait_until(&loop, maker(&one) < 0);
	assert_int_equal(maker(&two), RTNL_PROTO_IBBACK);
	/* So does who has another instead. */
	want(&b, 3);
	wait_until(&loop, b.told == 2);
	assert_int_equal(b.state, ADDRESSES_READY);
	assert_int_equal(maker(&two), -1);
	assert_int_equal(maker(&three), RTNL_PROTO_IBBACK);
	addresses_forget(addresses, &a); /* a stranger by now */
	assert_int_equal(a.told, 1);
}

static void who_comes_and_goes_at_once_leaves_nothing(void **state)
{
	struct vib_gid one = gid_of(1), two = gid_of(2);

	(void)state;
	need_namespace();
	for (int i = 0; i < 100; i++) {
		want(&a, 1);
		if (i % 3 == 0)
			loop_turn(&loop);
		addresses_forget(addresses, &a);
	}
	want(&b, 2);
	wait_until(&loop, b.told && maker(&one) < 0);
	settle();
	assert_int_equal(maker(&one), -1);
	assert_int_equal(maker(&two), RTNL_PROTO_IBBACK);
}

static void leftovers_of_a_dead_ibback_go_and_those_of_others_stay(void **state)
{
	struct vib_gid left = gid_of(9), back = gid_of(8), foreign = gid_of(7);
	struct rtnl *rtnl;

	(void)state;
	need_namespace();
	settle();
	stop_here();
	ip("-6 addr add fe80::216:3e00:0:7/64 dev vib0 nodad");
	rtnl = rtnl_open();
	assert_int_equal(rtnl_add_address(rtnl, rtnl_find(rtnl, "vib0"), left.raw), 0);
	assert_int_equal(rtnl_add_address(rtnl, rtnl_find(rtnl, "vib0"), back.raw), 0);
	rtnl_close(rtnl);
	start_here();
	/* One that comes back finds what it left. */
	want(&a, 8);
	wait_until(&loop, a.told);
	assert_int_equal(a.state, ADDRESSES_READY);
	assert_int_equal(maker(&back), RTNL_PROTO_IBBACK);
	assert_int_equal(maker(&left), -1);
	assert_int_equal(maker(&foreign), 0);
}

static void what_is_anothers_is_refused_until_it_is_free(void **state)
{
	struct vib_gid gid = gid_of(5);

	(void)state;
	need_namespace();
	settle();
	ip("-6 addr add fe80::216:3e00:0:5/64 dev vib0 nodad");
	want(&a, 5);
	want(&b, 6);
	wait_until(&loop, a.told && b.told);
	assert_int_equal(a.state, ADDRESSES_TAKEN);
	assert_int_equal(b.state, ADDRESSES_READY);
	assert_non_null(
		strstr(a.why, "fe80::216:3e00:0:5 is an address of vib0 already"));
	/* Nor does its going take what is not ours. */
	addresses_forget(addresses, &a);
	settle();
	assert_int_equal(maker(&gid), 0);
	memset(&a, 0, sizeof(a));
	want(&a, 5);
	wait_until(&loop, a.told);
	assert_int_equal(a.state, ADDRESSES_TAKEN);
	ip("-6 addr del fe80::216:3e00:0:5/64 dev vib0");
	wait_until(&loop, a.told == 2);
	assert_int_equal(a.state, ADDRESSES_READY);
	assert_int_equal(maker(&gid), RTNL_PROTO_IBBACK);
}

static void a_link_that_was_down_has_them_again(void **state)
{
	struct vib_gid gid = gid_of(1);

	(void)state;
	need_namespace();
	want(&a, 1);
	wait_until(&loop, a.told);
	ip("link set vib0 down"); /* of which the kernel forgets them */
	ip("link set vib0 up");
	wait_until(&loop, maker(&gid) == RTNL_PROTO_IBBACK);
	/* So has one from which somebody took it. */
	ip("-6 addr del fe80::216:3e00:0:1/64 dev vib0");
	wait_until(&loop, maker(&gid) == RTNL_PROTO_IBBACK);
}

static void a_device_may_come_and_go(void **state)
{
	struct vib_gid gid = gid_of(1), mgid = mgid_of(1);

	(void)state;
	need_namespace();
	want(&a, 1);
	assert_int_equal(groups6_join(groups, &mgid, &a), 0);
	wait_until(&loop, a.told && members(&mgid));
	ip("link del vib0");
	wait_until(&loop, a.told == 2);
	assert_int_equal(a.state, ADDRESSES_WAIT);
	assert_string_equal(a.why, "there is no network device vib0");
	ip("link add vib0 type veth peer name vib1");
	wait_until(&loop, a.told == 3);
	assert_int_equal(a.state, ADDRESSES_READY);
	assert_int_equal(maker(&gid), RTNL_PROTO_IBBACK);
	wait_until(&loop, members(&mgid) == 1);
	/* Another that is given its name is it. */
	ip("link set vib0 down");
	ip("link set vib0 name old");
	wait_until(&loop, a.told == 4);
	assert_int_equal(a.state, ADDRESSES_WAIT);
	ip("link del old");
}

static void without_ipv6_it_says_what_to_set(void **state)
{
	static const char path[] = "/proc/sys/net/ipv6/conf/vib0/disable_ipv6";

	(void)state;
	need_namespace();
	settle();
	if (!netns_write(path, "1"))
		skip();
	want(&a, 1);
	wait_until(&loop, a.told);
	assert_int_equal(a.state, ADDRESSES_FAILED);
	assert_non_null(strstr(a.why, "net.ipv6.conf.vib0.disable_ipv6=0"));
	assert_true(netns_write(path, "0"));
	wait_until(&loop, a.told == 2);
	assert_int_equal(a.state, ADDRESSES_READY);
}

/* ---- groups ------------------------------------------------------------ */

static void a_group_is_joined_as_long_as_anybody_wants_it(void **state)
{
	struct vib_gid mgid = mgid_of(1), other = mgid_of(2), unicast = gid_of(1);

	(void)state;
	need_namespace();
	assert_int_equal(groups6_join(groups, &mgid, &a), 0);
	assert_int_equal(groups6_join(groups, &mgid, &a), 0); /* no more than once */
	assert_int_equal(groups6_join(groups, &mgid, &b), 0);
	assert_int_equal(groups6_join(groups, &other, &b), 0);
	wait_until(&loop, members(NULL) == 2);
	assert_int_equal(members(&mgid), 1);
	groups6_leave(groups, &mgid, &a);
	groups6_leave(groups, &mgid, &a); /* a stranger by now */
	groups6_leave(groups, &other, &a);
	settle();
	assert_int_equal(members(&mgid), 1);
	groups6_leave(groups, &mgid, &b);
	wait_until(&loop, members(&mgid) == 0);
	assert_int_equal(members(&other), 1);
	assert_int_equal(groups6_count(groups), 1);
	assert_int_equal(groups6_join(groups, &unicast, &a), -1);
	assert_int_equal(errno, EINVAL);
	/* Who holds one holds it once, beside who joined it. */
	assert_int_equal(groups6_hold(groups, &mgid, true), 0);
	assert_int_equal(groups6_hold(groups, &mgid, true), 0);
	assert_int_equal(groups6_join(groups, &mgid, &a), 0);
	wait_until(&loop, members(&mgid) == 1);
	groups6_leave(groups, &mgid, &a);
	groups6_leave(groups, &mgid, &a);
	settle();
	assert_int_equal(members(&mgid), 1);
	assert_int_equal(groups6_hold(groups, &mgid, false), 0);
	assert_int_equal(groups6_hold(groups, &mgid, false), 0);
	wait_until(&loop, members(&mgid) == 0);
	assert_int_equal(groups6_hold(groups, &unicast, true), -1);
	/* A link that was down has them still. */
	ip("link set vib0 down");
	ip("link set vib0 up");
	settle();
	wait_until(&loop, members(&other) == 1);
}

static void many_groups_take_several_sockets(void **state)
{
	struct vib_gid mgid;

	(void)state;
	need_namespace();
	/* Where it cannot be set, the sockets are fewer. */
	(void)netns_write("/proc/sys/net/core/optmem_max", "20480");
	for (unsigned int i = 0; i < GROUPS6_MAX; i++) {
		mgid = mgid_of(i);
		assert_int_equal(groups6_hold(groups, &mgid, true), 0);
	}
	mgid = mgid_of(GROUPS6_MAX);
	assert_int_equal(groups6_hold(groups, &mgid, true), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(groups6_join(groups, &mgid, &a), -1);
	assert_int_equal(errno, ENOSPC);
	wait_until(&loop, members(NULL) == GROUPS6_MAX);
	assert_int_equal(rooms, 0);
	/* What leaves makes room for what comes, whichever socket had it. */
	for (unsigned int i = 0; i < GROUPS6_MAX; i += 2) {
		mgid = mgid_of(i);
		assert_int_equal(groups6_hold(groups, &mgid, false), 0);
	}
	wait_until(&loop, members(NULL) == GROUPS6_MAX / 2);
	wait_until(&loop, rooms == 1);
	for (unsigned int i = 0; i < GROUPS6_MAX; i += 2) {
		mgid = mgid_of(GROUPS6_MAX + i);
		assert_int_equal(groups6_hold(groups, &mgid, true), 0);
	}
	wait_until(&loop, members(NULL) == GROUPS6_MAX);
	settle();
	assert_int_equal(rooms, 1); /* as none was refused since */
}

static void who_joins_much_fills_its_quota_alone(void **state)
{
	struct vib_gid mgid;

	(void)state;
	need_namespace();
	for (unsigned int i = 0; i < GROUPS6_QUOTA; i++) {
		mgid = mgid_of(i);
		assert_int_equal(groups6_join(groups, &mgid, &a), 0);
	}
	mgid = mgid_of(GROUPS6_QUOTA);
	assert_int_equal(groups6_join(groups, &mgid, &a), -1);
	assert_int_equal(errno, EDQUOT);
	assert_int_equal(groups6_count(groups), GROUPS6_QUOTA);
	/* What it has, it may join; what it had not is not another's to lose. */
	assert_int_equal(groups6_join(groups, &mgid, &b), 0);
	groups6_leave(groups, &mgid, &a);
	assert_int_equal(groups6_count(groups), GROUPS6_QUOTA + 1);
	/* Nor is it another's group that lets it have more. */
	assert_int_equal(groups6_join(groups, &mgid, &a), -1);
	mgid = mgid_of(0);
	groups6_leave(groups, &mgid, &a);
	mgid = mgid_of(GROUPS6_QUOTA);
	assert_int_equal(groups6_join(groups, &mgid, &a), 0);
}

/* However many join, the SA's have their room. */
static void joins_leave_room_for_what_is_held(void **state)
{
	static char owners[GROUPS6_MAX / GROUPS6_QUOTA + 1];
	struct vib_gid mgid;
	unsigned int i;

	(void)state;
	need_namespace();
	for (i = 0; i < GROUPS6_JOINS_MAX; i++) {
		mgid = mgid_of(i);
		assert_int_equal(groups6_join(groups, &mgid, &owners[i / GROUPS6_QUOTA]),
				 0);
	}
	mgid = mgid_of(i);
	assert_int_equal(groups6_join(groups, &mgid, &owners[i / GROUPS6_QUOTA]), -1);
	assert_int_equal(errno, ENOSPC);
	/* One that is joined takes no other's place. */
	mgid = mgid_of(0);
	assert_int_equal(groups6_join(groups, &mgid, &owners[i / GROUPS6_QUOTA]), 0);
	for (; i < GROUPS6_MAX; i++) {
		mgid = mgid_of(i);
		assert_int_equal(groups6_hold(groups, &mgid, true), 0);
	}
	/* Nor may be joined what is held, beyond that: it would stay. */
	assert_int_equal(groups6_join(groups, &mgid, &a), -1);
	assert_int_equal(errno, ENOSPC);
	mgid = mgid_of(1);
	groups6_leave(groups, &mgid, &owners[0]);
	mgid = mgid_of(GROUPS6_MAX - 1);
	assert_int_equal(groups6_join(groups, &mgid, &a), 0);
}

/* A guest that attaches and detaches for ever: jobs run ten times a second. */
static unsigned int jobs_run;

static bool count_begin(struct netdev_user *user)
{
	(void)user;
	jobs_run++;
	return true;
}

static void count_run(struct netdev_user *user, struct rtnl *rtnl, int index)
{
	(void)user;
	(void)rtnl;
	(void)index;
}

static bool count_end(struct netdev_user *user)
{
	(void)user;
	return false;
}

static void a_loop_of_changes_has_pauses(void **state)
{
	static struct netdev_user user = { count_begin, count_run, count_end, { NULL } };
	struct vib_gid mgid = mgid_of(1);
	uint64_t end;

	(void)state;
	need_namespace();
	settle();
	netdev_use(netdev, &user);
	jobs_run = 0;
	end = uv_hrtime() + 550000000;
	while (uv_hrtime() < end) {
		assert_int_equal(groups6_join(groups, &mgid, &a), 0);
		loop_turn(&loop);
		groups6_leave(groups, &mgid, &a);
		loop_turn(&loop);
	}
	assert_in_range(jobs_run, 2, 6);
	/* And the last state is reached, even when the loop is to end. */
	assert_int_equal(groups6_join(groups, &mgid, &a), 0);
	uv_close((uv_handle_t *)&keeper, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(members(&mgid), 1);
	netdev_stop(netdev);
	uv_run(&loop, UV_RUN_DEFAULT);
	addresses_free(addresses);
	groups6_free(groups);
	assert_int_equal(uv_loop_close(&loop), 0);
	start_here();
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static bool is_this(void *arg, const char *name)
{
	return strcmp(arg, name) == 0;
}

static void read_record(char *text, size_t size)
{
	FILE *file = fopen(tempdir_path("record"), "r");
	size_t n;

	assert_non_null(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
}

/* Of an ibback that was killed, and came back with other fabrics. */
static void what_is_left_on_devices_of_nobody_goes(void **state)
{
	const struct vib_gid ours = gid_of(1), anothers = gid_of(2);
	struct rtnl *rtnl;
	struct leftovers *l;
	char text[256];
	int index;

	(void)state;
	need_namespace();
	rtnl = rtnl_open();
	index = rtnl_find(rtnl, "vib1");
	assert_int_equal(rtnl_add_address(rtnl, index, ours.raw), 0);
	rtnl_close(rtnl);
	ip("addr add fe80::216:3e00:0:2/64 dev vib1 nodad");
	tempdir_make();
	l = leftovers_open(tempdir_path("record"));
	assert_non_null(l);
	assert_null(leftovers_open(tempdir_path("record")));
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(leftovers_note(l, "vib1"), 0);
	assert_int_equal(leftovers_note(l, "vib7"), 0);
	assert_int_equal(leftovers_note(l, "vib1"), 0);
	leftovers_close(l);
	read_record(text, sizeof(text));
	assert_string_equal(text, "vib1\nvib7\n");

	l = leftovers_open(tempdir_path("record"));
	leftovers_sweep(l, &worker.jobs, is_this, (char[]){ "vib1" }); /* it is used */
	settle();
	assert_true(netns_has("vib1", &ours));
	leftovers_close(l);
	read_record(text, sizeof(text));
	assert_string_equal(text, "vib1\n");

	l = leftovers_open(tempdir_path("record"));
	leftovers_sweep(l, &worker.jobs, is_this, (char[]){ "vib0" });
	settle();
	assert_false(netns_has("vib1", &ours));
	assert_true(netns_has("vib1", &anothers));
	leftovers_close(l);
	read_record(text, sizeof(text));
	assert_string_equal(text, "");
	ip("addr del fe80::216:3e00:0:2/64 dev vib1");
	tempdir_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_gid_is_an_address_that_can_be_used_at_once),
		test(who_goes_takes_its_own_away),
		test(who_comes_and_goes_at_once_leaves_nothing),
		test(leftovers_of_a_dead_ibback_go_and_those_of_others_stay),
		test(what_is_anothers_is_refused_until_it_is_free),
		test(a_link_that_was_down_has_them_again),
		test(a_device_may_come_and_go),
		test(without_ipv6_it_says_what_to_set),
		test(a_group_is_joined_as_long_as_anybody_wants_it),
		test(many_groups_take_several_sockets),
		test(who_joins_much_fills_its_quota_alone),
		test(joins_leave_room_for_what_is_held),
		test(a_loop_of_changes_has_pauses),
		test(what_is_left_on_devices_of_nobody_goes),
	};

	netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
