// SPDX-License-Identifier: GPL-2.0-or-later
/* The server lends its memory and verifies what is sent to it. */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "pattern.h"
#include "streams.h"

#define BATCH      16
#define RECEIVES   16
#define LOOK_EVERY 256

struct server {
	struct run *run;
	struct link *link;
	struct hello client;
	size_t stride;
	uint64_t messages;
};

static uint8_t *buffer(const struct server *server, uint64_t index)
{
	/* behind the slots and the counter, which has a stride for itself */
	return server->link->memory + (server->client.depth + 1 + index) * server->stride;
}

static bool receive(struct server *server, uint64_t index)
{
	return link_receive(server->link, index, buffer(server, index),
			    server->client.size, &server->run->tally);
}

static void verify(struct server *server, const struct ibv_wc *wc)
{
	const uint32_t size = server->client.size;
	const uint64_t base =
		pattern_base(server->client.seed, STREAM_MESSAGES, server->messages++);
	const uint32_t missing = wc->byte_len < size ? size - wc->byte_len : 0;

	tally_verified(&server->run->tally, size,
		       missing ? missing
			       : pattern_compare(buffer(server, wc->wr_id), size, base));
}

static bool completed(struct server *server, const struct ibv_wc *wc)
{
	link_completion(server->link, wc->status, &server->run->tally);
	if (wc->status) {
		tally_error(&server->run->tally, "a receive failed: %s",
			    ibv_wc_status_str(wc->status));
		return false;
	}
	verify(server, wc);
	return receive(server, wc->wr_id);
}

static int poll_batch(struct server *server)
{
	struct ibv_wc wc[BATCH];
	const int got = ibv_poll_cq(server->link->cq, BATCH, wc);
	bool good = got >= 0;
	int i = 0;

	for (; good && i < got; i++)
		good = completed(server, &wc[i]);
	for (; i < got; i++)
		link_completion(server->link, wc[i].status, &server->run->tally);
	return good ? got : -1;
}

/* The client came back, and its old connection did not say so. */
static bool replaced(const struct run *run)
{
	struct pollfd set = { .fd = run->listener, .events = POLLIN };

	return run->options.reconnect && poll(&set, 1, 0) == 1;
}

static enum peer look(struct run *run)
{
	const enum peer peer = exchange_peer(run->tcp);

	tally_tick(&run->tally);
	if (peer == PEER_ENDED)
		return peer;
	if (run_stopped())
		return PEER_ENDED;
	if (run_broken(run))
		return PEER_GONE;
	if (peer == PEER_GONE || replaced(run)) {
		tally_error(&run->tally, "the client is gone");
		return PEER_GONE;
	}
	return PEER_THERE;
}

static bool serve(struct server *server)
{
	struct run *run = server->run;
	const int fds[] = { run->tcp, run->listener };
	enum peer peer = PEER_THERE;
	unsigned int turns = 0;
	int got;

	while (peer == PEER_THERE) {
		got = poll_batch(server);
		if (!got && run->options.events) {
			if (ibv_req_notify_cq(server->link->cq, 0)) {
				tally_error(&run->tally, "arm CQ: %s", strerror(errno));
				return false;
			}
			got = poll_batch(server);
			if (!got)
				run_idle(run, fds, run->options.reconnect ? 2 : 1);
			turns = LOOK_EVERY;
		}
		if (got < 0)
			return false;
		if (++turns < LOOK_EVERY)
			continue;
		turns = 0;
		peer = look(run);
	}
	return peer == PEER_ENDED;
}

/* Waits for a client; without a device that would be a client in vain. */
static bool meet(struct server *server)
{
	struct run *run = server->run;

	while ((run->tcp = exchange_accept(run->listener)) < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
			tally_error(&run->tally, "accept: %s", strerror(errno));
			return false;
		}
		if (run_over(run))
			return false;
		run_pause(run, run->listener);
	}
	return run_hear(run, &server->client);
}

static bool establish(struct server *server)
{
	struct run *run = server->run;
	struct link *link = server->link;
	struct hello answer;

	if (server->client.size < 1 || server->client.size > OPTIONS_MAX_SIZE ||
	    server->client.depth < 1 || server->client.depth > OPTIONS_MAX_DEPTH) {
		tally_error(&run->tally, "the client wants what there is not");
		return false;
	}
	server->stride = run_stride(server->client.size);
	if (!link_create(link, &run->device, &run->tally,
			 (server->client.depth + 1 + RECEIVES) * server->stride, 1,
			 RECEIVES))
		return false;
	link->remote = server->client.address;
	for (unsigned int i = 0; i < RECEIVES; i++)
		if (!receive(server, i))
			return false;
	if (!link_connect(link, &run->tally))
		return false;
	answer = server->client;
	answer.address = link->local;
	if (!exchange_tell(run->tcp, &answer)) {
		tally_error(&run->tally, "answer the client: %s", strerror(errno));
		return false;
	}
	return true;
}

enum outcome server_connection(struct run *run)
{
	struct server server = { .run = run, .link = &run->link };

	if (!meet(&server) || !establish(&server))
		return RUN_BROKEN;
	link_print(&run->link);
	tally_connected(&run->tally);
	return serve(&server) ? RUN_ENDED : RUN_BROKEN;
}
