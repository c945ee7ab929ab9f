// SPDX-License-Identifier: GPL-2.0-or-later
/* The client writes, reads back, compares; sends; counts. */
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pattern.h"
#include "streams.h"

#define BATCH        16
/* A message and an atomic for so many slots written and read. */
#define EXTRAS_EVERY 16
/* Looks at the clock and at events after so many completions or empty polls. */
#define LOOK_EVERY   64

enum kind { WRITE, READ, MESSAGE, ATOMIC };

struct client {
	struct run *run;
	struct link *link;
	size_t stride;
	uint64_t *rounds;      /* of each slot */
	unsigned int verified; /* slots */
	uint64_t messages;
	uint64_t counted; /* what the server's counter holds */
	bool message_busy;
	bool atomic_busy;
};

static uint8_t *source(const struct client *client, unsigned int slot)
{
	return client->link->memory + slot * client->stride;
}

static uint8_t *back(const struct client *client, unsigned int slot)
{
	return source(client, client->run->options.depth + slot);
}

static uint8_t *message(const struct client *client)
{
	return back(client, client->run->options.depth);
}

static uint64_t *fetched(const struct client *client)
{
	return (uint64_t *)(message(client) + client->stride);
}

static uint64_t base(const struct client *client, unsigned int slot)
{
	return pattern_base(client->run->options.seed, slot, client->rounds[slot]);
}

static uint64_t id(enum kind kind, unsigned int slot)
{
	return (uint64_t)kind << 32 | slot;
}

static bool post_slot(struct client *client, unsigned int slot)
{
	const uint32_t size = client->run->options.size;
	struct link *link = client->link;
	const uint64_t there = link->remote.addr + slot * client->stride;
	struct ibv_sge from = { .addr = (uintptr_t)source(client, slot), .length = size };
	struct ibv_sge to = { .addr = (uintptr_t)back(client, slot), .length = size };
	struct ibv_send_wr read = {
		.wr_id = id(READ, slot),
		.opcode = IBV_WR_RDMA_READ,
		.sg_list = &to,
		.num_sge = 1,
		.wr.rdma = { .remote_addr = there, .rkey = link->remote.rkey },
	};
	struct ibv_send_wr write = {
		.wr_id = id(WRITE, slot),
		.next = &read,
		.opcode = IBV_WR_RDMA_WRITE,
		.sg_list = &from,
		.num_sge = 1,
		.wr.rdma = { .remote_addr = there, .rkey = link->remote.rkey },
	};

	pattern_fill(source(client, slot), size, base(client, slot));
	return link_send(link, &write, &client->run->tally);
}

static bool post_message(struct client *client)
{
	const struct options *options = &client->run->options;
	struct ibv_sge from = {
		.addr = (uintptr_t)message(client),
		.length = options->size,
	};
	struct ibv_send_wr wr = {
		.wr_id = id(MESSAGE, 0),
		.opcode = IBV_WR_SEND,
		.sg_list = &from,
		.num_sge = 1,
	};

	pattern_fill(message(client), options->size,
		     pattern_base(options->seed, STREAM_MESSAGES, client->messages++));
	client->message_busy = true;
	return link_send(client->link, &wr, &client->run->tally);
}

/* Both kinds in turns, each adding one. */
static bool post_atomic(struct client *client)
{
	struct link *link = client->link;
	struct ibv_sge to = { .addr = (uintptr_t)fetched(client), .length = 8 };
	struct ibv_send_wr wr = {
		.wr_id = id(ATOMIC, 0),
		.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD,
		.sg_list = &to,
		.num_sge = 1,
		.wr.atomic = { .remote_addr = link->remote.addr +
					      client->run->options.depth * client->stride,
			       .rkey = link->remote.rkey,
			       .compare_add = 1 },
	};

	if (client->counted % 2) {
		wr.opcode = IBV_WR_ATOMIC_CMP_AND_SWP;
		wr.wr.atomic.compare_add = client->counted;
		wr.wr.atomic.swap = client->counted + 1;
	}
	client->atomic_busy = true;
	return link_send(link, &wr, &client->run->tally);
}

static void verify_atomic(struct client *client)
{
	tally_verified(&client->run->tally, 8,
		       *fetched(client) == client->counted ? 0 : 8);
	client->counted++;
	client->atomic_busy = false;
}

static bool verify_slot(struct client *client, unsigned int slot, bool go_on)
{
	const uint32_t size = client->run->options.size;

	tally_verified(&client->run->tally, size,
		       pattern_compare(back(client, slot), size, base(client, slot)));
	client->rounds[slot]++;
	if (!go_on)
		return true;
	if (++client->verified % EXTRAS_EVERY == 0) {
		if (!client->message_busy && !post_message(client))
			return false;
		if (!client->atomic_busy && !post_atomic(client))
			return false;
	}
	return post_slot(client, slot);
}

static bool completed(struct client *client, const struct ibv_wc *wc, bool go_on)
{
	link_completion(client->link, wc->status, &client->run->tally);
	if (wc->status) {
		tally_error(&client->run->tally, "a request failed: %s",
			    ibv_wc_status_str(wc->status));
		return false;
	}
	switch ((enum kind)(wc->wr_id >> 32)) {
	case READ:
		return verify_slot(client, (uint32_t)wc->wr_id, go_on);
	case MESSAGE:
		client->message_busy = false;
		return true;
	case ATOMIC:
		verify_atomic(client);
		return true;
	case WRITE:
		return true;
	}
	return true;
}

/* Every error of a batch is counted, whatever comes first. */
static int poll_batch(struct client *client, bool go_on)
{
	struct ibv_wc wc[BATCH];
	const int got = ibv_poll_cq(client->link->cq, BATCH, wc);
	bool good = got >= 0;
	int i = 0;

	for (; good && i < got; i++)
		good = completed(client, &wc[i], go_on);
	for (; i < got; i++)
		link_completion(client->link, wc[i].status, &client->run->tally);
	return good ? got : -1;
}

static bool begin(struct client *client)
{
	for (unsigned int slot = 0; slot < client->run->options.depth; slot++)
		if (!post_slot(client, slot))
			return false;
	return post_message(client) && post_atomic(client);
}

/* Until the time is over and nothing is outstanding, or something is wrong. */
static bool work(struct client *client)
{
	struct run *run = client->run;
	bool over = false;
	unsigned int turns = 0;
	int got;

	if (!begin(client))
		return false;
	while (!over || client->link->outstanding) {
		got = poll_batch(client, !over);
		if (got < 0)
			return false;
		if (!got && run->options.events && client->link->outstanding) {
			if (ibv_req_notify_cq(client->link->cq, 0)) {
				tally_error(&run->tally, "arm CQ: %s", strerror(errno));
				return false;
			}
			got = poll_batch(client, !over);
			if (got < 0)
				return false;
			if (!got)
				run_idle(run, NULL, 0);
			turns = LOOK_EVERY;
		}
		if (++turns < LOOK_EVERY)
			continue;
		turns = 0;
		tally_tick(&run->tally);
		over = over || run_over(run);
		if (run_broken(run))
			return false;
	}
	return true;
}

static bool establish(struct client *client)
{
	struct run *run = client->run;
	const struct options *options = &run->options;
	const size_t bytes = (2 * options->depth + 1) * client->stride + sizeof(uint64_t);
	struct hello hello = {
		.size = options->size,
		.depth = options->depth,
		.seed = options->seed,
	};

	/* A slot's WRITE and READ, a message, an atomic. */
	if (!link_create(client->link, &run->device, &run->tally, bytes,
			 2 * options->depth + 2, 0))
		return false;
	run->tcp = exchange_connect(options->host, options->port);
	if (run->tcp < 0) {
		tally_error(&run->tally, "connect to %s port %s: %s", options->host,
			    options->port, strerror(errno));
		return false;
	}
	hello.address = client->link->local;
	if (!exchange_tell(run->tcp, &hello)) {
		tally_error(&run->tally, "tell the server: %s", strerror(errno));
		return false;
	}
	if (!run_hear(run, &hello))
		return false;
	client->link->remote = hello.address;
	return link_connect(client->link, &run->tally);
}

enum outcome client_connection(struct run *run)
{
	struct client client = {
		.run = run,
		.link = &run->link,
		.stride = run_stride(run->options.size),
		.rounds = calloc(run->options.depth, sizeof(uint64_t)),
	};
	bool good = false;

	if (!client.rounds) {
		tally_error(&run->tally, "no memory");
	} else if (establish(&client)) {
		link_print(&run->link);
		tally_connected(&run->tally);
		good = work(&client);
		if (good && !exchange_say_end(run->tcp))
			tally_error(&run->tally, "the server did not wait for the end");
	}
	free(client.rounds);
	return good ? RUN_ENDED : RUN_BROKEN;
}
