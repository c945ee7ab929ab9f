// SPDX-License-Identifier: GPL-2.0-or-later
/* A fabric with a wire: paths to any GID of the subnet, LIDs that stand for them, and
 * this host's memberships there.
 */
#include "gsi_world.h"

#include "gsi/limits.h"
#include "gsi/remotes.h"
#include "gsi/lid_turns.h"
#include "lids.h"

static struct gsi_world w;

#define BY_GIDS (1 << 2 | 1 << 3)
#define BY_DGID (1 << 2)
#define BY_DLID (1 << 4)

/* PathRecord, offsets in the record. */
enum { DGID = 8, SGID = 24, DLID = 40, SLID = 42, HOPS = 47, PKEY = 50, MTU = 54, RATE };

static struct mad_packet ask_path(unsigned int from, struct vib_gid dgid, uint64_t mask)
{
	struct mad_packet packet = world_sa(&w, from, 0x01, 0x35, mask);
	struct vib_gid sgid = world_gid(from);

	memcpy(packet.mad + SA_DATA_AT + DGID, &dgid, sizeof(dgid));
	memcpy(packet.mad + SA_DATA_AT + SGID, &sgid, sizeof(sgid));
	return packet;
}

/* The path record from @from to @dgid; its DLID. */
static uint16_t path(unsigned int from, struct vib_gid dgid, uint8_t *record)
{
	struct mad_packet packet = ask_path(from, dgid, BY_GIDS);
	const struct mad_packet *answer = world_ask(&w, from, &packet);

	assert_int_equal(mad_status(answer->mad), 0);
	if (record)
		memcpy(record, answer->mad + SA_DATA_AT, 64);
	return be16_at(answer->mad + SA_DATA_AT + DLID);
}

static void no_path(unsigned int from, struct vib_gid dgid)
{
	struct mad_packet packet = ask_path(from, dgid, BY_GIDS);

	assert_int_equal(world_status(&w, from, &packet), SA_ERROR(NO_RECORDS));
}

static void any_gid_of_the_subnet_has_a_path(void **state)
{
	struct vib_gid gid = world_remote_gid(7), own = world_gid(0), found;
	uint8_t record[64];
	uint16_t lid = path(0, gid, record);

	(void)state;
	assert_int_equal(lid, lid_choice(be64_at(gid.raw + 8), 0));
	assert_memory_equal(record + DGID, &gid, 16);
	assert_memory_equal(record + SGID, &own, 16);
	assert_int_equal(be16_at(record + SLID), 0x10);
	assert_true(record[HOPS] >= 1);
	assert_int_equal(be16_at(record + PKEY), 0xffff);
	/* The wire's MTU and rate, exactly. */
	assert_int_equal(record[MTU], 0x80 | 3);
	assert_int_equal(record[RATE], 0x80 | 3);
	assert_true(gsi_lid_to_gid(w.gsi, lid, &found));
	assert_memory_equal(&found, &gid, sizeof(gid));
	/* The same for another vport, and again. */
	assert_int_equal(path(1, gid, NULL), lid);
	assert_int_equal(path(0, gid, NULL), lid);
	assert_int_equal(gsi_remotes(w.gsi), 1);
}

static void path_back_from_the_wire_is_the_same(void **state)
{
	struct vib_gid gid = world_remote_gid(7), own = world_gid(0);
	struct mad_packet packet = ask_path(0, own, BY_GIDS);
	const uint8_t *record;

	(void)state;
	memcpy(packet.mad + SA_DATA_AT + SGID, &gid, sizeof(gid));
	record = world_ask(&w, 0, &packet)->mad + SA_DATA_AT;
	assert_int_equal(be16_at(record + SLID), lid_choice(be64_at(gid.raw + 8), 0));
	assert_int_equal(be16_at(record + DLID), 0x10);
}

static void path_by_lid_is_that_of_its_gid(void **state)
{
	struct vib_gid gid = world_remote_gid(7);
	struct mad_packet packet = ask_path(0, gid, BY_DLID);
	uint16_t lid = path(0, gid, NULL);
	const uint8_t *record;

	(void)state;
	put_be16(packet.mad + SA_DATA_AT + DLID, lid);
	record = world_ask(&w, 0, &packet)->mad + SA_DATA_AT;
	assert_memory_equal(record + DGID, &gid, 16);
	/* A LID that is another's than the GID. */
	packet = ask_path(0, world_remote_gid(8), BY_DLID | BY_DGID);
	put_be16(packet.mad + SA_DATA_AT + DLID, lid);
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(NO_RECORDS));
	/* One that stands for nothing. */
	packet = ask_path(0, gid, BY_DLID);
	put_be16(packet.mad + SA_DATA_AT + DLID, 0x4321);
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(NO_RECORDS));
}

static void gids_that_are_no_ports_have_none(void **state)
{
	struct vib_gid gid = world_remote_gid(7);

	(void)state;
	gid.raw[0] = 0x20; /* another subnet */
	no_path(0, gid);
	gid = world_remote_gid(7);
	memset(gid.raw + 8, 0, 8);
	no_path(0, gid);
	no_path(0, world_sa_gid());
	assert_int_equal(gsi_remotes(w.gsi), 0);
	/* Of two that are not the requester's, none. */
	{
		struct mad_packet packet = ask_path(0, world_remote_gid(7), BY_GIDS);
		struct vib_gid other = world_gid(1);

		memcpy(packet.mad + SA_DATA_AT + SGID, &other, 16);
		assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(NO_RECORDS));
	}
	gsi_set_wire(w.gsi, NULL);
	no_path(0, world_remote_gid(7));
}

/* A vport of another partition, or whose link is down, is not asked for on the wire. */
static void gids_of_vports_are_not_beyond_the_wire(void **state)
{
	(void)state;
	world_set_pkeys(&w, 1, 0x8001, 0);
	no_path(0, world_gid(1));
	world_set_up(&w, 2, false);
	no_path(0, world_gid(2));
	assert_int_equal(gsi_remotes(w.gsi), 0);
}

static void partitions_that_the_wire_has_not_have_no_path(void **state)
{
	struct vib_gid gid = world_remote_gid(7);
	struct mad_packet packet;

	(void)state;
	world_set_pkeys(&w, 0, 0x8001, 0);
	no_path(0, gid);
	/* Nor has a limited member, which would be a full one there. */
	world_set_pkeys(&w, 0, 0x7fff, 0);
	no_path(0, gid);
	world_set_pkeys(&w, 0, 0x8001, 0xffff);
	(void)path(0, gid, NULL);
	packet = ask_path(0, gid, BY_GIDS | 1 << 13);
	put_be16(packet.mad + SA_DATA_AT + PKEY, 0x8001);
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(NO_RECORDS));
}

static void multipath_record_has_them_too(void **state)
{
	struct vib_gid gids[3] = { world_gid(0), world_remote_gid(1),
				   world_remote_gid(2) };
	struct mad_packet packet = world_sa(&w, 0, 0x14, 0x3a, 1 << 19 | 1 << 20);
	uint8_t records[4 * 64];

	(void)state;
	packet.mad[24] = 1;
	packet.mad[25] = 1;
	packet.mad[26] = 7;
	put_be32(packet.mad + 28, 1);
	put_be32(packet.mad + 32, 20 + 24 + sizeof(gids));
	packet.mad[SA_DATA_AT + 15] = 1;
	packet.mad[SA_DATA_AT + 16] = 2;
	memcpy(packet.mad + SA_DATA_AT + 24, gids, sizeof(gids));
	/* Its acknowledgement first, then the table. */
	world_send(&w, 0, &packet);
	while (world_waiting(&w) > 1)
		(void)world_take(&w);
	memcpy(records, world_take(&w)->packet.mad + SA_DATA_AT, sizeof(records) / 2);
	assert_memory_equal(records + DGID, &gids[1], 16);
	assert_memory_equal(records + 64 + DGID, &gids[2], 16);
	assert_int_equal(gsi_remotes(w.gsi), 2);
}

static void lids_of_vports_are_left_to_them(void **state)
{
	struct vib_gid gid = world_remote_gid(7);
	uint16_t lid;

	(void)state;
	w.attr[2].port.lid = lid_choice(be64_at(gid.raw + 8), 0);
	world_change(&w, 2);
	lid = path(0, gid, NULL);
	assert_int_equal(lid, lid_choice(be64_at(gid.raw + 8), 1));
	/* And two GUIDs that meet have two. */
	put_be64(gid.raw + 8, be64_at(gid.raw + 8) + LID_CHOICES);
	assert_int_equal(path(0, gid, NULL), lid + 1);
}

static void lids_end_with_the_last_that_has_them(void **state)
{
	struct vib_gid gid = world_remote_gid(7), found;
	uint16_t lid = path(0, gid, NULL);

	(void)state;
	(void)path(1, gid, NULL);
	assert_int_equal(gsi_port_holdings(w.port[0]).remotes, 1);
	world_set_up(&w, 0, false); /* connections outlive that */
	assert_int_equal(gsi_port_holdings(w.port[0]).remotes, 1);
	gsi_port_reset(w.port[0]);
	assert_int_equal(gsi_port_holdings(w.port[0]).remotes, 0);
	assert_true(gsi_lid_to_gid(w.gsi, lid, &found));
	world_remove(&w, 1);
	assert_false(gsi_lid_to_gid(w.gsi, lid, &found));
	assert_int_equal(gsi_remotes(w.gsi), 0);
}

/* Who still uses the LID does not reach another. */
static void lid_that_ended_is_not_soon_anothers(void **state)
{
	struct vib_gid gid = world_remote_gid(7), other = gid, found;
	uint16_t lid = path(0, gid, NULL), others;

	(void)state;
	put_be64(other.raw + 8, be64_at(gid.raw + 8) + LID_CHOICES);
	gsi_port_reset(w.port[0]);
	assert_false(gsi_lid_to_gid(w.gsi, lid, &found));
	others = path(0, other, NULL);
	assert_int_not_equal(others, lid);
	assert_false(gsi_lid_to_gid(w.gsi, lid, &found));
	assert_int_equal(path(0, gid, NULL), lid); /* its own again */
}

/* With a port or two that take what they like. */
static bool is_not_taken(void *arg, uint16_t lid)
{
	return lid != *(const uint16_t *)arg;
}

/* Once all were somebody's, the one that ended longest ago is given. */
static void lids_are_given_in_turn(void **state)
{
	struct lid_turns turns = { 0 };
	uint16_t taken = 0, lid;

	(void)state;
	assert_true(lid_turns_begin(&turns));
	for (uint64_t i = 1; i < LID_CHOICES + 1u; i++) {
		lid = lid_turns_choose(&turns, i * LID_CHOICES, is_not_taken, &taken);
		assert_in_range(lid, LID_SA + 1, LID_UNICAST_MAX);
		lid_turns_give(&turns, lid, i * LID_CHOICES);
	}
	assert_int_equal(lid_turns_choose(&turns, 1, is_not_taken, &taken), 0);
	lid_turns_end(&turns, 700);
	lid_turns_end(&turns, 9);
	lid_turns_end(&turns, 80);
	taken = 700;
	assert_int_equal(lid_turns_choose(&turns, 1, is_not_taken, &taken), 9);
	lid_turns_give(&turns, 9, 1);
	lid_turns_end(&turns, 9);
	assert_int_equal(lid_turns_choose(&turns, 3, is_not_taken, &taken), 80);
	taken = 0;
	assert_int_equal(lid_turns_choose(&turns, 3, is_not_taken, &taken), 700);
	lid_turns_free(&turns);
}

static void who_asks_for_too_many_loses_the_oldest(void **state)
{
	struct vib_gid found;
	uint16_t first = path(0, world_remote_gid(0), NULL);
	uint16_t second = path(0, world_remote_gid(1), NULL);
	uint16_t others = path(1, world_remote_gid(2), NULL);

	(void)state;
	for (unsigned int i = 2; i < MAX_REMOTES; i++)
		(void)path(0, world_remote_gid(i), NULL);
	assert_int_equal(gsi_remotes(w.gsi), MAX_REMOTES);
	(void)path(0, world_remote_gid(0), NULL); /* the first is used again */
	for (unsigned int i = 0; i < 3; i++)
		(void)path(0, world_remote_gid(MAX_REMOTES + i), NULL);
	assert_int_equal(gsi_port_holdings(w.port[0]).remotes, MAX_REMOTES);
	assert_true(gsi_lid_to_gid(w.gsi, first, &found));
	assert_false(gsi_lid_to_gid(w.gsi, second, &found));
	/* Another's is still there, whoever else had it. */
	assert_true(gsi_lid_to_gid(w.gsi, others, &found));
}

static void gid_that_comes_to_a_vport_is_its_own(void **state)
{
	struct mad_packet packet;
	uint16_t lid;

	(void)state;
	lid = path(0, world_gid(3), NULL); /* of a vport that is not there yet */
	world_add(&w, 3);
	assert_int_equal(path(0, world_gid(3), NULL), 0x13);
	/* Who still uses the LID reaches it. */
	packet = world_mad(&w, 0, 0x07, 2, 0x03, 0x17);
	packet.dlid = lid;
	world_send(&w, 0, &packet);
	assert_int_equal(world_take(&w)->to, 3);
	world_expect_quiet_wire(&w);
}

/* ---- groups ---------------------------------------------------------------- */

static const struct vib_gid broadcast = {
	.raw = { 0xff, 0x12, 0x40, 0x1b, 0xff, 0xff, [12] = 0xff, 0xff, 0xff, 0xff }
};

static uint16_t join(unsigned int from, uint8_t method, uint8_t join_state)
{
	struct mad_packet packet =
		world_sa(&w, from, method, 0x38, 1 << 0 | 1 << 1 | 1 << 16);
	struct vib_gid own = world_gid(from);

	memcpy(packet.mad + SA_DATA_AT, &broadcast, 16);
	memcpy(packet.mad + SA_DATA_AT + 16, &own, 16);
	packet.mad[SA_DATA_AT + 48] = join_state;
	return world_status(&w, from, &packet);
}

static void host_is_one_member_on_the_wire(void **state)
{
	(void)state;
	assert_int_equal(join(0, 0x02, 1), 0);
	assert_int_equal(world_wire_joined(&w, broadcast), 1);
	assert_int_equal(join(1, 0x02, 1), 0);
	assert_int_equal(join(2, 0x02, 4), 0);
	assert_int_equal(world_wire_joined(&w, broadcast), 5);
	assert_int_equal(join(0, 0x15, 1), 0);
	assert_int_equal(world_wire_joined(&w, broadcast), 5);
	world_remove(&w, 1);
	assert_int_equal(world_wire_joined(&w, broadcast), 4);
	world_set_up(&w, 2, false);
	assert_int_equal(world_wire_joined(&w, broadcast), 0);
	/* Each change was told once. */
	assert_int_equal(w.wire_joined[0].changes, 4);
}

/* What the wire has no room for is not taken for joined. */
static void join_that_failed_is_tried_again(void **state)
{
	(void)state;
	w.wire_full = true;
	assert_int_equal(join(0, 0x02, 1), 0);
	assert_int_equal(world_wire_joined(&w, broadcast), 0);
	gsi_wire_room(w.gsi); /* which was another's */
	assert_int_equal(world_wire_joined(&w, broadcast), 0);
	w.wire_full = false;
	gsi_wire_room(w.gsi);
	assert_int_equal(world_wire_joined(&w, broadcast), 1);
	gsi_wire_room(w.gsi);
	assert_int_equal(w.wire_joined[0].changes, 1);
	/* By the next who joins, too; and who leaves leaves nothing behind. */
	world_remove(&w, 0);
	w.wire_full = true;
	assert_int_equal(join(1, 0x02, 1), 0);
	assert_int_equal(world_wire_joined(&w, broadcast), 0);
	w.wire_full = false;
	assert_int_equal(join(2, 0x02, 1), 0);
	assert_int_equal(world_wire_joined(&w, broadcast), 1);
	world_remove(&w, 1);
	world_remove(&w, 2);
	assert_int_equal(world_wire_joined(&w, broadcast), 0);
}

static void memberships_follow_the_wire(void **state)
{
	(void)state;
	assert_int_equal(join(0, 0x02, 1), 0);
	gsi_set_wire(w.gsi, NULL);
	assert_int_equal(world_wire_joined(&w, broadcast), 0);
	assert_true(world_receives(&w, 0, broadcast));
	gsi_set_wire(w.gsi, &w.wire);
	assert_int_equal(world_wire_joined(&w, broadcast), 1);
	w.wire.pkeys[0] = 0x8001;
	gsi_set_wire(w.gsi, &w.wire);
	assert_int_equal(world_wire_joined(&w, broadcast), 0);
}

static void broadcast_group_has_the_mtu_of_the_wire(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, 0x01, 0x38, 1 << 0);
	const uint8_t *record;

	(void)state;
	memcpy(packet.mad + SA_DATA_AT, &broadcast, 16);
	record = world_ask(&w, 0, &packet)->mad + SA_DATA_AT;
	assert_int_equal(record[36 + 2] & 0x3f, 3); /* Q_Key 32, MLID 36, MTU 38 */
	assert_int_equal(join(0, 0x02, 1), 0);
	/* A wire of another MTU: what was joined is to be joined anew. */
	w.wire.mtu = 4;
	gsi_set_wire(w.gsi, &w.wire);
	assert_int_equal(gsi_port_holdings(w.port[0]).memberships, 0);
	assert_int_equal(world_wire_joined(&w, broadcast), 0);
	record = world_ask(&w, 0, &packet)->mad + SA_DATA_AT;
	assert_int_equal(record[38] & 0x3f, 4);
	/* The same once more: nothing ends. */
	assert_int_equal(join(0, 0x02, 1), 0);
	gsi_set_wire(w.gsi, &w.wire);
	assert_int_equal(gsi_port_holdings(w.port[0]).memberships, 1);
}

#define TEST(name) world_test(name, world_with_wire, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_gid_of_the_subnet_has_a_path),
		TEST(path_back_from_the_wire_is_the_same),
		TEST(path_by_lid_is_that_of_its_gid),
		TEST(gids_that_are_no_ports_have_none),
		TEST(gids_of_vports_are_not_beyond_the_wire),
		TEST(partitions_that_the_wire_has_not_have_no_path),
		TEST(multipath_record_has_them_too),
		TEST(lids_of_vports_are_left_to_them),
		TEST(lids_end_with_the_last_that_has_them),
		TEST(lid_that_ended_is_not_soon_anothers),
		TEST(lids_are_given_in_turn),
		TEST(who_asks_for_too_many_loses_the_oldest),
		TEST(gid_that_comes_to_a_vport_is_its_own),
		TEST(host_is_one_member_on_the_wire),
		TEST(join_that_failed_is_tried_again),
		TEST(memberships_follow_the_wire),
		TEST(broadcast_group_has_the_mtu_of_the_wire),
	};

	return cmocka_run_group_tests_name("gsi_wire", tests, NULL, NULL);
}
