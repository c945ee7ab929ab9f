// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The wire of a fabric and its HCA: one that comes late, goes, moves, fails, or may not
 * be used; and what vports are on InfiniBand.
 */
#include "wires_world.h"

static void a_fabric_without_its_hca_is_down_and_vports_attach(void **state)
{
	(void)state;
	start();
	assert_false(wires_looked(wires));
	settle();
	assert_true(wires_looked(wires)); /* and found none */
	assert_false(fabric->up);
	assert_null(fabric->wire);
	assert_null(view().state);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	assert_false(is_up(&a));
	/* The other fabric is what it always is. */
	assert_true(fabric_find(&table, "local")->up);
	assert_false(wires_view(wires, fabric_find(&table, "local"),
				&(struct wire_view){ 0 }));
}

static void an_hca_that_comes_later_is_found(void **state)
{
	(void)state;
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	settle();
	set(hca.present, true);
	wait_until(&loop, fabric->wire);
	assert_false(fabric->up); /* it is there, and not active */
	set(hca.has_gids, true);
	assert_int_equal(view().state->mtu, 4096);
	set(hca.active, true);
	event();
	wait_until(&loop, is_up(&a));
	assert_true(fabric->up);
	assert_int_equal(changes, 1);
	set(hca.active, false);
	event();
	wait_until(&loop, !fabric->up);
	assert_false(is_up(&a));
	assert_int_equal(changes, 2);
}

static void an_hca_that_goes_is_closed_and_found_again(void **state)
{
	(void)state;
	hca.present = hca.active = hca.has_gids = true;
	start();
	wait_until(&loop, fabric->up);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	assert_false(is_up(&a));
	wait_until(&loop, is_up(&a));
	set(hca.present, false);
	hca.going = true;
	event();
	wait_until(&loop, !fabric->wire);
	assert_false(is_up(&a));
	assert_int_equal(get(hca.opened), 0);
	hca.going = false;
	set(hca.present, true);
	wait_until(&loop, is_up(&a));
	/* One that fails when it is asked is as good as gone. */
	set(hca.fails, true);
	event();
	wait_until(&loop, !fabric->wire);
	assert_false(is_up(&a));
	settle();
	assert_int_equal(get(hca.opened), 0);
	set(hca.fails, false);
	wait_until(&loop, fabric->up);
}

static void a_vport_is_up_when_its_guid_is_confirmed(void **state)
{
	(void)state;
	hca.present = hca.active = true;
	says = GSI_ADDRESSED_NOT_YET;
	start();
	wait_until(&loop, fabric->up);
	assert_true(told.infiniband && told.addressing == GSI_ADDRESSING_AUTO);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	assert_int_equal(fabric_attach(fabric, &b.vport), 0);
	settle();
	assert_false(is_up(&a));
	/* All have the port's LID, and GIDs of its subnet. */
	assert_int_equal(a.vport.lid, PORT_LID);
	assert_int_equal(b.vport.lid, PORT_LID);
	told.addressed(told.arg, &a.vport, GSI_ADDRESSED_DENIED);
	settle();
	assert_false(is_up(&a));
	told.addressed(told.arg, &a.vport, GSI_ADDRESSED_ALIAS);
	settle();
	assert_false(is_up(&a)); /* nor has the HCA its GID */
	set(hca.has_gids, true);
	wait_until(&loop, is_up(&a));
	assert_false(is_up(&b));
	assert_false(a.vport.on_wire.shared);
	assert_int_equal(a.vport.on_wire.gid.raw[15], 1);
	/* It may be lost again. */
	told.addressed(told.arg, &a.vport, GSI_ADDRESSED_DENIED);
	wait_until(&loop, !is_up(&a));
}

static void a_vport_may_share_the_ports_gid(void **state)
{
	struct vib_gid gids[VIB_MAX_GIDS];

	(void)state;
	hca.present = hca.active = hca.has_gids = true;
	says = GSI_ADDRESSED_SHARED;
	fabric->addressing = GSI_ADDRESSING_SHARED;
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	assert_int_equal(fabric_attach(fabric, &b.vport), 0);
	wait_until(&loop, is_up(&a) && is_up(&b));
	assert_int_equal(told.addressing, GSI_ADDRESSING_SHARED);
	vport_gids(&a.vport, gids);
	assert_memory_equal(&gids[0], &port_gid, sizeof(port_gid));
	vport_gids(&b.vport, gids);
	assert_memory_equal(&gids[0], &port_gid, sizeof(port_gid));
}

static void a_vport_without_a_place_stays_down(void **state)
{
	(void)state;
	hca.present = hca.active = hca.has_gids = true;
	says = GSI_ADDRESSED_NEVER;
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	wait_until(&loop, a.vport.addresses == VPORT_ADDRESSES_REFUSED);
	a.vport.attr.link = VPORT_LINK_UP;
	assert_false(is_up(&a));
}

static void a_port_that_moves_takes_its_vports_along(void **state)
{
	(void)state;
	hca.present = hca.active = hca.has_gids = true;
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	wait_until(&loop, is_up(&a));
	set(hca.lid, 0x78);
	event();
	wait_until(&loop, a.vport.lid == 0x78);
	assert_int_equal(told.lid, 0x78);
	assert_int_equal(reregistered, 0);
	hca.asks_anew = true;
	event();
	wait_until(&loop, reregistered == 1);
	settle();
	assert_int_equal(reregistered, 1);
}

static void an_hca_that_goes_without_an_event_is_noticed(void **state)
{
	(void)state;
	hca.present = hca.active = hca.has_gids = true;
	start();
	wait_until(&loop, fabric->up);
	set(hca.present, false);
	wait_until(&loop, !fabric->wire);
	assert_false(fabric->up);
	assert_int_equal(get(hca.opened), 0);
	set(hca.present, true);
	wait_until(&loop, fabric->up);
}

/* Its vports have addresses of the kind that it was. */
static void an_hca_of_another_kind_is_not_used(void **state)
{
	(void)state;
	hca.present = hca.active = hca.has_gids = true;
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	wait_until(&loop, is_up(&a));
	set(hca.present, false);
	wait_until(&loop, !fabric->wire);
	set(hca.ethernet, true);
	set(hca.present, true);
	for (int i = 0; i < 15; i++)
		settle(); /* it is looked at */
	assert_null(fabric->wire);
	assert_false(fabric->up);
	assert_int_equal(get(hca.opened), 0);
	set(hca.ethernet, false);
	wait_until(&loop, is_up(&a));
	/* Nor one that changes where it is. */
	set(hca.ethernet, true);
	event();
	wait_until(&loop, !fabric->wire);
	settle();
	assert_false(fabric->up);
	set(hca.ethernet, false);
	wait_until(&loop, is_up(&a));
}

static void an_hca_that_goes_while_it_is_asked_is_closed_once(void **state)
{
	(void)state;
	hca.present = hca.active = hca.has_gids = true;
	start();
	wait_until(&loop, fabric->up);
	for (int i = 0; i < 4; i++) {
		const struct wire_port_events *events = hca_port.events;

		events->changed(&hca_port, hca_port.arg); /* a job runs */
		if (i % 2)
			loop_turn(&loop);
		set(hca.present, false);
		events->gone(&hca_port, hca_port.arg);
		wait_until(&loop, !fabric->wire);
		assert_int_equal(get(hca.opened), 0);
		set(hca.present, true);
		wait_until(&loop, fabric->up);
	}
}

static void guests_wait_until_it_was_looked_for(void **state)
{
	(void)state;
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	assert_true(fabric->looking);
	assert_int_equal(rewired, 0);
	wait_until(&loop, !fabric->looking);
	assert_true(wires_looked(wires));
	assert_int_equal(rewired, 1);
	settle();
	assert_int_equal(rewired, 1);
}

static void an_hca_that_bounces_is_not_used(void **state)
{
	(void)state;
	hca.present = hca.active = hca.bounces = true;
	start();
	wait_until(&loop, wires_looked(wires));
	wait_until(&loop, get(hca.opened) == 0);
	assert_null(fabric->wire);
	assert_false(fabric->up);
	set(hca.bounces, false); /* the module was loaded */
	wait_until(&loop, fabric->up);
	assert_int_equal(get(hca.opened), 1);
}

static void a_port_closes_with_its_last_guest(void **state)
{
	(void)state;
	hca.present = hca.active = hca.has_gids = true;
	start();
	wait_until(&loop, fabric->up);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	hca.users = 1;
	set(hca.present, false);
	hca_port.events->gone(&hca_port, hca_port.arg);
	wait_until(&loop, !fabric->wire);
	assert_int_equal(rewired, 1);
	assert_int_equal(get(hca.opened), 1);
	hca.users = 0;
	hca_port.events->left(&hca_port, hca_port.arg);
	assert_int_equal(get(hca.opened), 0);
	/* One that comes has its guests begin anew, too; the last to go does not close
	 * it. */
	set(hca.present, true);
	wait_until(&loop, fabric->up);
	assert_int_equal(rewired, 2);
	hca_port.events->left(&hca_port, hca_port.arg);
	assert_int_equal(get(hca.opened), 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, wires_set_up, wires_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_fabric_without_its_hca_is_down_and_vports_attach),
		test(an_hca_that_comes_later_is_found),
		test(an_hca_that_goes_is_closed_and_found_again),
		test(an_hca_that_goes_without_an_event_is_noticed),
		test(an_hca_of_another_kind_is_not_used),
		test(a_vport_is_up_when_its_guid_is_confirmed),
		test(a_vport_may_share_the_ports_gid),
		test(a_vport_without_a_place_stays_down),
		test(a_port_that_moves_takes_its_vports_along),
		test(an_hca_that_goes_while_it_is_asked_is_closed_once),
		test(guests_wait_until_it_was_looked_for),
		test(an_hca_that_bounces_is_not_used),
		test(a_port_closes_with_its_last_guest),
	};

	return cmocka_run_group_tests_name("wires", tests, NULL, NULL);
}
