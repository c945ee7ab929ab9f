// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The wire of a fabric, with an HCA of the test's: one that comes, goes and says what it
 * likes. Its network device, where there is one, is real, in a network namespace of this
 * process's own, which tests that need it are skipped without.
 */
#include "cm.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "control/backend.h"
#include "control/fabric.h"
#include "control/subnets.h"
#include "control/vib.h"
#include "control/wires.h"
#include "control/worker.h"
#include "engine/mcast.h"
#include "loop.h"
#include "netns.h"
#include "tempdir.h"
#include "wire/groups6.h"
#include "wire/rtnl.h"
#include "wire/segments.h"
#include "wire/umad.h"

/* ---- the HCA ----------------------------------------------------------- */

/* What the job's thread reads of it is atomic. */
struct wire_port {
	const struct wire_port_events *events;
	void *arg;
	int fd;
};

static struct wire_port hca;
static bool present, active, ethernet, has_gids, fails;
static unsigned int opened;
static bool going;     /* the next event: it goes */
static bool asks_anew; /* or its subnet's manager wants all registered anew */
static uint16_t port_lid;
static char hca_netdev[16];

#define get(x)    __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define set(x, v) __atomic_store_n(&(x), (v), __ATOMIC_SEQ_CST)

struct wire_port *wire_port_open(const char *device, uint8_t port,
				 const struct wire_port_events *events, void *arg)
{
	if (!get(present) || strcmp(device, "hca0") != 0 || port != 1) {
		errno = ENODEV;
		return NULL;
	}
	hca = (struct wire_port){ events, arg, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	__atomic_add_fetch(&opened, 1, __ATOMIC_SEQ_CST);
	return &hca;
}

void wire_port_close(struct wire_port *port)
{
	assert_ptr_equal(port, &hca);
	close(port->fd);
	__atomic_sub_fetch(&opened, 1, __ATOMIC_SEQ_CST);
}

/* Guests at it; and vibs that were to begin anew. */
static unsigned int users, rewired;

unsigned int wire_port_users(const struct wire_port *port)
{
	assert_ptr_equal(port, &hca);
	return users;
}

void vib_rewire(struct vib *vib)
{
	(void)vib;
	rewired++;
}

/* It would write to copies. */
static bool bounces;

bool segments_hold(const char *sysfs, const char *device, char why[SEGMENTS_WHY_MAX])
{
	assert_string_equal(sysfs, "/sys");
	assert_string_equal(device, "hca0");
	assert_int_equal(get(opened), 1); /* so that it is asked of what is there */
	if (get(bounces))
		strcpy(why, "it bounces");
	return !get(bounces);
}

int wire_port_fd(const struct wire_port *port)
{
	return port->fd;
}

void wire_port_read_events(struct wire_port *port)
{
	uint64_t n;

	assert_int_equal(read(port->fd, &n, sizeof(n)), sizeof(n));
	if (going)
		port->events->gone(port, port->arg);
	else if (asks_anew)
		port->events->reregister(port, port->arg);
	else
		port->events->changed(port, port->arg);
}

#define PORT_LID 0x77

static const struct vib_gid port_gid = { .raw = { 0xfe, 0x80, [8] = 9, [15] = 9 } };

int wire_port_state(struct wire_port *port, struct wire_port_state *state)
{
	(void)port;
	if (get(fails) || !get(present)) {
		errno = get(fails) ? EIO : ENODEV;
		return -1;
	}
	*state = (struct wire_port_state){ .active = get(active),
					   .ethernet = get(ethernet),
					   .mtu = 4096 };
	if (!state->ethernet) {
		state->lid = get(port_lid);
		state->sm_lid = 0x99;
		state->gid = port_gid;
		state->gids = 8;
	}
	memcpy(state->netdev, hca_netdev, sizeof(hca_netdev));
	return 0;
}

int wire_port_gid_at(const struct wire_port *port, unsigned int index,
		     struct vib_gid *gid)
{
	(void)port;
	(void)gid;
	errno = ENOENT;
	return index == 3 ? 0 : -1;
}

int wire_port_gid_index(const struct wire_port *port, const struct vib_gid *gid)
{
	(void)port;
	(void)gid;
	errno = ENOENT;
	return get(has_gids) ? 3 : -1;
}

static uint16_t hca_pkey = 0xffff; /* 0: they cannot be read */
static unsigned int pkeys_read;
static pthread_t control;

int umad_read_pkeys(const char *device, uint8_t port, uint16_t pkeys[UMAD_PKEYS])
{
	assert_string_equal(device, "hca0");
	assert_int_equal(port, 1);
	assert_false(pthread_equal(pthread_self(), control)); /* it sleeps */
	__atomic_add_fetch(&pkeys_read, 1, __ATOMIC_SEQ_CST);
	memset(pkeys, 0, UMAD_PKEYS * sizeof(pkeys[0]));
	pkeys[0] = get(hca_pkey);
	errno = EIO;
	return pkeys[0] ? 0 : -1;
}

static void event(void)
{
	const uint64_t one = 1;

	assert_int_equal(write(hca.fd, &one, sizeof(one)), sizeof(one));
}

/* ---- its subnet -------------------------------------------------------- */

static struct subnet_port told; /* device NULL: the subnet has no wire */
/* What an InfiniBand subnet's administrator says of vports. */
static enum gsi_addressed says;

struct subnet_wire *subnets_wire(const struct fabric *f)
{
	return (struct subnet_wire *)f;
}

void subnet_wire_up(struct subnet_wire *wire, const struct subnet_port *port)
{
	struct vport *vport;

	assert_non_null(wire);
	told = *port;
	if (!port->infiniband)
		return;
	assert_int_equal(port->lid, get(port_lid));
	assert_int_equal(port->sm_lid, 0x99);
	LIST_FOREACH(vport, &((struct fabric *)wire)->vports, entry)
	port->addressed(port->arg, vport, says);
}

static unsigned int reregistered;

void subnet_wire_reregister(struct subnet_wire *wire)
{
	assert_non_null(wire);
	reregistered++;
}

static unsigned int rooms;

void subnet_wire_room(struct subnet_wire *wire)
{
	assert_non_null(wire);
	rooms++;
}

/* It leaves what it joined. */
void subnet_wire_down(struct subnet_wire *wire)
{
	const struct vib_gid mgid = { .raw = { 0xff, 0x12, 0x40, 0x1b } };

	assert_non_null(wire);
	if (told.device && !told.infiniband)
		told.join(told.arg, &mgid, false);
	memset(&told, 0, sizeof(told));
}

/* ---- the world --------------------------------------------------------- */

static uv_loop_t loop;
static uv_timer_t keeper; /* keeps the loop */
static struct worker worker;
static struct fabric_table table;
static struct fabric *fabric;
static struct wires *wires;
static struct backend backend = { .label = "" };
static struct vib a, b;
static unsigned int changes; /* of links */

static struct vib *container_vib(struct vport *vport)
{
	return vport == &a.vport ? &a : &b;
}

static void on_link_changed(struct vport *vport)
{
	(void)vport;
	changes++;
}

/* Somebody who is told of vports, as their subnet is: of none before it is attached. */
static struct fabric_observer subnet;
static unsigned int seen;

static int subnet_attached(struct fabric_observer *observer, struct vport *vport)
{
	(void)observer;
	seen |= 1u << container_vib(vport)->domid;
	if (told.device && told.infiniband)
		told.addressed(told.arg, vport, says);
	return 0;
}

static void subnet_changed(struct fabric_observer *observer, struct vport *vport)
{
	(void)observer;
	assert_true(seen & 1u << container_vib(vport)->domid);
}

static void subnet_detaching(struct fabric_observer *observer, struct vport *vport)
{
	(void)observer;
	seen &= ~(1u << container_vib(vport)->domid);
}

static void make_vib(struct vib *vib, uint8_t number)
{
	const struct vib_gid gid = { .raw = { 0xfe, 0x80, [8] = 2, [15] = number } };

	memset(vib, 0, sizeof(*vib));
	vib->backend = &backend;
	vib->domid = number;
	vib->vport.link_changed = on_link_changed;
	vib->vport.attr.num_gids = 1;
	vib->vport.attr.gids[0] = gid;
	vib->vport.attr.port_guid = number;
}

static void settle(void)
{
	for (int i = 0; i < 100; i++)
		loop_turn(&loop);
}

static void on_keeper(uv_timer_t *timer)
{
	(void)timer;
}

static int set_up(void **state)
{
	(void)state;
	present = active = ethernet = has_gids = fails = going = asks_anew = false;
	says = GSI_ADDRESSED_ALIAS;
	port_lid = PORT_LID;
	reregistered = 0;
	changes = opened = pkeys_read = 0;
	hca_pkey = 0xffff;
	control = pthread_self();
	memset(hca_netdev, 0, sizeof(hca_netdev));
	memset(&told, 0, sizeof(told));
	uv_loop_init(&loop);
	uv_timer_init(&loop, &keeper);
	uv_timer_start(&keeper, on_keeper, 1000000, 1000000);
	worker_init(&worker, &loop);
	fabric_table_init(&table);
	fabric = fabric_add(&table, "wire0");
	fabric_set_wire(fabric, "hca0", 1);
	subnet = (struct fabric_observer){ .attached = subnet_attached,
					   .changed = subnet_changed,
					   .detaching = subnet_detaching };
	seen = 0;
	fabric_observe(fabric, &subnet);
	assert_non_null(fabric_add(&table, "local"));
	make_vib(&a, 1);
	make_vib(&b, 2);
	return netns_missing() ? 0
			       : !netns_ip("link add vib0 type veth peer name vib1") ||
					 !netns_ip("link set vib0 up");
}

static const char *record; /* of the devices that were used; or NULL */

static void start(void)
{
	wires = wires_start(&table, &loop, &worker.jobs, record);
	assert_non_null(wires);
}

static int tear_down(void **state)
{
	(void)state;
	fabric_detach(&a.vport);
	fabric_detach(&b.vport);
	uv_close((uv_handle_t *)&keeper, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	wires_stop(wires);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(opened, 0);
	record = NULL;
	fabric_table_free(&table);
	return netns_missing() ? 0 : !netns_ip("link del vib0");
}

static bool is_up(const struct vib *vib)
{
	return vport_link_is_up(&vib->vport);
}

static struct wire_view view(void)
{
	struct wire_view v;

	assert_true(wires_view(wires, fabric, &v));
	return v;
}

/* ---- InfiniBand -------------------------------------------------------- */

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
	set(present, true);
	wait_until(&loop, fabric->wire);
	assert_false(fabric->up); /* it is there, and not active */
	set(has_gids, true);
	assert_int_equal(view().state->mtu, 4096);
	set(active, true);
	event();
	wait_until(&loop, is_up(&a));
	assert_true(fabric->up);
	assert_int_equal(changes, 1);
	set(active, false);
	event();
	wait_until(&loop, !fabric->up);
	assert_false(is_up(&a));
	assert_int_equal(changes, 2);
}

static void an_hca_that_goes_is_closed_and_found_again(void **state)
{
	(void)state;
	present = active = has_gids = true;
	start();
	wait_until(&loop, fabric->up);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	assert_false(is_up(&a));
	wait_until(&loop, is_up(&a));
	set(present, false);
	going = true;
	event();
	wait_until(&loop, !fabric->wire);
	assert_false(is_up(&a));
	assert_int_equal(get(opened), 0);
	going = false;
	set(present, true);
	wait_until(&loop, is_up(&a));
	/* One that fails when it is asked is as good as gone. */
	set(fails, true);
	event();
	wait_until(&loop, !fabric->wire);
	assert_false(is_up(&a));
	settle();
	assert_int_equal(get(opened), 0);
	set(fails, false);
	wait_until(&loop, fabric->up);
}

static void a_vport_is_up_when_its_guid_is_confirmed(void **state)
{
	(void)state;
	present = active = true;
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
	set(has_gids, true);
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
	present = active = has_gids = true;
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
	present = active = has_gids = true;
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
	present = active = has_gids = true;
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	wait_until(&loop, is_up(&a));
	set(port_lid, 0x78);
	event();
	wait_until(&loop, a.vport.lid == 0x78);
	assert_int_equal(told.lid, 0x78);
	assert_int_equal(reregistered, 0);
	asks_anew = true;
	event();
	wait_until(&loop, reregistered == 1);
	settle();
	assert_int_equal(reregistered, 1);
}

static void an_hca_that_goes_without_an_event_is_noticed(void **state)
{
	(void)state;
	present = active = has_gids = true;
	start();
	wait_until(&loop, fabric->up);
	set(present, false);
	wait_until(&loop, !fabric->wire);
	assert_false(fabric->up);
	assert_int_equal(get(opened), 0);
	set(present, true);
	wait_until(&loop, fabric->up);
}

/* Its vports have addresses of the kind that it was. */
static void an_hca_of_another_kind_is_not_used(void **state)
{
	(void)state;
	present = active = has_gids = true;
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	wait_until(&loop, is_up(&a));
	set(present, false);
	wait_until(&loop, !fabric->wire);
	set(ethernet, true);
	set(present, true);
	for (int i = 0; i < 15; i++)
		settle(); /* it is looked at */
	assert_null(fabric->wire);
	assert_false(fabric->up);
	assert_int_equal(get(opened), 0);
	set(ethernet, false);
	wait_until(&loop, is_up(&a));
	/* Nor one that changes where it is. */
	set(ethernet, true);
	event();
	wait_until(&loop, !fabric->wire);
	settle();
	assert_false(fabric->up);
	set(ethernet, false);
	wait_until(&loop, is_up(&a));
}

static void an_hca_that_goes_while_it_is_asked_is_closed_once(void **state)
{
	(void)state;
	present = active = has_gids = true;
	start();
	wait_until(&loop, fabric->up);
	for (int i = 0; i < 4; i++) {
		const struct wire_port_events *events = hca.events;

		events->changed(&hca, hca.arg); /* a job runs */
		if (i % 2)
			loop_turn(&loop);
		set(present, false);
		events->gone(&hca, hca.arg);
		wait_until(&loop, !fabric->wire);
		assert_int_equal(get(opened), 0);
		set(present, true);
		wait_until(&loop, fabric->up);
	}
}

static void guests_wait_until_it_was_looked_for(void **state)
{
	(void)state;
	rewired = 0;
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
	present = active = bounces = true;
	start();
	wait_until(&loop, wires_looked(wires));
	wait_until(&loop, get(opened) == 0);
	assert_null(fabric->wire);
	assert_false(fabric->up);
	set(bounces, false); /* the module was loaded */
	wait_until(&loop, fabric->up);
	assert_int_equal(get(opened), 1);
}

static void a_port_closes_with_its_last_guest(void **state)
{
	(void)state;
	present = active = has_gids = true;
	rewired = 0;
	start();
	wait_until(&loop, fabric->up);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	users = 1;
	set(present, false);
	hca.events->gone(&hca, hca.arg);
	wait_until(&loop, !fabric->wire);
	assert_int_equal(rewired, 1);
	assert_int_equal(get(opened), 1);
	users = 0;
	hca.events->left(&hca, hca.arg);
	assert_int_equal(get(opened), 0);
	/* One that comes has its guests begin anew, too; the last to go does not close
	 * it. */
	set(present, true);
	wait_until(&loop, fabric->up);
	assert_int_equal(rewired, 2);
	hca.events->left(&hca, hca.arg);
	assert_int_equal(get(opened), 1);
}

/* ---- RoCE -------------------------------------------------------------- */

static void need_netns(void)
{
	if (netns_missing())
		skip();
}

static void a_vport_is_up_when_the_hca_has_its_gids(void **state)
{
	(void)state;
	need_netns();
	present = active = ethernet = true;
	strcpy(hca_netdev, "vib0");
	start();
	wait_until(&loop, fabric->up);
	assert_string_equal(view().netdev, "vib0");
	assert_non_null(fabric->groups);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	assert_int_equal(a.vport.addresses, VPORT_ADDRESSES_WAIT);
	wait_until(&loop, netns_has("vib0", &a.vport.attr.gids[0]));
	settle();
	assert_false(is_up(&a)); /* an address, but no GID */
	set(has_gids, true);
	wait_until(&loop, is_up(&a));
	assert_int_equal(changes, 1);
	/* Its GID changes: down, and up with that. */
	a.vport.attr.gids[0].raw[15] = 77;
	set(has_gids, false);
	fabric_changed(&a.vport);
	assert_false(is_up(&a));
	set(has_gids, true);
	wait_until(&loop, is_up(&a));
	assert_true(netns_has("vib0", &a.vport.attr.gids[0]));
	fabric_detach(&a.vport);
	wait_until(&loop, !netns_has("vib0", &a.vport.attr.gids[0]));
}

static void roce_without_a_network_device_stays_down(void **state)
{
	(void)state;
	need_netns();
	present = active = ethernet = has_gids = true;
	start();
	wait_until(&loop, fabric->wire);
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	settle();
	assert_false(fabric->up);
	assert_false(is_up(&a));
	assert_null(told.device);
	assert_string_equal(view().netdev, "");
	strcpy(hca_netdev, "vib0"); /* it has an address now */
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
	present = ethernet = true;
	strcpy(hca_netdev, "vib0");
	start();
	assert_false(wires_looked(wires));
	wait_until(&loop, wires_looked(wires));
	assert_string_equal(told.device, "hca0"); /* by then it could claim */
	assert_int_equal(told.port, 1);
	assert_int_equal(told.active_mtu, 5);
	assert_int_equal(told.gid_index(told.arg, &mgid), -1);
	set(has_gids, true);
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

	going = true;
	set(present, false);
	event();
	wait_until(&loop, !fabric->wire);
	assert_null(told.device);
	assert_int_equal(groups6_count(fabric->groups), 0);
	going = false;
	set(present, true);
	wait_until(&loop, told.device);
}

static void p_keys_are_read_by_the_job(void **state)
{
	unsigned int before;

	(void)state;
	need_netns();
	present = active = ethernet = true;
	strcpy(hca_netdev, "vib0");
	start();
	wait_until(&loop, told.device);
	assert_int_equal(told.pkeys[0], 0xffff);
	assert_int_equal(get(pkeys_read), 1);
	set(hca_pkey, 0x8001);
	event();
	wait_until(&loop, told.pkeys[0] == 0x8001);
	/* What cannot be read is none, and read again. */
	set(hca_pkey, 0);
	event();
	wait_until(&loop, told.pkeys[0] == 0);
	set(hca_pkey, 0x8002);
	wait_until(&loop, told.pkeys[0] == 0x8002);
	/* Without an event they are what they were, however often the port is looked at.
	 */
	before = get(pkeys_read);
	for (int i = 0; i < 15; i++)
		settle();
	assert_int_equal(get(pkeys_read), before);
}

static void vports_that_were_there_before_the_hca_wait_too(void **state)
{
	(void)state;
	need_netns();
	ethernet = active = true;
	strcpy(fabric->netdev, "vib0");
	start();
	assert_int_equal(fabric_attach(fabric, &a.vport), 0);
	b.vport.attr.link = VPORT_LINK_DOWN;
	assert_int_equal(fabric_attach(fabric, &b.vport), 0);
	settle();
	set(present, true);
	wait_until(&loop, fabric->up);
	assert_false(is_up(&a));
	set(has_gids, true);
	wait_until(&loop, is_up(&a));
	wait_until(&loop, b.vport.addresses == VPORT_ADDRESSES_READY);
	assert_false(is_up(&b));
	/* An HCA that was away has none yet. */
	set(has_gids, false);
	set(active, false);
	event();
	wait_until(&loop, !fabric->up);
	set(active, true);
	event();
	wait_until(&loop, fabric->up);
	assert_false(is_up(&a));
	set(has_gids, true);
	wait_until(&loop, is_up(&a));
}

static void a_vport_whose_address_is_anothers_stays_down(void **state)
{
	(void)state;
	need_netns();
	present = active = ethernet = has_gids = true;
	strcpy(hca_netdev, "vib0");
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

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
	strcpy(hca_netdev, "vib0");
	present = active = ethernet = true;
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
		test(a_vport_is_up_when_the_hca_has_its_gids),
		test(roce_without_a_network_device_stays_down),
		test(its_subnet_has_the_wire_while_there_is_one),
		test(p_keys_are_read_by_the_job),
		test(vports_that_were_there_before_the_hca_wait_too),
		test(a_vport_whose_address_is_anothers_stays_down),
		test(what_another_configuration_left_goes),
	};

	netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
