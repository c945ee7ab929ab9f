// SPDX-License-Identifier: GPL-2.0-or-later
/* The local Xen port against guests that break its protocol or want too much. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cm.h"
#include "local_world.h"
#include "wakeup.h"
#include "xenport/local/wire.h"

#define PAGE 4096

/* ---- a guest without localguest.c ---------------------------------------- */

/* Connected and greeted: its domain id is *@domid. */
static int raw_open(struct world *w, uint16_t *domid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct local_packet hello;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world_socket());
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	world_settle(w);
	assert_int_equal(wire_receive(fd, &hello, false, MSG_DONTWAIT), 0);
	assert_int_equal(hello.message.type, LOCAL_HELLO);
	*domid = (uint16_t)hello.message.number;
	return fd;
}

static void raw_send(int fd, enum local_type type, uint32_t number, const char *text)
{
	struct local_packet packet = { .message = { .type = type, .number = number } };

	if (text)
		assert_int_equal(wire_append(&packet, "", text), 0);
	assert_int_equal(wire_send(fd, &packet, MSG_DONTWAIT), 0);
}

static void raw_call(struct world *w, int fd, enum local_type type, uint32_t number,
		     const char *text, struct local_packet *reply)
{
	raw_send(fd, type, number, text);
	world_settle(w);
	do
		assert_int_equal(wire_receive(fd, reply, true, MSG_DONTWAIT), 0);
	while (reply->message.type == LOCAL_CHANGED);
	assert_int_equal(reply->message.type, LOCAL_REPLY);
}

/* Whether the server has hung up, once what it sent is read. */
static bool is_hung_up(int fd)
{
	struct local_packet packet;

	while (wire_receive(fd, &packet, false, MSG_DONTWAIT) == 0)
		;
	return errno != EAGAIN;
}

static void assert_works(struct world *w, struct localguest *g)
{
	char path[64], buf[8];

	snprintf(path, sizeof(path), "/local/domain/%u/x", localguest_domid(g));
	assert_int_equal(guest_put(w, g, path, "1"), 0);
	assert_int_equal(guest_read(w, g, path, buf, sizeof(buf)), 1);
}

/* ---- what is no message -------------------------------------------------- */

/* @bytes as one packet end the guest that sent them, and nobody else. */
static void assert_deadly(struct world *w, const void *bytes, size_t size)
{
	uint16_t domid;
	int fd = raw_open(w, &domid);

	assert_true(xenport_domain_exists(w->xp, domid));
	assert_int_equal(send(fd, bytes, size, 0), (ssize_t)size);
	world_settle(w);
	assert_true(is_hung_up(fd));
	assert_false(xenport_domain_exists(w->xp, domid));
	close(fd);
}

static void assert_deadly_text(struct world *w, enum local_type type, const char *text,
			       size_t size)
{
	struct local_message message = { .type = type };

	memcpy(message.text, text, size);
	assert_deadly(w, &message, offsetof(struct local_message, text) + size);
}

static void garbage_ends_its_sender_alone(void **state)
{
	static const uint32_t types[] = {
		0,       LOCAL_HELLO, LOCAL_REPLY, LOCAL_CHANGED, LOCAL_CHANNEL_CLOSE + 1,
		0x10000, UINT32_MAX
	};
	static char big[sizeof(struct local_message) + 1];
	struct world *w = *state;
	struct localguest *g = guest_open(w);

	assert_deadly(w, "", 0);
	assert_deadly(w, "x", 1);
	assert_deadly(w, big, offsetof(struct local_message, text) - 1);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert_deadly_text(w, types[i], "", 1);

	assert_deadly_text(w, LOCAL_READ, "", 0);
	assert_deadly_text(w, LOCAL_READ, "/a", 2);
	assert_deadly_text(w, LOCAL_READ, "/a\0/b", 6);
	assert_deadly_text(w, LOCAL_WATCH, "/a", 2);
	assert_deadly_text(w, LOCAL_WRITE, "/a", 2);
	assert_deadly_text(w, LOCAL_WRITE, "/a", 3);
	assert_deadly_text(w, LOCAL_WRITE, "/a\0=v", 5);
	assert_deadly_text(w, LOCAL_WRITE, "/a\0v", 5);
	assert_deadly_text(w, LOCAL_WRITE, "/a\0-v", 6);
	assert_deadly_text(w, LOCAL_WRITE, "/a\0", 4);

	((struct local_message *)big)->type = LOCAL_FREE;
	assert_deadly(w, big, sizeof(big));
	assert_works(w, g);
	localguest_close(g);
}

static void too_many_nodes_at_once_end_their_sender(void **state)
{
	struct world *w = *state;
	struct local_packet packet = { .message.type = LOCAL_WRITE };
	struct localguest_node nodes[LOCAL_BATCH + 1];
	struct localguest *g;
	uint16_t domid;
	char path[64];
	int fd = raw_open(w, &domid);

	snprintf(path, sizeof(path), "/local/domain/%u/x", domid);
	for (size_t i = 0; i <= LOCAL_BATCH; i++) {
		assert_int_equal(wire_append(&packet, "", path), 0);
		assert_int_equal(wire_append(&packet, "=", "1"), 0);
	}
	assert_int_equal(wire_send(fd, &packet, 0), 0);
	world_settle(w);
	assert_true(is_hung_up(fd));
	close(fd);

	/* The library knows better. */
	g = guest_open(w);
	for (size_t i = 0; i <= LOCAL_BATCH; i++)
		nodes[i] = (struct localguest_node){ "/local/domain/2/x", "1" };
	assert_int_equal(guest_write(w, g, nodes, LOCAL_BATCH + 1), -1);
	assert_int_equal(errno, E2BIG);
	assert_int_equal(guest_write(w, g, nodes, LOCAL_BATCH), 0);
	localguest_close(g);
}

static void any_bytes_are_survived(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	uint32_t seed = 1;
	uint16_t domid;

	for (int i = 0; i < 2000; i++) {
		struct local_packet packet = { .message.type = (uint32_t)i % 12 };
		int fd = raw_open(w, &domid);
		char *text = packet.message.text;

		/* Now and then near something that means something. */
		packet.text_len = seed % 80;
		snprintf(text, 80, "/local/domain/%u/", domid);
		for (size_t j = 0; j < packet.text_len; j++) {
			seed = seed * 1664525u + 1013904223u;
			if (seed >> 30)
				text[j] = (char)(seed >> 20);
		}
		packet.message.number = seed % 3 ? seed >> 16 : 1u << 20;
		assert_int_equal(wire_send(fd, &packet, 0), 0);
		world_settle(w);
		close(fd);
		world_settle(w);
		world_forget(w);
	}
	assert_works(w, g);
	localguest_close(g);
}

static size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void descriptors_that_are_sent_are_not_kept(void **state)
{
	struct world *w = *state;
	struct local_packet packet = { .message.type = LOCAL_CHANNEL_CLOSE,
				       .fds = { 0, 1 },
				       .num_fds = 2 };
	uint16_t domid;
	int fd = raw_open(w, &domid);
	size_t before = open_descriptors();

	for (int i = 0; i < 100; i++)
		assert_int_equal(wire_send(fd, &packet, MSG_DONTWAIT), 0);
	world_settle(w);
	assert_int_equal(open_descriptors(), before);
	close(fd);
}

/* ---- who does not read --------------------------------------------------- */

static void who_does_not_read_changes_is_disconnected(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct local_packet reply;
	char path[64];
	uint16_t domid;
	int fd = raw_open(w, &domid), n = 0;

	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	raw_call(w, fd, LOCAL_WATCH, 0, path, &reply);
	assert_int_equal(reply.message.error, 0);
	strcat(path, "/x");
	/* The server's own writes find it out, and its next turn does the rest. */
	while (xenport_domain_exists(w->xp, domid)) {
		assert_true(n++ < 100000);
		assert_int_equal(xenport_write(w->xp, 0, path, "1"), 0);
		world_settle(w);
	}
	assert_true(n > 200); /* a guest that is only slow has that much time */
	assert_works(w, g);
	close(fd);
	localguest_close(g);
}

static void who_does_not_read_replies_is_disconnected(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct local_packet packet = { .message.type = LOCAL_FREE };
	uint16_t domid;
	int fd = raw_open(w, &domid);

	while (xenport_domain_exists(w->xp, domid)) {
		while (wire_send(fd, &packet, MSG_DONTWAIT) == 0)
			;
		world_settle(w);
	}
	assert_works(w, g);
	close(fd);
	localguest_close(g);
}

/* ---- what a guest does to what it shares --------------------------------- */

static void granted_memory_cannot_be_cut_off(void **state)
{
	struct world *w = *state;
	struct local_packet reply;
	uint16_t domid;
	int fd = raw_open(w, &domid), memory;
	uint32_t refs[2];
	char *here;

	raw_call(w, fd, LOCAL_ALLOC, 2, NULL, &reply);
	assert_int_equal(reply.message.error, 0);
	assert_int_equal(reply.num_fds, 1);
	memory = reply.fds[0];
	refs[0] = reply.message.number;
	refs[1] = refs[0] + 1;
	here = xenport_map(w->xp, domid, refs, 2, true);
	assert_non_null(here);

	assert_int_equal(ftruncate(memory, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(memory, 3 * PAGE), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE), -1);
	/* A hole is zeroes again, and no end of anything. */
	here[0] = 1;
	assert_int_equal(fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				   2 * PAGE),
			 0);
	assert_int_equal(here[0], 0);
	here[PAGE] = 1;
	assert_int_equal(xenport_unmap(w->xp, here, 2), 0);
	close(memory);
	close(fd);
}

static void a_full_eventfd_holds_nobody_up(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct localguest_channel channel;
	uint32_t port, is;

	assert_int_equal(guest_channel(w, g, &channel), 0);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), 0);
	assert_int_equal(eventfd_write(channel.wait_fd, UINT64_MAX - 1), 0);
	assert_int_equal(xenport_notify(w->xp, port), 0);
	assert_int_equal(eventfd_write(channel.send_fd, UINT64_MAX - 1), 0);
	assert_int_equal(xenport_next_event(w->xp, &is), 1);
	assert_int_equal(is, port);
	guest_channel_close(w, g, &channel);
	localguest_close(g);
}

/* A guest may drain what it sent before the server looks. */
static void an_event_taken_back_holds_nobody_up(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct localguest_channel channel;
	eventfd_t count;
	uint32_t port, is;

	assert_int_equal(guest_channel(w, g, &channel), 0);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), 0);
	wakeup_send(channel.send_fd);
	assert_int_equal(eventfd_read(channel.send_fd, &count), 0);
	assert_int_equal(xenport_next_event(w->xp, &is), 0);
	wakeup_send(channel.send_fd);
	assert_int_equal(xenport_next_event(w->xp, &is), 1);
	guest_channel_close(w, g, &channel);
	localguest_close(g);
}

/* ---- who wants too much -------------------------------------------------- */

static void nodes_are_bounded(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w), *other = guest_open(w);
	char path[64];
	int n = 0;

	do {
		assert_true(n < 2000);
		snprintf(path, sizeof(path), "/local/domain/%s1/n%d",
			 n % 2 ? "" : "0/backend/vib/", n);
	} while (guest_put(w, g, path, "1") == 0 && ++n);
	assert_int_equal(errno, ENOSPC);
	assert_true(n > 900);
	assert_int_equal(guest_read(w, g, path, path, sizeof(path)), -1);
	/* Others have their own bound, and room given back is room. */
	assert_works(w, other);
	assert_int_equal(guest_put(w, g, "/local/domain/1/n1", NULL), 0);
	assert_int_equal(guest_put(w, g, "/local/domain/1/n1", "again"), 0);
	localguest_close(g);
	localguest_close(other);
}

static void watches_are_bounded(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	int n = 0;

	while (guest_watch(w, g, "/local/domain/1") == 0)
		assert_true(n++ < 1000);
	assert_int_equal(errno, ENOSPC);
	assert_true(n >= 16);
	localguest_close(g);
}

static void memory_is_bounded(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	uint32_t ref;
	uint16_t domid;
	struct local_packet reply;
	void *pages;
	int fd = raw_open(w, &domid), n = 0;

	assert_null(guest_alloc(w, g, 0, &ref));
	assert_null(guest_alloc(w, g, (1u << 20) + 1, &ref));
	assert_null(guest_alloc(w, g, SIZE_MAX, &ref));
	/* In bytes; nothing of it is touched. */
	while ((pages = guest_alloc(w, g, 1u << 20, &ref)))
		assert_true(n++ < 64);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(n, 4);
	/* In pieces. */
	for (n = 0;; n++) {
		assert_true(n < 10000);
		raw_call(w, fd, LOCAL_ALLOC, 1, NULL, &reply);
		if (reply.message.error)
			break;
		close(reply.fds[0]);
	}
	/* Its own bound, or that of this process, whichever is lower here. */
	assert_true(reply.message.error == ENOSPC || reply.message.error == EMFILE);
	raw_call(w, fd, LOCAL_FREE, 1u << 20, NULL, &reply);
	assert_int_equal(reply.message.error, 0);
	raw_call(w, fd, LOCAL_FREE, 1u << 20, NULL, &reply);
	assert_int_equal(reply.message.error, EINVAL);
	raw_call(w, fd, LOCAL_ALLOC, 1, NULL, &reply);
	assert_int_equal(reply.message.error, 0);
	assert_int_equal(reply.message.number, 1u << 20);
	close(reply.fds[0]);
	close(fd);
	localguest_close(g);
}

static void channels_are_bounded(void **state)
{
	struct world *w = *state;
	struct local_packet reply;
	uint32_t last = 0;
	uint16_t domid;
	int fd = raw_open(w, &domid), n = 0;

	for (;; n++) {
		assert_true(n < 10000);
		raw_call(w, fd, LOCAL_CHANNEL_OPEN, 0, NULL, &reply);
		if (reply.message.error)
			break;
		assert_int_equal(reply.num_fds, 2);
		close(reply.fds[0]);
		close(reply.fds[1]);
		last = reply.message.number;
	}
	assert_int_equal(reply.message.error, ENOSPC);
	raw_call(w, fd, LOCAL_CHANNEL_CLOSE, last, NULL, &reply);
	assert_int_equal(reply.message.error, 0);
	raw_call(w, fd, LOCAL_CHANNEL_CLOSE, last, NULL, &reply);
	assert_int_equal(reply.message.error, EINVAL);
	raw_call(w, fd, LOCAL_CHANNEL_OPEN, 0, NULL, &reply);
	assert_int_equal(reply.message.error, 0);
	close(reply.fds[0]);
	close(reply.fds[1]);
	close(fd);
}

static void one_guest_cannot_free_or_close_anothers(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct localguest_channel channel;
	struct local_packet reply;
	uint32_t ref, port;
	uint16_t domid;
	void *page = guest_alloc(w, g, 1, &ref), *here;
	int fd = raw_open(w, &domid);

	assert_non_null(page);
	assert_int_equal(guest_channel(w, g, &channel), 0);
	raw_call(w, fd, LOCAL_FREE, ref, NULL, &reply);
	assert_int_equal(reply.message.error, EINVAL);
	raw_call(w, fd, LOCAL_CHANNEL_CLOSE, channel.port, NULL, &reply);
	assert_int_equal(reply.message.error, EINVAL);
	here = xenport_map(w->xp, 1, &ref, 1, true);
	assert_non_null(here);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), 0);
	close(fd);
	close(channel.wait_fd);
	close(channel.send_fd);
	localguest_close(g);
}

static void guests_are_bounded(void **state)
{
	struct world *w = *state;
	struct localguest *guests[200];
	size_t n = 0;

	while (n < 200 && (guests[n] = guest_open(w)))
		n++;
	assert_true(n >= 16 && n < 200);
	assert_int_equal(errno, ECONNRESET);
	localguest_close(guests[--n]);
	world_settle(w);
	guests[n] = guest_open(w);
	assert_non_null(guests[n++]);
	while (n)
		localguest_close(guests[--n]);
}

static void without_descriptors_guests_are_turned_away(void **state)
{
	struct world *w = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), filler[256], n = 0;
	struct rlimit was, tight;
	struct localguest *g;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	tight = was;
	tight.rlim_cur = 128;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	while ((filler[n] = dup(0)) >= 0)
		n++;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world_socket());
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	world_settle(w); /* which comes to an end */
	assert_true(is_hung_up(fd));
	while (n)
		close(filler[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	close(fd);
	g = guest_open(w);
	assert_non_null(g);
	assert_works(w, g);
	localguest_close(g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(garbage_ends_its_sender_alone),
		TEST(too_many_nodes_at_once_end_their_sender),
		TEST(any_bytes_are_survived),
		TEST(descriptors_that_are_sent_are_not_kept),
		TEST(who_does_not_read_changes_is_disconnected),
		TEST(who_does_not_read_replies_is_disconnected),
		TEST(granted_memory_cannot_be_cut_off),
		TEST(a_full_eventfd_holds_nobody_up),
		TEST(an_event_taken_back_holds_nobody_up),
		TEST(nodes_are_bounded),
		TEST(watches_are_bounded),
		TEST(memory_is_bounded),
		TEST(channels_are_bounded),
		TEST(one_guest_cannot_free_or_close_anothers),
		TEST(guests_are_bounded),
		TEST(without_descriptors_guests_are_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
