// SPDX-License-Identifier: GPL-2.0-or-later
/* RMPP: tables that go out and requests that come in, with what gets lost between. */
#include "gsi_world.h"

#include "gsi/limits.h"

static struct gsi_world w;

#define GIDS     16
/* GUIDInfoRecords of three ports: 6 records of 72 bytes, 432 bytes, 3 segments. */
#define RECORDS  6
#define BYTES    (RECORDS * 72)
#define SEGMENTS 3
#define LAST     (20 + BYTES - 400)

enum { TABLE = 0x12, MULTI = 0x14 };
enum { NODE_RECORD = 0x11, GUID_INFO_RECORD = 0x30, MULTI_PATH_RECORD = 0x3a };
enum { DATA = 1, ACK = 2, STOP = 3, ABORT = 4 };
enum { ACTIVE = 1, FIRST = 2, LAST_FLAG = 4 };

/* Offsets of §13.6.2.1. */
enum { VERSION = 24, TYPE = 25, FLAGS = 26, STATUS = 27, SEGMENT = 28, LENGTH = 32 };

static struct mad_packet table_request(void)
{
	return world_sa(&w, 0, TABLE, GUID_INFO_RECORD, 0);
}

static struct mad_packet rmpp(const struct mad_packet *request, uint8_t type,
			      uint8_t status, uint32_t segment, uint32_t window)
{
	struct mad_packet packet = *request;

	packet.mad[VERSION] = 1;
	packet.mad[TYPE] = type;
	packet.mad[FLAGS] = ACTIVE;
	packet.mad[STATUS] = status;
	put_be32(packet.mad + SEGMENT, segment);
	put_be32(packet.mad + LENGTH, window);
	return packet;
}

static void send_rmpp(const struct mad_packet *request, uint8_t type, uint8_t status,
		      uint32_t segment, uint32_t window)
{
	struct mad_packet packet = rmpp(request, type, status, segment, window);

	world_send(&w, 0, &packet);
}

/* The next delivery is segment @n of a table, with that length and those flags. */
static void expect_segment(uint32_t n, uint8_t flags, uint32_t length)
{
	const struct delivery *d = world_take(&w);
	const uint8_t *mad = d->packet.mad;

	assert_int_equal(d->to, 0);
	assert_int_equal(mad[3], 0x92);
	assert_int_equal(mad[VERSION], 1);
	assert_int_equal(mad[TYPE], DATA);
	assert_int_equal(mad[FLAGS] & 7, flags | ACTIVE);
	assert_int_equal(mad[FLAGS] >> 3, 31); /* no RRespTime */
	assert_int_equal(mad[STATUS], 0);
	assert_int_equal(be32_at(mad + SEGMENT), n);
	assert_int_equal(be32_at(mad + LENGTH), length);
	assert_int_equal(be16_at(mad + 44), 9);
}

static void expect_abort(uint8_t status)
{
	const struct delivery *d = world_take(&w);

	assert_int_equal(d->to, 0);
	assert_int_equal(d->packet.mad[TYPE], ABORT);
	assert_int_equal(d->packet.mad[STATUS], status);
	assert_int_equal(d->packet.mad[FLAGS] & 7, ACTIVE);
	world_expect_quiet(&w);
}

static unsigned int transactions(void)
{
	return gsi_port_holdings(w.port[0]).transactions;
}

static struct mad_packet begin_table(void)
{
	struct mad_packet request = table_request();

	world_send(&w, 0, &request);
	expect_segment(1, FIRST, SEGMENTS * 20 + BYTES);
	world_expect_quiet(&w);
	return request;
}

static void table_goes_as_its_window_opens(void **state)
{
	struct mad_packet request = begin_table();

	(void)state;
	send_rmpp(&request, ACK, 0, 1, 2);
	expect_segment(2, 0, 0);
	world_expect_quiet(&w);
	send_rmpp(&request, ACK, 0, 2, 66);
	expect_segment(3, LAST_FLAG, LAST);
	world_expect_quiet(&w);
	assert_int_equal(transactions(), 1);
	send_rmpp(&request, ACK, 0, 3, 3); /* the window does not matter any more */
	world_expect_quiet(&w);
	assert_int_equal(transactions(), 0);
	assert_true(gsi_next(w.gsi) == UINT64_MAX);
}

static uint8_t table[1 << 16];

static void table_is_whole(void **state)
{
	struct mad_packet request = table_request();

	(void)state;
	assert_int_equal(world_ask_table(&w, 0, &request, table, sizeof(table)), BYTES);
	for (unsigned int i = 0; i < RECORDS; i++)
		assert_in_range(be16_at(table + 72 * i), 0x10, 0x12);
	request = world_sa(&w, 0, TABLE, NODE_RECORD, 0);
	assert_int_equal(world_ask_table(&w, 0, &request, table, sizeof(table)), 3 * 112);
}

static void empty_table_is_one_segment(void **state)
{
	struct mad_packet request = world_sa(&w, 0, TABLE, 0x0020, 0);
	const uint8_t *mad = world_ask(&w, 0, &request)->mad;

	(void)state;
	assert_int_equal(mad[FLAGS] & 7, ACTIVE | FIRST | LAST_FLAG);
	assert_int_equal(be32_at(mad + LENGTH), 20);
	assert_int_equal(be16_at(mad + 44), 0);
	send_rmpp(&request, ACK, 0, 1, 1);
	assert_int_equal(transactions(), 0);
}

static void lost_segments_are_sent_again(void **state)
{
	struct mad_packet request = begin_table();

	(void)state;
	world_pass(&w, SECOND);
	world_expect_quiet(&w);
	world_pass(&w, SECOND);
	expect_segment(1, FIRST, SEGMENTS * 20 + BYTES);
	send_rmpp(&request, ACK, 0, 1, 3);
	expect_segment(2, 0, 0);
	expect_segment(3, LAST_FLAG, LAST);
	send_rmpp(&request, ACK, 0, 2, 3);
	world_expect_quiet(&w);
	world_pass(&w, 2 * SECOND);
	expect_segment(3, LAST_FLAG, LAST);
	/* The ACK of what was sent before counts. */
	send_rmpp(&request, ACK, 0, 3, 3);
	assert_int_equal(transactions(), 0);
}

static void who_never_answers_is_given_up(void **state)
{
	(void)state;
	begin_table();
	for (int i = 0; i < 3; i++) {
		world_pass(&w, 2 * SECOND);
		expect_segment(1, FIRST, SEGMENTS * 20 + BYTES);
	}
	world_pass(&w, 2 * SECOND);
	expect_abort(126); /* too many retries */
	assert_int_equal(transactions(), 0);
}

static void old_acks_change_nothing(void **state)
{
	struct mad_packet request = begin_table();

	(void)state;
	send_rmpp(&request, ACK, 0, 0, 1); /* of who turns round, too */
	world_expect_quiet(&w);
	send_rmpp(&request, ACK, 0, 1, 2);
	expect_segment(2, 0, 0);
	send_rmpp(&request, ACK, 0, 1, 2);
	send_rmpp(&request, ACK, 0, 0, 2);
	send_rmpp(&request, ACK, 0, 1, 1);
	world_expect_quiet(&w);
	assert_int_equal(transactions(), 1);
}

/* What was acknowledged is not sent again, whatever comes late. */
static void late_ack_takes_nothing_back(void **state)
{
	struct mad_packet request = begin_table();

	(void)state;
	send_rmpp(&request, ACK, 0, 1, 3);
	expect_segment(2, 0, 0);
	expect_segment(3, LAST_FLAG, LAST);
	send_rmpp(&request, ACK, 0, 2, 3);
	send_rmpp(&request, ACK, 0, 1, 9);
	world_expect_quiet(&w);
	world_pass(&w, 2 * SECOND);
	expect_segment(3, LAST_FLAG, LAST);
	world_expect_quiet(&w);
}

static void acks_that_cannot_be_end_the_table(void **state)
{
	static const struct {
		uint8_t status;
		uint32_t segment, window;
		uint8_t abort;
	} bad[] = {
		{ 0, 2, 3, 123 },   /* a segment that was not sent */
		{ 0, 9, 9, 123 },   /* and one that there is not */
		{ 0, 1, 0, 122 },   /* a window that ends before it */
		{ 127, 1, 2, 124 }, /* an ACK has no status */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mad_packet request = begin_table();

		send_rmpp(&request, ACK, bad[i].status, bad[i].segment, bad[i].window);
		expect_abort(bad[i].abort);
		assert_int_equal(transactions(), 0);
	}
}

static void stop_and_abort_end_the_table(void **state)
{
	struct mad_packet request = begin_table();

	(void)state;
	send_rmpp(&request, STOP, 1, 0, 0);
	world_expect_quiet(&w);
	assert_int_equal(transactions(), 0);
	request = begin_table();
	send_rmpp(&request, ABORT, 118, 0, 0);
	world_expect_quiet(&w);
	assert_int_equal(transactions(), 0);
}

static void request_sent_again_does_not_start_again(void **state)
{
	struct mad_packet request = begin_table();

	(void)state;
	world_send(&w, 0, &request);
	world_expect_quiet(&w);
	assert_int_equal(transactions(), 1);
}

static void tables_to_a_guest_are_counted(void **state)
{
	struct mad_packet request;

	(void)state;
	for (unsigned int i = 0; i < MAX_RMPP_SENDS; i++)
		begin_table();
	request = table_request();
	assert_int_equal(world_status(&w, 0, &request), SA_ERROR(NO_RESOURCES));
	assert_int_equal(transactions(), MAX_RMPP_SENDS);
	/* Another guest has its own. */
	request = world_sa(&w, 1, TABLE, GUID_INFO_RECORD, 0);
	assert_int_equal(world_ask_table(&w, 1, &request, table, sizeof(table)), BYTES);
}

static void tables_end_with_the_port_and_its_link(void **state)
{
	(void)state;
	begin_table();
	world_set_up(&w, 0, false);
	assert_int_equal(transactions(), 0);
	world_pass(&w, 10 * SECOND);
	world_expect_quiet(&w);
	world_set_up(&w, 0, true);
	begin_table();
	world_remove(&w, 0);
	world_pass(&w, 10 * SECOND);
	world_expect_quiet(&w);
}

static void tables_end_with_the_address_they_go_to(void **state)
{
	(void)state;
	begin_table();
	w.attr[0].port.cap_mask++;
	world_change(&w, 0);
	assert_int_equal(transactions(), 1);
	world_set_pkeys(&w, 0, 0xffff, 0x8001);
	assert_int_equal(transactions(), 0);
	begin_table();
	w.attr[0].gids[1] = world_gid(30);
	world_change(&w, 0);
	assert_int_equal(transactions(), 0);
	begin_table();
	w.attr[0].port.lid = 0x99;
	world_change(&w, 0);
	assert_int_equal(transactions(), 0);
}

/* A window of any size is served a burst at a time. */
static void large_window_is_served_in_bursts(void **state)
{
	/* Each block of 8 GIDs of 16 ports of 1 GID is a record; so many groups are more.
	 */
	struct mad_packet request = world_sa(&w, 0, 0x02, 0x38, 0x130c7 | 1 << 12);
	unsigned int burst = 0;

	(void)state;
	for (unsigned int i = 0; i < 3 * MAX_GROUPS; i++) {
		unsigned int from = i / MAX_GROUPS;
		struct vib_gid gid = world_gid(from);

		request = world_sa(&w, from, 0x02, 0x38, 0x130c7);
		request.mad[SA_DATA_AT] = 0xff;
		request.mad[SA_DATA_AT + 1] = 0x15;
		put_be32(request.mad + SA_DATA_AT + 12, i);
		memcpy(request.mad + SA_DATA_AT + 16, &gid, 16);
		put_be16(request.mad + SA_DATA_AT + 40, 0xffff);
		request.mad[SA_DATA_AT + 48] = 1;
		assert_int_equal(world_status(&w, from, &request), 0);
	}
	request = world_sa(&w, 0, TABLE, 0x38, 0); /* 385 groups: 108 segments */
	world_send(&w, 0, &request);
	world_take(&w);
	send_rmpp(&request, ACK, 0, 1, 1000000);
	while (world_waiting(&w)) {
		world_take(&w);
		burst++;
	}
	assert_int_equal(burst, RMPP_BURST);
	/* It goes on at the next tick. */
	assert_true(gsi_next(w.gsi) <= w.now + 1);
	world_pass(&w, 1);
	assert_int_equal(world_waiting(&w), 108 - 1 - RMPP_BURST);
	while (world_waiting(&w))
		world_take(&w);
	send_rmpp(&request, ACK, 0, 108, 1000000);
	assert_int_equal(transactions(), 0);
}

/* ---- requests of several segments ---------------------------------------- */

/* A MultiPathRecord with @dgids of port 1: that many segments. */
static struct mad_packet segment_of(const struct mad_packet *request, uint32_t n,
				    unsigned int dgids)
{
	uint8_t data[1024] = { [15] = 1, [16] = (uint8_t)dgids };
	size_t length = 24 + 16 * (1 + dgids), from = (n - 1) * 200;
	uint32_t segments = (uint32_t)((length + 199) / 200);
	struct mad_packet packet = rmpp(request, DATA, 0, n, 0);
	struct vib_gid gid = world_gid(0);

	memcpy(data + 24, &gid, 16);
	gid = world_gid(1);
	for (unsigned int i = 0; i < dgids; i++)
		memcpy(data + 40 + 16 * i, &gid, 16);
	memcpy(packet.mad + SA_DATA_AT, data + from, 200);
	if (n == 1)
		packet.mad[FLAGS] |= FIRST;
	if (n == segments)
		packet.mad[FLAGS] |= LAST_FLAG;
	put_be32(packet.mad + LENGTH, n == segments ? (uint32_t)(20 + length - from) : 0);
	return packet;
}

static struct mad_packet multi_request(void)
{
	return world_sa(&w, 0, MULTI, MULTI_PATH_RECORD, 1 << 19 | 1 << 20);
}

static void expect_ack(uint32_t segment, uint32_t window)
{
	const struct delivery *d = world_take(&w);

	assert_int_equal(d->to, 0);
	assert_int_equal(d->packet.mad[3], 0x94);
	assert_int_equal(d->packet.mad[TYPE], ACK);
	assert_int_equal(d->packet.mad[FLAGS] & 7, ACTIVE);
	assert_int_equal(be32_at(d->packet.mad + SEGMENT), segment);
	assert_int_equal(be32_at(d->packet.mad + LENGTH), window);
}

static void send_segment(const struct mad_packet *request, uint32_t n, unsigned int dgids)
{
	struct mad_packet packet = segment_of(request, n, dgids);

	world_send(&w, 0, &packet);
}

static void request_of_segments_is_put_together(void **state)
{
	struct mad_packet request = multi_request();
	const uint8_t *mad;

	(void)state;
	send_segment(&request, 1, 16);
	expect_ack(1, MAX_RMPP_SEGMENTS);
	world_expect_quiet(&w);
	send_segment(&request, 2, 16);
	expect_ack(2, 2);
	mad = world_take(&w)->packet.mad;
	assert_int_equal(mad[3], 0x94);
	assert_int_equal(mad[TYPE], DATA);
	assert_int_equal(be16_at(mad + 16), 0x35);
	assert_int_equal(be32_at(mad + LENGTH), 16 * 64 + 6 * 20);
	/* The last ACK was lost: it is given again, and nothing is answered twice. */
	send_segment(&request, 2, 16);
	expect_ack(2, 2);
	world_expect_quiet(&w);
	send_rmpp(&request, ACK, 0, 1, 20);
	assert_int_equal(world_waiting(&w), 5);
	while (world_waiting(&w))
		world_take(&w);
	send_rmpp(&request, ACK, 0, 6, 20);
	assert_int_equal(transactions(), 1);
	world_pass(&w, 11 * SECOND);
	assert_int_equal(transactions(), 0);
	world_expect_quiet(&w);
}

static void lost_and_early_segments_wait(void **state)
{
	struct mad_packet request = multi_request();

	(void)state;
	send_segment(&request, 1, 32);
	expect_ack(1, MAX_RMPP_SEGMENTS);
	send_segment(&request, 3, 32);
	world_expect_quiet(&w);
	send_segment(&request, 1, 32);
	expect_ack(1, MAX_RMPP_SEGMENTS);
	send_segment(&request, 2, 32);
	world_expect_quiet(&w);
	send_segment(&request, 3, 32);
	expect_ack(3, 3);
	assert_int_equal(mad_status(world_take(&w)->packet.mad), SA_ERROR(REQ_INVALID));
}

static void silent_sender_is_given_up(void **state)
{
	struct mad_packet request = multi_request();

	(void)state;
	send_segment(&request, 1, 32);
	expect_ack(1, MAX_RMPP_SEGMENTS);
	world_pass(&w, 10 * SECOND);
	expect_abort(118);
	assert_int_equal(transactions(), 0);
}

static void sender_may_end_its_request(void **state)
{
	struct mad_packet request = multi_request(), packet;

	(void)state;
	send_segment(&request, 1, 32);
	expect_ack(1, MAX_RMPP_SEGMENTS);
	packet = rmpp(&request, ABORT, 118, 0, 0);
	world_send(&w, 0, &packet);
	world_expect_quiet(&w);
	assert_int_equal(transactions(), 0);
	assert_int_equal(w.drops[0][GSI_DROP_RMPP], 0);
}

static void segments_that_cannot_be_are_refused(void **state)
{
	struct mad_packet request = multi_request(), packet;

	(void)state;
	packet = segment_of(&request, 1, 32);
	packet.mad[FLAGS] &= (uint8_t)~FIRST;
	world_send(&w, 0, &packet);
	expect_abort(120);
	packet = segment_of(&request, 2, 32);
	packet.mad[FLAGS] |= FIRST;
	world_send(&w, 0, &packet);
	expect_abort(120);
	packet = segment_of(&request, 1, 32);
	packet.mad[STATUS] = 1;
	world_send(&w, 0, &packet);
	expect_abort(124);
	packet.mad[STATUS] = 0;
	packet.mad[VERSION] = 2;
	world_send(&w, 0, &packet);
	expect_abort(125);
	packet.mad[VERSION] = 1;
	packet.mad[TYPE] = 9;
	world_send(&w, 0, &packet);
	expect_abort(121);
	packet = segment_of(&request, 1, 4);
	put_be32(packet.mad + LENGTH, 221);
	world_send(&w, 0, &packet);
	expect_abort(119);
	put_be32(packet.mad + LENGTH, 19);
	world_send(&w, 0, &packet);
	expect_abort(119);
	assert_int_equal(transactions(), 0);
	/* Of no transaction at all. */
	packet = segment_of(&request, 2, 32);
	world_expect_drop(&w, 0, &packet, GSI_DROP_TID);
	packet = rmpp(&request, ACK, 0, 3, 5);
	world_expect_drop(&w, 0, &packet, GSI_DROP_TID);
	packet = rmpp(&request, ABORT, 118, 0, 0);
	world_expect_drop(&w, 0, &packet, GSI_DROP_TID);
}

static void endless_request_is_stopped(void **state)
{
	struct mad_packet request = multi_request();

	(void)state;
	for (uint32_t n = 1; n < MAX_RMPP_SEGMENTS; n++) {
		struct mad_packet packet = rmpp(&request, DATA, 0, n, 0);

		packet.mad[FLAGS] |= n == 1 ? FIRST : 0;
		world_send(&w, 0, &packet);
		if (n == 1)
			expect_ack(1, MAX_RMPP_SEGMENTS);
	}
	world_expect_quiet(&w);
	send_rmpp(&request, DATA, 0, MAX_RMPP_SEGMENTS, 0);
	assert_int_equal(world_take(&w)->packet.mad[TYPE], STOP);
	assert_int_equal(transactions(), 0);
}

static void requests_from_a_guest_are_counted(void **state)
{
	struct mad_packet request;

	(void)state;
	for (unsigned int i = 0; i < MAX_RMPP_RECEIVES; i++) {
		request = multi_request();
		send_segment(&request, 1, 32);
		expect_ack(1, MAX_RMPP_SEGMENTS);
	}
	request = multi_request();
	send_segment(&request, 1, 32);
	assert_int_equal(world_take(&w)->packet.mad[TYPE], STOP);
	assert_int_equal(transactions(), MAX_RMPP_RECEIVES);
}

#define TEST(name) world_test(name, world_of_3, &w)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(table_goes_as_its_window_opens),
		TEST(table_is_whole),
		TEST(empty_table_is_one_segment),
		TEST(lost_segments_are_sent_again),
		TEST(who_never_answers_is_given_up),
		TEST(old_acks_change_nothing),
		TEST(late_ack_takes_nothing_back),
		TEST(acks_that_cannot_be_end_the_table),
		TEST(stop_and_abort_end_the_table),
		TEST(request_sent_again_does_not_start_again),
		TEST(tables_to_a_guest_are_counted),
		TEST(tables_end_with_the_port_and_its_link),
		TEST(tables_end_with_the_address_they_go_to),
		TEST(large_window_is_served_in_bursts),
		TEST(request_of_segments_is_put_together),
		TEST(lost_and_early_segments_wait),
		TEST(silent_sender_is_given_up),
		TEST(sender_may_end_its_request),
		TEST(segments_that_cannot_be_are_refused),
		TEST(endless_request_is_stopped),
		TEST(requests_from_a_guest_are_counted),
	};

	return cmocka_run_group_tests_name("gsi_rmpp", tests, NULL, NULL);
}
