// SPDX-License-Identifier: GPL-2.0-or-later
/* Channels of HCAs: which tell of completions of QPs that are not polled. */
#include <sys/epoll.h>

#include "engine/poller_parts.h"
#include "engine/wire.h"

/* One that is no longer there has told this in vain. */
static void heat(void *arg, struct wire_qp *w)
{
	if (w->qp)
		poller_heat(arg, w->qp);
}

static void forget(struct poller *poller, struct wire_channel *channel)
{
	TAILQ_REMOVE(&poller->channels, channel, entry);
	channel->heeded = false;
	if (poller->epoll_fd >= 0)
		(void)epoll_ctl(poller->epoll_fd, EPOLL_CTL_DEL, channel->fd, NULL);
}

bool poller_take_channels(struct poller *poller)
{
	struct wire_channel *channel, *next;
	bool any = false;

	for (channel = TAILQ_FIRST(&poller->channels); channel; channel = next) {
		next = TAILQ_NEXT(channel, entry);
		switch (channel->take(channel, heat, poller)) {
		case WIRE_CHANNEL_QUIET:
			break;
		case WIRE_CHANNEL_TOLD:
			any = true;
			break;
		case WIRE_CHANNEL_LOST:
			forget(poller, channel);
			break;
		}
	}
	return any;
}

void poller_add_channel(struct poller *poller, void *arg)
{
	struct wire_channel *channel = arg;
	struct epoll_event event = { .events = EPOLLIN };

	TAILQ_INSERT_TAIL(&poller->channels, channel, entry);
	channel->heeded = true;
	if (poller->epoll_fd >= 0 &&
	    epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, channel->fd, &event) < 0)
		forget(poller, channel);
}

void poller_remove_channel(struct poller *poller, void *arg)
{
	struct wire_channel *channel = arg;

	if (channel->heeded)
		forget(poller, channel);
}
