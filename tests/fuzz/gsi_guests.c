// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi_guests.h"

#include <string.h>

#include "gsi/cm_fields.h"
#include "gsi/filter.h"
#include "gsi/limits.h"
#include "gsi/mad.h"
#include "gsi/pkeys.h"
#include "gsi/rmpp.h"
#include "told_groups.h"

#define SA_LID 1

/* Of a guest's P_Keys, how many change; the others are none. */
#define PKEYS  2

struct guest guests[GUESTS];

static struct gsi *gsi;
static uint64_t clock_now;
static const struct mad_packet *request; /* being answered */
static unsigned int deliveries;

static void check_holdings(void);

/* An interface id that no input hits on by chance. */
static uint64_t guid(unsigned int i)
{
	return 0x5ca1ab1e0ddba110 + i;
}

struct vib_gid guest_gid(unsigned int i)
{
	struct vib_gid gid = { .raw = { 0xfe, 0x80 } };

	put_be64(gid.raw + 8, guid(i));
	return gid;
}

static bool is_up(const struct guest *g)
{
	return g->attr.port.state == VIB_PORT_ACTIVE;
}

static struct guest *by_lid(uint16_t lid)
{
	for (unsigned int i = 0; i < GUESTS; i++)
		if (guests[i].port && guests[i].attr.port.lid == lid)
			return &guests[i];
	return NULL;
}

static bool share_a_partition(const struct guest *a, const struct guest *b)
{
	for (unsigned int i = 0; i < PKEYS; i++)
		for (unsigned int j = 0; j < PKEYS; j++)
			if (pkeys_match(a->attr.pkeys[i], b->attr.pkeys[j]))
				return true;
	return false;
}

static bool has_pkey(const struct guest *g, uint16_t pkey)
{
	for (unsigned int i = 0; i < PKEYS; i++)
		if (g->attr.pkeys[i] == pkey && pkey & 0x7fff)
			return true;
	return false;
}

static bool contains(const uint8_t *bytes, size_t size, const uint8_t *what,
		     size_t length)
{
	return memmem(bytes, size, what, length) != NULL;
}

/*
 * An answer says nothing of a guest that its reader shares no partition with, unless
 * somebody said it before. Later segments are of tables made when it still did.
 */
static void check_secrecy(const struct guest *to, const struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad;
	bool rmpp = mad[RMPP_FLAGS] & 1;

	if (!request || mad_status(mad) || rmpp_is_active(request->mad) ||
	    (rmpp && be32_at(mad + RMPP_SEGMENT) != 1))
		return;
	for (unsigned int i = 0; i < GUESTS; i++) {
		struct vib_gid gid = guest_gid(i);

		if (guests[i].port && &guests[i] != to && !guests[i].named &&
		    (!is_up(&guests[i]) || !share_a_partition(to, &guests[i])))
			EXPECT(!contains(mad + SA_DATA, 200, gid.raw + 8, 8));
	}
}

/* ---- the wire ---------------------------------------------------------------- */

struct mad_packet wire_last;
static struct gsi_wire wire;
static bool has_wire;
static const struct mad_packet *from_wire; /* being received */

struct vib_gid remote_gid_of(unsigned int i)
{
	struct vib_gid gid = { .raw = { 0xfe, 0x80 } };

	put_be64(gid.raw + 8, 0x0dd5eed500000000 + i);
	return gid;
}

static bool has_gid(const struct guest *g, const struct vib_gid *gid)
{
	return memcmp(gid, &g->attr.gids[0], 16) == 0 ||
	       memcmp(gid, &g->attr.gids[1], 16) == 0;
}

static bool is_of_a_guest(const struct vib_gid *gid)
{
	for (unsigned int i = 0; i < GUESTS; i++)
		if (guests[i].port && has_gid(&guests[i], gid))
			return true;
	return false;
}

/* Nothing leaves but CM, of who may, as who it is. */
static enum gsi_drop to_wire(void *arg, void *owner, const struct mad_packet *packet)
{
	const struct guest *from = owner;

	(void)arg;
	EXPECT(has_wire && wire.cm && is_up(from));
	EXPECT(packet->qpn == 1 && packet->length == VIB_MAD_BYTES && packet->grh);
	EXPECT(packet->mad[0] == 1 && packet->mad[1] == 0x07 && packet->mad[2] == 2);
	EXPECT(packet->pkey == wire.pkeys[0] && has_pkey(from, packet->pkey));
	EXPECT(has_gid(from, &packet->sgid) && !is_of_a_guest(&packet->dgid));
	EXPECT(packet->hop_limit > 1);
	if (packet->mad[17] == 0x10) {
		EXPECT(be16_at(packet->mad + 76) == 0xffff);
		EXPECT(memcmp(packet->mad + 80, &from->attr.gids[0], 16) == 0 ||
		       memcmp(packet->mad + 80, &from->attr.gids[1], 16) == 0);
	}
	wire_last = *packet;
	return packet->mad[255] & 1 ? GSI_DROP_UNREACHABLE : 0;
}

#define MAX_WIRE_GROUPS 1024

static struct vib_gid wire_groups[MAX_WIRE_GROUPS];
static uint8_t wire_joined[MAX_WIRE_GROUPS];
static unsigned int num_wire_groups;

static bool wire_join(void *arg, const struct vib_gid *mgid, uint8_t join_state)
{
	unsigned int i = 0;

	(void)arg;
	EXPECT(join_state < 16 && (has_wire || !join_state));
	while (i < num_wire_groups && memcmp(&wire_groups[i], mgid, sizeof(*mgid)) != 0)
		i++;
	if (i == MAX_WIRE_GROUPS)
		return true;
	if (i == num_wire_groups) {
		wire_groups[num_wire_groups++] = *mgid;
		wire_joined[i] = 0;
	}
	EXPECT(wire_joined[i] != join_state);
	/* There is room for some groups only. */
	if (join_state && mgid->raw[15] % 4 == 3)
		return false;
	wire_joined[i] = join_state;
	return true;
}

static void wire_dropped(void *arg, enum gsi_drop why)
{
	(void)arg;
	EXPECT(why > 0 && why < GSI_DROPS);
}

/* What came from the wire: nobody there is a guest, and speaks for another. */
static void check_from_wire(const struct guest *to, const struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad;
	struct vib_gid gid;

	EXPECT(has_wire && wire.cm && is_up(to));
	EXPECT(packet->qpn == 1 && packet->grh && packet->from_guest);
	EXPECT(mad[1] == 0x07 && mad[2] == 2 && mad[3] == 0x03);
	EXPECT(!is_of_a_guest(&packet->sgid) && has_gid(to, &packet->dgid));
	EXPECT(memcmp(&packet->sgid, &from_wire->sgid, 16) == 0);
	EXPECT(packet->dlid == to->attr.port.lid && packet->slid != SA_LID);
	if (packet->slid)
		EXPECT(gsi_lid_to_gid(gsi, packet->slid, &gid) &&
		       memcmp(&gid, &packet->sgid, 16) == 0);
	if (mad[17] == 0x10) {
		EXPECT(packet->slid && be16_at(mad + 76) == packet->slid);
		EXPECT(memcmp(mad + 80, &packet->sgid, 16) == 0);
		EXPECT(memcmp(mad + 96, &packet->dgid, 16) == 0);
	}
}

void guests_wire(uint8_t mtu)
{
	wire = (struct gsi_wire){
		.cm = !(mtu & 0x80),
		.mtu = 1 + mtu % 5,
		.active_width = 1,
		.active_speed = 4,
		.pkeys = { mtu & 0x40 ? 0x8001 : 0xffff },
	};
	/* Told while the wire is there: it leaves as it goes. */
	has_wire = mtu;
	gsi_set_wire(gsi, mtu ? &wire : NULL);
	for (unsigned int i = 0; !mtu && i < num_wire_groups; i++)
		EXPECT(!wire_joined[i]);
}

void wire_receive(const struct mad_packet *packet)
{
	uint64_t before = gsi_wire_stats(gsi)->delivered;

	deliveries = 0;
	from_wire = packet;
	gsi_from_wire(gsi, packet);
	from_wire = NULL;
	EXPECT(deliveries == gsi_wire_stats(gsi)->delivered - before && deliveries <= 1);
	check_holdings();
}

/* What stands for what is known, and within quotas. */
static void check_remotes(void)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < GUESTS; i++) {
		struct gsi_holdings h;

		if (!guests[i].port)
			continue;
		h = gsi_port_holdings(guests[i].port);
		EXPECT(h.remotes <= MAX_REMOTES + MAX_CALLERS && h.cm_ids <= MAX_CM_IDS);
		sum += h.remotes;
	}
	EXPECT(gsi_remotes(gsi) <= sum);
}

/* ---- what is delivered -------------------------------------------------------- */

static void check_from_sa(const struct guest *to, const struct mad_packet *packet)
{
	uint8_t method = mad_method(packet->mad);

	if (packet->qpn == 0) {
		EXPECT(mad_class(packet->mad) == 0x01 && method == 0x81 && is_up(to));
		return;
	}
	EXPECT(mad_class(packet->mad) == 0x03);
	EXPECT(method & MAD_IS_RESPONSE || method == UMAD_METHOD_REPORT);
	EXPECT(packet->pkey & 0x8000);
	if (method & MAD_IS_RESPONSE)
		check_secrecy(to, packet);
}

/* What another vport, or a port itself, sent. */
static void check_from_guest(const struct guest *to, const struct mad_packet *packet)
{
	const struct guest *from = by_lid(packet->slid);
	uint8_t class = mad_class(packet->mad);

	EXPECT(from != NULL);
	if (packet->qpn == 0) {
		EXPECT(from == to);
		EXPECT(class == 0x01 || class == 0x81);
		return;
	}
	EXPECT(is_up(from) && is_up(to));
	EXPECT(has_pkey(from, packet->pkey));
	EXPECT(share_a_partition(from, to));
	EXPECT(class == 0x04 || class == 0x06 || class == 0x07 ||
	       (class >= 0x30 && class <= 0x4f));
	if (packet->grh)
		EXPECT(memcmp(&packet->sgid, &from->attr.gids[0], 16) == 0 ||
		       memcmp(&packet->sgid, &from->attr.gids[1], 16) == 0);
}

static bool is_cm(const struct mad_packet *packet, uint16_t attribute)
{
	return packet->qpn == 1 && mad_class(packet->mad) == UMAD_CLASS_CM &&
	       cm_is_message(packet->mad) && mad_attribute(packet->mad) == attribute;
}

/*
 * What is said for a guest that is gone, which others' messages are not: nobody sends at
 * the time, or @to says that it ends.
 */
static bool is_farewell(const struct guest *to, const struct mad_packet *packet)
{
	if (!request)
		return is_cm(packet, UMAD_CM_ATTR_DREQ);
	return by_lid(request->slid) == to && is_cm(request, UMAD_CM_ATTR_DREQ) &&
	       is_cm(packet, UMAD_CM_ATTR_DREP);
}

/* It is about a connection that its receiver has begun or answered. */
static void check_farewell(const struct guest *to, const struct mad_packet *packet)
{
	const uint8_t *mad = packet->mad;

	EXPECT(to->cm_ids[mad[CM_REMOTE_ID + 3]]);
	if (!request)
		return;
	EXPECT(mad_tid(mad) == mad_tid(request->mad));
	EXPECT(be32_at(mad + CM_LOCAL_ID) == be32_at(request->mad + CM_REMOTE_ID));
	EXPECT(be32_at(mad + CM_REMOTE_ID) == be32_at(request->mad + CM_LOCAL_ID));
}

static void deliver(void *arg, void *owner, const struct mad_packet *packet)
{
	struct guest *to = owner;

	(void)arg;
	EXPECT(to->port != NULL);
	EXPECT(packet->length == VIB_MAD_BYTES && packet->qpn <= 1);
	EXPECT(packet->mad[0] == 1);
	EXPECT(packet->from_guest ==
	       (packet->qpn == 1 && filter_passes(mad_class(packet->mad))));
	if (packet->qpn == 1) {
		EXPECT(is_up(to));
		EXPECT(pkey_accepting(to->attr.pkeys, packet->pkey) >= 0);
	}
	if (from_wire)
		check_from_wire(to, packet);
	else if (packet->slid == SA_LID)
		check_from_sa(to, packet);
	else if (is_farewell(to, packet))
		check_farewell(to, packet);
	else
		check_from_guest(to, packet);
	to->last = *packet;
	deliveries++;
}

static void dropped(void *arg, void *owner, enum gsi_drop why)
{
	(void)arg;
	(void)owner;
	EXPECT(why > 0 && why < GSI_DROPS);
	EXPECT(strlen(gsi_drop_text(why)) > 1);
	EXPECT(strlen(gsi_drop_name(why)) > 1);
}

static void counters(void *arg, void *owner, struct vib_rsp_counters *c)
{
	(void)arg;
	(void)owner;
	memset(c, 0, sizeof(*c));
	c->xmit_bytes = clock_now * 4;
	c->rcv_packets = clock_now;
}

static uint64_t now(void *arg)
{
	(void)arg;
	return clock_now;
}

static void pkey_violation(void *arg, void *owner)
{
	(void)arg;
	(void)owner;
}

/* ---- multicast groups, as the engine is told of them ----------------------- */

_Static_assert(GUESTS <= TOLD_PORTS, "books for all guests");
static struct told_groups told;

static void group(void *arg, const struct vib_gid *mgid, uint16_t pkey)
{
	(void)arg;
	EXPECT(told_group(&told, mgid, pkey));
}

static void joined(void *arg, void *owner, const struct vib_gid *mgid, bool joined)
{
	const struct guest *g = owner;
	const struct told_group *t = told_find(&told, mgid);

	(void)arg;
	EXPECT(told_joined(&told, mgid, (unsigned int)(g - guests), joined));
	/* Who has no such P_Key does not come to receive; who loses it is told later. */
	EXPECT(!t || !joined || pkey_accepting(g->attr.pkeys, t->pkey) >= 0);
}

/* What was told is what is, and within its partition. */
static void check_groups(void)
{
	unsigned int groups = 0;

	for (unsigned int i = 0; i < told.count; i++) {
		const struct told_group *t = &told.groups[i];

		groups += t->pkey != 0;
		for (unsigned int j = 0; j < GUESTS; j++) {
			if (!guests[j].port)
				continue;
			EXPECT(told_as_asked(t, &t->mgid, guests[j].port, j));
			EXPECT(!t->joined[j] ||
			       (is_up(&guests[j]) &&
				pkey_accepting(guests[j].attr.pkeys, t->pkey) >= 0));
		}
	}
	EXPECT(told.count == TOLD_GROUPS || groups == gsi_groups(gsi));
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
};

/* What each has is within its quota, and adds up. */
static void check_holdings(void)
{
	unsigned int memberships = 0;

	for (unsigned int i = 0; i < GUESTS; i++) {
		struct gsi_holdings h;

		if (!guests[i].port)
			continue;
		h = gsi_port_holdings(guests[i].port);
		EXPECT(h.memberships <= MAX_MEMBERSHIPS && h.groups <= MAX_GROUPS);
		EXPECT(h.services <= MAX_SERVICES && h.reports <= MAX_REPORTS);
		EXPECT(h.subscriptions <= MAX_SUBSCRIPTIONS);
		EXPECT(h.transactions <= MAX_RMPP_SENDS + MAX_RMPP_RECEIVES);
		EXPECT(h.connections <= (GUESTS + 1) * MAX_CONNECTIONS);
		EXPECT(h.farewells <= MAX_FAREWELLS);
		if (!is_up(&guests[i]))
			EXPECT(!h.memberships && !h.services && !h.subscriptions &&
			       !h.reports && !h.transactions && !h.groups);
		memberships += h.memberships;
	}
	EXPECT(memberships == gsi_memberships(gsi));
	check_remotes();
	check_groups();
}

void guest_add(unsigned int i)
{
	struct guest *g = &guests[i];

	if (g->port)
		return;
	g->attr = (struct gsi_port_attr){
		.port = {
			.port_guid = htobe64(guid(i)),
			.state = VIB_PORT_ACTIVE,
			.phys_state = VIB_PHYS_LINK_UP,
			.max_mtu = 5,
			.active_mtu = 5,
			.lid = (uint16_t)(0x10 + i),
			.sm_lid = SA_LID,
			.max_vl_num = 1,
			.active_width = 2,
			.active_speed = 32,
		},
		.node_guid = guid(i) + 0x100,
		.gids = { guest_gid(i) },
		.pkeys = { 0xffff },
	};
	g->port = gsi_port_add(gsi, &g->attr, g);
	EXPECT(g->port != NULL);
	check_holdings();
}

void guest_remove(unsigned int i)
{
	if (!guests[i].port)
		return;
	gsi_port_remove(guests[i].port);
	guests[i].port = NULL;
	memset(guests[i].cm_ids, 0, sizeof(guests[i].cm_ids));
	check_holdings();
}

void guest_reset(unsigned int i)
{
	struct gsi_holdings h;

	if (!guests[i].port)
		return;
	gsi_port_reset(guests[i].port);
	h = gsi_port_holdings(guests[i].port);
	EXPECT(!h.memberships && !h.services && !h.subscriptions && !h.reports &&
	       !h.transactions && !h.groups && !h.remotes && !h.cm_ids &&
	       !h.connections && !h.farewells);
	memset(guests[i].cm_ids, 0, sizeof(guests[i].cm_ids));
	check_holdings();
}

void guest_change(unsigned int i)
{
	if (guests[i].port)
		gsi_port_change(guests[i].port, &guests[i].attr);
	check_holdings();
}

void guests_begin(void)
{
	memset(guests, 0, sizeof(guests));
	told.count = 0;
	num_wire_groups = 0;
	wire_last.length = 0;
	has_wire = false;
	clock_now = 1000000000;
	gsi = gsi_new(&ops, NULL, NULL);
	EXPECT(gsi != NULL);
	for (unsigned int i = 0; i < GUESTS; i++)
		guest_add(i);
}

void guests_end(void)
{
	for (unsigned int i = 0; i < GUESTS; i++)
		guest_remove(i);
	guests_wire(0); /* which is known of those that are gone */
	EXPECT(gsi_remotes(gsi) == 0);
	EXPECT(gsi_groups(gsi) == 0 && gsi_memberships(gsi) == 0);
	EXPECT(gsi_next(gsi) == UINT64_MAX);
	gsi_free(gsi);
}

void guest_send(unsigned int i, struct mad_packet *packet)
{
	struct guest *g = &guests[i];

	if (!g->port)
		return;
	packet->from_guest = true;
	packet->slid = g->attr.port.lid;
	packet->sgid = g->attr.gids[0];
	if (is_cm(packet, UMAD_CM_ATTR_REQ) || is_cm(packet, UMAD_CM_ATTR_REP))
		g->cm_ids[packet->mad[CM_LOCAL_ID + 3]] = true;
	deliveries = 0;
	request = packet;
	gsi_receive(g->port, packet);
	request = NULL;
	/* One MAD is not many: its answer, or a burst, and a notice to each other one. */
	EXPECT(deliveries <= RMPP_BURST + 2 + GUESTS * MAX_SUBSCRIPTIONS * 2);
	check_holdings();
}

struct mad_packet guest_asks(unsigned int i, uint8_t method, uint16_t attribute,
			     uint64_t mask)
{
	struct mad_packet packet = {
		.qpn = 1,
		.length = VIB_MAD_BYTES,
		.dlid = SA_LID,
		.pkey = guests[i].attr.pkeys[0],
		.mad = { 1, UMAD_CLASS_SUBN_ADM, 2, method },
	};

	put_be16(packet.mad + MAD_AT_ATTRIBUTE, attribute);
	put_be64(packet.mad + offsetof(struct umad_sa_packet, comp_mask), mask);
	return packet;
}

void guest_process(unsigned int i, const uint8_t mad[VIB_MAD_BYTES])
{
	uint8_t out[VIB_MAD_BYTES];

	if (!guests[i].port)
		return;
	if (gsi_process(guests[i].port, mad, out))
		EXPECT(out[0] == 1 && out[1] == mad[1] && out[3] == 0x81 &&
		       memcmp(out + 8, mad + 8, 8) == 0);
}

void guests_pass(uint64_t ns)
{
	clock_now += ns;
	gsi_tick(gsi);
	check_holdings();
}
