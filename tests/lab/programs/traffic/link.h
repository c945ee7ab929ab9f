/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One RC connection and all that belongs to it. */
#ifndef TRAFFIC_LINK_H
#define TRAFFIC_LINK_H

#include "device.h"

/* What the halves tell each other by TCP. */
struct address {
	uint32_t lid;
	uint32_t qpn;
	uint32_t psn;
	uint32_t rkey;
	uint64_t addr; /* of the server's slots; the counter follows them */
};

struct link {
	struct device *device;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	struct ibv_qp *qp;
	uint8_t *memory;
	size_t bytes;
	unsigned int outstanding; /* requests that have not completed */
	bool flushed;             /* before anybody here asked for it */
	struct address local;
	struct address remote;
};

/* All objects, over `bytes` of fresh memory. Says what failed and returns false. */
bool link_create(struct link *link, struct device *device, struct tally *tally,
		 size_t bytes, unsigned int sends, unsigned int receives);
/* To RTS with the remote address. */
bool link_connect(struct link *link, struct tally *tally);
void link_destroy(struct link *link);
void link_print(const struct link *link);

bool link_send(struct link *link, struct ibv_send_wr *wr, struct tally *tally);
bool link_receive(struct link *link, uint64_t id, void *to, uint32_t size,
		  struct tally *tally);
/* Sleeps until something completes, a descriptor is readable or an event comes. */
void link_sleep(struct link *link, const int *fds, unsigned int number);
/* A request has completed. */
void link_completion(struct link *link, enum ibv_wc_status status, struct tally *tally);
/* Flushes what is outstanding and counts how it completes. */
void link_drain(struct link *link, struct tally *tally);

#endif
