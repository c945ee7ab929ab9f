// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi_guests.h"

#include <string.h>

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
	if (packet->slid == SA_LID)
		check_from_sa(to, packet);
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
		if (!is_up(&guests[i]))
			EXPECT(!h.memberships && !h.services && !h.subscriptions &&
			       !h.reports && !h.transactions && !h.groups);
		memberships += h.memberships;
	}
	EXPECT(memberships == gsi_memberships(gsi));
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
	       !h.transactions && !h.groups);
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
	deliveries = 0;
	request = packet;
	gsi_receive(g->port, packet);
	request = NULL;
	/* One MAD is not many: its answer, or a burst, and a notice to each other one. */
	EXPECT(deliveries <= RMPP_BURST + 2 + GUESTS * MAX_SUBSCRIPTIONS * 2);
	check_holdings();
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
