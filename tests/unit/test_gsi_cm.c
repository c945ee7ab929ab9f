// SPDX-License-Identifier: GPL-2.0-or-later
/* Communication management: a guest speaks for itself only. Offsets are of IBTA vol. 1
 * §12.6, counted from the beginning of the MAD.
 */
#include "gsi_world.h"

static struct gsi_world w;

enum { REQ = 0x10, MRA, REJ, REP, RTU, DREQ, DREP, SIDR_REQ, SIDR_REP, LAP, APR };

static struct mad_packet cm(uint16_t attribute)
{
	struct mad_packet packet = world_mad_to(&w, 0, 1, 0x07, 0x03, attribute);

	packet.mad[2] = 2;
	return packet;
}

static struct mad_packet good_req(void)
{
	struct mad_packet packet = cm(REQ);

	put_be64(packet.mad + 40, w.attr[0].node_guid);
	put_be16(packet.mad + 76, 0x10);
	put_be16(packet.mad + 78, 0x11);
	put_gid(packet.mad + 80, world_gid(0));
	put_gid(packet.mad + 96, world_gid(1));
	return packet;
}

static void expect_passes(const struct mad_packet *packet)
{
	world_send(&w, 0, packet);
	assert_int_equal(world_take(&w)->to, 1);
	world_expect_quiet(&w);
}

static void req_with_own_addresses_passes(void **state)
{
	struct mad_packet packet = good_req();

	(void)state;
	expect_passes(&packet);
}

static void req_may_tell_the_permissive_lid(void **state)
{
	struct mad_packet packet = good_req();

	(void)state;
	put_be16(packet.mad + 76, 0xffff);
	expect_passes(&packet);
}

static void req_that_tells_anothers_address_is_dropped(void **state)
{
	struct mad_packet packet = good_req();

	(void)state;
	put_be16(packet.mad + 76, 0x12);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
	packet = good_req();
	put_be16(packet.mad + 76, 0);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
	packet = good_req();
	put_gid(packet.mad + 80, world_gid(2));
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
	put_gid(packet.mad + 80, (struct vib_gid){ { 0 } });
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
	packet = good_req();
	put_be64(packet.mad + 40, w.attr[2].node_guid);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
}

static void alternate_path_is_checked_if_there_is_one(void **state)
{
	struct mad_packet packet = good_req();

	(void)state;
	put_be16(packet.mad + 120, 0x10);
	put_gid(packet.mad + 124, world_gid(0));
	expect_passes(&packet);
	put_gid(packet.mad + 124, world_gid(2));
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
	put_gid(packet.mad + 124, world_gid(0));
	put_be16(packet.mad + 120, 0x12);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
	put_be16(packet.mad + 120, 0);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
}

static void lap_tells_own_addresses(void **state)
{
	struct mad_packet packet = cm(LAP);

	(void)state;
	put_be16(packet.mad + 44, 0x10);
	put_gid(packet.mad + 48, world_gid(0));
	expect_passes(&packet);
	put_gid(packet.mad + 48, world_gid(2));
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
}

static void rep_tells_own_ca(void **state)
{
	struct mad_packet packet = cm(REP);

	(void)state;
	put_be64(packet.mad + 52, w.attr[0].node_guid);
	expect_passes(&packet);
	put_be64(packet.mad + 52, w.attr[2].node_guid);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
}

/* By it and its id, not by who sent it, the receiver finds the connection to end. */
static void rej_for_timeout_tells_own_ca(void **state)
{
	struct mad_packet packet = cm(REJ);

	(void)state;
	put_be16(packet.mad + 34, 4);
	put_be64(packet.mad + 36, w.attr[0].node_guid);
	expect_passes(&packet);
	put_be64(packet.mad + 36, w.attr[2].node_guid);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
	put_be64(packet.mad + 36, 0);
	world_expect_drop(&w, 0, &packet, GSI_DROP_CM_FORGED);
	/* Of other reasons it is something else: of an invalid GID (13), the right one.
	 */
	put_be16(packet.mad + 34, 13);
	put_gid(packet.mad + 36, world_gid(2));
	expect_passes(&packet);
}

static void others_pass_by_their_address(void **state)
{
	static const uint16_t attributes[] = { MRA,  REJ,      RTU,      DREQ,
					       DREP, SIDR_REQ, SIDR_REP, APR };

	(void)state;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		struct mad_packet packet = cm(attributes[i]);

		memset(packet.mad + 24, 0xa5, 232);
		expect_passes(&packet);
	}
}

#define TEST(name) world_test(name, world_of_3, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(req_with_own_addresses_passes),
		TEST(req_may_tell_the_permissive_lid),
		TEST(req_that_tells_anothers_address_is_dropped),
		TEST(alternate_path_is_checked_if_there_is_one),
		TEST(lap_tells_own_addresses),
		TEST(rep_tells_own_ca),
		TEST(rej_for_timeout_tells_own_ca),
		TEST(others_pass_by_their_address),
	};

	return cmocka_run_group_tests_name("gsi_cm", tests, NULL, NULL);
}
