// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/local/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listener.h"
#include "xenport/local/guest.h"
#include "xenport/local/wire.h"

/* Guests at one time. */
#define GUESTS_MAX 64u
/* The largest id a Xen domain can have is below DOMID_FIRST_RESERVED, 0x7ff0; a
 * guest's is in that range.
 */
#define DOMID_MAX  32751u
/* Guests, or whatever else is ready, that one server_run() looks at. */
#define SHARE      16

struct server {
	struct memstore *store;
	struct channels *channels;
	struct listener listener;
	int epoll_fd;
	uint16_t last_domid;
	unsigned int num_guests;
	LIST_HEAD(, guest) guests;
};

static struct guest *find(const struct server *server, uint16_t domid)
{
	struct guest *guest;

	LIST_FOREACH(guest, &server->guests, entry)
	if (guest->domid == domid)
		return guest;
	return NULL;
}

const struct grants *server_grants(const struct server *server, uint16_t domid)
{
	const struct guest *guest = find(server, domid);

	return guest ? &guest->grants : NULL;
}

int server_fd(const struct server *server)
{
	return server->epoll_fd;
}

/* ---- coming and going -------------------------------------------------- */

/* Not the id of one who has just gone, whom others may still take for alive. */
static uint16_t next_domid(struct server *server)
{
	do
		server->last_domid = (uint16_t)(server->last_domid % DOMID_MAX + 1);
	while (find(server, server->last_domid));
	return server->last_domid;
}

static int wait_for(struct server *server, int fd, void *who)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = who };

	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void admit(struct server *server, int fd)
{
	struct guest *guest = NULL;

	if (server->num_guests < GUESTS_MAX)
		guest = guest_new(fd, next_domid(server), server->store,
				  server->channels);
	if (!guest) {
		close(fd);
		return;
	}
	if (wait_for(server, fd, guest) < 0) {
		guest_free(guest);
		return;
	}
	LIST_INSERT_HEAD(&server->guests, guest, entry);
	server->num_guests++;
	guest_introduce(guest);
}

static void accept_one(struct server *server)
{
	int fd = listener_accept(&server->listener);

	if (fd >= 0)
		admit(server, fd);
}

/* What it was is gone before anybody hears of its end. */
static void dismiss(struct server *server, struct guest *guest)
{
	LIST_REMOVE(guest, entry);
	server->num_guests--;
	guest_release(guest);
	guest_free(guest);
}

int server_run(struct server *server)
{
	struct epoll_event events[SHARE];
	int n = epoll_wait(server->epoll_fd, events, SHARE, 0);

	if (n < 0)
		return errno == EINTR ? 0 : -1;
	for (int i = 0; i < n; i++) {
		struct guest *guest = events[i].data.ptr;

		if (!guest)
			accept_one(server);
		else if (guest_serve(guest) < 0)
			dismiss(server, guest);
	}
	return 0;
}

/* ---- opening ----------------------------------------------------------- */

struct server *server_open(const char *path, struct memstore *store,
			   struct channels *channels)
{
	struct server *server = calloc(1, sizeof(*server));
	int saved;

	if (!server)
		return NULL;
	server->store = store;
	server->channels = channels;
	LIST_INIT(&server->guests);
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll_fd < 0)
		goto fail;
	if (listener_open(&server->listener, path, SOCK_SEQPACKET) < 0)
		goto fail;
	if (wait_for(server, server->listener.fd, NULL) == 0)
		return server;
	saved = errno;
	listener_close(&server->listener);
	errno = saved;
fail:
	saved = errno;
	close(server->epoll_fd);
	free(server);
	errno = saved;
	return NULL;
}

void server_close(struct server *server)
{
	struct guest *guest;

	listener_close(&server->listener);
	while ((guest = LIST_FIRST(&server->guests))) {
		LIST_REMOVE(guest, entry);
		channels_close_all(server->channels, guest->domid);
		guest_free(guest);
	}
	close(server->epoll_fd);
	free(server);
}
