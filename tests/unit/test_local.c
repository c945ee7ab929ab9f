// SPDX-License-Identifier: GPL-2.0-or-later
/* The local Xen port and guests that behave. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cm.h"
#include "local_world.h"
#include "tempdir.h"
#include "wakeup.h"

#define PAGE 4096

#define FE1  "/local/domain/1/device/vib/0"
#define BE1  "/local/domain/0/backend/vib/1/0"

static void assert_value(struct world *w, const char *path, const char *value)
{
	char buf[64];

	if (!value) {
		assert_int_equal(xenport_read(w->xp, 0, path, buf, sizeof(buf)), -1);
		assert_int_equal(errno, ENOENT);
		return;
	}
	assert_true(xenport_read(w->xp, 0, path, buf, sizeof(buf)) >= 0);
	assert_string_equal(buf, value);
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* ---- coming and going ---------------------------------------------------- */

static void guests_are_domains_from_1(void **state)
{
	struct world *w = *state;
	struct localguest *a, *b;
	char path[64];

	assert_value(w, "domid", "0");
	assert_true(xenport_domain_exists(w->xp, 0));
	assert_false(xenport_domain_exists(w->xp, 1));
	assert_int_equal(xenport_watch(w->xp, "@introduceDomain", "in"), 0);
	world_forget(w);
	a = guest_open(w);
	b = guest_open(w);
	assert_int_equal(localguest_domid(a), 1);
	assert_int_equal(localguest_domid(b), 2);
	assert_true(xenport_domain_exists(w->xp, 1));
	assert_true(xenport_domain_exists(w->xp, 2));
	assert_value(w, "/local/domain/2", "");
	world_settle(w);
	assert_int_equal(world_count(w, "@introduceDomain", "in"), 3);

	/* An id that has just become free is not the next one's. */
	localguest_close(a);
	world_settle(w);
	a = guest_open(w);
	assert_int_equal(localguest_domid(a), 3);
	snprintf(path, sizeof(path), "/local/domain/%u/x", localguest_domid(a));
	assert_int_equal(guest_put(w, a, path, "1"), 0);
	localguest_close(a);
	localguest_close(b);
}

static void the_end_of_a_guest_is_a_domains_death(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);

	assert_int_equal(guest_put(w, g, FE1 "/state", "1"), 0);
	assert_int_equal(guest_put(w, g, BE1 "/state", "1"), 0);
	xenport_write(w->xp, 0, "/local/domain/0/backend/vib/12/0/state", "1");
	xenport_watch(w->xp, "/local/domain/0/backend/vib", "be");
	xenport_watch(w->xp, FE1 "/state", "fe");
	xenport_watch(w->xp, "@releaseDomain", "end");
	world_settle(w);
	world_forget(w);
	localguest_close(g);
	world_settle(w);
	assert_value(w, "/local/domain/1", NULL);
	assert_value(w, "/local/domain/0/backend/vib/1", NULL);
	assert_value(w, "/local/domain/0/backend/vib/12/0/state", "1");
	assert_int_equal(world_count(w, NULL, "be"), 1);
	assert_int_equal(world_count(w, NULL, "fe"), 1);
	assert_int_equal(world_count(w, NULL, "end"), 1);
	/* The nodes are gone by the time of the release. */
	assert_string_equal(w->events[w->num_events - 1].path, "@releaseDomain");
	assert_false(xenport_domain_exists(w->xp, 1));
}

static void a_guest_sees_the_servers_end(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct localguest_channel channel;
	char path[64];

	assert_int_equal(guest_watch(w, g, FE1), 0);
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), 1);
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), 0);
	xenport_close(w->xp);
	w->xp = NULL;
	assert_true(readable(localguest_fd(g)));
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(localguest_read(g, FE1, path, sizeof(path)), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(localguest_channel_open(g, &channel), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_null(localguest_alloc(g, 1, &(uint32_t){ 0 }));
	assert_int_equal(errno, ECONNRESET);
	assert_true(readable(localguest_fd(g)));
	localguest_close(g);
}

/* Serves in a process of its own until killed. */
static pid_t fork_server(const char *socket)
{
	int ready = wakeup_open();
	pid_t pid = fork();
	struct pollfd pfd = { .events = POLLIN };
	char path[XENPORT_PATH_MAX], token[32];

	assert_true(pid >= 0);
	if (!pid) {
		struct xenport *xp = xenport_open_local(socket);

		prctl(PR_SET_PDEATHSIG, SIGKILL); /* with a test that failed */
		if (!xp)
			_exit(1);
		pfd.fd = xenport_store_fd(xp);
		wakeup_send(ready);
		for (;;) {
			poll(&pfd, 1, -1);
			while (xenport_next_watch(xp, path, sizeof(path), token,
						  sizeof(token)) > 0)
				;
		}
	}
	assert_true(wakeup_wait(ready));
	close(ready);
	return pid;
}

static void a_killed_server_is_seen_and_can_be_replaced(void **state)
{
	const char *socket = tempdir_path("other.sock");
	pid_t pid = fork_server(socket);
	struct localguest *g = localguest_open(socket);
	struct pollfd pfd = { .events = POLLIN };
	struct xenport *xp;
	char path[64];
	uint32_t ref;
	char *page;

	(void)state;
	assert_non_null(g);
	page = localguest_alloc(g, 1, &ref);
	assert_non_null(page);
	errno = 0;
	assert_null(xenport_open_local(socket)); /* it lives */
	assert_int_equal(errno, EADDRINUSE);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pfd.fd = localguest_fd(g);
	assert_int_equal(poll(&pfd, 1, WAKEUP_PATIENCE_MS), 1);
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), -1);
	assert_int_equal(errno, ECONNRESET);
	page[0] = 1; /* its memory is still there */
	localguest_close(g);

	assert_int_equal(access(socket, F_OK), 0);
	xp = xenport_open_local(socket);
	assert_non_null(xp);
	xenport_close(xp);
}

static void the_socket_is_this_users_alone(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(world_socket(), &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void what_is_in_the_sockets_way_stays(void **state)
{
	char name[200];

	(void)state;
	tempdir_write("file", "precious", 8);
	assert_null(xenport_open_local(tempdir_path("file")));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(access(tempdir_path("file"), F_OK), 0);
	assert_null(xenport_open_local(tempdir_path("no/folder")));
	assert_int_equal(errno, ENOENT);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_null(xenport_open_local(name));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_null(localguest_open(name));
	assert_int_equal(errno, ENAMETOOLONG);
	assert_null(localguest_open(tempdir_path("nobody")));
	assert_int_equal(errno, ENOENT);
}

/* ---- xenstore ------------------------------------------------------------ */

static void nodes_go_both_ways(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	char buf[64];

	assert_int_equal(guest_put(w, g, FE1 "/state", "1"), 0);
	assert_value(w, FE1 "/state", "1");
	xenport_write(w->xp, 0, BE1 "/state", "2");
	assert_int_equal(guest_read(w, g, BE1 "/state", buf, sizeof(buf)), 1);
	assert_string_equal(buf, "2");
	assert_int_equal(guest_put(w, g, FE1, NULL), 0);
	assert_value(w, FE1, NULL);
	assert_int_equal(guest_read(w, g, FE1 "/state", buf, sizeof(buf)), -1);
	assert_int_equal(errno, ENOENT);
	xenport_write(w->xp, 0, BE1 "/long", "0123456789");
	assert_int_equal(guest_read(w, g, BE1 "/long", buf, 10), -1);
	assert_int_equal(errno, EMSGSIZE);
	localguest_close(g);
}

static void nodes_written_together_are_seen_together(void **state)
{
	const struct localguest_node nodes[] = {
		{ FE1 "/old", NULL },  { FE1 "/a", "1" },     { FE1 "/b", "2" },
		{ BE1 "/state", "1" }, { FE1 "/state", "3" },
	};
	struct world *w = *state;
	struct localguest *g = guest_open(w);

	assert_int_equal(guest_put(w, g, FE1 "/old", "1"), 0);
	xenport_watch(w->xp, FE1, "t");
	world_settle(w);
	world_forget(w);
	assert_int_equal(guest_write(w, g, nodes, 5), 0);
	assert_int_equal(world_count(w, NULL, "t"), 4);
	/* The first event is of the first node, and by then the last is there. */
	assert_string_equal(w->events[0].path, FE1 "/old");
	assert_value(w, FE1 "/old", NULL);
	assert_value(w, FE1 "/state", "3");
	assert_value(w, BE1 "/state", "1");
	localguest_close(g);
}

static void one_forbidden_node_forbids_all(void **state)
{
	static const char *const forbidden[] = {
		"/local/domain/1",
		"/local/domain/0/backend/vib/1",
		"/local/domain/0/backend/vib/2/0/state",
		"/local/domain/0/backend/vib/11/0/state",
		"/local/domain/0/backend/vbd/1/0/state",
		"/local/domain/0/domid",
		"/local/domain/2/x",
		"/local/domain/10/x",
		"/vm/x",
		"/",
		"domid",
		"@releaseDomain",
		"",
	};
	struct world *w = *state;
	struct localguest *g = guest_open(w), *other = guest_open(w);

	assert_int_equal(guest_put(w, other, "/local/domain/2/x", "theirs"), 0);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		const struct localguest_node write[] = { { FE1 "/a", "1" },
							 { forbidden[i], "1" } };
		const struct localguest_node remove = { forbidden[i], NULL };

		assert_int_equal(guest_write(w, g, write, 2), -1);
		assert_int_equal(errno, EACCES);
		assert_int_equal(guest_write(w, g, &remove, 1), -1);
		assert_int_equal(errno, EACCES);
		assert_value(w, FE1 "/a", NULL);
	}
	assert_value(w, "/local/domain/2/x", "theirs");
	assert_value(w, "domid", "0");
	localguest_close(g);
	localguest_close(other);
}

static void what_a_guest_may_not_write_it_may_not_read(void **state)
{
	static const char *const forbidden[] = {
		"/local/domain/2/x",      "/local/domain/0/backend/vib",
		"/local/domain/0/domid",  "domid",
		"/local/domain/1/../2/x", "/",
	};
	struct world *w = *state;
	struct localguest *g = guest_open(w), *other = guest_open(w);
	char buf[64];

	assert_int_equal(guest_put(w, other, "/local/domain/2/x", "theirs"), 0);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		assert_int_equal(guest_read(w, g, forbidden[i], buf, sizeof(buf)), -1);
		assert_true(errno == EACCES || errno == EINVAL);
		assert_int_equal(guest_watch(w, g, forbidden[i]), -1);
		assert_true(errno == EACCES || errno == EINVAL);
	}
	/* The tops of what it may write it may read. */
	assert_int_equal(guest_read(w, g, "/local/domain/1", buf, sizeof(buf)), 0);
	localguest_close(g);
	localguest_close(other);
}

static void watches_fire_on_both_sides(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	char path[XENPORT_PATH_MAX];

	xenport_watch(w->xp, "/local/domain/0/backend/vib", "be");
	world_settle(w);
	world_forget(w);
	assert_int_equal(guest_put(w, g, BE1 "/state", "1"), 0);
	assert_int_equal(world_count(w, BE1 "/state", "be"), 1);

	assert_int_equal(guest_watch(w, g, BE1), 0);
	assert_true(readable(localguest_fd(g))); /* it came before the reply */
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), 1);
	assert_string_equal(path, BE1);
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), 0);
	assert_false(readable(localguest_fd(g)));
	xenport_write(w->xp, 0, BE1 "/state", "2");
	assert_true(readable(localguest_fd(g)));
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), 1);
	assert_string_equal(path, BE1 "/state");
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), 0);

	/* A change that comes while a reply is awaited is not lost. */
	xenport_write(w->xp, 0, BE1 "/state", "4");
	assert_int_equal(guest_read(w, g, BE1 "/state", path, sizeof(path)), 1);
	assert_true(readable(localguest_fd(g)));
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), 1);
	assert_int_equal(localguest_next_watch(g, path, sizeof(path)), 0);
	assert_false(readable(localguest_fd(g)));
	localguest_close(g);
}

/* ---- memory -------------------------------------------------------------- */

static void granted_pages_are_one_range_in_any_order(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	uint32_t a_ref, b_ref, refs[5];
	char *a = guest_alloc(w, g, 3, &a_ref), *b = guest_alloc(w, g, 2, &b_ref);
	char *here;

	assert_non_null(a);
	assert_non_null(b);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a[i * PAGE], 0);
		a[i * PAGE] = (char)('a' + i);
	}
	b[0] = 'x';
	b[PAGE] = 'y';
	memcpy(refs, (uint32_t[]){ b_ref + 1, a_ref, a_ref + 1, b_ref, a_ref + 1 },
	       sizeof(refs));
	here = xenport_map(w->xp, 1, refs, 5, true);
	assert_non_null(here);
	for (int i = 0; i < 5; i++)
		assert_int_equal(here[i * PAGE], "yabxb"[i]);
	here[PAGE + 7] = '!';
	assert_int_equal(a[7], '!');
	a[PAGE] = '?';
	assert_int_equal(here[4 * PAGE], '?');

	/* What is mapped stays, whatever its owner does. */
	guest_free_pages(w, g, b, 2);
	assert_int_equal(here[0], 'y');
	assert_null(xenport_map(w->xp, 1, &b_ref, 1, true));
	localguest_close(g);
	world_settle(w);
	assert_int_equal(here[PAGE + 7], '!');
	assert_int_equal(xenport_unmap(w->xp, here, 5), 0);
	assert_int_equal(xenport_unmap(w->xp, here, 5), -1);
	assert_int_equal(errno, EINVAL);
}

/* Whether a write to @byte ends the writer. */
static bool write_is_fatal(volatile char *byte)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		*byte = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void a_read_only_mapping_is_not_writable(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	uint32_t ref;
	char *page = guest_alloc(w, g, 1, &ref);
	char *reading = xenport_map(w->xp, 1, &ref, 1, false);
	char *writing = xenport_map(w->xp, 1, &ref, 1, true);

	page[0] = 'r';
	assert_int_equal(reading[0], 'r');
	assert_true(write_is_fatal(reading));
	assert_false(write_is_fatal(writing));
	assert_int_equal(xenport_unmap(w->xp, reading, 1), 0);
	assert_int_equal(xenport_unmap(w->xp, writing, 1), 0);
	localguest_close(g);
}

static void only_the_domains_own_grants_are_mapped(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w), *other = guest_open(w);
	uint32_t ref, refs[3];
	char *page = guest_alloc(w, g, 2, &ref);

	assert_non_null(page);
	assert_null(xenport_map(w->xp, 2, &ref, 1, true));
	assert_null(xenport_map(w->xp, 3, &ref, 1, true));
	assert_null(xenport_map(w->xp, 0, &ref, 1, true));
	memcpy(refs, (uint32_t[]){ ref, ref + 1, ref + 2 }, sizeof(refs));
	assert_null(xenport_map(w->xp, 1, refs, 3, true));
	assert_int_equal(errno, EINVAL);
	memcpy(refs, (uint32_t[]){ 0, 1, UINT32_MAX }, sizeof(refs));
	for (int i = 0; i < 3; i++)
		assert_null(xenport_map(w->xp, 1, &refs[i], 1, true));
	assert_null(xenport_map(w->xp, 1, &ref, 0, true));
	assert_null(xenport_map(w->xp, 1, &ref, SIZE_MAX, true));
	localguest_close(g);
	localguest_close(other);
}

static void grants_are_copied_without_being_mapped(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	uint32_t ref;
	uint8_t *page = guest_alloc(w, g, 2, &ref), here[200];
	struct xenport_copy parts[2] = { { ref, PAGE - 100, 100, here },
					 { ref + 1, 0, 100, here + 100 } };

	assert_true(xenport_can_copy(w->xp));
	memset(page + PAGE - 100, 1, 100);
	memset(page + PAGE, 2, 100);
	assert_int_equal(xenport_copy(w->xp, 1, parts, 2, false), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(here[i], i < 100 ? 1 : 2);
	memset(here, 3, sizeof(here));
	assert_int_equal(xenport_copy(w->xp, 1, parts, 2, true), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(page[PAGE - 100 + i], 3);
	assert_int_equal(page[PAGE - 101], 0);
	assert_int_equal(page[PAGE + 100], 0);

	assert_int_equal(xenport_copy(w->xp, 2, parts, 2, false), -1);
	parts[1].ref = ref + 2;
	assert_int_equal(xenport_copy(w->xp, 1, parts, 2, false), -1);
	assert_int_equal(errno, EFAULT);
	parts[1].ref = ref + 1;
	parts[1].offset = PAGE - 99;
	assert_int_equal(xenport_copy(w->xp, 1, parts, 2, false), -1);
	guest_free_pages(w, g, (char *)page, 2);
	assert_int_equal(xenport_copy(w->xp, 1, parts, 1, true), -1);
	localguest_close(g);
	world_settle(w);
	assert_int_equal(xenport_copy(w->xp, 1, parts, 1, true), -1);
}

/* ---- event channels ------------------------------------------------------ */

static void assert_event(struct xenport *xp, uint32_t port)
{
	uint32_t is;

	assert_true(readable(xenport_event_fd(xp)));
	assert_int_equal(xenport_next_event(xp, &is), 1);
	assert_int_equal(is, port);
}

static void assert_no_event(struct xenport *xp)
{
	uint32_t is;

	assert_int_equal(xenport_next_event(xp, &is), 0);
	assert_false(readable(xenport_event_fd(xp)));
}

static void events_go_both_ways_and_stay_masked(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct localguest_channel channel;
	eventfd_t count;
	uint32_t port;

	assert_int_equal(guest_channel(w, g, &channel), 0);
	wakeup_send(channel.send_fd);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), 0);
	assert_int_not_equal(port, 0);
	assert_event(w->xp, port); /* what was sent before the binding */
	assert_no_event(w->xp);

	wakeup_send(channel.send_fd); /* masked, and so pending */
	wakeup_send(channel.send_fd);
	assert_no_event(w->xp);
	assert_int_equal(xenport_unmask(w->xp, port), 0);
	assert_event(w->xp, port); /* the two are one */
	assert_int_equal(xenport_unmask(w->xp, port), 0);
	assert_no_event(w->xp);
	wakeup_send(channel.send_fd);
	assert_event(w->xp, port);

	assert_false(readable(channel.wait_fd));
	assert_int_equal(xenport_notify(w->xp, port), 0);
	assert_int_equal(xenport_notify(w->xp, port), 0);
	assert_int_equal(eventfd_read(channel.wait_fd, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(xenport_unbind(w->xp, port), 0);
	assert_int_equal(xenport_notify(w->xp, port), -1);
	assert_int_equal(xenport_unmask(w->xp, port), -1);
	assert_int_equal(xenport_unbind(w->xp, port), -1);
	guest_channel_close(w, g, &channel);
	localguest_close(g);
}

static void a_channel_is_bound_once_and_by_its_domain(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w), *other = guest_open(w);
	struct localguest_channel channel;
	uint32_t port, second;

	assert_int_equal(guest_channel(w, g, &channel), 0);
	assert_int_equal(xenport_bind(w->xp, 2, channel.port, &port), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenport_bind(w->xp, 0, channel.port, &port), -1);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port + 1, &port), -1);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), 0);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &second), -1);
	assert_int_equal(xenport_unbind(w->xp, port), 0);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), 0);
	for (uint32_t bad = 0; bad < 4; bad++)
		if (bad != port)
			assert_int_equal(xenport_notify(w->xp, bad), -1);
	assert_int_equal(xenport_notify(w->xp, UINT32_MAX), -1);
	guest_channel_close(w, g, &channel);
	localguest_close(g);
	localguest_close(other);
}

static void a_closed_channel_has_nothing_more(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct localguest_channel channel, kept;
	uint32_t port;

	assert_int_equal(guest_channel(w, g, &channel), 0);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), 0);
	kept = channel;
	kept.send_fd = dup(channel.send_fd);
	guest_channel_close(w, g, &channel);
	wakeup_send(kept.send_fd); /* by one who should not have it */
	close(kept.send_fd);
	assert_no_event(w->xp);
	assert_int_equal(xenport_notify(w->xp, port), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(xenport_unmask(w->xp, port), 0);
	assert_int_equal(xenport_unbind(w->xp, port), 0);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), -1);

	/* And so when the guest ends. */
	assert_int_equal(guest_channel(w, g, &channel), 0);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), 0);
	localguest_close(g);
	world_settle(w);
	wakeup_send(channel.send_fd);
	assert_no_event(w->xp);
	assert_int_equal(xenport_notify(w->xp, port), -1);
	close(channel.send_fd);
	close(channel.wait_fd);
}

static void each_event_port_has_its_own(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct xenport *events = xenport_open_events(w->xp);
	struct localguest_channel a, b;
	uint32_t a_port, b_port;

	assert_non_null(events);
	assert_int_equal(guest_channel(w, g, &a), 0);
	assert_int_equal(guest_channel(w, g, &b), 0);
	assert_int_equal(xenport_bind(w->xp, 1, a.port, &a_port), 0);
	assert_int_equal(xenport_bind(events, 1, b.port, &b_port), 0);
	assert_int_not_equal(a_port, b_port);
	wakeup_send(a.send_fd);
	wakeup_send(b.send_fd);
	assert_event(events, b_port);
	assert_event(w->xp, a_port);
	assert_int_equal(xenport_notify(events, a_port), -1);
	assert_int_equal(xenport_notify(events, b_port), 0);
	assert_true(readable(b.wait_fd));
	assert_false(readable(a.wait_fd));
	/* Closing unbinds, and what was bound can be bound again. */
	xenport_close(events);
	assert_int_equal(xenport_bind(w->xp, 1, b.port, &b_port), 0);
	guest_channel_close(w, g, &a);
	guest_channel_close(w, g, &b);
	localguest_close(g);
}

static void the_end_of_a_mapping_is_told(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct localguest_channel channel;
	uint32_t port, ref;
	char *page = guest_alloc(w, g, 1, &ref), *here;

	assert_int_equal(guest_channel(w, g, &channel), 0);
	assert_int_equal(xenport_bind(w->xp, 1, channel.port, &port), 0);
	assert_null(xenport_map_notify(w->xp, 1, ref, PAGE, port));
	for (int last = 0; last < 2; last++) {
		here = xenport_map_notify(w->xp, 1, ref, 9, port);
		assert_non_null(here);
		memset(here, 1, 16);
		assert_false(readable(channel.wait_fd));
		if (last) { /* closing the port ends it too */
			xenport_close(w->xp);
			w->xp = NULL;
		} else {
			assert_int_equal(xenport_unmap(w->xp, here, 1), 0);
		}
		assert_int_equal(page[9], 0);
		assert_int_equal(page[8], 1);
		assert_int_equal(page[10], 1);
		assert_true(wakeup_wait(channel.wait_fd));
	}
	localguest_channel_close(g, &channel);
	localguest_close(g);
}

/* ---- threads ------------------------------------------------------------- */

struct notifier {
	struct xenport *xp;
	uint32_t domid_port, rounds;
	uint32_t stop;
};

/* What a poller does of a channel's life, over and over. */
static void *bind_notify_unbind(void *arg)
{
	struct notifier *n = arg;
	uint32_t port;

	while (!__atomic_load_n(&n->stop, __ATOMIC_RELAXED)) {
		if (xenport_bind(n->xp, 1, n->domid_port, &port) < 0)
			continue;
		xenport_notify(n->xp, port);
		if (xenport_unbind(n->xp, port) < 0)
			abort();
		n->rounds++;
	}
	return NULL;
}

static void channels_come_and_go_under_many_threads(void **state)
{
	struct world *w = *state;
	struct localguest *g = guest_open(w);
	struct localguest_channel channel;
	struct notifier n[3];
	pthread_t threads[3];
	double end = seconds_now() + RACE_SECONDS;
	uint32_t port;

	assert_int_equal(guest_channel(w, g, &channel), 0);
	for (int i = 0; i < 3; i++) {
		n[i] = (struct notifier){ .xp = xenport_open_events(w->xp),
					  .domid_port = channel.port };
		assert_non_null(n[i].xp);
		assert_int_equal(
			pthread_create(&threads[i], NULL, bind_notify_unbind, &n[i]), 0);
	}
	while (seconds_now() < end) {
		wakeup_send(channel.send_fd);
		/* The main thread's own port has none of it, or all. */
		if (xenport_bind(w->xp, 1, channel.port, &port) == 0) {
			assert_event(w->xp, port);
			assert_int_equal(xenport_unbind(w->xp, port), 0);
		}
	}
	for (int i = 0; i < 3; i++) {
		__atomic_store_n(&n[i].stop, 1, __ATOMIC_RELAXED);
		pthread_join(threads[i], NULL);
		xenport_close(n[i].xp);
	}
	assert_true(n[0].rounds + n[1].rounds + n[2].rounds > 0);
	assert_true(wakeup_wait(channel.wait_fd));
	guest_channel_close(w, g, &channel);
	localguest_close(g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guests_are_domains_from_1),
		TEST(the_end_of_a_guest_is_a_domains_death),
		TEST(a_guest_sees_the_servers_end),
		TEST(a_killed_server_is_seen_and_can_be_replaced),
		TEST(the_socket_is_this_users_alone),
		TEST(what_is_in_the_sockets_way_stays),
		TEST(nodes_go_both_ways),
		TEST(nodes_written_together_are_seen_together),
		TEST(one_forbidden_node_forbids_all),
		TEST(what_a_guest_may_not_write_it_may_not_read),
		TEST(watches_fire_on_both_sides),
		TEST(granted_pages_are_one_range_in_any_order),
		TEST(a_read_only_mapping_is_not_writable),
		TEST(grants_are_copied_without_being_mapped),
		TEST(only_the_domains_own_grants_are_mapped),
		TEST(events_go_both_ways_and_stay_masked),
		TEST(a_channel_is_bound_once_and_by_its_domain),
		TEST(a_closed_channel_has_nothing_more),
		TEST(each_event_port_has_its_own),
		TEST(the_end_of_a_mapping_is_told),
		TEST(channels_come_and_go_under_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
