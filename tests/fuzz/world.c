// SPDX-License-Identifier: GPL-2.0-or-later
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../by_step.h"
#include "control/object_command.h"
#include "engine/clock.h"
#include "engine/counters.h"
#include "engine/engine.h"
#include "engine/poller_parts.h"
#include "engine/poller_thread.h"
#include "engine/port_view.h"
#include "engine/rcu.h"
#include "grants.h"

struct world_guest world[WORLD_GUESTS];
struct engine *world_engine;
uint64_t world_now;

static struct by_step jobs;

static struct fabric fabric = { .name = "local", .up = true };

_Noreturn void world_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/* What was freed long ago need not be caught: caches are worth more. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=8";
}

/* ---- in place of clock.c and poller_thread.c ----------------------------- */

uint64_t clock_ns(void)
{
	return world_now;
}

int poller_start(struct poller *poller, int cpu)
{
	(void)poller;
	(void)cpu;
	return -1;
}

void poller_stop(struct poller *poller)
{
	(void)poller;
}

/* ---- pollers ----------------------------------------------------------- */

static void pass(struct poller *poller)
{
	poller_pass(poller);
	EXPECT(!poller->held && !poller->num_touched);
}

/* The order alternates, so that neither is always the first to see a change. */
static void pass_all(unsigned int first)
{
	for (unsigned int p = 0; p < WORLD_POLLERS; p++)
		pass(&world_engine->pollers[(first + p) % WORLD_POLLERS]);
}

/* What the engine lets through is the sender's own, and whole. */
static void check_mad(const struct world_guest *from, const struct mad_packet *packet)
{
	const struct vport *v = &from->vport;
	bool own_gid = !packet->grh, own_pkey = !packet->qpn && !packet->pkey;

	for (unsigned int i = 0; i < VIB_MAX_GIDS; i++)
		own_gid |= !gid_is_zero(&packet->sgid) &&
			   memcmp(&v->attr.gids[i], &packet->sgid,
				  sizeof(packet->sgid)) == 0;
	for (unsigned int i = 0; i < VIB_MAX_PKEYS; i++)
		own_pkey |= packet->qpn && v->attr.pkeys[i] == packet->pkey;
	EXPECT(packet->qpn <= 1 && packet->slid == v->lid && own_gid && own_pkey);
	EXPECT(packet->length <= VIB_MAD_BYTES && !(packet->flow_label >> 20));
	for (uint32_t i = packet->length; i < VIB_MAD_BYTES; i++)
		EXPECT(packet->mad[i] == 0);
}

static const struct world_guest *guest_at(uint16_t lid)
{
	for (unsigned int i = 0; i < WORLD_GUESTS; i++)
		if (world[i].connected && world[i].vport.lid == lid)
			return &world[i];
	return NULL;
}

static void route_mads(struct world_guest *from)
{
	struct mad_packet packet;

	while (from->connected && mad_take(from->conn.guest.vhca, &packet)) {
		const struct world_guest *to = guest_at(packet.dlid);

		check_mad(from, &packet);
		if (to)
			mad_deliver(to->conn.guest.vhca, &packet);
		else
			vhca_count_lost_mad(from->conn.guest.vhca);
	}
}

void world_pass(unsigned int times, uint64_t ns)
{
	for (unsigned int i = 0; i < times; i++) {
		world_now += ns;
		pass_all(i);
		for (unsigned int g = 0; g < WORLD_GUESTS; g++)
			route_mads(&world[g]);
	}
}

/*
 * While the control thread waits, for a grace period or a call, pollers pass:
 * here that is the only time that they do something within a command.
 */
void __real_urcu_qsbr_synchronize_rcu(void);
void __wrap_urcu_qsbr_synchronize_rcu(void);

void __wrap_urcu_qsbr_synchronize_rcu(void)
{
	pass_all(0);
	__real_urcu_qsbr_synchronize_rcu();
}

void __real_poller_call(struct poller *poller, void (*fn)(struct poller *, void *),
			void *arg);
void __wrap_poller_call(struct poller *poller, void (*fn)(struct poller *, void *),
			void *arg);

/* A call is the beginning of a pass. */
void __wrap_poller_call(struct poller *poller, void (*fn)(struct poller *, void *),
			void *arg)
{
	__real_poller_call(poller, fn, arg);
	pass(poller);
}

/* Bytes from which on a message is copied past the caches: few, to have some. */
uint64_t __wrap_stream_threshold(void);

uint64_t __wrap_stream_threshold(void)
{
	return 200000;
}

/* ---- guests ------------------------------------------------------------ */

static const struct vport_attr attr = {
	.num_gids = 2,
	.gids = { { { 0xfe, 0x80 } }, { { 0xfd } } },
	.num_pkeys = 2,
	.pkeys = { 0xffff, 0x7fff },
	.max_qp = 80, /* more than are polled directly */
	.max_cq = 16,
	.max_srq = 8,
	.max_mr = 32,
	.max_pd = 8,
	.max_ah = 8,
	.max_mem = 5,
	.prereg = 1024, /* 4 of them */
};

static void init_guest(struct world_guest *g, unsigned int index)
{
	g->index = index;
	g->pages = grants_memory() + (size_t)index * WORLD_PAGES;
	g->vport.attr = attr;
	for (unsigned int i = 0; i < attr.num_gids; i++)
		g->vport.attr.gids[i].raw[15] = (uint8_t)(index + 1);
	g->vport.fabric = &fabric;
	g->vport.lid = (uint16_t)(LID_SA + 1 + index);
}

static void init(void)
{
	rcu_register_thread();
	by_step_init(&jobs);
	world_engine = engine_new(WORLD_POLLERS, POLL_ALWAYS);
	EXPECT(world_engine && engine_add_xen(world_engine, grants_port()) == 0);
	for (unsigned int i = 0; i < WORLD_GUESTS; i++)
		init_guest(&world[i], i);
}

/* Every input is to find the same world, or it cannot be had again. */
static void renew_poller(struct poller *poller)
{
	enum poll_mode mode = poller->mode;

	poller_fini(poller);
	EXPECT(poller_init(poller, world_engine, mode) == 0);
	poller_add_events(poller, xenport_open_events(grants_port()));
}

void world_begin(void)
{
	if (!world_engine)
		init();
	world_now = 1000000000;
	memset(grants_memory(), 0, WORLD_GUESTS * WORLD_PAGES * (size_t)VIB_PAGE_SIZE);
	grants_forget_events();
	world_engine->serial = 0;
	world_engine->next_poller = 0;
	world_engine->qps.last = 0;
	for (unsigned int p = 0; p < WORLD_POLLERS; p++)
		renew_poller(&world_engine->pollers[p]);
	for (unsigned int i = 0; i < WORLD_GUESTS; i++)
		world[i].vport.attr.link = VPORT_LINK_AUTO;
}

static void check_poller(struct poller *poller)
{
	EXPECT(poller->num_hot == 0 && !poller_has_kicks(poller));
	EXPECT(timers_next(&poller->timers) == NEVER && !poller->call_waits);
	EXPECT(TAILQ_EMPTY(&poller->short_of_tokens));
}

void world_end(void)
{
	struct cds_lfht_iter iter;

	for (unsigned int i = 0; i < WORLD_GUESTS; i++)
		world_disconnect(&world[i]);
	world_pass(1, 0);
	EXPECT(grants_mapped() == 0);
	EXPECT(grants_bound() == 0);
	for (unsigned int p = 0; p < WORLD_POLLERS; p++)
		check_poller(&world_engine->pollers[p]);
	EXPECT(world_engine->qps.count == 0);
	cds_lfht_first(world_engine->mcast.groups, &iter);
	EXPECT(!cds_lfht_iter_get_node(&iter));
}

static void raised(void *arg)
{
	(void)arg;
}

/* Some have a reply, which is not what lies behind them. */
static bool process_mad(void *arg, const uint8_t in[VIB_MAD_BYTES],
			uint8_t out[VIB_MAD_BYTES])
{
	(void)arg;
	memcpy(out, in, VIB_MAD_BYTES);
	return in[0] & 1;
}

/* Some groups the SA has, and in some of those a guest is a member. */
static struct mcast_rule mcast_rule(void *arg, const struct vib_gid *mgid)
{
	const struct world_guest *g = arg;

	return (struct mcast_rule){
		.pkey = mgid->raw[15] & 1 ? 0xffff : 0,
		.joined = (mgid->raw[15] & 3) == 3 && g->index % 2,
	};
}

static struct vhca *new_vhca(const struct world_guest *g)
{
	const struct vport_attr *a = &g->vport.attr;
	const struct vhca_limits limits = {
		.max_qp = a->max_qp,
		.max_cq = a->max_cq,
		.max_srq = a->max_srq,
		.max_mr = a->max_mr,
		.max_pd = a->max_pd,
		.max_pages = a->max_mem * 256,
		.max_dma_pages = a->prereg,
		.rate = g->index == WORLD_GUESTS - 1 ? 8000000 : 0,
	};
	struct port_view view;
	struct vhca *vhca;

	vport_view(&g->vport, &view);
	vhca = vhca_new(world_engine, 0, &limits, &view, raised, NULL);
	EXPECT(vhca);
	mad_serve(vhca, raised, NULL);
	vhca_reach_grants(vhca, grants_port(), (uint16_t)(GRANTS_DOMID + g->index));
	vhca->mws.last = 0x801000;
	vhca->mrs.last = 0x1000; /* keys of one guest mean something to the others too */
	return vhca;
}

/* world_serve() looks by itself. */
static void on_resumed(struct connection *conn)
{
	EXPECT(!conn->parked);
}

void world_connect(struct world_guest *g)
{
	const struct connection_refs refs = {
		.control = PAGE_CONTROL,
		.ring = PAGE_RING,
		.async = PAGE_ASYNC,
		.event_channel = 0,
	};
	char why[WHY_MAX];

	if (g->connected)
		return;
	memset(g->pages[PAGE_RING], 0, VIB_PAGE_SIZE);
	memset(g->pages[PAGE_ASYNC], 0, VIB_PAGE_SIZE);
	SHARED_RING_INIT((struct vib_control_sring *)g->pages[PAGE_RING]);
	EXPECT(connection_open(&g->conn, grants_port(),
			       (uint16_t)(GRANTS_DOMID + g->index), &refs, why,
			       sizeof(why)) == 0);
	EXPECT(g->pages[PAGE_CONTROL][0] == 1);
	g->conn.guest.vhca = new_vhca(g);
	g->conn.guest.jobs = &jobs.jobs;
	g->conn.guest.process_mad = process_mad;
	g->conn.guest.mcast_rule = mcast_rule;
	g->conn.guest.gsi_arg = g;
	g->conn.resumed = on_resumed;
	g->connected = true;
}

static void on_cleared(struct connection *conn)
{
	EXPECT(conn->guest.vhca->pages == 0);
}

void world_disconnect(struct world_guest *g)
{
	if (!g->connected)
		return;
	if (connection_clear(&g->conn, on_cleared))
		by_steps(&jobs);
	EXPECT(g->conn.guest.vhca->pages == 0 && g->conn.guest.vhca->mappings == 0);
	EXPECT(g->conn.guest.pages.num_held == 0);
	vhca_free(g->conn.guest.vhca);
	connection_close(&g->conn);
	EXPECT(g->pages[PAGE_CONTROL][0] == 0);
	g->connected = false;
}

/* A command that maps much is several slices, between which pollers pass. */
void world_serve(struct world_guest *g)
{
	const char *cause = NULL;

	while (g->connected) {
		if (connection_service(&g->conn, &g->vport, &cause) < 0) {
			EXPECT(cause); /* a refusal has a reason */
			world_disconnect(g);
			return;
		}
		if (!g->conn.parked)
			return;
		while (g->conn.parked) {
			EXPECT(by_step(&jobs));
			world_pass(1, 0);
		}
	}
}

void world_set_link(struct world_guest *g, bool up)
{
	struct port_view view;

	if (!g->connected)
		return;
	g->vport.attr.link = up ? VPORT_LINK_UP : VPORT_LINK_DOWN;
	vport_view(&g->vport, &view);
	EXPECT(vhca_set_port(g->conn.guest.vhca, &view) == 0);
	connection_raise(&g->conn, VIB_ASYNC_PORT_CHANGE);
}

void world_set_rate(struct world_guest *g, unsigned int choice)
{
	static const uint64_t rates[] = { 0, 1000000, 200000000, 1000000000000 };

	if (g->connected)
		vhca_set_rate(g->conn.guest.vhca, rates[choice % 4]);
}

unsigned int world_notified(const struct world_guest *g, unsigned int channel)
{
	return grants_notified(g->index, channel);
}
