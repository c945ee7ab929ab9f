// SPDX-License-Identifier: GPL-2.0-or-later
/* InformInfo and the Reports that follow from it. Offsets of IBTA vol. 1 §13.4.8. */
#include "gsi_inform_world.h"

#include "gsi/limits.h"

struct gsi_world w;

enum { TABLE = 0x12, INFORM_INFO_RECORD = 0xf3 };

static void gid_in_and_out_of_service(void **state)
{
	struct vib_gid gid = world_gid(1), sa = world_sa_gid();
	static const uint8_t head[10] = { 0x83, 0, 0, 4, 0, 65, 0, SA_LID, 0, 0 };
	struct mad_packet report;

	(void)state;
	subscribe(0, 64);
	subscribe(0, 65);
	world_set_up(&w, 1, false);
	report = take_report(0, 65);
	assert_memory_equal(report.mad + SA_DATA_AT, head, 10);
	assert_memory_equal(report.mad + SA_DATA_AT + 16, &gid, 16);
	assert_memory_equal(report.mad + SA_DATA_AT + 64, &sa, 16);
	assert_int_equal(report.pkey, 0xffff);
	assert_false(report.grh);
	world_set_up(&w, 1, true);
	report = take_report(0, 64);
	assert_memory_equal(report.mad + SA_DATA_AT + 16, &gid, 16);
	world_remove(&w, 1);
	take_report(0, 65);
	world_add(&w, 1);
	take_report(0, 64);
	world_expect_quiet(&w);
}

static void gid_that_is_added_comes_into_service(void **state)
{
	struct vib_gid gid = world_gid(40);
	struct mad_packet report;

	(void)state;
	subscribe(0, 0xffff);
	w.attr[1].gids[3] = gid;
	world_change(&w, 1);
	report = take_report(0, 64);
	assert_memory_equal(report.mad + SA_DATA_AT + 16, &gid, 16);
	memset(&w.attr[1].gids[3], 0, 16);
	world_change(&w, 1);
	take_report(0, 65);
	world_expect_quiet(&w);
}

static void groups_come_and_go(void **state)
{
	struct vib_gid mgid = { .raw = { 0xff, 0x15, [15] = 1 } };
	struct mad_packet report;

	(void)state;
	subscribe(0, 66);
	subscribe(0, 67);
	change_group(1, SET, mgid);
	report = take_report(0, 66);
	assert_memory_equal(report.mad + SA_DATA_AT + 16, &mgid, 16);
	assert_int_equal(mad_status(world_take(&w)->packet.mad), 0);
	change_group(1, DELETE, mgid);
	report = take_report(0, 67);
	assert_memory_equal(report.mad + SA_DATA_AT + 16, &mgid, 16);
	assert_int_equal(world_take(&w)->to, 1);
	/* Of a partition that it is not in it hears nothing. */
	world_set_pkeys(&w, 2, 0x8006, 0);
	change_group(2, SET, mgid);
	assert_int_equal(world_take(&w)->to, 2);
	world_expect_quiet(&w);
}

static void capability_that_changes_is_told(void **state)
{
	struct mad_packet report;

	(void)state;
	subscribe(0, 144);
	w.attr[1].port.cap_mask |= 1 << 19; /* IsDeviceManagementSupported */
	world_change(&w, 1);
	report = take_report(0, 144);
	assert_int_equal(report.mad[SA_DATA_AT], 0x84);
	assert_int_equal(report.mad[SA_DATA_AT + 3], 1);
	assert_int_equal(be16_at(report.mad + SA_DATA_AT + 6), 0x11);
	assert_int_equal(be16_at(report.mad + SA_DATA_AT + 12), 0x11);
	assert_int_equal(be32_at(report.mad + SA_DATA_AT + 16), w.attr[1].port.cap_mask);
	world_expect_quiet(&w);
}

/* By SubnetTimeOut, which is 18. */
#define TRAP_INTERVAL (4096ull << 18)

static void set_cap_mask(unsigned int port, uint32_t mask)
{
	w.attr[port].port.cap_mask = mask;
	world_change(&w, port);
}

/* Port 0 is told that of @port is @mask. */
static void expect_told(unsigned int port, uint32_t mask)
{
	struct mad_packet report = take_report(0, 144);

	assert_int_equal(be16_at(report.mad + SA_DATA_AT + 12), 0x10 + port);
	assert_int_equal(be32_at(report.mad + SA_DATA_AT + 16), mask);
}

static void capability_that_is_toggled_is_told_once_an_interval(void **state)
{
	uint32_t mask = w.attr[1].port.cap_mask;

	(void)state;
	subscribe(0, 144);
	subscribe(2, 65); /* of something else */
	for (unsigned int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < 1001; i++)
			set_cap_mask(1, mask ^= 1 << 19);
		/* The first of all at once; then each round's last one. */
		if (round == 0)
			expect_told(1, w.attr[1].port.cap_mask);
		world_pass(&w, TRAP_INTERVAL - 1);
		world_expect_quiet(&w);
		world_pass(&w, 1);
		expect_told(1, mask);
		world_expect_quiet(&w);
	}
	world_pass(&w, TRAP_INTERVAL);
	world_expect_quiet(&w);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
	/* And the next one at once again. */
	set_cap_mask(1, mask ^ 1 << 19);
	expect_told(1, mask ^ 1 << 19);
}

/* Who asked meanwhile has seen the other. */
static void capability_that_is_back_is_told(void **state)
{
	uint32_t mask = w.attr[1].port.cap_mask;

	(void)state;
	subscribe(0, 144);
	set_cap_mask(1, mask | 1 << 19);
	expect_told(1, mask | 1 << 19);
	set_cap_mask(1, mask);
	set_cap_mask(1, mask | 1 << 19);
	world_expect_quiet(&w);
	world_pass(&w, TRAP_INTERVAL);
	expect_told(1, mask | 1 << 19);
}

static void port_that_toggles_holds_up_no_other(void **state)
{
	uint32_t mask = w.attr[1].port.cap_mask;

	(void)state;
	subscribe(0, 144);
	set_cap_mask(1, mask | 1 << 19);
	expect_told(1, mask | 1 << 19);
	set_cap_mask(1, mask);
	set_cap_mask(2, mask | 1 << 17);
	expect_told(2, mask | 1 << 17);
	world_expect_quiet(&w);
}

static void port_that_is_down_or_gone_has_nothing_told(void **state)
{
	uint32_t mask = w.attr[1].port.cap_mask;

	(void)state;
	subscribe(0, 144);
	set_cap_mask(1, mask | 1 << 19);
	expect_told(1, mask | 1 << 19);
	set_cap_mask(1, mask);
	world_set_up(&w, 1, false);
	world_pass(&w, TRAP_INTERVAL);
	world_expect_quiet(&w);
	world_set_up(&w, 1, true);
	set_cap_mask(1, mask | 1 << 17);
	expect_told(1, mask | 1 << 17);
	set_cap_mask(1, mask);
	world_remove(&w, 1);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
	world_pass(&w, TRAP_INTERVAL);
	world_expect_quiet(&w);
}

/* Else its repetition would be the last that is heard. */
static void report_is_not_repeated_after_a_newer_one(void **state)
{
	uint32_t mask = w.attr[1].port.cap_mask;
	struct delivery newer;

	(void)state;
	subscribe(0, 144);
	set_cap_mask(1, mask | 1 << 19);
	assert_int_equal(world_take(&w)->to, 0);
	set_cap_mask(2, mask | 1 << 17); /* another's is none of these */
	assert_int_equal(world_take(&w)->to, 0);
	set_cap_mask(1, mask);
	world_pass(&w, SECOND - 1);
	world_expect_quiet(&w);
	world_pass(&w, TRAP_INTERVAL - (SECOND - 1));
	/* The older one is still answered, but not said again. */
	assert_int_equal(gsi_port_holdings(w.port[0]).reports, 3);
	do {
		newer = *world_take(&w);
	} while (world_waiting(&w));
	assert_int_equal(be32_at(newer.packet.mad + SA_DATA_AT + 16), mask);
	for (int i = 0; i < 10; i++)
		world_pass(&w, SECOND);
	while (world_waiting(&w)) {
		struct delivery again = *world_take(&w);

		if (be16_at(again.packet.mad + SA_DATA_AT + 12) == 0x11)
			assert_memory_equal(&again.packet, &newer.packet,
					    sizeof(newer.packet));
	}
	assert_int_equal(gsi_port_holdings(w.port[0]).reports, 0);
}

/* How many Reports are repeated in a second, all of @trap. */
static unsigned int repeated(uint16_t trap)
{
	unsigned int n = 0;

	world_pass(&w, SECOND);
	while (world_waiting(&w)) {
		const uint8_t *mad = world_take(&w)->packet.mad;

		assert_int_equal(mad[3], REPORT);
		assert_int_equal(be16_at(mad + SA_DATA_AT + NOTICE_TRAP), trap);
		n++;
	}
	return n;
}

/* What was said just now is not answered. */
static void take_all(void)
{
	while (world_waiting(&w))
		world_take(&w);
}

/* Returns the Report of trap 66, which is not answered, nor is that of 67. */
static struct mad_packet group_comes_and_goes(void)
{
	const struct vib_gid mgid = { .raw = { 0xff, 0x15, [15] = 1 } };
	struct mad_packet created;

	change_group(1, SET, mgid);
	created = world_take(&w)->packet;
	assert_int_equal(be16_at(created.mad + SA_DATA_AT + NOTICE_TRAP), 66);
	change_group(1, DELETE, mgid);
	take_all();
	return created;
}

static void report_of_a_group_is_not_repeated_when_that_is_gone(void **state)
{
	struct mad_packet created, answer;

	(void)state;
	subscribe(0, 66);
	subscribe(0, 67);
	group_comes_and_goes();
	assert_int_equal(repeated(67), 1);
	assert_int_equal(repeated(67), 1);
	/* Its answer may have been on the way. */
	created = group_comes_and_goes();
	answer = respond_to(&created, 0);
	world_send(&w, 0, &answer);
	assert_int_equal(w.drops[0][GSI_DROP_TID], 0);
}

/* The GIDs of two ports are two things, and so is each trap of another kind. */
static void report_of_another_gid_is_repeated(void **state)
{
	(void)state;
	subscribe(0, 65);
	world_set_up(&w, 1, false);
	world_set_up(&w, 2, false);
	take_all();
	assert_int_equal(repeated(65), 2);
}

static void report_is_repeated_to_each_subscription(void **state)
{
	(void)state;
	subscribe(0, 65);
	subscribe(0, 0xffff);
	world_set_up(&w, 1, false);
	assert_int_equal(world_waiting(&w), 2);
	take_all();
	assert_int_equal(repeated(65), 2);
	world_set_up(&w, 1, true);
	take_all();
	assert_int_equal(repeated(64), 1);
}

static void report_is_repeated_until_it_is_answered(void **state)
{
	struct delivery first, again;

	(void)state;
	subscribe(0, 65);
	world_set_up(&w, 1, false);
	first = *world_take(&w);
	world_pass(&w, SECOND - 1);
	world_expect_quiet(&w);
	world_pass(&w, 1);
	again = *world_take(&w);
	assert_memory_equal(&again.packet, &first.packet, sizeof(first.packet));
	world_pass(&w, SECOND);
	take_report(0, 65);
	world_pass(&w, 10 * SECOND);
	world_expect_quiet(&w);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static void who_never_answers_is_left_in_peace(void **state)
{
	(void)state;
	subscribe(0, 65);
	world_set_up(&w, 1, false);
	for (int i = 0; i < 10; i++)
		world_pass(&w, SECOND);
	assert_int_equal(world_waiting(&w), 3);
	while (world_waiting(&w))
		world_take(&w);
	assert_int_equal(gsi_port_holdings(w.port[0]).reports, 0);
	assert_int_equal(gsi_port_holdings(w.port[0]).subscriptions, 1);
}

static void answer_is_of_a_report_to_that_port(void **state)
{
	struct mad_packet answer;
	struct delivery report;

	(void)state;
	subscribe(0, 65);
	world_set_up(&w, 1, false);
	report = *world_take(&w);
	answer = respond_to(&report.packet, 2);
	world_expect_drop(&w, 2, &answer, GSI_DROP_TID);
	assert_int_equal(gsi_port_holdings(w.port[0]).reports, 1);
}

static void report_goes_where_the_subscription_came_from(void **state)
{
	struct mad_packet packet = inform(0, true, 65), report;
	struct vib_gid self = world_gid(0);

	(void)state;
	world_grh(&packet, 0, world_sa_gid());
	assert_int_equal(world_status(&w, 0, &packet), 0);
	world_set_up(&w, 1, false);
	report = take_report(0, 65);
	assert_true(report.grh);
	assert_memory_equal(&report.dgid, &self, 16);
}

static void issuer_type_and_producer_are_matched(void **state)
{
	static const struct {
		unsigned int at;
		uint16_t value;
		bool told;
	} cases[] = {
		{ LID_BEGIN, SA_LID, true }, { LID_BEGIN, 2, false },
		{ TYPE, 3, true },           { TYPE, 4, false },
		{ PRODUCER + 1, 4, false },  { GENERIC, 0x0001, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mad_packet packet = inform(0, true, 65);

		put_be16(packet.mad + SA_DATA_AT + cases[i].at, cases[i].value);
		assert_int_equal(world_status(&w, 0, &packet), 0);
		world_set_up(&w, 1, false);
		if (cases[i].told)
			take_report(0, 65);
		world_expect_quiet(&w);
		world_set_up(&w, 1, true);
		packet.mad[SA_DATA_AT + SUBSCRIBE] = 0;
		if (cases[i].at != GENERIC)
			assert_int_equal(world_status(&w, 0, &packet), 0);
	}
}

static void subscription_ends(void **state)
{
	struct mad_packet packet = inform(0, false, 65);

	(void)state;
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(REQ_INVALID));
	subscribe(0, 65);
	subscribe(0, 65); /* the same one */
	assert_int_equal(gsi_port_holdings(w.port[0]).subscriptions, 1);
	packet = inform(0, false, 65);
	assert_int_equal(world_status(&w, 0, &packet), 0);
	world_set_up(&w, 1, false);
	world_expect_quiet(&w);
	/* With its P_Key, GID, link. */
	subscribe(0, 65);
	world_set_pkeys(&w, 0, 0x8001, 0);
	assert_int_equal(gsi_port_holdings(w.port[0]).subscriptions, 0);
	subscribe(0, 65);
	world_set_up(&w, 0, false);
	assert_int_equal(gsi_port_holdings(w.port[0]).subscriptions, 0);
}

static unsigned int subscriptions(void)
{
	return gsi_port_holdings(w.port[0]).subscriptions;
}

static void subscription_ends_with_its_address(void **state)
{
	struct mad_packet packet = inform(0, true, 66);

	(void)state;
	world_grh(&packet, 0, world_sa_gid());
	assert_int_equal(world_status(&w, 0, &packet), 0);
	subscribe(0, 65);
	w.attr[0].port.cap_mask++;
	world_change(&w, 0);
	assert_int_equal(subscriptions(), 2);
	/* The one with a GRH goes with the GID, the other with the LID. */
	w.attr[0].gids[0] = world_gid(30);
	world_change(&w, 0);
	assert_int_equal(subscriptions(), 1);
	w.attr[0].port.lid = 0x99;
	world_change(&w, 0);
	assert_int_equal(subscriptions(), 0);
}

static void other_partitions_ports_are_not_told_of(void **state)
{
	struct mad_packet packet = inform(0, true, 65);
	struct vib_gid other = world_gid(1);

	(void)state;
	world_set_pkeys(&w, 1, 0x8001, 0);
	memcpy(packet.mad + SA_DATA_AT, &other, 16);
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(REQ_INVALID));
	subscribe(0, 0xffff);
	world_set_up(&w, 1, false);
	world_set_up(&w, 1, true);
	world_remove(&w, 1);
	world_expect_quiet(&w);
}

static void requests_that_cannot_be_are_refused(void **state)
{
	struct mad_packet packet;

	(void)state;
	for (uint16_t trap = 255; trap <= 260; trap++) {
		packet = inform(0, true, trap); /* those of security: 256 to 259 */
		assert_int_equal(world_status(&w, 0, &packet),
				 trap >= 256 && trap <= 259 ? SA_ERROR(REQ_INVALID) : 0);
	}
	packet = inform(0, true, 65);
	packet.mad[SA_DATA_AT + SUBSCRIBE] = 2;
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(REQ_INVALID));
}

static void guest_has_a_share_of_subscriptions_and_reports_only(void **state)
{
	struct mad_packet packet;

	(void)state;
	for (unsigned int i = 0; i < MAX_SUBSCRIPTIONS; i++)
		subscribe(0, (uint16_t)(1000 + i));
	packet = inform(0, true, 65);
	assert_int_equal(world_status(&w, 0, &packet), SA_ERROR(NO_RESOURCES));
	subscribe(2, 65);
	for (unsigned int i = 0; i < MAX_REPORTS + 5; i++) {
		world_set_up(&w, 1, false);
		world_set_up(&w, 1, true);
	}
	assert_int_equal(world_waiting(&w), MAX_REPORTS);
	assert_int_equal(w.drops[2][GSI_DROP_NO_MEMORY], 5);
	while (world_waiting(&w))
		world_take(&w);
}

static uint8_t table[4096];

static void subscriptions_are_shown_to_their_owner(void **state)
{
	struct mad_packet packet = world_sa(&w, 0, TABLE, INFORM_INFO_RECORD, 0);
	struct vib_gid self = world_gid(0);

	(void)state;
	subscribe(0, 64);
	subscribe(1, 65);
	assert_int_equal(world_ask_table(&w, 0, &packet, table, sizeof(table)), 64);
	assert_memory_equal(table, &self, 16);
	assert_int_equal(be16_at(table + 24 + TRAP), 64);
	assert_int_equal(table[24 + SUBSCRIBE], 1);
	assert_int_equal(be32_at(table + 24 + 28) >> 8, 0); /* no QPN */
	packet = world_sa(&w, 0, TABLE, INFORM_INFO_RECORD, 1 << 10);
	put_be16(packet.mad + SA_DATA_AT + 24 + TRAP, 65);
	assert_int_equal(world_ask_table(&w, 0, &packet, table, sizeof(table)), 0);
}

#define TEST(name) world_test(name, world_of_3, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gid_in_and_out_of_service),
		TEST(gid_that_is_added_comes_into_service),
		TEST(groups_come_and_go),
		TEST(capability_that_changes_is_told),
		TEST(capability_that_is_toggled_is_told_once_an_interval),
		TEST(capability_that_is_back_is_told),
		TEST(port_that_toggles_holds_up_no_other),
		TEST(port_that_is_down_or_gone_has_nothing_told),
		TEST(report_is_not_repeated_after_a_newer_one),
		TEST(report_of_a_group_is_not_repeated_when_that_is_gone),
		TEST(report_of_another_gid_is_repeated),
		TEST(report_is_repeated_to_each_subscription),
		TEST(report_is_repeated_until_it_is_answered),
		TEST(who_never_answers_is_left_in_peace),
		TEST(answer_is_of_a_report_to_that_port),
		TEST(report_goes_where_the_subscription_came_from),
		TEST(issuer_type_and_producer_are_matched),
		TEST(subscription_ends),
		TEST(subscription_ends_with_its_address),
		TEST(other_partitions_ports_are_not_told_of),
		TEST(requests_that_cannot_be_are_refused),
		TEST(guest_has_a_share_of_subscriptions_and_reports_only),
		TEST(subscriptions_are_shown_to_their_owner),
	};

	return cmocka_run_group_tests_name("gsi_inform", tests, NULL, NULL);
}
