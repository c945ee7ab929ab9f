// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/admin.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listener.h"
#include "log.h"

/* Connections that are accepted in one turn of the loop. */
#define ACCEPT_BATCH 16

struct client {
	struct admin *admin;
	int fd;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned int open_handles; /* of the two */
	char line[ADMIN_REQUEST_MAX];
	size_t length;
	char *answer; /* NULL while the line is not whole */
	size_t answered, answer_length;
	LIST_ENTRY(client) entry;
};

struct admin {
	struct listener listener;
	uv_poll_t poll;
	uv_loop_t *loop;
	admin_answer *answer;
	void *arg;
	LIST_HEAD(, client) clients;
	unsigned int num_clients;
};

/* ---- a client's end ---------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	if (--c->open_handles)
		return;
	close(c->fd);
	free(c->answer);
	free(c);
}

static void client_end(struct client *c)
{
	LIST_REMOVE(c, entry);
	c->admin->num_clients--;
	uv_close((uv_handle_t *)&c->poll, on_client_closed);
	uv_close((uv_handle_t *)&c->timer, on_client_closed);
}

static void on_impatience(uv_timer_t *timer)
{
	client_end(timer->data);
}

/* ---- its line, and the answer ------------------------------------------ */

static void on_client(uv_poll_t *poll, int status, int events);

/* What it takes of the answer, which may be nothing. */
static void client_write(struct client *c)
{
	ssize_t n = send(c->fd, c->answer + c->answered, c->answer_length - c->answered,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->answered += (size_t)n;
	if (n <= 0 || c->answered == c->answer_length)
		client_end(c);
}

static void client_answer(struct client *c, size_t length)
{
	c->answer = c->admin->answer(c->admin->arg, c->line, length);
	if (!c->answer) {
		client_end(c);
		return;
	}
	c->answer_length = strlen(c->answer);
	uv_poll_start(&c->poll, UV_WRITABLE, on_client);
}

static void client_read(struct client *c)
{
	ssize_t n = recv(c->fd, c->line + c->length, sizeof(c->line) - c->length,
			 MSG_DONTWAIT);
	const char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_end(c);
		return;
	}
	end = memchr(c->line + c->length, '\n', (size_t)n);
	c->length += (size_t)n;
	/* Without an end it is too long, which its length tells. */
	if (end || c->length == sizeof(c->line))
		client_answer(c, end ? (size_t)(end - c->line) : c->length);
}

static void on_client(uv_poll_t *poll, int status, int events)
{
	struct client *c = poll->data;

	(void)events;
	if (status < 0)
		client_end(c);
	else if (c->answer)
		client_write(c);
	else
		client_read(c);
}

/* ---- clients that come ------------------------------------------------- */

static int client_begin(struct admin *admin, int fd)
{
	struct client *c;

	if (admin->num_clients == ADMIN_CLIENTS)
		return -1;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -1;
	if (uv_poll_init(admin->loop, &c->poll, fd) < 0) {
		free(c);
		return -1;
	}
	uv_timer_init(admin->loop, &c->timer);
	c->admin = admin;
	c->fd = fd;
	c->poll.data = c;
	c->timer.data = c;
	c->open_handles = 2;
	LIST_INSERT_HEAD(&admin->clients, c, entry);
	admin->num_clients++;
	uv_poll_start(&c->poll, UV_READABLE, on_client);
	uv_timer_start(&c->timer, on_impatience, ADMIN_PATIENCE_MS, 0);
	return 0;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct admin *admin = poll->data;

	(void)events;
	if (status < 0) {
		log_err("administrator's socket: %s", uv_strerror(status));
		return;
	}
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = listener_accept(&admin->listener);

		if (fd < 0)
			return;
		if (client_begin(admin, fd) < 0)
			close(fd);
	}
}

/* ---- beginning and end ------------------------------------------------- */

/* -1 and errno. */
static int make_folder(const char *path)
{
	char *copy = strdup(path);
	int rc;

	if (!copy)
		return -1;
	rc = mkdir(dirname(copy), 0755);
	free(copy);
	return rc < 0 && errno != EEXIST ? -1 : 0;
}

struct admin *admin_start(uv_loop_t *loop, const char *path, admin_answer *answer,
			  void *arg)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	int error;

	if (!admin)
		return NULL;
	if (make_folder(path) < 0 ||
	    listener_open(&admin->listener, path, SOCK_STREAM) < 0) {
		error = errno;
		free(admin);
		errno = error;
		return NULL;
	}
	admin->loop = loop;
	admin->answer = answer;
	admin->arg = arg;
	LIST_INIT(&admin->clients);
	uv_poll_init(loop, &admin->poll, admin->listener.fd);
	admin->poll.data = admin;
	uv_poll_start(&admin->poll, UV_READABLE, on_connection);
	return admin;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void admin_stop(struct admin *admin)
{
	if (!admin)
		return;
	while (!LIST_EMPTY(&admin->clients))
		client_end(LIST_FIRST(&admin->clients));
	uv_poll_stop(&admin->poll);
	listener_close(&admin->listener);
	uv_close((uv_handle_t *)&admin->poll, on_closed);
}
