/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCP connection, over which the halves meet and learn of each other's end. */
#ifndef TRAFFIC_EXCHANGE_H
#define TRAFFIC_EXCHANGE_H

#include "link.h"
#include "options.h"

/* One line: what the client wants, or what the server answers. */
struct hello {
	uint32_t size;
	uint32_t depth;
	uint64_t seed;
	struct address address;
};

/* Descriptors, or -1 with errno. */
int exchange_listen(const char *port);
int exchange_accept(int listener);
int exchange_connect(const char *host, const char *port);

bool exchange_tell(int fd, const struct hello *hello);
/* 1: read; 0: nothing yet; -1: the peer is gone or talks nonsense. */
int exchange_hear(int fd, struct hello *hello);

bool exchange_say_end(int fd);

enum peer { PEER_THERE, PEER_ENDED, PEER_GONE };

enum peer exchange_peer(int fd);

#endif
