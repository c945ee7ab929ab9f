// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The wire of a fabric on RoCE: addresses of vports on its network device, groups, and
 * what another ibback left there. The device is real, vib0, whose other end is vib1, in a
 * network namespace of this process's own; without that the tests are skipped.
 */
#include "wires_world.h"

#include <stdio.h>

#include "engine/mcast.h"
#include "netns.h"
#include "tempdir.h"
#include "wire/groups6.h"
#include "wire/rtnl.h"

static int set_up(void **state)
{
	if (wires_set_up(state) != 0)
		return -1;
	return netns_missing() ? 0
			       : !netns_ip("link add vib0 type veth peer name vib1") ||
					 !netns_ip("link set vib0 up");
}

static int tear_down(void **state)
{
	if (wires_tear_down(state) != 0)
		return -1;
	return netns_missing() ? 0 : !netns_ip("link del vib0");
}

static void need_netns(void)
{
	if (netns_missing())
		skip();
}

static void a_vport_is_up_when_the_hca_has_its_gids(void **state)
{
	(void)state;
	need_netns();
	hca.present = hca.active = hca.ethernet = true;
	strcpy(hca.netdev, "vib0");
	start();
	wait_until(&loop, fabric->up);
	assert_string_equal(view().netdev, "vib0");
	assert_non_null(fabric->groups);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	assert_int_equal(a.vport.addresses, VPORT_ADDRESSES_WAIT);
	wait_until(&loop, netns_has("vib0", &a.vport.attr.gids[0]));
	settle();
	assert_false(is_up(&a)); /* an address, but no GID */
	set(hca.has_gids, true);
	wait_until(&loop, is_up(&a));
	assert_int_equal(changes, 1);
	/* Its GID changes: down, and up with that. */
	a.vport.attr.gids[0].raw[15] = 77;
	set(hca.has_gids, false);
	fabric_changed(&a.vport);
	assert_false(is_up(&a));
	set(hca.has_gids, true);
	wait_until(&loop, is_up(&a));
	assert_true(netns_has("vib0", &a.vport.attr.gids[0]));
	fabric_detach(&a.vport);
	wait_until(&loop, !netns_has("vib0", &a.vport.attr.gids[0]));
}

static void roce_without_a_network_device_stays_down(void **state)
{
	(void)state;
	need_netns();
	hca.present = hca.active = hca.ethernet = hca.has_gids = true;
	start();
	wait_until(&loop, fabric->wire);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	settle();
	assert_false(fabric->up);
	assert_false(is_up(&a));
	assert_null(told.device);
	assert_string_equal(view().netdev, "");
	strcpy(hca.netdev, "vib0"); /* it has an address now */
	event();
	wait_until(&loop, is_up(&a));
	assert_non_null(told.device);
	assert_string_equal(view().netdev, "vib0");
}

static struct mcast mcast;

static void its_subnet_has_the_wire_while_there_is_one(void **state)
{
	const struct vib_gid mgid = { .raw = { 0xff, 0x12, 0x40, 0x1b } };
	const struct vib_gid other = { .raw = { 0xff, 0x12, 0x60, 0x1b } };
	const struct vhca *vhca = (const struct vhca *)&a;
	struct vib_gid gid;

	(void)state;
	need_netns();
	hca.present = hca.ethernet = true;
	strcpy(hca.netdev, "vib0");
	start();
	assert_false(wires_looked(wires));
	wait_until(&loop, wires_looked(wires));
	assert_string_equal(told.device, "hca0"); /* by then it could claim */
	assert_int_equal(told.port, 1);
	assert_int_equal(told.active_mtu, 5);
	assert_int_equal(told.gid_index(told.arg, &mgid), -1);
	set(hca.has_gids, true);
	assert_int_equal(told.gid_index(told.arg, &mgid), 3);
	assert_true(told.gid_at(told.arg, 3, &gid));
	assert_false(told.gid_at(told.arg, 4, &gid));
	/* What it is told twice is one membership. */
	told.join(told.arg, &mgid, true);
	told.join(told.arg, &mgid, true);
	assert_int_equal(groups6_count(fabric->groups), 1);
	assert_int_equal(groups6_join(fabric->groups, &mgid, &a),
			 0); /* another's besides */
	told.join(told.arg, &mgid, false);
	told.join(told.arg, &mgid, false);
	assert_int_equal(groups6_count(fabric->groups), 1);
	groups6_leave(fabric->groups, &mgid, &a);
	assert_int_equal(groups6_count(fabric->groups), 0);
	/* Those that QPs are attached to, unless they are of another fabric's. */
	wires_watch_groups(wires, &mcast);
	mcast.watch(mcast.arg, fabric, &mgid, vhca, true);
	mcast.watch(mcast.arg, fabric_find(&table, "local"), &other, vhca, true);
	assert_int_equal(groups6_count(fabric->groups), 1);
	mcast.watch(mcast.arg, fabric, &mgid, vhca, false);
	assert_int_equal(groups6_count(fabric->groups), 0);
	told.join(told.arg, &mgid, true);

	hca.going = true;
	set(hca.present, false);
	event();
	wait_until(&loop, !fabric->wire);
	assert_null(told.device);
	assert_int_equal(groups6_count(fabric->groups), 0);
	hca.going = false;
	set(hca.present, true);
	wait_until(&loop, told.device);
}

static void p_keys_are_read_by_the_job(void **state)
{
	unsigned int before;

	(void)state;
	need_netns();
	hca.present = hca.active = hca.ethernet = true;
	strcpy(hca.netdev, "vib0");
	start();
	wait_until(&loop, told.device);
	assert_int_equal(told.pkeys[0], 0xffff);
	assert_int_equal(get(hca.pkeys_read), 1);
	set(hca.pkey, 0x8001);
	event();
	wait_until(&loop, told.pkeys[0] == 0x8001);
	/* What cannot be read is none, and read again. */
	set(hca.pkey, 0);
	event();
	wait_until(&loop, told.pkeys[0] == 0);
	set(hca.pkey, 0x8002);
	wait_until(&loop, told.pkeys[0] == 0x8002);
	/* Without an event they are what they were, however often the port is looked at.
	 */
	before = get(hca.pkeys_read);
	for (int i = 0; i < 15; i++)
		settle();
	assert_int_equal(get(hca.pkeys_read), before);
}

static void vports_that_were_there_before_the_hca_wait_too(void **state)
{
	(void)state;
	need_netns();
	hca.ethernet = hca.active = true;
	strcpy(fabric->netdev, "vib0");
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	b.vport.attr.link = VPORT_LINK_DOWN;
	assert_int_equal(fabric_attach(fabric, &b.vport), 0);
	settle();
	set(hca.present, true);
	wait_until(&loop, fabric->up);
	assert_false(is_up(&a));
	set(hca.has_gids, true);
	wait_until(&loop, is_up(&a));
	wait_until(&loop, b.vport.addresses == VPORT_ADDRESSES_READY);
	assert_false(is_up(&b));
	/* An HCA that was away has none yet. */
	set(hca.has_gids, false);
	set(hca.active, false);
	event();
	wait_until(&loop, !fabric->up);
	set(hca.active, true);
	event();
	wait_until(&loop, fabric->up);
	assert_false(is_up(&a));
	set(hca.has_gids, true);
	wait_until(&loop, is_up(&a));
}

static void a_vport_whose_address_is_anothers_stays_down(void **state)
{
	(void)state;
	need_netns();
	hca.present = hca.active = hca.ethernet = hca.has_gids = true;
	strcpy(hca.netdev, "vib0");
	start();
	assert_true(netns_ip("-6 addr add fe80::200:0:0:1/64 dev vib0 nodad"));
	a.vport.attr.link = VPORT_LINK_UP; /* whatever its link is to be */
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	assert_int_equal(fabric_attach(fabric, &b.vport), 0);
	wait_until(&loop, is_up(&b));
	wait_until(&loop, a.vport.addresses == VPORT_ADDRESSES_REFUSED);
	assert_false(is_up(&a));
	assert_true(netns_ip("-6 addr del fe80::200:0:0:1/64 dev vib0"));
	wait_until(&loop, a.vport.addresses == VPORT_ADDRESSES_READY);
	assert_true(is_up(&a));
}

/* Of an ibback that was killed, on a device that no fabric is on any more. */
static void what_another_configuration_left_goes(void **state)
{
	const struct vib_gid left = { .raw = { 0xfe, 0x80, [8] = 2, [15] = 9 } };
	char text[64] = "";
	struct rtnl *rtnl;
	FILE *file;

	(void)state;
	need_netns();
	assert_true(netns_ip("link set vib1 up"));
	rtnl = rtnl_open();
	assert_int_equal(rtnl_add_address(rtnl, rtnl_find(rtnl, "vib1"), left.raw), 0);
	rtnl_close(rtnl);
	tempdir_make();
	tempdir_write("netdevs", "vib1\n", 5);
	record = tempdir_path("netdevs");
	strcpy(hca.netdev, "vib0");
	hca.present = hca.active = hca.ethernet = true;
	start();
	assert_true(netns_has("vib1", &left));
	settle();
	assert_false(netns_has("vib1", &left));
	file = fopen(record, "r");
	assert_non_null(fgets(text, sizeof(text), file));
	assert_string_equal(text, "vib0\n"); /* for the next one */
	assert_null(fgets(text, sizeof(text), file));
	fclose(file);
	tempdir_remove();
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_vport_is_up_when_the_hca_has_its_gids),
		test(roce_without_a_network_device_stays_down),
		test(its_subnet_has_the_wire_while_there_is_one),
		test(p_keys_are_read_by_the_job),
		test(vports_that_were_there_before_the_hca_wait_too),
		test(a_vport_whose_address_is_anothers_stays_down),
		test(what_another_configuration_left_goes),
	};

	netns_enter();
	return cmocka_run_group_tests_name("wires: RoCE", tests, NULL, NULL);
}
