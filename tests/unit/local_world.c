// SPDX-License-Identifier: GPL-2.0-or-later
#include "local_world.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "cm.h"
#include "tempdir.h"
#include "wakeup.h"

const char *world_socket(void)
{
	return tempdir_path("xen.sock");
}

int world_set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	tempdir_make();
	w->xp = xenport_open_local(world_socket());
	assert_non_null(w->xp);
	*state = w;
	return 0;
}

int world_tear_down(void **state)
{
	struct world *w = *state;

	if (w->xp)
		xenport_close(w->xp);
	/* A closed port leaves no file. */
	assert_int_equal(access(world_socket(), F_OK), -1);
	tempdir_remove();
	free(w);
	return 0;
}

/* ---- serving ----------------------------------------------------------- */

/* One turn of the loop that a daemon has. */
static void turn(struct world *w)
{
	while (w->num_events < WORLD_EVENTS) {
		int rc = xenport_next_watch(w->xp, w->events[w->num_events].path,
					    XENPORT_PATH_MAX,
					    w->events[w->num_events].token, 32);

		assert_true(rc >= 0);
		if (!rc)
			return;
		w->num_events++;
	}
	fail_msg("more watch events than a test can want");
}

void world_settle(struct world *w)
{
	struct pollfd pfd = { .fd = xenport_store_fd(w->xp), .events = POLLIN };

	while (poll(&pfd, 1, 0) > 0)
		turn(w);
}

size_t world_count(const struct world *w, const char *path, const char *token)
{
	size_t n = 0;

	for (size_t i = 0; i < w->num_events; i++)
		n += (!path || !strcmp(path, w->events[i].path)) &&
		     (!token || !strcmp(token, w->events[i].token));
	return n;
}

void world_forget(struct world *w)
{
	w->num_events = 0;
}

/* ---- the guests' calls ------------------------------------------------- */

struct call {
	void (*run)(struct call *call);
	struct localguest *g;
	const struct localguest_node *nodes;
	struct localguest_channel *channel;
	const char *path;
	void *pages; /* also what alloc and open return */
	char *buf;
	size_t size;
	uint32_t *first_ref;
	int rc, error;
	int done; /* eventfd */
};

static void *in_thread(void *arg)
{
	struct call *call = arg;

	call->run(call);
	call->error = errno;
	wakeup_send(call->done);
	return NULL;
}

/* Run it and serve until it is done; errno is what it was there. */
static void serve_call(struct world *w, struct call *call)
{
	struct pollfd pfds[2];
	pthread_t thread;

	call->done = wakeup_open();
	pfds[0] = (struct pollfd){ .fd = call->done, .events = POLLIN };
	pfds[1] = (struct pollfd){ .fd = xenport_store_fd(w->xp), .events = POLLIN };
	assert_int_equal(pthread_create(&thread, NULL, in_thread, call), 0);
	do {
		if (poll(pfds, 2, WAKEUP_PATIENCE_MS) <= 0)
			fail_msg("a guest's call has no end");
		turn(w);
	} while (!pfds[0].revents);
	pthread_join(thread, NULL);
	close(call->done);
	world_settle(w);
	errno = call->error;
}

static void run_open(struct call *call)
{
	call->pages = localguest_open(call->path);
}

struct localguest *guest_open(struct world *w)
{
	struct call call = { .run = run_open, .path = world_socket() };

	serve_call(w, &call);
	return call.pages;
}

static void run_read(struct call *call)
{
	call->rc = localguest_read(call->g, call->path, call->buf, call->size);
}

int guest_read(struct world *w, struct localguest *g, const char *path, char *buf,
	       size_t size)
{
	struct call call = {
		.run = run_read, .g = g, .path = path, .buf = buf, .size = size
	};

	serve_call(w, &call);
	return call.rc;
}

static void run_write(struct call *call)
{
	call->rc = localguest_write(call->g, call->nodes, call->size);
}

int guest_write(struct world *w, struct localguest *g,
		const struct localguest_node *nodes, size_t count)
{
	struct call call = { .run = run_write, .g = g, .nodes = nodes, .size = count };

	serve_call(w, &call);
	return call.rc;
}

int guest_put(struct world *w, struct localguest *g, const char *path, const char *value)
{
	const struct localguest_node node = { path, value };

	return guest_write(w, g, &node, 1);
}

static void run_watch(struct call *call)
{
	call->rc = localguest_watch(call->g, call->path);
}

int guest_watch(struct world *w, struct localguest *g, const char *path)
{
	struct call call = { .run = run_watch, .g = g, .path = path };

	serve_call(w, &call);
	return call.rc;
}

static void run_alloc(struct call *call)
{
	call->pages = localguest_alloc(call->g, call->size, call->first_ref);
}

void *guest_alloc(struct world *w, struct localguest *g, size_t count,
		  uint32_t *first_ref)
{
	struct call call = {
		.run = run_alloc, .g = g, .size = count, .first_ref = first_ref
	};

	serve_call(w, &call);
	return call.pages;
}

static void run_free(struct call *call)
{
	localguest_free(call->g, call->pages, call->size);
}

void guest_free_pages(struct world *w, struct localguest *g, void *pages, size_t count)
{
	struct call call = { .run = run_free, .g = g, .pages = pages, .size = count };

	serve_call(w, &call);
}

static void run_channel(struct call *call)
{
	call->rc = localguest_channel_open(call->g, call->channel);
}

int guest_channel(struct world *w, struct localguest *g,
		  struct localguest_channel *channel)
{
	struct call call = { .run = run_channel, .g = g, .channel = channel };

	serve_call(w, &call);
	return call.rc;
}

static void run_channel_close(struct call *call)
{
	localguest_channel_close(call->g, call->channel);
}

void guest_channel_close(struct world *w, struct localguest *g,
			 struct localguest_channel *channel)
{
	struct call call = { .run = run_channel_close, .g = g, .channel = channel };

	serve_call(w, &call);
}
