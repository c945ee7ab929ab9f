// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/local/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_SIZE offsetof(struct local_message, text)

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(LOCAL_FDS_MAX * sizeof(int))];
};

int wire_send(int socket, const struct local_packet *packet, int flags)
{
	/* sendmsg() does not write to it. */
	struct iovec iov = { (void *)&packet->message, HEADER_SIZE + packet->text_len };
	union control control = { .bytes = { 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t fds_size = packet->num_fds * sizeof(int);

	if (packet->num_fds) {
		struct cmsghdr *cmsg = &control.align;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fds_size);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fds_size);
		memcpy(CMSG_DATA(cmsg), packet->fds, fds_size);
	}
	while (sendmsg(socket, &msg, flags | MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EPIPE)
			errno = ECONNRESET;
		return -1;
	}
	return 0;
}

static void note_fds(struct local_packet *packet, struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return;
	packet->num_fds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(packet->fds, CMSG_DATA(cmsg), packet->num_fds * sizeof(int));
}

int wire_receive(int socket, struct local_packet *packet, bool take_fds, int flags)
{
	struct iovec iov = { &packet->message, sizeof(packet->message) };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = take_fds ? control.bytes : NULL,
		.msg_controllen = take_fds ? sizeof(control.bytes) : 0,
	};
	ssize_t n;

	do
		n = recvmsg(socket, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if (n == 0) {
		errno = ECONNRESET;
		return -1;
	}
	packet->num_fds = 0;
	note_fds(packet, &msg);
	packet->text_len = (size_t)n - HEADER_SIZE;
	if ((size_t)n >= HEADER_SIZE && !(msg.msg_flags & MSG_TRUNC))
		return 0;
	while (packet->num_fds)
		close(packet->fds[--packet->num_fds]);
	errno = EBADMSG;
	return -1;
}

const char *wire_string(const struct local_packet *packet, size_t *offset)
{
	const char *string = packet->message.text + *offset;
	const char *end = memchr(string, '\0', packet->text_len - *offset);

	if (!end)
		return NULL;
	*offset = (size_t)(end + 1 - packet->message.text);
	return string;
}

int wire_append(struct local_packet *packet, const char *prefix, const char *string)
{
	size_t head = strlen(prefix), tail = strlen(string) + 1;

	if (head + tail > LOCAL_TEXT_MAX - packet->text_len) {
		errno = E2BIG;
		return -1;
	}
	memcpy(packet->message.text + packet->text_len, prefix, head);
	memcpy(packet->message.text + packet->text_len + head, string, tail);
	packet->text_len += head + tail;
	return 0;
}
