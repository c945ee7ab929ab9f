// SPDX-License-Identifier: GPL-2.0-or-later
/* The administrator's socket alone, in a loop of the test's: long answers, slow readers.
 */
#include "cm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/admin.h"
#include "tempdir.h"

#define ANSWER_BYTES (4u << 20) /* far more than a socket takes */

static uv_loop_t loop;
static struct admin *admin;
static char path[96];
static char asked[ADMIN_REQUEST_MAX];
static unsigned int answers;
static bool no_memory;

static char *answer(void *arg, const char *line, size_t length)
{
	char *text = no_memory ? NULL : malloc(ANSWER_BYTES + 1);

	assert_ptr_equal(arg, &loop);
	assert_true(length <= sizeof(asked));
	memcpy(asked, line, length);
	answers++;
	if (!text)
		return NULL;
	memset(text, 'x', ANSWER_BYTES);
	text[ANSWER_BYTES - 1] = '\n';
	text[ANSWER_BYTES] = '\0';
	return text;
}

static int set_up(void **state)
{
	(void)state;
	tempdir_make();
	snprintf(path, sizeof(path), "%s", tempdir_path("run/admin"));
	uv_loop_init(&loop);
	answers = 0;
	no_memory = false;
	admin = admin_start(&loop, path, answer, &loop);
	assert_non_null(admin);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	admin_stop(admin);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(access(path, F_OK), -1);
	tempdir_remove();
	return 0;
}

static int client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void turn(void)
{
	for (int i = 0; i < 4; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

/* Bytes that are there; -1: the end. */
static ssize_t take(int fd, size_t most)
{
	static char bytes[65536];
	ssize_t n = recv(fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes), 0);

	if (n < 0 && errno == EAGAIN)
		return 0;
	return n == 0 ? -1 : n;
}

static void long_answer_comes_whole_to_a_slow_reader(void **state)
{
	int fd = client();
	size_t got = 0;
	ssize_t n;

	(void)state;
	assert_int_equal(send(fd, "how are you\n", 12, 0), 12);
	turn();
	assert_int_equal(answers, 1);
	assert_memory_equal(asked, "how are you", 11);
	while ((n = take(fd, 30000)) >= 0) {
		got += (size_t)n;
		turn();
	}
	assert_int_equal(got, ANSWER_BYTES);
	assert_int_equal(answers, 1);
	close(fd);
}

static void who_does_not_read_is_left(void **state)
{
	int fds[ADMIN_CLIENTS], fd;
	size_t got = 0;
	ssize_t n;

	(void)state;
	for (int i = 0; i < ADMIN_CLIENTS; i++) {
		fds[i] = client();
		assert_int_equal(send(fds[i], "x\n", 2, 0), 2);
	}
	turn();
	assert_int_equal(answers, ADMIN_CLIENTS);
	fd = client(); /* one too many */
	turn();
	assert_int_equal(take(fd, 1), -1);
	close(fd);
	for (int ms = 0; ms < ADMIN_PATIENCE_MS + 1000; ms += 10) {
		usleep(10000);
		turn();
	}
	while ((n = take(fds[0], 65536)) > 0)
		got += (size_t)n;
	assert_int_equal(n, -1);
	assert_true(got < ANSWER_BYTES);
	for (int i = 0; i < ADMIN_CLIENTS; i++)
		close(fds[i]);
	/* and others have their place */
	fd = client();
	assert_int_equal(send(fd, "x\n", 2, 0), 2);
	turn();
	assert_int_equal(answers, ADMIN_CLIENTS + 1);
	close(fd);
	turn();
}

static void line_without_an_end_is_shown_as_one_that_is_too_long(void **state)
{
	char noise[4 * ADMIN_REQUEST_MAX];
	int fd = client();

	(void)state;
	memset(noise, 'n', sizeof(noise));
	assert_int_equal(send(fd, noise, ADMIN_REQUEST_MAX - 1, 0),
			 ADMIN_REQUEST_MAX - 1);
	turn();
	assert_int_equal(answers, 0);
	assert_int_equal(send(fd, noise, sizeof(noise), 0), sizeof(noise));
	turn();
	assert_int_equal(answers, 1);
	close(fd);
	turn();
}

static void without_memory_there_is_no_answer(void **state)
{
	int fd = client();

	(void)state;
	no_memory = true;
	assert_int_equal(send(fd, "x\n", 2, 0), 2);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(take(fd, 1), -1);
	close(fd);
}

static void place_of_a_dead_server_is_taken_and_no_other(void **state)
{
	struct admin *second = admin_start(&loop, path, answer, &loop);
	char other[104];

	(void)state;
	assert_null(second);
	assert_int_equal(errno, EADDRINUSE);
	snprintf(other, sizeof(other), "%s.dead", path);
	{
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		snprintf(address.sun_path, sizeof(address.sun_path), "%s", other);
		assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
				 0);
		close(fd);
	}
	second = admin_start(&loop, other, answer, &loop);
	assert_non_null(second);
	admin_stop(second);
	assert_null(admin_start(&loop, "/nonexistent/a/b", answer, &loop));
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(long_answer_comes_whole_to_a_slow_reader),
		test(who_does_not_read_is_left),
		test(line_without_an_end_is_shown_as_one_that_is_too_long),
		test(without_memory_there_is_no_answer),
		test(place_of_a_dead_server_is_taken_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
