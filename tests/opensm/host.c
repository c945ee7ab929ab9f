// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A host of a simulated InfiniBand subnet: ibback's GSI and its umad agent on a port of
 * ibsim's, with vports whose guests are this program. It does what its standard input
 * says, a line each, and answers a line each: tests/opensm/check.
 *
 *	host DEVICE VPORTS GUID_CAP FIRST_GUID
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <infiniband/umad.h>
#include <infiniband/umad_sa.h>
#include <uv.h>

#include "engine/clock.h"
#include "gsi/gsi.h"
#include "gsi/mad.h"
#include "sim_umad.h"
#include "wire/umad.h"

#define MAX_VPORTS 64
#define SA_DATA    56
#define SA_MASK    48
#define PATIENCE   20000 /* ms */

struct guest {
	struct gsi_port *port;
	struct gsi_port_attr attr;
	enum gsi_addressed how;
	bool news;
	unsigned int answers, good; /* to what it asked for last */
	uint16_t dlid;              /* in the last path, and its hop limit */
	uint8_t hop_limit;
	unsigned int forgotten;
};

static uv_loop_t loop;
static struct gsi *gsi;
static struct umad_agent *agent;
static struct gsi_wire wire;
static struct umad_subnet subnet;
static struct guest guests[MAX_VPORTS];
static unsigned int num_guests;
static uint64_t tid;

/* ---- what the GSI calls ---------------------------------------------------- */

static void deliver(void *arg, void *port, const struct mad_packet *packet)
{
	struct guest *g = port;

	(void)arg;
	g->answers++;
	g->good += mad_status(packet->mad) == 0;
	if (mad_attribute(packet->mad) == UMAD_SA_ATTR_PATH_REC) {
		g->dlid = be16_at(packet->mad + SA_DATA + 40);
		g->hop_limit = packet->mad[SA_DATA + 47];
	}
}

static void dropped(void *arg, void *port, enum gsi_drop why)
{
	(void)arg;
	(void)port;
	fprintf(stderr, "dropped: %s\n", gsi_drop_text(why));
}

static void pkey_violation(void *arg, void *port)
{
	(void)arg;
	(void)port;
}

static void group(void *arg, const struct vib_gid *mgid, uint16_t pkey)
{
	(void)arg;
	(void)mgid;
	(void)pkey;
}

static void joined(void *arg, void *port, const struct vib_gid *mgid, bool is)
{
	(void)arg;
	(void)port;
	(void)mgid;
	(void)is;
}

static void counters(void *arg, void *port, struct vib_rsp_counters *c)
{
	(void)arg;
	(void)port;
	memset(c, 0, sizeof(*c));
}

static uint64_t now(void *arg)
{
	(void)arg;
	return clock_ns();
}

static enum gsi_drop to_wire(void *arg, void *port, const struct mad_packet *packet)
{
	(void)arg;
	(void)port;
	(void)packet;
	return GSI_DROP_NO_WIRE;
}

static bool wire_join(void *arg, const struct vib_gid *mgid, uint8_t bits)
{
	(void)arg;
	(void)mgid;
	(void)bits;
	return true;
}

static void wire_dropped(void *arg, enum gsi_drop why)
{
	(void)arg;
	(void)why;
}

static bool to_sa(void *arg, const uint8_t mad[VIB_MAD_BYTES])
{
	(void)arg;
	return umad_agent_ask(agent, mad) == 0;
}

static void addressed(void *arg, void *port, enum gsi_addressed how)
{
	struct guest *g = port;

	(void)arg;
	g->how = how;
	g->news = true;
}

static void forgotten(void *arg, void *port)
{
	(void)arg;
	((struct guest *)port)->forgotten++;
}

static const struct gsi_ops ops = {
	.deliver = deliver,
	.dropped = dropped,
	.pkey_violation = pkey_violation,
	.group = group,
	.joined = joined,
	.counters = counters,
	.now = now,
	.to_wire = to_wire,
	.wire_join = wire_join,
	.wire_dropped = wire_dropped,
	.to_sa = to_sa,
	.addressed = addressed,
	.forgotten = forgotten,
};

/* ---- what the agent calls -------------------------------------------------- */

static void received(void *arg, const struct mad_packet *packet)
{
	(void)arg;
	gsi_from_wire(gsi, packet);
}

static void sa_received(void *arg, const uint8_t *mad, size_t length)
{
	(void)arg;
	gsi_from_sa(gsi, mad, length);
}

static void unsent(void *arg, void *owner, unsigned int count)
{
	(void)arg;
	(void)owner;
	(void)count;
}

static void gone(void *arg)
{
	(void)arg;
}

static int gid_index(void *arg, const struct vib_gid *gid)
{
	(void)arg;
	(void)gid;
	return -1;
}

static bool gid_at(void *arg, unsigned int index, struct vib_gid *gid)
{
	(void)arg;
	(void)index;
	(void)gid;
	return false;
}

static const struct umad_events events = {
	.received = received,
	.sa_received = sa_received,
	.unsent = unsent,
	.gone = gone,
	.gid_index = gid_index,
	.gid_at = gid_at,
};

/* ---- the control part ------------------------------------------------------ */

/* As wire_vports.c does: a port is up as soon as it is known who it is. */
static void settle(struct guest *g)
{
	bool up = g->how == GSI_ADDRESSED_ALIAS || g->how == GSI_ADDRESSED_SHARED;

	g->news = false;
	memcpy(g->attr.gids[0].raw, wire.gid.raw, 8);
	memcpy(g->attr.gids[0].raw + 8,
	       g->how == GSI_ADDRESSED_SHARED ? wire.gid.raw + 8
					      : (uint8_t *)&g->attr.port.port_guid,
	       8);
	g->attr.port.state = up ? VIB_PORT_ACTIVE : VIB_PORT_DOWN;
	gsi_port_change(g->port, &g->attr);
}

static void wake(uv_timer_t *timer)
{
	(void)timer;
}

static void turn(void)
{
	uv_run(&loop, UV_RUN_ONCE);
	(void)gsi_tick(gsi);
	for (unsigned int i = 0; i < num_guests; i++)
		if (guests[i].port && guests[i].news)
			settle(&guests[i]);
}

/* Until @done, at most for @ms. */
static bool run_until(bool (*done)(void), uint64_t ms)
{
	uint64_t end = clock_ns() + ms * 1000000;

	while (!done() && clock_ns() < end)
		turn();
	return done();
}

static bool all_answered(void)
{
	for (unsigned int i = 0; i < num_guests; i++)
		if (guests[i].port && !guests[i].answers)
			return false;
	return true;
}

static bool all_addressed(void)
{
	for (unsigned int i = 0; i < num_guests; i++)
		if (guests[i].port && guests[i].how != GSI_ADDRESSED_ALIAS &&
		    guests[i].how != GSI_ADDRESSED_SHARED)
			return false;
	return true;
}

static bool never(void)
{
	return false;
}

/* ---- guests ---------------------------------------------------------------- */

static void add(unsigned int i, uint64_t guid)
{
	struct guest *g = &guests[i];

	*g = (struct guest){
		.attr = {
			.port = {
				.port_guid = htobe64(guid),
				.state = VIB_PORT_DOWN,
				.max_mtu = 5,
				.active_mtu = 5,
				.lid = wire.lid,
				.sm_lid = wire.sm_lid,
				.active_width = 2,
				.active_speed = 32,
			},
			.node_guid = guid + 0x10000,
			.pkeys = { 0xffff },
		},
	};
	memcpy(g->attr.gids[0].raw, wire.gid.raw, 8);
	put_be64(g->attr.gids[0].raw + 8, guid);
	g->port = gsi_port_add(gsi, &g->attr, g);
}

static struct mad_packet request(const struct guest *g, uint8_t method,
				 uint16_t attribute, uint64_t mask)
{
	struct mad_packet p = {
		.qpn = 1,
		.slid = wire.lid,
		.dlid = wire.sm_lid,
		.pkey = 0xffff,
		.length = VIB_MAD_BYTES,
		.mad = { 1, UMAD_CLASS_SUBN_ADM, 2, method },
	};

	(void)g;
	tid++;
	put_be64(p.mad + MAD_AT_TID, tid);
	put_be16(p.mad + MAD_AT_ATTRIBUTE, attribute);
	put_be64(p.mad + SA_MASK, mask);
	return p;
}

static void report(const char *what)
{
	unsigned int good = 0, answers = 0;

	for (unsigned int i = 0; i < num_guests; i++) {
		good += guests[i].port && guests[i].good;
		answers += guests[i].port && guests[i].answers;
	}
	printf("%s good=%u answers=%u\n", what, good, answers);
}

static void ask_all(const char *what,
		    struct mad_packet (*make)(const struct guest *g, uint64_t arg),
		    uint64_t arg)
{
	for (unsigned int i = 0; i < num_guests; i++)
		if (guests[i].port) {
			struct mad_packet p = make(&guests[i], arg);

			guests[i].answers = guests[i].good = 0;
			gsi_receive(guests[i].port, &p);
		}
	(void)run_until(all_answered, PATIENCE);
	report(what);
}

/* All that makes a group of it: P_Key, Q_Key, SL, flow label, traffic class. */
#define CREATE (1 | 2 | 1 << 2 | 1 << 7 | 1 << 6 | 1 << 12 | 1 << 13 | 1 << 16)

static struct mad_packet membership(const struct guest *g, uint8_t method,
				    uint64_t number)
{
	struct mad_packet p = request(g, method, UMAD_SA_ATTR_MCMEMBER_REC, CREATE);
	uint8_t *r = p.mad + SA_DATA;
	static const uint8_t ipoib[8] = { 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff };

	memcpy(r, ipoib, sizeof(ipoib));
	put_be64(r + 8, number);
	memcpy(r + 16, &g->attr.gids[0], 16);
	put_be32(r + 32, 0xb1b);
	put_be16(r + 40, 0xffff);
	r[48] = 0x21;
	return p;
}

static struct mad_packet a_join(const struct guest *g, uint64_t number)
{
	return membership(g, UMAD_METHOD_SET, number);
}

static struct mad_packet a_leave(const struct guest *g, uint64_t number)
{
	return membership(g, UMAD_SA_METHOD_DELETE, number);
}

static struct mad_packet a_path(const struct guest *g, uint64_t guid)
{
	struct mad_packet p = request(g, UMAD_METHOD_GET, UMAD_SA_ATTR_PATH_REC,
				      1 << 2 | 1 << 3 | 1 << 13);

	memcpy(p.mad + SA_DATA + 8, wire.gid.raw, 8);
	put_be64(p.mad + SA_DATA + 16, guid);
	memcpy(p.mad + SA_DATA + 24, &g->attr.gids[0], 16);
	put_be16(p.mad + SA_DATA + 50, 0xffff);
	return p;
}

static void print_status(void)
{
	unsigned int alias = 0, shared = 0, up = 0, lost = 0;

	for (unsigned int i = 0; i < num_guests; i++) {
		const struct guest *g = &guests[i];

		alias += g->port && g->how == GSI_ADDRESSED_ALIAS;
		shared += g->port && g->how == GSI_ADDRESSED_SHARED;
		up += g->port && g->attr.port.state == VIB_PORT_ACTIVE;
		lost += g->forgotten;
	}
	printf("status alias=%u shared=%u up=%u memberships=%u forgotten=%u lid=%u "
	       "guid=%016" PRIx64 "\n",
	       alias, shared, up, gsi_wire_memberships(gsi), lost, wire.lid,
	       be64_at(wire.gid.raw + 8));
}

static void print_path(void)
{
	bool first = true;

	for (unsigned int i = 0; i < num_guests; i++)
		if (guests[i].port && first) {
			printf("path dlid=%u hop_limit=%u\n", guests[i].dlid,
			       guests[i].hop_limit);
			first = false;
		}
}

static bool obey(const char *line)
{
	uint64_t arg = 0;
	char word[32] = "";

	(void)sscanf(line, "%31s %" SCNx64, word, &arg);
	if (strcmp(word, "addressed") == 0) {
		(void)run_until(all_addressed, PATIENCE);
		print_status();
	} else if (strcmp(word, "join") == 0) {
		ask_all("join", a_join, arg);
	} else if (strcmp(word, "leave") == 0) {
		ask_all("leave", a_leave, arg);
	} else if (strcmp(word, "path") == 0) {
		ask_all("path", a_path, arg);
		print_path();
	} else if (strcmp(word, "remove") == 0 && arg < num_guests && guests[arg].port) {
		gsi_port_remove(guests[arg].port);
		guests[arg].port = NULL;
		printf("removed\n");
	} else if (strcmp(word, "reregister") == 0) {
		gsi_reregister(gsi);
		printf("reregistered\n");
	} else if (strcmp(word, "run") == 0) {
		(void)run_until(never, arg);
		print_status();
	} else {
		return false;
	}
	fflush(stdout);
	return true;
}

static int begin(const char *device, unsigned int guids)
{
	umad_port_t port;

	if (sim_umad_begin(device) < 0 || umad_get_port(device, 1, &port) < 0)
		return -1;
	wire = (struct gsi_wire){
		.infiniband = true,
		.mtu = 4,
		.active_width = 2,
		.active_speed = 4,
		.pkeys = { 0xffff },
		.lid = (uint16_t)port.base_lid,
		.sm_lid = (uint16_t)port.sm_lid,
		.guids = guids,
	};
	memcpy(wire.gid.raw, &port.gid_prefix, 8);
	memcpy(wire.gid.raw + 8, &port.port_guid, 8);
	umad_release_port(&port);
	subnet = (struct umad_subnet){ .infiniband = true, .sm_lid = wire.sm_lid };
	agent = umad_agent_start(&loop, "sim", device, 1, &subnet, &events, NULL);
	return agent ? 0 : -1;
}

int main(int argc, char **argv)
{
	uv_timer_t timer;
	char line[256];

	if (argc != 5 || uv_loop_init(&loop) < 0)
		return 2;
	/* The GSI's timers are looked at as often. */
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, wake, 20, 20);
	if (begin(argv[1], (unsigned int)atoi(argv[3])) < 0) {
		fprintf(stderr, "no port\n");
		return 1;
	}
	gsi = gsi_new(&ops, NULL, NULL);
	num_guests = (unsigned int)atoi(argv[2]);
	if (!gsi || num_guests > MAX_VPORTS)
		return 1;
	for (unsigned int i = 0; i < num_guests; i++)
		add(i, strtoull(argv[4], NULL, 16) + i);
	gsi_set_wire(gsi, &wire);
	printf("ready lid=%u sm_lid=%u\n", wire.lid, wire.sm_lid);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		if (!obey(line))
			break;
	/* umad2sim's thread, and the one here, have no end. */
	_exit(0);
}
