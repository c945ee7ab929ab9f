// SPDX-License-Identifier: GPL-2.0-or-later
#include "wires_world.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/backend.h"
#include "control/worker.h"
#include "wire/segments.h"
#include "wire/umad.h"

/* ---- the HCA ----------------------------------------------------------- */

struct its_hca hca;
struct wire_port hca_port;

struct wire_port *wire_port_open(const char *device, uint8_t port,
				 const struct wire_port_events *events, void *arg)
{
	if (!get(hca.present) || strcmp(device, "hca0") != 0 || port != 1) {
		errno = ENODEV;
		return NULL;
	}
	hca_port =
		(struct wire_port){ events, arg, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	__atomic_add_fetch(&hca.opened, 1, __ATOMIC_SEQ_CST);
	return &hca_port;
}

void wire_port_close(struct wire_port *port)
{
	assert_ptr_equal(port, &hca_port);
	close(port->fd);
	__atomic_sub_fetch(&hca.opened, 1, __ATOMIC_SEQ_CST);
}

unsigned int wire_port_users(const struct wire_port *port)
{
	assert_ptr_equal(port, &hca_port);
	return hca.users;
}

void vib_rewire(struct vib *vib)
{
	(void)vib;
	rewired++;
}

bool segments_hold(const char *sysfs, const char *device, char why[SEGMENTS_WHY_MAX])
{
	assert_string_equal(sysfs, "/sys");
	assert_string_equal(device, "hca0");
	assert_int_equal(get(hca.opened), 1); /* so that it is asked of what is there */
	if (get(hca.bounces))
		strcpy(why, "it bounces");
	return !get(hca.bounces);
}

int wire_port_fd(const struct wire_port *port)
{
	return port->fd;
}

void wire_port_read_events(struct wire_port *port)
{
	uint64_t n;

	assert_int_equal(read(port->fd, &n, sizeof(n)), sizeof(n));
	if (hca.going)
		port->events->gone(port, port->arg);
	else if (hca.asks_anew)
		port->events->reregister(port, port->arg);
	else
		port->events->changed(port, port->arg);
}

const struct vib_gid port_gid = { .raw = { 0xfe, 0x80, [8] = 9, [15] = 9 } };

int wire_port_state(struct wire_port *port, struct wire_port_state *state)
{
	(void)port;
	if (get(hca.fails) || !get(hca.present)) {
		errno = get(hca.fails) ? EIO : ENODEV;
		return -1;
	}
	*state = (struct wire_port_state){ .active = get(hca.active),
					   .ethernet = get(hca.ethernet),
					   .mtu = 4096 };
	if (!state->ethernet) {
		state->lid = get(hca.lid);
		state->sm_lid = 0x99;
		state->gid = port_gid;
		state->gids = 8;
	}
	memcpy(state->netdev, hca.netdev, sizeof(hca.netdev));
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
	return get(hca.has_gids) ? 3 : -1;
}

static pthread_t control;

int umad_read_pkeys(const char *device, uint8_t port, uint16_t pkeys[UMAD_PKEYS])
{
	assert_string_equal(device, "hca0");
	assert_int_equal(port, 1);
	assert_false(pthread_equal(pthread_self(), control)); /* it sleeps */
	__atomic_add_fetch(&hca.pkeys_read, 1, __ATOMIC_SEQ_CST);
	memset(pkeys, 0, UMAD_PKEYS * sizeof(pkeys[0]));
	pkeys[0] = get(hca.pkey);
	errno = EIO;
	return pkeys[0] ? 0 : -1;
}

void event(void)
{
	const uint64_t one = 1;

	assert_int_equal(write(hca_port.fd, &one, sizeof(one)), sizeof(one));
}

/* ---- its subnet -------------------------------------------------------- */

struct subnet_port told;
enum gsi_addressed says;
unsigned int reregistered;

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
	assert_int_equal(port->lid, get(hca.lid));
	assert_int_equal(port->sm_lid, 0x99);
	LIST_FOREACH(vport, &((struct fabric *)wire)->vports, entry)
	port->addressed(port->arg, vport, says);
}

void subnet_wire_reregister(struct subnet_wire *wire)
{
	assert_non_null(wire);
	reregistered++;
}

void subnet_wire_room(struct subnet_wire *wire)
{
	assert_non_null(wire);
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

uv_loop_t loop;
static uv_timer_t keeper; /* keeps the loop */
static struct worker worker;
struct fabric_table table;
struct fabric *fabric;
struct wires *wires;
static struct backend backend = { .label = "" };
struct vib a, b;
unsigned int changes, rewired;

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

void settle(void)
{
	for (int i = 0; i < 100; i++)
		loop_turn(&loop);
}

static void on_keeper(uv_timer_t *timer)
{
	(void)timer;
}

int wires_set_up(void **state)
{
	(void)state;
	says = GSI_ADDRESSED_ALIAS;
	hca = (struct its_hca){ .lid = PORT_LID, .pkey = 0xffff };
	reregistered = changes = rewired = 0;
	control = pthread_self();
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
	return 0;
}

const char *record;

void start(void)
{
	wires = wires_start(&table, &loop, &worker.jobs, record);
	assert_non_null(wires);
}

int wires_tear_down(void **state)
{
	(void)state;
	fabric_detach(&a.vport);
	fabric_detach(&b.vport);
	uv_close((uv_handle_t *)&keeper, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	wires_stop(wires);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(hca.opened, 0);
	record = NULL;
	fabric_table_free(&table);
	return 0;
}

bool is_up(const struct vib *vib)
{
	return vport_link_is_up(&vib->vport);
}

struct wire_view view(void)
{
	struct wire_view v;

	assert_true(wires_view(wires, fabric, &v));
	return v;
}
