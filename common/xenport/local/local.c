// SPDX-License-Identifier: GPL-2.0-or-later
/* The Xen port between processes of one machine, as operations of ops.h. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xenport/local/channels.h"
#include "xenport/local/mappings.h"
#include "xenport/local/server.h"
#include "xenport/local/watchqueue.h"
#include "xenport/local/wire.h"
#include "xenport/ops.h"

/* What every port has; one for events alone has no more. */
struct events_port {
	struct xenport base;
	struct channels *channels; /* those of the local_port */
	struct channel_set set;
};

struct local_port {
	struct events_port events;
	struct memstore *store;
	struct watch_queue queue; /* our own watches' events */
	struct server *server;    /* whose guests' grants change under lock */
	struct mappings mappings;
	pthread_mutex_t lock; /* of grants and mappings: any thread maps and unmaps */
	int store_fd;         /* an epoll of server and queue */
};

/* base is the first member of the one, and that the first of the other. */
static struct events_port *to_events(struct xenport *xp)
{
	return (struct events_port *)xp;
}

static struct local_port *to_local(struct xenport *xp)
{
	return (struct local_port *)xp;
}

/* ---- xenstore ---------------------------------------------------------- */

static int local_read(struct xenport *xp, xenport_tx tx, const char *path, char *buf,
		      size_t size)
{
	return memstore_read(to_local(xp)->store, tx, path, buf, size);
}

static int local_write(struct xenport *xp, xenport_tx tx, const char *path,
		       const char *value)
{
	return memstore_write(to_local(xp)->store, tx, path, value);
}

static int local_mkdir(struct xenport *xp, xenport_tx tx, const char *path,
		       const struct xenport_perms *perms)
{
	return memstore_mkdir(to_local(xp)->store, tx, path, perms);
}

static int local_rm(struct xenport *xp, xenport_tx tx, const char *path)
{
	return memstore_rm(to_local(xp)->store, tx, path);
}

static int local_list(struct xenport *xp, xenport_tx tx, const char *path, char ***names)
{
	return memstore_list(to_local(xp)->store, tx, path, names);
}

static int local_tx_begin(struct xenport *xp, xenport_tx *tx)
{
	return memstore_tx_begin(to_local(xp)->store, tx);
}

static int local_tx_end(struct xenport *xp, xenport_tx tx, bool commit)
{
	return memstore_tx_end(to_local(xp)->store, tx, commit);
}

static int local_watch(struct xenport *xp, const char *path, const char *token)
{
	struct local_port *local = to_local(xp);

	return memstore_watch(local->store, &local->queue.watcher, path, token);
}

static int local_unwatch(struct xenport *xp, const char *path, const char *token)
{
	struct local_port *local = to_local(xp);

	return memstore_unwatch(local->store, &local->queue.watcher, path, token);
}

static int local_store_fd(struct xenport *xp)
{
	return to_local(xp)->store_fd;
}

/* Guests are served when what they did before is known, so that the queue is as
 * short as what one share of theirs makes it.
 */
static int local_next_watch(struct xenport *xp, char *path, size_t path_size, char *token,
			    size_t token_size)
{
	struct local_port *local = to_local(xp);
	int rc = watch_queue_take(&local->queue, path, path_size, token, token_size);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&local->lock);
	rc = server_run(local->server);
	pthread_mutex_unlock(&local->lock);
	if (rc < 0)
		return -1;
	return watch_queue_take(&local->queue, path, path_size, token, token_size);
}

static bool local_domain_exists(struct xenport *xp, uint16_t domid)
{
	return domid == 0 || server_grants(to_local(xp)->server, domid);
}

/* ---- grants ------------------------------------------------------------ */

static void *map_locked(struct local_port *local, void *at, uint16_t domid,
			const uint32_t *refs, size_t count, bool writable,
			const struct mapping_end *end)
{
	const struct grants *grants = server_grants(local->server, domid);
	unsigned int pieces;
	void *addr;
	int saved;

	if (!grants) {
		if (at)
			xenport_unreserve(at, count);
		errno = ESRCH;
		return NULL;
	}
	addr = grants_map(grants, at, refs, count, writable, &pieces);
	if (addr && mappings_add(&local->mappings, addr, count, pieces, end) < 0) {
		saved = errno;
		munmap(addr, count * LOCAL_PAGE);
		errno = saved;
		return NULL;
	}
	return addr;
}

static void *map(struct local_port *local, void *at, uint16_t domid, const uint32_t *refs,
		 size_t count, bool writable, const struct mapping_end *end)
{
	void *addr;

	pthread_mutex_lock(&local->lock);
	addr = map_locked(local, at, domid, refs, count, writable, end);
	pthread_mutex_unlock(&local->lock);
	return addr;
}

static void *local_map(struct xenport *xp, uint16_t domid, const uint32_t *refs,
		       size_t count, bool writable)
{
	const struct mapping_end quiet = { 0 };

	return map(to_local(xp), NULL, domid, refs, count, writable, &quiet);
}

static int local_map_at(struct xenport *xp, void *addr, uint16_t domid,
			const uint32_t *refs, size_t count, bool writable)
{
	const struct mapping_end quiet = { 0 };

	return map(to_local(xp), addr, domid, refs, count, writable, &quiet) ? 0 : -1;
}

static void *local_map_notify(struct xenport *xp, uint16_t domid, uint32_t ref,
			      size_t clear_offset, uint32_t event_port)
{
	const struct mapping_end end = { clear_offset, event_port };

	if (clear_offset >= LOCAL_PAGE || !event_port) {
		errno = EINVAL;
		return NULL;
	}
	return map(to_local(xp), NULL, domid, &ref, 1, true, &end);
}

static int local_unmap(struct xenport *xp, void *addr, size_t count)
{
	struct local_port *local = to_local(xp);
	int rc;

	pthread_mutex_lock(&local->lock);
	rc = mappings_remove(&local->mappings, addr, count);
	pthread_mutex_unlock(&local->lock);
	return rc;
}

/* Whether the guest is there is of no matter without parts. */
static int local_copy(struct xenport *xp, uint16_t domid,
		      const struct xenport_copy *parts, size_t count, bool to_guest)
{
	struct local_port *local = to_local(xp);
	const struct grants *grants;
	int rc = 0;

	pthread_mutex_lock(&local->lock);
	grants = server_grants(local->server, domid);
	if (grants) {
		rc = grants_copy(grants, parts, count, to_guest);
	} else if (count) {
		errno = ESRCH;
		rc = -1;
	}
	pthread_mutex_unlock(&local->lock);
	return rc;
}

/* ---- event channels ---------------------------------------------------- */

static int local_bind(struct xenport *xp, uint16_t domid, uint32_t remote_port,
		      uint32_t *local_port)
{
	struct events_port *events = to_events(xp);

	return channels_bind(events->channels, &events->set, domid, remote_port,
			     local_port);
}

static int local_unbind(struct xenport *xp, uint32_t local_port)
{
	struct events_port *events = to_events(xp);

	return channels_unbind(events->channels, &events->set, local_port);
}

static int local_notify(struct xenport *xp, uint32_t local_port)
{
	struct events_port *events = to_events(xp);

	return channels_notify(events->channels, &events->set, local_port);
}

static int local_event_fd(struct xenport *xp)
{
	return to_events(xp)->set.epoll_fd;
}

static int local_next_event(struct xenport *xp, uint32_t *local_port)
{
	struct events_port *events = to_events(xp);

	return channels_next(events->channels, &events->set, local_port);
}

static int local_unmask(struct xenport *xp, uint32_t local_port)
{
	struct events_port *events = to_events(xp);

	return channels_unmask(events->channels, &events->set, local_port);
}

/* ---- further ports for events ------------------------------------------ */

static void events_close(struct xenport *xp)
{
	struct events_port *events = to_events(xp);

	channel_set_close(events->channels, &events->set);
	free(events);
}

static struct xenport *local_open_events(struct xenport *xp);

static const struct xenport_ops events_ops = {
	.close = events_close,
	.open_events = local_open_events,
	.bind = local_bind,
	.unbind = local_unbind,
	.notify = local_notify,
	.event_fd = local_event_fd,
	.next_event = local_next_event,
	.unmask = local_unmask,
};

static struct xenport *local_open_events(struct xenport *xp)
{
	struct events_port *events = calloc(1, sizeof(*events));

	if (!events)
		return NULL;
	events->base.ops = &events_ops;
	events->channels = to_events(xp)->channels;
	if (channel_set_open(&events->set) == 0)
		return &events->base;
	free(events);
	return NULL;
}

/* ---- opening ----------------------------------------------------------- */

/* Also of what was opened in part. */
static void local_close(struct xenport *xp)
{
	struct local_port *local = to_local(xp);

	/* Mappings first: their ends send events. */
	mappings_clear(&local->mappings);
	if (local->server)
		server_close(local->server);
	if (local->events.channels) {
		channel_set_close(local->events.channels, &local->events.set);
		channels_free(local->events.channels);
	}
	if (local->store)
		memstore_free(local->store);
	watch_queue_close(&local->queue);
	close(local->store_fd);
	pthread_mutex_destroy(&local->lock);
	free(local);
}

static const struct xenport_ops local_ops = {
	.close = local_close,
	.open_events = local_open_events,
	.read = local_read,
	.write = local_write,
	.mkdir = local_mkdir,
	.rm = local_rm,
	.list = local_list,
	.tx_begin = local_tx_begin,
	.tx_end = local_tx_end,
	.watch = local_watch,
	.unwatch = local_unwatch,
	.store_fd = local_store_fd,
	.next_watch = local_next_watch,
	.map = local_map,
	.map_at = local_map_at,
	.map_notify = local_map_notify,
	.unmap = local_unmap,
	.copy = local_copy,
	.bind = local_bind,
	.unbind = local_unbind,
	.notify = local_notify,
	.event_fd = local_event_fd,
	.next_event = local_next_event,
	.unmask = local_unmask,
	.domain_exists = local_domain_exists,
};

static int wait_for(struct local_port *local, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(local->store_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_parts(struct local_port *local, const char *path)
{
	local->store_fd = epoll_create1(EPOLL_CLOEXEC);
	local->store = memstore_new();
	local->events.channels = channels_new();
	local->mappings.channels = local->events.channels;
	if (local->store_fd < 0 || !local->store || !local->events.channels ||
	    channel_set_open(&local->events.set) < 0 ||
	    watch_queue_open(&local->queue) < 0 || wait_for(local, local->queue.fd) < 0 ||
	    memstore_write(local->store, XENPORT_NO_TRANSACTION, "domid", "0") < 0)
		return -1;
	/* The last, for from then on guests connect. */
	local->server = server_open(path, local->store, local->events.channels);
	return local->server ? wait_for(local, server_fd(local->server)) : -1;
}

struct xenport *xenport_open_local(const char *path)
{
	struct local_port *local = calloc(1, sizeof(*local));
	int saved;

	if (!local)
		return NULL;
	local->events.base.ops = &local_ops;
	pthread_mutex_init(&local->lock, NULL);
	local->events.set.epoll_fd = -1;
	local->queue.fd = -1;
	if (open_parts(local, path) == 0)
		return &local->events.base;
	saved = errno;
	local_close(&local->events.base);
	errno = saved;
	return NULL;
}
