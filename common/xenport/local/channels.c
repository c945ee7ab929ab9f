// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two kinds of locks. The table's guards which channels there are and which port
 * each is bound to. A slot's guards the one port, for notifying and for the
 * thread that takes its events, which so meet only who is at the same port. Who
 * takes both takes the table's first.
 */
#include "xenport/local/channels.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

/* Of one guest. */
#define CHANNELS_PER_GUEST 256u
/* The largest event channel that the node may name, Xen's own limit. */
#define NUMBER_MAX         131071u
/* Local ports, from 1. */
#define PORTS              4096u

struct channel {
	LIST_ENTRY(channel) entry; /* of the guests', until closed */
	uint16_t domid;
	uint32_t number;
	int to_guest;
	int to_here;
	uint32_t port; /* 0: not bound */
};

struct slot {
	pthread_mutex_t lock;
	struct channel *channel; /* NULL: a free port */
	struct channel_set *set;
	bool closed; /* by the guest */
};

struct channels {
	pthread_mutex_t lock;
	LIST_HEAD(, channel) guests;
	uint32_t last_number, last_port;
	struct slot slots[PORTS]; /* of port i + 1 */
};

struct channels *channels_new(void)
{
	struct channels *channels = calloc(1, sizeof(*channels));

	if (!channels)
		return NULL;
	pthread_mutex_init(&channels->lock, NULL);
	for (size_t i = 0; i < PORTS; i++)
		pthread_mutex_init(&channels->slots[i].lock, NULL);
	return channels;
}

static void channel_free(struct channel *channel)
{
	close(channel->to_guest);
	close(channel->to_here);
	free(channel);
}

void channels_free(struct channels *channels)
{
	struct channel *channel;

	while ((channel = LIST_FIRST(&channels->guests))) {
		LIST_REMOVE(channel, entry);
		channel_free(channel);
	}
	for (size_t i = 0; i < PORTS; i++)
		pthread_mutex_destroy(&channels->slots[i].lock);
	pthread_mutex_destroy(&channels->lock);
	free(channels);
}

/* ---- the guests' ends -------------------------------------------------- */

static struct channel *find(struct channels *channels, uint16_t domid, uint32_t number)
{
	struct channel *channel;

	LIST_FOREACH(channel, &channels->guests, entry)
	if (channel->domid == domid && channel->number == number)
		return channel;
	return NULL;
}

static unsigned int count_of(struct channels *channels, uint16_t domid)
{
	struct channel *channel;
	unsigned int n = 0;

	LIST_FOREACH(channel, &channels->guests, entry)
	n += channel->domid == domid;
	return n;
}

int channels_open(struct channels *channels, uint16_t domid, struct channel_end *end)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	int saved;

	if (!channel)
		return -1;
	channel->domid = domid;
	channel->to_guest = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	channel->to_here = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (channel->to_guest < 0 || channel->to_here < 0)
		goto fail;

	pthread_mutex_lock(&channels->lock);
	if (count_of(channels, domid) >= CHANNELS_PER_GUEST) {
		pthread_mutex_unlock(&channels->lock);
		errno = ENOSPC;
		goto fail;
	}
	do
		channels->last_number = channels->last_number % NUMBER_MAX + 1;
	while (find(channels, domid, channels->last_number));
	channel->number = channels->last_number;
	LIST_INSERT_HEAD(&channels->guests, channel, entry);
	pthread_mutex_unlock(&channels->lock);
	*end = (struct channel_end){ channel->number, channel->to_guest,
				     channel->to_here };
	return 0;

fail:
	saved = errno;
	channel_free(channel);
	errno = saved;
	return -1;
}

/* Called with the table locked. */
static void close_channel(struct channels *channels, struct channel *channel)
{
	struct slot *slot;

	LIST_REMOVE(channel, entry);
	if (!channel->port) {
		channel_free(channel);
		return;
	}
	/* Unbinding will free it. */
	slot = &channels->slots[channel->port - 1];
	pthread_mutex_lock(&slot->lock);
	slot->closed = true;
	epoll_ctl(slot->set->epoll_fd, EPOLL_CTL_DEL, channel->to_here, NULL);
	pthread_mutex_unlock(&slot->lock);
}

int channels_close(struct channels *channels, uint16_t domid, uint32_t number)
{
	struct channel *channel;

	pthread_mutex_lock(&channels->lock);
	channel = find(channels, domid, number);
	if (channel)
		close_channel(channels, channel);
	pthread_mutex_unlock(&channels->lock);
	if (channel)
		return 0;
	errno = EINVAL;
	return -1;
}

void channels_close_all(struct channels *channels, uint16_t domid)
{
	struct channel *channel, *next;

	pthread_mutex_lock(&channels->lock);
	for (channel = LIST_FIRST(&channels->guests); channel; channel = next) {
		next = LIST_NEXT(channel, entry);
		if (channel->domid == domid)
			close_channel(channels, channel);
	}
	pthread_mutex_unlock(&channels->lock);
}

/* ---- binding ----------------------------------------------------------- */

int channel_set_open(struct channel_set *set)
{
	set->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return set->epoll_fd < 0 ? -1 : 0;
}

void channel_set_close(struct channels *channels, struct channel_set *set)
{
	for (uint32_t port = 1; port <= PORTS; port++)
		(void)channels_unbind(channels, set, port);
	close(set->epoll_fd);
}

/* A free port, or 0. Called with the table locked, which alone fills slots. */
static uint32_t free_port(struct channels *channels)
{
	for (uint32_t i = 0; i < PORTS; i++) {
		channels->last_port = channels->last_port % PORTS + 1;
		if (!channels->slots[channels->last_port - 1].channel)
			return channels->last_port;
	}
	return 0;
}

static int bind_locked(struct channels *channels, struct channel_set *set,
		       struct channel *channel)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };
	uint32_t port = free_port(channels);
	struct slot *slot;
	int rc;

	if (!port) {
		errno = ENOSPC;
		return -1;
	}
	slot = &channels->slots[port - 1];
	event.data.u32 = port;
	pthread_mutex_lock(&slot->lock);
	rc = epoll_ctl(set->epoll_fd, EPOLL_CTL_ADD, channel->to_here, &event);
	if (rc == 0) {
		slot->channel = channel;
		slot->set = set;
		slot->closed = false;
		channel->port = port;
	}
	pthread_mutex_unlock(&slot->lock);
	return rc;
}

int channels_bind(struct channels *channels, struct channel_set *set, uint16_t domid,
		  uint32_t number, uint32_t *local_port)
{
	struct channel *channel;
	int rc = -1;

	pthread_mutex_lock(&channels->lock);
	channel = find(channels, domid, number);
	if (!channel || channel->port) {
		errno = EINVAL;
	} else {
		rc = bind_locked(channels, set, channel);
		*local_port = channel->port;
	}
	pthread_mutex_unlock(&channels->lock);
	return rc;
}

/* The slot of @local_port, locked, if that is bound in @set, or in any if NULL. */
static struct slot *lock_slot(struct channels *channels, const struct channel_set *set,
			      uint32_t local_port)
{
	struct slot *slot;

	if (local_port && local_port <= PORTS) {
		slot = &channels->slots[local_port - 1];
		pthread_mutex_lock(&slot->lock);
		if (slot->channel && (!set || slot->set == set))
			return slot;
		pthread_mutex_unlock(&slot->lock);
	}
	errno = EINVAL;
	return NULL;
}

int channels_unbind(struct channels *channels, struct channel_set *set,
		    uint32_t local_port)
{
	struct channel *channel;
	struct slot *slot;

	pthread_mutex_lock(&channels->lock);
	slot = lock_slot(channels, set, local_port);
	if (slot) {
		channel = slot->channel;
		slot->channel = NULL;
		channel->port = 0;
		if (slot->closed)
			channel_free(channel);
		else
			epoll_ctl(set->epoll_fd, EPOLL_CTL_DEL, channel->to_here, NULL);
		pthread_mutex_unlock(&slot->lock);
	}
	pthread_mutex_unlock(&channels->lock);
	return slot ? 0 : -1;
}

/* ---- events ------------------------------------------------------------ */

int channels_notify(struct channels *channels, const struct channel_set *set,
		    uint32_t local_port)
{
	struct slot *slot = lock_slot(channels, set, local_port);
	int rc = -1;

	if (!slot)
		return -1;
	if (slot->closed)
		errno = ENOTCONN;
	/* A counter that is full says that there was an event, too. */
	else if (eventfd_write(slot->channel->to_guest, 1) == 0 || errno == EAGAIN)
		rc = 0;
	pthread_mutex_unlock(&slot->lock);
	return rc;
}

int channels_next(struct channels *channels, struct channel_set *set,
		  uint32_t *local_port)
{
	struct epoll_event event;
	struct slot *slot;
	eventfd_t count;
	int n;

	/* One after the other: what was unbound meanwhile is none. */
	while ((n = epoll_wait(set->epoll_fd, &event, 1, 0)) > 0) {
		slot = lock_slot(channels, set, event.data.u32);
		if (!slot)
			continue;
		/* What comes after this is another event, for after the unmask. */
		(void)eventfd_read(slot->channel->to_here, &count);
		pthread_mutex_unlock(&slot->lock);
		*local_port = event.data.u32;
		return 1;
	}
	return n < 0 && errno != EINTR ? -1 : 0;
}

int channels_unmask(struct channels *channels, struct channel_set *set,
		    uint32_t local_port)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT,
				     .data.u32 = local_port };
	struct slot *slot = lock_slot(channels, set, local_port);
	int rc = 0;

	if (!slot)
		return -1;
	if (!slot->closed)
		rc = epoll_ctl(set->epoll_fd, EPOLL_CTL_MOD, slot->channel->to_here,
			       &event);
	pthread_mutex_unlock(&slot->lock);
	return rc;
}
