// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The end of a guest that has one of everything at the SA, however it comes: nothing of
 * it is left, its memory included (a sanitizer sees to that), and others hear of it.
 */
#include "gsi_world.h"

static struct gsi_world w;

enum { GUEST, PEER, LISTENER };
enum { SET = 0x02, REPORT = 0x06, TABLE = 0x12, MULTI = 0x14, REPORT_RESP = 0x86 };
enum {
	NOTICE = 0x02,
	INFORM_INFO = 0x03,
	GUID_INFO_RECORD = 0x30,
	SERVICE_RECORD = 0x31,
	MCMEMBER_RECORD = 0x38,
	MULTI_PATH_RECORD = 0x3a
};

static const struct vib_gid own_group = { .raw = { 0xff, 0x15, [15] = 1 } };
static const struct vib_gid shared_group = { .raw = { 0xff, 0x15, [15] = 2 } };

static void subscribe(unsigned int from)
{
	struct mad_packet packet = world_sa(&w, from, SET, INFORM_INFO, 0);
	uint8_t *d = packet.mad + SA_DATA_AT;

	put_be16(d + 16, 0xffff); /* all LIDs, types, traps and producers */
	d[22] = d[23] = 1;
	put_be16(d + 24, 0xffff);
	put_be16(d + 26, 0xffff);
	memset(d + 33, 0xff, 3);
	assert_int_equal(world_status(&w, from, &packet), 0);
}

static void make_group(unsigned int from, const struct vib_gid *mgid)
{
	struct mad_packet packet = world_sa(&w, from, SET, MCMEMBER_RECORD, 0x130c7);
	struct vib_gid self = world_gid(from);
	uint8_t *d = packet.mad + SA_DATA_AT;

	memcpy(d, mgid, 16);
	memcpy(d + 16, &self, 16);
	put_be16(d + 40, 0xffff);
	d[48] = 1;
	assert_int_equal(world_status(&w, from, &packet), 0);
}

static void register_service(unsigned int from)
{
	struct mad_packet packet = world_sa(&w, from, SET, SERVICE_RECORD,
					    1 << 0 | 1 << 1 | 1 << 2 | 1 << 4);
	struct vib_gid self = world_gid(from);
	uint8_t *d = packet.mad + SA_DATA_AT;

	put_be64(d, 77);
	memcpy(d + 8, &self, 16);
	put_be16(d + 24, 0xffff);
	put_be32(d + 28, 1000);
	assert_int_equal(world_status(&w, from, &packet), 0);
}

/* A table of which the first segment is not acknowledged. */
static void ask_table(unsigned int from)
{
	struct mad_packet packet = world_sa(&w, from, TABLE, GUID_INFO_RECORD, 0);

	world_send(&w, from, &packet);
	world_take(&w);
}

/* The first segment of a request that has another. */
static void begin_request(unsigned int from)
{
	struct mad_packet packet =
		world_sa(&w, from, MULTI, MULTI_PATH_RECORD, 1 << 19 | 1 << 20);

	packet.mad[24] = 1; /* RMPP: version, DATA, ACTIVE and FIRST, segment, length */
	packet.mad[25] = 1;
	packet.mad[26] = 1 | 2;
	put_be32(packet.mad + 28, 1);
	put_be32(packet.mad + 32, 2 * 20 + 300);
	world_send(&w, from, &packet);
	world_take(&w);
}

static bool has_nothing(const struct gsi_holdings *h)
{
	return !h->memberships && !h->groups && !h->services && !h->subscriptions &&
	       !h->reports && !h->transactions;
}

static int begin(void **state)
{
	struct gsi_holdings h;

	(void)state;
	world_begin(&w, 3);
	make_group(GUEST, &own_group);
	make_group(PEER, &shared_group);
	make_group(GUEST, &shared_group);
	register_service(GUEST);
	subscribe(GUEST);
	ask_table(GUEST);
	begin_request(GUEST);
	/* A Report that it does not answer. */
	w.attr[PEER].port.cap_mask ^= 1 << 19;
	world_change(&w, PEER);
	assert_int_equal(world_take(&w)->to, GUEST);
	subscribe(LISTENER);
	h = gsi_port_holdings(w.port[GUEST]);
	assert_int_equal(h.memberships, 2);
	assert_int_equal(h.groups, 1);
	assert_int_equal(h.services, 1);
	assert_int_equal(h.subscriptions, 1);
	assert_int_equal(h.reports, 1);
	assert_int_equal(h.transactions, 2);
	world_expect_quiet(&w);
	return 0;
}

/* The listener is told of @trap about @gid, and says so. */
static void assert_told(uint16_t trap, struct vib_gid gid)
{
	const struct delivery d = *world_take(&w);
	struct mad_packet answer = world_sa(&w, LISTENER, REPORT_RESP, NOTICE, 0);

	assert_int_equal(d.to, LISTENER);
	assert_int_equal(d.packet.mad[3], REPORT);
	assert_int_equal(be16_at(d.packet.mad + SA_DATA_AT + 4), trap);
	assert_memory_equal(d.packet.mad + SA_DATA_AT + 16, &gid, 16);
	memcpy(answer.mad + 8, d.packet.mad + 8, 8);
	world_send(&w, LISTENER, &answer);
}

/* Its own group has ended, the other one has a member less. */
static void assert_groups_left(void)
{
	assert_false(world_has_group(&w, own_group));
	assert_true(world_has_group(&w, shared_group));
	assert_true(world_receives(&w, PEER, shared_group));
	assert_int_equal(gsi_memberships(w.gsi), 1);
}

/* Nor does anything come later of what was under way. */
static void assert_all_quiet(void)
{
	world_expect_quiet(&w);
	for (int i = 0; i < 100; i++)
		world_pass(&w, 20 * SECOND);
	world_expect_quiet(&w);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static void guest_that_dies_leaves_nothing(void **state)
{
	(void)state;
	world_remove(&w, GUEST);
	assert_told(65, world_gid(GUEST));
	assert_told(67, own_group);
	assert_groups_left();
	assert_all_quiet();
}

static void guest_whose_link_goes_down_has_nothing(void **state)
{
	struct gsi_holdings h;

	(void)state;
	world_set_up(&w, GUEST, false);
	h = gsi_port_holdings(w.port[GUEST]);
	assert_true(has_nothing(&h));
	assert_told(65, world_gid(GUEST));
	assert_told(67, own_group);
	assert_groups_left();
	assert_all_quiet();
}

/* Its port stays, and so its GID. */
static void guest_that_is_disconnected_has_nothing(void **state)
{
	struct gsi_holdings h;

	(void)state;
	gsi_port_reset(w.port[GUEST]);
	h = gsi_port_holdings(w.port[GUEST]);
	assert_true(has_nothing(&h));
	assert_told(67, own_group);
	assert_groups_left();
	assert_all_quiet();
	/* And may begin anew. */
	make_group(GUEST, &shared_group);
	assert_true(world_receives(&w, GUEST, shared_group));
}

/* Another partition's guests hear nothing of it. */
static void who_does_not_know_it_is_not_told_of_its_end(void **state)
{
	(void)state;
	world_set_pkeys(&w, LISTENER, 0x8001, 0);
	subscribe(LISTENER);
	world_remove(&w, GUEST);
	world_expect_quiet(&w);
}

#define TEST(name) world_test(name, begin, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guest_that_dies_leaves_nothing),
		TEST(guest_whose_link_goes_down_has_nothing),
		TEST(guest_that_is_disconnected_has_nothing),
		TEST(who_does_not_know_it_is_not_told_of_its_end),
	};

	return cmocka_run_group_tests_name("gsi_end", tests, NULL, NULL);
}
