// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <urcu/compiler.h>

#include "engine/poller.h"

/* Events taken at a time: those that are left have the descriptor readable on. */
#define TAKE_MOST 64

static struct wire_cqs *cqs_of(struct wire_channel *channel)
{
	return caa_container_of(channel, struct wire_cqs, base);
}

static enum wire_channel_news take(struct wire_channel *channel,
				   void (*heat)(void *arg, struct wire_qp *qp), void *arg)
{
	enum wire_channel_news news = WIRE_CHANNEL_QUIET;
	struct ibv_cq *cq;
	void *qp;

	for (unsigned int i = 0; i < TAKE_MOST; i++) {
		if (ibv_get_cq_event(cqs_of(channel)->channel, &cq, &qp) < 0)
			return errno == EAGAIN || errno == EINTR ? news
								 : WIRE_CHANNEL_LOST;
		heat(arg, qp);
		/* From here on the CQ may be destroyed. */
		ibv_ack_cq_events(cq, 1);
		news = WIRE_CHANNEL_TOLD;
	}
	return news;
}

static struct wire_cqs *new_channel(struct wire_port *port, struct poller *poller)
{
	struct wire_cqs *cqs = calloc(1, sizeof(*cqs));
	int flags;

	if (!cqs)
		return NULL;
	cqs->channel = ibv_create_comp_channel(port->context);
	if (!cqs->channel)
		goto fail;
	flags = fcntl(cqs->channel->fd, F_GETFL);
	if (flags < 0 || fcntl(cqs->channel->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		goto fail_channel;
	cqs->base.fd = cqs->channel->fd;
	cqs->base.take = take;
	cqs->poller = poller;
	LIST_INSERT_HEAD(&port->channels, cqs, entry);
	poller_call(poller, poller_add_channel, &cqs->base);
	return cqs;

fail_channel:
	(void)ibv_destroy_comp_channel(cqs->channel);
fail:
	free(cqs);
	return NULL;
}

struct wire_cqs *wire_cqs_of(struct wire_port *port, struct poller *poller)
{
	struct wire_cqs *cqs;

	LIST_FOREACH(cqs, &port->channels, entry)
	if (cqs->poller == poller)
		return cqs;
	return new_channel(port, poller);
}

void wire_cqs_end(struct wire_port *port)
{
	struct wire_cqs *cqs;

	while ((cqs = LIST_FIRST(&port->channels))) {
		LIST_REMOVE(cqs, entry);
		poller_call(cqs->poller, poller_remove_channel, &cqs->base);
		(void)ibv_destroy_comp_channel(cqs->channel);
		free(cqs);
	}
}
