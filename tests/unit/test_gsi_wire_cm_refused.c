// SPDX-License-Identifier: GPL-2.0-or-later
/* Communication management between vports and peers on the wire: whose connections one
 * may speak of, what does not pass, and quotas.
 */
#include "gsi_cm_world.h"

#include "gsi/limits.h"

/* ---- who speaks of whose -------------------------------------------------------- */

static void guest_speaks_of_its_own_connections_only(void **state)
{
	uint32_t wire = call_out(0, 0x1001);
	struct mad_packet packet = in(9, 0, REP, 0x9001, wire);
	static const uint16_t of_a_connection[] = { MRA, REJ, REP, RTU, DREQ, DREP, APR };

	(void)state;
	(void)passes_in(0, &packet);
	/* Another guest knows all its numbers. */
	for (size_t i = 0; i < sizeof(of_a_connection) / sizeof(*of_a_connection); i++) {
		packet = rej(out(1, 9, of_a_connection[i], wire, 0x9001), CONSUMER);
		world_expect_drop(&w, 1, &packet, GSI_DROP_CM_ID);
		(void)call_out(1, wire);
		packet = rej(out(1, 9, of_a_connection[i], wire, 0x9001), CONSUMER);
		world_expect_drop(&w, 1, &packet, GSI_DROP_CM_ID);
		gsi_port_reset(w.port[1]);
	}
	packet = rej(out(1, 9, REJ, wire, 0x9001), TIMEOUT);
	world_expect_drop(&w, 1, &packet, GSI_DROP_CM_ID);
	/* Nor does it answer calls to another. */
	packet = in(9, 0, REQ, 0x9002, 0);
	(void)passes_in(0, &packet);
	packet = out(1, 9, REP, 0x2001, 0x9002);
	world_expect_drop(&w, 1, &packet, GSI_DROP_CM_ID);
	/* Nor name another's address. */
	packet = out(1, 9, REQ, 0x2001, 0);
	put_gid(packet.mad + 80, world_gid(0));
	world_expect_drop(&w, 1, &packet, GSI_DROP_CM_FORGED);
	packet = rej(out(1, 9, REJ, 0x2001, 0), TIMEOUT);
	put_be64(packet.mad + CA_GUID_OF_REJ, w.attr[0].node_guid);
	world_expect_drop(&w, 1, &packet, GSI_DROP_CM_FORGED);
}

static void host_on_the_wire_speaks_of_its_own_connections_only(void **state)
{
	uint32_t wire = call_out(0, 0x1001);
	static const uint16_t any[] = { MRA, REP, RTU, REJ, DREQ, DREP, APR };
	struct mad_packet packet;

	(void)state;
	for (size_t i = 0; i < sizeof(any) / sizeof(*any); i++) {
		packet = in(8, 0, any[i], 0x9001, wire); /* another host */
		world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
		packet = in(9, 1, any[i], 0x9001, wire); /* another vport */
		world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
		packet = in(9, 0, any[i], 0x9001, wire + 1);
		world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	}
	packet = in(9, 0, SIDR_REP, wire + 1, 0);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	packet = in(9, 0, REP, 0x9001, wire);
	(void)passes_in(0, &packet);
}

static void call_names_the_addresses_it_comes_from(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);

	(void)state;
	put_gid(packet.mad + 80, world_remote_gid(8));
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_FORGED);
	packet = in(9, 1, REQ, 0x9001, 0);
	put_gid(packet.mad + 96, world_gid(2));
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_FORGED);
	put_gid(packet.mad + 96, world_gid(5)); /* nobody */
	world_expect_wire_drop(&w, &packet, GSI_DROP_NO_PORT);
	/* An alternate path, if there is one, too. */
	packet = in(9, 1, REQ, 0x9001, 0);
	put_gid(packet.mad + 124, world_remote_gid(8));
	put_gid(packet.mad + 140, world_gid(1));
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_FORGED);
	put_gid(packet.mad + 124, world_remote_gid(9));
	packet = passes_in(1, &packet);
	assert_int_equal(be16_at(packet.mad + 120), packet.slid);
	assert_int_equal(be16_at(packet.mad + 122), 0x11);
}

static void alternate_path_of_a_connection_is_between_its_ends(void **state)
{
	uint32_t wire = call_out(0, 0x1001);
	struct mad_packet packet = in(9, 0, REP, 0x9001, wire);

	(void)state;
	(void)passes_in(0, &packet);
	packet = in(9, 0, LAP, 0x9001, wire);
	put_gid(packet.mad + 48, world_remote_gid(8));
	put_gid(packet.mad + 64, world_gid(0));
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_FORGED);
	put_gid(packet.mad + 48, world_remote_gid(9));
	(void)passes_in(0, &packet);
}

static uint64_t ca_guid(const struct mad_packet *packet, size_t at)
{
	return be64_at(packet->mad + at);
}

/* What a peer says its CA is tells it from nobody; its GID does. */
static void ca_of_a_peer_is_its_interface_id(void **state)
{
	struct vib_gid gid = world_remote_gid(9);
	uint64_t peer = be64_at(gid.raw + 8), victim = w.attr[2].node_guid;
	uint32_t wire = call_out(0, 0x1001);
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);

	(void)state;
	put_be64(packet.mad + CA_GUID_OF_REQ, victim);
	packet = passes_in(1, &packet);
	assert_true(ca_guid(&packet, CA_GUID_OF_REQ) == peer);
	packet = rej(in(9, 1, REJ, 0x9001, 0), TIMEOUT);
	put_be64(packet.mad + CA_GUID_OF_REJ, victim);
	packet = passes_in(1, &packet);
	assert_true(ca_guid(&packet, CA_GUID_OF_REJ) == peer);
	packet = in(9, 0, REP, 0x9002, wire);
	put_be64(packet.mad + CA_GUID_OF_REP, victim);
	packet = passes_in(0, &packet);
	assert_true(ca_guid(&packet, CA_GUID_OF_REP) == peer);
	packet = rej(in(9, 0, REJ, 0x9002, wire), TIMEOUT);
	put_be64(packet.mad + CA_GUID_OF_REJ, victim);
	packet = passes_in(0, &packet);
	assert_true(ca_guid(&packet, CA_GUID_OF_REJ) == peer);
	/* Where others have something else, that is as it came. */
	packet = rej(in(9, 0, REJ, 0x9002, wire), CONSUMER);
	put_be64(packet.mad + CA_GUID_OF_REJ, victim);
	put_be64(packet.mad + CA_GUID_OF_REP, victim);
	packet = passes_in(0, &packet);
	assert_true(ca_guid(&packet, CA_GUID_OF_REJ) == victim);
	assert_true(ca_guid(&packet, CA_GUID_OF_REP) == victim);
}

/* Its address must not be what a vport's CA is called, either. */
static void ca_of_a_peer_is_no_vports(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);

	(void)state;
	put_be64(packet.sgid.raw + 8, w.attr[2].node_guid);
	put_gid(packet.mad + 80, packet.sgid);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_FORGED);
	world_remove(&w, 2);
	(void)passes_in(1, &packet);
}

static void who_gives_up_names_its_own_end(void **state)
{
	uint32_t wire = call_out(0, 0x1001);
	struct mad_packet packet = in(9, 0, REP, 0x9001, wire);

	(void)state;
	(void)passes_in(0, &packet);
	packet = rej(in(9, 0, REJ, 0x9002, wire), TIMEOUT);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	packet = rej(in(9, 0, REJ, 0, wire), TIMEOUT);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	packet = rej(in(9, 0, REJ, 0x9001, wire), TIMEOUT);
	(void)passes_in(0, &packet);
	/* Until it has told one, it is not held to any. */
	wire = call_out(0, 0x1002);
	packet = rej(in(9, 0, REJ, 0x9003, wire), TIMEOUT);
	(void)passes_in(0, &packet);
}

static void nobody_on_the_wire_is_a_vport(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);

	(void)state;
	packet.sgid = world_gid(0);
	put_gid(packet.mad + 80, world_gid(0));
	world_expect_wire_drop(&w, &packet, GSI_DROP_SGID);
	packet.sgid = world_sa_gid();
	world_expect_wire_drop(&w, &packet, GSI_DROP_SGID);
	memset(&packet.sgid, 0, 16);
	world_expect_wire_drop(&w, &packet, GSI_DROP_SGID);
	packet.sgid.raw[0] = 0xff;
	world_expect_wire_drop(&w, &packet, GSI_DROP_SGID);
}

static void only_cm_passes(void **state)
{
	static const uint8_t classes[] = { 0x01, 0x03, 0x04, 0x05, 0x06,
					   0x09, 0x32, 0x81, 0x10 };
	struct mad_packet packet;

	(void)state;
	for (size_t i = 0; i < sizeof(classes); i++) {
		packet = in(9, 1, REQ, 0x9001, 0);
		packet.mad[1] = classes[i];
		world_expect_wire_drop(&w, &packet, GSI_DROP_WIRE_CLASS);
		packet = out(0, 9, REQ, 0x1001, 0);
		packet.mad[1] = classes[i];
		world_expect_drop(&w, 0, &packet, GSI_DROP_WIRE_CLASS);
	}
	for (uint16_t attribute = 0; attribute < 0x40; attribute++) {
		if (attribute >= 0x10 && attribute <= 0x1c)
			continue;
		packet = in(9, 1, attribute, 0x9001, 0);
		world_expect_wire_drop(&w, &packet, GSI_DROP_WIRE_CLASS);
		packet = out(0, 9, attribute, 0x1001, 0);
		world_expect_drop(&w, 0, &packet, GSI_DROP_WIRE_CLASS);
	}
	packet = in(9, 1, REQ, 0x9001, 0);
	packet.mad[3] = 0x01;
	world_expect_wire_drop(&w, &packet, GSI_DROP_WIRE_CLASS);
	packet.mad[3] = 0x03;
	packet.mad[2] = 1;
	world_expect_wire_drop(&w, &packet, GSI_DROP_WIRE_CLASS);
}

static void form_is_checked(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);

	(void)state;
	packet.length = 255;
	world_expect_wire_drop(&w, &packet, GSI_DROP_MALFORMED);
	packet.length = VIB_MAD_BYTES;
	packet.mad[0] = 2;
	world_expect_wire_drop(&w, &packet, GSI_DROP_MALFORMED);
	packet.mad[0] = 1;
	packet.qpn = 0;
	world_expect_wire_drop(&w, &packet, GSI_DROP_MALFORMED);
	packet.qpn = 1;
	packet.grh = false;
	world_expect_wire_drop(&w, &packet, GSI_DROP_NO_GRH);
}

static void partitions_hold(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);

	(void)state;
	packet.pkey = 0x8001;
	world_expect_wire_drop(&w, &packet, GSI_DROP_PARTITION);
	assert_int_equal(w.pkey_violations[1], 1);
	world_set_pkeys(&w, 0, 0x8001, 0x7fff);
	packet = out(0, 9, REQ, 0x1001, 0);
	world_expect_drop(&w, 0, &packet, GSI_DROP_NO_WIRE);
	packet.pkey = 0x7fff;
	world_expect_drop(&w, 0, &packet, GSI_DROP_NO_WIRE);
}

static void links_that_are_down_take_nothing(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);

	(void)state;
	world_set_up(&w, 1, false);
	world_expect_wire_drop(&w, &packet, GSI_DROP_LINK_DOWN);
	packet = out(1, 9, REQ, 0x1001, 0);
	world_expect_drop(&w, 1, &packet, GSI_DROP_LINK_DOWN);
}

/* Without the claim, and with no HCA. */
static void without_a_wire_nothing_passes(void **state)
{
	struct mad_packet req = in(9, 1, REQ, 0x9001, 0);
	struct mad_packet packet = out(0, 9, REQ, 0x1001, 0);

	(void)state;
	w.wire.cm = false;
	gsi_set_wire(w.gsi, &w.wire);
	world_expect_wire_drop(&w, &req, GSI_DROP_NO_WIRE);
	world_expect_drop(&w, 0, &packet, GSI_DROP_NO_WIRE);
	gsi_set_wire(w.gsi, NULL);
	world_expect_wire_drop(&w, &req, GSI_DROP_NO_WIRE);
	world_expect_drop(&w, 0, &packet, GSI_DROP_NO_PORT);
	/* Between vports of the host all is as it was. */
	packet = world_mad_to(&w, 0, 1, 0x07, 0x03, RTU);
	packet.mad[2] = 2;
	put_be32(packet.mad + LOCAL, 0x1001);
	world_send(&w, 0, &packet);
	assert_memory_equal(world_take(&w)->packet.mad, packet.mad, VIB_MAD_BYTES);
}

static void what_the_wire_refuses_is_told(void **state)
{
	struct mad_packet packet = out(0, 9, REQ, 0x1001, 0);

	(void)state;
	w.wire_refuses = GSI_DROP_UNREACHABLE;
	world_expect_drop(&w, 0, &packet, GSI_DROP_UNREACHABLE);
	w.wire_refuses = 0;
	(void)passes_out(0, &packet);
	gsi_wire_lost(w.port[0], GSI_DROP_UNREACHABLE);
	assert_int_equal(w.drops[0][GSI_DROP_UNREACHABLE], 2);
}

/* ---- bounds ---------------------------------------------------------------------- */

static void guest_has_a_quota_of_ids(void **state)
{
	struct mad_packet packet;
	uint32_t wire = 0;

	(void)state;
	for (uint32_t i = 0; i < MAX_CM_IDS; i++)
		wire = call_out(0, i);
	packet = out(0, 9, REQ, MAX_CM_IDS, 0);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_IDS);
	(void)call_out(1, 1); /* another guest has its own */
	/* One that ends makes room. */
	packet = rej(in(9, 0, REJ, 0, wire), CONSUMER);
	(void)passes_in(0, &packet);
	(void)call_out(0, MAX_CM_IDS);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, MAX_CM_IDS);
}

/* However many hosts call, what the guest asked for is not forgotten. */
static void callers_have_a_quota(void **state)
{
	struct mad_packet path = world_sa(&w, 0, 0x01, 0x35, 1 << 2 | 1 << 3), packet;
	struct vib_gid asked = world_remote_gid(5000), found;
	uint16_t lid;

	(void)state;
	put_gid(path.mad + SA_DATA_AT + 8, asked);
	put_gid(path.mad + SA_DATA_AT + 24, world_gid(0));
	lid = be16_at(world_ask(&w, 0, &path)->mad + SA_DATA_AT + 40);
	packet = in(5000, 0, REQ, 1, 0); /* even if that calls, too */
	(void)passes_in(0, &packet);
	for (unsigned int i = 0; i < 2 * (MAX_CALLERS + MAX_CM_CALLS); i++) {
		packet = in(i, 0, REQ, i, 0);
		(void)passes_in(0, &packet);
	}
	assert_int_equal(gsi_port_holdings(w.port[0]).remotes, MAX_CALLERS + 1);
	assert_true(gsi_lid_to_gid(w.gsi, lid, &found));
	/* The first calls are forgotten, the last is not. */
	packet = out(0, 0, REP, 0x1001, 0);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_ID);
	packet = out(0, 2 * (MAX_CALLERS + MAX_CM_CALLS) - 1, REP, 0x1001,
		     2 * (MAX_CALLERS + MAX_CM_CALLS) - 1);
	(void)passes_out(0, &packet);
}

/* Vport 0 answers the call @id of remote @peer. */
static struct mad_packet answer(unsigned int peer, uint32_t id)
{
	return out(0, peer, REP, 0x10000 * peer + id, id);
}

static void call_in(unsigned int peer, uint32_t id)
{
	struct mad_packet packet = in(peer, 0, REQ, id, 0);

	(void)passes_in(0, &packet);
}

/* A peer that calls without end takes the place of nobody's calls but its own. */
static void who_calls_most_makes_room(void **state)
{
	struct mad_packet packet;

	(void)state;
	call_in(9, 1);
	call_in(7, 1);
	call_in(7, 2);
	for (uint32_t id = 1; id <= 3 * MAX_CM_CALLS; id++)
		call_in(8, id);
	/* A call that is sent again is one, however often. */
	for (unsigned int i = 0; i < 4 * MAX_CM_CALLS; i++)
		call_in(7, 1);
	/* Remote 8 has MAX_CM_CALLS - 3; a further caller takes the oldest of these. */
	call_in(6, 1);
	packet = answer(8, 2 * MAX_CM_CALLS + 4);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_ID);
	packet = answer(8, 2 * MAX_CM_CALLS + 5);
	(void)passes_out(0, &packet);
	packet = answer(8, 3 * MAX_CM_CALLS);
	(void)passes_out(0, &packet);
	packet = answer(9, 1);
	(void)passes_out(0, &packet);
	packet = answer(7, 1);
	(void)passes_out(0, &packet);
	packet = answer(7, 2);
	(void)passes_out(0, &packet);
	packet = answer(6, 1);
	(void)passes_out(0, &packet);
}

static void reset_forgets_all(void **state)
{
	uint32_t wire = call_out(0, 0x1001);
	struct mad_packet packet = in(9, 0, REQ, 0x9001, 0);

	(void)state;
	(void)passes_in(0, &packet);
	gsi_port_reset(w.port[0]);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, 0);
	assert_int_equal(gsi_port_holdings(w.port[0]).remotes, 0);
	packet = in(9, 0, REP, 0x9001, wire);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	packet = out(0, 9, REP, 0x1001, 0x9001);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_ID);
}

/* Whose GID it claims it is not; and the GID that it claims may be another's CA. */
static void ca_of_a_peer_without_a_grh_is_its_lid(void **state)
{
	struct mad_packet packet = in(2, 1, REQ, 0x9002, 0), got;
	struct vib_gid gid = world_remote_gid(2);
	uint64_t first;
	uint32_t wire;

	(void)state;
	packet.slid = 0x555;
	got = passes_in(1, &packet);
	assert_true(ca_guid(&got, CA_GUID_OF_REQ) == be64_at(gid.raw + 8));
	packet = in(2, 1, REQ, 0x9003, 0);
	put_be16(packet.mad + 76, 0x555);
	packet.slid = 0x555;
	packet.grh = false;
	got = passes_in(1, &packet);
	first = ca_guid(&got, CA_GUID_OF_REQ);
	assert_true(first != be64_at(gid.raw + 8));
	/* The same in what follows. */
	packet = out(1, 2, REP, 0x1001, 0x9003);
	packet.dlid = 0x555;
	packet = passes_out(1, &packet);
	wire = be32_at(packet.mad + LOCAL);
	packet = rej(in(2, 1, REJ, 0x9003, wire), TIMEOUT);
	packet.slid = 0x555;
	packet.grh = false;
	got = passes_in(1, &packet);
	assert_true(ca_guid(&got, CA_GUID_OF_REJ) == first);
	/* Another LID's is another. */
	packet = in(2, 1, REQ, 0x9003, 0);
	put_be16(packet.mad + 76, 0x556);
	packet.slid = 0x556;
	packet.grh = false;
	got = passes_in(1, &packet);
	assert_true(ca_guid(&got, CA_GUID_OF_REQ) != first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guest_speaks_of_its_own_connections_only),
		TEST(host_on_the_wire_speaks_of_its_own_connections_only),
		TEST(call_names_the_addresses_it_comes_from),
		TEST(alternate_path_of_a_connection_is_between_its_ends),
		TEST(ca_of_a_peer_is_its_interface_id),
		TEST(ca_of_a_peer_is_no_vports),
		TEST(who_gives_up_names_its_own_end),
		TEST(nobody_on_the_wire_is_a_vport),
		TEST(only_cm_passes),
		TEST(form_is_checked),
		TEST(partitions_hold),
		TEST(links_that_are_down_take_nothing),
		TEST(without_a_wire_nothing_passes),
		TEST(what_the_wire_refuses_is_told),
		TEST(guest_has_a_quota_of_ids),
		TEST(callers_have_a_quota),
		TEST(who_calls_most_makes_room),
		TEST(reset_forgets_all),
		TEST_INFINIBAND(ca_of_a_peer_without_a_grh_is_its_lid),
	};

	return cmocka_run_group_tests_name("gsi_wire_cm_refused", tests, NULL, NULL);
}
