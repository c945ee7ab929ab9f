// SPDX-License-Identifier: GPL-2.0-or-later
#include "exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE       256
#define END        "end\n"
/* A host that is gone says nothing: it is asked for a sign of life. */
#define SILENCE_S  5
#define ASK_S      5
#define ASK        4
#define CONNECT_MS 5000

static void watch_peer(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, SILENCE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, ASK_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, ASK },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(int)))
			perror("traffic: setsockopt");
}

int exchange_listen(const char *port)
{
	const int on = 1, off = 0;
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	any.sin6_port = htons(strtoul(port, NULL, 0));
	if (!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) &&
	    !bind(fd, (struct sockaddr *)&any, sizeof(any)) && !listen(fd, 8))
		return fd;
	close(fd);
	return -1;
}

int exchange_accept(int listener)
{
	/* cppcheck-suppress nullPointer */
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		watch_peer(fd);
	return fd;
}

static bool finish_connecting(int fd)
{
	struct pollfd set = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int error = ETIMEDOUT;

	if (errno != EINPROGRESS)
		return false;
	if (poll(&set, 1, CONNECT_MS) == 1 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
		return false;
	errno = error;
	return !error;
}

int exchange_connect(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	int fd = -1;

	if (getaddrinfo(host, port, &hints, &list)) {
		errno = EHOSTUNREACH;
		return -1;
	}
	for (struct addrinfo *one = list; one && fd < 0; one = one->ai_next) {
		fd = socket(one->ai_family,
			    one->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			    one->ai_protocol);
		if (fd < 0)
			continue;
		if (connect(fd, one->ai_addr, one->ai_addrlen) &&
		    !finish_connecting(fd)) {
			const int why = errno;

			close(fd);
			errno = why;
			fd = -1;
		}
	}
	freeaddrinfo(list);
	if (fd >= 0)
		watch_peer(fd);
	return fd;
}

bool exchange_tell(int fd, const struct hello *hello)
{
	const struct address *a = &hello->address;
	char line[LINE];
	const int size =
		snprintf(line, sizeof(line),
			 "%" PRIu32 " %" PRIu32 " %" PRIx64 " %x %x %x %x %" PRIx64 "\n",
			 hello->size, hello->depth, hello->seed, a->lid, a->qpn, a->psn,
			 a->rkey, a->addr);

	return send(fd, line, size, MSG_NOSIGNAL) == size;
}

int exchange_hear(int fd, struct hello *hello)
{
	struct address *a = &hello->address;
	char line[LINE + 1];
	ssize_t got = recv(fd, line, LINE, MSG_PEEK);
	char *end;

	if (got <= 0)
		return got < 0 && errno == EAGAIN ? 0 : -1;
	line[got] = 0;
	end = strchr(line, '\n');
	if (!end)
		return got < LINE ? 0 : -1;
	if (recv(fd, line, end - line + 1, 0) != end - line + 1)
		return -1;
	return sscanf(line,
		      "%" SCNu32 " %" SCNu32 " %" SCNx64 " %x %x %x %x %" SCNx64 "\n",
		      &hello->size, &hello->depth, &hello->seed, &a->lid, &a->qpn,
		      &a->psn, &a->rkey, &a->addr) == 8
		       ? 1
		       : -1;
}

bool exchange_say_end(int fd)
{
	return send(fd, END, strlen(END), MSG_NOSIGNAL) == (ssize_t)strlen(END);
}

enum peer exchange_peer(int fd)
{
	char said[sizeof(END)];
	const ssize_t got = recv(fd, said, strlen(END), MSG_PEEK);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? PEER_THERE : PEER_GONE;
	if (!got)
		return PEER_GONE;
	return got == (ssize_t)strlen(END) && !memcmp(said, END, got) ? PEER_ENDED
								      : PEER_THERE;
}
