/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest and the server of the local Xen port say to each other, over a
 * SOCK_SEQPACKET socket, one message a packet. The server begins with
 * LOCAL_HELLO; then the guest sends requests, each of which gets one LOCAL_REPLY,
 * and the server sends LOCAL_CHANGED whenever a watch fires. Both ends are on one
 * machine: numbers are in its byte order.
 */
#ifndef XEN_IB_COMMON_LOCAL_WIRE_H
#define XEN_IB_COMMON_LOCAL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Both ends are built from one tree; a guest leaves a server of another number. */
#define LOCAL_VERSION  "1"

#define LOCAL_PAGE     4096u
/* Bytes of a message's text; what one write of nodes may have in all. */
#define LOCAL_TEXT_MAX 16384u
/* Nodes that one write changes. */
#define LOCAL_BATCH    64u
/* Descriptors that come with one message. */
#define LOCAL_FDS_MAX  2u

enum local_type {
	LOCAL_HELLO = 1, /* number: the guest's domain id; text: LOCAL_VERSION */
	LOCAL_REPLY,     /* error: 0 or an errno; the rest is the request's own */
	LOCAL_CHANGED,   /* text: the path */

	LOCAL_READ,  /* text: the path. Replies with the value */
	LOCAL_WRITE, /* text: strings in pairs, a path and "=value", or "-" to remove */
	LOCAL_WATCH, /* text: the path */
	LOCAL_ALLOC, /* number: of pages. Replies with a memfd and its first reference */
	LOCAL_FREE,  /* number: a first reference */
	LOCAL_CHANNEL_OPEN,  /* replies with the port and two eventfds: wait, send */
	LOCAL_CHANNEL_CLOSE, /* number: the port */
};

struct local_message {
	uint32_t type; /* enum local_type */
	uint32_t error;
	uint32_t number;
	char text[LOCAL_TEXT_MAX]; /* strings, each with its NUL */
};

/* A message with its text's length, and descriptors that go or came with it. */
struct local_packet {
	struct local_message message;
	size_t text_len;
	int fds[LOCAL_FDS_MAX];
	size_t num_fds;
};

/*
 * Send @packet; its descriptors stay the caller's. @flags as for sendmsg(2). 0, or
 * -1 and errno: EAGAIN with MSG_DONTWAIT if the other end does not read,
 * ECONNRESET if it is gone.
 */
int wire_send(int socket, const struct local_packet *packet, int flags);

/*
 * Receive one; its descriptors are the caller's from then on, or unless @take_fds
 * closed unseen. 0, or -1 and errno: EAGAIN with MSG_DONTWAIT if there is none,
 * ECONNRESET at the end, EBADMSG for what is no message.
 */
int wire_receive(int socket, struct local_packet *packet, bool take_fds, int flags);

/* The string at *@offset of the text, which is moved behind it. NULL: no more. */
const char *wire_string(const struct local_packet *packet, size_t *offset);

/* Append @prefix and @string as one string. -1 and E2BIG if there is no room. */
int wire_append(struct local_packet *packet, const char *prefix, const char *string);

#endif
