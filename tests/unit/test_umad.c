// SPDX-License-Identifier: GPL-2.0-or-later
/* MADs by libibumad, which is fake_umad.c: the claim, what comes in, what goes out, and
 * who waits for whom.
 */
#include "cm.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_umad.h"
#include "log.h"
#include "wire/umad.h"

/* ---- what is logged ------------------------------------------------------------ */

static char last_line[512];
static unsigned int lines;

void __wrap_log_line(enum log_level level, const char *fmt, ...);
void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	vsnprintf(last_line, sizeof(last_line), fmt, ap);
	va_end(ap);
	lines++;
}

static bool ib_cm_is_loaded;

int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	assert_string_equal(path, "/sys/module/ib_cm");
	(void)mode;
	return ib_cm_is_loaded ? 0 : -1;
}

/* ---- an agent -------------------------------------------------------------------- */

static uv_loop_t loop;
static struct umad_agent *agent;
static struct mad_packet got[64];
static unsigned int num_got, num_gone, num_claimed;
static unsigned int unsent_of[4];

static struct vib_gid gid(uint8_t last)
{
	return (struct vib_gid){ .raw = { 0xfe, 0x80, [8] = 2, [15] = last } };
}

static void received(void *arg, const struct mad_packet *packet)
{
	assert_ptr_equal(arg, &loop);
	assert_true(num_got < 64);
	got[num_got++] = *packet;
}

static void unsent(void *arg, void *owner, unsigned int count)
{
	(void)arg;
	*(unsigned int *)owner += count;
}

static void claimed(void *arg)
{
	(void)arg;
	num_claimed++;
}

static void gone(void *arg)
{
	(void)arg;
	num_gone++;
}

/* Index i is GID i, from 1 to 9. */
static unsigned int asked; /* for indices */

static int gid_index(void *arg, const struct vib_gid *g)
{
	struct vib_gid at = gid(g->raw[15]);

	(void)arg;
	asked++;
	return memcmp(g, &at, 16) == 0 && g->raw[15] < 10 ? g->raw[15] : -1;
}

static bool gid_at(void *arg, unsigned int index, struct vib_gid *g)
{
	(void)arg;
	*g = gid((uint8_t)index);
	return index && index < 10;
}

static uint8_t sa_mad[4096];
static size_t sa_length;
static unsigned int num_sa;

static void sa_received(void *arg, const uint8_t *mad, size_t length)
{
	assert_ptr_equal(arg, &loop);
	assert_true(length <= sizeof(sa_mad));
	memcpy(sa_mad, mad, length);
	sa_length = length;
	num_sa++;
}

static const struct umad_events events = {
	.received = received,
	.sa_received = sa_received,
	.unsent = unsent,
	.claimed = claimed,
	.gone = gone,
	.gid_index = gid_index,
	.gid_at = gid_at,
};

static const struct umad_subnet roce;
static const struct umad_subnet infiniband = {
	.infiniband = true,
	.sm_lid = 0x99,
	.sm_sl = 3,
};

/* Agents do not keep a loop going; other things do. */
static uv_timer_t others;

static void never(uv_timer_t *timer)
{
	(void)timer;
}

static void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void start(void)
{
	uint16_t pkeys[UMAD_PKEYS];

	agent = umad_agent_start(&loop, "roce0", FAKE_DEVICE, 1, &roce, &events, &loop);
	assert_non_null(agent);
	assert_int_equal(umad_read_pkeys(FAKE_DEVICE, 1, pkeys), 0);
	umad_agent_set_pkeys(agent, pkeys);
}

static int begin(void **state)
{
	(void)state;
	fake_umad_begin();
	ib_cm_is_loaded = false;
	num_got = num_gone = num_claimed = lines = num_sa = 0;
	memset(unsent_of, 0, sizeof(unsent_of));
	uv_loop_init(&loop);
	uv_timer_init(&loop, &others);
	uv_timer_start(&others, never, 1000000, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	umad_agent_stop(agent);
	agent = NULL;
	uv_close((uv_handle_t *)&others, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_true(fake_umad_end());
	return 0;
}

static struct mad_packet to(uint8_t last);

/* ---- the claim -------------------------------------------------------------------- */

static void cm_is_claimed_at_start(void **state)
{
	(void)state;
	start();
	assert_true(umad_agent_has_cm(agent));
	assert_true(fake_umad_has_cm());
	assert_int_equal(lines, 0);
	assert_int_equal(umad_reclaim(agent), 0);
}

/* The kernel closes what was stopped when it likes, and nobody waits for that. */
static void claim_waits_for_who_had_it(void **state)
{
	uint64_t begun = uv_hrtime();

	(void)state;
	start();
	fake_umad_hang_closing(true);
	umad_agent_stop(agent);
	start(); /* at once */
	turn();
	turn();
	turn();
	assert_true(uv_hrtime() - begun < 1000000000);
	assert_false(umad_agent_has_cm(agent));
	assert_int_equal(num_claimed, 0);
	fake_umad_hang_closing(false);
	for (unsigned int i = 0; i < 5000 && !num_claimed; i++) {
		turn();
		usleep(1000);
	}
	assert_int_equal(num_claimed, 1);
	assert_true(umad_agent_has_cm(agent));
	assert_int_equal(lines, 0);
}

static void sender_that_is_freed_closes_its_file_elsewhere(void **state)
{
	struct mad_packet packet = to(0x42);
	struct umad_sender *sender;
	uint64_t begun;

	(void)state;
	start();
	sender = umad_sender_new(agent, &unsent_of[0]);
	assert_int_equal(umad_sender_send(sender, &packet), 0);
	assert_int_equal(fake_umad_wait_sent(1), 1);
	usleep(50000); /* its thread has ended */
	fake_umad_hang_closing(true);
	begun = uv_hrtime();
	umad_sender_free(sender);
	assert_true(uv_hrtime() - begun < 1000000000);
	fake_umad_hang_closing(false);
}

static void lost_claim_is_explained_and_can_be_had_later(void **state)
{
	(void)state;
	fake_umad_take_cm(true);
	ib_cm_is_loaded = true;
	start();
	assert_false(umad_agent_has_cm(agent));
	assert_int_equal(lines, 1);
	assert_non_null(strstr(last_line, "fabric roce0: the kernel's ib_cm has"));
	assert_non_null(strstr(last_line, "vibctl fabric reclaim roce0"));
	ib_cm_is_loaded = false;
	assert_int_equal(umad_reclaim(agent), -1);
	assert_int_equal(errno, EBUSY);
	assert_non_null(strstr(last_line, "another program has"));
	fake_umad_take_cm(false);
	assert_int_equal(umad_reclaim(agent), 0);
	assert_true(umad_agent_has_cm(agent) && fake_umad_has_cm());
}

static void device_that_is_not_there_has_no_agent(void **state)
{
	uint16_t pkeys[UMAD_PKEYS] = { 1 };

	(void)state;
	assert_null(umad_agent_start(&loop, "x", "fake1", 1, &roce, &events, &loop));
	assert_int_equal(errno, ENODEV);
	assert_null(umad_agent_start(&loop, "x", FAKE_DEVICE, 2, &roce, &events, &loop));
	assert_int_equal(umad_read_pkeys("fake1", 1, pkeys), -1);
	assert_int_equal(pkeys[0], 0);
}

static void device_that_goes_is_told_once(void **state)
{
	(void)state;
	start();
	fake_umad_remove(true);
	turn();
	turn();
	assert_int_equal(num_gone, 1);
	assert_int_equal(lines, 1);
}

/* ---- in -----------------------------------------------------------------------------
 */

static struct umad_buffer a_mad(void)
{
	struct umad_buffer in = {
		.head.addr = {
			.qpn = htobe32(1),
			.qkey = htobe32(0x80010000),
			.lid = htobe16(0x1234),
			.sl = 0x13,
			.grh_present = 1,
			.gid_index = 3,
			.hop_limit = 64,
			.traffic_class = 0x67,
			.flow_label = htobe32(0xfff12345),
			.pkey_index = 1,
		},
	};
	struct vib_gid from = gid(0x42);

	memcpy(in.head.addr.gid, &from, 16);
	for (unsigned int i = 0; i < VIB_MAD_BYTES; i++)
		in.mad[i] = (uint8_t)(i ^ 0x5a);
	return in;
}

static void what_comes_in_is_as_the_wire_said(void **state)
{
	struct umad_buffer in = a_mad();
	struct vib_gid from = gid(0x42), to = gid(3);

	(void)state;
	start();
	fake_umad_receive(&in, VIB_MAD_BYTES);
	turn();
	assert_int_equal(num_got, 1);
	assert_int_equal(got[0].qpn, 1);
	assert_true(got[0].grh && got[0].from_guest);
	assert_memory_equal(&got[0].sgid, &from, 16);
	assert_memory_equal(&got[0].dgid, &to, 16);
	assert_int_equal(got[0].pkey, 0x8001);
	assert_int_equal(got[0].sl, 3);
	assert_int_equal(got[0].flow_label, 0x12345);
	assert_int_equal(got[0].traffic_class, 0x67);
	assert_int_equal(got[0].hop_limit, 64);
	assert_int_equal(got[0].slid, 0);
	assert_int_equal(got[0].length, VIB_MAD_BYTES);
	assert_memory_equal(got[0].mad, in.mad, VIB_MAD_BYTES);
}

/* What is wrong is for the GSI to see, and no more than that. */
static void what_is_out_of_range_is_nothing(void **state)
{
	static const struct vib_gid none;
	struct umad_buffer in = a_mad();

	(void)state;
	start();
	in.head.addr.gid_index = 200;
	in.head.addr.pkey_index = 0xffff;
	fake_umad_receive(&in, VIB_MAD_BYTES);
	in = a_mad();
	fake_umad_receive(&in, 255);
	fake_umad_receive(&in, 0);
	fake_umad_receive(&in, UMAD_MAD_MAX);
	in.head.addr.grh_present = 0;
	fake_umad_receive(&in, VIB_MAD_BYTES);
	in.head.status = 110; /* one of ours that nobody answered */
	fake_umad_receive(&in, VIB_MAD_BYTES);
	turn();
	assert_int_equal(num_got, 5);
	assert_memory_equal(&got[0].dgid, &none, 16);
	assert_int_equal(got[0].pkey, 0);
	assert_int_equal(got[1].length, 0);
	assert_int_equal(got[2].length, 0);
	assert_int_equal(got[3].length, 0);
	assert_false(got[4].grh);
}

static void flood_leaves_turns_to_others(void **state)
{
	struct umad_buffer in = a_mad();

	(void)state;
	start();
	for (unsigned int i = 0; i < 40; i++)
		fake_umad_receive(&in, VIB_MAD_BYTES);
	turn();
	assert_true(num_got > 0 && num_got < 40);
	for (unsigned int i = 0; i < 4; i++)
		turn();
	assert_int_equal(num_got, 40);
}

/* ---- out ------------------------------------------------------------------------------
 */

static struct mad_packet to(uint8_t last)
{
	struct mad_packet packet = {
		.qpn = 1,
		.sl = 2,
		.pkey = 0xffff,
		.grh = true,
		.sgid = gid(4),
		.dgid = gid(last),
		.flow_label = 0x54321,
		.traffic_class = 0x11,
		.hop_limit = 255,
		.length = VIB_MAD_BYTES,
	};

	for (unsigned int i = 0; i < VIB_MAD_BYTES; i++)
		packet.mad[i] = (uint8_t)(i * 7 + last);
	return packet;
}

static void what_goes_out_is_addressed(void **state)
{
	struct mad_packet packet = to(0x42);
	struct umad_sender *sender;
	struct umad_buffer out;
	struct vib_gid dgid = gid(0x42);

	(void)state;
	start();
	sender = umad_sender_new(agent, &unsent_of[0]);
	packet.pkey = 0x8001;
	assert_int_equal(umad_sender_send(sender, &packet), 0);
	assert_int_equal(fake_umad_wait_sent(1), 1);
	out = fake_umad_sent(0);
	assert_int_equal(be32toh(out.head.addr.qpn), 1);
	assert_int_equal(be32toh(out.head.addr.qkey), 0x80010000);
	assert_int_equal(out.head.addr.lid, 0);
	assert_int_equal(out.head.addr.sl, 2);
	assert_int_equal(out.head.addr.grh_present, 1);
	assert_int_equal(out.head.addr.gid_index, 4);
	assert_int_equal(out.head.addr.pkey_index, 1);
	assert_int_equal(out.head.addr.hop_limit, 255);
	assert_int_equal(out.head.addr.traffic_class, 0x11);
	assert_int_equal(be32toh(out.head.addr.flow_label), 0x54321);
	assert_memory_equal(out.head.addr.gid, &dgid, 16);
	assert_memory_equal(out.mad, packet.mad, VIB_MAD_BYTES);
	umad_sender_free(sender);
}

static void only_what_the_port_has_goes_out(void **state)
{
	struct mad_packet packet = to(0x42);
	struct umad_sender *sender;

	(void)state;
	start();
	sender = umad_sender_new(agent, &unsent_of[0]);
	packet.sgid = gid(0x55);
	assert_int_equal(umad_sender_send(sender, &packet), -1);
	assert_int_equal(errno, ENOENT);
	packet = to(0x42);
	packet.pkey = 0x7fff;
	assert_int_equal(umad_sender_send(sender, &packet), -1);
	assert_int_equal(errno, ENOENT);
	packet.pkey = 0; /* which the free places of the table are */
	assert_int_equal(umad_sender_send(sender, &packet), -1);
	umad_sender_free(sender);
	assert_int_equal(fake_umad_wait_sent(0), 0);
}

/* A guest that names dead addresses delays nobody else, and the loop neither. */
static void dead_address_delays_its_sender_alone(void **state)
{
	struct umad_sender *dead, *alive;
	struct mad_packet packet = to(0x66);
	unsigned int sent = 0, before;

	(void)state;
	start();
	fake_umad_hang(0x66);
	dead = umad_sender_new(agent, &unsent_of[0]);
	alive = umad_sender_new(agent, &unsent_of[1]);
	while (umad_sender_send(dead, &packet) == 0)
		sent++;
	assert_int_equal(errno, ENOBUFS);
	/* One may be on its way already. */
	assert_true(sent >= UMAD_QUEUE && sent <= UMAD_QUEUE + 1);
	/* While it hangs there is no room, and nothing is asked for what has none. */
	while (!fake_umad_hanging())
		usleep(1000);
	while (umad_sender_send(dead, &packet) == 0)
		sent++;
	before = asked;
	assert_int_equal(umad_sender_send(dead, &packet), -1);
	assert_int_equal(errno, ENOBUFS);
	assert_int_equal(asked, before);
	packet = to(0x42);
	for (unsigned int i = 0; i < 100; i++) {
		while (umad_sender_send(alive, &packet) < 0)
			usleep(1000);
		assert_int_equal(fake_umad_wait_sent(i + 1), i + 1);
	}
	while (!fake_umad_hanging())
		usleep(100);
	fake_umad_release();
	for (unsigned int i = 0; i < 5000 && unsent_of[0] < sent; i++) {
		turn();
		usleep(1000);
	}
	assert_int_equal(unsent_of[0], sent);
	assert_int_equal(unsent_of[1], 0);
	umad_sender_free(dead);
	umad_sender_free(alive);
}

static void order_is_kept(void **state)
{
	struct umad_sender *sender;

	(void)state;
	start();
	sender = umad_sender_new(agent, &unsent_of[0]);
	for (unsigned int i = 0; i < 200; i++) {
		struct mad_packet packet = to(0x42);

		packet.mad[0] = (uint8_t)i;
		while (umad_sender_send(sender, &packet) < 0)
			usleep(100);
	}
	assert_int_equal(fake_umad_wait_sent(200), 200);
	for (unsigned int i = 0; i < 200; i++)
		assert_int_equal(fake_umad_sent(i).mad[0], i);
	umad_sender_free(sender);
}

/* What a guest that is gone has said last. */
static void what_waits_at_the_end_goes_out(void **state)
{
	struct umad_sender *sender;
	struct mad_packet packet = to(0x42);

	(void)state;
	start();
	sender = umad_sender_new(agent, &unsent_of[0]);
	for (unsigned int i = 0; i < UMAD_QUEUE; i++)
		assert_int_equal(umad_sender_send(sender, &packet), 0);
	umad_sender_free(sender);
	umad_agent_stop(agent);
	agent = NULL;
	assert_int_equal(fake_umad_wait_sent(UMAD_QUEUE), UMAD_QUEUE);
}

/* It ends, as its agent does, while its thread waits: that frees what is left. */
static void end_waits_for_nothing(void **state)
{
	struct umad_sender *sender;
	struct mad_packet packet = to(0x66);

	(void)state;
	start();
	fake_umad_hang(0x66);
	sender = umad_sender_new(agent, &unsent_of[0]);
	assert_int_equal(umad_sender_send(sender, &packet), 0);
	packet = to(0x42);
	assert_int_equal(umad_sender_send(sender, &packet), 0);
	while (!fake_umad_hanging())
		usleep(100);
	umad_sender_free(sender);
	umad_agent_stop(agent);
	agent = NULL;
	turn();
	assert_int_equal(fake_umad_hanging(), 1);
	fake_umad_release();
	assert_true(fake_umad_end());
	assert_int_equal(unsent_of[0], 0);
	/* The second was not even tried. */
	assert_int_equal(fake_umad_wait_sent(0), 0);
}

static void device_that_comes_back_is_used_again(void **state)
{
	struct umad_sender *sender;
	struct mad_packet packet = to(0x42);

	(void)state;
	start();
	sender = umad_sender_new(agent, &unsent_of[0]);
	assert_int_equal(umad_sender_send(sender, &packet), 0);
	assert_int_equal(fake_umad_wait_sent(1), 1);
	fake_umad_remove(true);
	assert_int_equal(umad_sender_send(sender, &packet), 0);
	for (unsigned int i = 0; i < 5000 && !unsent_of[0]; i++)
		usleep(1000), turn();
	umad_sender_free(sender);
	turn();
	assert_int_equal(num_gone, 1);
	assert_false(umad_agent_has_cm(agent));
	umad_agent_stop(agent);
	fake_umad_remove(false);
	start();
	for (unsigned int i = 0; i < 5000 && !num_claimed; i++)
		usleep(1000), turn();
	assert_true(umad_agent_has_cm(agent));
	sender = umad_sender_new(agent, &unsent_of[1]);
	assert_int_equal(umad_sender_send(sender, &packet), 0);
	assert_int_equal(fake_umad_wait_sent(2), 2);
	umad_sender_free(sender);
}

/* ---- InfiniBand ------------------------------------------------------------------ */

static void start_on(const struct umad_subnet *subnet)
{
	agent = umad_agent_start(&loop, "ib0", FAKE_DEVICE, 1, subnet, &events, &loop);
	assert_non_null(agent);
	umad_agent_set_pkeys(agent, (uint16_t[UMAD_PKEYS]){ 0xffff });
}

static const uint8_t request[VIB_MAD_BYTES] = { 1, 3, 2, 1, [15] = 7, [255] = 0x5a };

static void administrator_is_asked_by_its_lid(void **state)
{
	const struct umad_subnet moved = { true, 0x55, 1 };
	uint8_t report[VIB_MAD_BYTES] = { 1, 3, 2, 0x86 };
	struct umad_buffer out;

	(void)state;
	start_on(&infiniband);
	assert_true(umad_agent_has_cm(agent) && fake_umad_has_reports());
	assert_int_equal(umad_agent_ask(agent, request), 0);
	out = fake_umad_sent(0);
	assert_int_equal(be16toh(out.head.addr.lid), 0x99);
	assert_int_equal(out.head.addr.sl, 3);
	assert_int_equal(be32toh(out.head.addr.qpn), 1);
	assert_int_equal(out.head.addr.grh_present, 0);
	/* The kernel knows an answer for as long as it waits for one. */
	assert_true(out.head.timeout_ms > 0);
	assert_memory_equal(out.mad, request, VIB_MAD_BYTES);
	umad_agent_set_subnet(agent, &moved);
	assert_int_equal(umad_agent_ask(agent, report), 0);
	out = fake_umad_sent(1);
	assert_int_equal(be16toh(out.head.addr.lid), 0x55);
	assert_int_equal(out.head.timeout_ms, 0);
}

static void nobody_is_asked_without_an_administrator(void **state)
{
	static const struct umad_subnet none = { .infiniband = true };

	(void)state;
	start_on(&none);
	assert_int_equal(umad_agent_ask(agent, request), -1);
	assert_int_equal(errno, ENODEV);
	umad_agent_stop(agent);
	start();
	assert_int_equal(umad_agent_ask(agent, request), -1);
	assert_int_equal(errno, ENODEV);
}

/* An answer of the SA, or of one that says it is. */
static void answer(uint16_t lid, uint32_t agent_id, size_t length)
{
	static union {
		struct ib_user_mad head;
		uint8_t bytes[sizeof(struct ib_user_mad) + 4096];
	} in;

	memset(&in, 0, sizeof(in));
	in.head.agent_id = agent_id;
	in.head.addr.lid = htobe16(lid);
	in.head.addr.qpn = htobe32(1);
	memcpy(in.head.data, request, sizeof(request));
	in.bytes[sizeof(in.head) + length - 1] = 0x77;
	fake_umad_receive_sa(&in.head, length);
	turn();
}

static void answers_are_the_administrators_alone(void **state)
{
	(void)state;
	start_on(&infiniband);
	answer(0x99, 1, VIB_MAD_BYTES);
	assert_int_equal(num_sa, 1);
	assert_int_equal(sa_length, VIB_MAD_BYTES);
	answer(0x98, 1, VIB_MAD_BYTES);
	answer(0x98, 1, 4000);
	assert_int_equal(num_sa, 1);
	/* A table is longer. */
	answer(0x99, 1, 4000);
	assert_int_equal(num_sa, 2);
	assert_int_equal(sa_length, 4000);
	assert_int_equal(sa_mad[3999], 0x77);
	/* What is CM's is no answer. */
	answer(0x99, 0, VIB_MAD_BYTES);
	assert_int_equal(num_sa, 2);
	assert_int_equal(num_got, 1);
	assert_int_equal(got[0].slid, 0x99);
	assert_int_equal(num_gone, 0);
}

static void reports_of_another_program_are_left_to_it(void **state)
{
	(void)state;
	fake_umad_take_reports(true);
	start_on(&infiniband);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(last_line, "Reports"));
	assert_false(fake_umad_has_reports());
	assert_int_equal(umad_agent_ask(agent, request), 0);
}

/* From anybody: it costs what came, and nothing else. */
static void what_is_too_long_is_dropped(void **state)
{
	struct umad_buffer in = {
		.head = { .agent_id = 1, .addr.lid = htobe16(0x98) },
	};

	(void)state;
	start_on(&infiniband);
	for (unsigned int i = 0; i < 2; i++) {
		fake_umad_receive_huge((struct ib_user_mad *)&in, (64 << 20) + 1);
		turn();
		assert_int_equal(lines, i + 1);
		assert_non_null(strstr(last_line, "dropped: too long"));
	}
	assert_int_equal(num_gone, 0);
	assert_int_equal(num_sa, 0);
	assert_true(umad_agent_has_cm(agent));
	answer(0x99, 1, 4000);
	assert_int_equal(num_sa, 1);
}

/* The kernel does not put them together. */
static void reports_come_one_by_one(void **state)
{
	(void)state;
	start_on(&infiniband);
	answer(0x98, 2, VIB_MAD_BYTES);
	assert_int_equal(num_sa, 0);
	answer(0x99, 2, VIB_MAD_BYTES);
	assert_int_equal(num_sa, 1);
	assert_int_equal(num_got, 0);
}

static void reports_can_be_had_later(void **state)
{
	(void)state;
	fake_umad_take_reports(true);
	start_on(&infiniband);
	assert_int_equal(umad_reclaim(agent), 0);
	assert_false(fake_umad_has_reports());
	assert_int_equal(lines, 2);
	fake_umad_take_reports(false);
	assert_int_equal(umad_reclaim(agent), 0);
	assert_true(fake_umad_has_reports());
	assert_int_equal(lines, 2);
}

/* A file that is lost has what it claimed until it is closed. */
static void claims_of_what_was_lost_are_waited_for(void **state)
{
	(void)state;
	start_on(&infiniband);
	fake_umad_remove(true);
	turn();
	assert_int_equal(num_gone, 1);
	assert_false(umad_agent_has_cm(agent));
	assert_int_equal(umad_agent_ask(agent, request), -1);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(umad_reclaim(agent), -1);
	assert_int_equal(errno, ENODEV);
	fake_umad_remove(false);
	fake_umad_hang_closing(true);
	umad_agent_stop(agent);
	lines = 0;
	start_on(&infiniband);
	assert_int_equal(umad_reclaim(agent), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(lines, 0);
	fake_umad_hang_closing(false);
	for (unsigned int i = 0; i < 5000 && !num_claimed; i++) {
		turn();
		usleep(1000);
	}
	assert_int_equal(num_claimed, 1);
	assert_true(umad_agent_has_cm(agent) && fake_umad_has_reports());
	assert_int_equal(lines, 0);
}

static void cm_goes_by_lid(void **state)
{
	struct mad_packet packet = {
		.qpn = 1,
		.pkey = 0xffff,
		.grh = true,
		.sgid = gid(1),
		.dgid = gid(0x77),
		.dlid = 0x1234,
		.length = VIB_MAD_BYTES,
	};
	struct umad_sender *sender;

	(void)state;
	start_on(&infiniband);
	sender = umad_sender_new(agent, &unsent_of[0]);
	assert_int_equal(umad_sender_send(sender, &packet), 0);
	assert_int_equal(fake_umad_wait_sent(1), 1);
	assert_int_equal(be16toh(fake_umad_sent(0).head.addr.lid), 0x1234);
	umad_sender_free(sender);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cm_is_claimed_at_start),
		TEST(claim_waits_for_who_had_it),
		TEST(sender_that_is_freed_closes_its_file_elsewhere),
		TEST(lost_claim_is_explained_and_can_be_had_later),
		TEST(device_that_is_not_there_has_no_agent),
		TEST(device_that_goes_is_told_once),
		TEST(what_comes_in_is_as_the_wire_said),
		TEST(what_is_out_of_range_is_nothing),
		TEST(flood_leaves_turns_to_others),
		TEST(what_goes_out_is_addressed),
		TEST(only_what_the_port_has_goes_out),
		TEST(dead_address_delays_its_sender_alone),
		TEST(order_is_kept),
		TEST(what_waits_at_the_end_goes_out),
		TEST(end_waits_for_nothing),
		TEST(device_that_comes_back_is_used_again),
		TEST(administrator_is_asked_by_its_lid),
		TEST(nobody_is_asked_without_an_administrator),
		TEST(answers_are_the_administrators_alone),
		TEST(reports_of_another_program_are_left_to_it),
		TEST(what_is_too_long_is_dropped),
		TEST(reports_come_one_by_one),
		TEST(reports_can_be_had_later),
		TEST(claims_of_what_was_lost_are_waited_for),
		TEST(cm_goes_by_lid),
	};

	alarm(120);
	return cmocka_run_group_tests_name("umad", tests, NULL, NULL);
}
