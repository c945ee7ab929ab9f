// SPDX-License-Identifier: GPL-2.0-or-later
/* Communication management between vports and peers on the wire: calls out and in with
 * their ids, TIDs and addresses, and what is said when a vport goes.
 */
#include "gsi_cm_world.h"

#include "gsi/limits.h"
#include "lids.h"

/* ---- calling out ------------------------------------------------------------- */

static void call_out_and_what_follows(void **state)
{
	struct mad_packet packet = out(0, 9, REQ, 0x1001, 0);
	uint64_t tid = mad_tid(packet.mad);
	struct mad_packet req = passes_out(0, &packet), rep, dreq;
	uint32_t wire = id_of(&req, LOCAL);

	(void)state;
	assert_int_not_equal(wire, 0x1001);
	/* The addresses are the vport's; LIDs are of no use there. */
	assert_true(req.grh && memcmp(&req.sgid, &packet.sgid, 16) == 0);
	assert_int_equal(be16_at(req.mad + 76), 0xffff);
	assert_int_equal(be16_at(req.mad + 78), 0xffff);
	assert_int_equal(req.mad[118] & 0x08, 0);
	/* There is no alternate path, and none is made. */
	assert_int_equal(be16_at(req.mad + 120), 0);

	/* The kernel writes over the upper half of the TID. */
	rep = in(9, 0, REP, 0x9001, wire);
	put_be64(rep.mad + TID, 0x5500000000 | (uint32_t)mad_tid(req.mad));
	rep = passes_in(0, &rep);
	assert_int_equal(id_of(&rep, LOCAL), 0x9001);
	assert_int_equal(id_of(&rep, REMOTE), 0x1001);
	assert_true(mad_tid(rep.mad) == tid);

	packet = out(0, 9, RTU, 0x1001, 0x9001);
	packet = passes_out(0, &packet);
	assert_int_equal(id_of(&packet, LOCAL), wire);
	assert_int_equal(id_of(&packet, REMOTE), 0x9001);

	dreq = out(0, 9, DREQ, 0x1001, 0x9001);
	dreq = passes_out(0, &dreq);
	assert_int_equal(id_of(&dreq, LOCAL), wire);
	packet = in(9, 0, DREP, 0x9001, wire);
	packet = passes_in(0, &packet);
	assert_int_equal(id_of(&packet, REMOTE), 0x1001);
	/* Half a minute later nobody knows of it. */
	world_pass(&w, 30 * SECOND - 1);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, 1);
	world_pass(&w, 1);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, 0);
	packet = in(9, 0, DREP, 0x9001, wire);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	packet = out(0, 9, DREQ, 0x1001, 0x9001);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_ID);
}

static void the_same_id_of_two_guests_is_two_on_the_wire(void **state)
{
	uint32_t a = call_out(0, 0x1001), b = call_out(1, 0x1001);
	struct mad_packet packet = in(9, 1, REP, 0x9001, b);

	(void)state;
	assert_int_not_equal(a, b);
	packet = passes_in(1, &packet);
	assert_int_equal(id_of(&packet, REMOTE), 0x1001);
	packet = in(9, 0, REP, 0x9002, a);
	(void)passes_in(0, &packet);
}

static void call_that_is_sent_again_is_the_same(void **state)
{
	struct mad_packet packet = out(0, 9, REQ, 0x1001, 0), first, again;

	(void)state;
	first = passes_out(0, &packet);
	again = passes_out(0, &packet);
	assert_memory_equal(first.mad, again.mad, VIB_MAD_BYTES);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, 1);
}

static void ids_and_tids_go_round(void **state)
{
	uint32_t first = call_out(0, 1), second = call_out(0, 2);

	(void)state;
	assert_int_equal(second, first + 1);
	/* One that ended is not given at once. */
	gsi_port_reset(w.port[0]);
	assert_int_equal(call_out(0, 3), first + 2);
}

/* A guest is told MGIDs; ids and TIDs of others do not follow from them. */
static void numbers_have_beginnings_of_their_own(void **state)
{
	struct gsi_config config = gsi_default_config;
	/* What a new group needs; its MGID is 0, so the SA chooses. */
	struct mad_packet packet, group = world_sa(&w, 0, 0x02, 0x38, 0x130c7);

	(void)state;
	config.seeds = (struct gsi_seeds){ 0x11110000, 0x22220000, 0x33330000 };
	world_end(&w);
	world_begin_as(&w, 3, &config);
	world_set_wire(&w);
	put_gid(group.mad + SA_DATA_AT + 16, world_gid(0));
	put_be16(group.mad + SA_DATA_AT + 40, 0xffff);
	group.mad[SA_DATA_AT + 48] = 1;
	group = *world_ask(&w, 0, &group);
	assert_int_equal(mad_status(group.mad), 0);
	assert_int_equal(be32_at(group.mad + SA_DATA_AT + 12) & 0xffff0000, 0x11110000);
	packet = out(0, 9, REQ, 0x1001, 0);
	packet = passes_out(0, &packet);
	assert_int_equal(id_of(&packet, LOCAL) & 0xffff0000, 0x22220000);
	assert_int_equal(mad_tid(packet.mad) & 0xffff0000, 0x33330000);
}

/* Two requests with one TID would be one to the kernel that sends them. */
static void tids_of_two_guests_differ_in_the_lower_half(void **state)
{
	struct mad_packet a = out(0, 9, REQ, 1, 0), b = out(1, 9, REQ, 1, 0);

	(void)state;
	put_be64(b.mad + TID, mad_tid(a.mad));
	a = passes_out(0, &a);
	b = passes_out(1, &b);
	assert_int_not_equal((uint32_t)mad_tid(a.mad), (uint32_t)mad_tid(b.mad));
	/* And one's answer is not restored for another. */
	{
		struct mad_packet rep = in(9, 1, REP, 0x9001, id_of(&b, LOCAL));
		uint64_t tid = 0x5500000000 | (uint32_t)mad_tid(a.mad);

		put_be64(rep.mad + TID, tid);
		rep = passes_in(1, &rep);
		assert_true(mad_tid(rep.mad) == tid);
	}
}

static void tids_have_a_quota(void **state)
{
	uint32_t first = call_out(0, 0x1fff), wire = 0;
	struct mad_packet packet = in(9, 0, REP, 0x9001, first);

	(void)state;
	for (unsigned int i = 1; i < 3 * MAX_TIDS; i++)
		wire = call_out(0, 0x2000 + i);
	/* The first is forgotten: its answer's stays what it is on the wire. */
	put_be64(packet.mad + TID, 0x5500000000);
	packet = passes_in(0, &packet);
	assert_true(mad_tid(packet.mad) == 0x5500000000);
	/* The last is known still. */
	{
		struct mad_packet rep = in(9, 0, REP, 0x9001, wire);
		uint64_t tid = 0x1122334400000000 + w.tid - 1;

		put_be64(rep.mad + TID, 0x5500000000 | (3 * MAX_TIDS - 1));
		rep = passes_in(0, &rep);
		assert_true(mad_tid(rep.mad) == tid);
	}
}

static void rejected_call_ends(void **state)
{
	uint32_t wire = call_out(0, 0x1001);
	struct mad_packet packet = rej(in(9, 0, REJ, 0, wire), CONSUMER);

	(void)state;
	packet = passes_in(0, &packet);
	assert_int_equal(id_of(&packet, REMOTE), 0x1001);
	world_pass(&w, 30 * SECOND);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, 0);
}

/* A ULP may call again with the same id while the last connection lingers. */
static void id_that_ends_can_call_again(void **state)
{
	uint32_t wire = call_out(0, 0x1001);
	struct mad_packet packet = rej(in(9, 0, REJ, 0, wire), CONSUMER);

	(void)state;
	(void)passes_in(0, &packet);
	assert_int_equal(call_out(0, 0x1001), wire);
	world_pass(&w, 31 * SECOND);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, 1);
	packet = in(9, 0, REP, 0x9001, wire);
	(void)passes_in(0, &packet);
}

static void who_gives_up_says_so(void **state)
{
	uint32_t wire = call_out(0, 0x1001);
	struct mad_packet packet = rej(out(0, 9, REJ, 0x1001, 0), TIMEOUT);

	(void)state;
	packet = passes_out(0, &packet);
	assert_int_equal(id_of(&packet, LOCAL), wire);
	/* Of an id that nobody knows any more, too. */
	world_pass(&w, 31 * SECOND);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, 0);
	packet = rej(out(0, 9, REJ, 0x1001, 0), TIMEOUT);
	packet = passes_out(0, &packet);
	assert_int_not_equal(id_of(&packet, LOCAL), 0x1001);
	world_pass(&w, 31 * SECOND);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, 0);
}

static void address_may_be_a_lid(void **state)
{
	struct mad_packet path = world_sa(&w, 0, 0x01, 0x35, 1 << 2 | 1 << 3);
	struct mad_packet packet = out(0, 9, REQ, 0x1001, 0);
	struct vib_gid gid = world_remote_gid(9), own = world_gid(0);

	(void)state;
	packet.grh = false;
	packet.dlid = lid_choice(be64_at(gid.raw + 8), 0);
	world_expect_drop(&w, 0, &packet, GSI_DROP_NO_PORT);
	put_gid(path.mad + SA_DATA_AT + 8, gid);
	put_gid(path.mad + SA_DATA_AT + 24, own);
	assert_int_equal(world_status(&w, 0, &path), 0);
	packet = passes_out(0, &packet);
	assert_true(packet.grh);
	assert_memory_equal(&packet.dgid, &gid, 16);
	assert_memory_equal(&packet.sgid, &own, 16);
	assert_true(packet.hop_limit > 1);
}

/* ---- being called -------------------------------------------------------------- */

static void call_in_and_what_follows(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0), rep;
	struct vib_gid peer = world_remote_gid(9), found;
	uint64_t tid = mad_tid(packet.mad);
	uint32_t wire;

	(void)state;
	packet = passes_in(1, &packet);
	assert_int_equal(id_of(&packet, LOCAL), 0x9001);
	assert_true(mad_tid(packet.mad) == tid);
	/* Its sender has a LID here, which is in its path, too. */
	assert_int_equal(packet.dlid, 0x11);
	assert_true(gsi_lid_to_gid(w.gsi, packet.slid, &found));
	assert_memory_equal(&found, &peer, 16);
	assert_int_equal(be16_at(packet.mad + 76), packet.slid);
	assert_int_equal(be16_at(packet.mad + 78), 0x11);
	assert_int_equal(packet.mad[118] & 0x08, 0x08);

	packet = out(1, 9, MRA, 0x2001, 0x9001);
	packet = passes_out(1, &packet);
	wire = id_of(&packet, LOCAL);
	assert_int_not_equal(wire, 0x2001);
	world_pass(&w, 60 * SECOND); /* it has asked for time */
	rep = out(1, 9, REP, 0x2001, 0x9001);
	put_be64(rep.mad + TID, tid);
	rep = passes_out(1, &rep);
	assert_int_equal(id_of(&rep, LOCAL), wire);
	assert_int_equal(id_of(&rep, REMOTE), 0x9001);
	assert_int_equal((uint32_t)mad_tid(rep.mad), (uint32_t)tid);

	packet = in(9, 1, RTU, 0x9001, wire);
	packet = passes_in(1, &packet);
	assert_int_equal(id_of(&packet, REMOTE), 0x2001);
	/* Connected, it lasts. */
	world_pass(&w, 3600 * SECOND);
	packet = in(9, 1, DREQ, 0x9001, wire);
	packet = passes_in(1, &packet);
	assert_int_equal(id_of(&packet, REMOTE), 0x2001);
	packet = out(1, 9, DREP, 0x2001, 0x9001);
	packet = passes_out(1, &packet);
	assert_int_equal(id_of(&packet, LOCAL), wire);
	world_pass(&w, 31 * SECOND);
	assert_int_equal(gsi_port_holdings(w.port[1]).cm_ids, 0);
}

static void call_that_is_rejected_at_once_has_no_id(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);

	(void)state;
	(void)passes_in(1, &packet);
	packet = rej(out(1, 9, REJ, 0, 0x9001), CONSUMER);
	packet = passes_out(1, &packet);
	assert_int_equal(id_of(&packet, LOCAL), 0);
	assert_int_equal(id_of(&packet, REMOTE), 0x9001);
	assert_int_equal(gsi_port_holdings(w.port[1]).cm_ids, 0);
}

static void caller_that_gives_up_is_heard(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);

	(void)state;
	(void)passes_in(1, &packet);
	packet = rej(in(9, 1, REJ, 0x9001, 0), TIMEOUT);
	(void)passes_in(1, &packet);
	/* Only that caller, of that call, and not for ever. */
	packet = rej(in(8, 1, REJ, 0x9001, 0), TIMEOUT);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	packet = rej(in(9, 1, REJ, 0x9002, 0), TIMEOUT);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	packet = rej(in(9, 1, REJ, 0x9001, 0), CONSUMER);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	world_pass(&w, 30 * SECOND);
	packet = rej(in(9, 1, REJ, 0x9001, 0), TIMEOUT);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
}

static void services_are_resolved_both_ways(void **state)
{
	struct mad_packet packet = out(0, 9, SIDR_REQ, 0x1001, 0);
	uint32_t wire;

	(void)state;
	packet = passes_out(0, &packet);
	wire = id_of(&packet, LOCAL);
	assert_int_not_equal(wire, 0x1001);
	packet = in(9, 0, SIDR_REP, wire, 0);
	packet = passes_in(0, &packet);
	assert_int_equal(id_of(&packet, LOCAL), 0x1001);
	world_pass(&w, 31 * SECOND);
	assert_int_equal(gsi_port_holdings(w.port[0]).cm_ids, 0);

	/* The place of a REQ's GID is private data here. */
	packet = in(9, 1, SIDR_REQ, 0x9001, 0);
	put_gid(packet.mad + 96, world_gid(0));
	packet = passes_in(1, &packet);
	assert_int_equal(id_of(&packet, LOCAL), 0x9001);
	assert_int_not_equal(packet.slid, 0);
	packet = out(1, 9, SIDR_REP, 0x9001, 0);
	packet = passes_out(1, &packet);
	assert_int_equal(id_of(&packet, LOCAL), 0x9001);
	packet = out(1, 9, SIDR_REP, 0x9002, 0);
	world_expect_drop(&w, 1, &packet, GSI_DROP_CM_ID);
}

/* A guest's next connection may have the number of one that lingers. */
static void answer_to_another_call_begins_anew(void **state)
{
	struct mad_packet packet = in(9, 1, REQ, 0x9001, 0);
	uint32_t wire;

	(void)state;
	(void)passes_in(1, &packet);
	packet = out(1, 9, REP, 0x2001, 0x9001);
	packet = passes_out(1, &packet);
	wire = id_of(&packet, LOCAL);
	packet = in(9, 1, DREQ, 0x9001, wire);
	(void)passes_in(1, &packet);
	packet = in(9, 1, REQ, 0x9002, 0);
	(void)passes_in(1, &packet);
	packet = out(1, 9, REP, 0x2001, 0x9002);
	(void)passes_out(1, &packet);
	world_pass(&w, 31 * SECOND);
	packet = out(1, 9, DREQ, 0x2001, 0x9002);
	(void)passes_out(1, &packet);
}

/* ---- who goes -------------------------------------------------------------------- */

enum { QPN_OF_REQ = 56, QPN_OF_REP = 36, QPN_OF_DREQ = 32 };

static struct mad_packet with_qpn(struct mad_packet packet, size_t at, uint32_t qpn)
{
	put_be32(packet.mad + at, qpn << 8 | 0xa5); /* and another's bits */
	return packet;
}

/* Vport 0 has called remote 9: its id on the wire. */
static uint32_t connect_out(uint32_t guest, uint32_t peer, uint32_t qpn)
{
	uint32_t wire = call_out(0, guest);
	struct mad_packet packet = with_qpn(in(9, 0, REP, peer, wire), QPN_OF_REP, qpn);

	(void)passes_in(0, &packet);
	return wire;
}

/* Vport 0 goes, and the only connection that it had is ended. */
static struct mad_packet says_farewell(uint32_t wire, uint32_t peer, uint32_t qpn)
{
	struct mad_packet packet;

	gsi_port_reset(w.port[0]);
	packet = *world_take_wire(&w, 0);
	assert_memory_equal(&packet.sgid, &w.attr[0].gids[0], 16);
	assert_int_equal(packet.pkey, 0xffff);
	assert_int_equal(be32_at(packet.mad), 0x01070203);
	assert_int_equal(be32_at(packet.mad + 16), DREQ << 16);
	assert_int_equal(id_of(&packet, LOCAL), wire);
	assert_int_equal(id_of(&packet, REMOTE), peer);
	assert_int_equal(be32_at(packet.mad + QPN_OF_DREQ), qpn << 8);
	world_expect_quiet(&w);
	return packet;
}

static void is_taken(const struct mad_packet *packet)
{
	uint64_t taken = gsi_wire_stats(w.gsi)->taken;
	unsigned int said = w.wire_drops[GSI_DROP_CM_ID];

	gsi_from_wire(w.gsi, packet);
	world_expect_quiet(&w);
	assert_true(gsi_wire_stats(w.gsi)->taken == taken + 1);
	assert_int_equal(w.wire_drops[GSI_DROP_CM_ID], said);
}

static void who_was_called_is_told_of_the_end(void **state)
{
	uint32_t wire = connect_out(0x1001, 0x9001, 0x191);
	struct mad_packet packet;
	struct vib_gid peer = world_remote_gid(9);

	(void)state;
	packet = says_farewell(wire, 0x9001, 0x191);
	assert_memory_equal(&packet.dgid, &peer, 16);
	world_remove(&w, 0);
	/* It answers, or says it too. */
	packet = in(9, 0, DREP, 0x9001, wire);
	is_taken(&packet);
	packet = in(9, 0, DREQ, 0x9001, wire);
	is_taken(&packet);
	/* Nobody else does, nor does it anything else. */
	packet = in(8, 0, DREP, 0x9001, wire);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	packet = in(9, 0, RTU, 0x9001, wire);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	/* For half a minute. */
	world_pass(&w, 30 * SECOND - 1);
	packet = in(9, 0, DREP, 0x9001, wire);
	is_taken(&packet);
	world_pass(&w, 1);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static void who_called_is_told_of_the_end(void **state)
{
	struct mad_packet packet = with_qpn(in(9, 0, REQ, 0x9001, 0), QPN_OF_REQ, 0x192);
	uint32_t wire;

	(void)state;
	(void)passes_in(0, &packet);
	packet = out(0, 9, MRA, 0x1001, 0x9001);
	(void)passes_out(0, &packet);
	packet = out(0, 9, REP, 0x1001, 0x9001);
	packet = passes_out(0, &packet);
	wire = id_of(&packet, LOCAL);
	says_farewell(wire, 0x9001, 0x192);
	gsi_set_wire(w.gsi, NULL); /* with which it is all forgotten */
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static void goes_in_silence(void)
{
	gsi_port_reset(w.port[0]);
	world_expect_quiet_wire(&w);
	world_expect_quiet(&w);
}

static void only_connections_are_told_of(void **state)
{
	struct mad_packet packet = in(9, 0, REQ, 0x9001, 0);
	uint32_t wire;

	(void)state;
	/* Calls that nobody has answered, in and out. */
	(void)passes_in(0, &packet);
	packet = out(0, 9, MRA, 0x1001, 0x9001);
	(void)passes_out(0, &packet);
	(void)call_out(0, 0x1002);
	packet = out(0, 9, SIDR_REQ, 0x1003, 0);
	(void)passes_out(0, &packet);
	goes_in_silence();
	/* One that has ended. */
	wire = connect_out(0x1001, 0x9001, 0x191);
	packet = in(9, 0, DREQ, 0x9001, wire);
	(void)passes_in(0, &packet);
	goes_in_silence();
	/* The next one by an id, as long as it is not answered. */
	(void)connect_out(0x1001, 0x9001, 0x191);
	packet = out(0, 8, REQ, 0x1001, 0);
	(void)passes_out(0, &packet);
	goes_in_silence();
}

static void what_the_wire_does_not_take_is_not_said(void **state)
{
	uint32_t wire = connect_out(0x1001, 0x9001, 0x191);
	struct mad_packet packet = in(9, 0, DREP, 0x9001, wire);

	(void)state;
	w.wire_refuses = GSI_DROP_NO_MEMORY;
	goes_in_silence();
	w.wire_refuses = 0;
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	assert_int_equal(w.drops[0][GSI_DROP_NO_MEMORY], 0);
	(void)connect_out(0x1001, 0x9001, 0x191);
	world_set_pkeys(&w, 0, 0x8001, 0);
	goes_in_silence();
	world_set_pkeys(&w, 0, 0xffff, 0);
	(void)connect_out(0x1001, 0x9001, 0x191);
	w.wire.pkeys[0] = 0x7fff;
	gsi_set_wire(w.gsi, &w.wire);
	goes_in_silence();
	w.wire.pkeys[0] = 0xffff;
	gsi_set_wire(w.gsi, &w.wire);
	(void)connect_out(0x1001, 0x9001, 0x191);
	world_set_up(&w, 0, false);
	goes_in_silence();
}

static void port_that_ends_with_ibback_says_nothing(void **state)
{
	(void)state;
	(void)connect_out(0x1001, 0x9001, 0x191);
	world_remove(&w, 0);
	world_expect_quiet_wire(&w);
}

static void answers_that_are_awaited_are_bounded(void **state)
{
	struct mad_packet packet;
	uint32_t wire = connect_out(1, 0x9001, 0x191);

	(void)state;
	says_farewell(wire, 0x9001, 0x191);
	for (uint32_t i = 1; i < MAX_WIRE_FAREWELLS; i++) {
		(void)connect_out(1, 0x9001 + i, 0x191);
		gsi_port_reset(w.port[0]);
		(void)world_take_wire(&w, 0);
	}
	packet = in(9, 0, DREP, 0x9001, wire);
	is_taken(&packet);
	says_farewell(connect_out(1, 0x8001, 0x191), 0x8001, 0x191);
	world_expect_wire_drop(&w, &packet, GSI_DROP_CM_ID);
	world_pass(&w, 30 * SECOND);
	while (gsi_next(w.gsi) != UINT64_MAX)
		world_pass(&w, 0);
}

/* ---- InfiniBand ------------------------------------------------------------- */

/* LIDs are true there: they stay, in the messages' bodies too. */
static void lids_of_infiniband_stay(void **state)
{
	struct mad_packet packet = out(0, 1, REQ, 0x1001, 0), sent;

	(void)state;
	sent = passes_out(0, &packet);
	assert_int_equal(sent.dlid, 0x777);
	assert_int_equal(be16_at(sent.mad + 76), 0x77);
	assert_int_equal(be16_at(sent.mad + 78), 0x777);
	assert_int_equal(sent.mad[118] & 0x08, 0x08);
	packet = in(1, 0, REP, 0x9001, be32_at(sent.mad + LOCAL));
	packet.slid = 0x777;
	packet = passes_in(0, &packet);
	assert_int_equal(packet.slid, 0x777);
	assert_int_equal(packet.dlid, 0x77);
	assert_int_equal(be32_at(packet.mad + REMOTE), 0x1001);
	packet = in(2, 1, REQ, 0x9002, 0);
	put_be16(packet.mad + 76, 0x555);
	put_be16(packet.mad + 78, 0x77);
	packet.slid = 0x555;
	packet = passes_in(1, &packet);
	assert_int_equal(packet.slid, 0x555);
	assert_int_equal(be16_at(packet.mad + 76), 0x555);
	assert_int_equal(be16_at(packet.mad + 78), 0x77);
}

/* A peer may send without a GRH; the guest has one, so that it answers with one. */
static void peers_without_a_grh_are_known_by_path_and_connection(void **state)
{
	struct mad_packet packet = in(2, 1, REQ, 0x9002, 0), got;
	uint32_t wire;

	(void)state;
	put_be16(packet.mad + 76, 0x555);
	packet.slid = 0x555;
	packet.grh = false;
	memset(&packet.sgid, 0, 32);
	got = passes_in(1, &packet);
	assert_true(got.grh);
	assert_memory_equal(&got.sgid, packet.mad + 80, 16);
	assert_memory_equal(&got.dgid, packet.mad + 96, 16);
	/* From the LID that its path says, and from no other. */
	packet.slid = 0x556;
	world_expect_wire_drop(&w, &packet, GSI_DROP_NO_GRH);
	packet = out(1, 2, REP, 0x1001, 0x9002);
	packet.dlid = 0x555;
	packet = passes_out(1, &packet);
	wire = be32_at(packet.mad + LOCAL);
	packet = in(2, 1, RTU, 0x9002, wire);
	packet.grh = false;
	packet.slid = 0x555;
	got = passes_in(1, &packet);
	assert_true(got.grh);
	assert_int_equal(be32_at(got.mad + REMOTE), 0x1001);
	packet = in(2, 1, DREQ, 0x9002, wire);
	packet.grh = false;
	packet.slid = 0x666;
	world_expect_wire_drop(&w, &packet, GSI_DROP_NO_GRH);
	packet = in(2, 1, DREQ, 0x9002, wire + 1);
	packet.grh = false;
	packet.slid = 0x555;
	world_expect_wire_drop(&w, &packet, GSI_DROP_NO_GRH);
}

/* The same when it answers to a vport that has gone. */
static void farewell_goes_by_lid_and_is_answered_without_a_grh(void **state)
{
	struct mad_packet packet = out(0, 9, REQ, 0x1001, 0);
	uint32_t wire;

	(void)state;
	packet = passes_out(0, &packet);
	wire = id_of(&packet, LOCAL);
	packet = in(9, 0, REP, 0x9001, wire);
	packet.slid = 0x777;
	packet = with_qpn(packet, QPN_OF_REP, 0x191);
	(void)passes_in(0, &packet);
	packet = says_farewell(wire, 0x9001, 0x191);
	assert_int_equal(packet.dlid, 0x777);
	packet = in(9, 0, DREP, 0x9001, wire);
	packet.grh = false;
	packet.slid = 0x777;
	is_taken(&packet);
	packet.slid = 0x778;
	world_expect_wire_drop(&w, &packet, GSI_DROP_NO_GRH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(call_out_and_what_follows),
		TEST(the_same_id_of_two_guests_is_two_on_the_wire),
		TEST(call_that_is_sent_again_is_the_same),
		TEST(ids_and_tids_go_round),
		TEST(numbers_have_beginnings_of_their_own),
		TEST(tids_of_two_guests_differ_in_the_lower_half),
		TEST(tids_have_a_quota),
		TEST(rejected_call_ends),
		TEST(id_that_ends_can_call_again),
		TEST(who_gives_up_says_so),
		TEST(address_may_be_a_lid),
		TEST(call_in_and_what_follows),
		TEST(call_that_is_rejected_at_once_has_no_id),
		TEST(caller_that_gives_up_is_heard),
		TEST(services_are_resolved_both_ways),
		TEST(answer_to_another_call_begins_anew),
		TEST(who_was_called_is_told_of_the_end),
		TEST(who_called_is_told_of_the_end),
		TEST(only_connections_are_told_of),
		TEST(what_the_wire_does_not_take_is_not_said),
		TEST(port_that_ends_with_ibback_says_nothing),
		TEST(answers_that_are_awaited_are_bounded),
		TEST_INFINIBAND(lids_of_infiniband_stay),
		TEST_INFINIBAND(peers_without_a_grh_are_known_by_path_and_connection),
		TEST_INFINIBAND(farewell_goes_by_lid_and_is_answered_without_a_grh),
	};

	return cmocka_run_group_tests_name("gsi_wire_cm", tests, NULL, NULL);
}
