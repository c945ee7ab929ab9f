// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/localguest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "xenport/local/watchqueue.h"
#include "xenport/local/wire.h"

/* What localguest_alloc() has mapped. */
struct region {
	LIST_ENTRY(region) entry;
	void *addr;
	size_t count;
	uint32_t first_ref;
};

struct localguest {
	int socket;
	int poll_fd; /* an epoll of socket and queue */
	uint16_t domid;
	bool lost;                /* the server, or its trust */
	struct watch_queue queue; /* changes that came while a reply was awaited */
	LIST_HEAD(, region) regions;
	struct local_packet packet; /* the request, then its reply */
};

/* ---- talking to the server --------------------------------------------- */

/* A server that talks nonsense is none. */
static int lose(struct localguest *g)
{
	g->lost = true;
	shutdown(g->socket, SHUT_RDWR);
	errno = ECONNRESET;
	return -1;
}

static void drop_fds(struct local_packet *packet)
{
	while (packet->num_fds)
		close(packet->fds[--packet->num_fds]);
}

/* Put the change that was received into the queue. */
static int keep_change(struct localguest *g)
{
	size_t offset = 0;
	const char *path = wire_string(&g->packet, &offset);

	drop_fds(&g->packet);
	if (!path)
		return lose(g);
	g->queue.watcher.fire(&g->queue.watcher, path, "");
	return 0;
}

/* Wait for a message of @type; changes that come before it are kept. */
static int await(struct localguest *g, enum local_type type)
{
	for (;;) {
		if (wire_receive(g->socket, &g->packet, true, 0) < 0)
			return lose(g);
		if (g->packet.message.type == (uint32_t)type)
			return 0;
		if (g->packet.message.type != LOCAL_CHANGED) {
			drop_fds(&g->packet);
			return lose(g);
		}
		if (keep_change(g) < 0)
			return -1;
	}
}

static struct local_packet *begin(struct localguest *g, enum local_type type,
				  uint32_t number)
{
	g->packet.message.type = type;
	g->packet.message.error = 0;
	g->packet.message.number = number;
	g->packet.text_len = 0;
	g->packet.num_fds = 0;
	return &g->packet;
}

/* Send what has begun and take the reply, of which @num_fds descriptors are then
 * the caller's.
 */
static int call(struct localguest *g, size_t num_fds)
{
	if (g->lost || wire_send(g->socket, &g->packet, 0) < 0)
		return lose(g);
	if (await(g, LOCAL_REPLY) < 0)
		return -1;
	if (g->packet.message.error) {
		drop_fds(&g->packet);
		errno = (int)g->packet.message.error;
		return -1;
	}
	if (g->packet.num_fds == num_fds)
		return 0;
	drop_fds(&g->packet);
	/* Fewer came than were sent if this process can have no more. */
	errno = EMFILE;
	return -1;
}

/* ---- opening ----------------------------------------------------------- */

static int greet(struct localguest *g)
{
	size_t offset = 0;
	const char *version;

	if (await(g, LOCAL_HELLO) < 0)
		return -1;
	drop_fds(&g->packet);
	version = wire_string(&g->packet, &offset);
	if (!version || strcmp(version, LOCAL_VERSION) != 0) {
		errno = EPROTO;
		return -1;
	}
	g->domid = (uint16_t)g->packet.message.number;
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, saved;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int poll_for(struct localguest *g, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(g->poll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_parts(struct localguest *g, const char *socket)
{
	if (watch_queue_open(&g->queue) < 0)
		return -1;
	g->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (g->poll_fd < 0)
		return -1;
	g->socket = connect_to(socket);
	if (g->socket < 0 || poll_for(g, g->socket) < 0 || poll_for(g, g->queue.fd) < 0)
		return -1;
	return greet(g);
}

struct localguest *localguest_open(const char *socket)
{
	struct localguest *g = calloc(1, sizeof(*g));
	int saved;

	if (!g)
		return NULL;
	g->socket = -1;
	g->poll_fd = -1;
	g->queue.fd = -1;
	if (open_parts(g, socket) == 0)
		return g;
	saved = errno;
	localguest_close(g);
	errno = saved;
	return NULL;
}

static void unmap(struct region *region)
{
	munmap(region->addr, region->count * LOCAL_PAGE);
	LIST_REMOVE(region, entry);
	free(region);
}

void localguest_close(struct localguest *g)
{
	while (!LIST_EMPTY(&g->regions))
		unmap(LIST_FIRST(&g->regions));
	close(g->socket);
	close(g->poll_fd);
	watch_queue_close(&g->queue);
	free(g);
}

uint16_t localguest_domid(const struct localguest *g)
{
	return g->domid;
}

/* ---- xenstore ---------------------------------------------------------- */

int localguest_read(struct localguest *g, const char *path, char *buf, size_t size)
{
	size_t offset = 0;
	const char *value;

	if (wire_append(begin(g, LOCAL_READ, 0), "", path) < 0 || call(g, 0) < 0)
		return -1;
	value = wire_string(&g->packet, &offset);
	if (!value)
		return lose(g);
	if (strlen(value) >= size) {
		errno = EMSGSIZE;
		return -1;
	}
	strcpy(buf, value);
	return (int)strlen(buf);
}

int localguest_write(struct localguest *g, const struct localguest_node *nodes,
		     size_t count)
{
	struct local_packet *packet = begin(g, LOCAL_WRITE, 0);

	if (count > LOCAL_BATCH) {
		errno = E2BIG;
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		const char *value = nodes[i].value;

		if (wire_append(packet, "", nodes[i].path) < 0 ||
		    wire_append(packet, value ? "=" : "-", value ? value : "") < 0)
			return -1;
	}
	return call(g, 0);
}

int localguest_watch(struct localguest *g, const char *path)
{
	if (wire_append(begin(g, LOCAL_WATCH, 0), "", path) < 0)
		return -1;
	return call(g, 0);
}

int localguest_fd(const struct localguest *g)
{
	return g->poll_fd;
}

int localguest_next_watch(struct localguest *g, char *path, size_t size)
{
	char token[1];
	int rc = watch_queue_take(&g->queue, path, size, token, sizeof(token));

	if (rc != 0)
		return rc;
	if (g->lost)
		return lose(g);
	if (wire_receive(g->socket, &g->packet, true, MSG_DONTWAIT) < 0)
		return errno == EAGAIN ? 0 : lose(g);
	/* Nothing else comes unasked. */
	if (g->packet.message.type != LOCAL_CHANGED) {
		drop_fds(&g->packet);
		return lose(g);
	}
	if (keep_change(g) < 0)
		return -1;
	return watch_queue_take(&g->queue, path, size, token, sizeof(token));
}

/* ---- memory ------------------------------------------------------------ */

/* Best effort: what is left is freed with the guest. */
static void end_grants(struct localguest *g, uint32_t first_ref)
{
	int saved = errno;

	begin(g, LOCAL_FREE, first_ref);
	(void)call(g, 0);
	errno = saved;
}

void *localguest_alloc(struct localguest *g, size_t count, uint32_t *first_ref)
{
	struct region *region;
	int saved;

	if (!count || count > UINT32_MAX) {
		errno = EINVAL;
		return NULL;
	}
	region = calloc(1, sizeof(*region));
	if (!region)
		return NULL;
	begin(g, LOCAL_ALLOC, (uint32_t)count);
	if (call(g, 1) < 0)
		goto fail;
	region->first_ref = g->packet.message.number;
	region->count = count;
	region->addr = mmap(NULL, count * LOCAL_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			    g->packet.fds[0], 0);
	saved = errno;
	close(g->packet.fds[0]);
	errno = saved;
	if (region->addr == MAP_FAILED) {
		end_grants(g, region->first_ref);
		goto fail;
	}
	LIST_INSERT_HEAD(&g->regions, region, entry);
	*first_ref = region->first_ref;
	return region->addr;

fail:
	saved = errno;
	free(region);
	errno = saved;
	return NULL;
}

void localguest_free(struct localguest *g, void *pages, size_t count)
{
	struct region *region;

	LIST_FOREACH(region, &g->regions, entry)
	if (region->addr == pages && region->count == count) {
		end_grants(g, region->first_ref);
		unmap(region);
		return;
	}
}

/* ---- event channels ---------------------------------------------------- */

int localguest_channel_open(struct localguest *g, struct localguest_channel *channel)
{
	begin(g, LOCAL_CHANNEL_OPEN, 0);
	if (call(g, 2) < 0)
		return -1;
	*channel = (struct localguest_channel){
		.port = g->packet.message.number,
		.wait_fd = g->packet.fds[0],
		.send_fd = g->packet.fds[1],
	};
	return 0;
}

void localguest_channel_close(struct localguest *g, struct localguest_channel *channel)
{
	close(channel->wait_fd);
	close(channel->send_fd);
	begin(g, LOCAL_CHANNEL_CLOSE, channel->port);
	(void)call(g, 0); /* a server that is gone needs no word */
}
