// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi_world.h"

#include <stdio.h>

#include "gsi/filter.h"
#include "gsi/rmpp.h"

static struct gsi_world *world_of(void *arg)
{
	return arg;
}

static unsigned int index_of(const struct gsi_world *w, const void *owner)
{
	return (unsigned int)((const struct vib_rsp_counters *)owner - w->counters);
}

static void deliver(void *arg, void *owner, const struct mad_packet *packet)
{
	struct gsi_world *w = world_of(arg);

	assert_true(w->count < WORLD_OUT);
	/* What answers has its own room; what a guest sent has not. */
	assert_int_equal(packet->from_guest,
			 packet->qpn == 1 && filter_passes(mad_class(packet->mad)));
	w->out[w->count++] = (struct delivery){ index_of(w, owner), *packet };
}

static void dropped(void *arg, void *owner, enum gsi_drop why)
{
	struct gsi_world *w = world_of(arg);

	w->drops[index_of(w, owner)][why]++;
}

static void counters(void *arg, void *owner, struct vib_rsp_counters *c)
{
	struct gsi_world *w = world_of(arg);

	*c = w->counters[index_of(w, owner)];
}

static uint64_t now(void *arg)
{
	return world_of(arg)->now;
}

static void pkey_violation(void *arg, void *owner)
{
	struct gsi_world *w = world_of(arg);

	w->pkey_violations[index_of(w, owner)]++;
}

static void group(void *arg, const struct vib_gid *mgid, uint16_t pkey)
{
	struct gsi_world *w = world_of(arg);

	assert_true(told_group(&w->told, mgid, pkey));
	assert_true(w->told.count < TOLD_GROUPS);
}

static void joined(void *arg, void *owner, const struct vib_gid *mgid, bool joined)
{
	struct gsi_world *w = world_of(arg);

	assert_true(told_joined(&w->told, mgid, index_of(w, owner), joined));
}

bool world_has_group(const struct gsi_world *w, struct vib_gid mgid)
{
	const struct told_group *told = told_find(&w->told, &mgid);

	return told && told->pkey;
}

bool world_receives(const struct gsi_world *w, unsigned int i, struct vib_gid mgid)
{
	const struct told_group *told = told_find(&w->told, &mgid);

	assert_true(told_as_asked(told, &mgid, w->port[i], i));
	return told && told->joined[i];
}

/* ---- the wire -------------------------------------------------------------- */

static enum gsi_drop to_wire(void *arg, void *owner, const struct mad_packet *packet)
{
	struct gsi_world *w = world_of(arg);

	if (w->wire_refuses)
		return w->wire_refuses;
	assert_true(w->wire_count < WORLD_OUT);
	assert_true(packet->grh);
	assert_int_equal(packet->qpn, 1);
	w->wire_out[w->wire_count++] = (struct delivery){ index_of(w, owner), *packet };
	return 0;
}

static bool wire_join(void *arg, const struct vib_gid *mgid, uint8_t join_state)
{
	struct gsi_world *w = world_of(arg);
	struct wire_joined *j = w->wire_joined;

	while (j < w->wire_joined + w->num_wire_joined &&
	       memcmp(&j->mgid, mgid, sizeof(*mgid)) != 0)
		j++;
	if (j == w->wire_joined + w->num_wire_joined) {
		assert_true(w->num_wire_joined < WORLD_WIRE_GROUPS);
		*j = (struct wire_joined){ .mgid = *mgid };
		w->num_wire_joined++;
	}
	assert_int_not_equal(j->join_state, join_state);
	if (join_state && w->wire_full)
		return false;
	j->join_state = join_state;
	j->changes++;
	return true;
}

static void wire_dropped(void *arg, enum gsi_drop why)
{
	world_of(arg)->wire_drops[why]++;
}

uint8_t world_wire_joined(const struct gsi_world *w, struct vib_gid mgid)
{
	for (unsigned int i = 0; i < w->num_wire_joined; i++)
		if (memcmp(&w->wire_joined[i].mgid, &mgid, sizeof(mgid)) == 0)
			return w->wire_joined[i].join_state;
	return 0;
}

void world_set_wire(struct gsi_world *w)
{
	w->wire = (struct gsi_wire){
		.cm = true,
		.mtu = 3,
		.active_width = 1,
		.active_speed = 4,
		.pkeys = { 0xffff },
	};
	gsi_set_wire(w->gsi, &w->wire);
}

struct vib_gid world_remote_gid(unsigned int i)
{
	struct vib_gid gid = { .raw = { 0xfe, 0x80, [8] = 0x00, 0x02, 0xc9, 0xff } };

	put_be16(gid.raw + 14, (uint16_t)i);
	return gid;
}

void world_expect_quiet_wire(struct gsi_world *w)
{
	assert_int_equal(w->wire_taken, w->wire_count);
}

const struct mad_packet *world_take_wire(struct gsi_world *w, unsigned int from)
{
	static struct delivery one;

	assert_int_equal(w->wire_taken + 1, w->wire_count);
	one = w->wire_out[0];
	w->wire_taken = w->wire_count = 0;
	assert_int_equal(one.to, from);
	return &one.packet;
}

static unsigned int wire_drops(const struct gsi_world *w)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < GSI_DROPS; i++)
		sum += w->wire_drops[i];
	return sum;
}

void world_expect_wire_drop(struct gsi_world *w, const struct mad_packet *packet,
			    enum gsi_drop why)
{
	unsigned int before = w->wire_drops[why], all = wire_drops(w);

	world_expect_quiet(w);
	gsi_from_wire(w->gsi, packet);
	world_expect_quiet(w);
	assert_int_equal(w->wire_drops[why], before + 1);
	assert_int_equal(wire_drops(w), all + 1);
	assert_true(gsi_wire_stats(w->gsi)->dropped[why] == before + 1);
}

static bool to_sa(void *arg, const uint8_t mad[VIB_MAD_BYTES])
{
	struct gsi_world *w = world_of(arg);

	if (w->sa_refuses)
		return false;
	assert_true(w->sa_count < WORLD_SA_OUT);
	memcpy(w->sa_out[w->sa_count++], mad, VIB_MAD_BYTES);
	return true;
}

static void addressed(void *arg, void *owner, enum gsi_addressed how)
{
	struct gsi_world *w = world_of(arg);

	w->addressed[index_of(w, owner)] = how;
}

static void forgotten(void *arg, void *owner)
{
	struct gsi_world *w = world_of(arg);

	w->forgotten[index_of(w, owner)]++;
}

void world_set_infiniband(struct gsi_world *w, enum gsi_addressing addressing)
{
	w->wire = (struct gsi_wire){
		.infiniband = true,
		.cm = true,
		.mtu = 5,
		.active_width = 2,
		.active_speed = 32,
		.pkeys = { 0xffff, 0x8001 },
		.lid = 0x77,
		.sm_lid = 0x99,
		.gid = { .raw = { 0xfe, 0x80, [8] = 2, 0xc9, [15] = 0x77 } },
		.guids = 6,
		.addressing = addressing,
	};
	for (unsigned int i = 0; i < WORLD_PORTS; i++)
		if (w->port[i]) {
			w->attr[i].port.lid = 0x77;
			w->attr[i].port.sm_lid = 0x99;
			world_change(w, i);
		}
	gsi_set_wire(w->gsi, &w->wire);
}

const uint8_t *world_take_sa(struct gsi_world *w)
{
	return w->sa_taken < w->sa_count ? w->sa_out[w->sa_taken++] : NULL;
}

void world_sa_answers(struct gsi_world *w, const uint8_t *request, uint16_t status,
		      const void *data, size_t length, size_t size)
{
	static uint8_t mad[1 << 16];

	assert_true(SA_DATA_AT + length <= sizeof(mad));
	memset(mad, 0, sizeof(mad));
	memcpy(mad, request, VIB_MAD_BYTES);
	put_be64(mad + MAD_AT_TID, 0x1234567800000000 | (uint32_t)mad_tid(request));
	mad_set_method(mad, mad_response_method(mad_method(request)));
	mad_set_status(mad, status);
	put_be16(mad + 44, (uint16_t)(size / 8));
	if (data)
		memcpy(mad + SA_DATA_AT, data, length);
	gsi_from_sa(w->gsi, mad,
		    mad_method(request) == UMAD_SA_METHOD_GET_TABLE ? SA_DATA_AT + length
								    : VIB_MAD_BYTES);
}

static const struct gsi_ops ops = {
	.to_sa = to_sa,
	.addressed = addressed,
	.forgotten = forgotten,
	.to_wire = to_wire,
	.wire_join = wire_join,
	.wire_dropped = wire_dropped,
	.deliver = deliver,
	.dropped = dropped,
	.pkey_violation = pkey_violation,
	.group = group,
	.joined = joined,
	.counters = counters,
	.now = now,
};

struct vib_gid world_gid(unsigned int i)
{
	struct vib_gid gid = { .raw = { 0xfe, 0x80, [8] = 0x00, 0x02, 0xc9, 0x03 } };

	gid.raw[15] = (uint8_t)(0x10 + i);
	return gid;
}

struct vib_gid world_sa_gid(void)
{
	return (struct vib_gid){ .raw = { 0xfe, 0x80, [8] = 0x02, [15] = 0x02 } };
}

static struct gsi_port_attr attr_of(unsigned int i)
{
	struct gsi_port_attr attr = {
		.port = {
			.port_guid = htobe64(0x0002c90300000010 + i),
			.state = VIB_PORT_ACTIVE,
			.phys_state = VIB_PHYS_LINK_UP,
			.max_mtu = 5,
			.active_mtu = 5,
			.lid = (uint16_t)(0x10 + i),
			.sm_lid = SA_LID,
			.max_vl_num = 1,
			.subnet_timeout = 18,
			.active_width = 2,
			.active_speed = 32,
			.gid_tbl_len = VIB_MAX_GIDS,
			.pkey_tbl_len = VIB_MAX_PKEYS,
			.cap_mask = 0x02014800,
			.max_msg_sz = 0x80000000,
		},
		.node_guid = 0x0002c90300000100 + i,
		.vendor_id = 0x00163e,
		.device_id = 1,
		.revision = 7,
		.gids = { world_gid(i) },
		.pkeys = { 0xffff },
	};

	snprintf(attr.node_desc, sizeof(attr.node_desc), "guest %u", i);
	return attr;
}

void world_add(struct gsi_world *w, unsigned int i)
{
	w->attr[i] = attr_of(i);
	w->port[i] = gsi_port_add(w->gsi, &w->attr[i], &w->counters[i]);
	assert_non_null(w->port[i]);
}

void world_remove(struct gsi_world *w, unsigned int i)
{
	gsi_port_remove(w->port[i]);
	w->port[i] = NULL;
}

void world_change(struct gsi_world *w, unsigned int i)
{
	gsi_port_change(w->port[i], &w->attr[i]);
}

void world_set_pkeys(struct gsi_world *w, unsigned int i, uint16_t a, uint16_t b)
{
	memset(w->attr[i].pkeys, 0, sizeof(w->attr[i].pkeys));
	w->attr[i].pkeys[0] = a;
	w->attr[i].pkeys[1] = b;
	world_change(w, i);
}

void world_set_up(struct gsi_world *w, unsigned int i, bool up)
{
	w->attr[i].port.state = up ? VIB_PORT_ACTIVE : VIB_PORT_DOWN;
	world_change(w, i);
}

void world_begin(struct gsi_world *w, unsigned int ports)
{
	world_begin_as(w, ports, NULL);
}

void world_begin_as(struct gsi_world *w, unsigned int ports,
		    const struct gsi_config *config)
{
	memset(w, 0, sizeof(*w));
	w->now = SECOND;
	w->gsi = gsi_new(&ops, w, config);
	assert_non_null(w->gsi);
	for (unsigned int i = 0; i < ports; i++)
		world_add(w, i);
}

int world_of_2(void **world)
{
	world_begin(*world, 2);
	return 0;
}

int world_of_3(void **world)
{
	world_begin(*world, 3);
	return 0;
}

int world_of_4(void **world)
{
	world_begin(*world, 4);
	return 0;
}

int world_with_wire(void **world)
{
	world_begin(*world, 3);
	world_set_wire(*world);
	return 0;
}

int world_over(void **world)
{
	world_end(*world);
	return 0;
}

void world_end(struct gsi_world *w)
{
	for (unsigned int i = 0; i < WORLD_PORTS; i++)
		if (w->port[i])
			world_remove(w, i);
	if (w->wire.infiniband) /* where the SA is told even of what has ended */
		gsi_set_wire(w->gsi, NULL);
	assert_int_equal(gsi_groups(w->gsi), 0);
	assert_int_equal(gsi_memberships(w->gsi), 0);
	assert_int_equal(gsi_remotes(w->gsi), 0);
	for (unsigned int i = 0; i < w->num_wire_joined; i++)
		assert_int_equal(w->wire_joined[i].join_state, 0);
	assert_true(gsi_next(w->gsi) == UINT64_MAX);
	gsi_free(w->gsi);
}

void world_pass(struct gsi_world *w, uint64_t ns)
{
	w->now += ns;
	gsi_tick(w->gsi);
}

struct mad_packet world_mad(struct gsi_world *w, unsigned int from, uint8_t mgmt_class,
			    uint8_t class_version, uint8_t method, uint16_t attribute)
{
	struct mad_packet packet = {
		.qpn = 1,
		.from_guest = true,
		.slid = w->attr[from].port.lid,
		.dlid = SA_LID,
		.pkey = w->attr[from].pkeys[0],
		.length = VIB_MAD_BYTES,
	};

	packet.mad[0] = 1;
	packet.mad[1] = mgmt_class;
	packet.mad[2] = class_version;
	packet.mad[3] = method;
	put_be64(packet.mad + 8, 0x1122334400000000 + ++w->tid);
	put_be16(packet.mad + 16, attribute);
	return packet;
}

struct mad_packet world_mad_to(struct gsi_world *w, unsigned int from, unsigned int to,
			       uint8_t mgmt_class, uint8_t method, uint16_t attribute)
{
	struct mad_packet packet = world_mad(w, from, mgmt_class, 1, method, attribute);

	packet.dlid = w->attr[to].port.lid;
	return packet;
}

struct mad_packet world_sa(struct gsi_world *w, unsigned int from, uint8_t method,
			   uint16_t attribute, uint64_t mask)
{
	struct mad_packet packet = world_mad(w, from, 0x03, 2, method, attribute);

	put_be64(packet.mad + 48, mask);
	return packet;
}

void world_grh(struct mad_packet *packet, unsigned int from, struct vib_gid dgid)
{
	packet->grh = true;
	packet->sgid = world_gid(from);
	packet->dgid = dgid;
	packet->flow_label = 0x12345;
	packet->traffic_class = 0x67;
	packet->hop_limit = 1;
}

void world_send(struct gsi_world *w, unsigned int from, const struct mad_packet *packet)
{
	gsi_receive(w->port[from], packet);
}

unsigned int world_waiting(const struct gsi_world *w)
{
	return w->count - w->taken;
}

const struct delivery *world_take(struct gsi_world *w)
{
	static struct delivery one;

	assert_true(w->taken < w->count);
	one = w->out[w->taken++];
	if (w->taken == w->count)
		w->taken = w->count = 0;
	return &one;
}

void world_expect_quiet(struct gsi_world *w)
{
	assert_int_equal(world_waiting(w), 0);
}

const struct mad_packet *world_ask(struct gsi_world *w, unsigned int from,
				   const struct mad_packet *packet)
{
	const struct delivery *d;

	world_expect_quiet(w);
	world_send(w, from, packet);
	d = world_take(w);
	assert_int_equal(d->to, from);
	world_expect_quiet(w);
	return &d->packet;
}

uint16_t world_status(struct gsi_world *w, unsigned int from,
		      const struct mad_packet *packet)
{
	return mad_status(world_ask(w, from, packet)->mad);
}

static unsigned int drops_of(const struct gsi_world *w, unsigned int from)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < GSI_DROPS; i++)
		sum += w->drops[from][i];
	return sum;
}

void world_expect_drop(struct gsi_world *w, unsigned int from,
		       const struct mad_packet *packet, enum gsi_drop why)
{
	unsigned int before = w->drops[from][why], all = drops_of(w, from);

	world_expect_quiet(w);
	world_expect_quiet_wire(w);
	world_send(w, from, packet);
	world_expect_quiet(w);
	world_expect_quiet_wire(w);
	assert_int_equal(w->drops[from][why], before + 1);
	assert_int_equal(drops_of(w, from), all + 1);
}

size_t world_ask_table(struct gsi_world *w, unsigned int from,
		       const struct mad_packet *request, uint8_t *out, size_t size)
{
	const uint32_t window = 8;
	uint32_t next = 1, granted = 1;
	struct mad_packet ack = *request;
	size_t length = 0;

	world_expect_quiet(w);
	world_send(w, from, request);
	for (;;) {
		struct delivery d = *world_take(w);
		const uint8_t *mad = d.packet.mad;
		uint32_t paylen = be32_at(mad + RMPP_LENGTH_WINDOW);
		bool last = mad[RMPP_FLAGS] & RMPP_LAST;
		size_t data = last ? paylen - 20 : 200;

		assert_int_equal(d.to, from);
		assert_int_equal(mad_status(mad), 0);
		assert_int_equal(mad[RMPP_VERSION], 1);
		assert_int_equal(mad[RMPP_TYPE], RMPP_DATA);
		assert_int_equal(be32_at(mad + RMPP_SEGMENT), next);
		assert_int_equal(!!(mad[RMPP_FLAGS] & RMPP_FIRST), next == 1);
		assert_true(length + data <= size);
		memcpy(out + length, mad + SA_DATA_AT, data);
		length += data;
		if (!last && next != granted) {
			next++;
			continue;
		}
		ack.mad[RMPP_VERSION] = 1;
		ack.mad[RMPP_TYPE] = RMPP_ACK;
		ack.mad[RMPP_FLAGS] = UMAD_RMPP_FLAG_ACTIVE;
		put_be32(ack.mad + RMPP_SEGMENT, next);
		if (!last)
			granted = next + window;
		put_be32(ack.mad + RMPP_LENGTH_WINDOW, granted);
		world_send(w, from, &ack);
		if (last)
			break;
		next++;
	}
	world_expect_quiet(w);
	assert_int_equal(gsi_port_holdings(w->port[from]).transactions, 0);
	return length;
}
