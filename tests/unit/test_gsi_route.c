// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a MAD that a vport sends goes, and which do not go anywhere. */
#include "gsi_world.h"

#include "gsi/pkeys.h"

static struct gsi_world w;

#define CM_RTU 0x0014

static struct mad_packet cm_to(unsigned int from, unsigned int to)
{
	return world_mad_to(&w, from, to, 0x07, 0x03, CM_RTU);
}

static void expect_passes(unsigned int from, const struct mad_packet *packet,
			  unsigned int to)
{
	const struct delivery *d;

	world_send(&w, from, packet);
	d = world_take(&w);
	assert_int_equal(d->to, to);
	assert_memory_equal(&d->packet, packet, sizeof(*packet));
	world_expect_quiet(&w);
}

static void mad_reaches_a_vport_by_its_lid(void **state)
{
	struct mad_packet packet = cm_to(0, 1);

	(void)state;
	expect_passes(0, &packet, 1);
}

static void grh_counts_before_the_lid(void **state)
{
	struct mad_packet packet = cm_to(0, 1);

	(void)state;
	world_grh(&packet, 0, world_gid(2));
	expect_passes(0, &packet, 2);
}

static void any_of_several_gids_is_an_address(void **state)
{
	struct mad_packet packet = cm_to(0, 2);
	struct vib_gid other = { .raw = { 0x20, 0x01, [15] = 7 } };

	(void)state;
	world_grh(&packet, 0, other);
	world_expect_drop(&w, 0, &packet, GSI_DROP_NO_PORT);
	w.attr[1].gids[5] = other;
	world_change(&w, 1);
	expect_passes(0, &packet, 1);
	memset(&w.attr[1].gids[5], 0, sizeof(other));
	world_change(&w, 1);
	world_expect_drop(&w, 0, &packet, GSI_DROP_NO_PORT);
}

static void vport_may_send_to_itself(void **state)
{
	struct mad_packet packet = cm_to(1, 1);

	(void)state;
	expect_passes(1, &packet, 1);
}

static void nobody_is_at_other_addresses(void **state)
{
	static const uint16_t lids[] = { 0, 2, 0x13, 0xbfff, 0xc000, 0xffff };
	struct mad_packet packet = cm_to(0, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(lids) / sizeof(*lids); i++) {
		packet.dlid = lids[i];
		world_expect_drop(&w, 0, &packet, GSI_DROP_NO_PORT);
	}
	world_grh(&packet, 0, (struct vib_gid){ .raw = { 0xff, 0x12, 0x40, 0x1b } });
	world_expect_drop(&w, 0, &packet, GSI_DROP_NO_PORT);
	world_grh(&packet, 0, (struct vib_gid){ { 0 } });
	world_expect_drop(&w, 0, &packet, GSI_DROP_NO_PORT);
}

static void vport_that_is_removed_is_nowhere(void **state)
{
	struct mad_packet by_lid = cm_to(0, 2), by_gid = cm_to(0, 2);

	(void)state;
	world_grh(&by_gid, 0, world_gid(2));
	world_remove(&w, 2);
	world_expect_drop(&w, 0, &by_lid, GSI_DROP_NO_PORT);
	world_expect_drop(&w, 0, &by_gid, GSI_DROP_NO_PORT);
}

static void source_is_the_senders_own(void **state)
{
	struct mad_packet packet = cm_to(0, 1);

	(void)state;
	packet.slid = 0x12;
	world_expect_drop(&w, 0, &packet, GSI_DROP_SOURCE);
	packet = cm_to(0, 1);
	world_grh(&packet, 2, world_gid(1));
	world_expect_drop(&w, 0, &packet, GSI_DROP_SGID);
	packet.sgid = (struct vib_gid){ { 0 } };
	world_expect_drop(&w, 0, &packet, GSI_DROP_SGID);
}

static void malformed_mads_are_dropped(void **state)
{
	struct mad_packet packet = cm_to(0, 1);

	(void)state;
	packet.length = 255;
	world_expect_drop(&w, 0, &packet, GSI_DROP_MALFORMED);
	packet.length = 0;
	world_expect_drop(&w, 0, &packet, GSI_DROP_MALFORMED);
	packet = cm_to(0, 1);
	packet.qpn = 2;
	world_expect_drop(&w, 0, &packet, GSI_DROP_MALFORMED);
	packet = cm_to(0, 1);
	packet.mad[0] = 2;
	world_expect_drop(&w, 0, &packet, GSI_DROP_MALFORMED);
}

static void down_vports_neither_send_nor_receive(void **state)
{
	struct mad_packet there = cm_to(0, 1), back = cm_to(1, 0);
	struct mad_packet sa = world_sa(&w, 1, 0x01, 0x0001, 0);

	(void)state;
	world_set_up(&w, 1, false);
	world_expect_drop(&w, 0, &there, GSI_DROP_LINK_DOWN);
	world_expect_drop(&w, 1, &back, GSI_DROP_LINK_DOWN);
	world_expect_drop(&w, 1, &sa, GSI_DROP_LINK_DOWN);
	world_set_up(&w, 1, true);
	expect_passes(0, &there, 1);
}

static void pkey_is_of_the_senders_table(void **state)
{
	struct mad_packet packet = cm_to(0, 1);
	struct mad_packet sa = world_sa(&w, 0, 0x01, 0x0001, 0);

	(void)state;
	world_set_pkeys(&w, 1, 0xffff, 0x8001);
	sa.pkey = packet.pkey = 0x8001;
	world_expect_drop(&w, 0, &packet, GSI_DROP_PKEY);
	world_expect_drop(&w, 0, &sa, GSI_DROP_PKEY);
	/* It is a full member, and does not say that it is a limited one. */
	packet.pkey = 0x7fff;
	world_expect_drop(&w, 0, &packet, GSI_DROP_PKEY);
	packet.pkey = 0;
	world_expect_drop(&w, 0, &packet, GSI_DROP_PKEY);
	packet.pkey = 0x8000;
	world_expect_drop(&w, 0, &packet, GSI_DROP_PKEY);
}

static void other_partition_is_out_of_reach(void **state)
{
	struct mad_packet packet;

	(void)state;
	world_set_pkeys(&w, 1, 0x8001, 0);
	packet = cm_to(0, 1);
	world_expect_drop(&w, 0, &packet, GSI_DROP_PARTITION);
	assert_int_equal(w.pkey_violations[0], 0);
	assert_int_equal(w.pkey_violations[1], 1); /* where it came to */
	packet = cm_to(1, 0);
	world_expect_drop(&w, 1, &packet, GSI_DROP_PARTITION);
	assert_int_equal(w.pkey_violations[0], 1);
}

static void limited_members_reach_only_full_ones(void **state)
{
	struct mad_packet packet;

	(void)state;
	world_set_pkeys(&w, 0, 0x7fff, 0);
	world_set_pkeys(&w, 1, 0x7fff, 0);
	packet = cm_to(0, 1);
	world_expect_drop(&w, 0, &packet, GSI_DROP_PARTITION);
	packet = cm_to(0, 2);
	expect_passes(0, &packet, 2);
	packet = cm_to(2, 0);
	expect_passes(2, &packet, 0);
	/* Both memberships: the full one counts. */
	world_set_pkeys(&w, 1, 0x7fff, 0xffff);
	packet = cm_to(0, 1);
	expect_passes(0, &packet, 1);
}

static void receivers_entry_is_the_full_one_first(void **state)
{
	uint16_t pkeys[VIB_MAX_PKEYS] = { 0x0001, 0x7fff, 0x8002, 0xffff };

	(void)state;
	assert_int_equal(pkey_accepting(pkeys, 0xffff), 3);
	assert_int_equal(pkey_accepting(pkeys, 0x7fff), 3);
	assert_int_equal(pkey_accepting(pkeys, 0x8001), 0);
	assert_int_equal(pkey_accepting(pkeys, 0x0001), -1);
	assert_int_equal(pkey_accepting(pkeys, 0x8003), -1);
	assert_int_equal(pkey_accepting(pkeys, 0x8000), -1);
	assert_int_equal(pkey_accepting(pkeys, 0), -1);
}

static void only_classes_of_guests_pass(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		bool passes = c == 0x06 || c == 0x07 || (c >= 0x30 && c <= 0x4f);
		struct mad_packet packet =
			world_mad_to(&w, 0, 1, (uint8_t)c, 0x03, CM_RTU);

		if (passes)
			expect_passes(0, &packet, 1);
		else
			world_expect_drop(&w, 0, &packet,
					  c == 0x03 ? GSI_DROP_SA_CLAIM : GSI_DROP_CLASS);
	}
}

static void smps_do_not_pass_by_qp1_nor_gmps_by_qp0(void **state)
{
	struct mad_packet packet = world_mad_to(&w, 0, 0, 0x01, 0x01, 0x0011);

	(void)state;
	world_expect_drop(&w, 0, &packet, GSI_DROP_CLASS);
	packet = cm_to(0, 0);
	packet.qpn = 0;
	world_expect_drop(&w, 0, &packet, GSI_DROP_SMP);
}

static void answer_goes_back_without_a_grh(void **state)
{
	struct mad_packet packet = world_sa(&w, 1, 0x01, 0x0001, 0);
	const struct mad_packet *reply;

	(void)state;
	packet.sl = 3;
	reply = world_ask(&w, 1, &packet);
	assert_int_equal(reply->qpn, 1);
	assert_int_equal(reply->slid, SA_LID);
	assert_int_equal(reply->dlid, 0x11);
	assert_int_equal(reply->sl, 3);
	assert_int_equal(reply->pkey, 0xffff);
	assert_false(reply->grh);
	assert_int_equal(reply->length, 256);
}

static void answer_has_a_grh_if_the_request_had_one(void **state)
{
	struct mad_packet packet = world_sa(&w, 1, 0x01, 0x0001, 0);
	struct vib_gid self = world_gid(1), sa = world_sa_gid();
	const struct mad_packet *reply;

	(void)state;
	packet.dlid = 0x1234; /* nobody's: the GRH counts */
	world_grh(&packet, 1, sa);
	reply = world_ask(&w, 1, &packet);
	assert_true(reply->grh);
	assert_int_equal(reply->slid, SA_LID);
	assert_int_equal(reply->dlid, 0x11);
	assert_memory_equal(&reply->sgid, &sa, sizeof(sa));
	assert_memory_equal(&reply->dgid, &self, sizeof(self));
	assert_int_equal(reply->flow_label, 0x12345);
	assert_int_equal(reply->traffic_class, 0x67);
	assert_int_equal(reply->hop_limit, 255);
}

static void sa_is_a_full_member_of_all_partitions(void **state)
{
	struct mad_packet packet;

	(void)state;
	world_set_pkeys(&w, 1, 0x0005, 0);
	packet = world_sa(&w, 1, 0x01, 0x0001, 0);
	assert_int_equal(world_ask(&w, 1, &packet)->pkey, 0x8005);
}

static void every_reason_has_a_text(void **state)
{
	(void)state;
	for (unsigned int why = 1; why < GSI_DROPS; why++)
		assert_true(strlen(gsi_drop_text(why)) > 1);
	assert_string_equal(gsi_drop_text(GSI_DROPS), "?");
	assert_string_equal(gsi_drop_name(GSI_DROPS), "?");
	for (unsigned int why = 1; why < GSI_DROPS; why++) {
		assert_true(strlen(gsi_drop_name(why)) > 1);
		for (unsigned int other = 1; other < why; other++) {
			assert_string_not_equal(gsi_drop_name(why), gsi_drop_name(other));
			assert_string_not_equal(gsi_drop_text(why), gsi_drop_text(other));
		}
	}
}

static void what_a_port_sends_is_answered_passed_or_dropped(void **state)
{
	struct mad_packet to = cm_to(0, 1), nowhere = cm_to(0, 1);
	struct mad_packet sa = world_sa(&w, 0, 0x01, 0x0001, 0);
	const struct gsi_port_stats *s = gsi_port_stats(w.port[0]);

	(void)state;
	expect_passes(0, &to, 1);
	expect_passes(0, &to, 1);
	world_ask(&w, 0, &sa);
	nowhere.dlid = 0x7777;
	world_expect_drop(&w, 0, &nowhere, GSI_DROP_NO_PORT);
	assert_int_equal(s->received, 4);
	assert_int_equal(s->passed, 2);
	assert_int_equal(s->answered, 1);
	assert_int_equal(s->dropped[GSI_DROP_NO_PORT], 1);
	assert_int_equal(s->delivered, 1);
	s = gsi_port_stats(w.port[1]);
	assert_int_equal(s->delivered, 2);
	assert_int_equal(s->received, 0);
}

#define TEST(name) world_test(name, world_of_3, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mad_reaches_a_vport_by_its_lid),
		TEST(grh_counts_before_the_lid),
		TEST(any_of_several_gids_is_an_address),
		TEST(vport_may_send_to_itself),
		TEST(nobody_is_at_other_addresses),
		TEST(vport_that_is_removed_is_nowhere),
		TEST(source_is_the_senders_own),
		TEST(malformed_mads_are_dropped),
		TEST(down_vports_neither_send_nor_receive),
		TEST(pkey_is_of_the_senders_table),
		TEST(other_partition_is_out_of_reach),
		TEST(limited_members_reach_only_full_ones),
		TEST(receivers_entry_is_the_full_one_first),
		TEST(only_classes_of_guests_pass),
		TEST(smps_do_not_pass_by_qp1_nor_gmps_by_qp0),
		TEST(answer_goes_back_without_a_grh),
		TEST(answer_has_a_grh_if_the_request_had_one),
		TEST(sa_is_a_full_member_of_all_partitions),
		TEST(every_reason_has_a_text),
		TEST(what_a_port_sends_is_answered_passed_or_dropped),
	};

	return cmocka_run_group_tests_name("gsi_route", tests, NULL, NULL);
}
