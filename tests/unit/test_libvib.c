// SPDX-License-Identifier: GPL-2.0-or-later
/* libvib and a real ibback: a connection's beginning, use and end. */
#include "cm.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "libvib/memory.h"

#define GUID        "port_guid=0x02163e0000000001"
/* Far beyond what a loaded machine needs. */
#define PATIENCE_MS 20000

static struct daemon ibback;
static char why[LIBVIB_WHY_SIZE];

static int set_up(void **state)
{
	(void)state;
	return daemon_start(&ibback, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return daemon_stop(&ibback) ? 0 : -1;
}

static struct libvib *open_vib(const char *config)
{
	struct libvib *lv = libvib_open(ibback.socket, config, why, sizeof(why));

	if (!lv)
		fail_msg("%s", why);
	return lv;
}

/* Wait until libvib_fd() says that there is something. */
static void await(struct libvib *lv)
{
	struct pollfd pfd = { .fd = libvib_fd(lv), .events = POLLIN };

	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
}

/* ---- beginning --------------------------------------------------------- */

static void connects_and_answers_queries(void **state)
{
	struct libvib *lv = open_vib(GUID ", node_guid=0x02163e0000000002, "
					  "pkey=0x8001/0x7fff, max_qp=17");
	struct vib_device_attr device;
	struct vib_port_attr port;
	struct vib_gid gid;
	uint16_t pkey;

	(void)state;
	assert_true(libvib_alive(lv));
	assert_null(libvib_failure(lv));
	assert_int_equal(libvib_query_device(lv, &device), 0);
	assert_true(be64toh(device.node_guid) == 0x02163e0000000002);
	assert_int_equal(device.max_qp, 17);
	assert_int_equal(libvib_query_port(lv, &port), 0);
	assert_true(be64toh(port.port_guid) == 0x02163e0000000001);
	assert_int_equal(port.state, VIB_PORT_ACTIVE);
	assert_int_not_equal(port.lid, 0);
	assert_int_equal(libvib_query_gid(lv, 0, &gid), 0);
	assert_memory_equal(gid.raw, "\xfe\x80\0\0\0\0\0\0\x02\x16\x3e\0\0\0\0\x01", 16);
	assert_int_equal(libvib_query_pkey(lv, 1, &pkey), 0);
	assert_int_equal(pkey, 0x7fff);
	libvib_close(lv);
}

static void two_have_addresses_of_their_own(void **state)
{
	struct libvib *a = open_vib(""), *b = open_vib("");
	struct vib_port_attr pa, pb;

	(void)state;
	assert_int_equal(libvib_query_port(a, &pa), 0);
	assert_int_equal(libvib_query_port(b, &pb), 0);
	assert_int_not_equal(libvib_domid(a), libvib_domid(b));
	assert_int_not_equal(pa.lid, pb.lid);
	assert_true(pa.port_guid != pb.port_guid);
	libvib_close(a);
	libvib_close(b);
}

static void refused(const char *socket, const char *config, const char *reason)
{
	assert_null(libvib_open(socket, config, why, sizeof(why)));
	if (!strstr(why, reason))
		fail_msg("'%s' says nothing of '%s'", why, reason);
}

static void what_is_wrong_is_refused_by_name(void **state)
{
	(void)state;
	refused(ibback.socket, "max_qp=lots", "max_qp");
	refused(ibback.socket, "colour=blue", "colour");
	refused(ibback.socket, "port_guid=0x0", "port_guid");
	refused(ibback.socket, "backend=3", "backend");
	refused("/nonexistent/socket", "", "/nonexistent/socket");
	/* these are the backend's own words */
	refused(ibback.socket, "fabric=nowhere", "fabric=nowhere");
}

static void port_guid_of_another_is_refused_by_the_backend(void **state)
{
	struct libvib *lv = open_vib(GUID);

	(void)state;
	refused(ibback.socket, GUID, "port-guid=0x02163e0000000001");
	assert_true(libvib_alive(lv));
	libvib_close(lv);
}

/* ---- end --------------------------------------------------------------- */

static void close_leaves_nothing_in_the_next_ones_way(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		libvib_close(open_vib(GUID));
}

static void end_of_the_process_frees_what_it_had(void **state)
{
	struct libvib *lv = NULL;
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(libvib_open(ibback.socket, GUID, why, sizeof(why)) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (int i = 0; !lv && i < PATIENCE_MS / 10; i++) {
		lv = libvib_open(ibback.socket, GUID, why, sizeof(why));
		usleep(10000);
	}
	assert_non_null(lv);
	libvib_close(lv);
}

static void assert_lost(struct libvib *lv)
{
	struct vib_async_event event;
	struct vib_port_attr port;
	int n;

	await(lv);
	while ((n = libvib_next_async(lv, &event)) >= 0)
		await(lv);
	assert_int_equal(n, -ENODEV);
	assert_false(libvib_alive(lv));
	assert_non_null(libvib_failure(lv));
	assert_int_equal(libvib_query_port(lv, &port), -ENODEV);
}

static void killed_backend_is_noticed(void **state)
{
	struct libvib *lv = open_vib(GUID);
	struct vib_port_attr port;

	(void)state;
	daemon_kill(&ibback);
	assert_lost(lv);
	libvib_close(lv);

	assert_true(daemon_restart(&ibback));
	lv = open_vib(GUID);
	daemon_kill(&ibback);
	/* by the command itself */
	assert_int_equal(libvib_query_port(lv, &port), -ENODEV);
	assert_lost(lv);
	libvib_close(lv);
	assert_true(daemon_restart(&ibback));
	libvib_close(open_vib(GUID));
}

static void stopped_backend_is_noticed(void **state)
{
	struct libvib *lv = open_vib(GUID);

	(void)state;
	assert_true(daemon_end(&ibback));
	assert_lost(lv);
	libvib_close(lv);
}

/* ---- use --------------------------------------------------------------- */

static void assert_event(struct libvib *lv, enum vib_async_type type)
{
	struct vib_async_event event;
	int n;

	while ((n = libvib_next_async(lv, &event)) == 0)
		await(lv);
	assert_int_equal(n, 1);
	assert_int_equal(event.type, type);
	assert_int_equal(event.object, VIB_PORT);
}

static void changes_come_as_async_events(void **state)
{
	struct libvib *lv = open_vib("");
	struct vib_port_attr port;
	uint16_t pkey;

	(void)state;
	for (int i = 0; i < 40; i++) { /* more than the queue holds */
		assert_int_equal(libvib_change(lv, i % 2 ? "link=up" : "link=down", why,
					       sizeof(why)),
				 0);
		assert_event(lv, VIB_ASYNC_PORT_CHANGE);
		assert_int_equal(libvib_query_port(lv, &port), 0);
		assert_int_equal(port.state, i % 2 ? VIB_PORT_ACTIVE : VIB_PORT_DOWN);
	}
	assert_int_equal(libvib_change(lv, "pkey=0x8123", why, sizeof(why)), 0);
	assert_event(lv, VIB_ASYNC_PKEY_CHANGE);
	assert_int_equal(libvib_query_pkey(lv, 0, &pkey), 0);
	assert_int_equal(pkey, 0x8123);
	assert_int_equal(libvib_change(lv, "pkey=nonsense", why, sizeof(why)), -EINVAL);
	libvib_close(lv);
}

/* An event that a command's wait has come across is not lost. */
static void event_behind_a_command_keeps_the_descriptor_readable(void **state)
{
	struct libvib *lv = open_vib("");
	struct vib_port_attr port = { .state = VIB_PORT_ACTIVE };

	(void)state;
	assert_int_equal(libvib_change(lv, "link=down", why, sizeof(why)), 0);
	for (int i = 0; i < 1000 && port.state != VIB_PORT_DOWN; i++)
		assert_int_equal(libvib_query_port(lv, &port), 0);
	assert_int_equal(port.state, VIB_PORT_DOWN);
	await(lv);
	assert_event(lv, VIB_ASYNC_PORT_CHANGE);
	libvib_close(lv);
}

static void wrong_commands_fail_alone(void **state)
{
	struct libvib *lv = open_vib("");
	struct vib_control_request req = { .operation = 0x7777 };
	struct vib_control_response rsp;
	struct vib_gid gid;

	(void)state;
	assert_int_equal(libvib_command(lv, &req, &rsp), -EOPNOTSUPP);
	req.operation = VIB_CMD_QUERY_PORT; /* of no port */
	assert_int_equal(libvib_command(lv, &req, &rsp), -EINVAL);
	assert_int_equal(libvib_query_gid(lv, 9999, &gid), -EINVAL);
	assert_true(libvib_alive(lv));
	libvib_close(lv);
}

static void *query_often(void *arg)
{
	struct vib_port_attr port;
	intptr_t failed = 0;

	for (int i = 0; i < 100; i++)
		failed += libvib_query_port(arg, &port) != 0;
	return (void *)failed;
}

static void threads_take_turns(void **state)
{
	struct libvib *lv = open_vib("");
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, query_often, lv), 0);
	for (int i = 0; i < 10; i++) {
		libvib_change(lv, i % 2 ? "link=up" : "link=down", why, sizeof(why));
		assert_event(lv, VIB_ASYNC_PORT_CHANGE);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	libvib_close(lv);
}

static void memory_is_named_only_where_it_was_allocated(void **state)
{
	struct libvib *lv = open_vib("");
	uint8_t *one = libvib_alloc(lv, 1), *many = libvib_alloc(lv, 3000 * 4096);
	struct libvib_pages pages;
	uint8_t local[16];

	(void)state;
	assert_non_null(one);
	assert_non_null(many);
	assert_int_equal((uintptr_t)one % 4096, 0);
	assert_int_equal(many[3000 * 4096 - 1], 0);
	assert_int_equal(libvib_pages_begin(lv, one, 4096, &pages), 0);
	assert_int_equal(pages.tree.count, 1);
	libvib_pages_end(lv, &pages);
	assert_int_equal(libvib_pages_begin(lv, many + 4095, 2, &pages), 0);
	assert_int_equal(pages.tree.count, 2);
	libvib_pages_end(lv, &pages);
	assert_int_equal(libvib_pages_begin(lv, many, 3000 * 4096, &pages), 0);
	assert_int_equal(pages.tree.count, 3000);
	libvib_pages_end(lv, &pages);
	assert_int_equal(libvib_pages_begin(lv, many, 3000 * 4096 + 1, &pages), -EINVAL);
	assert_int_equal(libvib_pages_begin(lv, many, 0, &pages), -EINVAL);
	assert_int_equal(libvib_pages_begin(lv, many + 5, SIZE_MAX, &pages), -EINVAL);
	assert_int_equal(libvib_pages_begin(lv, local, 16, &pages), -EINVAL);
	libvib_free(lv, one);
	assert_int_equal(libvib_pages_begin(lv, one, 1, &pages), -EINVAL);
	assert_null(libvib_alloc(lv, 0));
	libvib_close(lv); /* and with it the rest */
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(connects_and_answers_queries),
		test(two_have_addresses_of_their_own),
		test(what_is_wrong_is_refused_by_name),
		test(port_guid_of_another_is_refused_by_the_backend),
		test(close_leaves_nothing_in_the_next_ones_way),
		test(end_of_the_process_frees_what_it_had),
		test(killed_backend_is_noticed),
		test(stopped_backend_is_noticed),
		test(changes_come_as_async_events),
		test(event_behind_a_command_keeps_the_descriptor_readable),
		test(wrong_commands_fail_alone),
		test(threads_take_turns),
		test(memory_is_named_only_where_it_was_allocated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
